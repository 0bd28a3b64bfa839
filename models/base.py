"""The database, the clock and the limits that every model shares."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import peewee

from storage import Folder


@dataclass
class Limits:
    """How much of what; told in the answer that meets it. Sizes of text in characters, of files in bytes."""

    username_min: int = 3
    username_max: int = 32
    password_min: int = 8
    password_max: int = 256
    name_max: int = 100
    about_max: int = 500
    title_max: int = 100
    description_max: int = 500
    text_max: int = 10_000
    file_max: int = 25 * 2**20
    files_max: int = 10
    key_days: int = 7
    event_days: int = 30
    posts_a_minute: int = 240
    undo_seconds: int = 30
    throttled: bool = True


limits = Limits()
# How long a change waits for others before it is refused with 503.
BUSY_SECONDS = 5
_proxy = peewee.DatabaseProxy()
# What the proxy stands for once it is bound: its methods are those of a database.
database: peewee.Database = cast("peewee.Database", _proxy)


class Media:
    """Where the bytes of files lie; handed in once, at the start."""

    store: Folder


def use(media: Path, **changed: Any) -> None:
    """Hand the models their folder for files, and the limits that differ from the usual ones."""
    Media.store = Folder(media)
    for name, value in {**Limits().__dict__, **changed}.items():
        setattr(limits, name, value)


def open_database(url: str) -> None:
    """Bind the models to `sqlite:///path`. Nothing is opened until the first query."""
    kind, _, path = url.partition(":///")
    if kind != "sqlite" or not path:
        raise ValueError(f"not a database that this version knows: {url}")
    _proxy.initialize(sqlite(path))


def sqlite(path: str) -> peewee.SqliteDatabase:
    """A database file with the settings that all of the project relies on."""
    return peewee.SqliteDatabase(
        path,
        timeout=BUSY_SECONDS,
        # A transaction takes the write lock when it begins: two that read first would deadlock (rule 19).
        lock_type="immediate",
        pragmas={
            "journal_mode": "wal",
            "foreign_keys": 1,
            # docs/decisions/0003-synchronous-full.md
            "synchronous": "full",
            "cache_size": -8000,
            "temp_store": "memory",
            # A deleted message leaves no text in the file's free space. The words of it may stay in the search index
            # until that is merged, where SQLite is older than 3.42 (models/migration.py).
            "secure_delete": 1,
        },
    )


# SQLite lets who waits for its write lock sleep and look again, ever longer: among many threads some would wait for
# most of a second. So the threads of a process queue here, and at SQLite's door stands one of each process.
_turn = threading.RLock()


@contextmanager
def write() -> Iterator[None]:
    """One short transaction that holds the write lock from its beginning; nested ones join it."""
    if not _turn.acquire(timeout=BUSY_SECONDS):
        raise peewee.OperationalError("database is locked")
    try:
        with database.atomic():
            yield
    except peewee.OperationalError as error:
        # A full disk ends the transaction by itself; Peewee's own ROLLBACK then fails and hides why.
        raise first_of(error) from None
    finally:
        _turn.release()


class Kept(threading.local):
    """What a thread keeps to look by."""

    connection: sqlite3.Connection | None = None
    path = ""


_kept = Kept()


def glimpse(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows, by a connection that this thread keeps: opening one takes fifty times as long as such a look.

    It only reads, and holds nothing between two looks. Where it fails there are no rows.
    """
    try:
        if _kept.connection is None or _kept.path != database.database:
            if _kept.connection is not None:
                _kept.connection.close()
            _kept.path = database.database
            _kept.connection = sqlite3.connect(_kept.path, isolation_level=None)
            _kept.connection.execute("PRAGMA query_only = 1")
        return _kept.connection.execute(sql, values).fetchall()
    except sqlite3.Error:
        _kept.connection = None
        return []


def first_of(error: peewee.DatabaseError) -> peewee.DatabaseError:
    """The error that came before a failed ROLLBACK; itself when it is none of that."""
    cause: BaseException | None = error
    while cause is not None and "no transaction is active" in str(cause):
        cause = cause.__context__
    return cause if isinstance(cause, peewee.DatabaseError) else error


def remove_after_commit(keys: Sequence[str]) -> None:
    """Take bytes out of the store once it is certain that no row names them any more."""

    def remove() -> None:
        for key in keys:
            Media.store.remove(key)

    database.after_commit(remove)


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def moment(micros: int) -> datetime:
    """The same point in time as an aware datetime."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def iso(micros: int | None) -> str | None:
    """ISO 8601 in UTC with `Z`, to the microsecond."""
    return None if micros is None else moment(micros).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def human_size(size: int) -> str:
    """Bytes as people say them: 214 KB, 1.2 MB. A kilobyte is 1,024 bytes."""
    if size < 1024:
        return f"{size} B"
    amount, unit = size / 1024, "KB"
    if amount >= 1024:
        amount, unit = amount / 1024, "MB"
    rounded = f"{amount:.1f}".removesuffix(".0") if amount < 10 else f"{amount:.0f}"
    return f"{rounded} {unit}"


def initials(label: str) -> str:
    """Two letters that stand for a name: of its first two words, else its first two."""
    parts = [part for part in label.replace("_", " ").replace(".", " ").replace("-", " ").split() if part]
    letters = parts[0][0] + parts[1][0] if len(parts) > 1 else (parts[0][:2] if parts else "?")
    return letters.upper()


class Model(peewee.Model):
    """A row with an `id` that is never reused."""

    id: Any

    @classmethod
    def delete(cls) -> Any:
        """A DELETE query. Typed here, since Peewee's own type of it does not fit a class that is called Self."""
        return peewee.ModelDelete(cls)

    class Meta:
        database = database
        legacy_table_names = False

    def __hash__(self) -> int:
        return hash((type(self), self.id))

    @property
    def hue(self) -> int:
        """One of the eight lasting colours of an avatar."""
        return int(self.id) % 8
