"""What a request costs does not grow with the chat: the database takes as many steps in a ten times larger one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from people import Person
from test_loading import line, loads

import models
from actions import reading
from chat import create_app
from config import Settings
from models import Chat, Message, database

pytestmark = pytest.mark.sqlite

FEW, MANY = 300, 3_000
# Deeper indexes and a few rows more or less.
TOLERANCE = 1.3
STEPS_AT_ONCE = 10
SPARE = 20

PATHS = {
    "at the first unread message": "/chats/{chat}",
    "around one": "/chats/{chat}?around={middle}",
    "before one": "/chats/{chat}/log?before={middle}",
    "after one": "/chats/{chat}/log?after={middle}",
    "since one": "/chats/{chat}/log?since={middle}",
    "list of chats": "/",
    "rows of the list": "/chats/rows",
    "API: newest": "/api/messages?chat_id={chat}",
    "API: before one": "/api/messages?chat_id={chat}&before={middle}",
    "API: chats": "/api/chats",
    "API: chat": "/api/chats/{chat}",
}


def steps(person: Person, path: str) -> int:
    """How many steps of its virtual machine SQLite takes to answer (in tens)."""
    counted = itertools.count()
    connection = database.connection()
    connection.set_progress_handler(lambda: next(counted) and None, STEPS_AT_ONCE)
    try:
        answer = person.api.get(path) if path.startswith("/api/") else person.get(path)
    finally:
        connection.set_progress_handler(None, 0)
    assert answer.status_code == 200, answer.text
    return next(counted)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The messenger, which makes each answer from the database."""
    app = create_app(replace(settings, response_cache=False))
    app.testing = False
    models.migrate()
    yield app
    models.database.close_all()


def test_a_request_costs_the_same_in_a_larger_chat(app: Flask, ann: Person, bob: Person, chat: Chat) -> None:
    costs: list[dict[str, int]] = []
    loaded = 0
    for count in (FEW, MANY):
        loads(app, *(line(chat, (ann, bob)[number % 2], f"No. {number}") for number in range(loaded, count)))
        loaded = count
        # Half of them are unread.
        position = Message.select().where(Message.chat == chat).order_by(Message.id).offset(count // 2).get().id
        reading.read(ann.of(chat), position)
        named = {"chat": chat.id, "middle": position}
        costs.append({name: steps(ann, path.format(**named)) for name, path in PATHS.items()})
    few, many = costs
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name] * TOLERANCE + SPARE} == {}
