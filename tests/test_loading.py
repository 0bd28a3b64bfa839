"""`flask load`: many messages at once, counted, found and shown as if they had been posted."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databases import ON_POSTGRES
from flask import Flask
from people import Person, settings_in
from servers import ROOT, Server
from streams import Listener
from test_commands import run
from test_unread import counted

import models
from actions import loading, members, messages, reading
from chat import create_app
from models import Chat, Event, Message

TIMES = ("2026-01-31T18:00:00Z", "2026-01-31T18:00:00+03:00", "2025-12-31 23:59:59.123456+00:00", None)
TEXTS = ("Good morning", "**bold** and `code`", "hello @bob, and @nobody", "два слова", "- one\n- two", "don't.")


def line(chat: Chat | int, author: Person | int, text: str, **more: Any) -> str:
    chat_id = chat if isinstance(chat, int) else chat.id
    author_id = author if isinstance(author, int) else author.id
    return json.dumps({"chat_id": chat_id, "author_id": author_id, "text": text, **more})


def loads(app: Flask, *lines: str) -> tuple[int, str]:
    done = run(app, "load", typed="\n".join(lines))
    return done.exit_code, done.output


def test_messages_are_stored_in_the_order_of_their_lines(app: Flask, ann: Person, bob: Person, chat: Chat) -> None:
    kitchen = bob.starts("Kitchen")
    lines = [
        line(chat, ann, "first", created_at="2026-01-31T18:00:00Z"),
        line(kitchen, bob, "elsewhere"),
        line(chat, bob, "second \n"),
    ]
    assert loads(app, *lines, "") == (0, "3 messages stored.\n")
    found = list(Message.select().order_by(Message.id))
    assert [(m.chat_id, m.author_id, m.text) for m in found] == [
        (chat.id, ann.id, "first"), (kitchen.id, bob.id, "elsewhere"), (chat.id, bob.id, "second")
    ]  # fmt: skip
    assert models.moment(found[0].created_at) == datetime(2026, 1, 31, 18, tzinfo=UTC)
    answer = ann.api.get(f"/api/messages?chat_id={chat.id}").get_json()["items"]
    assert [message["html"] for message in answer] == ["<p>first</p>", "<p>second</p>"]


def test_what_is_loaded_is_as_if_it_had_been_posted(app: Flask, ann: Person, bob: Person, chat: Chat) -> None:
    """But for events: all columns, the search index and mentions are the same."""
    other = ann.starts("Copy", bob)
    for text in TEXTS:
        ann.posts(chat, text)
    assert loads(app, *(line(other, ann, text) for text in TEXTS))[0] == 0

    def rows(chat: Chat) -> list[Any]:
        columns = "text, forms, replace(facts, 'c' || ?, '')"
        if ON_POSTGRES:
            # Without the blocks of the ids (search/tsquery.py).
            columns = r"regexp_replace(replace(words::text, '#c' || ?, ''), '#b\d+x\d+', '', 'g'), folded"
        index = f"SELECT {columns} FROM message_index WHERE rowid IN (SELECT id FROM message WHERE chat_id = ?)"
        index += " ORDER BY rowid"
        mentions = "SELECT user_id, start, length FROM mention WHERE chat_id = ? ORDER BY id"
        written = [(m.text, m.html, m.version) for m in Message.select().where(Message.chat == chat)]
        ask = models.database.execute_sql
        return [written, ask(index, (chat.id, chat.id)).fetchall(), ask(mentions, (chat.id,)).fetchall()]

    assert rows(other) == rows(chat)
    assert [hit["chat_id"] for hit in bob.api.get("/api/search?q=morning").get_json()["items"]] == [
        other.id,
        chat.id,
    ]


@pytest.mark.parametrize("seed", range(6))
def test_counters_are_those_of_a_fresh_count(
    app: Flask, ann: Person, bob: Person, carol: Person, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was posted, read and deleted before and is loaded then, in however many transactions."""
    chance = random.Random(seed)
    monkeypatch.setattr(loading, "AT_ONCE", chance.randint(1, 20))
    people = [ann, bob, carol]
    chats = [ann.starts("Garden", bob, carol), bob.starts("Kitchen", ann, carol)]
    for _ in range(3):
        for _ in range(chance.randint(0, 6)):
            message = chance.choice(people).posts(chance.choice(chats), chance.choice(TEXTS))
            if chance.random() < 0.3:
                reading.read(chance.choice(people).of(message.chat), message.id)
            if chance.random() < 0.3:
                author = next(person for person in people if person.id == message.author_id)
                messages.delete(author.of(message.chat), message.id)
        lines = [
            line(chance.choice(chats), chance.choice(people), chance.choice(TEXTS), created_at=chance.choice(TIMES))
            for _ in range(chance.randint(0, 40))
        ]
        assert loads(app, *lines) == (0, f"{len(lines)} messages stored.\n")
        for chat in chats:
            for person in people:
                assert person.of(chat).unread == counted(person.of(chat))
            newest = Message.select().where(Message.chat == chat, Message.deleted_at.is_null())
            there = Chat.get_by_id(chat.id)
            assert there.message_count == newest.count()
            last = newest.order_by(Message.id.desc()).first()
            assert there.last_message_id == (last.id if last else None)
    assert run(app, "doctor").exit_code == 0


