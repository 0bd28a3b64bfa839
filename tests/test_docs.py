"""What the documents say is so: settings, commands, decisions, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from people import Anyone

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = [
    path
    for pattern in ("*.py", "api/*.py", "models/*.py", "schemas/*.py", "stream/*.py", "views/*.py")
    for path in ROOT.glob(pattern)
]


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    code = (ROOT / "config.py").read_text()
    read = set(re.findall(r'values\.\w+\("([A-Z0-9_]+)"', code)) | set(re.findall(r'^    "([A-Z_]+)": \(', code, re.M))
    read |= {"SECRET_KEY", "JWT_SECRET_KEY", "HOST", "DATABASE_URL"}
    table = (ROOT / "docs/operate.md").read_text().split("## Settings")[1].split("\n## ")[0]
    told = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table))
    assert read - told - {"DYNO"} == set(), "settings without a line"
    assert told - read == set(), "lines without a setting"


def test_every_command_is_documented(app: Flask) -> None:
    section = (ROOT / "docs/operate.md").read_text().split("## Commands")[1].split("\n## ")[0]
    told = set(re.findall(r"`flask ([a-z-]+)", section))
    assert told == set(app.cli.commands)


def test_every_request_of_the_api_is_documented(anyone: Anyone) -> None:
    paths = anyone.api.get("/api/openapi.json").get_json()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    section = (ROOT / "docs/api.md").read_text().split("## Every request")[1].split("\n## ")[0]
    told = set(re.findall(r"`([A-Z]+ /api/[^`]*)`", section))
    assert told == {re.sub(r"\{(\w+_)?(\w+)\}", r"<\2>", one) for one in there}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_and_rules_that_the_code_names_exist(source: Path) -> None:
    text = source.read_text()
    for named in re.findall(r"docs/[\w/-]+(?:\.md)?", text):
        assert list(ROOT.glob(f"{named}*")), named
    rules = set(re.findall(r"^(\d+)\. ", (ROOT / "docs/rules.md").read_text(), re.M))
    for number in re.findall(r"\(rule (\d+)\)", text):
        assert number in rules, f"rule {number}"
