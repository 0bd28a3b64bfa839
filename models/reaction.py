"""Reactions: emoji on messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from lib import emojis
from models.base import Model, database, iso
from models.message import Message
from models.user import LANGUAGES, User

# People whose ids, and people whose names are given with each emoji.
NAMED = 50
NAMES = 10


# Each emoji on some messages, its first people, and the reader: their own late reaction is marked, too.
TALLIES = f"""
    SELECT message_id, emoji, user_id, label, place, number FROM (
        SELECT r.id, r.message_id, r.emoji, r.user_id, CASE WHEN u.name = '' THEN u.username ELSE u.name END AS label,
            row_number() OVER (PARTITION BY r.message_id, r.emoji ORDER BY r.id) AS place,
            count(*) OVER (PARTITION BY r.message_id, r.emoji) AS number
        FROM reaction r JOIN "user" u ON u.id = r.user_id
        WHERE r.message_id IN (SELECT value FROM json_each(?)) AND u.deleted_at IS NULL) AS ranked
    WHERE place <= {NAMED} OR user_id = ? ORDER BY id"""


@dataclass
class Tally:
    """One emoji on a message: how many reacted with it, the first NAMED of them, and whether the reader did."""

    emoji: str
    count: int
    user_ids: list[int] = field(default_factory=list)
    # What the first NAMES of them are called.
    names: list[str] = field(default_factory=list)
    is_mine: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "emoji": self.emoji,
            "emoji_name": emoji_names(self.emoji),
            "count": self.count,
            "users": self.user_ids,
            "names": self.names,
        }


@cache
def emoji_names(sign: str) -> dict[str, str]:
    """The names of an emoji by language."""
    return {language: emojis.name_of(sign, language) for language in LANGUAGES}


class Reaction(Model):
    """One person's emoji on one message. It stays when they leave the chat, and is deleted with their account."""

    id = AutoField()
    message = ForeignKeyField(Message)
    user = ForeignKeyField(User)
    emoji = TextField()
    created_at = BigIntegerField()

    message_id: int
    user_id: int

    @classmethod
    def attach(cls, messages: Sequence[Message], reader: int | None) -> None:
        """Load the reactions of messages in one query, the earliest emoji first; `reader` is the id of the reader."""
        # A deleted message keeps its reactions until it can't be restored any more.
        tallies = cls.tallies([message.id for message in messages if not message.is_deleted], reader or 0)
        for message in messages:
            message.reactions = list(tallies.get(message.id, {}).values())

    @classmethod
    def tallies(cls, message_ids: Sequence[int], reader: int) -> dict[int, dict[str, Tally]]:
        """The tallies of messages, by message and emoji, the earliest first."""
        tallies: dict[int, dict[str, Tally]] = {}
        rows = database.execute_sql(TALLIES, (json.dumps(message_ids), reader))
        for message_id, emoji, user_id, label, place, count in rows:
            tally = tallies.setdefault(message_id, {}).setdefault(emoji, Tally(emoji, count))
            tally.is_mine = tally.is_mine or user_id == reader
            # Everyone gets the same first people.
            if place <= NAMED:
                tally.user_ids.append(user_id)
            if place <= NAMES:
                tally.names.append(label)
        return tallies

    @classmethod
    def given_to(cls, message: Message, limit: int, after: int | None = None) -> list[Reaction]:
        """The reactions of a message with their people, earliest first; those after an id."""
        given = (cls.message == message.id, User.deleted_at.is_null())
        query = cls.select(cls, User).join(User).where(*given).order_by(cls.id).limit(limit)
        return list(query if after is None else query.where(cls.id > after))

    def to_dict(self) -> dict[str, Any]:
        return {"emoji": self.emoji, "user": self.user.to_dict(), "created_at": iso(self.created_at)}
