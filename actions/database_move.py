"""Moving everything to another engine, and back (docs/decisions/0045-moving.md).

The source is locked from the first row to the last. Each batch of rows is committed in the target with its checksum, so
that an interrupted move continues: it reads the source again, and copies what is missing or has changed since. When
the tables are equal and the search index is complete, the source is closed for changes, and then the target is opened.

This module loads psycopg, so it is imported by the commands that need it only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import peewee
import psycopg

import models
from lib import postgres
from lib.database_url import is_postgres
from lib.sqlite import sqlite3
from models import index
from models.base import database, write
from models.move import LOWEST, Batch, MoveError, Side, Tally, digest, id_of
from models.move_postgres import PostgresSide
from models.move_sqlite import SqliteSide
from models.statements import forget_engine

# Rows in a transaction, and rows between two lines for the operator.
BATCH_ROWS = 2_000
REPORTED_ROWS = 20_000
Report = Callable[[str], None]


class Copy(NamedTuple):
    """A table, what the source has of it, and what the target has."""

    table: str
    source: Tally
    target: Tally


class Moved(NamedTuple):
    """A complete move."""

    source: str
    target: str
    rows: int
    seconds: float
    # How many values of each table had something in them that Postgres can't hold.
    replaced: dict[str, int]


def move(url: str, report: Report) -> Moved:
    """Move the database that is open to an empty one at `url`, which is the open one afterwards.

    If it is interrupted, the same call continues. Raises MoveError.
    """
    began = time.monotonic()
    source_url = str(database.database)
    with errors_as_lines(), closing(side(source_url)) as source:
        check_source(source)
        source.lock()
        report(f"Moving {source.shown}. Until this ends, people can read, but what they write is refused.")
        if broken := source.broken_reference():
            raise MoveError(f"{source.shown} is damaged: {broken}.")
        with opened_target(url, source) as target:
            copies = [copy(table, columns, source, target, report) for table, columns in source.tables().items()]
            compare(copies, target, report)
            report("Ids, constraints and indexes…")
            target.complete(source.newest_ids())
            fill_index(target, report)
            if source.moved_to() is None:
                source.retire(target.shown)
            with write():
                database.begin_generation()
            target.finish()
            replaced = {name: source.replaced(name) for name, _, _ in copies if source.replaced(name)}
            rows = sum(tally.rows for _, tally, _ in copies)
            return Moved(source.shown, target.shown, rows, time.monotonic() - began, replaced)


def reopen() -> bool:
    """Let people write again into the open database, although it was moved. Returns whether it was."""
    with errors_as_lines(), closing(side(str(database.database))) as former:
        was_moved = former.moved_to() is not None
        former.reopen()
        return was_moved


def side(url: str) -> Side:
    """The database with this URL, or in this file."""
    return PostgresSide(url) if is_postgres(url) else SqliteSide(url.removeprefix("sqlite:///"))


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Turn errors of databases and disks into a MoveError."""
    try:
        yield
    except (psycopg.Error, sqlite3.Error, peewee.DatabaseError, peewee.InterfaceError, OSError) as error:
        place = getattr(getattr(error, "diag", None), "context", None) or ""
        # What follows is the value.
        where = f" ({place.partition(':')[0]})" if place.startswith("COPY") else ""
        what = f"{postgres.reason(error)}{where}"
        raise MoveError(f"the move has stopped: {what}. The same command continues it.") from error


def check_source(source: Side) -> None:
    """Raise MoveError for a database that can't be moved."""
    if "move" in source.table_names():
        raise MoveError(f"{source.shown} is itself a copy that is not finished.")
    if pending := models.pending():
        raise MoveError(f"{source.shown} has pending migrations, first {pending[0]}: run `flask migrate`.")


@contextmanager
def opened_target(url: str, source: Side) -> Iterator[Side]:
    """Open the target, with empty tables or those of a move that was interrupted. Raises MoveError."""
    database.close_all()
    models.open_database(url)
    forget_engine()
    try:
        database.make_room()
        # Raises for a database of another program.
        models.pending()
    except (peewee.DatabaseError, OSError) as error:
        raise MoveError(f"{database.shown} can't be used: {postgres.reason(error)}.") from error
    with closing(side(url)) as target:
        if target.table_names() and not models.applied():
            raise MoveError(f"{target.shown} has tables of another program; use an empty database.")
        moved_to = source.moved_to()
        if moved_to is not None and "move" not in target.table_names():
            raise MoveError(f"{source.shown} was moved to {moved_to} already; `flask reopen-database` undoes that.")
        if not target.check_free(source.identity()):
            models.migrate()
        if (target.migrations(), target.tables()) != (source.migrations(), source.tables()):
            raise MoveError(f"{target.shown} has the tables of another version; use an empty database.")
        target.begin(source.identity())
        yield target


def copy(table: str, columns: tuple[str, ...], source: Side, target: Side, report: Report) -> Copy:
    """Copy what the target lacks of a table, and what has changed since it was copied."""
    copied, total = Tally(), source.count(table)
    for after, batch, lines in batches(table, columns, source, target):
        if batch.digest != digest(lines):
            target.store(table, columns, after, batch._replace(digest=digest(lines)), lines)
        before = copied.rows
        copied.add(lines)
        if copied.rows // REPORTED_ROWS > before // REPORTED_ROWS:
            report(f"{table}: {copied.rows:,} of {total:,} rows")
    return Copy(table, copied, target.tally(table, columns))


def batches(table: str, columns: tuple[str, ...], source: Side, target: Side) -> Iterator[tuple[int, Batch, bytes]]:
    """All rows of the source's table: first in the batches that were copied before, each as it was noted, then in new
    ones. Yields the id that a batch begins after, the batch, and its lines.
    """
    after = LOWEST
    for batch in target.batches(table):
        yield after, batch, b"".join(source.lines(table, columns, after, batch.until))
        after = batch.until
    while lines := list(source.lines(table, columns, after, limit=BATCH_ROWS)):
        batch = Batch(id_of(lines[-1]), "")
        yield after, batch, b"".join(lines)
        after = batch.until


def compare(copies: list[Copy], target: Side, report: Report) -> None:
    """Print the rows and checksums of both sides. Raises MoveError when any differ."""
    report(f"{'table':<16}{'rows here':>12}{'rows there':>12}  {'checksum here':<16}  checksum there")
    for table, source, copy in copies:
        report(f"{table:<16}{source.rows:>12,}{copy.rows:>12,}  {source.checksum:<16}  {copy.checksum}")
    if different := [table for table, source, copy in copies if source != copy]:
        for table in different:
            target.empty(table)
        raise MoveError(f"these tables differ: {', '.join(different)}. The same command copies them again.")


def fill_index(target: Side, report: Report) -> None:
    """Fill the search index, unless that was done before an interruption and nothing has changed since."""
    if target.is_indexed():
        return
    with write():
        database.execute_sql("DELETE FROM message_index")
        index.fill(report)
        database.execute_sql("UPDATE move SET is_indexed = 1")
