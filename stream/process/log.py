"""The event log as streams read it: cursors, who may see which events, and the wire format."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from lib.sqlite import identity, sqlite3

# Events for the person `user_id` only; see models/event.py.
PERSONAL = frozenset({"chat.created", "chat.deleted", "membership.updated", "read", "draft"})
# Events after which the person `user_id` is not in the chat any more.
LEAVING = frozenset({"chat.deleted", "member.removed"})
# A client that missed more events gets a reset.
MISSED_MAX = 1_000

MAC_BYTES = 8
# A cursor that always leads to a reset: a stream that is cut before its reset event must still get one.
LOST = -1


class Event(NamedTuple):
    id: int
    type: str
    chat_id: int
    user_id: int
    data: str
    created_at: int


class Position(NamedTuple):
    """A position in the log: after the event `id`, recorded at `stamp` (microseconds; 0 when its row is gone)."""

    id: int
    stamp: int


class Cursors:
    """Signs positions in the log as opaque cursors."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def cursor(self, position: Position) -> str:
        packed = struct.pack(">qQ", position.id, position.stamp)
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
    """Where a stream begins, and whether events before it are lost, so that the client needs a reset."""

    position: Position
    is_lost: bool


# The events that a person may see now. Of a chat that they have left, only the event that says so. Events from before
# they joined, or while they were away, stay hidden: chat.created makes the client load the chat.
VISIBLE = """
    WITH membership_changes AS MATERIALIZED (
        SELECT id, chat_id, type FROM event
        WHERE user_id = :me AND id > :after AND type IN ('chat.created', 'member.added', 'member.removed'))
    SELECT * FROM (
        SELECT {0} FROM membership m JOIN event e ON e.chat_id = m.chat_id AND e.id > :after
        WHERE m.user_id = :me AND (e.user_id = :me OR e.type NOT IN
            ('chat.created', 'chat.deleted', 'membership.updated', 'read', 'draft'))
            AND (e.id IN (SELECT id FROM membership_changes) OR coalesce((
                SELECT c.type FROM membership_changes c WHERE c.chat_id = e.chat_id AND c.id > e.id
                ORDER BY c.id LIMIT 1
            ), 'member.removed') = 'member.removed')
        ORDER BY e.id LIMIT :limit)
    UNION ALL SELECT * FROM (
        SELECT {0} FROM event e
        WHERE e.user_id = :me AND e.id > :after AND e.type IN ('chat.deleted', 'member.removed')
            AND e.chat_id NOT IN (SELECT chat_id FROM membership WHERE user_id = :me)
        ORDER BY e.id LIMIT :limit)
    ORDER BY 1 LIMIT :limit
"""
# The event of a reaction has no text of its own: it gets the message's current text.
DATA = """
    CASE WHEN e.type = 'message.updated' AND json_type(e.data, '$.text') IS NULL THEN (
        SELECT json_set(e.data, '$.text', m.text, '$.html', m.html) FROM message m WHERE m.id = e.message_id
    ) ELSE e.data END
"""
COLUMNS = ", ".join(DATA if name == "data" else f"e.{name}" for name in Event._fields)


