"""Reactions: an emoji under a message, and who gave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField, fn

import emojis
from models.base import Model, iso, now, write
from models.errors import Invalid, words
from models.message import Message
from models.user import User

if TYPE_CHECKING:
    from models.membership import Membership

# Different ones a message; people told of each.
KINDS_MAX = 20
NAMED = 50


@dataclass
class Tally:
    """One emoji under a message: how many gave it, the first NAMED of them, and whether the reader is one."""

    emoji: str
    count: int
    people: list[User] = field(default_factory=list)
    is_mine: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {"emoji": self.emoji, "count": self.count, "users": [person.id for person in self.people]}


class Reaction(Model):
    """One person's emoji under one message. It stays when they leave the chat, and goes with their account."""

    id = AutoField()
    message = ForeignKeyField(Message)
    user = ForeignKeyField(User)
    emoji = TextField()
    created_at = BigIntegerField()

    message_id: int
    user_id: int

    @classmethod
    def attach(cls, messages: Sequence[Message], reader: int | None) -> None:
        """Load the reactions of messages in one query, the earliest emoji first; `reader` is the id of who looks."""
        tallies: dict[int, dict[str, Tally]] = {message.id: {} for message in messages}
        for message_id, emoji, user_id, username, name, place, count in cls._given(list(tallies), reader or 0):
            tally = tallies[message_id].setdefault(emoji, Tally(emoji, count))
            tally.is_mine = tally.is_mine or user_id == reader
            # One's own comes along however late it was given; told are the first, the same ones to everybody.
            if place <= NAMED:
                tally.people.append(User(id=user_id, username=username, name=name))
        for message in messages:
            message.reactions = list(tallies[message.id].values())

    @classmethod
    def _given(cls, message_ids: list[int], reader: int) -> Any:
        if not message_ids:
            return ()
        each = [cls.message, cls.emoji]
        ranked = (
            cls.select(
                cls.id,
                fn.ROW_NUMBER().over(partition_by=each, order_by=[cls.id]).alias("place"),
                fn.COUNT(cls.id).over(partition_by=each).alias("number"),
            )
            .where(cls.message.in_(message_ids))
            .alias("ranked")
        )
        columns = (cls.message, cls.emoji, cls.user, User.username, User.name, ranked.c.place, ranked.c.number)
        query = cls.select(*columns).join(User).switch(cls).join(ranked, on=(ranked.c.id == cls.id))
        return query.where((ranked.c.place <= NAMED) | (cls.user == reader)).order_by(cls.id).tuples()

    @classmethod
    def give(cls, mine: Membership, message_id: int, emoji: str) -> Message:
        """Put an emoji under a message, once. Raises Invalid (`emoji`), NotThere."""
        sign = known(emoji)
        with write():
            message = mine.again().message(message_id)
            tally = next((tally for tally in message.reactions if tally.emoji == sign), None)
            if tally is not None and tally.is_mine:
                return message
            if tally is None and len(message.reactions) >= KINDS_MAX:
                raise Invalid(emoji=words("At most %(most)d different reactions.", most=KINDS_MAX))
            cls.create(message=message, user=mine.user, emoji=sign, created_at=now())
            return cls._told(message, mine)

    @classmethod
    def take_back(cls, mine: Membership, message_id: int, emoji: str) -> Message:
        """Take one's own emoji away again; none there is fine. Raises Invalid (`emoji`), NotThere."""
        sign = known(emoji)
        with write():
            message = mine.again().message(message_id)
            own = (cls.message == message_id, cls.user == mine.user_id, cls.emoji == sign)
            if cls.delete().where(*own).execute():
                return cls._told(message, mine)
            return message

    @classmethod
    def _told(cls, message: Message, mine: Membership) -> Message:
        from models.posting import tell  # it writes and deletes messages, and so knows of reactions

        cls.attach([message], mine.user_id)
        tell("message.updated", message)
        return message

    @classmethod
    def given_to(cls, message: Message, limit: int, after: int | None = None) -> list[Reaction]:
        """Who reacted with what, the earliest first; those past an id."""
        query = cls.select(cls, User).join(User).where(cls.message == message.id).order_by(cls.id).limit(limit)
        return list(query if after is None else query.where(cls.id > after))

    def to_dict(self) -> dict[str, Any]:
        return {"emoji": self.emoji, "user": self.user.to_dict(), "created_at": iso(self.created_at)}


def known(emoji: str) -> str:
    """An emoji in the form in which it is kept. Raises Invalid (`emoji`) for anything else."""
    sign = emojis.single(emoji)
    if sign is None:
        raise Invalid(emoji=words("This is not an emoji."))
    return sign
