"""What people write: cleaned, rendered to safe HTML, and shortened for lists."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

NESTING = 20
TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"}
ATTRIBUTES = {"a": {"href"}, "code": {"class"}, "span": {"class"}, "pre": {"tabindex"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}

# All C0 and C1 controls but tab and newline.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SURROGATES = re.compile(r"[\ud800-\udfff]")
# What turns the direction of what follows, and what takes no room (rule 10). The joiner of emoji stays.
UNSEEN = re.compile(r"[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def clean(text: str) -> str:
    """Text as it is kept: newlines alike, no control characters, no blank around it. No word is lost."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = SURROGATES.sub("\ufffd", CONTROLS.sub("", text))
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\A(?:[^\S\n]*\n)+", "", "\n".join(lines)).rstrip()


def one_line(value: str) -> str:
    """A name or title: one line, normal form NFC, nothing unseen in it, white space folded."""
    value = SURROGATES.sub("", CONTROLS.sub(" ", value.replace("\t", " ").replace("\n", " ")))
    return " ".join(UNSEEN.sub("", unicodedata.normalize("NFC", value)).split())


def excerpt(text: str, length: int = 140) -> str:
    """The beginning of a text on one line, with an ellipsis where it is cut."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[length // 2 :] else cut).rstrip() + "…"


def plain(text: str) -> str:
    """A text without the signs that only mean a form: as it reads in a list of chats."""
    text = re.sub(r"^\s*(?:`{3,}|~{3,}).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^[ ]{0,3}(?:>[ ]?)+", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\[\]\n]{1,500})\]\([^()\s]{1,2000}\)", r"\1", text)
    for sign in (r"\*\*", "__", "~~", "`"):
        text = re.sub(rf"{sign}(\S(?:[^\n]{{0,500}}?\S)?){sign}", r"\1", text)
    return re.sub(r"(?<!\w)([*_])(\S(?:[^\n*_]{0,500}\S)?)\1(?!\w)", r"\2", text)


def render(text: str) -> str:
    """A message's text as safe HTML.

    CommonMark without what a chat does not need (headings, tables, pictures, HTML), plus ~~strike~~ and bare
    links; a single newline is a line break. The sanitizer behind it lets through a short list and no more.
    """
    if not text:
        return ""
    return nh3.clean(
        markdown().render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener nofollow",
        strip_comments=True,
    ).strip()


@cache
def markdown() -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark",
        {"html": False, "breaks": True, "linkify": True, "maxNesting": NESTING},
        renderer_cls=Renderer,
    )
    parser.enable(["strikethrough", "linkify"])
    parser.disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "reference", "code"])
    # "example.py" and "e.g.it" are words; what is meant as a link has its scheme or www.
    links = parser.linkify
    assert links is not None
    links.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


class Renderer(RendererHTML):
    """Code as this project styles it: a block that the keyboard can scroll, with Pygments' classes."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        language = token.info.split()[0][:40] if token.info.split() else ""
        return f'<pre tabindex="0"><code>{coloured(token.content, language)}</code></pre>\n'


def coloured(code: str, language: str) -> str:
    """Code with its words marked by kind, when the language is known."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False) if language else None
    except ClassNotFound:
        lexer = None
    if lexer is None:
        return html.escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))
