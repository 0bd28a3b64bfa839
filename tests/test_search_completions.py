"""In SQLite a search names the few words that begin with what was typed: it finds the same as FTS5's own prefixes."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import Person

from actions import searching
from models import Chat, database, index_sqlite
from models.index_sqlite import SqliteIndex

pytestmark = pytest.mark.sqlite

# Many of them begin alike.
WORDS = st.text("abё", min_size=1, max_size=7)
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(texts=st.lists(TEXTS, min_size=1, max_size=30), question=st.lists(WORDS, min_size=1, max_size=3))
def test_it_finds_what_prefixes_find(app: Flask, ann: Person, texts: list[str], question: list[str]) -> None:
    chat = ann.starts("Garden")
    for text in texts:
        ann.posts(chat, text)
    for q in (" ".join(question), f'"{" ".join(question)}'):
        named = found(ann, chat, q)
        with patch.object(index_sqlite, "COMPLETIONS_MAX", -1):
            assert found(ann, chat, q) == named


def found(person: Person, chat: Chat, q: str) -> list[int]:
    filters = searching.SearchFilters(chat_id=chat.id, limit=100)
    return [message["id"] for message in searching.find(person.user, q, filters).messages]


def test_completions_are_listed_up_to_a_limit(app: Flask, ann: Person) -> None:
    index = database.index
    assert isinstance(index, SqliteIndex)
    chat = ann.starts("Garden")
    ann.posts(chat, "garden gardens gardener")
    # Their stems are indexed as well.
    assert index._completions("garde") == ["garden", "gardener", "gardens"]
    assert index._completions("gar") is None
    assert index._completions("gazebo") == []
    ann.posts(chat, " ".join(f"word{number}" for number in range(index_sqlite.COMPLETIONS_MAX + 1)))
    assert index._completions("word") is None
