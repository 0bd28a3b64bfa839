"""What people write comes out as they meant it, and as nothing else."""

from __future__ import annotations

import html
import re
import sys
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pygments
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib import richtext
from lib.markdown import NESTING
from models.mention import element

WRITTEN = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("[]()*_~`<>!\\\n -+1.:/@#&\"'\u200d\u200c")))


class Tags(HTMLParser):
    """All tags and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words = ""
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.words += data

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
    assert shown in richtext.render(written)


@pytest.mark.parametrize(
    "written",
    ["# heading", "heading\n===", "a\n\n---", "| a | b |\n|---|---|\n| 1 | 2 |",
     "![x](https://example.com/x.png)",
     "    four spaces", "<b>bold</b>", "<script>alert(1)</script>", "<!-- c -->",
     "[x]: https://example.com\n\n[x]"],
)  # fmt: skip
def test_unsupported_markup_is_shown_as_typed(written: str) -> None:
    assert Tags(richtext.render(written)).tags <= {"p", "br", "a", "span"}
    assert "heading" not in written or written.split("\n")[0] in richtext.render(written)


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
    assert "<a" not in richtext.render(written)


def test_a_link_can_not_be_defined_elsewhere_in_a_message() -> None:
    assert "<p>[x]</p>" in richtext.render("[x]: https://example.com\n\n[x]")


def test_a_link_has_nofollow_and_no_target() -> None:
    tags = Tags(richtext.render('[x](https://example.com "title") https://example.org'))
    assert {name for _, name, _ in tags.attributes} == {"href", "rel", "title"}
    assert [value for _, name, value in tags.attributes if name == "rel"] == ["noopener nofollow"] * 2


def test_code_is_coloured_by_its_language() -> None:
    shown = richtext.render('```python\ndef f():\n    return "<b>"\n```')
    assert shown.startswith('<pre tabindex="0"><code class="language-python">')
    assert '<span class="k">def</span>' in shown
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize("fence", ["```", "```text", "~~~ brainfuck"])
def test_code_in_no_language_that_is_coloured_is_plain(fence: str) -> None:
    assert richtext.render(f"{fence}\n<b> & 'c'\n{fence[:3]}") == (
        "<pre tabindex=\"0\"><code>&lt;b&gt; &amp; 'c'\n</code></pre>"
    )


@pytest.mark.parametrize("first", ["nonsense", '"><script>', " see here", "python print(1)"])
def test_what_stands_behind_a_fence_and_is_no_language_is_code(first: str) -> None:
    assert Tags(richtext.render(f"```{first}\n<b>\n```")).words == f"{first}\n<b>\n"


ALONE = [
    "+", "-", "*", ">", "1.", "```", "~~~", "- ", "* * *", "- - -", "1. -", "```\n```", "``", "****",
    "~~", ">_<", ">:(", ">.<", ">= 5", "<3", "<-", "->", "2*3*4", "2**3**4", "a*b", "5 * 3 * 2", "*.txt or *.py", 
    "__init__.py", "lib/__init__.py",
    "\\\\server\\share", "C:\\*.txt", "C:\\temp\\-x", "C:\\.git", "\\", "a\\", "a\\\nb", "\\d+\\.\\d*", "¯\\_(ツ)_/¯",
    "&lt;b&gt;", "&amp;", "&copy 2026", "&#65;", "007. Bond", "text\n3. three", "# no heading", "snake_case_name",
    "```\nnot closed", "~/x ~y", "[x](/settings)", "[a][b]", "a  b   c", "    four", "one\n  two", "~~~\n",
    "![x](y)", "- \n- ",
]  # fmt: skip


@pytest.mark.parametrize("written", ALONE)
def test_a_sign_that_means_nothing_is_shown(written: str) -> None:
    assert Tags(richtext.render(written)).words == written.rstrip()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1. a\n3. b", '<ol>\n<li>a</li>\n<li value="3">b</li>'),
        ("**强调。**文字", "<strong>强调。</strong>文字"),
        ("说**“强调”**了", "<strong>“强调”</strong>"),
        ("**마크다운(Markdown)**은", "<strong>마크다운(Markdown)</strong>은"),
        ("~~删除。~~文字", "<s>删除。</s>"),
        (r"\*literal\*", "<p>*literal*</p>"),
        (r"1\. x", "<p>1. x</p>"),
        (r"\> x", "<p>&gt; x</p>"),
        (">said", "<blockquote>"),
        (">> said", "<blockquote>\n<blockquote>"),
        ("> >_<", "<p>&gt;_&lt;</p>"),
        ("a\tb\n1\t2", 'a<span class="gap">\t</span>b<br>\n1<span class="gap">\t</span>2'),
        ("_it_ *it* **bold**", "<em>it</em> <em>it</em> <strong>bold</strong>"),
    ],
)  # fmt: skip
def test_what_is_meant_as_markup_is_markup(written: str, shown: str) -> None:
    assert shown in richtext.render(written)


SIGNS = st.text(alphabet="aй中1 2.\n\n\t-+*_~`>)&;#\\|=!\"'", max_size=60)


@given(SIGNS)
@settings(deadline=None, max_examples=1000)
def test_every_character_is_shown_in_order_unless_it_is_markup_that_was_understood(written: str) -> None:
    written = richtext.clean(written)
    shown = [letter for letter in Tags(richtext.render(written)).words if not letter.isspace()]
    left = iter(written)
    assert all(letter in left for letter in shown), "something is shown that was not written there"
    dropped = Counter(letter for letter in written if not letter.isspace()) - Counter(shown)
    made = richtext.render(written)
    allowed = set()
    for tag, signs in {"<em": "*_", "<strong": "*_", "<s>": "~", "<code": "`~", "<blockquote": ">", "<ul": "-+*",
                       "<ol": "12.)"}.items():  # fmt: skip
        allowed |= set(signs) if tag in made else set()
    # A backslash is gone only together with the meaning of what follows it.
    allowed |= {"\\"} if re.search(r"\\[*_~`\->+#.)]", written) else set()
    assert set(dropped) <= allowed


@pytest.mark.parametrize("piece", ["> ", ">", "- ", "1. ", "> - ", "* _", "**a ", "_(", "[", "~~*"])
@pytest.mark.parametrize("depth", [5, 19, 20, 21, 100, 1000])
def test_no_word_is_lost_however_deep_it_stands(piece: str, depth: int) -> None:
    assert "deep down" in Tags(richtext.render(piece * depth + "deep down")).words


def test_no_item_of_nested_lists_is_lost() -> None:
    written = "\n".join("  " * depth + f"- item{depth}" for depth in range(60))
    words = Tags(richtext.render(written)).words
    assert all(f"item{depth}" in words for depth in range(60))


LINK = "https://example.com/x"


@pytest.mark.parametrize(
    "around",
    ["«{}»", "“{}”", "‘{}’", "„{}“", '"{}"', "'{}'", "{}’", "{}…", "{}...", "{}—", "{}–", "{} —", "({})", "[{}]",
     "（{}）",     "「{}」", "『{}』", "【{}】", "《{}》", "{}。", "{}，", "{}、", "{}；", "{}：", "{}！", "{}？",
     "{}.", "{},", "{};", "{}:", "{}!", "{}?", "({}).", "«{}».", "{}—да", "{}’s", "<{}>", "**{}**", "{}»)",
     "{}”.)", "a {} b", "{}\n"],
)  # fmt: skip
@pytest.mark.parametrize("link", [LINK, "https://example.com", "www.example.com/x", "https://example.com/a/?q=1&b=2#c"])
def test_a_link_excludes_closing_punctuation(around: str, link: str) -> None:
    shown = richtext.render(around.format(link))
    assert f">{html.escape(link)}</a>" in shown


def test_a_link_ends_before_the_punctuation_of_a_script_without_spaces() -> None:
    assert f'见<a href="{LINK}" rel="noopener nofollow">{LINK}</a>，谢谢' in richtext.render(f"见{LINK}，谢谢")


@pytest.mark.parametrize(
    "link",
    ["https://en.wikipedia.org/wiki/Foo_(bar)", "https://example.com/a_b_", "https://example.com/_a_b_/c", "https://example.com/~a",
     "https://en.wikipedia.org/wiki/Michelson–Morley_experiment", "https://ru.wikipedia.org/wiki/Кошка",
     "https://example.com/a[1]",
     "https://example.com/Rock_’n’_Roll", "www.example.com/_a_b_", "www.example.com/Foo_(bar)",
     "https://example.com/x?a=(b)&c={d}",
     "https://user@example.com:8080/x", "https://example.com/a*b", "http://127.0.0.1:8080/x"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "({})", "see {}, yes", "«{}»"])
def test_brackets_and_underscores_that_belong_to_a_link_stay(around: str, link: str) -> None:
    assert f">{html.escape(link)}</a>" in richtext.render(around.format(link))


def test_every_language_that_is_offered_is_known_to_pygments() -> None:
    for language in richtext.LANGUAGES:
        assert f"language-{language}" in richtext.render(f"```{language}\na = 1\n```")


def test_more_code_than_is_highlighted_is_still_shown_whole() -> None:
    half = "x = 1\n" * (richtext.HIGHLIGHTED_MAX // 12 + 1)
    first, second = richtext.render(f"```python\n{half}```\n\n```python\n{half}```").split("</pre>", 1)
    assert "<span" in first
    assert "<span" not in second
    assert second.count("x = 1\n") == half.count("\n")


def test_many_small_blocks_are_shown_and_only_the_first_of_them_highlighted() -> None:
    shown = richtext.render("```py\nif\n```\n" * 1000)
    assert shown.count("<pre") == 1000
    assert shown.count("<span") == richtext.HIGHLIGHTED_BLOCKS


def test_ordinary_code_is_highlighted_whole() -> None:
    code = Path(richtext.__file__).read_text()[: richtext.HIGHLIGHTED_MAX - 1]
    assert richtext.render(f"```py\n{code}\n```") == html_of(code)


def html_of(code: str) -> str:
    shown = pygments.highlight(f"{code}\n", richtext.lexer("py"), richtext.formatter())
    return richtext.sanitizer().clean(f'<pre tabindex="0"><code class="language-py">{shown}</code></pre>').strip()


HOSTILE = ["[", "[]",
"](", "[a](", "![", "`", "` `` ", "*", "*a_ ", "**a *b ", "_", "~~a ", ">", "> ", ">\n", "- ", "- a\n",
           "1. ", "<", "<a ", "<http:", "http://", "www.", "a@", "&#", "\\", "\n", "\n\n", "\t", "://",
           "a://b.c/(",
           "```\n", "~~~a\n", "[x]: y\n", "\u200d", "&amp;", "mailto:a@b.c ", "#", "|a", "<!--", "${",
           "\U0001f468\u200d"]  # fmt: skip


def steps(written: str, marks: Sequence[richtext.Mark] = ()) -> int:
    """How many functions are called to render a text."""
    calls = 0

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    richtext.render("*warm*")
    sys.setprofile(count)
    try:
        richtext.read(written, marks)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "piece", [*HOSTILE, "*_", "[a](![", "```py\na\n```\n", "[http://", "www.a.bc/", "http://a.bc/["]
)
def test_the_cost_of_rendering_is_linear(piece: str) -> None:
    whole = (piece * 10_000)[:10_000]
    cost, half = steps(whole), steps(whole[:5_000])
    assert cost < 2.6 * half + 100_000
    assert cost < 1_500_000
    assert richtext.render(whole).count("<blockquote>") <= NESTING


PLAIN_WORDS = (
    "Good",
    "it's",
    "don’t",
    "well-known",
    "2nd",
    "1",
    "٣",
    "Ⅷ",
    "www",
    "https",
    "mailto",
    "example",
    "org",
    "рф",
    "你好",
    "x2",
)
PLAIN_SIGNS = (" ", ", ", ". ", "! ", "; ", "? ", ": ", "  ", ".", "-", ":", "'", "\n", "_", "*", "@", "…")


@given(st.lists(st.tuples(st.sampled_from(PLAIN_WORDS), st.sampled_from(PLAIN_SIGNS)), max_size=8))
@example([("Good", ". "), ("it's", ": "), ("2nd", ".")])
def test_a_plain_line_is_shown_without_being_parsed_as_it_would_be_parsed(parts: list[tuple[str, str]]) -> None:
    text = richtext.clean("".join(map("".join, parts)))
    # A line of its own that is not plain: the whole is parsed.
    parsed = richtext.render(f"{text}\n\n*parsed*").removesuffix("\n<p><em>parsed</em></p>")
    assert not richtext.PLAIN.fullmatch(text) or richtext.render(text) == parsed


def test_what_takes_too_many_steps_is_shown_as_it_was_typed_mentions_included() -> None:
    written = "[" * 9_000 + "\n@ann & <b>"
    marks = [(written.index("@"), 4, 7)]
    shown, kept = richtext.read(written, marks)
    assert kept == marks
    assert shown == f'<p>{"[" * 9_000}<br>\n<span class="mention-7"></span> &amp; &lt;b&gt;</p>'


def test_a_text_with_mentions_costs_no_more_than_one_without() -> None:
    written = "@ann *a* " * 100
    marks = [(at, 4, 7) for at in range(0, len(written), 9)]
    assert richtext.read(written, marks)[1] == marks
    assert steps(written, marks) < 1.3 * steps(written)


def test_a_mention_in_code_does_not_double_the_steps() -> None:
    bold = "*a* " * 1_250
    assert "<em>" in richtext.render(f"{bold}`@ann`")
    marks = [(len(bold) + 1, 4, 7)]
    assert richtext.read("*a* `@ann`", [(5, 4, 7)]) == ("<p><em>a</em> <code>@ann</code></p>", [])
    assert "<em>" not in richtext.read(f"{bold}`@ann`", marks)[0]


@pytest.mark.parametrize("written", ["www.www.http://a.b", "www.example.com/http://a.b", "see www.a.https://x.y"])
def test_a_link_upon_a_link_stops_nobody(written: str) -> None:
    assert "<a href=" in richtext.render(written)


@pytest.mark.parametrize("language", sorted(richtext.LANGUAGES))
@pytest.mark.parametrize("piece", ["\n", "a ", "a.", "@", "&", "=", "a b ", "{", "'", "/*"])
def test_hostile_code_is_highlighted_as_long_as_that_is_cheap(language: str, piece: str) -> None:
    code = (piece * richtext.HIGHLIGHTED_MAX)[: richtext.HIGHLIGHTED_MAX]
    left, work, found = len(code), 0, []
    for _, value in richtext.bounded(code, richtext.lexer(language)):
        found.append(value)
        left -= len(value)
        work += max(left, 0)
    assert "".join(found).rstrip("\n") == code.rstrip("\n")
    assert work <= richtext.HIGHLIGHTING_MAX + len(code)


@given(WRITTEN)
@settings(deadline=None)
def test_whatever_is_written_only_known_tags_come_out(written: str) -> None:
    tags = Tags(richtext.render(richtext.clean(written)))
    assert tags.tags <= richtext.TAGS
    for tag, name, value in tags.attributes:
        assert (tag, name) in {
            ("a", "href"), ("a", "rel"), ("code", "class"), ("span", "class"), ("pre", "tabindex"),
            ("ol", "start"), ("a", "title"), ("li", "value"),
        }  # fmt: skip
        assert name != "href" or re.match(r"(https?://|mailto:)", value or "", re.IGNORECASE)


class Words(Tags):
    """What a reader of a piece of HTML sees, with a space for the edge of a block."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += " " if tag in richtext.BLOCKS else ""

    def handle_endtag(self, tag: str) -> None:
        self.words += " " if f"/{tag}" in richtext.BLOCKS else ""


@given(st.lists(st.one_of(WRITTEN, st.just("@ann")), max_size=6))
@example(["@ann", " the **second** draft"])
@example(["- ", "@ann", "\n```python\nprint('a')\n```"])
def test_the_readable_text_of_a_message_is_what_its_reader_sees(pieces: list[str]) -> None:
    text = richtext.clean("".join(pieces))
    marks = [(found.start(), 4, 7) for found in re.finditer("@ann", text)]
    rendered = richtext.render(text, marks).replace(richtext.place_of(7), element(7, "ann"))
    assert richtext.readable(rendered).split() == Words(rendered).words.split()


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
    assert richtext.plain(written) == read


@pytest.mark.parametrize("written", ALONE)
def test_plain_text_keeps_a_sign_that_means_nothing(written: str) -> None:
    assert richtext.plain(written).split() == written.split()
