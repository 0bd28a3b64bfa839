"""Sample data: a few people and two weeks of chats in English and Russian, with files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from actions import accounts, chats, members, reading
from actions import chats as chat_actions
from actions import messages as message_actions
from lib.storage import Upload
from models import Chat, Event, File, Membership, Message, User, iso, write
from models.base import DAY_MICROSECONDS, MINUTE_MICROSECONDS, media
from models.event import as_text
from seed.files import content
from seed.script import Line, Script

FOLDER = Path(__file__).resolve().parent

# username: (name, about, language)
PEOPLE = {
    "ann": ("", "Writes the release notes nobody reads, and reads them.", ""),
    "bob": ("", "Ships on Thursdays.", ""),
    "carol": ("Carol Reyes", "Backups, tomatoes, long books.", ""),
    "boris": ("Борис", "Хожу в горы, пишу тесты.", "ru"),
    "dina": ("Дина", "Делаю карты и пироги.", "ru"),
    "erik": ("Erik", "Design. Mostly removing things.", ""),
}
WITH_AVATAR = ("carol", "boris", "erik")


@dataclass
class SeedResult:
    """What was created."""

    messages: int
    chats: int
    usernames: list[str]


def fill(password: str) -> SeedResult:
    """Create all sample data, or nothing. Raises Invalid for a bad password."""
    scripts = [Script.read(path) for path in sorted(FOLDER.glob("*.txt"))]
    with write():
        people = {username: create_user(username, password) for username in PEOPLE}
        for user in people.values():
            backdate(User, user.id, created_at=days_ago(20))
        messages = Seeder(scripts, people).run()
    return SeedResult(messages, len(scripts), list(PEOPLE))


def create_user(username: str, password: str) -> User:
    """Create an account, for some with a picture."""
    name, about, language = PEOPLE[username]
    user = accounts.register(username, password, name=name, about=about)
    if language:
        accounts.change(user, language=language)
    if username in WITH_AVATAR:
        with uploads([f"avatar-{username}.jpg"]) as pictures:
            accounts.set_avatar(user, pictures[0])
    return user


class Seeder:
    """Posts the scripts of all chats together in chronological order, so that ids follow the clock."""

    def __init__(self, scripts: list[Script], people: dict[str, User]) -> None:
        self.scripts = scripts
        self.people = people
        self.memberships: dict[tuple[int, str], Membership] = {}
        self.messages: dict[tuple[int, str], Message] = {}
        self.now = time.time_ns() // 1000
        self.latest = max(line.minute for script in scripts for line in script.lines)

    def at(self, line: Line) -> int:
        """When a line was posted: the newest day's lines just now, the others on their day at their time."""
        # Add some seconds: people do not post on the full minute.
        odd = sum(line.text.encode()) * 7_919 % MINUTE_MICROSECONDS
        if line.minute >= 0:
            return self.now - (self.latest - line.minute + 6) * MINUTE_MICROSECONDS + odd
        return self.now - self.now % DAY_MICROSECONDS + line.minute * MINUTE_MICROSECONDS + odd

    def run(self) -> int:
        for number, script in enumerate(self.scripts):
            self.start_chat(number, script)
        lines = [(self.at(line), number, line) for number, s in enumerate(self.scripts) for line in s.lines]
        for at, number, line in sorted(lines, key=lambda entry: entry[0]):
            self.post(number, line, at)
        for number, script in enumerate(self.scripts):
            self.mark_read(number, script)
        return len(lines)

    def start_chat(self, number: int, script: Script) -> None:
        owner, *others = script.people
        if script.title:
            membership = chat_actions.start(self.people[owner], script.title, others)
        else:
            membership, _is_new = chats.direct(self.people[owner], self.people[others[0]])
        chat = membership.chat
        if script.about:
            chat_actions.describe(membership, description=script.about)
        started_at = self.at(script.lines[0]) - 5 * MINUTE_MICROSECONDS
        backdate(Chat, chat.id, created_at=started_at)
        for username in script.people:
            membership = Membership.of(self.people[username], chat.id)
            backdate(Membership, membership.id, joined_at=started_at)
            self.memberships[number, username] = membership
        for username in script.admins:
            members.set_role(self.memberships[number, owner], self.people[username].id, "admin")

    def post(self, number: int, line: Line, at: int) -> None:
        membership = self.memberships[number, line.author]
        reply_to = self.messages[number, line.reply_to].id if line.reply_to else None
        with uploads(line.files) as files:
            message = message_actions.post(membership, line.first or line.text, files, reply_to)
        times = {"created_at": at}
        if line.first:
            message_actions.edit(membership, message.id, line.text)
            times["edited_at"] = at + 3 * MINUTE_MICROSECONDS
        if line.deleted:
            message_actions.delete(membership, message.id)
            times["deleted_at"] = at + 2 * MINUTE_MICROSECONDS
        backdate(Message, message.id, **times)
        File.update(created_at=at).where(File.message == message.id).execute()
        backdate_events(message.id, at)
        self.messages[number, line.name] = message

    def mark_read(self, number: int, script: Script) -> None:
        """Mark everything as read, except the last messages that the script leaves unread."""
        for username in script.people:
            membership = self.memberships[number, username]
            others = Message.select(Message.id).where(
                Message.chat == membership.chat_id, Message.author != membership.user_id, Message.deleted_at.is_null()
            )
            left = script.unread.get(username, 0)
            last = others.order_by(Message.id.desc()).offset(left).limit(1).scalar()
            if last is not None:
                reading.read(membership, last)


def backdate(model: type[User | Chat | Membership | Message], row: int, **times: int) -> None:
    """Change when a row was created."""
    model.update(**times).where(model.id == row).execute()


def backdate_events(message_id: int, at: int) -> None:
    message = Message.get_by_id(message_id)
    for event in Event.select().where(Event.message_id == message_id):
        data = json.loads(event.data)
        if event.type != "message.deleted":
            data["created_at"] = iso(at)
            if event.type == "message.updated":
                data["edited_at"] = iso(message.edited_at)
        Event.update(created_at=at, data=as_text(data)).where(Event.id == event.id).execute()


@contextmanager
def uploads(names: list[str]) -> Iterator[list[Upload]]:
    """Yield sample files as uploads, and discard those that were not stored."""
    files = []
    for name in names:
        file = media.store.receive(name, "", 2**24)
        file.write(content(name))
        file.flush()
        files.append(file)
    try:
        yield files
    finally:
        for file in files:
            file.discard()


def days_ago(days: int) -> int:
    return time.time_ns() // 1000 - days * DAY_MICROSECONDS
