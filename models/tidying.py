"""Taking away what is over, a little at a time."""

from __future__ import annotations

import logging

import peewee

import jobs
from models.attempt import Attempt
from models.base import Media, database, limits
from models.chat import Chat
from models.event import Event
from models.file import File
from models.link import Link
from models.login import Login
from models.message import SentKey
from models.user import User
from models.withdrawn import Withdrawn

log = logging.getLogger(__name__)

EVERY = 100
DAY = 86_400


def now_and_then(number: int) -> None:
    """What was deleted goes after a message; after one of a hundred a few old events, keys, tries, logins, links."""
    if number % EVERY == 0:
        for kind in (Event, SentKey, Attempt, Login, Link):
            kind.prune()
    # One question of a table that is nearly always empty: should no thread have lived to do it, no text stays for long.
    Withdrawn.prune()


def soon() -> None:
    """Forget what was deleted as soon as it can't be put back any more. One thread waits, however much was deleted."""
    path = str(database.database)
    if limits.undo_seconds and path not in awaited:
        awaited.add(path)
        jobs.after(limits.undo_seconds + 1, forget, path)


# The databases for which a thread of this process waits.
awaited: set[str] = set()


def forget(path: str) -> None:
    """Drop the deleted texts and files whose time is over, if it is this database still.

    What fails here, or is cut off, is done after the next message or deletion, or at the next start.
    """
    awaited.discard(path)
    if database.database != path:
        return
    try:
        with database.connection_context():
            Withdrawn.prune()
            if Withdrawn.select().exists():
                soon()
    except peewee.DatabaseError as error:
        log.warning("what was deleted could not be forgotten yet: %s", error)


def sweep_files() -> int:
    """Remove bytes that no row names, a day after they came (rule 23). Returns how many files went."""
    return Media.store.sweep(named, DAY)


# Every column that holds a key of the store: what stands in none of them, and is not kept for an undo, is swept away.
KEYS = (File.key, File.display_key, File.thumbnail_key, User.avatar, Chat.picture)


def named(keys: list[str]) -> set[str]:
    """Those of some keys that a row names."""
    found: set[str] = set()
    for column in KEYS:
        found.update(key for (key,) in column.model.select(column).where(column.in_(keys)).tuples())
    return found | (Withdrawn.every_key() & set(keys))


def every_key() -> set[str]:
    """All keys that a row names."""
    known = {key for column in KEYS for (key,) in column.model.select(column).tuples() if key}
    return known | Withdrawn.every_key()
