"""Work that is left for later transactions: little fits into one, and a test does the rest."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

import models
from actions import redaction
from models import Task, base, task

MANY, FEW = 100, 10
# Rows of one transaction, whatever it is about; the index's own tables count as well.
MOST = 400


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little fits into one transaction, and what is left is done when a test says so."""
    monkeypatch.setattr(base, "WORK_ROWS", 60)
    monkeypatch.setattr(base, "DELETED_AT_ONCE", 20)
    monkeypatch.setattr(redaction, "AT_ONCE", 20)
    monkeypatch.setattr(task, "schedule", lambda: None)


def finish() -> int:
    """Do all that is left; how many pieces it was."""
    pieces = 0
    while Task.work():
        pieces += 1
    assert Task.select().count() == 0
    return pieces


class ChangedRows:
    """The most rows that one transaction changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = 0
        kind: Any = type(models.database.obj)  # type: ignore[attr-defined]
        begin, commit = kind.begin, kind.commit
        self.before = 0

        def begin_and_count(database: Any, *how: Any) -> None:
            begin(database, *how)
            self.before = database.changes()

        def commit_and_count(database: Any) -> None:
            commit(database)
            self.most = max(self.most, database.changes() - self.before)

        monkeypatch.setattr(kind, "begin", begin_and_count)
        monkeypatch.setattr(kind, "commit", commit_and_count)


@pytest.fixture
def changed_rows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> ChangedRows:
    return ChangedRows(monkeypatch)


def copies(table: str, chosen: str, number: int, **other: str) -> None:
    """Write a row of a table many times over; `other` says what of it is another value, in SQL over `n`."""
    columns = [column.name for column in models.database.get_columns(table) if column.name != "id"]
    values = ", ".join(other.get(column, column) for column in columns)
    models.database.execute_sql(
        f"WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < {number}) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}, count WHERE {chosen}"
    )
