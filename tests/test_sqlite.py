"""One build of SQLite for every process and every part of the program."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import peewee
import pytest

from lib import sqlite

pytestmark = pytest.mark.sqlite

ROOT = Path(__file__).resolve().parent.parent
BUILDS = {"sqlite3", "pysqlite3", "apsw"}
OURS = [
    path
    for path in ROOT.rglob("*.py")
    if not {"node_modules", ".venv"} & set(path.parts) and path != ROOT / "lib/sqlite.py"
]


def test_no_other_module_imports_a_build_of_sqlite() -> None:
    assert len(OURS) > 100
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text())):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").partition(".")[0]}
            assert not names & BUILDS, f"{path}: take sqlite3 from lib.sqlite"


def test_peewee_uses_the_same_build() -> None:
    assert peewee.sqlite3 is sqlite.sqlite3
    asked = peewee.SqliteDatabase(":memory:").execute_sql("SELECT sqlite_version()").fetchone()[0]
    assert asked == sqlite.sqlite3.sqlite_version


@pytest.mark.parametrize("newer", [True, False])
def test_both_use_the_newer_build(newer: bool, tmp_path: Path) -> None:
    """As on a system that is ahead of the wheel, or behind it."""
    (tmp_path / "pysqlite3").mkdir()
    (tmp_path / "pysqlite3/__init__.py").touch()
    version = (3, 0, 0) if newer else (9, 0, 0)
    (tmp_path / "pysqlite3/dbapi2.py").write_text(f"from sqlite3.dbapi2 import *\nsqlite_version_info = {version}\n")
    asks = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import peewee; from lib.sqlite import sqlite3; "
        "print(peewee.sqlite3 is sqlite3, sqlite3.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "sqlite3" if newer else "pysqlite3.dbapi2"]


def test_without_the_wheel_both_use_the_systems_build() -> None:
    asks = "import sys; sys.modules['pysqlite3'] = None; import peewee; from lib.sqlite import sqlite3; "
    asks += "print(peewee.sqlite3 is sqlite3, sqlite3.__name__)"
    done = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "sqlite3"]


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 45, 0), True), ((3, 50, 6), True),
        ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 4), False), ((4, 0, 0), False),
    ],
)  # fmt: skip
def test_which_versions_have_the_reset_bug(version: tuple[int, int, int], has_it: bool) -> None:
    assert sqlite.has_reset_bug(version) is has_it


def test_the_pinned_build_has_no_known_bug() -> None:
    pytest.importorskip("pysqlite3", reason="no wheel for this machine")
    assert sqlite.build_warning() == ""
