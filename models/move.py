"""Moving to another engine: what source and target can do, whichever engine they are (actions/database_move.py).

A row is a line as Postgres' COPY has it (https://www.postgresql.org/docs/current/sql-copy.html, text format), with 0
and 1 for booleans. So equal tables have equal lines on both engines.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Ids are 64 bits wide. Both bounds are outside of any range that is read.
LOWEST, HIGHEST = -(2**63), 2**63 - 1
# Each database's own: its migrations, the generation of its streams, its search index, and the tables of moves.
MARKS = ("move", "move_batch", "move_constraint")
OWN = frozenset({*MARKS, "moved", "migration", "generation"})
INDEX = "message_index"
# It has a row from its first migration on.
NEVER_EMPTY = "common_version"
# The target: whose copy it is going to be, and whether the search index is complete; what was copied, in ranges of ids
# that begin after the one before; and the constraints and indexes that are left out meanwhile.
MAKE_MARKS = (
    "CREATE TABLE move (source TEXT NOT NULL, is_indexed INTEGER NOT NULL DEFAULT 0)",
    """
    CREATE TABLE move_batch (
        table_name TEXT NOT NULL, until BIGINT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (table_name, until)
    )
    """,
    "CREATE TABLE move_constraint (place INTEGER PRIMARY KEY, statement TEXT NOT NULL)",
)
# The source, once everything has been copied: where it went.
MAKE_MOVED = "CREATE TABLE moved (target TEXT NOT NULL)"


class MoveError(Exception):
    """A move that is refused or has stopped; the text is one line with the reason."""


class Batch(NamedTuple):
    """Rows of a table that were copied together: those after the last id of the batch before, until this one."""

    until: int
    digest: str


class Tally:
    """How many rows there are, and their checksum."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.blake2b(digest_size=8)

    def add(self, lines: bytes) -> None:
        self.rows += lines.count(b"\n")
        self._hash.update(lines)

    @property
    def checksum(self) -> str:
        return self._hash.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and (self.rows, self.checksum) == (other.rows, other.checksum)


class Side(ABC):
    """A database that is the source or the target of a move, on a connection of its own.

    Names of tables and columns come from the database itself, and need no escaping beyond quotes.
    """

    # What the operator calls it, without a password.
    shown: str
    # What its methods raise when the database can't be used.
    errors: tuple[type[Exception], ...]

    # Both

    @abstractmethod
    def close(self) -> None:
        """Close the connection. What was not committed is undone."""

    @abstractmethod
    def table_names(self) -> list[str]:
        """The names of all tables."""

    @abstractmethod
    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table: the id, then the others in the order of their names."""

    def tables(self) -> dict[str, tuple[str, ...]]:
        """The tables that are moved, with their columns."""
        names = (name for name in self.table_names() if name not in OWN and not name.startswith(INDEX))
        return {name: self.columns(name) for name in sorted(names)}

    @abstractmethod
    def select(self, sql: str) -> list[tuple[object, ...]]:
        """Run a query without values."""

    @abstractmethod
    def lines(
        self, table: str, columns: Iterable[str], after: int = LOWEST, until: int = HIGHEST, limit: int | None = None
    ) -> Iterator[bytes]:
        """The rows with ids in (after, until], in the order of their ids. To be read to the end."""

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(str(self.select(f'SELECT count(*) FROM "{table}"')[0][0]))

    def tally(self, table: str, columns: Iterable[str]) -> Tally:
        """Count a table's rows, and compute their checksum."""
        tally = Tally()
        for line in self.lines(table, columns):
            tally.add(line)
        return tally

    def migrations(self) -> list[str]:
        """The migrations it has had."""
        return sorted(str(name) for (name,) in self.select("SELECT name FROM migration"))

    @abstractmethod
    def newest_ids(self) -> dict[str, int]:
        """The highest id that each table has ever given, even if its row is gone; 0 before the first."""

    # The source

    def identity(self) -> str:
        """What identifies an installation: when the first migration was applied, in microseconds."""
        return str(self.select("SELECT min(applied_at) FROM migration")[0][0])

    def replaced(self, table: str) -> int:
        """How many values of the lines read so far had something in them that Postgres can't hold."""
        return 0

    def moved_to(self) -> str | None:
        """Where it was moved to, if it was."""
        return str(self.select("SELECT target FROM moved")[0][0]) if "moved" in self.table_names() else None

    @abstractmethod
    def lock(self) -> None:
        """Keep others from writing until close() or retire(); they can read."""

    @abstractmethod
    def broken_reference(self) -> str | None:
        """A row that refers to one that is not there, in words."""

    @abstractmethod
    def retire(self, target: str) -> None:
        """Refuse changes from now on, in any process, because everything is in the target; and unlock it."""

    @abstractmethod
    def reopen(self) -> None:
        """Undo retire()."""

    # The target

    @abstractmethod
    def begin(self, source: str) -> None:
        """Mark it as a copy of this source that is not finished, or go on with it. Raises MoveError."""

    def check_free(self, source: str) -> bool:
        """Whether a copy of this source has begun. Raises MoveError when another one has, or when there are rows."""
        if "move" in self.table_names():
            if self.select("SELECT source FROM move") != [(source,)]:
                raise MoveError(f"{self.shown} has an unfinished copy of another installation; use an empty database.")
            return True
        for table in self.tables():
            if table != NEVER_EMPTY and self.select(f'SELECT 1 FROM "{table}" LIMIT 1'):
                raise MoveError(f'{self.shown} is not empty: its table "{table}" has rows.')
        return False

    def batches(self, table: str) -> list[Batch]:
        """What was copied of a table so far, in the order of ids."""
        sql = f"SELECT until, digest FROM move_batch WHERE table_name = '{table}' ORDER BY until"
        return [Batch(int(str(until)), str(digest)) for until, digest in self.select(sql)]

    @abstractmethod
    def store(self, table: str, columns: Iterable[str], after: int, batch: Batch, lines: bytes) -> None:
        """Make these the rows with ids in (after, batch.until], in one transaction that also notes the batch."""

    @abstractmethod
    def empty(self, table: str) -> None:
        """Remove a table's rows, and what is noted of them."""

    def is_indexed(self) -> bool:
        """Whether the search index has been filled since the last row was copied."""
        return self.select("SELECT is_indexed FROM move") == [(1,)]

    @abstractmethod
    def complete(self, newest_ids: dict[str, int]) -> None:
        """Give ids after these from now on, and have constraints and indexes again."""

    @abstractmethod
    def finish(self) -> None:
        """Remove the marks: from now on a server may use it."""


def digest(lines: bytes) -> str:
    """The checksum of a batch."""
    return hashlib.blake2b(lines, digest_size=16).hexdigest()


def id_of(line: bytes) -> int:
    """The id of a row."""
    return int(line[: line.index(b"\t")])


def quoted(columns: Iterable[str]) -> str:
    """A list of columns for SQL."""
    return ", ".join(f'"{name}"' for name in columns)
