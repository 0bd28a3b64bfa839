"""The event log as streams read it: cursors, who may see which events, and the wire format."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from stream.process.peers import NoPeers

# Events for the person `user_id` only; see models/event.py.
PERSONAL = frozenset({"chat.created", "chat.deleted", "membership.updated", "read", "draft"})
# Events after which the person `user_id` is not in the chat any more.
LEAVING = frozenset({"chat.deleted", "member.removed"})
# A client that missed more events gets a reset.
MISSED_MAX = 1_000

MAC_BYTES = 8
# A cursor that always leads to a reset: a stream that is cut before its reset event must still get one.
ALWAYS_RESETS = -1


class Event(NamedTuple):
    id: int
    type: str
    chat_id: int
    user_id: int
    data: str
    created_at: int


class Position(NamedTuple):
    """A position in the log: after the event `id`. `recorded_at` is in microseconds, 0 when the event's row is gone."""

    id: int
    recorded_at: int


class Cursors:
    """Signs positions in the log as opaque cursors."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def cursor(self, position: Position) -> str:
        packed = struct.pack(">qQ", position.id, position.recorded_at)
        return base64.urlsafe_b64encode(packed + self._mac(packed)).rstrip(b"=").decode()

    def position(self, cursor: str) -> Position | None:
        """The position of a cursor; None when its signature is wrong."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        packed, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if len(packed) != 16 or not hmac.compare_digest(mac, self._mac(packed)):
            return None
        return Position(*struct.unpack(">qQ", packed))

    def _mac(self, packed: bytes) -> bytes:
        return hmac.digest(self.key, packed, "sha256")[:MAC_BYTES]


class Start(NamedTuple):
    """Where a stream begins, and whether events before it were missed, so that the client needs a reset."""

    position: Position
    needs_reset: bool


# The events that a person may see now. Of a chat that they have left, only the event about that. Events from before
# they joined, or while they were away, stay hidden: chat.created makes the client load the chat.
VISIBLE = f"""
    WITH membership_changes AS MATERIALIZED (
        SELECT id, chat_id, type FROM event
        WHERE user_id = :me AND id > :after AND type IN ('chat.created', 'member.added', 'member.removed'))
    SELECT * FROM (
        SELECT {{0}} FROM membership m JOIN event e ON e.chat_id = m.chat_id AND e.id > :after
        WHERE m.user_id = :me AND (e.user_id = :me OR e.type NOT IN
            ({", ".join(f"'{type}'" for type in sorted(PERSONAL))}))
            AND (e.id IN (SELECT id FROM membership_changes) OR coalesce((
                SELECT c.type FROM membership_changes c WHERE c.chat_id = e.chat_id AND c.id > e.id
                ORDER BY c.id LIMIT 1
            ), 'member.removed') = 'member.removed')
        ORDER BY e.id LIMIT :limit) AS own
    UNION ALL SELECT * FROM (
        SELECT {{0}} FROM event e
        WHERE e.user_id = :me AND e.id > :after AND e.type IN ({", ".join(f"'{type}'" for type in sorted(LEAVING))})
            AND e.chat_id NOT IN (SELECT chat_id FROM membership WHERE user_id = :me)
        ORDER BY e.id LIMIT :limit) AS departures
    ORDER BY 1 LIMIT :limit
"""


