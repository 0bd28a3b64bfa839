"""Connections to Postgres. Imported only where DATABASE_URL names one, since psycopg takes memory and time."""

from __future__ import annotations

import logging
import os
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import StrDumperUnknown

logger = logging.getLogger(__name__)

# Older ones are no longer maintained (https://www.postgresql.org/support/versioning/).
OLDEST_VERSION = 14
CONNECT_SECONDS = 5
# A peer that vanished without a word is noticed within about half a minute (tcp(7), and libpq's parameters).
KEEPALIVE = {
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000,
}  # fmt: skip
DEFAULT_OPTIONS = {"application_name": "flask-chat", "connect_timeout": CONNECT_SECONDS, **KEEPALIVE}


class UnsuitableServer(psycopg.OperationalError):
    """A server that this program can't use; the text is one line."""


class TextDumper(StrDumperUnknown):
    """Text as Postgres can hold it: it has no NUL character, and none is looked for."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


def connect(
    url: str, kind: type[psycopg.Connection[Any]] = psycopg.Connection, options: str = "", **parameters: Any
) -> psycopg.Connection[Any]:
    """Open a connection in autocommit mode; what the address says of it wins over our own `options`.

    Raises psycopg.Error; its reason() is one line.
    """
    given = conninfo_to_dict(url)
    given["options"] = f"{options} {given.get('options') or os.environ.get('PGOPTIONS', '')}".strip()
    connection = kind.connect(autocommit=True, **{**DEFAULT_OPTIONS, **given, **parameters})
    try:
        check_server(connection)
        connection.adapters.register_dumper(str, TextDumper)
    except BaseException:
        connection.close()
        raise
    return connection


def check_server(connection: psycopg.Connection[Any]) -> None:
    """Raise UnsuitableServer for a version that is too old, or an encoding that can't hold every text."""
    version = connection.info.server_version // 10_000
    if version < OLDEST_VERSION:
        raise UnsuitableServer(f"Postgres {version} is too old: version {OLDEST_VERSION} or newer is needed")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnsuitableServer(f"the database has the encoding {encoding}; create it with ENCODING 'UTF8'")


def reason(error: BaseException) -> str:
    """What went wrong, as one line without the password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).removeprefix("connection failed: ")


# The parts of an identity, and the SQL that reads them.
IDENTITY = {
    "server": "SELECT system_identifier FROM pg_control_system()",
    # A standby that takes over begins a new timeline, as does a server that is restored to a point in time.
    "timeline": "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
    "database": "SELECT oid FROM pg_database WHERE datname = current_database()",
}


def identity(connection: psycopg.Connection[Any]) -> str:
    """Which server and database this is, and which of the server's histories: after a failover it is another one.

    Parts that a provider keeps to itself are left out. Not within a transaction.
    """
    parts = []
    for name, sql in IDENTITY.items():
        try:
            parts.append(str(connection.execute(sql).fetchall()[0][0]))
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.UndefinedFunction,
            psycopg.NotSupportedError,
        ) as error:
            logger.warning("can't tell which %s this is: %s", name, reason(error))
            parts.append("?")
    return " ".join(parts)
