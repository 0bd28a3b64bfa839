"""What the documents say is so: settings, commands, files and names, decisions, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from people import Anyone
from setting_names import setting_names

from models import event
from models.event import EVENT_TYPES
from stream.process.log import LEAVING, PERSONAL

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
# Folders that a running server makes.
MADE_LATER = {"media/", "media/incoming/"}
SOURCES = [
    path
    for pattern in ("*.py", "api/*.py", "models/*.py", "actions/*.py", "stream/*.py", "views/*.py", "commands/*.py")
    for path in ROOT.glob(pattern)
]


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    read = setting_names()
    table = (ROOT / "docs/operate.md").read_text().split("## Settings")[1].split("\n## ")[0]
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table))
    assert read - documented == set(), "settings without a line"
    assert documented - read == set(), "lines without a setting"


def test_every_command_is_documented(app: Flask) -> None:
    section = (ROOT / "docs/operate.md").read_text().split("## Commands")[1].split("\n## ")[0]
    documented = set(re.findall(r"`flask ([a-z-]+)", section))
    assert documented == set(app.cli.commands)


def test_every_request_of_the_api_is_documented(anyone: Anyone) -> None:
    paths = anyone.api.get("/api/openapi.json").get_json()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    section = (ROOT / "docs/api.md").read_text().split("## Every request")[1].split("\n## ")[0]
    documented = set(re.findall(r"`([A-Z]+ /api/[^`]*)`", section))
    assert documented == {re.sub(r"\{(\w+_)?(\w+)\}", r"<\2>", one) for one in there}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_and_rules_that_the_code_names_exist(source: Path) -> None:
    text = source.read_text()
    for named in re.findall(r"(?<!/)docs/[\w/-]+(?:\.md)?", text):
        assert list(ROOT.glob(f"{named}*")), named
    rules = set(re.findall(r"^(\d+)\. ", (ROOT / "docs/rules.md").read_text(), re.M))
    for number in re.findall(r"\(rule (\d+)\)", text):
        assert number in rules, f"rule {number}"


def files_and_names(document: Path) -> list[tuple[str, list[str]]]:
    """List each `file` (`name`, …) of a document with its names; a file may stand without any. Media types are none."""
    listed = re.findall(
        r"`((?!/|text/|application/)[\w./-]+/[\w.-]*|[\w-]+\.(?:py|js|md))`(?:\s+\(([^)]*)\))?", document.read_text()
    )
    return [(file, re.findall(r"`([^`]+)`", names)) for file, names in listed if "NN" not in file]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_the_documents_name_exist(document: Path) -> None:
    listed = files_and_names(document)
    rooms = ("lib", "models", "views", "api", "answers", "stream", "search", "commands", "static/js")
    folders = [ROOT, *(ROOT / folder for folder in rooms)]
    missing = {file for file, _ in listed if not any((folder / file).exists() for folder in folders)}
    assert missing - MADE_LATER == set()


def test_every_element_that_the_architecture_names_has_a_file() -> None:
    tags = re.findall(r"`<([a-z]+(?:-[a-z]+)+)>`", (ROOT / "docs/architecture.md").read_text())
    assert tags
    assert [tag for tag in tags if not (ROOT / f"static/js/{tag}.js").exists()] == []


def test_the_guide_names_what_is_in_the_files() -> None:
    listed = files_and_names(ROOT / "docs/where.md")
    missing = [
        f"{file}: {name}"
        for file, names in listed
        for name in names
        if not re.search(
            rf"(?<!\w){re.escape(name)}(?!\w)" if name[0].isalnum() else re.escape(name), (ROOT / file).read_text()
        )
    ]
    assert missing == []


@pytest.mark.parametrize("record", sorted((ROOT / "docs/decisions").glob("*.md")), ids=lambda path: path.stem[:4])
def test_a_decision_has_a_title_a_date_and_a_status(record: Path) -> None:
    title, _, status = record.read_text().splitlines()[:3]
    assert re.fullmatch(rf"# {int(record.stem[:4])}\. \S.*[^.]", title)
    assert re.match(r"Date: \d{4}-\d\d-\d\d\. Status: (accepted|superseded by \[\d{4}\]\(.+\))(\.|, )", status)


def test_every_event_is_documented() -> None:
    section = (ROOT / "docs/api.md").read_text().split("## The live stream")[1].split("\n## ")[0]
    documented = {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`([\w.]+)`", row)
    }
    assert set(EVENT_TYPES) <= documented
    assert set(EVENT_TYPES) >= PERSONAL | LEAVING
    assert event.PERSONAL == PERSONAL
