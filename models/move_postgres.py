"""A database on a Postgres server as the source or the target of a move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from lib import postgres
from lib.database_url import shown
from lib.machine import MOVED
from models.move import HIGHEST, LOWEST, MAKE_MARKS, MAKE_MOVED, MARKS, NEVER_EMPTY, Batch, Side, quoted
from models.postgres import WRITE_LOCK
from models.timing import BUSY_SECONDS

# Unique ones before the foreign keys that may refer to them.
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND contype IN ('u', 'f')
        AND conrelid::regclass::text != ALL(%s)
    ORDER BY contype DESC, conrelid::regclass::text, conname
"""
INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = current_schema()::regnamespace AND indrelid::regclass::text != ALL(%s) AND relkind = 'r'
        AND NOT indisprimary AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype = 'u')
    ORDER BY indexrelid::regclass::text
"""
# The search index looks after its own.
LEFT_ALONE = ["message_index", *MARKS]
# 25006, read_only_sql_transaction: the error of a standby.
MAKE_REFUSAL = f"""
    CREATE FUNCTION refuse_moved() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '{MOVED}' USING ERRCODE = '25006'; END $$
"""


class PostgresSide(Side):
    """A database on a server, without a pool."""

    errors = (psycopg.Error,)

    def __init__(self, url: str) -> None:
        self.shown = shown(url)
        # Copying takes as long as it takes; a lock should not.
        settings = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
        self.connection = postgres.connect(url, options=settings)
        self._run("SET client_encoding = 'UTF8'")

    def _run(self, sql: str, values: Any = None) -> list[Any]:
        cursor = self.connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self.connection.close()

    def select(self, sql: str) -> list[tuple[object, ...]]:
        return self._run(sql)

    def table_names(self) -> list[str]:
        return [name for (name,) in self._run("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")]

    def columns(self, table: str) -> tuple[str, ...]:
        names = set(self._types(table))
        return ("id", *sorted(names - {"id"}))

    def _types(self, table: str) -> dict[str, str]:
        sql = """
            SELECT column_name, data_type FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = %s
        """
        return dict(self._run(sql, (table,)))

    def lines(
        self, table: str, columns: Iterable[str], after: int = LOWEST, until: int = HIGHEST, limit: int | None = None
    ) -> Iterator[bytes]:
        types = self._types(table)
        read = ", ".join(f'"{name}"' + ("::int" if types[name] == "boolean" else "") for name in columns)
        within = f"\"{table}\" WHERE id > '{after}' AND id <= '{until}' ORDER BY id LIMIT {limit or 'ALL'}"
        with self.connection.cursor().copy(f"COPY (SELECT {read} FROM {within}) TO STDOUT".encode()) as copy:
            # The server sends each row by itself.
            for line in copy:
                yield bytes(line)

    def newest_ids(self) -> dict[str, int]:
        newest = {}
        for table in self.tables():
            if sequence := self._sequence(table):
                last, is_called = self._run(f"SELECT last_value, is_called FROM {sequence}")[0]
                newest[table] = last if is_called else 0
        return newest

    def _sequence(self, table: str) -> str | None:
        name: str | None = self._run("SELECT pg_get_serial_sequence(%s, 'id')", (f'"{table}"',))[0][0]
        return name

    # The source

    def lock(self) -> None:
        self._run("BEGIN")
        self._run("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))

    def broken_reference(self) -> str | None:
        return None

    def retire(self, target: str) -> None:
        self._run(MAKE_MOVED)
        self._run("INSERT INTO moved VALUES (%s)", (target,))
        self._run(MAKE_REFUSAL)
        for table in self.tables():
            self._run(
                f'CREATE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "{table}" '
                "EXECUTE FUNCTION refuse_moved()"
            )
        self._run("COMMIT")

    def reopen(self) -> None:
        with self.connection.transaction():
            self._run("DROP FUNCTION IF EXISTS refuse_moved CASCADE")
            self._run("DROP TABLE IF EXISTS moved")

    # The target

    def begin(self, source: str) -> None:
        with self.connection.transaction():
            self._run("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
            if not self.check_free(source):
                for statement in MAKE_MARKS:
                    self._run(statement)
                self._run("INSERT INTO move (source) VALUES (%s)", (source,))
                self._run(f"DELETE FROM {NEVER_EMPTY}")
            self._leave_out_constraints()

    def _leave_out_constraints(self) -> None:
        """Drop what slows down copying, and what is not so until all rows are there. complete() makes it again."""
        (last,) = self._run("SELECT coalesce(max(place), 0) FROM move_constraint")[0]
        constraints = self._run(CONSTRAINTS, (LEFT_ALONE,))
        indexes = self._run(INDEXES, (LEFT_ALONE,))
        statements = [f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {rule}' for table, name, rule in constraints]
        statements += [statement for _, statement in indexes]
        for place, statement in enumerate(statements, last + 1):
            self._run("INSERT INTO move_constraint VALUES (%s, %s)", (place, statement))
        for table, name, _ in reversed(constraints):
            self._run(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            self._run(f"DROP INDEX {name}")

    def store(self, table: str, columns: Iterable[str], after: int, batch: Batch, lines: bytes) -> None:
        with self.connection.transaction():
            self._run(f'DELETE FROM "{table}" WHERE id > %s AND id <= %s', (after, batch.until))
            with self.connection.cursor().copy(f'COPY "{table}" ({quoted(columns)}) FROM STDIN'.encode()) as copy:
                copy.write(lines)
            self._run(
                """
                INSERT INTO move_batch VALUES (%s, %s, %s)
                ON CONFLICT (table_name, until) DO UPDATE SET digest = excluded.digest
                """,
                (table, *batch),
            )
            self._run("UPDATE move SET is_indexed = 0 WHERE is_indexed = 1")

    def empty(self, table: str) -> None:
        with self.connection.transaction():
            self._run(f'DELETE FROM "{table}"')
            self._run("DELETE FROM move_batch WHERE table_name = %s", (table,))

    def complete(self, newest_ids: dict[str, int]) -> None:
        with self.connection.transaction():
            for table, last in newest_ids.items():
                self._run("SELECT setval(%s, %s, %s)", (self._sequence(table), max(last, 1), last > 0))
            for (statement,) in self._run("SELECT statement FROM move_constraint ORDER BY place"):
                self._run(statement)
            self._run("DELETE FROM move_constraint")
        # So that queries are planned well from the first one on.
        self._run("ANALYZE")

    def finish(self) -> None:
        with self.connection.transaction():
            for table in MARKS:
                self._run(f"DROP TABLE {table}")
