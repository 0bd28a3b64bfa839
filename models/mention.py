"""Mentions: `@username` in a message means a person, whatever they are called later."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peewee import AutoField, ForeignKeyField, IntegerField, fn

import names
import text as texts
from models.base import Model, database
from models.chat import Chat
from models.event import Event
from models.message import GONE, MENTION, NOBODY, Message
from models.user import Claim, User

if TYPE_CHECKING:
    from models.membership import Membership

# Of more different names in one message, or names at more places, the rest are words: whoever is called otherwise
# has all of them written anew.
NAMES_MAX = PLACES_MAX = 100
# A username of 32 letters may be longer as it is written (NFKC).
SPELLED_MAX = 64
RUN_MAX = 2_000
# No text is so long.
ASIDE = 2**40
AT_ONCE = 500
# What begins or ends bold, italic and struck words.
SIGNS = "*_~"
# Before an “@” these make an address of it, or a part of one.
JOINING = frozenset(".+-/\\@=&#%")
PLACE = re.compile(r'<span class="mention-(\d+)"></span>')


class Mention(Model):
    """A person's name at one place in a message."""

    id = AutoField()
    message = ForeignKeyField(Message)
    chat = ForeignKeyField(Chat)
    user = ForeignKeyField(User)
    start = IntegerField()
    length = IntegerField()

    message_id: int
    user_id: int

    @classmethod
    def unread(cls, membership: Any) -> Any:
        """A query for how many unread messages of others mention a member; `membership` is one or the table."""
        mine = (cls.user == membership.user) & (cls.chat == membership.chat)
        later = (cls.message > membership.last_read_id) & (Message.author != membership.user)
        return cls.select(fn.COUNT(cls.message.distinct())).join(Message).where(mine, later)

    @classmethod
    def rename(cls, user_id: int, username: str | None) -> None:
        """Write another name wherever a person is mentioned, None when there is nobody any more. In a write() only.

        Text, HTML, index and log hold names, so that reading looks up none (docs/decisions/0012).
        """
        mine = cls.select(cls.message).where(cls.user == user_id).distinct()
        ids = [place.message_id for place in mine.order_by(cls.message)]
        for first in range(0, len(ids), AT_ONCE):
            cls._rename(ids[first : first + AT_ONCE], user_id, username)
        if username is None:
            cls.delete().where(cls.user == user_id).execute()

    @classmethod
    def _rename(cls, message_ids: list[int], user_id: int, username: str | None) -> None:
        places: dict[int, list[Mention]] = {}
        for place in cls.select().where(cls.message.in_(message_ids)).order_by(cls.message, cls.start):
            places.setdefault(place.message_id, []).append(place)
        for message in Message.loaded(Message.id.in_(message_ids), newest_first=False, limit=len(message_ids)):
            name = NOBODY if username is None else f"@{username}"
            message.text = moved(message.text, places[message.id], user_id, name)
            message.html = re.sub(MENTION % user_id, element(user_id, username), message.html)
            # As it stands: Peewee's making of SQL takes most of the time for a thousand of them.
            sql = "UPDATE message SET text = ?, html = ? WHERE id = ?"
            database.execute_sql(sql, (message.text, message.html, message.id))
            for start, length, place_id in moves(places[message.id]):
                sql = "UPDATE mention SET start = ?, length = ? WHERE id = ?"
                database.execute_sql(sql, (start, length, place_id))
            message.put_in_index()
            Event.retell(message.id, message.to_dict(), message.preview)

    @classmethod
    def renew(cls, message: Message) -> None:
        """Name people as they are called now, after it was out of the way for a while. Inside a write() only."""
        named = {person["id"]: person["username"] for person in message.mentions}
        for user in User.select().where(User.id.in_(list(named))):
            if user.username != named[user.id]:
                cls._rename([message.id], user.id, user.username or None)
            if user.deleted_at is not None:
                cls.delete().where(cls.message == message.id, cls.user == user.id).execute()

    @classmethod
    def marks(cls, message: Message) -> list[texts.Mark]:
        """Who is mentioned in a message, and where."""
        places = cls.select().where(cls.message == message.id).order_by(cls.start)
        return [(place.start, place.length, place.user_id) for place in places]

    @classmethod
    def put(cls, message: Message, marks: Sequence[texts.Mark]) -> None:
        """Write down who is mentioned in a message, in place of those from before. Inside a write() only."""
        cls.delete().where(cls.message == message.id).execute()
        rows = [
            {"message": message.id, "chat": message.chat_id, "user": user_id, "start": start, "length": length}
            for start, length, user_id in marks
        ]
        for first in range(0, len(rows), AT_ONCE):
            cls.insert_many(rows[first : first + AT_ONCE]).execute()


