"""People, and the places where they meet the messenger: a test client, an API client, a real server."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from peewee import Database
from werkzeug.test import TestResponse

import models
from chat import create_app
from config import Settings
from models import Chat, Membership, Message, User
from models import password as passwords

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> None:
    """bcrypt at its least cost: what it protects from is not tested by waiting for it."""
    passwords.Keeping.rounds = 4


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        secret_key=secrets.token_hex(32),
        jwt_secret_key=secrets.token_hex(32),
        database_url=f"sqlite:///{tmp_path / 'chat.db'}",
        media_dir=tmp_path / "media",
        host="127.0.0.1",
        port=8080,
        rate_limits=False,
        trusted_hosts=(),
        proxies=0,
        limits={},
        event_days=30,
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The messenger over an empty database of its own."""
    app = create_app(settings)
    app.testing = False
    models.migrate()
    yield app
    models.database.close()


class Api:
    """A client of the REST API, with a token or without."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self.client = app.test_client(use_cookies=False)
        self.token = token

    def open(self, path: str, method: str = "GET", **how: Any) -> TestResponse:
        headers = dict(how.pop("headers", None) or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.client.open(path, method=method, headers=headers, **how)

    def get(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "GET", **how)

    def post(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "POST", **how)

    def patch(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "PATCH", **how)

    def put(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "PUT", **how)

    def delete(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "DELETE", **how)


class Browser:
    """A browser with cookies and no JavaScript: it opens pages and submits the forms that stand on them."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **how: Any) -> TestResponse:
        return self.client.get(path, **how)

    def csrf(self, page: str) -> str:
        """The CSRF token that stands on a page."""
        found = re.search(r'name="csrf[_-]token"[^>]*(?:content|value)="([^"]+)"', self.get(page).text)
        assert found, f"no form on {page}"
        return found[1]

    def submit(self, path: str, *, on: str | None = None, **fields: Any) -> TestResponse:
        """Fill in the form that stands on a page (its own address, or `on`) and send it to `path`."""
        how = fields.pop("how", {})
        return self.client.post(path, data={"csrf_token": self.csrf(on or path), **fields}, **how)


class Person:
    """Somebody with an account, a browser signed in and a token for the API."""

    def __init__(self, app: Flask, username: str) -> None:
        self.app = app
        self.username = username
        self.password = PASSWORD
        self.user = User.register(username, PASSWORD)
        self.id: int = self.user.id
        self.api = Api(app)
        signed_in = self.api.post("/api/users/login", json={"username": username, "password": PASSWORD})
        self.api.token = signed_in.get_json()["token"]
        self.browser = Browser(app)
        self.browser.submit("/login", username=username, password=PASSWORD)

    def starts(self, title: str, *others: Person) -> Chat:
        return Chat.start(self.user, title, [other.username for other in others]).chat

    def of(self, chat: Chat) -> Membership:
        return Membership.of(self.user, chat.id)

    def posts(self, chat: Chat, text: str, **how: Any) -> Message:
        return self.of(chat).post(text, **how)

    def removes(self, other: Person, chat: Chat) -> None:
        self.of(chat).remove(other.id)

    def get(self, path: str) -> TestResponse:
        return self.browser.get(path)


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


class Anyone:
    """Nobody in particular: not signed in anywhere."""

    def __init__(self, app: Flask) -> None:
        self.api = Api(app)
        self.browser = Browser(app)


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


class Server:
    """The messenger as it is served: gunicorn on a free port, over a database of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "SECRET_KEY": secrets.token_hex(32),
            "JWT_SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": f"sqlite:///{folder / 'chat.db'}",
            "MEDIA_DIR": str(folder / "media"),
            "RATE_LIMITS": "off",
            "WEB_CONCURRENCY": "1",
            **environment,
        }
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.master = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "chat:app"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self.answers, lambda: f"no answer; it said:\n{self.log.read_text()}")

    def answers(self) -> bool:
        """Whether it is up. Raises when it ended instead."""
        assert self.master.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        if self.master.poll() is None:
            self.master.send_signal(signal.SIGTERM)
        return self.master.wait(30)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], complaint: Callable[[], str], seconds: float = 60) -> None:
    """Ask again and again until it is so; the bound is generous, for a busy machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, complaint()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, shared by the tests of one file."""
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()
