"""What people write comes out as they meant it, and as nothing else."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
WRITTEN = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("[]()*_~`<>!\\\n -+1.:/@#&\"'\u200d\u200c")))


class Tags(HTMLParser):
    """All tags and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**bold** *italic* ~~gone~~ `code`", "<strong>bold</strong> <em>italic</em> <s>gone</s> <code>code</code>"),
        ("one\ntwo", "one<br>\ntwo"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("[site](https://example.com)", '<a href="https://example.com" rel="noopener nofollow">site</a>'),
        ("see www.example.com/a_b.", '<a href="https://www.example.com/a_b" rel="noopener nofollow">'),
        ("https://example.com/x_y_z", ">https://example.com/x_y_z</a>"),
        ("<mailto:ann@example.com>", 'href="mailto:ann@example.com"'),
    ],
)
def test_a_message_is_written_in_markdown(written: str, shown: str) -> None:
    assert shown in text.render(written)


@pytest.mark.parametrize(
    "written",
    ["# heading", "heading\n===", "a\n\n---", "| a | b |\n|---|---|\n| 1 | 2 |",
     "![x](https://example.com/x.png)",
     "    four spaces", "<b>bold</b>", "<script>alert(1)</script>", "<!-- c -->",
     "[x]: https://example.com\n\n[x]"],
)  # fmt: skip
def test_what_a_chat_does_not_need_stays_as_it_was_typed(written: str) -> None:
    assert Tags(text.render(written)).tags <= {"p", "br", "a"}
    assert "heading" not in written or written.split("\n")[0] in text.render(written)


@pytest.mark.parametrize(
    "written",
    ["[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,x)", "[x](/settings)",
     "[x](//evil)",
     "[x](vbscript:x)", "<javascript:alert(1)>", "[x](ftp://example.com)",
     "javascript://example.com/%0aalert(1)",
     "[x](&#106;avascript:alert(1))", "[x](file:///etc/passwd)", "example.py is a file",
     "[x](\\javascript:x)"],
)  # fmt: skip
def test_a_link_leads_to_the_web_or_to_mail_or_is_none(written: str) -> None:
    assert "<a" not in text.render(written)


def test_a_link_can_not_be_defined_elsewhere_in_a_message() -> None:
    assert "<p>[x]</p>" in text.render("[x]: https://example.com\n\n[x]")


def test_a_link_says_that_we_do_not_vouch_for_it_and_opens_where_the_reader_wants() -> None:
    tags = Tags(text.render('[x](https://example.com "title") https://example.org'))
    assert {name for _, name, _ in tags.attributes} == {"href", "rel"}
    assert [value for _, name, value in tags.attributes if name == "rel"] == ["noopener nofollow"] * 2


def test_code_is_coloured_by_its_language() -> None:
    shown = text.render('```python\ndef f():\n    return "<b>"\n```')
    assert shown.startswith('<pre tabindex="0"><code class="language-python">')
    assert '<span class="k">def</span>' in shown
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize("fence", ["```", "```nonsense", '```"><script>', "~~~ python-traceback", "```\u0000"])
def test_code_in_no_known_language_is_plain(fence: str) -> None:
    assert text.render(f"{fence}\n<b> & 'c'\n{fence[:3]}") == (
        "<pre tabindex=\"0\"><code>&lt;b&gt; &amp; 'c'\n</code></pre>"
    )


def test_every_language_that_is_offered_is_known_to_pygments() -> None:
    for language in text.LANGUAGES:
        assert f"language-{language}" in text.render(f"```{language}\na = 1\n```")


