"""Updates that do not break the server: a copy first, and a failed step leaves everything as it was."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import peewee
import pytest
from flask import Flask
from people import PASSWORD, Anyone, Person

import models
from actions import accounts, chats, messages, reactions, searching
from actions import chats as chat_actions
from chat import create_app
from config import Settings
from lib.sqlite import sqlite3
from migrations import m0001_initial
from models import Chat, Message, chat_list, message_page, migration
from models.sqlite import SqliteDatabase

pytestmark = pytest.mark.sqlite


@pytest.fixture
def next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path for the file of a next step."""
    folder = tmp_path / "migrations"
    shutil.copytree(migration.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migration, "FOLDER", folder)
    return folder / "m9999_next.py"


def copies() -> list[Path]:
    return list(models.database.path.parent.glob("chat.db.before-*"))


def test_a_step_is_applied_once_after_a_sound_copy(ann: Person, chat: Chat, next_step: Path) -> None:
    message = ann.posts(chat, "hello")
    next_step.write_text('STATEMENTS = ["ALTER TABLE chat ADD COLUMN banner TEXT"]')
    assert models.pending() == ["m9999_next"]
    assert models.migrate() == ["m9999_next"]
    assert models.migrate() == []
    (copy,) = copies()
    held = sqlite3.connect(copy)
    assert held.execute("SELECT id, text FROM message").fetchall() == [(message.id, "hello")]
    assert [row[1] for row in held.execute("PRAGMA table_info(chat)")].count("banner") == 0
    held.close()
    assert "banner" in [row[1] for row in models.database.execute_sql("PRAGMA table_info(chat)")]


def test_a_step_that_fails_changes_nothing(ann: Person, chat: Chat, next_step: Path) -> None:
    ann.posts(chat, "before")
    next_step.write_text('STATEMENTS = ["DROP TABLE attempt", "DELETE FROM message", "SELECT nonsense"]')
    with pytest.raises(peewee.OperationalError):
        models.migrate()
    assert models.pending() == ["m9999_next"]
    assert models.database.table_exists("attempt")
    assert [message.text for message in Message.select()] == ["before"]
    assert ann.posts(chat, "and on").id


