"""Which errors mean trouble of the machine (disk, memory, files) rather than a bug or a bad request."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import peewee

from lib.sqlite import sqlite3

# HTTP statuses: no space left; otherwise temporarily unavailable.
FULL, UNABLE = 507, 503

FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNABLE_ERRORS = {
    # A folder that is not writable, missing or replaced, or a broken disk.
    errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ETIMEDOUT,
    errno.ENOTDIR, errno.EBUSY,
    # Too many open files, too little memory, no locks.
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOLCK, errno.EAGAIN, errno.EINTR,
}  # fmt: skip

# A missing file may also be a bug: these count only in is_machine_error().
MISSING_ERRORS = {errno.ENOENT, errno.EISDIR, errno.ELOOP}

# https://sqlite.org/rescode.html: result codes, and their messages for errors without a code.
FULL_CODES = {13: "database or disk is full"}
UNABLE_CODES = {
    3: "access permission denied",
    5: "database is locked",
    6: "database table is locked",
    7: "out of memory",
    8: "attempt to write a readonly database",
    9: "interrupted",
    10: "disk I/O error",
    11: "database disk image is malformed",
    14: "unable to open database file",
    15: "locking protocol",
    22: "large file support is disabled",
    26: "file is not a database",
}
# The only generic SQLite error that counts: the file is not the right database.
NO_TABLE = "no such table"
# The error of a database that was moved elsewhere (models/move_sqlite.py).
MOVED = "attempt to write a database that was moved"
NO_THREAD = "can't start new thread"
NO_CONNECTION = "all database connections are in use"
# https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, and classes by their first two characters.
FULL_STATE, NO_TABLE_STATE = "53100", "42P01"
UNABLE_STATES = {
    "08",  # the connection is lost or refused
    "25",  # a read-only transaction: a standby
    "28", "3D",  # the account or the database is gone
    "40",  # rolled back for another transaction
    "53",  # no memory, no connections left
    "55",  # a lock was not available in time
    "57",  # the server shuts down or starts up, or a query was cancelled
    "58", "XX",  # its disk or memory fails
    NO_TABLE_STATE,
}  # fmt: skip


def trouble(error: BaseException) -> int:
    """507 for an error that means a full disk, 503 for other trouble of the machine, 0 for none."""
    match error:
        case sqlite3.Error() | peewee.PeeweeException():
            cause = _of_driver(error)
            return _by_message(error) if cause is None else _of_postgres(cause)
        case MemoryError():
            return UNABLE
        case OSError():
            return FULL if error.errno in FULL_ERRORS else UNABLE if error.errno in UNABLE_ERRORS else 0
        case RuntimeError() if str(error) == NO_THREAD:
            return UNABLE
    return 0


def is_machine_error(error: BaseException) -> bool:
    """Whether an error came from the system while working on one of our files. Pillow raises OSError without an errno
    for files it can't read.
    """
    return isinstance(error, OSError) and (bool(trouble(error)) or error.errno in MISSING_ERRORS)


def may_be_committed(error: BaseException) -> bool:
    """Whether a transaction that failed may have been committed all the same: the connection to the server broke, and
    perhaps only the answer was lost.
    """
    cause = _of_driver(error) if isinstance(error, peewee.PeeweeException) else None
    state = str(getattr(cause, "sqlstate", None) or "")
    return cause is not None and state[:2] in ("", "08", "57")


def is_without_tables(error: BaseException) -> bool:
    """Whether a query failed because the database has no tables yet."""
    cause = _of_driver(error)
    return NO_TABLE in str(error) if cause is None else getattr(cause, "sqlstate", None) == NO_TABLE_STATE


def _of_driver(error: BaseException) -> BaseException | None:
    """The error of Postgres' driver that Peewee's stands for; None for one of SQLite."""
    cause: BaseException | None = error
    while cause is not None and not type(cause).__module__.startswith("psycopg"):
        cause = cause.__context__
    return cause


def _of_postgres(error: BaseException) -> int:
    state = getattr(error, "sqlstate", None)
    if state is None:
        # Nothing came from the server.
        return UNABLE if type(error).__name__ in ("OperationalError", "InterfaceError", "UnsuitableServer") else 0
    return FULL if state == FULL_STATE else UNABLE if {state, state[:2]} & UNABLE_STATES else 0


def _by_message(error: BaseException) -> int:
    text = str(error)
    if text.startswith(NO_TABLE) or text in (NO_CONNECTION, MOVED):
        return UNABLE
    for code in _codes(error, text):
        return FULL if code in FULL_CODES else UNABLE if code in UNABLE_CODES else 0
    if any(words in text for words in FULL_CODES.values()):
        return FULL
    return UNABLE if any(words in text for words in UNABLE_CODES.values()) else 0


def _codes(error: BaseException, text: str) -> Iterator[int]:
    """Yield SQLite's primary result code. Peewee's error has the SQLite error as its context."""
    cause: BaseException | None = error
    while cause is not None and str(cause) == text:
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None:
            yield code & 0xFF
        cause = cause.__context__
