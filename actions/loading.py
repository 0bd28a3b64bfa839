"""Loading many messages at once, as `flask load` does: in large transactions, without an event for each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from actions import reading
from actions.mentions import ParsedText
from lib import richtext
from models.base import SECOND_MICROSECONDS, database, now, write
from models.chat import Chat, Membership, open_members
from models.errors import Invalid, NotThere
from models.event import Event
from models.mention import Mention
from models.message import Message, check_text, index_columns
from models.user import User

AT_ONCE = 5_000
REQUIRED = {"chat_id": int, "author_id": int, "text": str}


class BadLine(Exception):
    """A line that is not a message that can be stored. `stored` messages were, those before line `next_number`."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number:,}: {reason}")
        self.stored, self.next_number = 0, number


@dataclass
class Line:
    """A message to be stored."""

    number: int
    membership: Membership
    parsed: ParsedText
    created_at: int
    # Of its row in the search index.
    indexed: tuple[str, str, str]


def load(lines: Iterable[bytes]) -> int:
    """Store messages from lines of JSON in their order; returns how many there were. Raises BadLine.

    Live streams begin anew at the end, since there is no event for each message.
    """
    stored = 0
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    memberships: dict[tuple[int, int], Membership] = {}
    database.expect_much()
    try:
        while batch := list(islice(numbered, AT_ONCE)):
            try:
                _store([_read(number, line, memberships) for number, line in batch])
            except BadLine as error:
                error.stored, error.next_number = stored, batch[0][0]
                raise
            stored += len(batch)
    finally:
        if stored:
            Event.begin_generation()
    return stored


@contextmanager
def _names(number: int) -> Iterator[None]:
    """Name the line in what is wrong with it."""
    try:
        yield
    except Invalid as error:
        raise BadLine(number, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadLine(number, f"not a line of JSON in UTF-8: {error}") from error


def _read(number: int, line: bytes, memberships: dict[tuple[int, int], Membership]) -> Line:
    """Check and parse a line; whether its author is still a member is checked when it is stored."""
    with _names(number):
        fields = json.loads(line)
    if not isinstance(fields, dict):
        raise BadLine(number, "not an object")
    if unknown := set(fields) - {*REQUIRED, "created_at"}:
        raise BadLine(number, f"unknown field {min(unknown)}")
    for name, kind in REQUIRED.items():
        if type(fields.get(name)) is not kind:
            raise BadLine(number, f"{name} must be {'a string' if kind is str else 'an integer'}")
    with _names(number):
        text = richtext.clean(fields["text"])
        check_text(text, has_files=False)
    created_at = _time(number, fields.get("created_at"))
    place = fields["chat_id"], fields["author_id"]
    if place not in memberships:
        memberships[place] = _membership(number, *place)
    return Line(
        number, memberships[place], ParsedText.of(memberships[place], text), created_at,
        index_columns(text, *place, created_at, has_file=False),
    )  # fmt: skip


def _membership(number: int, chat_id: int, author_id: int) -> Membership:
    try:
        return Membership.of(User.find(author_id), chat_id)
    except (NotThere, OverflowError):
        raise _not_a_member(number, chat_id, author_id) from None


def _not_a_member(number: int, chat_id: int, author_id: int) -> BadLine:
    return BadLine(number, f"there is no person {author_id} in a chat {chat_id}")


def _time(number: int, value: Any) -> int:
    """Microseconds since 1970 of a time as in the API, by default now."""
    if value is None:
        return now()
    try:
        at = datetime.fromisoformat(value)
        microseconds = round(at.timestamp() * SECOND_MICROSECONDS) if at.tzinfo else -1
    except (TypeError, ValueError, OverflowError):
        microseconds = -1
    if not 0 <= microseconds <= now():
        raise BadLine(number, "created_at must be a past time such as 2026-01-31T18:00:00Z")
    return microseconds


def _store(lines: list[Line]) -> None:
    """Store all of these messages, or none."""
    with write():
        members = open_members({line.membership.chat_id for line in lines})
        for line in lines:
            key = line.membership.chat_id, line.membership.user_id
            if key not in members:
                raise _not_a_member(line.number, *key)
            line.parsed = line.parsed.refresh(line.membership)
        first = Message.add_all(
            (line.membership.chat_id, line.membership.user_id, line.parsed.text, line.parsed.html, line.created_at)
            for line in lines
        )
        placed = list(enumerate(lines, first))
        database.index.add_many((message_id, *line.indexed) for message_id, line in placed)
        Mention.add_all(
            (message_id, line.membership.chat_id, user_id, start, length)
            for message_id, line in placed
            for start, length, user_id in line.parsed.marks
        )
        newest = {line.membership.chat_id: message_id for message_id, line in placed}
        sent: dict[int, Counter[int]] = {chat_id: Counter() for chat_id in newest}
        for line in lines:
            sent[line.membership.chat_id][line.membership.user_id] += 1
        for chat_id, message_id in newest.items():
            chat = Chat.get_by_id(chat_id)
            event_id = Event.record("chat.updated", chat.event_data(), chat_id=chat_id, user_id=chat.owner_id)
            reading.count_loaded(chat_id, sent[chat_id], message_id, event_id)
