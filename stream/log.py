"""The log as streams read it: cursors into it, who may see which of its events, and their text on the wire."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

# These concern the person `user_id` alone; see models/event.py.
PERSONAL = frozenset({"chat.created", "chat.deleted", "membership.updated", "read", "draft"})
# After these the person `user_id` is in the chat no more.
LEAVING = frozenset({"chat.deleted", "member.removed"})
# Who missed more than this loads afresh.
MISSED_MAX = 1_000

MAC_BYTES = 8
# A cursor that leads to `reset` whenever it comes back: a stream cut before that event must not lose it.
LOST = -1


class Event(NamedTuple):
    id: int
    type: str
    chat_id: int
    user_id: int
    data: str
    created_at: int


class Place(NamedTuple):
    """A place in the log: after the event `id`, told at `stamp` (microseconds; 0 when its row is gone)."""

    id: int
    stamp: int


class Cursors:
    """Places in the log, as opaque words that nobody else can make up."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def word(self, place: Place) -> str:
        packed = struct.pack(">qQ", place.id, place.stamp)
        return base64.urlsafe_b64encode(packed + self._mac(packed)).rstrip(b"=").decode()

    def place(self, word: str) -> Place | None:
        """The place that a word names; None when it is none of ours."""
        try:
            raw = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        packed, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if len(packed) != 16 or not hmac.compare_digest(mac, self._mac(packed)):
            return None
        return Place(*struct.unpack(">qQ", packed))

    def _mac(self, packed: bytes) -> bytes:
        return hmac.digest(self.key, packed, "sha256")[:MAC_BYTES]


class Start(NamedTuple):
    """Where a stream begins, and whether what lies before it can't be told any more."""

    place: Place
    is_lost: bool


# What a person may see, as of now. Of a chat that is theirs no more: that it is so. What happened before they came in,
# or while they were away, was not told then and is not told afterwards: chat.created has them load the chat.
SEEN = """
    WITH turns AS MATERIALIZED (
        SELECT id, chat_id, type FROM event
        WHERE user_id = :me AND id > :after AND type IN ('chat.created', 'member.added', 'member.removed'))
    SELECT * FROM (
        SELECT {0} FROM membership m JOIN event e ON e.chat_id = m.chat_id AND e.id > :after
        WHERE m.user_id = :me AND (e.user_id = :me OR e.type NOT IN
            ('chat.created', 'chat.deleted', 'membership.updated', 'read', 'draft'))
            AND (e.id IN (SELECT id FROM turns) OR coalesce((
                SELECT t.type FROM turns t WHERE t.chat_id = e.chat_id AND t.id > e.id ORDER BY t.id LIMIT 1
            ), 'member.removed') = 'member.removed')
        ORDER BY e.id LIMIT :limit)
    UNION ALL SELECT * FROM (
        SELECT {0} FROM event e
        WHERE e.user_id = :me AND e.id > :after AND e.type IN ('chat.deleted', 'member.removed')
            AND e.chat_id NOT IN (SELECT chat_id FROM membership WHERE user_id = :me)
        ORDER BY e.id LIMIT :limit)
    ORDER BY 1 LIMIT :limit
"""
COLUMNS = ", ".join(f"e.{name}" for name in Event._fields)


