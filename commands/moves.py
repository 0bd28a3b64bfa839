"""The commands that move the database to a Postgres server, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import click

from config import ConfigError, postgres_url
from lib import private
from lib.console import CommandError, echo
from lib.database_url import is_postgres
from models.base import database
from models.move import MoveError


@click.command()
@click.argument("url")
def move_to_postgres(url: str) -> None:
    """Move everything from SQLite to an empty database on a Postgres server: postgres://user@host/name."""
    if is_on_postgres():
        raise CommandError(f"the database is on Postgres already: {database.shown}.")
    if not is_postgres(url):
        raise CommandError("the address must be like postgres://user:password@host:5432/name.")
    try:
        run_move(postgres_url(url))
    except ConfigError as error:
        raise CommandError(str(error).replace("DATABASE_URL", "the address")) from error


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def move_to_sqlite(file: Path) -> None:
    """Move everything from the Postgres server to a new file of SQLite."""
    if not is_on_postgres():
        raise CommandError(f"the database is a file of SQLite already: {database.shown}.")
    run_move(f"sqlite:///{file.absolute().as_posix()}")


@click.command()
def reopen_database() -> None:
    """Let people write again into the database that DATABASE_URL names, although it was moved elsewhere."""
    with mover() as database_move:
        was_moved = database_move.reopen()
    echo("The database can be written again." if was_moved else "The database was not moved.")


@contextmanager
def mover() -> Iterator[ModuleType]:
    """Load `actions.database_move`, and turn its errors into one line."""
    # With it comes psycopg, 17 MB that a worker on SQLite does without.
    from actions import database_move

    try:
        yield database_move
    except MoveError as error:
        raise CommandError(str(error)) from error


def is_on_postgres() -> bool:
    return is_postgres(str(database.database))


def run_move(url: str) -> None:
    private.restrict_umask()
    with mover() as database_move:
        done = database_move.move(url, echo)
    if done.replaced:
        tables = ", ".join(f"{count:,} in {table}" for table, count in done.replaced.items())
        echo(f"Replaced what Postgres can't hold (NUL characters, invalid UTF-8) with U+FFFD in some values: {tables}.")
    echo(f"Moved {done.rows:,} rows in {done.seconds:.1f} s. {done.source} takes no more changes.")
    setting = f"the address that you gave, {done.target}," if is_on_postgres() else url
    echo(f"Now set DATABASE_URL to {setting} and restart the server.")