def test_a_failed_step_takes_back_nothing_that_others_wrote_meanwhile(
    ann: Person, chat: Chat, next_step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_step.write_text('STATEMENTS = ["SELECT nonsense"]')
    copied = SqliteDatabase.back_up_before

    def copied_and_written(database: SqliteDatabase, step: str) -> Path | None:
        copy = copied(database, step)
        writer = threading.Thread(target=lambda: (ann.posts(chat, "meanwhile"), models.database.close()))
        writer.start()
        writer.join()
        return copy

    monkeypatch.setattr(SqliteDatabase, "back_up_before", copied_and_written)
    with pytest.raises(peewee.OperationalError):
        models.migrate()
    assert [message.text for message in Message.select()] == ["meanwhile"]


def test_a_harmed_file_is_put_back(ann: Person, chat: Chat, next_step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.posts(chat, "before")
    next_step.write_text('STATEMENTS = ["SELECT nonsense"]')
    monkeypatch.setattr(SqliteDatabase, "is_sound", lambda database: False)
    with pytest.raises(peewee.OperationalError):
        models.migrate()
    assert [message.text for message in Message.select()] == ["before"]


def test_a_corrupt_backup_stops_the_migration(
    ann: Person, chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torn(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if "integrity_check" in sql:
                return super().execute("SELECT 'row 7 missing from index'")
            return super().execute(sql, *values)  # type: ignore[arg-type]

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, factory=Torn))
    with pytest.raises(sqlite3.DatabaseError, match="not sound"):
        models.database.back_up(tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db*"))


def test_two_servers_that_start_at_once_update_once(ann: Person, next_step: Path) -> None:
    next_step.write_text('STATEMENTS = ["ALTER TABLE chat ADD COLUMN banner TEXT"]')
    start, steps = threading.Barrier(2), []

    def update() -> None:
        start.wait()
        steps.append(models.migrate())
        models.database.close()

    servers = [threading.Thread(target=update) for _ in range(2)]
    for server in servers:
        server.start()
    for server in servers:
        server.join()
    assert sorted(steps) == [[], ["m9999_next"]]


def test_an_older_database_gets_an_index_that_knows_word_forms(
    ann: Person, chat: Chat, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, deleted = ann.posts(chat, "Гулял с собаками"), ann.posts(chat, "Гулял с кошками")
    messages.delete(ann.of(chat), deleted.id)
    as_before = [m0001_initial.STATEMENTS[-1], "DELETE FROM migration WHERE name = 'm0003_word_forms'"]
    for statement in ("DROP TABLE message_index", *as_before):
        models.database.execute_sql(statement)
    monkeypatch.setattr(models.index, "AT_ONCE", 1)
    monkeypatch.setattr(models.index, "LOG_EVERY", 1)
    with caplog.at_level("INFO"):
        assert "m0003_word_forms" in models.migrate()
    assert [message["id"] for message in searching.find(ann.user, "собака", searching.SearchFilters()).messages] == [
        kept.id
    ]
    assert models.database.execute_sql("SELECT rowid FROM message_index").fetchall() == [(kept.id,)]
    assert "search index: 1 of 1 messages" in caplog.text
    assert ann.posts(chat, "and on").id


def test_the_models_know_the_columns_of_the_tables(ann: Person) -> None:
    tables = [models.User, models.Login, models.Chat, models.Membership, models.Message, models.File]
    tables += [models.Event, models.Attempt, models.SentKey, models.user.Claim]
    for model in tables:
        name = model._meta.table_name
        columns = {row[1] for row in models.database.execute_sql(f'PRAGMA table_info("{name}")')}
        assert columns == set(model._meta.columns), name


FIRST = ("m0001_initial", "m0002_event_chat")
# What the first version wrote when ann and bob had a chat, and bob had not read on.
AS_IT_WAS = """
    INSERT INTO "user" (id, username, username_key, name, created_at, password) VALUES
        (1, 'ann', 'ann', 'Ann', 1, :password), (2, 'bob', 'bob', '', 2, NULL);
    INSERT INTO chat (id, title, owner_id, created_at, message_count, member_count, last_message_id, activity) VALUES
        (1, 'Garden', 1, 3, 2, 2, 2, 5);
    INSERT INTO membership (id, user_id, chat_id, joined_at, last_read_id, read_count) VALUES
        (1, 1, 1, 3, 2, 1), (2, 2, 1, 3, 1, 1);
    INSERT INTO message (id, chat_id, author_id, text, html, created_at) VALUES
        (1, 1, 2, 'Гулял с собаками', '<p>Гулял с собаками</p>', 4),
        (2, 1, 1, 'Hi @bob', '<p>Hi @bob</p>', 5);
    INSERT INTO message_index (rowid, text, chat) VALUES (1, 'гулял с собаками', 'c1'), (2, 'hi bob', 'c1');
"""


# And what they did later: an answer, an edit, a deletion, a file, keys, a log, logins; carol has closed her account.
AS_IT_WENT_ON = """
    INSERT INTO "user" (id, username, username_key, created_at, deleted_at) VALUES (3, '', NULL, 6, 9);
    INSERT INTO claim (user_id, digest) VALUES (3, 'of carol');
    INSERT INTO message (id, chat_id, author_id, text, html, reply_to_id, version, created_at, edited_at, deleted_at)
        VALUES (3, 1, 3, 'an answer', '<p>an answer</p>', 2, 2, 7, 8, NULL), (4, 1, 1, '', '', NULL, 1, 8, NULL, 9),
        (5, 1, 2, '', '', 4, 1, 9, NULL, NULL);
    INSERT INTO file (id, message_id, uploader_id, name, size, type, digest, "key", created_at) VALUES
        (1, 5, 2, 'plan.txt', 7, 'text/plain', 'd', '01/23456789abcdef0123456789abcdef', 9);
    INSERT INTO message_index (rowid, text, chat) VALUES (3, 'an answer', 'c1'), (5, 'plan txt', 'c1');
    UPDATE chat SET message_count = 4, last_message_id = 5;
    UPDATE membership SET own_since = 1 WHERE user_id = 2;
    INSERT INTO sent_key (user_id, "key", digest, message_id, created_at) VALUES (1, 'k', 'd', 2, 5);
    INSERT INTO session (user_id, kind, secret_hash, created_at, seen_at, expires_at) VALUES (1, 'token', 'h', 5, 5, 6);
    INSERT INTO event (id, type, chat_id, user_id, message_id, data, created_at) VALUES
        (1, 'message.created', 1, 3, 3, '{"id":3,"chat_id":1,"author":null,"text":"an answer",
            "reply_to":{"id":2,"author":null,"text":"Hi @bob"}}', 7),
        (2, 'message.created', 1, 1, 2, '{"id":2,"chat_id":1,"text":"Hi @bob","html":"","files":[]}', 5);
"""


@pytest.fixture
def first_version(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A messenger over a database that the first version wrote."""
    app = create_app(settings)
    folder = tmp_path / "first"
    folder.mkdir()
    for name in FIRST:
        shutil.copy(migration.FOLDER / f"{name}.py", folder)
    with monkeypatch.context() as then:
        then.setattr(migration, "FOLDER", folder)
        assert models.migrate() == list(FIRST)
    hashed = models.password.hashed(PASSWORD)
    with models.write():
        for statement in [*AS_IT_WAS.split(";")[:-1], *AS_IT_WENT_ON.split(";")[:-1]]:
            models.database.execute_sql(statement.replace(":password", f"'{hashed}'"))
    return app


def test_a_database_of_the_first_version_comes_up_to_date(first_version: Flask) -> None:
    assert len(models.migrate()) > 3
    ann = Anyone(first_version)
    ann.browser.submit("/login", username="ann", password=PASSWORD)
    page = ann.browser.get("/chats/1").text
    assert "Гулял с собаками" in page and "Hi @bob" in page
    assert "message-1" in ann.browser.get("/search?q=собака").text
    assert ann.browser.submit("/chats/1", text="Still here, @bob").status_code == 302
    (bob,) = models.Membership.select().where(models.Membership.user == 2)
    assert (bob.unread, chat_list.unread_mentions(bob)) == (3, 1)
    models.database.close()


def test_what_the_first_version_kept_meets_what_came_since(first_version: Flask) -> None:
    models.migrate()
    ann = models.User.named("ann")
    membership = models.Membership.of(ann, 1)
    anyone = Anyone(first_version)
    anyone.browser.submit("/login", username="ann", password=PASSWORD)
    for page in ("", "/files", "/edit", "/messages/3/history", "/messages/3/reactions", "/messages/5/forward"):
        assert anyone.browser.get(f"/chats/1{page}").status_code == 200, page
    reactions.add(membership, 3, "👍")
    forwarded = messages.forward(chat_actions.direct(ann, ann)[0], 3)
    assert (forwarded.text, forwarded.shown_original_author) == ("an answer", None)
    assert messages.edit(membership, 2, "Hi, @bob").mentions == [{"id": 2, "username": "bob"}]
    accounts.change(models.User.named("bob"), username="robert")
    assert message_page.get(membership, 3).to_dict()["reply_to"]["text"] == "Hi, @robert"
    before = message_page.get(membership, 2).to_dict()
    messages.delete(membership, 2)
    assert "Hi" not in repr(list(models.Event.select(models.Event.data).tuples()))
    assert messages.restore(membership, 2).to_dict() == before
    with pytest.raises(models.Invalid):
        messages.forward(membership, 5)
    chats.delete(membership)
    models.database.close()
