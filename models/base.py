"""The database, the clock and the limits that every model shares."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import peewee

from lib.database_url import is_postgres
from lib.limited_worker import LimitedWorker
from lib.limits import Limits
from lib.machine import trouble
from lib.storage import Store
from lib.stores import open_store
from models.sqlite import SqliteDatabase
from models.timing import BUSY_SECONDS, clock

logger = logging.getLogger(__name__)
T = TypeVar("T")


limits = Limits()
SECOND_MICROSECONDS = 1_000_000
MINUTE_MICROSECONDS = 60 * SECOND_MICROSECONDS
HOUR_MICROSECONDS = 60 * MINUTE_MICROSECONDS
DAY_MICROSECONDS = 24 * HOUR_MICROSECONDS
HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
_proxy = peewee.DatabaseProxy()
# What the proxy stands for once it is bound. PostgresDatabase has the same methods.
database: SqliteDatabase = cast("SqliteDatabase", _proxy)


class Media:
    """The store for files, and the process that works on pictures."""

    store: Store

    def __init__(self) -> None:
        # docs/decisions/0018-a-process-for-pictures.md
        self.pictures = LimitedWorker("lib.images", memory=640 * 2**20)


media = Media()


def use(folder: Path, *, bucket: dict[str, Any] | None = None, pictures_at_once: int = 4, **changed: Any) -> None:
    """Set the folder or bucket for files, and the limits that differ from the defaults.

    At most `pictures_at_once` requests of this process may have their pictures worked on or wait for that.
    """
    media.store = open_store(folder, bucket)
    media.pictures.set_places(pictures_at_once)
    for name, value in {**Limits().__dict__, **changed}.items():
        setattr(limits, name, value)


def open_database(url: str, connections: int = 8) -> None:
    """Bind the models to `sqlite:///path`, or to a Postgres server over at most so many connections.

    Nothing is opened until the first query. Raises ValueError for another URL.
    """
    former = _proxy.obj
    if former is not None and not former.in_transaction():
        former.close_all()
    if is_postgres(url):
        from models.postgres import PostgresDatabase

        _proxy.initialize(PostgresDatabase(url, connections))
        return
    kind, _, path = url.partition(":///")
    if kind != "sqlite" or not path:
        raise ValueError(f"not a database that this version knows: {url}")
    _proxy.initialize(SqliteDatabase(path))


# SQLite retries the write lock after ever longer sleeps: among many threads some would wait for most of a second. So
# the threads of a process queue here, and only one per process waits in SQLite.
_turn = threading.RLock()
# How long a transaction goes on with work that could be done in the next one, and how many rows it may change.
WORK_SECONDS = 0.02
WORK_ROWS = 1_000
DELETED_AT_ONCE = 100


class Transaction:
    """This process's open transaction: when it began, and how many rows the connection had changed before."""

    def __init__(self) -> None:
        self.since = 0.0
        self.changes = 0
        self.is_fresh = True


_transaction = Transaction()


_check_login: Callable[[], None] | None = None


def check_logins_by(check: Callable[[], None]) -> None:
    """Call `check` at the beginning of every transaction: it raises when the requesting login has ended."""
    global _check_login
    _check_login = check


@contextmanager
def write(first: Callable[[], None] | None = None) -> Iterator[None]:
    """Run a short transaction that holds the write lock from its beginning. Nested ones join it.

    Whatever an action checked before may have changed by then, so it checks again in here (decision 0020). After
    `first`, the requesting login is checked for all of them. Raises SignedOut.
    """
    if not _turn.acquire(timeout=BUSY_SECONDS):
        raise peewee.OperationalError("database is locked")
    try:
        is_outermost = not database.in_transaction()
        with _outermost() if is_outermost else savepoint():
            if first is not None:
                first()
            if is_outermost and _check_login is not None:
                _check_login()
            yield
    finally:
        _turn.release()


@contextmanager
def _outermost() -> Iterator[None]:
    """The transaction of the thread whose turn it is."""
    try:
        with database.atomic():
            database.lock()
            _transaction.since, _transaction.changes = time.monotonic(), database.changes()
            _transaction.is_fresh = True
            yield
        database.committed()
    except peewee.OperationalError as error:
        # A full disk ends the transaction; Peewee's ROLLBACK then fails and hides the cause.
        raise first_of(error) from None


@contextmanager
def savepoint() -> Iterator[None]:
    """A part of a transaction that can fail alone, with what it would have done after the commit."""
    follow_ups = cast("Any", database)._state.commit_callbacks
    before = len(follow_ups)
    try:
        with database.atomic():
            yield
    except BaseException:
        del follow_ups[before:]
        raise


class Waiting:
    """A change that waits for its turn, and what came of it."""

    def __init__(self, change: Callable[[], Any]) -> None:
        self.change = change
        # With the request whose login is checked.
        self.context = copy_context()
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def make(self) -> None:
        """Make the change."""
        self.result = self.context.run(self._checked)

    def make_or_undo(self) -> None:
        """Make the change, or nothing of it. Raises what has ended the whole transaction."""
        try:
            with savepoint():
                self.make()
        except BaseException as error:
            self.error = first_of(error) if isinstance(error, peewee.DatabaseError) else error
            if not database.has_begun():
                raise self.error from None

    def _checked(self) -> Any:
        if _check_login is not None:
            _check_login()
        return self.change()

    def withdraw(self) -> bool:
        """Stop waiting. Returns False when its transaction has started."""
        try:
            _waiting.remove(self)
        except ValueError:
            return False
        return True