def test_more_code_than_is_coloured_is_still_shown_whole() -> None:
    half = "x = 1\n" * (text.COLOURED_MAX // 12 + 1)
    first, second = text.render(f"```python\n{half}```\n\n```python\n{half}```").split("</pre>", 1)
    assert "<span" in first
    assert "<span" not in second
    assert second.count("x = 1\n") == half.count("\n")


HOSTILE = ["[", "[]",
"](", "[a](", "![", "`", "` `` ", "*", "*a_ ", "**a *b ", "_", "~~a ", ">", "> ", ">\n", "- ", "- a\n",
           "1. ", "<", "<a ", "<http:", "http://", "www.", "a@", "&#", "\\", "\n", "\n\n", "\t", "://",
           "a://b.c/(",
           "```\n", "~~~a\n", "[x]: y\n", "\u200d", "&amp;", "mailto:a@b.c ", "#", "|a", "<!--", "${",
           "\U0001f468\u200d"]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_rendered_in_bounded_time(piece: str) -> None:
    written = (piece * 10_000)[:10_000]
    start = time.process_time()
    html = text.render(written)
    text.plain(written)
    text.clean(written)
    text.one_line(written)
    # A second is what one message may cost at the very worst; quadratic parsers take minutes.
    assert time.process_time() - start < 3
    assert html.count("<blockquote>") <= text.NESTING


@pytest.mark.parametrize("language", ["c", "java", "bash", "css", "ts", "ini", "yaml", "html", "python"])
def test_hostile_code_is_coloured_in_bounded_time(language: str) -> None:
    for piece in ("\n", " a", "<<!--", "a.", "+=>", "\\'", "{", "'", "/*", "a\n"):
        code = (piece * 10_000)[:9_900].replace("```", "")
        start = time.process_time()
        text.render(f"```{language}\n{code}\n```")
        text.render(f"```{language}\n{code[: text.COLOURED_MAX - 2]}\n```")
        assert time.process_time() - start < 5


@given(WRITTEN)
@settings(deadline=None)
def test_whatever_is_written_only_known_tags_come_out(written: str) -> None:
    tags = Tags(text.render(text.clean(written)))
    assert tags.tags <= text.TAGS
    for tag, name, value in tags.attributes:
        assert (tag, name) in {
            ("a", "href"), ("a", "rel"), ("code", "class"), ("span", "class"), ("pre", "tabindex"),
            ("ol", "start"),
        }  # fmt: skip
        assert name != "href" or re.match(r"(https?://|mailto:)", value or "", re.IGNORECASE)


def test_newlines_of_all_systems_are_one() -> None:
    assert text.clean("a\r\nb\rc\nd\u2028e\x0cf") == "a\nb\nc\nd\ne\nf"


def test_controls_go_and_words_stay() -> None:
    assert text.clean("a\x00b\x07 \tc\x7f\x9b") == "ab \tc"
    assert text.clean("half \ud83d of it") == "half \ufffd of it"


def test_blank_lines_around_a_message_go_and_those_within_stay() -> None:
    assert text.clean(" \n\n   indented\n\n\nend  \n \n") == "   indented\n\n\nend"


def test_trailing_space_within_code_is_not_touched() -> None:
    assert text.clean("```\na  \nb\n```") == "```\na  \nb\n```"


@pytest.mark.parametrize("blank", ["", " \n\t ", "\u200b", "\u2060\ufeff \u200d", "\u3164", "\u2800\u00ad"])
def test_a_message_with_nothing_to_see_is_empty(blank: str) -> None:
    assert text.clean(blank) == ""


def test_emoji_of_several_parts_stay_whole() -> None:
    assert text.clean(FAMILY) == FAMILY
    assert FAMILY in text.render(FAMILY)
    assert text.one_line(f"{FAMILY} {ENGLAND} \U0001f3f3\ufe0f\u200d\U0001f308") == (
        f"{FAMILY} {ENGLAND} \U0001f3f3\ufe0f\u200d\U0001f308"
    )


@given(WRITTEN)
@settings(deadline=None)
def test_cleaning_twice_is_cleaning_once(written: str) -> None:
    for way in (text.clean, text.one_line):
        assert way(way(written)) == way(written)
        way(written).encode()


@given(WRITTEN)
@settings(deadline=None)
def test_no_letter_is_lost_in_cleaning(written: str) -> None:
    def letters(value: str) -> list[str]:
        return [letter for letter in value if letter.isalnum() and not text.UNSEEN.match(letter)]

    assert letters(text.clean(written)) == letters(written)


def test_a_name_has_nothing_unseen_in_it() -> None:
    assert text.one_line("  ann\u202e\u2066 \n\t b\u200bo\ufeffb\u200d\u00ad\u3164 ") == "ann bob"
    assert text.one_line("e\u0301") == "\u00e9"
    assert text.one_line("ann\U000e0041\U000e0042") == "ann"
    assert text.one_line("\u200b \u2800\u200e") == ""


def test_joiners_stay_where_a_script_is_written_with_them() -> None:
    assert text.one_line("\u0645\u06cc\u200c\u0631\u0648\u0645") == "\u0645\u06cc\u200c\u0631\u0648\u0645"
    assert text.one_line("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"
    assert text.one_line("an\u200cn \u200d\U0001f600\u200d x") == "ann \U0001f600 x"


def test_an_excerpt_ends_at_a_word_and_says_that_it_is_cut() -> None:
    assert text.excerpt("one\n two   three", 100) == "one two three"
    assert text.excerpt("one two three four", 12) == "one two…"
    assert text.excerpt("one two three four", 14) == "one two three…"
    assert text.excerpt("x" * 200, 20) == "x" * 19 + "…"


@given(st.text(), st.integers(2, 50))
@settings(deadline=None)
def test_an_excerpt_is_never_longer_than_asked(written: str, length: int) -> None:
    assert len(text.excerpt(written, length)) <= length
    assert "\n" not in text.excerpt(written, length)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**bold** and *it* and ~~no~~ and `x`", "bold and it and no and x"),
        ("> quoted\n> > twice", "quoted\ntwice"),
        ("[site](https://example.com) here", "site here"),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        (r"\*literal\*", "*literal*"),
    ],
)
def test_plain_text_is_without_the_signs_of_markdown(written: str, read: str) -> None:
    assert text.plain(written) == read
