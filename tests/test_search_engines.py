"""Both engines find the same messages in the same order, by whatever way Postgres looks for them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import pytest
from engines import Engine, IndexedMessage, postgres_engine, sqlite_engine
from hypothesis import given, settings
from hypothesis import strategies as st

import search
from models import index_postgres
from models.index_postgres import Part, parts_before
from search import tsquery


class Both(NamedTuple):
    sqlite: Engine
    postgres: Engine

    def holds(self, *args: Any) -> Both:
        for engine in self:
            engine.holds(*args)
        return self

    def find(self, q: str, **filters: Any) -> list[int]:
        """What both find."""
        on_sqlite, on_postgres = (engine.find(q, **filters) for engine in self)
        assert on_postgres == on_sqlite
        return on_postgres


@pytest.fixture(scope="module")
def both(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with sqlite_engine(tmp_path_factory.mktemp("both")) as sqlite, postgres_engine(postgres_server) as postgres:
        yield Both(sqlite, postgres)


# Words that meet each other: forms, beginnings, pieces of long words, several alphabets, signs.
LONG = "x" * tsquery.PIECE
WORDS = [
    "собака", "собаками", "собак", "соб", "с", "подарки", "день", "дня", "running", "ran", "run", "r", "café", "cafe",
    "don't", "dont", "don", "t", "l'amour", "3.14", "3", "14", "кафе-бар", "кафе", "бар", "日本語", "日", "本", "語本",
    "กี่", "กา", "ก", "한국어", "हिन्दी", "مُحَمَّد", "λόγος", "🙂", "🟢онлайн", "ﷺ", "a_b", "\\", "'", "''", "&", "!", "a:b",
    LONG, f"{LONG}x", f"{LONG}y", LONG[1:], f"{LONG}{LONG}", f"{LONG}{LONG}z", f"{LONG}'{LONG}", "𐐨" * 700,
]  # fmt: skip
SIGNS = st.sampled_from([" ", " ", " ", "", "-", "'", "\n", ".", "\\", " ' "])
# Steps from one id to the next: neighbours, and those in other blocks of each level.
STEPS = st.sampled_from([1, 1, 1, 7, 4_096, 9_000, 40_000, 300_000, 3_000_000, 20_000_000])
FILTERS = [
    "has:file", "before:2026-01-31", "after:2026-01-29", "before:2025-12", "after:2024", "before:1990", "after:2001",
    "after:2025-11 before:2026-02",
]  # fmt: skip
SMALL = st.sampled_from([1, 2, 1_000])


class Case(NamedTuple):
    messages: dict[int, IndexedMessage]
    questions: list[str]


@st.composite
def case(draw: st.DrawFn) -> Case:
    """Messages of a few words, and questions for words, their beginnings, phrases and more."""
    strange = draw(st.lists(st.text(max_size=3), max_size=1))
    word = st.sampled_from(strange + draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)))
    text = st.lists(st.tuples(word, SIGNS).map("".join), max_size=6).map("".join)
    small, days = st.integers(1, 2), st.sampled_from([0, 1, 40, 700, 9_000])
    steps = draw(st.lists(STEPS, min_size=1, max_size=8))
    messages = {
        message_id: draw(st.builds(IndexedMessage, text, small, small, days, st.booleans()))
        for message_id in accumulate(steps)
    }
    # What is asked for is often there.
    texts = st.sampled_from([search.fold(one.text).split() for one in messages.values()])
    phrase = st.builds(
        lambda words, at, count: " ".join(words[at : at + count]), texts, st.integers(0, 4), st.integers(1, 3)
    )
    beginning = st.builds(lambda word, end: word[:end], word, st.integers(1, 3) | st.integers(1, 900))
    any_term = word | beginning | phrase | st.builds('"{} {}"'.format, word, word) | phrase.map('"{}"'.format)
    filters = st.sampled_from([""] * 12 + FILTERS)
    return Case(
        messages, [f"{draw(filters)} {' '.join(draw(st.lists(any_term, min_size=1, max_size=2)))}" for _ in range(4)]
    )


@given(case(), st.tuples(SMALL, SMALL, SMALL, SMALL), st.data())
@settings(max_examples=200)
def test_both_find_the_same(both: Both, case: Case, sizes: tuple[int, ...], data: st.DataObject) -> None:
    both.holds(case.messages, data.draw(st.sampled_from([(1, 2), (1, 2), (1,)])))
    filters = st.fixed_dictionaries({
        "chats": st.sampled_from([None] * 5 + [[1], [2], [1, 2], []]),
        "authors": st.sampled_from([None] * 5 + [[1], [2, 3], []]),
        "before": st.sampled_from([None] * 5 + list(case.messages)),
        "limit": st.sampled_from([1, 3, 20]),
    })  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("NEWEST", "HITS_MAX", "CANDIDATES", "COMPLETIONS_MAX"), sizes, strict=True):
            patch.setattr(index_postgres, name, size)
        for q in case.questions:
            both.find(q, **data.draw(filters))


# What a vector can't hold


def test_a_phrase_is_found_wherever_it_stands_in_a_long_text(both: Both) -> None:
    """A vector knows the first 255 places of a word, and the first 16,382 of a text."""
    often = "的 " * 256 + "end 的 here"
    far = " ".join(f"w{number}" for number in range(17_000))
    both.holds({1: IndexedMessage(often), 2: IndexedMessage(far), 3: IndexedMessage(f"{often} {far}")})
    assert both.find('"end 的"') == both.find('"的 end"') == both.find('"的 here"') == [3, 1]
    assert both.find('"here 的"') == both.find('"end here"') == []
    assert both.find('"w16998 w16999"') == both.find('"w16998 w16999" w16') == [3, 2]
    assert both.find("w16.w16999") == both.find('"w16998 w1699"') == both.find('"w16999 w16998"') == []
    assert both.find("w0-w1") == [*both.find("here-w0-w1"), 2] == [3, 2]


def test_long_words_are_found_as_a_whole_and_by_their_beginnings(both: Both) -> None:
    for length in (tsquery.PIECE - 1, tsquery.PIECE, tsquery.PIECE + 1, 2 * tsquery.PIECE, 2 * tsquery.PIECE + 1):
        word = "ж" * length
        both.holds(
            {
                1: IndexedMessage(word),
                2: IndexedMessage(f"{word}ж"),
                3: IndexedMessage(word[1:]),
                4: IndexedMessage(f"{'ы' * tsquery.PIECE}{word}"),
            }
        )
        assert both.find(f'"{word}"') == [1]
        assert both.find(word) == [2, 1]
        assert both.find(word[:-1]) == [3, 2, 1]
        assert both.find(f'"{word} ж"') == []


@pytest.mark.parametrize(
    "text",
    [
        "".join(map(chr, range(0x4E00, 0x9FFF))) * 5,
        "\U00010428" * 100_000,
        # A letter that folds into four of two bytes each, in words that count once more without their apostrophes.
        " ".join(f"{chr(0xFDF2) * 90}{chr(0x410 + n // 30)}{chr(0x430 + n % 30)}'{chr(0xFDF2)}" for n in range(900)),
    ],
    ids=["letters", "one word", "words"],
)
def test_the_longest_text_that_can_be_allowed_is_found_by_its_first_word(both: Both, text: str) -> None:
    text = f"first {text}"[:100_000]
    both.holds({1: IndexedMessage(text)})
    assert both.find("first") == [1]


# How it looks for them


@pytest.fixture
def statements(both: Both, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Postgres is asked from now on."""
    statements: list[str] = []
    ask = both.postgres.database.execute_sql
    monkeypatch.setattr(
        both.postgres.database, "execute_sql", lambda sql, *rest: statements.append(sql) or ask(sql, *rest)
    )
    return statements


