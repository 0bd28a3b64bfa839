"""Throttling in the database, so that all workers share the counts (rule 9)."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, IntegerField, TextField

from models.base import SECOND_MICROSECONDS, Model, limits, now, write
from models.errors import TooMany

PRUNED_AT_ONCE = 500


class Attempt(Model):
    """How often something was tried in the current period."""

    id = AutoField()
    key = TextField(unique=True)
    count = IntegerField()
    started_at = BigIntegerField()
    ends_at = BigIntegerField()

    @classmethod
    def take(cls, key: str, limit: int, seconds: int) -> None:
        """Count an attempt under `key`. Raises TooMany when there are more than `limit` within `seconds`."""
        if not limits.throttled:
            return
        with write():
            count, ends_at = cls._counted(key, seconds)
        if count > limit:
            raise TooMany((ends_at - now()) // SECOND_MICROSECONDS + 1)

    @classmethod
    def _counted(cls, key: str, seconds: int) -> tuple[int, int]:
        at = now()
        row = cls.get_or_none(cls.key == key)
        # After the clock was set back, nobody may have to wait longer than one period.
        if row is None or row.ends_at <= at or row.started_at > at:
            ends_at = at + seconds * SECOND_MICROSECONDS
            fresh = {"count": 1, "started_at": at, "ends_at": ends_at}
            cls.insert(key=key, **fresh).on_conflict(conflict_target=[cls.key], update=fresh).execute()
            return 1, ends_at
        cls.update(count=cls.count + 1).where(cls.key == key).execute()
        return row.count + 1, row.ends_at

    @classmethod
    def give_back(cls, key: str) -> None:
        """Take back one attempt under `key`."""
        if limits.throttled:
            cls.update(count=cls.count - 1).where(cls.key == key, cls.count > 0).execute()

    @classmethod
    def clear(cls, key: str) -> None:
        """Reset the attempts under `key`."""
        if limits.throttled:
            cls.delete().where(cls.key == key).execute()

    @classmethod
    def prune(cls) -> int:
        """Delete expired rows, a few at a time."""
        over = cls.select(cls.id).where(cls.ends_at < now()).limit(PRUNED_AT_ONCE)
        return int(cls.delete().where(cls.id.in_(over)).execute())
