"""The database on a Postgres server: connections from a bounded pool, and a lock that makes writers take turns.

Its counterpart is models/sqlite.py, with the same methods; models/base.py chooses once, at the start. Imported only
where DATABASE_URL names such a server. docs/decisions/0040-postgres.md says what differs, and why.
"""

# Peewee's pool has no annotations.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import peewee
import psycopg
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase
from psycopg.pq import TransactionStatus

from lib import postgres
from lib.database_url import shown
from lib.machine import NO_CONNECTION
from lib.watched_postgres import WatchedConnection
from models.index_postgres import PostgresIndex
from models.search_index import SearchIndex
from models.timing import BUSY_SECONDS, clock

# An advisory lock has a number within its database. Any will do that nobody else uses there.
WRITE_LOCK = 5_230_461_179
# A connection that was used within so many seconds is not tried out before it is used again.
TRUSTED_SECONDS = 1.0
# Whoever opens or tries out a connection keeps all other threads from theirs. So after an attempt that failed and took
# longer than this, others fail at once for some seconds.
SLOW_SECONDS, REST_SECONDS = 1.0, 2.0
SILENT = "the server does not answer"
WRITES = ("INSERT", "UPDATE", "DELETE")
# A transaction of another isolation would not see what was committed while it waited for the lock.
SETTINGS = rf"-c lock_timeout={BUSY_SECONDS}s -c default_transaction_isolation=read\ committed"


class Adapter(peewee.Psycopg3Adapter):
    """Opens connections with the settings of lib/postgres.py."""

    def connect(self, db: Any, **params: Any) -> Any:
        connection: Any = postgres.connect(db.database, WatchedConnection, options=SETTINGS)
        # A query may take long.
        connection.is_watched = False
        connection.used_at, connection.changed_rows = time.monotonic(), 0
        set_clock(connection)
        return connection


