"""Checkpoints of SQLite's write-ahead log, which contains deleted content until it is overwritten (decision 0024)."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import quote

from lib import jobs, sqlite
from lib.sqlite import sqlite3

logger = logging.getLogger(__name__)

# Delay after a change; at most one checkpoint per process in this time.
DELAY_SECONDS = 20.0
# How long a checkpoint waits for readers; nobody can write meanwhile.
LOCK_TIMEOUT_SECONDS = 0.05

# The databases with a scheduled checkpoint.
scheduled: set[str] = set()


def schedule_checkpoint(path: str) -> None:
    """Schedule a checkpoint, unless one is scheduled already. Raises nothing."""
    if path in scheduled:
        return
    scheduled.add(path)
    try:
        jobs.run_after(DELAY_SECONDS, _run_checkpoint, path)
    except RuntimeError as error:
        # No thread available; the next change tries again.
        scheduled.discard(path)
        logger.warning("can't checkpoint the write-ahead log yet: %s", error)


def _run_checkpoint(path: str) -> None:
    scheduled.discard(path)
    if not Path(path).exists():
        return
    try:
        is_done = checkpoint(path)
    except sqlite3.Error as error:
        is_done = False
        logger.warning("can't checkpoint the write-ahead log yet: %s", error)
    if not is_done:
        schedule_checkpoint(path)


def checkpoint(path: str) -> bool:
    """Write the whole log into the database and truncate it. Returns False when a reader or writer takes too long."""
    uri = f"file:{quote(Path(path).as_posix())}?mode=rw"
    database = sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)
    try:
        if not sqlite.has_reset_bug(sqlite3.sqlite_version_info):
            # Others may write during this one, which leaves little for the next, which holds the write lock.
            database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return truncate(database)
    finally:
        database.close()


def truncate(database: sqlite3.Connection) -> bool:
    """Write the rest of the log into the database under the write lock, and truncate it."""
    busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
