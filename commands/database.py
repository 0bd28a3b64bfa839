"""The commands for the database: create, migrate, restore."""

from __future__ import annotations

from pathlib import Path

import click
from peewee import DatabaseError

import models
from commands.start import check_store
from lib.console import CommandError, echo
from lib.sqlite import sqlite3
from lib.storage import Folder
from models.base import media


@click.command()
def init() -> None:
    """Create .env with keys, and the database, where missing."""
    run_migrations()


@click.command()
def migrate() -> None:
    """Apply pending migrations, after a backup."""
    if not isinstance(media.store, Folder):
        # A host's release step should fail rather than what it releases.
        try:
            check_store()
        except OSError as error:
            raise CommandError(str(error)) from error
    run_migrations()


def run_migrations() -> None:
    try:
        steps = models.migrate()
    except Exception as error:
        raise CommandError(f"the database is unchanged: {error}") from error
    for step in steps:
        echo(f"Applied migration {step}.")
    if steps:
        for copy in models.database.files():
            if copy.name.endswith(f".before-{steps[0]}"):
                echo(f"The backup from before is {copy}.")
    if not steps:
        echo("The database is up to date.")


@click.command()
@click.argument("backup", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(backup: Path) -> None:
    """Restore a backup of the database, even while the server runs. The current database is backed up first."""
    try:
        kept = models.database.restore(backup, models.migration.migrations())
    except (DatabaseError, sqlite3.Error, OSError, ValueError) as error:
        raise click.ClickException(f"the database is unchanged: {error}") from error
    click.echo(f"Restored {backup}. The backup from before is {kept}.")
    run_migrations()
