"""The event log on Postgres."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import psycopg

from lib import postgres
from lib.watched_postgres import Reopening, WatchedConnection
from stream.process.log import Event, EventLog, Position
from stream.process.peers import NoPeers, WiredPeers
from stream.process.wire import NotifyWire

# The event of a reaction has no text of its own: it gets the message's current text. Keys keep their order.
DATA = """
    CASE WHEN e.type = 'message.updated' AND e.data::json -> 'text' IS NULL THEN (
        SELECT left(e.data, -1) || ',"text":' || to_json(m.text)::text || ',"html":' || to_json(m.html)::text || '}'
        FROM message m WHERE m.id = e.message_id
    ) ELSE e.data END
"""
# A dump that is restored brings these rows along, but makes another table.
GENERATION = """
    SELECT concat_ws(' ', max(value), (SELECT count(*) FROM migration), 'event'::regclass::oid) FROM generation
"""
LAST_ID = """
    SELECT greatest(max(id), pg_sequence_last_value(pg_get_serial_sequence('event', 'id')::regclass), 0) FROM event
"""
# In one trip to the server.
STATE = f"SELECT ({GENERATION}), ({LAST_ID}), coalesce((SELECT created_at FROM event WHERE id = :id), 0)"
# What the snapshot is called changes with every commit on the server.
BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_current_snapshot()::text"
# By the database's clock: the hosts' may differ.
LOGINS = """
    SELECT id, expires_at - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM session
    WHERE id = ANY(:ids::bigint[])
"""


class Opened(NamedTuple):
    connection: psycopg.Connection[Any]
    identity: str


class PostgresLog(EventLog):
    """A database on a Postgres server, on a connection of its own.

    Ids of events grow in the order of commits: every transaction that writes takes a lock before it takes an id
    (docs/decisions/0044-several-hosts.md). After an error the connection is closed; reopen_if_replaced() opens another.
    """

    errors = (psycopg.Error,)
    columns = ", ".join(DATA if name == "data" else f"e.{name}" for name in Event._fields)

    @staticmethod
    def peers(database: str) -> NoPeers:
        return WiredPeers(NotifyWire(database))

    @classmethod
    def on_connection(cls, connection: Any, key: bytes) -> LentLog:
        return LentLog(connection, key)

    def open(self) -> None:
        self._reopening: Reopening[Opened] | None = None
        self._use(self._connect())

    def _connect(self) -> Opened:
        """Runs in a thread, too."""
        connection = postgres.connect(self.database, WatchedConnection)
        try:
            if connection.execute("SELECT pg_is_in_recovery()").fetchall()[0][0]:
                raise psycopg.OperationalError("the server is a standby, which may lag behind")
            return Opened(connection, postgres.identity(connection))
        except BaseException:
            connection.close()
            raise

    def _use(self, opened: Opened) -> None:
        self.connection, self.identity = opened
        try:
            self.load_generation()
        except psycopg.Error:
            self.connection.close()
            raise

    def close(self) -> None:
        self.connection.close()
        if self._reopening is not None:
            self._reopening.give_up()

    def reopen_if_replaced(self) -> bool:
        """Take over the connection that was opened anew after a loss. Returns whether there was one."""
        if not self.connection.closed:
            return False
        if self._reopening is None:
            self._reopening = Reopening(self._connect, lambda opened: opened.connection.close())
        opened = self._reopening.take()
        if opened is None:
            return False
        self._reopening = None
        self._use(opened)
        return True

    def _query_generation(self) -> str:
        return f"{self._fetch_one(GENERATION)[0]} {self.identity}"

    def _state(self, event_id: int) -> tuple[bool, int, int]:
        now, last, recorded_at = self._fetch_one(STATE, {"id": event_id})
        return f"{now} {self.identity}" == self.generation, last, recorded_at

    @contextmanager
    def snapshot(self) -> Iterator[str]:
        with self._closed_on_error():
            # Both statements in one trip to the server; together they can't be prepared.
            cursor = self.connection.execute(BEGIN, prepare=False)
            cursor.nextset()
            version = str(cursor.fetchall()[0][0])
        try:
            yield version
        finally:
            if not self.connection.closed:
                self._run("ROLLBACK")

    def _run(self, sql: str, values: Any = ()) -> psycopg.Cursor[Any]:
        with self._closed_on_error():
            return self.connection.execute(with_percents(sql), values)

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Close the connection when something fails: its state is unknown then."""
        try:
            yield
        except psycopg.Error:
            self.connection.close()
            raise

    def _fetch_all(self, sql: str, values: Any = ()) -> list[Any]:
        return self._run(sql, values).fetchall()

    def end(self) -> Position:
        """The position after the newest event that is there. The newest id ever used may be of one to be committed."""
        rows = self._fetch_all("SELECT id, created_at FROM event ORDER BY id DESC LIMIT 1")
        return Position(*rows[0]) if rows else Position(0, 0)

    def _last_id(self) -> int:
        return int(self._fetch_one(LAST_ID)[0])

    def logins(self, ids: Iterable[int]) -> dict[int, int]:
        now = time.time_ns() // 1000
        return {login_id: max(1, now + left) for login_id, left in self._fetch_all(LOGINS, {"ids": list(ids)})}


class LentLog(PostgresLog):
    """The log on a connection that is lent for a moment, and not closed unless it fails."""

    def __init__(self, connection: Any, key: bytes) -> None:
        self.lent = connection
        super().__init__("", key)

    def open(self) -> None:
        self._reopening = None
        # The server stays the same for as long as a connection lasts.
        if not hasattr(self.lent, "identity"):
            self.lent.identity = postgres.identity(self.lent)
        self._use(Opened(self.lent, self.lent.identity))


@cache
def with_percents(sql: str) -> bytes:
    """SQL with psycopg's placeholders instead of `:name`, which `::type` is not."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql).encode()
