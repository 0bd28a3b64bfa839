"""Idempotency-Keys, so that a retry does not send a message twice."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, IntegerField, TextField

from models.base import DAY_MICROSECONDS, Model, limits, now
from models.errors import Invalid, words
from models.statements import statement
from models.user import User


class SentKey(Model):
    """An Idempotency-Key with the message it sent: a repeated key finds that message (rule 20)."""

    id = AutoField()
    user = ForeignKeyField(User)
    key = TextField()
    digest = TextField()
    message_id = IntegerField()
    created_at = BigIntegerField()

    @classmethod
    def find(cls, user: User, key: str, digest: str) -> int | None:
        """The id of the message already sent with this key. Raises Invalid when its body was different."""
        known = sent_with.first(user.id, key)
        if known is None:
            return None
        if known.digest != digest:
            raise Invalid({"Idempotency-Key": [words("This key was already used for a different message.")]})
        return int(known.message_id)

    @classmethod
    def record(cls, user: User, key: str, digest: str, message_id: int, at: int) -> None:
        """Remember which message was sent with a key."""
        add_key.run(user.id, key, digest, message_id, at)

    @classmethod
    def prune(cls) -> int:
        """Delete expired keys, a few at a time."""
        old = cls.select(cls.id).where(cls.created_at < now() - limits.key_days * DAY_MICROSECONDS).limit(500)
        return int(cls.delete().where(cls.id.in_(old)).execute())


@statement
def sent_with(user_id: Any, key: Any) -> Any:
    return SentKey.select().where(SentKey.user == user_id, SentKey.key == key)


@statement
def add_key(user_id: Any, key: Any, digest: Any, message_id: Any, at: Any) -> Any:
    return SentKey.insert(user=user_id, key=key, digest=digest, message_id=message_id, created_at=at)
