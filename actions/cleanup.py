"""Deleting expired rows and unused files, in small batches."""

from __future__ import annotations

import time
from collections import deque

from peewee import fn

from lib import jobs
from models import task
from models.attempt import Attempt
from models.base import DAY_SECONDS, database, limits, log_errors, media
from models.chat import Chat
from models.deleted_message import DeletedMessage
from models.event import Event
from models.file import File
from models.link import Link
from models.login import Login
from models.sent_key import SentKey
from models.task import Task
from models.user import User

EVERY = 100
LEFT = "SELECT EXISTS (SELECT 1 FROM withdrawn), EXISTS (SELECT 1 FROM task)"


def prune_occasionally(number: int) -> None:
    """Delete what can't be restored any more; after every hundredth message also expired rows."""
    if number % EVERY == 0:
        for kind in (Event, SentKey, Attempt, Login, Link):
            with log_errors():
                kind.prune()
    # One query of two tables that are nearly always empty.
    with log_errors():
        if any(database.execute_sql(LEFT).fetchone()):
            # No deleted text stays for long, even if its thread did not live.
            DeletedMessage.prune()
            # Likewise continue the tasks of a process that ended.
            if Task.select().exists():
                task.schedule()


def schedule_purge() -> None:
    """Schedule the final deletion of deleted messages for the end of their undo time, by the monotonic clock."""
    with log_errors():
        last = DeletedMessage.select(fn.MAX(DeletedMessage.id)).scalar()
        if limits.undo_seconds and last is not None:
            waiting.append((time.monotonic() + limits.undo_seconds, last))
            wait(str(database.database))


# (when, last row id): which of the messages deleted in this process to purge, and when.
waiting: deque[tuple[float, int]] = deque()
# The databases with a scheduled purge.
awaited: set[str] = set()


def wait(path: str) -> None:
    if path not in awaited:
        awaited.add(path)
        jobs.run_after(limits.undo_seconds + 1, forget, path)


def forget(path: str) -> None:
    """Delete texts and files past their undo time for good, if this database is still open.

    What fails or is interrupted is done after the next message or deletion, or at the next start.
    """
    awaited.discard(path)
    if database.database != path:
        return
    up_to = 0
    while waiting and waiting[0][0] <= time.monotonic():
        up_to = max(up_to, waiting.popleft()[1])
    with log_errors(), database.connection_context():
        while DeletedMessage.prune(up_to):
            pass
        if waiting or DeletedMessage.select().exists():
            wait(path)


def sweep_files() -> int:
    """Remove files that no row refers to, a day after they came (rule 23). Returns how many were removed."""
    return media.store.sweep(known_keys, DAY_SECONDS)


# All columns that hold a key of the store. Files in none of them, and not needed for an undo, are swept.
KEYS = (File.key, File.display_key, File.thumbnail_key, User.avatar, Chat.picture)


def known_keys(keys: list[str]) -> set[str]:
    """Those of the given keys that a row refers to."""
    found: set[str] = set()
    for column in KEYS:
        found.update(key for (key,) in column.model.select(column).where(column.in_(keys)).tuples())
    return found | (DeletedMessage.all_keys() & set(keys))


def all_keys() -> set[str]:
    """All keys that rows refer to."""
    known = {key for column in KEYS for (key,) in column.model.select(column).tuples() if key}
    return known | DeletedMessage.all_keys()
