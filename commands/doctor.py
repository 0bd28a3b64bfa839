"""`flask doctor`: check the installation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import click
from peewee import DatabaseError

import models
from actions.cleanup import all_keys
from config import ENV_FILE
from lib import private
from lib.console import echo
from lib.sqlite import sqlite3
from lib.storage import Folder
from models.base import media

LOW_SPACE_BYTES = 200 * 2**20


@click.command()
def doctor() -> None:
    """Check the installation. Exit status 1 when something is wrong."""
    wrong = 0
    for check in CHECKS:
        try:
            found = list(check())
        except (DatabaseError, sqlite3.Error, OSError) as error:
            found = [("wrong", f"{check.__name__}: {error}")]
        for verdict, line in found:
            echo(f"{verdict:<5}  {line}")
            wrong += verdict == "wrong"
    if wrong:
        raise SystemExit(1)


Results = Iterator[tuple[str, str]]


def keys() -> Results:
    # Invalid keys have stopped the command before this check.
    if ENV_FILE.exists() and os.name == "posix" and ENV_FILE.stat().st_mode & 0o077:
        yield "wrong", ".env can be read by others: chmod 600 .env"
    else:
        yield "ok", "keys"


def privacy() -> Results:
    folder = private.store_files(media.store.root) if isinstance(media.store, Folder) else ()
    paths = [*models.database.files(), *folder]
    wrong = [path for path in paths if private.is_exposed(path)]
    if wrong:
        yield "wrong", f"others can read {wrong[0]}" + (f" and {len(wrong) - 1} more" if wrong[1:] else "")
    else:
        yield "ok", "database and files are private"


def version() -> Results:
    if wrong := models.database.warning():
        yield "note", wrong
    else:
        yield "ok", models.database.version_shown()


def migrations() -> Results:
    models.migration.check_not_moved()
    pending = models.pending()
    if pending:
        yield "wrong", f"pending migrations: {', '.join(pending)}; run `flask migrate`"
    else:
        yield "ok", f"the database is up to date ({models.applied()[-1]})"


def integrity() -> Results:
    yield from models.database.checks()


# Invariants beyond the constraints: each query finds the rows that violate one.
INVARIANTS = {
    "chats without an owner among their members": """
        SELECT id FROM chat WHERE NOT EXISTS (
            SELECT 1 FROM membership WHERE chat_id = chat.id AND user_id = chat.owner_id)""",
    "chats with a wrong number of members": """
        SELECT id FROM chat WHERE member_count != (SELECT count(*) FROM membership WHERE chat_id = chat.id)""",
    "chats with a wrong number of messages": """
        SELECT id FROM chat WHERE owner_id != 0 AND message_count != (
            SELECT count(*) FROM message WHERE chat_id = chat.id AND deleted_at IS NULL)""",
    "messages missing from the search index": """
        SELECT id FROM message WHERE deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM message_index WHERE message_index.rowid = message.id)""",
}


def rules() -> Results:
    for what, query in INVARIANTS.items():
        rows = [row[0] for row in models.database.execute_sql(query)]
        yield ("wrong", f"{what}: {len(rows)}, first id {rows[0]}") if rows else ("ok", f"no {what}")


def work() -> Results:
    waiting = models.Task.select().count()
    yield (("note", f"pending tasks: {waiting}") if waiting else ("ok", "no pending tasks"))


def store() -> Results:
    media.store.check()
    where = f" ({media.store.root})" if isinstance(media.store, Folder) else ""
    yield "ok", f"{media.store} is writable{where}"


def files() -> Results:
    named, stored = all_keys(), set(media.store.keys())
    if missing := sorted(named - stored):
        yield "wrong", f"files missing from {media.store}: {len(missing)}, first {missing[0]}"
    else:
        yield "ok", f"all {len(named)} files are in {media.store}"
    if unnamed := stored - named:
        yield "note", f"unused files in {media.store}: {len(unnamed)}"


def space() -> Results:
    left = models.database.space_left()
    if left is not None:
        line = f"{models.human_size(left)} free beside the database"
        yield ("wrong" if left < LOW_SPACE_BYTES else "ok"), line


CHECKS: tuple[Callable[[], Results], ...] = (
    keys, privacy, version, migrations, integrity, rules, work, store, files, space,
)  # fmt: skip
