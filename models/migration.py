"""Migrations: with a backup first, rolled back when one fails (rule 28)."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import peewee

from lib.sqlite import sqlite3
from models import index
from models.base import BUSY_SECONDS, database, now
from models.user import Claim, User

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def migrations() -> list[str]:
    """The names of all migrations, in order."""
    return sorted(path.stem for path in FOLDER.glob("m[0-9]*.py"))


def applied() -> list[str]:
    """The names of the migrations applied to this database."""
    if not database.table_exists("migration"):
        return []
    return [row[0] for row in database.execute_sql("SELECT name FROM migration ORDER BY name")]


def pending() -> list[str]:
    """The names of the migrations still to apply."""
    had = set(applied())
    return [name for name in migrations() if name not in had]


def migrate() -> list[str]:
    """Apply pending migrations; returns their names. On an error the database is unchanged, and the error is raised."""
    to_come = pending()
    if not to_come:
        return []
    copy = backup_before(to_come[0]) if applied() else None
    try:
        # Locked from the start: when two servers start at once, one migrates and the other finds it done.
        with database.atomic():
            steps = pending()
            done = [_apply(name) for name in steps]
            # Once, by the current code into the current tables, if any of these migrations asks for it.
            if any(getattr(step, "EMPTIES_INDEX", False) for step in done):
                index.fill()
                User.fold_names()
            if any(getattr(step, "RENEWS_CLAIMS", False) for step in done):
                Claim.renew()
            index.configure()
    except BaseException:
        # The rollback has undone all steps. Restore the backup only if the file itself was damaged: others may have
        # written since.
        if copy is not None and not is_sound():
            _put_back(copy)
        raise
    return steps


def _apply(name: str) -> ModuleType:
    """Apply one migration; returns its module."""
    database.execute_sql("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)")
    step = _step(name)
    statements: Sequence[str] = step.STATEMENTS
    for statement in statements:
        database.execute_sql(statement)
    database.execute_sql("INSERT INTO migration (name, applied_at) VALUES (?, ?)", (name, now()))
    return step


def _step(name: str) -> ModuleType:
    """Load a migration's module. STATEMENTS is its SQL; other names ask for work that only code can do."""
    spec = importlib.util.spec_from_file_location(f"migrations.{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    step = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(step)
    return step


def is_sound() -> bool:
    """Whether SQLite's integrity check finds no error."""
    try:
        return bool(database.execute_sql("PRAGMA integrity_check").fetchone()[0] == "ok")
    except peewee.DatabaseError:
        return False


def path() -> Path:
    """The database's file."""
    return Path(database.database)


def backup_before(step: str) -> Path:
    """Back up beside the database, under a name with the migration that follows."""
    target = path().with_name(f"{path().name}.before-{step}")
    backup(target)
    return target


def backup(target: Path) -> None:
    """Copy the database with SQLite's own backup, while others write, and check the copy.

    Raises sqlite3.DatabaseError when the copy is not sound; nothing stands at `target` then.
    """
    # Two servers may start at once: each makes its own copy, and the last one stays.
    unfinished = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    # Readable by the owner only, whatever the database's mode and the umask are.
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
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


def restore(source: Path) -> Path:
    """Restore a backup in one transaction; others may read and write before and after it.

    Returns the path of a backup of the former contents. Raises ValueError for a file that is not a sound backup.
    """
    with closing(sqlite3.connect(f"file:{quote(source.resolve().as_posix())}?mode=ro", uri=True)) as backed_up:
        if backed_up.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise ValueError(f"{source} is not sound")
        had = {name for (name,) in backed_up.execute("SELECT name FROM migration")}
        if unknown := had - set(migrations()):
            raise ValueError(f"{source} is of a newer version, with the migration {max(unknown)}")
        kept = path().with_name(f"{path().name}.before-restore")
        backup(kept)
        database.close()
        with closing(sqlite3.connect(path(), timeout=BUSY_SECONDS)) as live:
            backed_up.backup(live)
    return kept


def _put_back(copy: Path) -> None:
    """Restore the backup, for a failed migration that could not be rolled back."""
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
    """Free bytes on the database's disk."""
    return shutil.disk_usage(path().parent).free


def answers() -> bool:
    """Whether the database can be queried."""
    try:
        database.execute_sql("SELECT 1 FROM migration LIMIT 1").fetchone()
    except peewee.DatabaseError:
        return False
    return True