def test_a_loaded_chat_moves_up_and_has_a_new_version(app: Flask, ann: Person, bob: Person, chat: Chat) -> None:
    ann.starts("Newer", bob)
    before = Chat.get_by_id(chat.id)
    assert loads(app, line(chat, bob, "an old message", created_at="2026-01-31T18:00:00Z"))[0] == 0
    after = Chat.get_by_id(chat.id)
    assert after.version > before.version
    assert after.activity == Event.last()
    assert ann.api.get("/api/chats").get_json()["items"][0]["id"] == chat.id
    assert "an old message" in ann.get(f"/chats/{chat.id}").text


BAD = {
    "not JSON": "{",
    "not an object": "[1, 2]",
    "not UTF-8 inside": '"\\ud800',
    "no chat": '{"author_id": 1, "text": "x"}',
    "no such chat": '{"chat_id": 99, "author_id": 1, "text": "x"}',
    "no such person": '{"chat_id": 1, "author_id": 99, "text": "x"}',
    "a number beyond 64 bits": '{"chat_id": 1, "author_id": 99999999999999999999, "text": "x"}',
    "not a member": '{"chat_id": 1, "author_id": 3, "text": "x"}',
    "an id in words": '{"chat_id": "1", "author_id": 1, "text": "x"}',
    "true for a number": '{"chat_id": true, "author_id": 1, "text": "x"}',
    "no text": '{"chat_id": 1, "author_id": 1}',
    "an empty text": '{"chat_id": 1, "author_id": 1, "text": " "}',
    "a long text": json.dumps({"chat_id": 1, "author_id": 1, "text": "x" * 10_001}),
    "a field more": '{"chat_id": 1, "author_id": 1, "text": "x", "html": "x"}',
    "a time without a zone": '{"chat_id": 1, "author_id": 1, "text": "x", "created_at": "2026-01-31T18:00:00"}',
    "a time to come": '{"chat_id": 1, "author_id": 1, "text": "x", "created_at": "9000-01-31T18:00:00Z"}',
    "a time in seconds": '{"chat_id": 1, "author_id": 1, "text": "x", "created_at": 1769882400}',
    "nested too deep": "[" * 100_000,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_line_is_named_and_nothing_of_its_batch_is_stored(
    app: Flask, ann: Person, bob: Person, carol: Person, chat: Chat, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "AT_ONCE", 2)
    assert (chat.id, ann.id, carol.id) == (1, 1, 3)
    lines = [line(chat, ann, "one"), line(chat, bob, "two"), line(chat, bob, "three"), bad, line(chat, ann, "five")]
    code, output = loads(app, *lines)
    assert code == 1
    assert output.startswith("Error: line 4: ")
    assert output.endswith(". 2 messages were stored; line 3 is the first that was not.\n")
    assert output.count("\n") == 1
    assert [message.text for message in Message.select()] == ["one", "two"]
    assert ann.of(chat).unread == counted(ann.of(chat)) == 1


def test_a_member_removed_meanwhile_gets_nothing_loaded(
    app: Flask, ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = loading._read

    def reads_and_removes(number: int, *rest: Any) -> Any:
        got = read(number, *rest)
        if number == 2:
            members.remove(ann.of(chat), bob.id)
        return got

    monkeypatch.setattr(loading, "_read", reads_and_removes)
    code, output = loads(app, line(chat, ann, "one"), line(chat, bob, "two"))
    assert code == 1
    assert output.startswith("Error: line 2: there is no person")
    assert Message.select().count() == 0


def test_a_running_server_shows_what_was_loaded_and_open_streams_begin_anew(server: Server) -> None:
    ann, bob = Listener(server, "ann"), Listener(server, "bob")
    chat = ann.starts("Garden", bob)
    first = ann.posts(chat, "posted")
    stream = bob.listens()
    assert [item["id"] for item in bob.asks("GET", f"messages?chat_id={chat}")["items"]] == [first]
    lines = "\n".join(line(chat, ann.id, f"loaded {number}") for number in range(50))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("flask")), "load"],
        cwd=ROOT, env={**os.environ, **server.environment}, input=lines, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "50 messages stored.\n"), done.stderr
    stream.waits_for(lambda s: "reset" in s.types())
    chats = bob.asks("GET", "chats")["items"]
    assert (chats[0]["unread"], chats[0]["last_message"]["text"]) == (51, "loaded 49")
    assert len(bob.asks("GET", f"messages?chat_id={chat}&limit=100")["items"]) == 51
    # Later events are sent as before.
    after = ann.posts(chat, "after it")
    stream.waits_for(lambda s: after in [event.data.get("id") for event in s.events])
    bob.disconnects()


@pytest.mark.sqlite
def test_without_tables_the_command_prints_what_is_missing(tmp_path: Path) -> None:
    code, output = loads(create_app(settings_in(tmp_path)), '{"chat_id": 1, "author_id": 1, "text": "x"}')
    assert code == 1
    assert "run `flask init`" in output
    models.database.close_all()
