"""Where people meet the messenger: fixtures for all tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from peewee import Database
from people import Anyone, Person, settings_in
from servers import Server
from streams import Company

import auth
import models
from chat import create_app
from config import Settings
from lib import limited_worker
from lib.pacing import Buckets, InFlight
from models import Chat, base
from models import password as passwords

# The same cases in every run, as long as they take on a busy machine.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("steady")


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> None:
    """bcrypt at its least cost: what it protects from is not tested by waiting for it."""
    passwords.hashing.rounds = 4


@pytest.fixture(autouse=True, scope="session")
def work_is_bounded_by_rows() -> None:
    """What a transaction leaves for later is the same on a slow machine: only much work is left, not slow work."""
    base.WORK_SECONDS = 60


@pytest.fixture(autouse=True, scope="session")
def picture_process_is_measured() -> None:
    """What is covered in the picture process counts too: it is told to measure, by the tests' own process alone."""
    limited_worker.ENVIRONMENT += tuple(name for name in os.environ if name.startswith("COVERAGE_"))


@pytest.fixture(autouse=True)
def nothing_is_counted_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process counts requests by the ids of people, which each test's database gives anew."""
    monkeypatch.setattr(auth, "buckets", Buckets())
    monkeypatch.setattr(auth, "in_flight", InFlight())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The messenger over an empty database of its own."""
    app = create_app(settings)
    app.testing = False
    models.migrate()
    yield app
    models.database.close()


@pytest.fixture(autouse=True)
def background_work_ends() -> Iterator[None]:
    """Wait for threads that work on tasks: the next test opens another database, in the midst of what they do."""
    yield
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and not thread.interval:
            thread.join(60)
            assert not thread.is_alive(), "a background task does not end"


@pytest.fixture
def person(app: Flask) -> Callable[[str], Person]:
    """Make more people."""
    return lambda username: Person(app, username)


@pytest.fixture
def ann(app: Flask) -> Person:
    return Person(app, "ann")


@pytest.fixture
def bob(app: Flask) -> Person:
    return Person(app, "bob")


@pytest.fixture
def carol(app: Flask) -> Person:
    return Person(app, "carol")


@pytest.fixture
def anyone(app: Flask) -> Anyone:
    return Anyone(app)


@pytest.fixture
def chat(ann: Person, bob: Person) -> Chat:
    """Ann's chat with Bob."""
    return ann.starts("Garden", bob)


class Queries:
    """How many questions the database was asked within a with block."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.counting = False
        ask = Database.execute_sql

        def counted(database: Database, sql: str, *rest: Any, **named: Any) -> Any:
            if self.counting:
                self.asked.append(sql)
            return ask(database, sql, *rest, **named)

        monkeypatch.setattr(Database, "execute_sql", counted)

    def __enter__(self) -> Queries:
        self.asked.clear()
        self.counting = True
        return self

    def __exit__(self, *error: object) -> None:
        self.counting = False

    def __len__(self) -> int:
        return len(self.asked)


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Queries:
    return Queries(monkeypatch)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, shared by the tests of one file."""
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def known(server: Server) -> Company:
    return Company(server)


@pytest.fixture
def company(known: Company) -> Iterator[Company]:
    """The people of this file, each without an open stream."""
    yield known
    for person in known.people.values():
        person.goes()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may do anything to."""
    server = Server(tmp_path)
    yield server
    if server.master.poll() is None:
        server.stop()
