"""The event log: every lasting change records an event in the same transaction."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterable, Mapping
from itertools import takewhile
from typing import Any, Literal, cast, get_args

from peewee import AutoField, BigIntegerField, IntegerField, TextField, fn

from models.base import DAY_MICROSECONDS, Model, after_commit, database, has_room, limits, now, write
from models.statements import statement
from models.task import Task, step
from stream import client as stream_client

EventType = Literal[
    "message.created", "message.updated", "message.deleted",
    "chat.created", "chat.updated", "chat.deleted",
    "member.added", "member.updated", "member.removed",
    "membership.updated", "read", "draft",
]  # fmt: skip
# Events for the person `user_id` only.
PERSONAL = frozenset({"chat.created", "chat.deleted", "membership.updated", "read", "draft"})
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
PRUNED_AT_ONCE = 50
# Events may be long, and overwriting deleted content happens at the commit.
CHARACTERS_AT_ONCE = 200_000
# Of a version, below the event's id.
RANDOM_BITS = 16


class Event(Model):
    """An entry of the event log, which live streams read by its id.

    `data` is the JSON that every recipient gets. chat.created, chat.deleted, membership.updated, read and draft go to
    the person `user_id` only, all others to the members of `chat_id`; member.removed is also for `user_id`. For
    message.* `user_id` is the author.
    """

    id = AutoField()
    type = TextField()
    chat_id = IntegerField(null=True)
    user_id = IntegerField(null=True)
    message_id = IntegerField(null=True)
    data = TextField()
    created_at = BigIntegerField()

    @classmethod
    def record(
        cls, type: EventType, data: dict[str, Any], *, chat_id: int, user_id: int, message_id: int | None = None
    ) -> int:
        """Record an event; returns its id. Streams get it once it is committed."""
        event_id = add_event.insert(type, as_text(data), chat_id, user_id, message_id, now())
        cls._set_versions(event_id, [chat_id], user_id if type in PERSONAL else None)
        after_commit(stream_client.wake)
        return event_id

    @classmethod
    def record_many(cls, events: Iterable[tuple[EventType, dict[str, Any], int, int]]) -> None:
        """Record events given as (type, data, chat, person). Inside a write() only."""
        at = now()
        rows = [(type, as_text(data), chat_id, user_id, None, at) for type, data, chat_id, user_id in events]
        add_event.run_many(rows)
        cls._set_versions(cls.last(), sorted({chat_id for _, _, chat_id, *_ in rows}))
        after_commit(stream_client.wake)

    @staticmethod
    def _set_versions(event_id: int, chat_ids: list[int], user_id: int | None = None) -> None:
        """Give chats a new version, or one person's membership in a chat (models/versions.py)."""
        version = event_id << RANDOM_BITS | random.getrandbits(RANDOM_BITS)
        target = "chat SET version = ? WHERE id" if user_id is None else "membership SET version = ? WHERE chat_id"
        places = ", ".join("?" * len(chat_ids))
        condition, values = ("", ()) if user_id is None else (" AND user_id = ?", (user_id,))
        database.execute_sql(f"UPDATE {target} IN ({places}){condition}", (version, *chat_ids, *values))

    @classmethod
    def last(cls) -> int:
        """The id of the newest event, even if its row is gone."""
        return database.newest_id("event")

    @classmethod
    def begin_generation(cls) -> None:
        """Make every live stream begin anew with a reset, because more has changed than events describe.

        Cursors are valid within one generation of the schema only (stream/process/log.py).
        """
        with write():
            database.begin_generation()
            after_commit(stream_client.wake)

    @classmethod
    def replace_in(cls, ids: Collection[int], replacements: Mapping[str, Any]) -> None:
        """Replace what the data of some events has under a path, such as `reply_to.text`. Where there is no such path,
        nothing is added. Inside a write() only.
        """
        for event in list(cls.select(cls.id, cls.data).where(cls.id.in_(ids))):
            data = json.loads(event.data)
            for path, value in replacements.items():
                *parents, last = path.split(".")
                place = data
                for parent in parents:
                    place = place.get(parent) if isinstance(place, dict) else None
                if isinstance(place, dict) and last in place:
                    place[last] = value
            cls.update(data=as_text(data)).where(cls.id == event.id).execute()

    @classmethod
    def forget_drafts(cls, chat_id: int, user_id: int) -> None:
        """Delete a member's draft events, so that unsent text does not stay in the log."""
        cls.delete().where(cls.type == "draft", cls.chat_id == chat_id, cls.user_id == user_id).execute()

    @classmethod
    def prune(cls) -> bool:
        """Delete expired events; a task continues what takes long. Returns whether there were any."""
        if not cls._old(1):
            return False
        with write():
            Task.begin("old", 0)
        return True

    @classmethod
    def _old(cls, limit: int) -> list[tuple[int, int]]:
        """The ids of the oldest expired events, and their lengths.

        Only from the beginning of the log: after the clock was set back, a gap in the middle would go unnoticed.
        """
        kept_since = now() - limits.event_days * DAY_MICROSECONDS
        first = cls.select(cls.id, fn.LENGTH(cls.data).coerce(False), cls.created_at).order_by(cls.id).limit(limit)
        rows = cast("Iterable[tuple[int, int, int]]", first.tuples())
        old = takewhile(lambda row: row[2] < kept_since, rows)
        return [(event_id, length) for event_id, length, _ in old]


@statement
def add_event(type: Any, data: Any, chat_id: Any, user_id: Any, message_id: Any, at: Any) -> Any:
    columns = {"type": type, "data": data, "chat_id": chat_id, "user_id": user_id, "message_id": message_id}
    return Event.insert(**columns, created_at=at)


@step("old")
def drop_old(task: Task) -> bool:
    """Delete expired events."""
    characters = 0
    while characters < CHARACTERS_AT_ONCE and has_room():
        ids = []
        old = Event._old(PRUNED_AT_ONCE)
        for event_id, length in old:
            if characters < CHARACTERS_AT_ONCE:
                ids.append(event_id)
                characters += length
        Event.delete().where(Event.id.in_(ids)).execute()
        if len(old) < PRUNED_AT_ONCE and len(ids) == len(old):
            return True
    return False


def as_text(data: Any) -> str:
    """Encode an event's data as one line of JSON."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
