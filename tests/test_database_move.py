"""Moving from SQLite to a real Postgres server and back: nothing is lost or changed; what can't be moved is refused."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from background import finish_tasks
from flask import Flask
from installations import Installation, bind, contents, leave, moved, opened, refused, run
from people import PASSWORD, Person, settings_in
from postgres import PostgresServer, create_database, drop_database
from test_postgres import tables_of_postgres

import models
from actions import accounts, messages
from commands.start import CannotStart, prepare
from lib.sqlite import sqlite3
from models import Login, Message, User
from stream.process.engine import log_of

# They have both engines, whatever the others run on.
pytestmark = [pytest.mark.sqlite, pytest.mark.usefixtures("database_is_left")]


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An installation with hardly anything in it."""
    app = opened(settings_in(tmp_path, f"sqlite:///{tmp_path / 'chat.db'}"))
    models.migrate()
    return app


def file_of(app: Flask) -> str:
    return str(models.database.database)


# There and back


def test_everything_is_the_same_there_and_back(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    here = installation.settings.database_url
    before, seen = contents(here), installation.answers(installation.app)
    assert all(before.values()), f"nothing in {[table for table, rows in before.items() if not rows]}"
    back = f"sqlite:///{tmp_path / 'new' / 'back.db'}"
    for command, source, target in (("move-to-postgres", here, postgres_url), ("move-to-sqlite", postgres_url, back)):
        output = moved(installation.opened(source), command, target.removeprefix("sqlite:///"))
        assert contents(target) == before
        there = installation.opened(target)
        assert Message.select().count() == len(before["message"])
        assert installation.answers(there) == seen
        assert "restart the server" in output.splitlines()[-1]
        assert run(there, "doctor").exit_code == 0
    assert (tmp_path / "new" / "back.db").stat().st_mode & 0o077 == 0


def test_counts_and_checksums_are_printed_for_each_table(installation: Installation, postgres_url: str) -> None:
    before = contents(installation.settings.database_url)
    output = moved(installation.app, "move-to-postgres", postgres_url)
    lines = re.findall(r"^(\w+) +([\d,]+) +([\d,]+)  ([0-9a-f]{16})  ([0-9a-f]{16})$", output, re.MULTILINE)
    assert {name: int(count) for name, count, *_ in lines} == {
        name: len(rows) for name, rows in before.items() if name != "newest ids"
    }
    assert all((rows_here, here) == (rows_there, there) for _, rows_here, rows_there, here, there in lines)


def test_everything_goes_on_there(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    """Passwords, new ids, what can be restored, unfinished tasks; and the same after it came back."""
    back = tmp_path / "back.db"
    newest = installation.deleted_id
    for command, target in (("move-to-postgres", postgres_url), ("move-to-sqlite", str(back))):
        moved(
            installation.opened(str(models.database.database)) if target != postgres_url else installation.app,
            command,
            target,
        )
        app = installation.opened(target if target == postgres_url else f"sqlite:///{target}")
        ann = accounts.authenticate("ann", PASSWORD)
        assert ann is not None and accounts.authenticate("zoe", PASSWORD) is None
        with app.test_request_context():
            message = installation.ann.posts(installation.chat, f"after {command}")
        assert message.id == newest + 1
        newest = message.id
        finish_tasks()
        assert installation.answers(app)["bob search?q=tomatoes"]["items"]
        assert accounts.register(f"new{newest}", PASSWORD).id > installation.zoe.id
    with app.test_request_context():
        assert messages.restore(installation.bob.of(installation.chat), installation.deleted.id).text == "a slip"


def test_the_tables_there_are_those_of_a_new_database(app: Flask, postgres_url: str, postgres_server: str) -> None:
    moved(app, "move-to-postgres", postgres_url)
    there = tables_of_postgres()
    other = create_database(postgres_server)
    bind(other)
    models.migrate()
    fresh = tables_of_postgres()
    models.database.close_all()
    drop_database(other)
    assert there == fresh


def test_a_cursor_from_before_leads_to_a_reset(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    key, back = bytes(32), str(tmp_path / "back.db")
    cursors = {}
    for command, source, target in (
        ("move-to-postgres", file_of(installation.app), postgres_url),
        ("move-to-sqlite", postgres_url, back),
    ):
        with closing(log_of(source)(source, key)) as log:
            cursors[source] = log.cursors.cursor(log.end())
            assert not log.start(installation.ann.id, cursors[source]).needs_reset
        moved(installation.opened(source if source == postgres_url else f"sqlite:///{source}"), command, target)
        with closing(log_of(target)(target, key)) as log:
            for cursor in cursors.values():
                start = log.start(installation.ann.id, cursor)
                assert start.needs_reset and start.position == log.end()


def test_what_postgres_can_not_hold_is_replaced_and_counted(app: Flask, postgres_url: str) -> None:
    ann = Person(app, "ann")
    chat = ann.starts("Garden")
    texts = {
        ann.posts(chat, f"text {number}").id: text
        for number, text in enumerate((b"a\0b", b"x\xff\xfey", b"z\xed\xa0\x80"))
    }
    for message, text in texts.items():
        models.database.execute_sql("UPDATE message SET text = CAST(? AS TEXT) WHERE id = ?", (text, message))
    models.database.execute_sql(
        "UPDATE event SET data = ? WHERE type = 'chat.created'", (r'{"last_message":{"id":7,"text":"\u0000 \\u0000"}}',)
    )
    output = moved(app, "move-to-postgres", postgres_url)
    assert "in some values: 1 in event, 3 in message." in output
    assert [row["text"] for row in contents(postgres_url)["message"]] == [
        "a\ufffdb",
        "x\ufffd\ufffdy",
        "z\ufffd\ufffd\ufffd",
    ]
    (event,) = [row["data"] for row in contents(postgres_url)["event"] if row["type"] == "chat.created"]
    assert event == '{"last_message":{"id":7,"text":"\ufffd \\\\u0000"}}'


# A target that can't be used


def test_empty_tables_are_as_good_as_none(app: Flask, postgres_url: str) -> None:
    """A host's release step makes them before anybody can move anything there."""
    source = file_of(app)
    Person(app, "ann")
    bind(postgres_url)
    models.migrate()
    bind(f"sqlite:///{source}")
    moved(app, "move-to-postgres", postgres_url)
    assert User.named("ann")


def test_a_target_with_rows_is_refused(app: Flask, postgres_url: str, tmp_path: Path) -> None:
    opened(settings_in(tmp_path / "other", postgres_url))
    models.migrate()
    accounts.register("zoe", PASSWORD)
    before = contents(postgres_url)
    bind(f"sqlite:///{tmp_path / 'chat.db'}")
    assert "is not empty" in refused(app, "move-to-postgres", postgres_url)
    assert contents(postgres_url) == before


def test_a_database_of_another_program_is_refused(app: Flask, postgres_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("CREATE TABLE invoice (id bigint)")
    assert "tables of another program" in refused(app, "move-to-postgres", postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        assert other.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == [("invoice",)]
        other.execute("CREATE TABLE migration (version bigint)")
    bind(f"sqlite:///{tmp_path / 'chat.db'}")
    assert "tables of another program" in refused(app, "move-to-postgres", postgres_url)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("CREATE TABLE invoice (id)", "tables of another program"),
        ("CREATE TABLE migration (version)", "no such column"),
        ("", "file is not a database"),
    ],
)
def test_a_file_of_another_program_is_refused(postgres_url: str, tmp_path: Path, content: str, reason: str) -> None:
    app = opened(settings_in(tmp_path, postgres_url))
    models.migrate()
    other = tmp_path / "other.db"
    if content:
        with closing(sqlite3.connect(other)) as database:
            database.execute(content)
    else:
        other.write_text("A letter of more than a hundred bytes, " * 20)
    assert reason in refused(app, "move-to-sqlite", str(other))


def test_another_version_is_refused(app: Flask, postgres_url: str, tmp_path: Path) -> None:
    bind(postgres_url)
    models.migrate()
    models.database.execute_sql("INSERT INTO migration VALUES ('m9999_later', 1)")
    bind(f"sqlite:///{tmp_path / 'chat.db'}")
    assert "tables of another version" in refused(app, "move-to-postgres", postgres_url)


def test_the_same_engine_is_refused(app: Flask, postgres_url: str, tmp_path: Path) -> None:
    assert "a file of SQLite already" in refused(app, "move-to-sqlite", str(tmp_path / "back.db"))
    assert "on Postgres already" in refused(
        opened(settings_in(tmp_path, postgres_url)), "move-to-postgres", postgres_url
    )


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("postgres://chat:secret-one@127.0.0.1:1/chat", "refused"),
        ("postgres://chat:secret-one@nowhere.invalid/chat", "nowhere.invalid"),
        ("postgres://chat:secret-one@127.0.0.1", "must name a host and a database"),
        ("mysql://chat:secret-one@127.0.0.1/chat", "must be like postgres://"),
    ],
)
def test_a_bad_address_is_reported_without_the_password(app: Flask, address: str, reason: str) -> None:
    error_text = refused(app, "move-to-postgres", address)
    assert reason in error_text and "secret-one" not in error_text


def test_a_wrong_password_is_reported_without_it(tmp_path: Path) -> None:
    server = PostgresServer(password="right")
    try:
        app = opened(settings_in(tmp_path, f"sqlite:///{tmp_path / 'chat.db'}"))
        models.migrate()
        error_text = refused(app, "move-to-postgres", server.url("postgres").replace("chat@", "chat:wrong-one@"))
        assert "password authentication failed" in error_text and "wrong-one" not in error_text
    finally:
        server.remove()


# A source that can't be moved


def test_pending_migrations_come_first(app: Flask, postgres_url: str) -> None:
    (last,) = models.database.execute_sql("SELECT max(name) FROM migration").fetchone()
    models.database.execute_sql("DELETE FROM migration WHERE name = ?", (last,))
    assert f"has pending migrations, first {last}: run `flask migrate`" in refused(
        app, "move-to-postgres", postgres_url
    )
    models.database.close_all()
    assert contents(postgres_url) == {"newest ids": {}}


def test_damage_is_reported_before_anything_is_copied(app: Flask, postgres_url: str) -> None:
    Person(app, "ann")
    models.database.execute_sql("PRAGMA foreign_keys = 0")
    models.database.execute_sql('DELETE FROM "user"')
    assert "refers to a row of user that is not there" in refused(app, "move-to-postgres", postgres_url)
    assert contents(postgres_url) == {"newest ids": {}}


def test_a_value_of_the_wrong_type_is_named(app: Flask, postgres_url: str) -> None:
    ann = Person(app, "ann")
    ann.posts(ann.starts("Garden"), "hello")
    models.database.execute_sql("UPDATE message SET edited_at = 'yesterday'")
    error_text = refused(app, "move-to-postgres", postgres_url)
    assert "COPY message, line 1, column edited_at" in error_text


# Afterwards, and in between


def test_the_source_takes_no_more_changes(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    here, back = installation.settings.database_url, str(tmp_path / "back.db")
    for command, source, target in (("move-to-postgres", here, postgres_url), ("move-to-sqlite", postgres_url, back)):
        moved(installation.opened(source), command, target)
        app = installation.opened(source)
        api = type(installation.ann.api)(app, installation.ann.api.token)
        answer = api.post("/api/messages", json={"chat_id": installation.chat.id, "text": "too late"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        answer = api.post("/api/users", json={"username": "late-comer", "password": PASSWORD})
        assert answer.status_code == 503, answer.text
        assert api.get("/api/chats").status_code == 200
        assert api.get(f"/api/messages?chat_id={installation.chat.id}").status_code == 200
        assert "moved" in refused(app, "create-admin", "late-comer", "--password", PASSWORD)
        for error_text in (start_refusal(installation, source), refused(app, "migrate")):
            assert "it was moved to " in error_text and "set DATABASE_URL to that" in error_text
        assert run(app, "doctor").exit_code == 1
        other = target + "2" if target != postgres_url else str(tmp_path / "other.db")
        with_other = ("move-to-sqlite", other) if source == postgres_url else ("move-to-postgres", postgres_url)
        assert refused(app, *with_other)


def start_refusal(installation: Installation, postgres_url: str) -> str:
    leave()
    with pytest.raises(CannotStart) as refused:
        prepare(replace(installation.settings, database_url=postgres_url))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_source_can_be_opened_again(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    here, back = installation.settings.database_url, str(tmp_path / "back.db")
    for command, source, target in (("move-to-postgres", here, postgres_url), ("move-to-sqlite", postgres_url, back)):
        moved(installation.opened(source), command, target)
        app = installation.opened(source)
        assert moved(app, "reopen-database") == "The database can be written again.\n"
        assert moved(app, "reopen-database") == "The database was not moved.\n"
        with app.test_request_context():
            assert installation.ann.posts(installation.chat, "back again").id
        assert run(app, "doctor").exit_code == 0


def test_a_source_that_was_moved_is_not_moved_again(
    app: Flask, postgres_url: str, postgres_server: str, tmp_path: Path
) -> None:
    moved(app, "move-to-postgres", postgres_url)
    other = create_database(postgres_server)
    bind(f"sqlite:///{tmp_path / 'chat.db'}")
    assert "was moved to postgresql://" in refused(app, "move-to-postgres", other)
    models.database.close_all()
    drop_database(other)


def test_logins_end_as_they_would_have(installation: Installation, postgres_url: str) -> None:
    moved(installation.app, "move-to-postgres", postgres_url)
    app = installation.opened(postgres_url)
    api: Any = type(installation.carol.api)(app, installation.carol.api.token)
    assert api.get("/api/users/me").get_json()["username"] == "carol"
    Login.delete().where(Login.user == installation.carol.id).execute()
    assert api.get("/api/users/me").status_code == 401