def test_a_common_word_is_found_among_the_newest_alone(both: Both, statements: list[str]) -> None:
    both.holds({number: IndexedMessage("tomorrow at noon") for number in range(1, 200)})
    statements.clear()
    for q in ("tomorrow", "t", "tomorrow no", '"at noon"'):
        assert both.find(q) == list(range(199, 179, -1))
    assert len(statements) == 4


def test_what_was_common_once_is_found_without_collecting_all_of_it(
    both: Both, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred messages at the beginning of a million; others are not there, since only their ids matter."""
    monkeypatch.setattr(index_postgres, "HITS_MAX", 25)
    monkeypatch.setattr(index_postgres, "NEWEST", 1)
    both.holds(
        {
            **{number * 100: IndexedMessage("formerly, here") for number in range(1, 200)},
            1_000_000: IndexedMessage("now"),
        }
    )
    statements.clear()
    assert both.find("formerly") == both.find('"formerly here"') == [number * 100 for number in range(199, 179, -1)]
    assert len(statements) < 40


@pytest.mark.parametrize("newest", [1, 2, 4_096, 4_097, 32_768, 32_769, 1_000_000, 2**31, 2**40])
def test_parts_are_all_ids_in_order_and_each_has_only_so_many_blocks(newest: int) -> None:
    end = newest
    for part in parts_before(newest):
        size = 1 << (tsquery.BLOCK_BITS + part.level * tsquery.LEVEL_BITS)
        assert part.first * size < end <= part.end * size < end + size
        assert part.end - part.first < 8 or part.level == tsquery.LEVELS - 1
        end = part.first * size
    assert end == 0


def test_splitting_a_part_keeps_its_ids() -> None:
    parts = [Part(2, 3, 8)]
    for level in (2, 1, 0):
        while any(part.level == level and part.split() for part in parts):
            parts = [subpart for part in parts for subpart in (part.split() if part.level == level else []) or [part]]
    blocks = [part.first for part in parts]
    assert all(part == Part(0, part.first, part.first + 1) for part in parts)
    assert blocks == list(range(8 * 64 - 1, 3 * 64 - 1, -1))


def test_a_change_of_a_row_is_found_at_once(both: Both) -> None:
    both.holds({1: IndexedMessage("one word"), 2: IndexedMessage("two words")})
    for engine in both:
        engine.index.remove(1)
        engine.index.add(IndexedMessage("three words").row(1))
        engine.index.remove(2)
    assert both.find("word") == both.find("three") == [1]
    assert both.find("one") == both.find("two") == []