class Log:
    """The database, read only. What belongs together is read within one `snapshot()`."""

    def __init__(self, path: str, key: bytes) -> None:
        self.database = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        self._ask("PRAGMA query_only = 1")
        (born,) = self._one("SELECT min(applied_at) FROM migration")
        # Another database under the same key has other cursors.
        self.cursors = Cursors(hmac.digest(key, str(born).encode(), hashlib.sha256))

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """The database as it is now, whatever is written meanwhile."""
        self._ask("BEGIN")
        try:
            yield
        finally:
            self._ask("ROLLBACK")

    def _ask(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        return self.database.execute(sql, values)

    def _one(self, sql: str, values: Any = ()) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._ask(sql, values).fetchone()
        return row

    def version(self) -> int:
        """Another number whenever somebody has written."""
        return int(self._one("PRAGMA data_version")[0])

    def end(self) -> Place:
        """After all that has been told, rows that are gone included."""
        last = self._ask("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return self._at(int(last[0]) if last else 0)

    def _at(self, event_id: int) -> Place:
        row = self._ask("SELECT created_at FROM event WHERE id = ?", (event_id,)).fetchone()
        return Place(event_id, int(row[0]) if row else 0)

    def start(self, user_id: int, word: str | None) -> Start:
        """Where a person's stream begins: at the cursor they bring, else now."""
        end = self.end()
        if word is None:
            return Start(end, False)
        place = self.cursors.place(word)
        return Start(end, True) if place is None or not self._serves(user_id, place, end) else Start(place, False)

    def _serves(self, user_id: int, place: Place, end: Place) -> bool:
        """Whether all that came after a place can still be told."""
        if not 0 <= place.id <= end.id:
            return False
        there = self._at(place.id)
        if there.stamp and place.stamp and there.stamp != place.stamp:
            # A backup was put back, and the log went another way since.
            return False
        (oldest,) = self._one("SELECT min(id) FROM event")
        if place.id < (end.id if oldest is None else oldest - 1):
            return False
        return place.id == end.id or self._missed(user_id, place.id) <= MISSED_MAX

    def _missed(self, user_id: int, after: int) -> int:
        seen = SEEN.format("e.id")
        values = {"me": user_id, "after": after, "limit": MISSED_MAX + 1}
        return int(self._one(f"SELECT count(*) FROM ({seen})", values)[0])

    def seen_by(self, user_id: int, after: int, limit: int) -> list[Event]:
        """What a person may see now of the events after one, in order."""
        values = {"me": user_id, "after": after, "limit": limit}
        return [Event(*row) for row in self._ask(SEEN.format(COLUMNS), values)]

    def after(self, event_id: int, limit: int) -> list[Event]:
        """The log after an event, in order."""
        sql = f"SELECT {COLUMNS} FROM event e WHERE e.id > ? ORDER BY e.id LIMIT ?"
        return [Event(*row) for row in self._ask(sql, (event_id, limit))]

    def comings_and_goings(self, after: int) -> list[tuple[str, int, int]]:
        """Type, chat and person of every event after one that brings in or takes out."""
        sql = "SELECT type, chat_id, user_id FROM event WHERE id > ? AND type IN (?, ?, ?) ORDER BY id"
        return self._ask(sql, (after, "member.added", *LEAVING)).fetchall()

    def members(self) -> list[tuple[int, int]]:
        """Everybody in every chat: (chat, person)."""
        return self._ask("SELECT chat_id, user_id FROM membership").fetchall()

    def logins(self, ids: Iterable[int]) -> dict[int, int]:
        """Of some logins those that are there, and when they end (microseconds since 1970)."""
        sql = "SELECT id, expires_at FROM session WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._ask(sql, (json.dumps(list(ids)),)).fetchall())


# On the wire: https://html.spec.whatwg.org/multipage/server-sent-events.html


def frame(word: str, type: str, data: str) -> bytes:
    """One event. `data` is JSON of one line."""
    return f"id: {word}\nevent: {type}\ndata: {data}\n\n".encode()


def told(log: Log, event: Event) -> bytes:
    return frame(log.cursors.word(Place(event.id, event.created_at)), event.type, event.data)


def greeting(log: Log, start: Start) -> bytes:
    """The first event of a stream: its cursor is where the stream begins."""
    if not start.is_lost:
        return frame(log.cursors.word(start.place), "hello", "{}")
    lost = frame(log.cursors.word(Place(LOST, 0)), "hello", "{}")
    return lost + frame(log.cursors.word(start.place), "reset", "{}")


def retry(milliseconds: int) -> bytes:
    """After how long to come back when the connection ends."""
    return b"retry: %d\n\n" % milliseconds


STILL_HERE = b": still here\n\n"
