"""What a question finds and what it does not, in Russian and English: tests/search_pairs.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from engines import Engine

import search

PAIRS = tomllib.loads((Path(__file__).parent / "search_pairs.toml").read_text())
EVERY = [tuple(pair) for pairs in PAIRS.values() for pair in pairs]


def test_there_are_pairs_enough_in_both_languages() -> None:
    assert len(PAIRS["russian"]) >= 30
    assert len(PAIRS["english"]) >= 30


@pytest.mark.parametrize(("q", "found", "not_found"), EVERY, ids=[pair[0] for pair in EVERY])
def test_a_question_finds_the_forms_of_its_words_and_nothing_else(
    engine: Engine, q: str, found: str, not_found: str
) -> None:
    assert engine.finds(found, q)
    assert not engine.finds(not_found, q)
    assert "<mark>" in search.snippet(found, search.read(q))
