"""A file of SQLite as the source or the target of a move."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lib.machine import MOVED
from lib.sqlite import sqlite3
from models.move import HIGHEST, LOWEST, MAKE_MARKS, MAKE_MOVED, MARKS, NEVER_EMPTY, Batch, Side, quoted
from models.timing import BUSY_SECONDS

CHANGES = ("INSERT", "UPDATE", "DELETE")
CACHE_KILOBYTES = 64 * 1024

# What COPY escapes in text, and how.
ESCAPES = {
    b"\\": b"\\\\", b"\b": b"\\b", b"\f": b"\\f", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t", b"\v": b"\\v",
}  # fmt: skip
ESCAPED = re.compile(rb"[\\\b\f\n\r\t\v]")
UNESCAPES = {escape.decode(): plain.decode() for plain, escape in ESCAPES.items()}
ESCAPE = re.compile(r"\\.")
NULL = "\\N"

REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
# Columns with JSON. Postgres' own functions don't take a NUL character in it, however it is written.
JSON_COLUMNS = {("event", "data"), ("withdrawn", "attached")}
NUL_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class SqliteSide(Side):
    """A file, on a connection that reads texts as bytes: old ones may not be valid UTF-8."""

    errors = (sqlite3.Error,)

    def __init__(self, path: str) -> None:
        self.shown = path
        self.connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        self.connection.text_factory = bytes
        for setting in ("foreign_keys = 0", "secure_delete = 1", f"cache_size = -{CACHE_KILOBYTES}"):
            self.connection.execute(f"PRAGMA {setting}")
        self._replaced: Counter[str] = Counter()

    def close(self) -> None:
        self.connection.close()

    def select(self, sql: str) -> list[tuple[object, ...]]:
        rows = self.connection.execute(sql).fetchall()
        return [tuple(value.decode() if type(value) is bytes else value for value in row) for row in rows]

    def table_names(self) -> list[str]:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        return [str(name) for (name,) in self.select(sql)]

    def columns(self, table: str) -> tuple[str, ...]:
        names = {str(row[1]) for row in self.select(f'PRAGMA table_info("{table}")')}
        return ("id", *sorted(names - {"id"}))

    def lines(
        self, table: str, columns: Iterable[str], after: int = LOWEST, until: int = HIGHEST, limit: int | None = None
    ) -> Iterator[bytes]:
        columns = tuple(columns)
        sql = f'SELECT {quoted(columns)} FROM "{table}" WHERE id > ? AND id <= ? ORDER BY id LIMIT ?'
        rows = self.connection.execute(sql, (after, until, -1 if limit is None else limit))
        reads_json = {place for place, name in enumerate(columns) if (table, name) in JSON_COLUMNS}
        for row in rows:
            yield self._line(table, row, reads_json)

    def _line(self, table: str, row: tuple[Any, ...], reads_json: set[int]) -> bytes:
        fields = []
        for place, value in enumerate(row):
            if type(value) is bytes:
                text = suitable(value, is_json=place in reads_json)
                if text != value:
                    self._replaced[table] += 1
                fields.append(ESCAPED.sub(lambda found: ESCAPES[found[0]], text))
            else:
                fields.append(b"\\N" if value is None else str(value).encode())
        return b"\t".join(fields) + b"\n"

    def newest_ids(self) -> dict[str, int]:
        given = {str(name): int(str(last)) for name, last in self.select("SELECT name, seq FROM sqlite_sequence")}
        return {table: given.get(table, 0) for table in self.tables() if table != NEVER_EMPTY}

    def _in_transaction(self, work: Callable[[], None]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            work()
        except BaseException:
            # A full disk has ended it already.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # The source

    def replaced(self, table: str) -> int:
        return self._replaced[table]

    def lock(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def broken_reference(self) -> str | None:
        row = self.connection.execute("PRAGMA foreign_key_check").fetchone()
        return row and f"row {row[1]} of {row[0].decode()} refers to a row of {row[2].decode()} that is not there"

    def retire(self, target: str) -> None:
        self.connection.execute(MAKE_MOVED)
        self.connection.execute("INSERT INTO moved VALUES (?)", (target,))
        for name, change, table in self._triggers():
            self.connection.execute(
                f"CREATE TRIGGER {name} BEFORE {change} ON \"{table}\" BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
            )
        self.connection.execute("COMMIT")

    def reopen(self) -> None:
        def reopen() -> None:
            for name, _, _ in self._triggers():
                self.connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            self.connection.execute("DROP TABLE IF EXISTS moved")

        self._in_transaction(reopen)

    def _triggers(self) -> list[tuple[str, str, str]]:
        return [(f"moved_{table}_{change.lower()}", change, table) for table in self.tables() for change in CHANGES]

    # The target

    def begin(self, source: str) -> None:
        def begin() -> None:
            if self.check_free(source):
                return
            for statement in MAKE_MARKS:
                self.connection.execute(statement)
            self.connection.execute("INSERT INTO move (source) VALUES (?)", (source,))
            self.connection.execute(f"DELETE FROM {NEVER_EMPTY}")

        self._in_transaction(begin)

    def store(self, table: str, columns: Iterable[str], after: int, batch: Batch, lines: bytes) -> None:
        columns = tuple(columns)
        # What changed since an earlier run may have a unique value that an outdated row further on still has.
        sql = f'INSERT OR REPLACE INTO "{table}" ({quoted(columns)}) VALUES ({", ".join("?" * len(columns))})'

        def store() -> None:
            self.connection.execute(f'DELETE FROM "{table}" WHERE id > ? AND id <= ?', (after, batch.until))
            self.connection.executemany(sql, map(values, lines.decode().split("\n")[:-1]))
            self.connection.execute("INSERT OR REPLACE INTO move_batch VALUES (?, ?, ?)", (table, *batch))
            self.connection.execute("UPDATE move SET is_indexed = 0")

        self._in_transaction(store)

    def empty(self, table: str) -> None:
        def empty() -> None:
            self.connection.execute(f'DELETE FROM "{table}"')
            self.connection.execute("DELETE FROM move_batch WHERE table_name = ?", (table,))

        self._in_transaction(empty)

    def complete(self, newest_ids: dict[str, int]) -> None:
        def complete() -> None:
            self.connection.execute("DELETE FROM sqlite_sequence")
            given = [(table, last) for table, last in newest_ids.items() if last]
            self.connection.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", given)

        self._in_transaction(complete)

    def finish(self) -> None:
        def finish() -> None:
            for table in MARKS:
                self.connection.execute(f"DROP TABLE {table}")

        self._in_transaction(finish)


def suitable(text: bytes, is_json: bool = False) -> bytes:
    """A text as Postgres can hold it: valid UTF-8 without NUL characters, which become U+FFFD."""
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
    if b"\0" in text:
        text = text.replace(b"\0", REPLACEMENT)
    if is_json and b"\\u0000" in text:
        text = NUL_IN_JSON.sub(rb"\1" + REPLACEMENT, text)
    return text


def values(line: str) -> list[str | None]:
    """The values of a row. SQLite makes numbers of those for its numeric columns."""
    fields = line.split("\t")
    if "\\" not in line:
        return list(fields)
    return [None if field == NULL else ESCAPE.sub(lambda found: UNESCAPES[found[0]], field) for field in fields]
