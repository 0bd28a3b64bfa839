"""Which engine holds the event log."""

from __future__ import annotations

from lib.database_url import is_postgres
from stream.process.log import EventLog
from stream.process.log_sqlite import SqliteLog
from stream.process.peers import NoPeers


def log_of(database: str) -> type[EventLog]:
    """The class of the log in a database: the URL of a Postgres server's, or the path of SQLite's file."""
    if is_postgres(database):
        # psycopg is loaded only where it is used.
        from stream.process.log_postgres import PostgresLog

        return PostgresLog
    return SqliteLog


def open_log(database: str, key: bytes) -> EventLog:
    """Open the log in a database. Raises one of its `errors`."""
    return log_of(database)(database, key)


def peers_of(database: str) -> NoPeers:
    """What connects this host with the others that share its database."""
    return log_of(database).peers(database)
