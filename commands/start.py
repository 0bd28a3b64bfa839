"""What comes before a server or a command: keys, settings, folders and migrations."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from peewee import DatabaseError

import models
from actions import cleanup
from config import ENV_FILE, ConfigError, Settings
from lib import private
from lib.logs import escape
from lib.sqlite import sqlite3
from lib.storage import BucketError
from models.base import media


class CannotStart(Exception):
    """The server can't start; the text is one line with the reason."""


def read_settings() -> Settings:
    """Read the settings when a server or `flask` loads the app; `flask init` and `flask seed` create the keys first.

    Raises ConfigError.
    """
    if click.get_current_context(silent=True) is not None and not {"init", "seed"}.isdisjoint(sys.argv[1:]):
        make_keys()
    return Settings.read()


def make_keys(env_file: Path = ENV_FILE) -> list[str]:
    """Write missing keys into `.env`, and print their names. Returns the names."""
    created_keys = Settings.write_keys(env_file)
    if created_keys:
        print(f"Wrote {' and '.join(created_keys)} to {env_file.name}: keep a copy, passwords depend on it.")
    return created_keys


def prepare(settings: Settings) -> list[str]:
    """Create the folders and migrate the database. Returns the names of applied migrations. Raises CannotStart."""
    models.open_database(settings.database_url, settings.database_connections)
    database = models.database
    try:
        database.make_room()
        models.use(settings.media_dir, bucket=settings.bucket, **settings.limits)
        is_answering = check_store()
        closed = private.restrict(private_files(settings))
    except BucketError as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(f"{error.filename or settings.media_dir} can't be used: {error.strerror}.") from error
    except DatabaseError as error:
        raise CannotStart(f"can't reach the database {database.shown}: {error}.") from error
    try:
        steps = models.migrate()
        models.index.configure()
        while models.DeletedMessage.prune():
            pass
        if is_answering:
            sweep_files()
        database.close()
        # From before the last server ended.
        database.empty_log()
        if wrong := database.warning():
            print(f"Note: {wrong}", file=sys.stderr)
        if closed:
            print(f"Removed other users' access to {len(closed)} files, first {closed[0]}.", file=sys.stderr)
        return steps
    except (DatabaseError, sqlite3.Error, OSError) as error:
        raise CannotStart(f"can't migrate the database {database.shown}: {error}.") from error


def private_files(settings: Settings) -> list[Path]:
    """The existing files that only this program may read."""
    env_file = [ENV_FILE] if ENV_FILE.is_file() else []
    store = private.store_files(settings.media_dir)
    return [*env_file, *models.database.files(), *store]


def check_store() -> bool:
    """Raise OSError when files can't be stored. If the bucket merely does not answer, print that and return False."""
    try:
        media.store.check()
    except BucketError as error:
        if error.is_final:
            raise
        text = f"Note: {str(error).rstrip('.')}. Until that ends, files can't be sent or opened."
        print(escape(text), file=sys.stderr)
        return False
    return True


def sweep_files() -> None:
    """Remove unused files. If the bucket fails meanwhile, print that: there is time until the next start."""
    try:
        cleanup.sweep_files()
    except BucketError as error:
        print(escape(f"Note: unused files stay, since {error}"), file=sys.stderr)


def before_workers() -> int:
    """Prepare for gunicorn.conf.py, before there are workers. Returns an exit status."""
    private.restrict_umask()
    try:
        for step in prepare(Settings.read()):
            print(f"Applied migration {step}.", file=sys.stderr)
    except (ConfigError, CannotStart) as error:
        print(escape(f"Flask Chat can't start: {error}"), file=sys.stderr)
        return 1
    return 0