class EventLog:
    """The database, read only. Queries that belong together run within one `snapshot()`."""

    def __init__(self, path: str, key: bytes) -> None:
        self.path, self.key = path, key
        self.open()

    def open(self) -> None:
        self.file = identity(self.path)
        self.database = sqlite3.connect(self.path, timeout=1, isolation_level=None, check_same_thread=False)
        self._execute("PRAGMA query_only = 1")
        self.read_generation()

    def read_generation(self) -> None:
        """Read which database this is, and which generation of it. Cursors are only valid within one.

        SQLite increments the schema version whenever a backup is restored into the file, and with a migration.
        """
        (first_migration_at,) = self._fetch_one("SELECT min(applied_at) FROM migration")
        self.generation = f"{first_migration_at} {self._schema_version()}"
        self.cursors = Cursors(hmac.digest(self.key, self.generation.encode(), hashlib.sha256))

    def _schema_version(self) -> int:
        return int(self._fetch_one("PRAGMA schema_version")[0])

    def reopen_if_replaced(self) -> bool:
        """Open the database anew when its file was replaced. Returns whether it was."""
        there = identity(self.path)
        if there is None or there == self.file:
            return False
        self.close()
        self.open()
        return True

    def continues_from(self, position: Position, generation: str) -> bool:
        """Whether this is still the log that was read up to a position; False after a backup was restored."""
        if generation != self.generation or generation.rpartition(" ")[2] != str(self._schema_version()):
            return False
        there = self._position(position.id)
        return position.id <= self.end().id and (not there.stamp or not position.stamp or there.stamp == position.stamp)

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the database as it is now, whatever is written meanwhile."""
        self._execute("BEGIN")
        try:
            yield
        finally:
            self._execute("ROLLBACK")

    def _execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        return self.database.execute(sql, values)

    def _fetch_one(self, sql: str, values: Any = ()) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._execute(sql, values).fetchone()
        return row

    def version(self) -> int:
        """A number that changes with every write by another connection."""
        return int(self._fetch_one("PRAGMA data_version")[0])

    def end(self) -> Position:
        """The position after the newest event, even if its row is gone."""
        last = self._execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return self._position(int(last[0]) if last else 0)

    def _position(self, event_id: int) -> Position:
        row = self._execute("SELECT created_at FROM event WHERE id = ?", (event_id,)).fetchone()
        return Position(event_id, int(row[0]) if row else 0)

    def start(self, user_id: int, cursor: str | None) -> Start:
        """Where a person's stream begins: at their cursor, else now."""
        end = self.end()
        if cursor is None:
            return Start(end, False)
        position = self.cursors.position(cursor)
        return (
            Start(end, True) if position is None or not self._serves(user_id, position, end) else Start(position, False)
        )

    def _serves(self, user_id: int, position: Position, end: Position) -> bool:
        """Whether everything after a position can still be delivered."""
        if position.id < 0 or not self.continues_from(position, self.generation):
            # A backup was restored, and the log has diverged since.
            return False
        (oldest,) = self._fetch_one("SELECT min(id) FROM event")
        if position.id < (end.id if oldest is None else oldest - 1) or position.id < self.hidden():
            return False
        return position.id == end.id or self._missed(user_id, position.id) <= MISSED_MAX

    def hidden(self) -> int:
        """The event up to which the log may still hold content that was deleted (models/task.py)."""
        return int(self._fetch_one("SELECT coalesce(max(until), 0) FROM task")[0])

    def _missed(self, user_id: int, after: int) -> int:
        visible = VISIBLE.format("e.id")
        values = {"me": user_id, "after": after, "limit": MISSED_MAX + 1}
        return int(self._fetch_one(f"SELECT count(*) FROM ({visible})", values)[0])

    def visible_to(self, user_id: int, after: int, limit: int) -> list[Event]:
        """The events after one that a person may see now, in order."""
        values = {"me": user_id, "after": after, "limit": limit}
        return [Event(*row) for row in self._execute(VISIBLE.format(COLUMNS), values)]

    def after(self, event_id: int, limit: int) -> list[Event]:
        """All events after one, in order."""
        sql = f"SELECT {COLUMNS} FROM event e WHERE e.id > ? ORDER BY e.id LIMIT ?"
        return [Event(*row) for row in self._execute(sql, (event_id, limit))]

    def membership_changes(self, after: int) -> list[tuple[str, int, int]]:
        """Type, chat and person of every event after one by which somebody joins or leaves a chat."""
        sql = "SELECT type, chat_id, user_id FROM event WHERE id > ? AND type IN (?, ?, ?) ORDER BY id"
        return self._execute(sql, (after, "member.added", *LEAVING)).fetchall()

    def members(self) -> list[tuple[int, int]]:
        """All members of all chats, as (chat, person)."""
        return self._execute("SELECT chat_id, user_id FROM membership").fetchall()

    def logins(self, ids: Iterable[int]) -> dict[int, int]:
        """The logins among `ids` that still exist, and when they expire (microseconds since 1970)."""
        sql = "SELECT id, expires_at FROM session WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._execute(sql, (json.dumps(list(ids)),)).fetchall())


# Wire format: https://html.spec.whatwg.org/multipage/server-sent-events.html


def frame(cursor: str, type: str, data: str) -> bytes:
    """One event. `data` is JSON of one line."""
    return f"id: {cursor}\nevent: {type}\ndata: {data}\n\n".encode()


def event_frame(log: EventLog, event: Event) -> bytes:
    return frame(log.cursors.cursor(Position(event.id, event.created_at)), event.type, event.data)


def hello_frame(log: EventLog, start: Start) -> bytes:
    """The first event of a stream: its cursor is where the stream begins."""
    if not start.is_lost:
        return frame(log.cursors.cursor(start.position), "hello", "{}")
    lost = frame(log.cursors.cursor(Position(LOST, 0)), "hello", "{}")
    return lost + reset_frame(log, start.position)


def reset_frame(log: EventLog, position: Position) -> bytes:
    """Make a client reload everything and continue from a position."""
    return frame(log.cursors.cursor(position), "reset", "{}")


def retry_frame(milliseconds: int) -> bytes:
    """How long a client waits before it reconnects."""
    return b"retry: %d\n\n" % milliseconds


HEARTBEAT = b": still here\n\n"
