"""Throttling on the database, so that every worker counts the same (rule 9)."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, IntegerField, TextField

from models.base import Model, limits, now, write
from models.errors import TooMany


class Attempt(Model):
    """How often something was tried within the running stretch of time."""

    id = AutoField()
    key = TextField(unique=True)
    count = IntegerField()
    started_at = BigIntegerField()
    ends_at = BigIntegerField()

    @classmethod
    def take(cls, key: str, limit: int, seconds: int) -> None:
        """Count one more try of `key`. Raises TooMany when more than `limit` came within `seconds`."""
        if not limits.throttled:
            return
        with write():
            count, ends_at = cls._counted(key, seconds)
        if count > limit:
            raise TooMany((ends_at - now()) // 1_000_000 + 1)

    @classmethod
    def _counted(cls, key: str, seconds: int) -> tuple[int, int]:
        at = now()
        row = cls.get_or_none(cls.key == key)
        # A clock set back must not hold anybody longer than the stretch is.
        if row is None or row.ends_at <= at or row.started_at > at:
            ends_at = at + seconds * 1_000_000
            fresh = {"count": 1, "started_at": at, "ends_at": ends_at}
            cls.insert(key=key, **fresh).on_conflict(conflict_target=[cls.key], update=fresh).execute()
            return 1, ends_at
        cls.update(count=cls.count + 1).where(cls.key == key).execute()
        return row.count + 1, row.ends_at

    @classmethod
    def give_back(cls, key: str) -> None:
        """Uncount one try of `key`: it was none that is held against anybody."""
        if limits.throttled:
            cls.update(count=cls.count - 1).where(cls.key == key, cls.count > 0).execute()

    @classmethod
    def clear(cls, key: str) -> None:
        """Forget the tries of `key`."""
        if limits.throttled:
            cls.delete().where(cls.key == key).execute()

    @classmethod
    def prune(cls) -> int:
        """Drop what is over."""
        return int(cls.delete().where(cls.ends_at < now()).execute())
