"""Texts are cleaned and cut by whole characters: controls, blank lines, excerpts, initials."""

from __future__ import annotations

import html
import re

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_text import WRITTEN

import search
from lib import richtext, storage
from lib.characters import UNSEEN, beginning, initials, one_line

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


def test_newlines_of_all_systems_are_one() -> None:
    assert richtext.clean("a\r\nb\rc\nd\u2028e\x0cf") == "a\nb\nc\nd\ne\nf"


def test_controls_go_and_words_stay() -> None:
    assert richtext.clean("a\x00b\x07 \tc\x7f\x9b") == "ab \tc"
    assert richtext.clean("half \ud83d of it") == "half \ufffd of it"


def test_blank_lines_around_a_message_go_and_those_within_stay() -> None:
    assert richtext.clean(" \n\n   indented\n\n\nend  \n \n") == "   indented\n\n\nend"


def test_trailing_space_within_code_is_not_touched() -> None:
    assert richtext.clean("```\na  \nb\n```") == "```\na  \nb\n```"


@pytest.mark.parametrize("blank", ["", " \n\t ", "\u200b", "\u2060\ufeff \u200d", "\u3164", "\u2800\u00ad"])
def test_a_message_with_nothing_to_see_is_empty(blank: str) -> None:
    assert richtext.clean(blank) == ""


def test_emoji_of_several_parts_stay_whole() -> None:
    assert richtext.clean(FAMILY) == FAMILY
    assert FAMILY in richtext.render(FAMILY)
    assert one_line(f"{FAMILY} {ENGLAND} \U0001f3f3\ufe0f\u200d\U0001f308") == (
        f"{FAMILY} {ENGLAND} \U0001f3f3\ufe0f\u200d\U0001f308"
    )


@given(WRITTEN)
@settings(deadline=None)
def test_cleaning_twice_is_cleaning_once(written: str) -> None:
    for way in (richtext.clean, one_line):
        assert way(way(written)) == way(written)
        way(written).encode()


@given(WRITTEN)
@settings(deadline=None)
def test_no_letter_is_lost_in_cleaning(written: str) -> None:
    def letters(value: str) -> list[str]:
        return [letter for letter in value if letter.isalnum() and not UNSEEN.match(letter)]

    assert letters(richtext.clean(written)) == letters(written)


def test_a_name_has_nothing_unseen_in_it() -> None:
    assert one_line("  ann\u202e\u2066 \n\t b\u200bo\ufeffb\u200d\u00ad\u3164 ") == "ann bob"
    assert one_line("e\u0301") == "\u00e9"
    assert one_line("ann\U000e0041\U000e0042") == "ann"
    assert one_line("\u200b \u2800\u200e") == ""


def test_joiners_stay_where_a_script_is_written_with_them() -> None:
    assert one_line("\u0645\u06cc\u200c\u0631\u0648\u0645") == "\u0645\u06cc\u200c\u0631\u0648\u0645"
    assert one_line("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"
    assert one_line("an\u200cn \u200d\U0001f600\u200d x") == "ann \U0001f600 x"


FLAGS = "\U0001f1f7\U0001f1fa\U0001f1e9\U0001f1ea" * 30
CHARACTERS = [FAMILY, ENGLAND, "\U0001f1f7\U0001f1fa",
              "e\u0301", "n\u0303", "\U0001f44d\U0001f3fd", "\u0915\u094d\u0937\u093f",
              "\u0e01\u0e33", "\U0001f6d8", "\u1112\u1161\u11ab", "a", "й", " ", "中", "\U00020000"]  # fmt: skip


def is_whole(part: str, whole: str) -> bool:
    """Whether a part of a text begins and ends where its characters do."""
    ends = {0, *(found.end() for found in regex.finditer(r"\X", whole))}
    at = whole.index(part)
    return at in ends and at + len(part) in ends


@given(st.lists(st.sampled_from(CHARACTERS), min_size=1).map("".join), st.integers(2, 60))
@settings(deadline=None)
@example(FLAGS, 14)
def test_nothing_is_cut_inside_a_character(written: str, length: int) -> None:
    line = " ".join(written.split())
    assert is_whole(richtext.excerpt(written, length).removesuffix("…"), line)
    assert is_whole(beginning(written, length), written)
    assert len(beginning(written, length)) <= length
    found = [character for word in written.split() for character in regex.findall(r"\X", word)]
    assert not found or initials(written).startswith(found[0].upper())
    name = storage.label(written * 20 + ".txt")
    assert is_whole(name.removesuffix(".txt").removesuffix("file").rstrip(), one_line(written * 20) or "")
    shown = html.unescape(re.sub(r"</?mark>", "", search.snippet(written, search.read("a"), length)))
    assert is_whole(shown.strip("…"), line) or "…" in written


def test_initials_are_whole_characters() -> None:
    assert initials("ann lee") == "AL"
    assert initials("ann") == "AN"
    assert initials(f"{FAMILY} {ENGLAND}") == FAMILY + ENGLAND
    assert initials("\U0001f1f7\U0001f1fa\U0001f1e9\U0001f1ea club") == "\U0001f1f7\U0001f1faC"
    assert initials("e\u0301lan") == "E\u0301L"
    assert initials("") == "?"


def test_an_excerpt_ends_at_a_word_and_shows_that_it_is_cut() -> None:
    assert richtext.excerpt("one\n two   three", 100) == "one two three"
    assert richtext.excerpt("one two three four", 12) == "one two…"
    assert richtext.excerpt("one two three four", 14) == "one two three…"
    assert richtext.excerpt("x" * 200, 20) == "x" * 19 + "…"


@given(st.text(), st.integers(2, 50))
@settings(deadline=None)
def test_an_excerpt_is_never_longer_than_asked(written: str, length: int) -> None:
    assert len(richtext.excerpt(written, length)) <= length
    assert "\n" not in richtext.excerpt(written, length)
