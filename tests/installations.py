"""Databases that are moved: an installation with rows of every kind, and what is in a database."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from background import wait_for_background_work
from click.testing import Result
from flask import Flask
from people import PASSWORD, Person, settings_in
from postgres import create_database, drop_database
from servers import ROOT

import models
from actions import accounts, chats, drafts, members, messages, reactions
from chat import create_app
from config import Settings
from lib.database_url import is_postgres
from lib.sqlite import sqlite3
from models import Attempt, Chat, Link, Login, Task
from models.statements import forget_engine
from models.timing import clock

# What belongs to a database itself, and is not moved.
OWN = {"migration", "generation", "moved"}
QUESTIONS = ("hello", "tomato", "tomatoes", "помидоры", "from:ann", "has:file", "cafe", "watering can", "gard")


class Installation:
    """People, and all that they can leave in the tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        here = settings_in(folder, f"sqlite:///{folder / 'chat.db'}")
        # No thread of the tests' own process empties deleted messages while a command has the lock.
        self.settings = replace(here, limits={"undo_seconds": 300})
        self.app = self.opened(self.settings.database_url)
        models.migrate()
        self.ann, self.bob, self.carol, self.zoe = (Person(self.app, name) for name in ("ann", "bob", "carol", "zoe"))
        self.chat: Chat = self.ann.starts("Garden", self.bob, self.carol)
        with self.app.test_request_context():
            self._fill()
        # An id that was used, and whose row was deleted.
        row = (self.chat.id, self.ann.id)
        models.database.execute_sql(
            "INSERT INTO message (chat_id, author_id, text, html, created_at) VALUES (?, ?, 'gone', 'gone', 1)", row
        )
        self.deleted_id = models.database.newest_id("message")
        models.database.execute_sql("DELETE FROM message WHERE id = ?", (self.deleted_id,))

    def opened(self, url: str) -> Flask:
        """The messenger over one of its databases."""
        return opened(replace(self.settings, database_url=url))

    def _fill(self) -> None:
        ann, bob, carol = self.ann, self.bob, self.carol
        first = ann.posts(self.chat, "Hello @bob, the tomatoes are in the *café*\n\n\tcode \\ and\r\n`\\N`", key="k-1")
        messages.post(bob.of(self.chat), "Полил помидоры 🍅", reply_to=first.id)
        messages.edit(ann.of(self.chat), ann.posts(self.chat, "a wattering can").id, "a watering can")
        for emoji in ("👍", "🍅"):
            reactions.add(carol.of(self.chat), first.id, emoji)
        self.deleted = bob.posts(self.chat, "a slip")
        messages.delete(bob.of(self.chat), self.deleted.id)
        direct, _ = chats.direct(ann.user, bob.user)
        messages.post(direct, "between us " + "long " * 500)
        messages.forward(direct, first.id, "see above")
        drafts.save(carol.of(self.chat), "half a sen")
        chats.describe(ann.of(self.chat), description="Beds and borders")
        members.set_level(bob.of(self.chat), "mentions")
        members.set_role(ann.of(self.chat), carol.id, "admin")
        bob.reads(self.chat)
        Link.reset_by_admin(bob.user)
        Login.open(carol.user, "browser", "Firefox \t 🦊", remember=True)
        Attempt.create(key="posts:1", count=5, started_at=1, ends_at=2)
        self._send_files()
        accounts.close(self.zoe.user, PASSWORD)
        # As if a server had ended between its two steps.
        Task.create(kind="indexed", subject=first.id, place=1)

    def _send_files(self) -> None:
        sent = [(io.BytesIO(b"seeds"), "Samen für Töpfe.txt"), (io.BytesIO(b"more"), "list.csv")]
        form = {"chat_id": str(self.chat.id), "text": "the lists", "files": sent}
        answer = self.ann.api.post("/api/messages", data=form, headers={"Idempotency-Key": "k-2"})
        assert answer.status_code == 201, answer.text

    def answers(self, app: Flask) -> dict[str, Any]:
        """What people see through a messenger over one of the databases."""
        seen: dict[str, Any] = {}
        for person in (self.ann, self.bob, self.carol):
            api = type(person.api)(app, person.api.token)
            paths = ["chats", f"messages?chat_id={self.chat.id}&limit=100", "users/me"]
            for path in [*paths, *(f"search?q={question}" for question in QUESTIONS)]:
                answer = api.get(f"/api/{path}")
                assert answer.status_code == 200, (path, answer.text)
                seen[f"{person.username} {path}"] = answer.get_json()
        return seen


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database on the Postgres server."""
    url = create_database(postgres_server)
    yield url
    leave()
    drop_database(url)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def database_is_left() -> Iterator[None]:
    """A command is the last thing that its process does; here others follow."""
    yield
    leave()
    clock.offset = 0


def opened(settings: Settings) -> Flask:
    """The messenger over another database than the last one, perhaps on another engine."""
    leave()
    app: Flask = create_app(settings)
    app.testing = False
    return app


def bind(url: str) -> None:
    """Let the models use another database than the last one."""
    leave()
    models.open_database(url)


def leave() -> None:
    """Close the database that the models use, if any, when no thread works on its tasks any more."""
    wait_for_background_work()
    if models.base._proxy.obj is not None:
        models.database.close_all()
    forget_engine()


def run(app: Flask, *words: str) -> Result:
    """Run a command in this process."""
    done: Result = app.test_cli_runner().invoke(args=list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def moved(app: Flask, *words: str) -> str:
    """Run a command that must succeed; what it printed."""
    done = run(app, *words)
    assert done.exit_code == 0, done.output
    return done.output


def refused(app: Flask, *words: str) -> str:
    """Run a command that must fail with one line; that line."""
    done = run(app, *words)
    assert done.exit_code == 1, done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("Error: "), done.output
    return last


def contents(url: str) -> dict[str, Any]:
    """All rows of all tables as dictionaries, and the highest ids given, read beside the program."""
    found = _of_postgres(url) if is_postgres(url) else _of_sqlite(url.removeprefix("sqlite:///"))
    tables, newest = found
    return {**{name: tables[name] for name in sorted(tables) if name not in OWN}, "newest ids": newest}


def _of_postgres(url: str) -> tuple[dict[str, Any], dict[str, int]]:
    tables, newest = {}, {}
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            if name == "message_index":
                continue
            order = "id" if name not in OWN else "1"
            cursor = connection.execute(f'SELECT * FROM "{name}" ORDER BY {order}')  # type: ignore[call-overload]
            columns = [column.name for column in cursor.description or ()]
            plain = [[int(value) if isinstance(value, bool) else value for value in row] for row in cursor]
            tables[name] = [dict(zip(columns, row, strict=True)) for row in plain]
        for (name,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
            last, is_called = connection.execute(f"SELECT last_value, is_called FROM {name}").fetchall()[0]  # type: ignore[call-overload]
            if is_called:
                newest[name.removesuffix("_id_seq")] = last
    return tables, newest


def _of_sqlite(path: str) -> tuple[dict[str, Any], dict[str, int]]:
    tables = {}
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            if name.startswith(("sqlite_", "message_index")):
                continue
            cursor = connection.execute(f'SELECT * FROM "{name}" ORDER BY {"id" if name not in OWN else "1"}')
            columns = [column[0] for column in cursor.description]
            tables[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
        newest = dict(connection.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"))
    return tables, newest


def environment(settings: Settings, url: str = "") -> dict[str, str]:
    """The settings for a command in a process of its own."""
    return {
        **os.environ,
        "SECRET_KEY": settings.secret_key,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATABASE_URL": url or settings.database_url,
        "MEDIA_DIR": str(settings.media_dir),
    }


# Runs `flask` in a process that kills itself at the nth call of a method: as it begins, or after it has returned.
DEADLY = """
import importlib, os, signal, sys
from flask.cli import main
module, name, method, when, nth = sys.argv[1].split(":")
place = importlib.import_module(module)
owner = getattr(place, name) if name else place
work, calls = getattr(owner, method), 0
def deadly(*values, **named):
    global calls
    calls += 1
    if calls == int(nth) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = work(*values, **named)
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, method, deadly)
sys.argv[:2] = ["flask", "--app", "chat"]
main()
"""


def killed_at(point: str, environment: dict[str, str], *words: str) -> None:
    """Run a command that is killed with SIGKILL at a point, `module:class:method:before or after:nth call`."""
    done = subprocess.run(
        [sys.executable, "-c", DEADLY, point, *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, (point, done.returncode, done.stdout, done.stderr)
