"""Migrations: with a backup first, rolled back when one fails (rule 28)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import peewee

from models import index
from models.base import database, now
from models.user import Claim, User

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def migrations() -> list[str]:
    """The names of all migrations, in order."""
    return sorted(path.stem for path in FOLDER.glob("m[0-9]*.py"))


def applied() -> list[str]:
    """The names of the migrations applied to this database."""
    if not database.table_exists("migration"):
        return []
    database.check_own()
    return [row[0] for row in database.execute_sql("SELECT name FROM migration ORDER BY name")]


def pending() -> list[str]:
    """The names of the migrations still to apply."""
    had = set(applied())
    return [name for name in migrations() if name not in had]


def check_not_moved() -> None:
    """Raise OperationalError for the target of a move that is not finished, and the source of one that is
    (actions/database_move.py).
    """
    tables = database.get_tables()
    if "move" in tables:
        raise peewee.OperationalError("it is a copy that is not finished; run the same `flask move-to-…` again")
    if "moved" in tables:
        (target,) = database.execute_sql("SELECT target FROM moved").fetchone()
        raise peewee.OperationalError(f"it was moved to {target}; set DATABASE_URL to that")


def migrate() -> list[str]:
    """Apply pending migrations; returns their names. On an error the database is unchanged, and the error is raised."""
    check_not_moved()
    to_come = pending()
    if not to_come:
        return []
    copy = database.back_up_before(to_come[0]) if applied() else None
    try:
        # Locked from the start: when two servers start at once, one migrates and the other finds it done.
        with database.atomic():
            database.lock_patiently()
            steps = pending()
            if database.tables and not applied():
                database.check_empty()
                _make_tables(database.tables)
            done = [_apply(name) for name in pending()]
            # Once, by the current code into the current tables, if any of these migrations asks for it.
            if any(getattr(step, "EMPTIES_INDEX", False) for step in done):
                index.fill()
                User.fold_names()
            if any(getattr(step, "RENEWS_CLAIMS", False) for step in done):
                Claim.renew()
            index.configure()
    except BaseException:
        if copy is not None:
            database.put_back(copy)
        raise
    return steps


def _make_tables(name: str) -> None:
    """Make the tables of an empty database at once, in the place of the migrations up to the module's `LAST`."""
    step = _step(name)
    _run(step)
    for replaced in migrations():
        if replaced <= step.LAST:
            _note(replaced)


def _apply(name: str) -> ModuleType:
    """Apply one migration; returns its module."""
    step = _step(name)
    _run(step)
    _note(name)
    return step


def _run(step: ModuleType) -> None:
    statements: Sequence[str] = step.STATEMENTS
    for statement in statements:
        database.execute_sql(statement)


def _note(name: str) -> None:
    database.execute_sql("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)")
    database.execute_sql("INSERT INTO migration (name, applied_at) VALUES (?, ?)", (name, now()))


def _step(name: str) -> ModuleType:
    """Load a migration's module. STATEMENTS is its SQL; other names ask for work that only code can do."""
    spec = importlib.util.spec_from_file_location(f"migrations.{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    step = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(step)
    return step


def answers() -> bool:
    """Whether the database can be queried."""
    try:
        database.execute_sql("SELECT 1 FROM migration LIMIT 1").fetchone()
    except peewee.DatabaseError:
        return False
    return True
