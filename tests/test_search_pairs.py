"""What a question finds and what it does not, in Russian and English: tests/search_pairs.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import search
from lib.sqlite import sqlite3
from migrations.m0003_word_forms import STATEMENTS

PAIRS = tomllib.loads((Path(__file__).parent / "search_pairs.toml").read_text())
EVERY = [tuple(pair) for pairs in PAIRS.values() for pair in pairs]


def found(text: str, q: str) -> bool:
    """Whether the index finds a message that says this."""
    rows = sqlite3.connect(":memory:")
    rows.execute(STATEMENTS[-1])
    folded = search.fold(text)
    insert = "INSERT INTO message_index (text, forms, facts) VALUES (?, ?, 'c1')"
    rows.execute(insert, (folded, search.forms(folded)))
    asked = search.expression(search.read(q), [1], None)
    hits = rows.execute("SELECT count(*) FROM message_index WHERE message_index MATCH ?", (asked,)).fetchone()[0]
    rows.close()
    return bool(hits)


def test_there_are_pairs_enough_in_both_languages() -> None:
    assert len(PAIRS["russian"]) >= 30
    assert len(PAIRS["english"]) >= 30


@pytest.mark.parametrize(("q", "says", "says_not"), EVERY, ids=[pair[0] for pair in EVERY])
def test_a_question_finds_the_forms_of_its_words_and_nothing_else(q: str, says: str, says_not: str) -> None:
    assert found(says, q)
    assert not found(says_not, q)
    assert "<mark>" in search.snippet(says, search.read(q))
