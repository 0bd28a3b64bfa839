"""The search index in SQLite: a table of FTS5 (https://sqlite.org/fts5.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lib import sqlite
from lib.sqlite import sqlite3
from models.search_index import IndexQuery, Row, SearchIndex
from search import fts5

ADD = "INSERT INTO message_index (rowid, text, forms, facts) VALUES (?, ?, ?, ?)"
# The words of the index, by which a search finds the few that begin with what was typed.
VOCABULARY = """
    CREATE VIRTUAL TABLE IF NOT EXISTS temp.message_word USING fts5vocab(main, message_index, instance)"""
COMPLETIONS_MAX = 8
# The longest beginnings that have an index of their own (migrations/m0015_accents.py).
PREFIX_MAX = 3
# How many bytes FTS5 buffers before it writes: in normal operation, and while the whole index is written.
NORMAL_BUFFER, LARGE_BUFFER = 2**20, 64 * 2**20
# When a level of the index has this many segments, the next write merges them all, which takes many seconds for large
# ones. With FTS5's default, 16, that happens long before its incremental merges finish; each further segment makes
# removing a long message slower.
CRISIS = 64
# Pages per merge step; a step takes a few milliseconds.
MERGED_AT_ONCE = 64
# The format of FTS5's tables that SQLite before 3.42 can read too.
READ_BY_ALL = 4


class SqliteIndex(SearchIndex):
    """The index as FTS5 keeps it; docs/decisions/0036 explains why its statements are SQL."""

    def add(self, row: Row) -> None:
        self.database.execute_sql(ADD, row)

    def add_many(self, rows: Iterable[Row]) -> None:
        self.database.run_many(ADD, rows)

    def find(self, query: IndexQuery) -> list[int]:
        sql = """
            SELECT message.id FROM message_index
            JOIN message ON message.id = message_index.rowid
            JOIN membership ON membership.chat_id = message.chat_id AND membership.user_id = ?
            WHERE message_index MATCH ? AND """
        conditions, values = query.conditions()
        expression = fts5.expression(query.question, query.chats, query.authors, self._completions)
        if query.before is not None:
            conditions += " AND message_index.rowid < ?"
            values.append(query.before)
        rows = self.database.execute_sql(
            f"{sql}{conditions} ORDER BY message_index.rowid DESC LIMIT ?",
            [query.user_id, expression, *values, query.limit],
        )
        return [row[0] for row in rows]

    def _completions(self, beginning: str) -> list[str] | None:
        """The indexed words with this beginning; None when there are more than COMPLETIONS_MAX."""
        if len(beginning) <= PREFIX_MAX:
            return None
        self.database.execute_sql(VOCABULARY)
        words: list[str] = []
        at = beginning
        while len(words) <= COMPLETIONS_MAX:
            row = self.database.execute_sql(
                "SELECT term FROM temp.message_word WHERE term >= ? LIMIT 1", (at,)
            ).fetchone()
            if row is None or not row[0].startswith(beginning):
                return words
            words.append(row[0])
            # The next possible word.
            at = f"{row[0]}\1"
        return None

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        self._set("hashsize", LARGE_BUFFER)
        yield
        self._set("hashsize", NORMAL_BUFFER)

    def is_configured(self) -> bool:
        known = self._known()
        return not self._is_unreadable(known) and all(known.get(name) == value for name, value in wanted().items())

    def configure(self) -> None:
        """Delete words at once where this build can (including earlier ones), rebuild the index where this build can't
        read a newer format, and avoid large merges.
        """
        if self._is_unreadable(self._known()):
            self.database.execute_sql("DELETE FROM message_index_config WHERE k = 'secure-delete'")
            # Otherwise even the rebuild would be refused.
            self.database.execute_sql("UPDATE message_index_config SET v = ? WHERE k = 'version'", (READ_BY_ALL,))
            self._run("rebuild")
        if not self.is_configured():
            for name, value in wanted().items():
                self._set(name, value)
            # Merging everything drops deleted words, and leaves no large segments on the lowest level.
            self._run("optimize")

    def merge(self) -> bool:
        before = self.database.changes()
        self._set("merge", MERGED_AT_ONCE)
        # This is how FTS5 reports that there is nothing to merge.
        return bool(self.database.changes() - before < 2)

    def _known(self) -> dict[str, Any]:
        return dict(self.database.execute_sql("SELECT k, v FROM message_index_config"))

    def _is_unreadable(self, known: dict[str, Any]) -> bool:
        forgets = sqlite.forgets_words(sqlite3.sqlite_version_info)
        return not forgets and int(known.get("version", READ_BY_ALL)) > READ_BY_ALL

    def _run(self, command: str) -> None:
        self.database.execute_sql("INSERT INTO message_index (message_index) VALUES (?)", (command,))

    def _set(self, name: str, value: int) -> None:
        self.database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES (?, ?)", (name, value))


def wanted() -> dict[str, int]:
    """The configuration for this build of SQLite."""
    forgets = sqlite.forgets_words(sqlite3.sqlite_version_info)
    return {"crisismerge": CRISIS, **({"secure-delete": 1} if forgets else {})}
