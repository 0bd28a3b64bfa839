"""Words are found as people write them, in any alphabet, and a question is never a command."""

from __future__ import annotations

import html
import re
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import search
from migrations.m0003_word_forms import STATEMENTS
from search.question import WORDS_MAX


def asked(q: str) -> str:
    """The query for a question without filters; '' when it asks nothing."""
    question = search.read(q)
    return "" if question.is_empty else search.expression(question, [1], None)


def snippet(text: str, q: str, length: int = 160) -> str:
    return search.snippet(text, search.read(q), length)


class Index:
    """The index as the database has it."""

    def __init__(self, *texts: str) -> None:
        self.rows = sqlite3.connect(":memory:")
        self.rows.execute(STATEMENTS[-1])
        for text in texts:
            folded = search.fold(text)
            row = (folded, search.forms(folded), "c1 a1 y2026 m202601 d20260131")
            self.rows.execute("INSERT INTO message_index (text, forms, facts) VALUES (?, ?, ?)", row)

    def finds(self, q: str) -> bool:
        wanted = asked(q)
        sql = "SELECT count(*) FROM message_index WHERE message_index MATCH ?"
        try:
            return bool(wanted and self.rows.execute(sql, (wanted,)).fetchone()[0])
        finally:
            self.rows.close()


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("Шаг 0⑴0", "0⑴0"), ("Шаг ⑴", "1"),
        ("Привет, Ёжик!", "ежик"), ("Привет, Ежик!", "ЁЖИК"), ("Ещё раз", "еще ра"), ("Straße 5", "STRASSE"),
        ("λόγος", "ΛΌΓΟΣ"), ("İstanbul gezisi", "istanbul"), ("café", "cafe\u0301"), ("cafe\u0301", "CAFÉ"),
        ("日本語のテキスト", "本語"), ("日本語のテキスト", "テキ"), ("กรุงเทพมหานคร", "เทพ"), ("한국어 메시지", "메시"),
        ("हिन्दी में लिखा", "हिन्दी"), ("مُحَمَّد هنا", "محمد"), ("שָׁלוֹם", "שלום"),
        ("foo-bar baz_qux", "foo-bar"),
        ("baz_qux", "qux"), ("ann@example.com", "example.com"), ("don't", "don't"), ("version 3.14", "3.14"),
        ("co\u00adoperate", "cooperate"), ("\uff46\uff55\uff4c\uff4c", "full"), ("minutes.pdf", "pdf"),
        ("ok \U0001f642", "ok \U0001f642"),
        ("one two three", "three one"), ("one two three", '"one two" thr'), ("one two three", '"two three"'),
        ("a b", '"a b'),
        ("日本go", "本g"), ("i am", "AM"), ("५५ कमरे", "५५"),
    ],
)  # fmt: skip
def test_a_message_is_found_by_its_words(text: str, q: str) -> None:
    assert Index(text).finds(q)
    assert "<mark>" in snippet(text, q)


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("one two three", '"one three"'), ("one two", "one four"), ("one two", '"tw"'),
        ("one two", "on two"), ("日本語", "語本"),
        ("может", "мой"), ("май", '"маи"'), ("one", '"one" "two"'), ("cooperate", "operate"),
    ],
)  # fmt: skip
def test_a_message_is_not_found_by_what_it_does_not_say(text: str, q: str) -> None:
    assert not Index(text).finds(q)


@pytest.mark.parametrize(
    "q", ["", "   ", '""', '"', "!?", "- _ *", "\U0001f642", "\x00", '"!" "?"', "\ud800", "\u0301"]
)
def test_a_question_without_a_word_asks_nothing(q: str) -> None:
    assert asked(q) == ""
    assert snippet("text", q) == "text"


@pytest.mark.parametrize(
    "word",
    ["AND", "OR", "NOT", "NEAR(a b)", "text:a", "a*", "^a", "{a}", "a\x00b", 'a"b', "(a", "-a", "a+b"],
)
def test_what_is_an_operator_elsewhere_is_a_word_here(word: str) -> None:
    assert Index(f"say {word} now").finds(word)


def test_only_the_last_word_may_be_a_beginning() -> None:
    assert [term.begun for term in search.read("one tw").terms] == [False, True]
    assert [term.begun for term in search.read('"one tw"').terms] == [False]
    assert [(term.words, term.begun) for term in search.read('one "two three"').terms] == [
        (("two", "three"), False),
        (("one",), True),
    ]
    assert [term.begun for term in search.read("one tw from:ann").terms] == [False, True]


def test_a_long_question_is_asked_by_its_first_words() -> None:
    terms = search.read(" ".join(f"w{number}" for number in range(5_000))).terms
    assert len(terms) == WORDS_MAX
    assert not any(term.begun for term in terms)


@given(st.text(), st.text())
@settings(deadline=None)
def test_no_question_is_an_error(text: str, q: str) -> None:
    Index(text).finds(q)
    shown = snippet(text, q)
    rest = re.sub(r"</?mark>", "", shown)
    assert not re.search(r"[<>\"']", rest)
    assert shown.count("<mark>") == shown.count("</mark>")


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs", "P", "M"], max_codepoint=0x2FFF), min_size=1))
@settings(deadline=None)
def test_a_text_is_found_by_each_of_its_own_words(text: str) -> None:
    for word in text.split()[:3]:
        # A letter younger than SQLite's tables is no letter to its tokenizer.
        if asked(word) and all(part.isascii() or ord(part[0]) < 0x600 for part in search.fold(word)):
            assert Index(text).finds(word)


@given(st.text())
@settings(deadline=None)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert search.fold(search.fold(text)).split() == search.fold(text).split()


def test_a_snippet_shows_the_text_as_it_was_written() -> None:
    assert snippet("Вот Ёжик, и всё", "ежик") == "Вот <mark>Ёжик</mark>, и всё"
    assert snippet("cafe\u0301 x", "café") == "<mark>cafe\u0301</mark> x"
    assert snippet("日本語のテキスト", "本語") == "日<mark>本語</mark>のテキスト"
    assert snippet("one two three", '"two three"') == "one <mark>two three</mark>"
    assert snippet("searching sea", "sea") == "<mark>searching</mark> <mark>sea</mark>"


def test_a_word_within_a_phrase_is_marked_once() -> None:
    assert snippet("one two three", '"two three" three') == "one <mark>two three</mark>"


def test_a_snippet_is_safe() -> None:
    assert snippet("<b>one</b> & 'two'", "one") == "&lt;b&gt;<mark>one</mark>&lt;/b&gt; &amp; &#x27;two&#x27;"
    assert snippet("one<b>two", '"one b two"') == "<mark>one&lt;b&gt;two</mark>"
    assert "<script" not in snippet("<script>alert(1)</script>", "script")


def test_a_snippet_stands_around_the_first_word_found_and_says_where_it_is_cut() -> None:
    shown = snippet("before " * 60 + "needle" + " after" * 60, "needle", length=100)
    assert shown.startswith("…before ")
    assert "<mark>needle</mark>" in shown
    assert shown.endswith("…")
    assert len(html.unescape(re.sub(r"</?mark>|…", "", shown))) <= 100


def test_a_snippet_of_a_short_or_strange_text_is_the_text() -> None:
    assert snippet("short", "nothing") == "short"
    assert snippet("x" * 500, "nothing") == "x" * 160 + "…"
    assert snippet("x" * 500, "x") == "<mark>" + "x" * 160 + "</mark>…"
    assert snippet("a " * 200 + "end", "end").endswith("<mark>end</mark>")
