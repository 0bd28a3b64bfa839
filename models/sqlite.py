"""The database in one file of SQLite: opening it, its write lock, and connections that each thread keeps.

Its counterpart is models/postgres.py, with the same methods; models/base.py chooses once, at the start.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import peewee

from lib import private
from lib.sqlite import Connection, build_warning, identity, sqlite3
from models import wal
from models.index_sqlite import SqliteIndex
from models.search_index import SearchIndex
from models.timing import BUSY_SECONDS

# For large transactions.
LARGE_CACHE_KILOBYTES = 64 * 1024


class Opened(threading.local):
    """The file, as its path and identity, that this thread's connection was opened for."""

    file: Any = None
    timeout = float(BUSY_SECONDS)


class ReadOnly(Opened):
    """Per-thread read-only connection."""

    connection: sqlite3.Connection | None = None


class SqliteDatabase(peewee.SqliteDatabase):
    """A database with the connection settings that the project relies on."""

    # Whether a query can be made on a thread that must not wait (cache/on_loop.py).
    answers_at_once = True
    # The module of migrations/ that makes all tables of an empty database at once; here the first migrations do.
    tables = ""

    if TYPE_CHECKING:
        # Peewee's annotations lack them.
        def execute_sql(self, sql: str, params: Any = None) -> Any: ...
        def connection(self) -> Any: ...
        def is_closed(self) -> bool: ...
        def in_transaction(self) -> bool: ...
        def close(self) -> bool: ...

    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            timeout=BUSY_SECONDS,
            factory=Connection,
            # A transaction takes the write lock when it begins: two that both read first would deadlock (rule 19).
            lock_type="immediate",
            pragmas={
                "journal_mode": "wal",
                "foreign_keys": 1,
                # docs/decisions/0003-synchronous-full.md
                "synchronous": "full",
                # Each thread keeps its connection.
                "cache_size": -1000,
                "temp_store": "memory",
                # A deleted message leaves no text in the file's free space. Before SQLite 3.42 its words may stay in
                # the search index until that is merged (models/migration.py).
                "secure_delete": 1,
            },
        )
        self.index: SearchIndex = SqliteIndex(self)
        self._read_only = ReadOnly()
        self._kept = Opened()

    # Transactions

    def lock(self) -> None:
        """Take the write lock of the transaction that has begun; here it has it."""

    lock_patiently = lock

    def has_begun(self) -> bool:
        """Whether this thread's connection is in a transaction that has not failed as a whole."""
        return bool(self.connection().in_transaction)

    def changes(self) -> int:
        """How many rows this thread's connection has changed so far."""
        return int(self.connection().total_changes)

    def committed(self) -> None:
        """What follows the commit of a change."""
        wal.schedule_checkpoint(self.database)

    # Queries

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Run an INSERT of one row; returns its id."""
        return int(self.execute_sql(sql, values).lastrowid)

    def run_many(self, sql: str, rows: Any) -> None:
        """Run a statement with each of several rows of values."""
        self.connection().executemany(sql, rows)

    def expect_much(self) -> None:
        """Get this thread's connection ready for large transactions."""
        self.execute_sql(f"PRAGMA cache_size = -{LARGE_CACHE_KILOBYTES}")

    def newest_id(self, table: str) -> int:
        """The newest id that a table has given, even if its row is gone; 0 before the first."""
        row = self.execute_sql("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(row[0] or 0)

    def begin_generation(self) -> None:
        """Make every live stream begin anew: SQLite counts changes of the schema (stream/process/log.py)."""
        self.execute_sql("CREATE TABLE generation (id INTEGER PRIMARY KEY)")
        self.execute_sql("DROP TABLE generation")

    # Connections

    def reopen_replaced(self) -> None:
        """Close this thread's connection if its file was replaced, so that the next query opens the new one.

        A connection would read a replaced file's former contents forever.
        """
        current_file = (self.database, identity(self.database))
        if self._kept.file != current_file:
            if not self.in_transaction():
                self.close()
            self._kept.file = current_file

    def check_own(self) -> None:
        """Nothing: a file is named for this program alone."""

    def check_empty(self) -> None:
        """Nothing: see `tables`."""

    def close_all(self) -> None:
        """Close what this thread has open."""
        self.close()

    def end_request(self, is_sound: bool) -> None:
        """Keep this thread's connection for its next request: opening one and compiling its statements takes long."""
        if self.is_closed() or self.in_transaction():
            return
        connection = self.connection()
        if is_sound and isinstance(connection, Connection):
            connection.end_queries()
        else:
            self.close()

    def read_only_query(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a query on this thread's read-only connection; opening one takes fifty times as long as a short query.

        Holds no lock between two calls. Returns no rows when it fails.
        """
        opened = self._read_only
        try:
            current_file = (self.database, identity(self.database))
            if opened.connection is None or opened.file != current_file:
                if opened.connection is not None:
                    opened.connection.close()
                opened.file = current_file
                opened.connection = sqlite3.connect(self.database, opened.timeout, isolation_level=None)
                opened.connection.execute("PRAGMA query_only = 1")
            return opened.connection.execute(sql, values).fetchall()
        except sqlite3.Error:
            if opened.connection is not None:
                # A state that was read from it may keep it.
                opened.connection.close()
                opened.connection = None
            return []

    def read_state(self) -> Hashable | None:
        """A value that differs from earlier ones once somebody has committed a change; None when it can't be read.

        Only for comparing values that one thread has read (https://sqlite.org/pragma.html#pragma_data_version).
        """
        rows = self.read_only_query("PRAGMA data_version", ())
        return (self._read_only.connection, rows[0][0]) if rows else None

    def never_wait(self) -> None:
        """Let this thread's read_only_query() fail when the database is locked."""
        self._read_only.timeout = 0.0

    # What the operator does

    @property
    def path(self) -> Path:
        """The database's file."""
        return Path(self.database)

    @property
    def shown(self) -> str:
        """What the operator calls it."""
        return str(self.database)

    def make_room(self) -> None:
        """Make the folder for the file. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def files(self) -> list[Path]:
        """The files that only this program may read."""
        return private.database_files(self.path)

    def empty_log(self) -> None:
        """Empty the write-ahead log, which may still contain what was deleted."""
        wal.checkpoint(self.database)

    def warning(self) -> str:
        """A warning for the operator about this build of SQLite; '' when there is none."""
        return build_warning()

    def version_shown(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def checks(self) -> Iterator[tuple[str, str]]:
        """Verdicts on the file: SQLite's own checks."""
        for pragma in ("integrity_check", "foreign_key_check"):
            rows = self.execute_sql(f"PRAGMA {pragma}").fetchall()
            bad = [row for row in rows if row != ("ok",)]
            yield ("wrong", f"{pragma}: {bad[:3]}") if bad else ("ok", pragma)

    def is_sound(self) -> bool:
        """Whether SQLite's integrity check finds no error."""
        try:
            return bool(self.execute_sql("PRAGMA integrity_check").fetchone()[0] == "ok")
        except peewee.DatabaseError:
            return False

    def space_left(self) -> int | None:
        """Free bytes on the database's disk."""
        return shutil.disk_usage(self.path.parent).free

    def back_up_before(self, step: str) -> Path | None:
        """Back up beside the database, under a name with what follows; returns that path."""
        target = self.path.with_name(f"{self.path.name}.before-{step}")
        self.back_up(target)
        return target

    def back_up(self, target: Path) -> None:
        """Copy the database with SQLite's own backup, while others write, and check the copy.

        Raises sqlite3.DatabaseError when the copy is not sound; nothing stands at `target` then.
        """
        # Two servers may start at once: each makes its own copy, and the last one stays.
        unfinished = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        # Readable by the owner only, whatever the database's mode and the umask are.
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(unfinished)) as copy:
            self.connection().backup(copy)
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            unfinished.unlink()
            raise sqlite3.DatabaseError(f"the copy of {self.path} is not sound: {verdict}")
        os.replace(unfinished, target)

    def restore(self, source: Path, known: Sequence[str]) -> Path:
        """Restore a backup in one transaction; others may read and write before and after it.

        Returns the path of a backup of the former contents. Raises ValueError for a file that is not a sound backup, or
        that has had a migration which is not one of the `known`.
        """
        with closing(sqlite3.connect(f"file:{quote(source.resolve().as_posix())}?mode=ro", uri=True)) as backed_up:
            if backed_up.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise ValueError(f"{source} is not sound")
            had = {name for (name,) in backed_up.execute("SELECT name FROM migration")}
            if unknown := had - set(known):
                raise ValueError(f"{source} is of a newer version, with the migration {max(unknown)}")
            kept = self.path.with_name(f"{self.path.name}.before-restore")
            self.back_up(kept)
            self.close()
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as live:
                backed_up.backup(live)
        return kept

    def put_back(self, copy: Path) -> None:
        """Restore the backup from before a migration that could not be rolled back, if the file itself was damaged."""
        if self.is_sound():
            # The rollback has undone all steps, and others may have written since.
            return
        self.close()
        with closing(sqlite3.connect(copy)) as sound, closing(sqlite3.connect(self.path)) as live:
            sound.backup(live)
