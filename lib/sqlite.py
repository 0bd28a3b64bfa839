"""The one build of SQLite that the whole program uses (docs/decisions/0023).

Two builds that open the same file in one process break each other's locks. Like Peewee, this module takes the newer one
of `pysqlite3` and the system's; all other modules import `sqlite3` from here.
"""

from __future__ import annotations

import os
import sqlite3 as _system
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

__all__ = ["Connection", "build_warning", "forgets_words", "has_reset_bug", "identity", "sqlite3"]

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        # No wheel for this machine: use the system's, see build_warning().
        sqlite3 = _system
    else:
        if sqlite3.sqlite_version_info < _system.sqlite_version_info:
            sqlite3 = _system

Version = tuple[int, int, int]
# https://sqlite.org/wal.html#walresetbug: since 3.7.0; fixed in 3.51.3 and in these two.
MENDED: Version = (3, 51, 3)
MENDED_EARLIER: tuple[Version, ...] = ((3, 44, 6), (3, 50, 7))
# https://sqlite.org/fts5.html#the_secure_delete_configuration_option
FORGETS_WORDS: Version = (3, 42, 0)


class Connection(sqlite3.Connection):
    """A connection that can end the queries that were not read to their end.

    As long as one of them is open, all queries of the connection see the database as of then.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *args: Any) -> Any:
        cursor = super().cursor(*args)
        self._cursors.add(cursor)
        return cursor

    def end_queries(self) -> None:
        for cursor in list(self._cursors):
            cursor.close()


def identity(path: str) -> tuple[int, int] | None:
    """The device and inode of a file, which change when it is replaced. None when there is no file."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return None
    return there.st_dev, there.st_ino


def has_reset_bug(version: Version) -> bool:
    """Whether two checkpoints and a concurrent commit may, very rarely, corrupt a database in WAL mode."""
    earlier = any(version[:2] == mended[:2] and version >= mended for mended in MENDED_EARLIER)
    return version < MENDED and not earlier


def forgets_words(version: Version) -> bool:
    """Whether deleted words disappear from a full-text index at once."""
    return version >= FORGETS_WORDS


def build_warning() -> str:
    """A warning for the operator about this build; '' when there is none."""
    version: Version = sqlite3.sqlite_version_info
    wrong = []
    if has_reset_bug(version):
        wrong.append("has the WAL-reset bug")
    if not forgets_words(version):
        wrong.append("keeps single words of deleted messages in its index for a while")
    return f"SQLite {sqlite3.sqlite_version} {' and '.join(wrong)} (docs/operate.md)" if wrong else ""
