"""The messenger on a Postgres server: its errors are reported in one line, and nothing acknowledged is lost."""

from __future__ import annotations

import io
import re
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from cable import Cable
from flask import Flask
from people import Person, settings_in
from postgres import PostgresServer, create_database
from servers import Server, wait_for
from streams import Listener, rows, written

import models
from chat import create_app
from commands.start import CannotStart, prepare
from config import ConfigError, Settings
from lib import postgres
from lib.sqlite import sqlite3
from lib.watched_postgres import WatchedConnection
from models import Chat, base
from models.chat_list import FIRST_MEMBERS
from models.postgres import WRITE_LOCK, set_clock, translated
from models.statements import forget_engine
from models.timing import clock


@contextmanager
def messenger(postgres_url: str, folder: Path) -> Iterator[Flask]:
    app = create_app(settings_in(folder, database_url=postgres_url))
    app.testing = False
    forget_engine()
    models.migrate()
    yield app
    models.database.close_all()
    forget_engine()
    clock.offset = 0


@pytest.fixture
def app(postgres_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The messenger on Postgres, whatever the other tests run on."""
    with messenger(postgres_url, tmp_path) as app:
        yield app


@pytest.fixture
def cable(postgres_url: str) -> Iterator[Cable]:
    """A cable to the database."""
    with Cable(postgres_url) as cable:
        yield cable


def refusal(postgres_url: str, tmp_path: Path) -> str:
    with pytest.raises(CannotStart) as refused:
        prepare(settings_in(tmp_path, database_url=postgres_url))
    models.database.close_all()
    assert "\n" not in str(refused.value)
    return str(refused.value)


# What is wrong with the server


def test_a_wrong_password_is_reported_without_it(tmp_path: Path) -> None:
    server = PostgresServer(password="right")
    try:
        error = refusal(server.url("postgres").replace("chat@", "chat:wrong-one@"), tmp_path)
        assert "password authentication failed" in error and "wrong-one" not in error
    finally:
        server.remove()


def test_a_missing_database_is_reported(postgres_url: str, tmp_path: Path) -> None:
    assert 'database "nowhere" does not exist' in refusal(postgres_url.rpartition("/")[0] + "/nowhere", tmp_path)


def test_an_unknown_host_is_reported(tmp_path: Path) -> None:
    error = refusal("postgresql://chat:secret-one@nowhere.invalid/chat", tmp_path)
    assert "nowhere.invalid" in error and "secret-one" not in error


def test_a_server_that_is_not_running_is_reported(tmp_path: Path) -> None:
    assert "refused" in refusal("postgresql://chat@127.0.0.1:1/chat", tmp_path)


def test_a_password_among_the_parameters_is_not_shown_either(tmp_path: Path) -> None:
    error = refusal("postgresql://chat@127.0.0.1:1/chat?sslmode=prefer&password=secret-one", tmp_path)
    assert "refused" in error and "sslmode=prefer&password=…" in error and "secret-one" not in error


def test_a_database_of_another_program_is_left_alone(postgres_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("CREATE TABLE invoice (id bigint)")
    assert "tables of another program" in refusal(postgres_url, tmp_path)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("DROP TABLE invoice")
        other.execute("CREATE TABLE migration (version bigint)")
    assert "tables of another program" in refusal(postgres_url, tmp_path)


def test_an_old_server_is_refused() -> None:
    # Debian has no old one to try.
    old = SimpleNamespace(info=SimpleNamespace(server_version=130_012, parameter_status=lambda name: "UTF8"))
    with pytest.raises(postgres.UnsuitableServer, match="Postgres 13 is too old: version 14 or newer is needed"):
        postgres.check_server(old)  # type: ignore[arg-type]


def test_a_database_that_holds_not_every_text_is_refused(postgres_server: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "encoding LATIN1" in refusal(postgres_server.rpartition("/")[0] + "/latin", tmp_path)


@pytest.mark.parametrize(
    "address", ["postgres://host", "postgres://host/", "postgres://host:port/chat", "postgres:chat"]
)
def test_an_address_without_a_database_is_refused(address: str, tmp_path: Path) -> None:
    keys = {name: secrets.token_hex(32) for name in ("SECRET_KEY", "JWT_SECRET_KEY")}
    with pytest.raises(ConfigError, match="DATABASE_URL must name a host and a database"):
        Settings.read({**keys, "DATABASE_URL": address}, tmp_path / ".env")


# The tables


TYPES = {"integer": "number", "bigint": "number", "boolean": "number", "text": "text"}


def test_the_tables_are_those_of_sqlite(app: Flask, tmp_path: Path) -> None:
    """Each column has the same name, type and nullability on both; each index and constraint is there."""
    on_postgres = tables_of_postgres()
    models.database.close_all()
    models.open_database(f"sqlite:///{tmp_path / 'other.db'}")
    models.migrate()
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        on_sqlite = tables_of_sqlite(database)
    models.database.close_all()
    assert {name: on_postgres.get(name) for name in on_sqlite} == on_sqlite


def tables_of_postgres() -> dict[str, Any]:
    columns = models.database.execute_sql(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = current_schema()"
    ).fetchall()
    indexes = models.database.execute_sql("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()")
    keys = models.database.execute_sql(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
    )
    return shape(
        [(table, name, TYPES.get(kind, kind), nullable == "YES") for table, name, kind, nullable in columns],
        [indexed(definition) for (definition,) in indexes],
        [(table.strip('"'), referenced(definition)) for table, definition in keys],
    )


def tables_of_sqlite(database: sqlite3.Connection) -> dict[str, Any]:
    columns, indexes, keys = [], [], []
    names = "SELECT name FROM sqlite_master WHERE type = 'table'"
    hidden = ("sqlite_", "message_index")
    for (table,) in database.execute(names).fetchall():
        if table.startswith(hidden):
            continue
        for _, name, kind, is_required, _, is_key in database.execute(f'PRAGMA table_info("{table}")'):
            columns.append((table, name, TYPES[kind.lower()], not is_required and not is_key))
        for _, index, is_unique, *_ in database.execute(f'PRAGMA index_list("{table}")').fetchall():
            parts = [name for _, _, name in database.execute(f'PRAGMA index_info("{index}")')]
            indexes.append((table, bool(is_unique), tuple(parts)))
        for number, _, target, own, other, _, deletion, _ in database.execute(f'PRAGMA foreign_key_list("{table}")'):
            keys.append((table, (own, target, other, deletion), number))
    return shape(columns, indexes, [(table, key) for table, key, _ in keys])


def shape(columns: list[Any], indexes: list[Any], keys: list[Any]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for table, *column in columns:
        tables.setdefault(table, {"columns": set(), "indexes": set(), "keys": set()})["columns"].add(tuple(column))
    for table, is_unique, parts in indexes:
        # Of an expression there is no name, and the key of a table is not listed by SQLite.
        if parts not in (("id",), ("name",)):
            named = tuple(part if part and part.isidentifier() else None for part in parts)
            tables[table]["indexes"].add((is_unique, named))
    for table, key in keys:
        tables[table]["keys"].update([key] if isinstance(key, tuple) and isinstance(key[0], str) else key)
    return tables


def indexed(definition: str) -> tuple[str, bool, tuple[str, ...]]:
    found = re.fullmatch(r'CREATE (UNIQUE )?INDEX \S+ ON \S+?\."?(\w+)"? USING \w+ \((.*?)\)( WHERE .*)?', definition)
    assert found, definition
    return found[2], bool(found[1]), tuple(re.split(r", (?![^(]*\))", found[3]))


def referenced(definition: str) -> list[tuple[str, str, str, str]]:
    found = re.match(
        r'FOREIGN KEY \((.*?)\) REFERENCES "?(\w+)"?\((.*?)\)(?: ON DELETE (CASCADE|SET NULL))?', definition
    )
    assert found, definition
    pairs = zip(found[1].split(", "), found[3].split(", "), strict=True)
    return [(own, found[2], other, found[4] or "NO ACTION") for own, other in pairs]


# Trouble while it serves


def test_a_restarted_server_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """While it is down, changes are refused with 503 and Retry-After; each that was answered with 201 is there."""
    server = PostgresServer(fsync="on", synchronous_commit="on")
    try:
        own = Server(tmp_path, DATABASE_URL=create_database(server.url("postgres")))
        try:
            ann = Listener(own, "ann")
            chat = ann.asks("POST", "chats", title="Garden", members=[])["id"]
            answers: list[tuple[int, str]] = []
            is_over = threading.Event()
            writer = threading.Thread(target=lambda: answers.extend(written(ann, chat, is_over)))
            writer.start()
            for number in (signal.SIGINT, signal.SIGQUIT):
                time.sleep(0.5)
                server.stop(number)
                time.sleep(0.5)
                server.start()
            wait_for(lambda: ann.tries("GET", "chats").status_code == 200, lambda: "the server is not found again")
            is_over.set()
            writer.join(120)
            stored = {text for (text,) in rows(own, "SELECT text FROM message")}
            assert {text for status, text in answers if status == 201} <= stored
            assert {status for status, _ in answers} == {201, 503}
        finally:
            own.stop()
    finally:
        server.remove()


def test_a_message_whose_commit_was_not_answered_keeps_its_files(cable: Cable, tmp_path: Path) -> None:
    """It may have been stored all the same, as it was here: the repeated request finds it, and its file is there."""
    with messenger(cable.url, tmp_path) as app:
        ann = Person(app, "ann")
        chat = ann.starts("Garden")

        def send() -> Any:
            sent = {"chat_id": str(chat.id), "files": [(io.BytesIO(b"seeds"), "list.txt")]}
            return ann.api.post("/api/messages", data=sent, headers={"Idempotency-Key": "once"})

        cable.loses_answer = True
        assert send().status_code == 503
        answer = send()
        assert answer.status_code == 200
        with ann.api.get(answer.get_json()["files"][0]["url"]) as file:
            assert file.data == b"seeds"


def test_a_server_that_says_nothing_is_waited_for_once(
    cable: Cable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by one thread after the other, nor with each connection: neither with those in the pool nor with new ones."""
    monkeypatch.setattr(models.postgres, "TRUSTED_SECONDS", 0.0)
    monkeypatch.setattr(models.postgres, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(WatchedConnection, "silence", 1.0)
    with messenger(f"{cable.url}?connect_timeout=2", tmp_path) as app, ThreadPoolExecutor(4) as threads:
        ann = Person(app, "ann")
        database: Any = models.database
        is_each_open = threading.Barrier(4)

        def open_one(number: int) -> None:
            with database.connection_context():
                is_each_open.wait(60)

        database.close_all()
        list(threads.map(open_one, range(4)))
        cable.is_dead = True
        for most in (4.0, 6.0):
            began = time.monotonic()
            statuses = list(threads.map(lambda _: ann.api.get("/api/chats").status_code, range(4)))
            assert statuses == [503] * 4
            assert time.monotonic() - began < most
            monkeypatch.setattr(database.obj, "_silent_until", 0.0)
        cable.is_dead = False
        assert ann.api.get("/api/chats").status_code == 200


def test_options_in_the_database_url_apply(postgres_url: str, tmp_path: Path) -> None:
    """Such as the schema: otherwise the workers would look elsewhere than the stream process."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA garden")
    address = f"{postgres_url}?options=-csearch_path%3Dgarden&application_name=spade"
    with messenger(address, tmp_path):
        assert models.database.execute_sql("SHOW application_name").fetchone() == ("spade",)
        assert models.database.execute_sql("SHOW lock_timeout").fetchone() == ("5s",)
        schemas = models.database.execute_sql("SELECT schemaname FROM pg_tables WHERE tablename = 'message'").fetchall()
        assert schemas == [("garden",)]
        with closing(postgres.connect(address)) as connection:
            assert connection.execute("SELECT count(*) FROM message").fetchall() == [(0,)]


def test_the_members_of_many_chats_are_read_in_one_pass(app: Flask) -> None:
    # A subquery for each chat and member took a minute for 60 chats of 150 members.
    plan = models.database.execute_sql("EXPLAIN " + FIRST_MEMBERS, ("[1, 2, 3]", 40)).fetchall()
    assert "WindowAgg" in str(plan)
    assert "SubPlan" not in str(plan)


def test_an_exhausted_pool_is_refused_with_503(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = Person(app, "ann")
    database: Any = models.database
    monkeypatch.setattr(database.obj, "_max_connections", 1)
    monkeypatch.setattr(database.obj, "_wait_timeout", 0.2)
    free, is_held = threading.Event(), threading.Event()

    def hold() -> None:
        with database.connection_context():
            is_held.set()
            free.wait(60)

    database.close_all()
    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait(60)
    answer = ann.api.get("/api/chats")
    free.set()
    holder.join()
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert ann.api.get("/api/chats").status_code == 200


def test_a_writer_that_hangs_holds_up_others_for_a_bounded_time(
    app: Flask, postgres_url: str, monkeypatch: Any
) -> None:
    ann = Person(app, "ann")
    chat = ann.starts("Garden")
    with psycopg.connect(postgres_url) as stuck:
        stuck.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
        models.database.execute_sql("SET lock_timeout = '0.2s'")
        # The request takes this connection.
        models.database.end_request(is_sound=True)
        answer = ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "hello"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "hello"}).status_code == 201


def test_a_change_sees_what_was_committed_while_it_waited(postgres_url: str, tmp_path: Path) -> None:
    """Also where the server's transactions usually see all of the database as it was when they began."""
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'".encode())
    with (
        messenger(postgres_url, tmp_path) as app,
        psycopg.connect(postgres_url) as writer,
        ThreadPoolExecutor(1) as threads,
    ):
        ann = Person(app, "ann")
        chat = ann.starts("Garden")
        writer.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
        posting = threads.submit(ann.api.post, "/api/messages", json={"chat_id": chat.id, "text": "hello"})
        wait_for(lambda: somebody_waits(postgres_url), lambda: "it does not wait")
        writer.execute("UPDATE chat SET message_count = 5 WHERE id = %s", (chat.id,))
        writer.commit()
        assert posting.result().status_code == 201
        assert Chat.get_by_id(chat.id).message_count == 6


def somebody_waits(postgres_url: str) -> bool:
    """Whether somebody waits for a lock in the database."""
    with psycopg.connect(postgres_url) as connection:
        waiting = "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND datname = %s"
        return connection.execute(waiting, (postgres_url.rpartition("/")[2],)).fetchone() is not None


def test_nobody_is_signed_out_amidst_a_change(app: Flask, postgres_url: str) -> None:
    """Else it would be committed after the answer that says so, and a move would carry over what has ended."""
    ann = Person(app, "ann")
    with psycopg.connect(postgres_url) as writer:
        writer.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
        models.database.execute_sql("SET lock_timeout = '0.2s'")
        # The request takes this connection.
        models.database.end_request(is_sound=True)
        assert ann.api.post("/api/users/logout").status_code == 503
        assert ann.api.get("/api/users/me").status_code == 200
    assert ann.api.post("/api/users/logout").status_code == 204
    assert ann.api.get("/api/users/me").status_code == 401


def test_two_hosts_go_by_the_clock_of_the_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """This host's clock is a minute wrong; messages, sessions and links go by the server's."""
    minute = 60 * 10**9
    right = time.time_ns
    for module in (base, models.postgres):
        monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: right() + minute, monotonic=time.monotonic))
    set_clock(models.database.connection())
    assert abs(base.now() - right() // 1000) < 5_000_000


# Texts and numbers that Postgres takes otherwise


def test_nul_characters_are_stored_as_replacements(app: Flask) -> None:
    ann = Person(app, "ann")
    chat = ann.starts("Garden")
    assert ann.api.get("/api/users/a%00b").status_code == 404
    assert ann.api.get("/api/search?q=a%00b").status_code == 200
    models.database.execute_sql("UPDATE chat SET description = ? WHERE id = ?", ("a\0b", chat.id))
    assert Chat.get_by_id(chat.id).description == "a\ufffdb"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT ? || '%'", "SELECT %s || '%%'"),
        ('SELECT "id" FROM "chat" WHERE "id" = %s', 'SELECT "id" FROM "chat" WHERE "id" = %s'),
    ],
)
def test_placeholders_are_translated(sql: str, expected: str) -> None:
    assert translated(sql) == expected


def test_ids_are_never_given_again(app: Flask) -> None:
    ann = Person(app, "ann")
    chat = ann.starts("Garden")
    first = ann.posts(chat, "one").id
    models.database.execute_sql("DELETE FROM message WHERE id = ?", (first,))
    assert ann.posts(chat, "two").id > first
    assert models.database.newest_id("message") > first