def moved(text: str, places: Sequence[Mention], user_id: int, name: str) -> str:
    """The text with another name at a person's places; every place is set to where it is then."""
    shift = 0
    for place in places:
        place.start += shift
        if place.user_id == user_id:
            text = text[: place.start] + name + text[place.start + place.length :]
            shift += len(name) - place.length
            place.length = len(name)
    return text


def moves(places: Sequence[Mention]) -> list[tuple[int, int, int]]:
    """Start, length and row of each place, by way of where none can be yet: two never stand at the same start."""
    aside = [(ASIDE + place.id, place.length, place.id) for place in places]
    return [*(aside if len(places) > 1 else []), *((place.start, place.length, place.id) for place in places)]


def element(user_id: int, username: str | None) -> str:
    """A mention in a message's HTML: this program's own, which no text can make up."""
    if username is None:
        return GONE
    return f'<a class="mention" href="{User.address(username)}" data-user="{user_id}">@{username}</a>'


# What somebody writes


@dataclass(frozen=True)
class Said:
    """A text with the people that it mentions, and its HTML under their names as they were when it was read."""

    text: str
    html: str
    marks: list[texts.Mark]
    people: dict[int, str]

    @classmethod
    def by(cls, mine: Membership, text: str, before: Message | None = None) -> Said:
        """Read a text for a chat. Those mentioned in the message as it was `before` may have left."""
        known, marks = recognized(mine, text, before) if "@" in text else ({}, [])
        marks = texts.heard(text, marks)
        people = {user_id: known[user_id] for _, _, user_id in marks}
        html = PLACE.sub(lambda place: element(int(place[1]), people[int(place[1])]), texts.render(text, marks))
        return cls(text, html, marks, people)

    def again(self, mine: Membership, before: Message | None = None) -> Said:
        """The same as names are now, under the write lock."""
        if not self.people:
            return self
        there = User.select(User.id, User.username).where(User.id.in_(list(self.people)), User.deleted_at.is_null())
        now = {user.id: user.username for user in there}
        return self if now == self.people else Said.by(mine, self.text, before)


def recognized(mine: Membership, text: str, before: Message | None) -> tuple[dict[int, str], list[texts.Mark]]:
    """The members who are named in a text, and where."""
    places = list(spelled(text))
    wanted = {spelling: None for _, spellings in places for spelling in spellings}
    people = called(mine, list(wanted)[:NAMES_MAX], [person["id"] for person in before.mentions] if before else [])
    marks: list[texts.Mark] = []
    for at, spellings in places:
        meant = next((spelling for spelling in spellings if spelling in people), None)
        if meant is not None and len(marks) < PLACES_MAX:
            marks.append((at, len(meant) + 1, people[meant].id))
    return {user.id: user.username for user in people.values()}, marks


def spelled(text: str) -> Iterator[tuple[int, list[str]]]:
    """Where an “@” begins a name, and what that may be: “@ann.” ends a sentence, or is somebody called “ann.”."""
    for at in (found.start() for found in re.finditer("@", text)):
        if not begins(text, at):
            continue
        end = at + 1
        while end < min(len(text), at + 1 + SPELLED_MAX) and is_in_name(text[end]):
            end += 1
        longest = text[at + 1 : end]
        shortest = longest.rstrip(names.MARKS)
        if shortest:
            yield at, [longest[:length] for length in range(len(longest), len(shortest) - 1, -1)]


def is_in_name(letter: str) -> bool:
    return letter in names.MARKS or unicodedata.category(letter)[0] in "LMN"


def begins(text: str, at: int) -> bool:
    """Whether the “@” there stands at the beginning of a word that is no address."""
    first = at
    while first and text[first - 1] in SIGNS:
        first -= 1
    if first and (text[first - 1] in JOINING or is_in_name(text[first - 1])):
        return False
    run = text[max(0, at - RUN_MAX) : at].rsplit(None, 1)
    address = run[-1].lower() if run and not text[at - 1].isspace() else ""
    return "://" not in address and not address.startswith(("www.", "mailto:"))


def called(mine: Membership, spellings: Collection[str], also: Collection[int]) -> dict[str, User]:
    """The members, and the people `also`, by the spellings of their names: in any letter case, look-alikes too."""
    if not spellings:
        return {}
    keys = {spelling: names.key(spelling) for spelling in spellings}
    named = User.username_key.in_(set(keys.values()))
    people = list(mine.people().where(named))
    if also:
        people.extend(User.select().where(User.id.in_(list(also)), named))
    by_key = {user.username_key: user for user in people}
    found = {spelling: by_key[key] for spelling, key in keys.items() if key in by_key}
    # Nobody else may be called what looks like a name: who writes it so means its bearer.
    looks = {digest: spelling for spelling in spellings if spelling not in found for digest in Claim.digests(spelling)}
    if looks:
        alike = mine.people().switch(User).join(Claim, on=(Claim.user == User.id)).where(Claim.digest.in_(list(looks)))
        for user in alike.select_extend(Claim.digest.alias("digest")).objects():
            found[looks[user.digest]] = user
    return found