_waiting: deque[Waiting] = deque()


def write_together(change: Callable[[], T]) -> T:
    """Make a change as in a write(), in one transaction with those that other threads wait to make (decision 0038).

    Each can fail alone; if the commit fails, all do. Returns after the commit. Inside a write() it joins that.
    """
    if database.in_transaction():
        with write():
            return change()
    own = Waiting(change)
    _waiting.append(own)
    if not _turn.acquire(timeout=BUSY_SECONDS):
        if own.withdraw():
            raise peewee.OperationalError("database is locked")
        # It is being made: whether it was is known soon.
        _turn.acquire()
    try:
        if not own.is_done:
            _write_waiting(own)
    finally:
        _turn.release()
    if own.error is not None:
        raise own.error
    return cast("T", own.result)


def _next_waiting() -> Waiting | None:
    try:
        return _waiting.popleft()
    except IndexError:
        return None


def _write_waiting(own: Waiting) -> None:
    """Make this change and the waiting ones, as many as a short transaction has time for. Raises nothing."""
    own.withdraw()
    changes = [own]
    try:
        with _outermost():
            # If it fails, the transaction contains nothing else yet.
            own.make()
            while time.monotonic() - _transaction.since < WORK_SECONDS and (change := _next_waiting()):
                changes.append(change)
                change.make_or_undo()
    except BaseException as error:
        for change in changes:
            change.error = change.error or error
    for change in changes:
        change.is_done = True


def has_room() -> bool:
    """Whether this transaction is still short enough for work that could wait. Inside a write() only.

    Each transaction has time for at least one batch, so that even a slow machine makes progress.
    """
    rows = database.changes() - _transaction.changes
    has_time = _transaction.is_fresh or time.monotonic() - _transaction.since < WORK_SECONDS
    _transaction.is_fresh = False
    return has_time and rows < WORK_ROWS


def first_of(error: peewee.DatabaseError) -> peewee.DatabaseError:
    """The cause of a failed ROLLBACK; any other error itself."""
    cause: BaseException | None = error
    while cause is not None and any(words in str(cause) for words in ("no transaction is active", "no such savepoint")):
        cause = cause.__context__
    return cause if isinstance(cause, peewee.DatabaseError) else error


@contextmanager
def log_errors() -> Iterator[None]:
    """Log errors of what follows a commit, and raise none: the change itself succeeded."""
    try:
        yield
    except Exception as error:
        logger.warning("follow-up of a change failed: %s: %s", type(error).__name__, error, exc_info=not trouble(error))


def after_commit(work: Callable[[], object]) -> None:
    """Run a function once the transaction is committed; at once outside of one."""

    def done() -> None:
        with log_errors():
            work()

    database.after_commit(done)


def remove_bytes(keys: Sequence[str]) -> None:
    """Remove files that no row refers to."""
    media.store.discard(keys)


def remove_after_commit(keys: Sequence[str]) -> None:
    """Remove files once the commit has made sure that no row refers to them."""
    after_commit(lambda: remove_bytes(keys))


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000 + clock.offset


def moment(micros: int) -> datetime:
    """The same point in time as an aware datetime."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def iso(micros: int | None) -> str | None:
    """ISO 8601 in UTC with `Z`, to the microsecond."""
    return None if micros is None else moment(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")


def human_size(size: int) -> str:
    """Format bytes for people: 214 KB, 1.2 MB. A kilobyte is 1,024 bytes."""
    if size < 1024:
        return f"{size} B"
    amount, unit = size / 1024, "KB"
    if amount >= 1024:
        amount, unit = amount / 1024, "MB"
    rounded = f"{amount:.1f}".removesuffix(".0") if amount < 10 else f"{amount:.0f}"
    return f"{rounded} {unit}"


class Model(peewee.Model):
    """A row with an `id` that is never reused."""

    id: Any

    @classmethod
    def delete(cls) -> Any:
        """A DELETE query. Overridden because Peewee's annotation does not work with Self."""
        return peewee.ModelDelete(cls)

    class Meta:
        database = database
        legacy_table_names = False

    def __hash__(self) -> int:
        return hash((type(self), self.id))

    @property
    def hue(self) -> int:
        """Which of eight colours an avatar has."""
        return hue_of(self.id)


def hue_of(row_id: int) -> int:
    """Which of eight colours the avatar of a person or chat has."""
    return row_id % 8


def delete_some(kind: Any, which: Any) -> bool:
    """Delete rows in small batches while has_room(). Returns whether none are left. Inside a write() only."""
    while has_room():
        if (
            kind.delete().where(kind.id.in_(kind.select(kind.id).where(which).limit(DELETED_AT_ONCE))).execute()
            < DELETED_AT_ONCE
        ):
            return True
    return False