class EventLog(ABC):
    """The database, read only. Queries that belong together run within one `snapshot()`.

    What differs between engines is abstract here; open one with stream/process/engine.py. SQL that they share has
    `:name` for values.
    """

    # What its methods raise while the database can't be read.
    errors: tuple[type[Exception], ...]
    # The columns of an Event in the table `event e`.
    columns: str
    # Which database this is, and which generation of it. Cursors are only valid within one.
    generation: str

    def __init__(self, database: str, key: bytes) -> None:
        """`database` is what its engine opens, `key` the key of the cursors. Raises one of `errors`."""
        self.database, self.key = database, key
        self.open()

    @staticmethod
    def peers(database: str) -> NoPeers:
        """What connects this host with the others that share the database."""
        return NoPeers()

    @classmethod
    def on_connection(cls, connection: Any, key: bytes) -> EventLog:
        """The log on a connection that stays open afterwards, where the engine has a pool of them."""
        raise NotImplementedError

    @abstractmethod
    def open(self) -> None:
        """Connect, and read the generation."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def reopen_if_replaced(self) -> bool:
        """Open the database anew when its file was replaced. Returns whether it was."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[int | str]:
        """Read the database as it is now, whatever is written meanwhile.

        Yields its version, which changes with every write by another connection.
        """

    @abstractmethod
    def end(self) -> Position:
        """The position after the newest event."""

    @abstractmethod
    def logins(self, ids: Iterable[int]) -> dict[int, int]:
        """The logins among `ids` that still exist, and when they expire (microseconds since 1970)."""

    @abstractmethod
    def _query_generation(self) -> str: ...

    @abstractmethod
    def _state(self, event_id: int) -> tuple[bool, int, int]:
        """Whether the generation is still the one that was read; _last_id(); when an event was recorded, 0 if its row
        is gone.
        """

    @abstractmethod
    def _last_id(self) -> int:
        """The newest id of an event ever used, even if its row is gone; no older than any in this snapshot."""

    @abstractmethod
    def _fetch_all(self, sql: str, values: Any = ()) -> list[Any]: ...

    def _fetch_one(self, sql: str, values: Any = ()) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._fetch_all(sql, values)[0]
        return row

    def load_generation(self) -> None:
        """Load the generation, and sign cursors that are valid within it."""
        self.generation = self._query_generation()
        self.cursors = Cursors(hmac.digest(self.key, self.generation.encode(), hashlib.sha256))

    def continues_from(self, position: Position, generation: str) -> bool:
        """Whether this log still has the history up to a position; False after a backup was restored."""
        if generation != self.generation:
            return False
        is_same, last, recorded_at = self._state(position.id)
        return (
            is_same
            and position.id <= last
            and (not recorded_at or not position.recorded_at or recorded_at == position.recorded_at)
        )

    def start(self, user_id: int, cursor: str | None) -> Start:
        """Where a person's stream begins: at their cursor, else now."""
        end = self.end()
        if cursor is None:
            return Start(end, False)
        position = self.cursors.position(cursor)
        return (
            Start(end, True)
            if position is None or not self._can_resume(user_id, position, end)
            else Start(position, False)
        )

    def _can_resume(self, user_id: int, position: Position, end: Position) -> bool:
        """Whether everything after a position can still be delivered."""
        if position.id < 0 or not self.continues_from(position, self.generation):
            # A backup was restored, and the log has diverged since.
            return False
        (oldest,) = self._fetch_one("SELECT min(id) FROM event")
        if position.id < (self._last_id() if oldest is None else oldest - 1) or position.id < self.hidden():
            return False
        return position.id == end.id or self._missed(user_id, position.id) <= MISSED_MAX

    def hidden(self) -> int:
        """The event up to which the log may still hold content that was deleted (models/task.py)."""
        return int(self._fetch_one("SELECT coalesce(max(until), 0) FROM task")[0])

    def _missed(self, user_id: int, after: int) -> int:
        visible = VISIBLE.format("e.id")
        values = {"me": user_id, "after": after, "limit": MISSED_MAX + 1}
        return int(self._fetch_one(f"SELECT count(*) FROM ({visible}) AS missed", values)[0])

    def visible_to(self, user_id: int, after: int, limit: int) -> list[Event]:
        """The events after one that a person may see now, in order."""
        values = {"me": user_id, "after": after, "limit": limit}
        return [Event(*row) for row in self._fetch_all(VISIBLE.format(self.columns), values)]

    def after(self, event_id: int, limit: int) -> list[Event]:
        """All events after one, in order."""
        sql = f"SELECT {self.columns} FROM event e WHERE e.id > :after ORDER BY e.id LIMIT :limit"
        return [Event(*row) for row in self._fetch_all(sql, {"after": event_id, "limit": limit})]

    def membership_changes(self, after: int) -> list[tuple[str, int, int]]:
        """Type, chat and person of every event after one by which somebody joins or leaves a chat."""
        sql = """
            SELECT type, chat_id, user_id FROM event
            WHERE id > :after AND type IN ('member.added', 'member.removed', 'chat.deleted') ORDER BY id
        """
        return self._fetch_all(sql, {"after": after})

    def members(self) -> list[tuple[int, int]]:
        """All members of all chats, as (chat, person)."""
        return self._fetch_all("SELECT chat_id, user_id FROM membership")


# Wire format: https://html.spec.whatwg.org/multipage/server-sent-events.html


def frame(cursor: str, type: str, data: str) -> bytes:
    """One event. `data` is JSON of one line."""
    return f"id: {cursor}\nevent: {type}\ndata: {data}\n\n".encode()


def event_frame(log: EventLog, event: Event) -> bytes:
    return frame(log.cursors.cursor(Position(event.id, event.created_at)), event.type, event.data)


def hello_frame(log: EventLog, start: Start) -> bytes:
    """The first event of a stream: its cursor is where the stream begins."""
    if not start.needs_reset:
        return frame(log.cursors.cursor(start.position), "hello", "{}")
    hello = frame(log.cursors.cursor(Position(ALWAYS_RESETS, 0)), "hello", "{}")
    return hello + reset_frame(log, start.position)


def reset_frame(log: EventLog, position: Position) -> bytes:
    """Make a client reload everything and continue from a position."""
    return frame(log.cursors.cursor(position), "reset", "{}")


def retry_frame(milliseconds: int) -> bytes:
    """How long a client waits before it reconnects."""
    return b"retry: %d\n\n" % milliseconds


HEARTBEAT = b": still here\n\n"
