"""The event log in SQLite's file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lib.sqlite import identity, sqlite3
from stream.process.log import Event, EventLog, Position

# The event of a reaction has no text of its own: it gets the message's current text.
DATA = """
    CASE WHEN e.type = 'message.updated' AND json_type(e.data, '$.text') IS NULL THEN (
        SELECT json_set(e.data, '$.text', m.text, '$.html', m.html) FROM message m WHERE m.id = e.message_id
    ) ELSE e.data END
"""


class SqliteLog(EventLog):
    """A file of SQLite, on a connection of its own."""

    errors = (sqlite3.Error,)
    columns = ", ".join(DATA if name == "data" else f"e.{name}" for name in Event._fields)

    def open(self) -> None:
        self.file = identity(self.database)
        self.connection = sqlite3.connect(self.database, timeout=1, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA query_only = 1")
        self.load_generation()

    def close(self) -> None:
        self.connection.close()

    def reopen_if_replaced(self) -> bool:
        there = identity(self.database)
        if there is None or there == self.file:
            return False
        self.close()
        self.open()
        return True

    def _query_generation(self) -> str:
        """SQLite increments the schema version whenever a backup is restored into the file, and with a migration."""
        (first_migration_at,) = self._fetch_one("SELECT min(applied_at) FROM migration")
        return f"{first_migration_at} {self._schema_version()}"

    def _state(self, event_id: int) -> tuple[bool, int, int]:
        is_same = self.generation.rpartition(" ")[2] == str(self._schema_version())
        return is_same, self._last_id(), self._recorded_at(event_id)

    def _recorded_at(self, event_id: int) -> int:
        rows = self._fetch_all("SELECT created_at FROM event WHERE id = :id", {"id": event_id})
        return int(rows[0][0]) if rows else 0

    def _schema_version(self) -> int:
        return int(self._fetch_one("PRAGMA schema_version")[0])

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        version = int(self._fetch_one("PRAGMA data_version")[0])
        self.connection.execute("BEGIN")
        try:
            yield version
        finally:
            self.connection.execute("ROLLBACK")

    def _fetch_all(self, sql: str, values: Any = ()) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()

    def end(self) -> Position:
        """The position after the newest event, even if its row is gone."""
        last = self._last_id()
        return Position(last, self._recorded_at(last))

    def _last_id(self) -> int:
        rows = self._fetch_all("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
        return int(rows[0][0]) if rows else 0

    def logins(self, ids: Iterable[int]) -> dict[int, int]:
        sql = "SELECT id, expires_at FROM session WHERE id IN (SELECT value FROM json_each(:ids))"
        return dict(self._fetch_all(sql, {"ids": json.dumps(list(ids))}))
