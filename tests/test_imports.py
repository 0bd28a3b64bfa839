"""The code keeps to the table of docs/architecture.md: who may import whom."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEADING = "## Who may import whom"


def allowed() -> dict[str, set[str]]:
    """The table as the document has it."""
    section = (ROOT / "docs/architecture.md").read_text().split(HEADING)[1].split("\n## ")[0]
    table: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*) \| (.*)\|$", section, re.MULTILINE):
        for module in re.findall(r"`(\w+)`", row[0]):
            table[module] = set(re.findall(r"`(\w+)`", row[1]))
    return table


TABLE = allowed()


def sources(module: str) -> list[Path]:
    """The files of a top-level module or package of ours."""
    single = ROOT / f"{module}.py"
    return [single] if single.exists() else sorted((ROOT / module).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_table_names_every_module_of_ours() -> None:
    modules = {path.stem for path in ROOT.glob("*.py")} - {"gunicorn.conf"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "migrations", "bench"}
    assert set(TABLE) == modules | packages


@pytest.mark.parametrize("module", TABLE)
def test_a_module_imports_only_what_the_table_allows(module: str) -> None:
    assert sources(module), f"{module} stands in the table and nowhere else"
    for path in sources(module):
        ours = imported(path) & set(TABLE) - {module}
        assert ours <= TABLE[module], f"{path.relative_to(ROOT)} imports {sorted(ours - TABLE[module])}"


@pytest.mark.parametrize(
    "module",
    [
        "models",
        "live",
        "stream",
        "supervisor",
        "jobs",
        "storage",
        "images",
        "text",
        "search",
        "names",
        "emojis",
        "config",
        "schemas",
    ],
)
def test_models_and_below_know_nothing_of_flask(module: str) -> None:
    for path in [*sources(module), *sources("schemas")]:
        assert not {name for name in imported(path) if name.startswith(("flask", "werkzeug"))}, path
