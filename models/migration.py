"""Bringing a database up to this version: with a copy first, and back by itself when a step fails (rule 28)."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import peewee

from models import index
from models.base import database, now

# https://sqlite.org/fts5.html#the_secure_delete_configuration_option
FORGETS_WORDS = (3, 42, 0)
FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def migrations() -> list[str]:
    """The names of all steps, in order."""
    return sorted(path.stem for path in FOLDER.glob("m[0-9]*.py"))


def applied() -> list[str]:
    """The names of the steps that this database has had."""
    if not database.table_exists("migration"):
        return []
    return [row[0] for row in database.execute_sql("SELECT name FROM migration ORDER BY name")]


def pending() -> list[str]:
    """The names of the steps still to come."""
    had = set(applied())
    return [name for name in migrations() if name not in had]


def migrate() -> list[str]:
    """Apply what is pending; returns the names. On a failure the database is as before, and the error is raised."""
    to_come = pending()
    if not to_come:
        return []
    copy = backup_before(to_come[0]) if applied() else None
    try:
        # Locked from the first look: of two servers that start at once one does it, the other finds it done.
        with database.atomic():
            steps = pending()
            # By the present code into the present table, once, whatever of these steps asks for it.
            if any([_apply(name) for name in steps]):
                index.fill()
            if sqlite3.sqlite_version_info >= FORGETS_WORDS:
                database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 1)")
    except BaseException:
        # All steps were one transaction, so it is as before. The copy is older than what others wrote meanwhile:
        # it comes back only if the file itself was harmed.
        if copy is not None and not is_sound():
            _put_back(copy)
        raise
    return steps


def _apply(name: str) -> bool:
    """Do one step; whether it emptied the search index."""
    database.execute_sql("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)")
    step = _step(name)
    statements: Sequence[str] = step.STATEMENTS
    for statement in statements:
        database.execute_sql(statement)
    database.execute_sql("INSERT INTO migration (name, applied_at) VALUES (?, ?)", (name, now()))
    return getattr(step, "EMPTIES_INDEX", False)


def _step(name: str) -> ModuleType:
    """A step's file: STATEMENTS is what it does, in SQL."""
    spec = importlib.util.spec_from_file_location(f"migrations.{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    step = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(step)
    return step


def is_sound() -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    try:
        return bool(database.execute_sql("PRAGMA integrity_check").fetchone()[0] == "ok")
    except peewee.DatabaseError:
        return False


def path() -> Path:
    """The database's file."""
    return Path(database.database)


def backup_before(step: str) -> Path:
    """A copy beside the database, named after the step that follows."""
    target = path().with_name(f"{path().name}.before-{step}")
    backup(target)
    return target


def backup(target: Path) -> None:
    """Copy the database with SQLite's own backup, while others write, and check the copy.

    Raises sqlite3.DatabaseError when the copy is not sound; nothing stands at `target` then.
    """
    # Two servers may start at once: each makes a copy of its own, and the last one stays.
    unfinished = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    copy = sqlite3.connect(unfinished)
    try:
        database.connection().backup(copy)
        verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        copy.close()
    if verdict != "ok":
        unfinished.unlink()
        raise sqlite3.DatabaseError(f"the copy of {path()} is not sound: {verdict}")
    os.replace(unfinished, target)


def _put_back(copy: Path) -> None:
    """The database as it was. A step that failed was rolled back; this covers one that could not be."""
    database.close()
    sound = sqlite3.connect(copy)
    try:
        live = sqlite3.connect(path())
        try:
            sound.backup(live)
        finally:
            live.close()
    finally:
        sound.close()


def space_left() -> int:
    """Free bytes where the database lies."""
    return shutil.disk_usage(path().parent).free


def answers() -> bool:
    """Whether the database answers a question about its own tables."""
    try:
        database.execute_sql("SELECT 1 FROM migration LIMIT 1").fetchone()
    except peewee.DatabaseError:
        return False
    return True
