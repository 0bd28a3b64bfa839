"""Which database the tests run on: SQLite, or with TEST_DATABASE=postgres a real Postgres server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import postgres
import psycopg

import models
from lib.database_url import is_postgres
from lib.sqlite import sqlite3

ON_POSTGRES = os.environ.get("TEST_DATABASE") == "postgres"


class Databases:
    """The databases of the running test, by the folder that it would be in."""

    def __init__(self) -> None:
        self.server = ""
        self.template = ""
        self.urls: dict[Path, str] = {}

    def url_in(self, folder: Path) -> str:
        """The address of the database that belongs to a folder, which has all tables on Postgres."""
        if not ON_POSTGRES:
            return f"sqlite:///{folder / 'chat.db'}"
        if folder not in self.urls:
            self.urls[folder] = postgres.create_database(self.server, self._migrated())
        return self.urls[folder]

    def _migrated(self) -> str:
        """The name of a database that others are copied from."""
        if not self.template:
            url = postgres.create_database(self.server)
            models.open_database(url)
            models.migrate()
            models.database.close_all()
            self.template = name_in(url)
        return self.template

    def drop(self, within: Path) -> None:
        """Drop the databases of a folder and those below it."""
        for folder in [folder for folder in self.urls if folder.is_relative_to(within)]:
            postgres.drop_database(self.urls.pop(folder))


def name_in(url: str) -> str:
    """The name of a database on the server."""
    return url.rpartition("/")[2]


databases = Databases()


class Snapshot:
    """All that the models' database, that of a folder, contains now; the app goes back to it again and again."""

    def __init__(self, folder: Path) -> None:
        self.url, self.file, self.copy = databases.url_in(folder), folder / "chat.db", folder / "copy.db"
        if not ON_POSTGRES:
            models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        models.database.close_all()
        if ON_POSTGRES:
            databases.urls[self.copy] = postgres.create_database(databases.server, name_in(self.url))
        else:
            shutil.copy(self.file, self.copy)

    def restore(self) -> None:
        """Undo what was done since. No other thread uses the database."""
        if ON_POSTGRES:
            models.database.close_all()
            postgres.drop_database(self.url)
            postgres.create_database(databases.server, name_in(databases.urls[self.copy]), name_in(self.url))
            return
        models.database.close()
        for ending in ("-wal", "-shm"):
            self.file.with_name(self.file.name + ending).unlink(missing_ok=True)
        # Another file: the connections that still read the former one see that it was replaced.
        os.replace(shutil.copy(self.copy, self.file.with_name("next.db")), self.file)


@contextmanager
def rows_of(url: str) -> Iterator[Any]:
    """A function that runs SQL (with `?` for values) on a database beside the program, and returns the rows."""
    if is_postgres(url):
        with psycopg.connect(url, autocommit=True) as connection:

            def run(sql: str, *values: object) -> list[Any]:
                cursor = connection.execute(sql.replace("%", "%%").replace("?", "%s"), values)  # type: ignore[call-overload]
                return cursor.fetchall() if cursor.description else []

            yield run
        return
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = 1")
        yield lambda sql, *values: database.execute(sql, values).fetchall()
