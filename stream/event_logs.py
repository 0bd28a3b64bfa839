"""The event log as web workers read it: for the moment of a query, on connections that they have anyway."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import peewee

from lib.database_url import is_postgres
from models import database
from stream.process.engine import log_of
from stream.process.log import EventLog
from stream.process.log_sqlite import SqliteLog


class ThreadLog(threading.local):
    log: EventLog | None = None


class FileLogs:
    """SQLite: each thread keeps a log to ask where it ends, since opening one takes much longer."""

    def __init__(self, path: str, key: bytes) -> None:
        self.path, self.key = path, key
        self.errors = SqliteLog.errors
        self._thread = ThreadLog()

    @contextmanager
    def kept(self) -> Iterator[EventLog]:
        """This thread's log, with the generation of now. Raises one of `errors`."""
        log = self._thread.log
        try:
            if log is None:
                log = self._thread.log = SqliteLog(self.path, self.key)
            elif not log.reopen_if_replaced():
                log.load_generation()
            yield log
        except self.errors:
            self._thread.log = None
            raise

    def opened(self) -> AbstractContextManager[EventLog]:
        """A log that is closed afterwards (rule 24). Raises one of `errors`."""
        return closing(SqliteLog(self.path, self.key))


class ServerLogs:
    """Postgres: on this thread's connection from the models' pool, which it goes back to."""

    def __init__(self, url: str, key: bytes) -> None:
        self.key, self.log_class = key, log_of(url)
        self.errors: tuple[type[Exception], ...] = (*self.log_class.errors, peewee.DatabaseError, peewee.InterfaceError)

    @contextmanager
    def opened(self) -> Iterator[EventLog]:
        """A log for a moment. Raises one of `errors`."""
        was_closed = database.is_closed()
        try:
            yield self.log_class.on_connection(database.connection(), self.key)
        finally:
            if was_closed:
                database.close()

    kept = opened


def logs_of(location: str, key: bytes) -> FileLogs | ServerLogs:
    """The logs of a database: the URL of a Postgres server's, or the path of SQLite's file."""
    return ServerLogs(location, key) if is_postgres(location) else FileLogs(location, key)
