"""A believable history: a few people, two weeks of talk in English and Russian, with files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import fn

from models import Chat, Event, File, Membership, Message, User, direct, iso, write
from models.base import Media
from seed.files import content
from seed.script import Line, Script
from storage import Upload

FOLDER = Path(__file__).resolve().parent
MINUTE = 60_000_000
DAY = 1440 * MINUTE

# username: (name, about, language)
PEOPLE = {
    "ann": ("", "Writes the release notes nobody reads, and reads them.", ""),
    "bob": ("", "Ships on Thursdays.", ""),
    "carol": ("Carol Reyes", "Backups, tomatoes, long books.", ""),
    "boris": ("Борис", "Хожу в горы, пишу тесты.", "ru"),
    "dina": ("Дина", "Делаю карты и пироги.", "ru"),
    "erik": ("Erik", "Design. Mostly removing things.", ""),
}
PICTURED = ("carol", "boris", "erik")


@dataclass
class Planted:
    """What came to stand in the database."""

    messages: int
    chats: int
    usernames: list[str]


def plant(password: str) -> Planted:
    """Write the whole history, or nothing of it. Raises Invalid for a password that is not accepted."""
    scripts = [Script.read(path) for path in sorted(FOLDER.glob("*.txt"))]
    with write():
        people = {username: enter(username, password) for username in PEOPLE}
        for user in people.values():
            backdate(User, user.id, created_at=days_ago(20))
        messages = Telling(scripts, people).tell()
    return Planted(messages, len(scripts), list(PEOPLE))


def enter(username: str, password: str) -> User:
    """Open an account, some of them with a picture."""
    name, about, language = PEOPLE[username]
    user = User.register(username, password, name=name, about=about)
    if language:
        user.change(language=language)
    if username in PICTURED:
        with uploads([f"avatar-{username}.jpg"]) as pictures:
            user.set_avatar(pictures[0])
    return user


class Telling:
    """The scripts of all chats, told together in the order of time, so that ids follow the clock."""

    def __init__(self, scripts: list[Script], people: dict[str, User]) -> None:
        self.scripts = scripts
        self.people = people
        self.memberships: dict[tuple[int, str], Membership] = {}
        self.told: dict[tuple[int, str], Message] = {}
        self.now = time.time_ns() // 1000
        self.latest = max(line.minute for script in scripts for line in script.lines)

    def at(self, line: Line) -> int:
        """When a line was said: the newest day's ones just now, the others on their day at their time."""
        # A few odd seconds: people do not write on the full minute.
        odd = sum(line.text.encode()) * 7_919 % MINUTE
        if line.minute >= 0:
            return self.now - (self.latest - line.minute + 6) * MINUTE + odd
        return self.now - self.now % DAY + line.minute * MINUTE + odd

    def tell(self) -> int:
        for number, script in enumerate(self.scripts):
            self.open(number, script)
        lines = [(self.at(line), number, line) for number, s in enumerate(self.scripts) for line in s.lines]
        for at, number, line in sorted(lines, key=lambda entry: entry[0]):
            self.say(number, line, at)
        for number, script in enumerate(self.scripts):
            self.read(number, script)
        return len(lines)

    def open(self, number: int, script: Script) -> None:
        owner, *others = script.people
        if script.title:
            mine = Chat.start(self.people[owner], script.title, others)
        else:
            mine, _is_new = direct.between(self.people[owner], self.people[others[0]])
        chat = mine.chat
        if script.about:
            mine.describe(description=script.about)
        began = self.at(script.lines[0]) - 5 * MINUTE
        backdate(Chat, chat.id, created_at=began)
        for username in script.people:
            membership = Membership.of(self.people[username], chat.id)
            backdate(Membership, membership.id, joined_at=began)
            self.memberships[number, username] = membership
        for username in script.admins:
            self.memberships[number, owner].set_role(self.people[username].id, "admin")

    def say(self, number: int, line: Line, at: int) -> None:
        mine = self.memberships[number, line.author]
        reply_to = self.told[number, line.reply_to].id if line.reply_to else None
        with uploads(line.files) as files:
            message = mine.post(line.first or line.text, files, reply_to)
        times = {"created_at": at}
        if line.first:
            mine.edit(message.id, line.text)
            times["edited_at"] = at + 3 * MINUTE
        if line.deleted:
            mine.delete_message(message.id)
            times["deleted_at"] = at + 2 * MINUTE
        backdate(Message, message.id, **times)
        File.update(created_at=at).where(File.message == message.id).execute()
        backdate_events(message.id, at)
        self.told[number, line.name] = message

    def read(self, number: int, script: Script) -> None:
        """Everybody read everything, but for the last few that the script leaves to some."""
        for username in script.people:
            mine = self.memberships[number, username]
            others = Message.select(Message.id).where(
                Message.chat == mine.chat_id, Message.author != mine.user_id, Message.deleted_at.is_null()
            )
            left = script.unread.get(username, 0)
            last = others.order_by(Message.id.desc()).offset(left).limit(1).scalar()
            if last is not None:
                mine.read(last)


def backdate(model: type[User | Chat | Membership | Message], row: int, **times: int) -> None:
    """Say that it happened earlier."""
    model.update(**times).where(model.id == row).execute()


def backdate_events(message_id: int, at: int) -> None:
    message = Message.get_by_id(message_id)
    for event in Event.select().where(Event.message_id == message_id):
        data: Any = event.data
        if event.type != "message.deleted":
            data = fn.json_set(event.data, "$.created_at", iso(at))
            if event.type == "message.updated":
                data = fn.json_set(data, "$.edited_at", iso(message.edited_at))
        Event.update(created_at=at, data=data).where(Event.id == event.id).execute()


@contextmanager
def uploads(names: list[str]) -> Iterator[list[Upload]]:
    """Files as if somebody had sent them; what was not kept of them is gone afterwards."""
    files = []
    for name in names:
        file = Media.store.receive(name, "", 2**24)
        file.write(content(name))
        file.flush()
        files.append(file)
    try:
        yield files
    finally:
        for file in files:
            file.discard()


def days_ago(days: int) -> int:
    return time.time_ns() // 1000 - days * DAY
