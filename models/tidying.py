"""Taking away what is over, a little at a time."""

from __future__ import annotations

from models.attempt import Attempt
from models.base import Media
from models.event import Event
from models.file import File
from models.link import Link
from models.login import Login
from models.message import SentKey
from models.user import User

EVERY = 100
DAY = 86_400


def now_and_then(number: int) -> None:
    """After one message of a hundred: drop a few old events, keys, tries, logins and links, each in its own moment."""
    if number % EVERY == 0:
        for kind in (Event, SentKey, Attempt, Login, Link):
            kind.prune()


def sweep_files() -> int:
    """Remove bytes that no row names, a day after they came (rule 23). Returns how many files went."""
    return Media.store.sweep(named, DAY)


# Every column that holds a key of the store: what stands in none of them is swept away.
KEYS = (File.key, File.display_key, File.thumbnail_key, User.avatar)


def named(keys: list[str]) -> set[str]:
    """Those of some keys that a row names."""
    found: set[str] = set()
    for column in KEYS:
        found.update(key for (key,) in column.model.select(column).where(column.in_(keys)).tuples())
    return found


def every_key() -> set[str]:
    """All keys that a row names."""
    return {key for column in KEYS for (key,) in column.model.select(column).tuples() if key}
