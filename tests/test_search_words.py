"""Words are found as people write them, in any alphabet, and a question is never a command."""

from __future__ import annotations

import html
import re
import unicodedata

import pytest
from engines import Engine
from hypothesis import given, settings
from hypothesis import strategies as st

import search
from lib import characters
from lib.characters import GRAPHEME, boundary
from lib.sqlite import sqlite3
from migrations.m0003_word_forms import STATEMENTS
from search import matching
from search.folding import ELIDED, tokens
from search.question import WORDS_MAX


def snippet(text: str, q: str, length: int = 160) -> str:
    return search.snippet(text, search.read(q), length)


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
        # A sign that is younger than the index's tokenizer is no letter.
        ("₽500", "500"), ("🟢онлайн", "онлайн"), ("a🫠b", "b"), ("x₿", "x"), ("𞤀𞤁", "𞤢"),
        # Accents are left out as often as they are written.
        ("café", "cafe"), ("Zoë", "zoe"), ("naïve", "naive"), ("cafe", "café"), ("Łódź", "lodz"),
        ("λόγος", "λογος"), ("за́мок", "замок"), ("Smørrebrød", "smorre"), ("ısparta", "ISPARTA"),
        ("ISPARTA", "ısparta"), ("Œuvre", "oeuvre"),
        ("ｶﾞｲﾄﾞ", "ガイド"), ("ガイド", "ｶﾞｲﾄﾞ"), ("１２３", "123"),
        # So are apostrophes.
        ("don't go", "dont"), ("don’t go", "dont"), ("dont go", "don't"), ("don't", "don’t"), ("don't", "don"),
        ("l'amour", "amour"), ("O’Brien", "obrien"), ("п’ять", "пʼять"), ("п'ять", "пять"),
        ("rock'n'roll", "rocknroll"),
    ],
)  # fmt: skip
def test_a_message_is_found_by_its_words(engine: Engine, text: str, q: str) -> None:
    assert engine.finds(text, q)
    assert "<mark>" in snippet(text, q)


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("one two three", '"one three"'), ("one two", "one four"), ("one two", '"tw"'),
        ("one two", "on two"), ("日本語", "語本"),
        ("йод", "иод"), ("їжа", "іжа"), ("can't", "cat"),
        ("может", "мой"), ("май", '"маи"'), ("one", '"one" "two"'), ("cooperate", "operate"),
    ],
)  # fmt: skip
def test_a_message_is_not_found_by_words_it_does_not_contain(engine: Engine, text: str, q: str) -> None:
    assert not engine.finds(text, q)


@pytest.mark.parametrize(
    "q", ["", "   ", '""', '"', "!?", "- _ *", "\U0001f642", "\x00", '"!" "?"', "\ud800", "\u0301"]
)
def test_a_question_without_a_word_asks_nothing(q: str) -> None:
    assert search.read(q).is_empty
    assert snippet("text", q) == "text"


@pytest.mark.parametrize(
    "word",
    ["AND", "OR", "NOT", "NEAR(a b)", "text:a", "a*", "^a", "{a}", "a\x00b", 'a"b', "(a", "-a", "a+b"],
)
def test_what_is_an_operator_elsewhere_is_a_word_here(engine: Engine, word: str) -> None:
    assert engine.finds(f"say {word} now", word)


def test_only_the_last_word_may_be_a_beginning() -> None:
    assert [term.partial for term in search.read("one tw").terms] == [False, True]
    assert [term.partial for term in search.read('"one tw"').terms] == [False]
    assert [(term.words, term.partial) for term in search.read('one "two three"').terms] == [
        (("two", "three"), False),
        (("one",), True),
    ]
    assert [term.partial for term in search.read("one tw from:ann").terms] == [False, True]


def test_a_long_question_is_asked_by_its_first_words() -> None:
    terms = search.read(" ".join(f"w{number}" for number in range(5_000))).terms
    assert len(terms) == WORDS_MAX
    assert not any(term.partial for term in terms)


@given(st.text(), st.text())
@settings(deadline=None)
def test_no_question_is_an_error(engine: Engine, text: str, q: str) -> None:
    engine.finds(text, q)
    shown = snippet(text, q)
    rest = re.sub(r"</?mark>", "", shown)
    assert not re.search(r"[<>\"']", rest)
    assert shown.count("<mark>") == shown.count("</mark>")


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs", "P", "M"], max_codepoint=0x2FFF), min_size=1))
@settings(deadline=None)
def test_a_text_is_found_by_each_of_its_own_words(engine: Engine, text: str) -> None:
    for word in text.split()[:3]:
        if not search.read(word).is_empty:
            assert engine.finds(text, word)


