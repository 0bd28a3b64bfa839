"""The code keeps to the table in docs/architecture.md of allowed imports, and has no import circles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEADING = "## Allowed imports"
# Folders whose code is not the app's own.
ASIDE = {"tests", "migrations", "bench", ".venv"}
# Imports inside functions: what costs too much at every start, or can't be found before sys.path is set.
INSIDE_FUNCTIONS = {
    # Optional: psycopg takes 17 MB, where DATABASE_URL names Postgres.
    ("models.base", "models.postgres"),
    ("stream.process.engine", "stream.process.log_postgres"),
    # With psycopg, for the commands that move a database.
    ("commands.moves", "actions"),
    # 18 ms and 4 MB, for one command.
    ("commands.messages", "seed"),
    # 18 ms and 12 MB, for the first new password.
    ("models.password", "zxcvbn.frequency_lists"),
    # 0.3 s and 40 MB, for those who have a bucket.
    ("lib.stores", "lib.s3"),
}
WITHOUT_FLASK = ["actions", "models", "search", "lib", "stream.client", "stream.process", "stream.supervisor", "config"]
# They deal with requests, and know nothing of chats.
FLASK_IN_LIB = {"lib.compression", "lib.origin", "lib.uploads"}


def allowed() -> dict[str, set[str]]:
    """Read the table from the document."""
    section = (ROOT / "docs/architecture.md").read_text().split(HEADING)[1].split("\n## ")[0]
    table: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*) \| (.*)\|$", section, re.MULTILINE):
        for module in re.findall(r"`([\w.]+)`", row[0]):
            table[module] = set(re.findall(r"`([\w.]+)`", row[1]))
    return table


TABLE = allowed()


def name_of(path: Path) -> str:
    """Return the dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] not in ASIDE and path.name != "gunicorn.conf.py"
}


def part_of(module: str) -> str:
    """Find the row of the table for a module: the longest name that its own begins with."""
    return max((part for part in TABLE if f"{module}.".startswith(f"{part}.")), key=len, default="")


def names_imported(node: ast.AST) -> list[str]:
    """List the dotted names that a statement imports; none for any other statement."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.module and not node.level, "imports are absolute"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def imported(path: Path) -> Iterator[str]:
    """Yield the app's modules that a file imports, in functions and for type checking too."""
    for node in ast.walk(ast.parse(path.read_text())):
        for name in names_imported(node):
            while name and name not in FILES:
                name = name.rpartition(".")[0]
            if name:
                yield name


def libraries(path: Path) -> set[str]:
    """List the top-level packages that a file imports."""
    return {name.partition(".")[0] for node in ast.walk(ast.parse(path.read_text())) for name in names_imported(node)}


def imports_inside_functions(path: Path) -> set[str]:
    """List the modules that a file imports inside functions."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    nodes = [node for function in functions for node in ast.walk(function)]
    return {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_what_the_table_allows(module: str) -> None:
    part = part_of(module)
    assert part or module == "stream", f"{module} stands in no row of the table"
    parts = {part_of(name) for name in imported(FILES[module])} - {part, ""}
    assert parts <= TABLE.get(part, set()), f"{module} imports {sorted(parts - TABLE[part])}"


def test_the_table_names_nothing_that_is_not_there() -> None:
    assert not [part for part in TABLE if part not in {part_of(module) for module in FILES}]
    assert not set().union(*TABLE.values()) - set(TABLE)


@pytest.mark.parametrize("part", WITHOUT_FLASK)
def test_what_is_below_views_and_api_does_not_import_flask(part: str) -> None:
    modules = [module for module in FILES if f"{module}.".startswith(f"{part}.")]
    assert modules
    for module in modules:
        if module not in FLASK_IN_LIB:
            assert not {name for name in libraries(FILES[module]) if name.startswith(("flask", "werkzeug"))}, module


def test_no_file_is_in_an_import_circle() -> None:
    try:
        TopologicalSorter({module: set(imported(path)) for module, path in FILES.items()}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_imports_inside_functions_are_these_few() -> None:
    found = {(module, name) for module, path in FILES.items() for name in imports_inside_functions(path)}
    assert found == INSIDE_FUNCTIONS
