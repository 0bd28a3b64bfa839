"""Statements that are compiled once give what the Peewee queries they are made of give."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from peewee import JOIN
from people import Person

import models
from lib.sqlite import sqlite3
from models import Chat, Draft, Membership, Message, User
from models.chat import Partner, membership_of
from models.statements import statement


def contents(row: Any) -> Any:
    """A model's columns, and those of the models joined to it."""
    if not isinstance(row, models.base.Model):
        return row
    attributes = {**row.__data__, **{name: contents(joined) for name, joined in row.__rel__.items()}}
    return {**attributes, "partner": contents(getattr(row, "partner", None))}


@statement
def memberships(chat_id: Any) -> Any:
    joined = Membership.select(Membership, User, Chat, Partner, Draft).join(User).switch(Membership).join(Chat)
    partner = Partner.id == Chat.high_id
    return (
        joined.join(Partner, JOIN.LEFT_OUTER, on=partner, attr="partner")
        .join(Draft, JOIN.LEFT_OUTER, on=(Draft.membership_id == Membership.id), src=Membership, attr="loaded_draft")
        .where(Membership.chat == chat_id)
        .order_by(Membership.id)
    )


def test_rows_are_those_of_the_query(ann: Person, bob: Person, chat: Chat) -> None:
    for _ in range(2):
        found, expected = memberships.all(chat.id), list(memberships.build(chat.id))
        assert [contents(row) for row in found] == [contents(row) for row in expected]
        assert [row.is_admin for row in found] == [False, False]
        assert [row.loaded_draft for row in found] == [None, None]
        assert not any(row.dirty_fields or row.user.dirty_fields or row.chat.dirty_fields for row in found)


def test_nothing_is_compiled_a_second_time(ann: Person, chat: Chat) -> None:
    assert Membership.of(ann.user, chat.id).chat.title == "Garden"
    assert membership_of.compiled is membership_of.compiled
    assert membership_of.first(ann.id, 99) is None


def test_a_value_may_stand_in_several_places_and_others_are_part_of_the_query(ann: Person, chat: Chat) -> None:
    @statement
    def own(author_id: Any, text: Any) -> Any:
        return Message.select(Message.id, Message.text).where(
            Message.author == author_id,
            (Message.text == text) | (Message.text == "always"),
            Message.author == author_id,
        )

    for text in ("one", "two", "always"):
        ann.posts(chat, text)
    assert [message.text for message in own.all(ann.id, "two")] == ["two", "always"]
    assert [message.text for message in own.all(ann.id, "none")] == ["always"]
    assert own.scalar(ann.id + 1, "two") is None


@pytest.mark.sqlite
def test_a_kept_connection_shows_the_next_request_what_is_there_then(ann: Person, chat: Chat) -> None:
    for text in ("one", "two", "three"):
        ann.posts(chat, text)
    # A query that is not read to its end holds the database as it is now.
    unread = models.database.execute_sql("SELECT id FROM message")
    unread.fetchone()
    with closing(sqlite3.connect(models.database.database)) as other, other:
        other.execute("UPDATE chat SET title = 'Renamed'")
    assert Chat.get_by_id(chat.id).title == "Garden"
    models.database.end_request(is_sound=True)
    assert Chat.get_by_id(chat.id).title == "Renamed"
    models.database.end_request(is_sound=False)
    assert models.database.is_closed()