@pytest.mark.sqlite
def test_the_index_splits_a_text_exactly_where_folding_does() -> None:
    """Around every sign of Unicode and many of its letters: alone, within a word, and at its end."""
    rows = sqlite3.connect(":memory:")
    rows.execute(STATEMENTS[-1])
    rows.execute("CREATE VIRTUAL TABLE words USING fts5vocab (message_index, instance)")
    skipped = {"Cn": 997, "Co": 997, "Lo": 13}
    signs = [
        chr(code)
        for code in range(0x110000)
        if not 0xD800 <= code <= 0xDFFF and code % skipped.get(unicodedata.category(chr(code)), 1) == 0
    ]
    wrong = []
    for first in range(0, len(signs), 20_000):
        some = signs[first : first + 20_000]
        texts = {number: f"a{sign}b {sign} ы{sign}" for number, sign in enumerate(some, 1)}
        rows.execute("DELETE FROM message_index")
        rows.executemany(
            "INSERT INTO message_index (rowid, text) VALUES (?, ?)", [(n, search.fold(t)) for n, t in texts.items()]
        )
        split: dict[int, list[str]] = {number: [] for number in texts}
        for term, number in rows.execute("SELECT term, doc FROM words ORDER BY doc, offset"):
            split[number].append(term)
        wrong += [text for n, text in texts.items() if split[n] != [word for word, _, _ in tokens(text)]]
    rows.close()
    assert wrong == []


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


def test_a_snippet_is_around_the_first_word_found_and_shows_where_it_is_cut() -> None:
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


PIECES = ["🇩🇪", "🇫🇷", "👨‍👩‍👧‍👦", "e\u0301", "5", "\u200d", "🏽", "👍🏽", "한", "क्षि", "needle", " ", "<", "&", "a"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(1, 40))
def test_a_snippet_cuts_through_no_character(written: str, length: int) -> None:
    characters = GRAPHEME.findall(" ".join(written.split()))
    for q in ("needle", "5", "a"):
        parts = re.split(r"</?mark>", snippet(written, q, length))
        read = [html.unescape(part) for part in parts]
        pieces = [one for part in read for one in GRAPHEME.findall(part.removeprefix("…").removesuffix("…"))]
        assert any(characters[at : at + len(pieces)] == pieces for at in range(len(characters) + 1))


@pytest.mark.parametrize(
    ("text", "q"),
    [("e" + "\u0301" * 9_999, "e"), ("\ufdfa" * 10_000, "صلى الله"), ("日本" * 5_000, "日本"), ("a " * 5_000, "a")],
)
def test_where_characters_end_is_looked_for_once_however_many_hits_there_are(
    text: str, q: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From each place anew, 10,000 marks upon one letter took four seconds."""
    asked: list[int] = []
    monkeypatch.setattr(matching, "boundary", lambda line, at: asked.append(at) or boundary(line, at))
    snippet(text, q)
    assert len(asked) == 2


def test_no_more_words_than_letters_are_looked_at_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """One letter may fold into four words, and a question has 32."""
    looked: list[int] = []
    matches_at = matching.matches_at
    monkeypatch.setattr(matching, "matches_at", lambda here, at, term: looked.append(at) or matches_at(here, at, term))
    snippet("\ufdfa" * 10_000, " ".join(f"a{number}" for number in range(32)))
    assert len(looked) <= matching.PLACES_TRIED * matching.PIECE


MIXED = st.text(
    st.sampled_from("ab ,éй한日本ーがカ\uff9eصل\u0600\u0301\u200d\ufe0f👨🏽❤🇩🇪क्षिำ\u1112\u1161\u11ab")
    | st.characters(codec="utf-8")
)


@given(MIXED, st.integers(0, 60), st.integers(0, 3))
def test_a_boundary_is_the_last_end_of_a_character(text: str, at: int, longest: int) -> None:
    ends = [0, *(character.end() for character in GRAPHEME.finditer(text))]
    with pytest.MonkeyPatch.context() as patch:
        # Whatever is as long as that: characters are counted from where one is known to begin.
        patch.setattr(characters, "LONGEST", longest)
        assert boundary(text, at) == max(end for end in ends if end <= at)


@given(st.text(alphabet="abжя日'’1 _", max_size=30))
def test_words_with_an_apostrophe_are_looked_for_from_where_a_word_begins_alone(written: str) -> None:
    """From each letter of 10,000 without a space (a page of Chinese) it took two seconds."""
    anywhere = re.compile(ELIDED.pattern.partition(")")[2])
    assert ELIDED.findall(written) == anywhere.findall(written)
    letters = "日" * 50 + "'ж"
    assert [at for at in range(50) if ELIDED.match(letters, at)] == [0]


@pytest.mark.parametrize("q", ["a'" * 500, "a:" * 500, '"' + "a " * 499, "日" * 900, "a-b " * 240, '"a b c" ' * 120])
def test_of_a_question_so_many_words_count(q: str) -> None:
    """A phrase of 500 words took 7 ms for each message that had a letter often."""
    found = search.read(q).terms
    assert sum(len(term.words) for term in found) == WORDS_MAX