class PostgresDatabase(PooledPostgresqlDatabase):
    """A database with the connection settings that the project relies on.

    Raw SQL is written with SQLite's placeholder, `?`; the few functions of SQLite that it uses are created by
    migrations/postgres_tables.py.
    """

    # A query waits for the network, which the event loop must not (cache/on_loop.py).
    answers_at_once = False
    # The module of migrations/ that makes all tables of an empty database at once.
    tables = "postgres_tables"
    psycopg3_adapter = Adapter

    def __init__(self, url: str, connections: int) -> None:
        super().__init__(url, max_connections=connections, timeout=BUSY_SECONDS, prefer_psycopg3=True)
        self.index: SearchIndex = PostgresIndex(self)
        self._silent_until = 0.0

    @property
    def shown(self) -> str:
        """What the operator calls it, without the password."""
        return shown(self.database)

    # Transactions

    def lock(self) -> None:
        """Let writers of all hosts take turns: the transaction that has begun goes on when it is its turn.

        So, as in SQLite, it sees all that was committed before, and the ids that it gives grow in the order of commits.
        """
        self.execute_sql("SELECT pg_advisory_xact_lock(?)", (WRITE_LOCK,))

    def lock_patiently(self) -> None:
        """Wait for the turn however long it takes: another host that starts may have much to migrate."""
        self.execute_sql("SET LOCAL lock_timeout = 0")
        self.lock()
        self.execute_sql("SET LOCAL lock_timeout TO DEFAULT")

    def has_begun(self) -> bool:
        """Whether this thread's connection is in a transaction that has not failed as a whole."""
        return bool(self.connection().info.transaction_status == TransactionStatus.INTRANS)

    def changes(self) -> int:
        """How many rows this thread's connection has changed so far."""
        return int(self.connection().changed_rows)

    def committed(self) -> None:
        """What follows the commit of a change: nothing, the server looks after its own log."""

    # Queries

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        cursor = super().execute_sql(translated(sql), params)
        self._count(cursor)
        return cursor

    def _count(self, cursor: Any) -> None:
        """Add the rows that a statement changed to those of this thread's connection."""
        if cursor.rowcount > 0 and (cursor.statusmessage or "").startswith(WRITES):
            self.connection().changed_rows += cursor.rowcount

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Run an INSERT of one row that Peewee has built, with RETURNING; returns its id."""
        return int(self.execute_sql(sql, values).fetchone()[0])

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement with each of several rows of values."""
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            cursor = self.connection().cursor()
            cursor.executemany(translated(sql), list(rows))
        self._count(cursor)

    def expect_much(self) -> None:
        """Nothing: the server's memory is its own matter."""

    def newest_id(self, table: str) -> int:
        """The newest id that a table has given, even if its row is gone; 0 before the first. Inside a write() only."""
        last, is_called = self.execute_sql(f"SELECT last_value, is_called FROM {table}_id_seq").fetchone()
        return int(last) if is_called else 0

    def begin_generation(self) -> None:
        """Make every live stream begin anew (stream/process/log_postgres.py)."""
        self.execute_sql("UPDATE generation SET value = value + 1")

    # Connections

    def connect(self, reuse_if_open: bool = False) -> bool:
        try:
            return bool(super().connect(reuse_if_open))
        except MaxConnectionsExceeded as error:
            raise peewee.OperationalError(NO_CONNECTION) from error

    def _connect(self) -> Any:
        began = time.monotonic()
        if began < self._silent_until:
            raise psycopg.OperationalError(SILENT)
        try:
            return super()._connect()
        except psycopg.OperationalError:
            if time.monotonic() - began > SLOW_SECONDS:
                self._silent_until = time.monotonic() + REST_SECONDS
                self.close_idle()
            raise

    def _is_closed(self, conn: Any) -> bool:
        began = time.monotonic()
        if began - conn.used_at < TRUSTED_SECONDS:
            return bool(conn.closed)
        conn.is_watched = True
        is_closed = bool(super()._is_closed(conn))
        conn.is_watched = False
        if is_closed and time.monotonic() - began > SLOW_SECONDS:
            conn.close()
            raise psycopg.OperationalError(SILENT)
        return is_closed

    def _can_reuse(self, conn: Any) -> bool:
        conn.used_at = time.monotonic()
        return bool(super()._can_reuse(conn))

    def reopen_replaced(self) -> None:
        """Nothing: a lost connection is noticed when it is taken from the pool."""

    def end_request(self, is_sound: bool) -> None:
        """Give this thread's connection back to the pool."""
        if not self.in_transaction():
            self.close()

    def read_only_query(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a query, and give back the connection that it took. Returns no rows when it fails."""
        was_closed = self.is_closed()
        try:
            return list(self._execute_cursor(translated(sql), values).fetchall())  # type: ignore[attr-defined]
        except (peewee.DatabaseError, peewee.InterfaceError):
            return []
        finally:
            if was_closed:
                self.close()

    def read_state(self) -> None:
        """None: Postgres does not tell whether anything has changed."""

    def never_wait(self) -> None:
        """Nothing: see `answers_at_once`."""

    def check_own(self) -> None:
        """Raise OperationalError unless the table of migrations is this program's: others have one, too."""
        if {column.name for column in self.get_columns("migration")} != {"name", "applied_at"}:
            raise self._foreign()

    def check_empty(self) -> None:
        """Raise OperationalError when the database has tables of another program."""
        if self.get_tables():
            raise self._foreign()

    def _foreign(self) -> peewee.OperationalError:
        return peewee.OperationalError("it has tables of another program; use an empty database")

    # What the operator does

    def make_room(self) -> None:
        """Connect once, so that a wrong address is reported at the start. Raises OperationalError."""
        try:
            postgres.connect(self.database).close()
        except psycopg.Error as error:
            raise peewee.OperationalError(postgres.reason(error)) from error

    def files(self) -> list[Path]:
        """The files that only this program may read: none, the server has them."""
        return []

    def back_up_before(self, step: str) -> Path | None:
        """No copy before a migration: a failed one is rolled back, and copies are the server's (docs/operate.md)."""
        return None

    def restore(self, source: Path, known: Sequence[str]) -> Path:
        """Raises ValueError: backups of a server are restored with the server's tools."""
        raise ValueError("backups of Postgres are restored with pg_restore (docs/operate.md).")

    def put_back(self, copy: Path) -> None:
        """Nothing: there is no copy."""

    def empty_log(self) -> None:
        """Nothing: the server looks after its own log."""

    def warning(self) -> str:
        """A warning for the operator about the server; '' when there is none."""
        return ""

    def version_shown(self) -> str:
        return f"Postgres {self.execute_sql('SHOW server_version').fetchone()[0]}"

    def checks(self) -> Iterator[tuple[str, str]]:
        """Verdicts on the database's files: the server's own matter, see docs/operate.md."""
        yield "ok", f"the server answers ({self.shown})"

    def space_left(self) -> int | None:
        """Free bytes beside the database: unknown here."""
        return None


@lru_cache(maxsize=2_000)
def translated(sql: str) -> str:
    """Raw SQL with psycopg's placeholders instead of SQLite's. What Peewee has built has them already."""
    return sql if "?" not in sql or "%s" in sql else sql.replace("%", "%%").replace("?", "%s")


def set_clock(connection: Any) -> None:
    """Go by the database's clock: those of two hosts may differ by a minute."""
    before = time.time_ns()
    row = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
    here = (before + time.time_ns()) // 2
    clock.offset = int(row[0]) - here // 1000
