"""Where people meet the messenger: fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from background import end_background_work
from compiled_once import routes_are_compiled_once, templates_are_compiled_once  # noqa: F401
from databases import ON_POSTGRES, databases
from engines import Engine, postgres_engine, sqlite_engine
from env_files import env_file  # noqa: F401
from flask import Flask
from installations import database_is_left, installation, postgres_url  # noqa: F401
from live_hosts import LiveHost, SharedDatabase
from peewee import Database
from people import Anyone, Person, settings_in
from postgres import create_database, drop_database, shared_server
from s3 import bucket, gate, s3_server, store  # noqa: F401
from servers import Server
from small_transactions import changed_rows, small_transactions  # noqa: F401
from streams import Listeners

import auth
import models
from chat import create_app
from config import Settings
from lib import limited_worker
from lib.pacing import Buckets, InFlight
from models import Chat, base
from models import password as passwords


def uses_database(item: pytest.Item) -> bool:
    """Whether a test, or a server that it starts, uses a database."""
    module = getattr(item, "module", None)
    starts_server = any(hasattr(module, name) for name in ("Server", "Listener", "with_accounts"))
    return starts_server or not {"app", "settings", "engine", "world"}.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the tests run on Postgres, leave out what is about SQLite, and what uses no database at all."""
    if ON_POSTGRES:
        others = [item for item in items if item.get_closest_marker("sqlite") or not uses_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


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


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the run's Postgres server."""
    # pytest-xdist's processes have folders of their own beside each other.
    base = tmp_path_factory.getbasetemp()
    with shared_server((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres") as url:
        yield url


@pytest.fixture(autouse=True, scope="session")
def database_server(request: pytest.FixtureRequest) -> None:
    """The server that all databases of the run are on, where it runs on Postgres."""
    if ON_POSTGRES:
        databases.server = request.getfixturevalue("postgres_server")


@pytest.fixture(autouse=True, scope="module")
def shared_databases_are_dropped(database_server: None) -> Iterator[None]:
    """Drop the databases that the tests of a file share."""
    yield
    databases.drop(Path("/"))


@pytest.fixture(autouse=True)
def databases_are_dropped(request: pytest.FixtureRequest, shared_databases_are_dropped: None) -> Iterator[None]:
    """Drop the databases of a test."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        databases.drop(folder)


@pytest.fixture(scope="module")
def engine(database_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The search index alone, on the engine that the tests run on."""
    folder = tmp_path_factory.mktemp("engine")
    with postgres_engine(databases.server) if ON_POSTGRES else sqlite_engine(folder) as engine:
        yield engine


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
    end_background_work()
    models.database.close_all()


@pytest.fixture(autouse=True)
def background_work_ends(databases_are_dropped: None) -> Iterator[None]:
    """End the work of other apps, too, before its database is gone and the next test opens another one."""
    yield
    end_background_work()


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
def known(server: Server) -> Listeners:
    return Listeners(server)


@pytest.fixture
def listeners(known: Listeners) -> Iterator[Listeners]:
    """The people of this file, each without an open stream."""
    yield known
    for person in known.people.values():
        person.disconnects()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may do anything to."""
    server = Server(tmp_path)
    yield server
    if server.master.poll() is None:
        server.stop()


@pytest.fixture
def shared(postgres_server: str) -> Iterator[SharedDatabase]:
    """A database on it, with empty tables."""
    url = create_database(postgres_server)
    database = SharedDatabase(url)
    yield database
    database.close()
    drop_database(url)


@pytest.fixture
def live_host(shared: SharedDatabase) -> Iterator[Callable[..., LiveHost]]:
    """Start another host on that database."""
    hosts: list[LiveHost] = []

    def start(**settings: Any) -> LiveHost:
        hosts.append(LiveHost(shared.url, **settings))
        return hosts[-1]

    yield start
    for host in hosts:
        host.stop()
