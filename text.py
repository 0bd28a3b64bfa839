"""What people write: cleaned, rendered to safe HTML, and shortened for lists."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import nh3
from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

RAW_MAX = 2_000
NESTING = 20
TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"}
# "*" is named because the sanitizer has a default of its own for it (title, lang).
ATTRIBUTES: dict[str, set[str]] = {
    "*": set(), "a": {"href"}, "code": {"class"}, "span": {"class"}, "pre": {"tabindex"}, "ol": {"start"},
}  # fmt: skip
SCHEMES = {"http", "https", "mailto"}
SCHEME = re.compile(r"(?:https?://|mailto:).", re.IGNORECASE)
# What follows www. in a bare link; a full stop or bracket after it belongs to the sentence.
WWW = re.compile(r"^(?:[^\W_][\w-]{0,62}\.){1,5}[^\W\d_]{2,63}(?::\d{1,5})?(?:[/?#](?:[^\s<>\"()\[\]]*[\w/=&#%-])?)?")
# Only these are coloured, and only so many characters of a message: some of Pygments' lexers take quadratic time
# for hostile text. For 3,000 characters the slowest of these takes about half a second.
COLOURED_MAX = 3_000
LANGUAGES = frozenset(
    {
        "bash",
        "c",
        "cpp",
        "css",
        "diff",
        "docker",
        "dockerfile",
        "go",
        "html",
        "ini",
        "java",
        "javascript",
        "js",
        "json",
        "jsx",
        "kotlin",
        "lua",
        "nginx",
        "php",
        "py",
        "python",
        "ruby",
        "rust",
        "scss",
        "sh",
        "shell",
        "sql",
        "swift",
        "toml",
        "ts",
        "tsx",
        "typescript",
        "xml",
        "yaml",
        "yml",
    }
)

# Start and length of somebody's name in a text, in characters and with its “@”, and the person's id.
Mark = tuple[int, int, int]
MARKED = re.compile(r"@\x01(\d+)\x02")
LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# All C0 and C1 controls but tab and newline.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SURROGATES = re.compile(r"[\ud800-\udfff]")
# What turns the direction of what follows, and what takes no room (rule 10); the joiners have a rule of their own.
UNSEEN = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
# Arabic to the scripts of India write with them; emoji are put together with U+200D.
JOINED = r"\u0600-\u0dff"
EMOJI = r"\u2190-\u2bff\U0001f000-\U0001faff"
JOINERS = re.compile(
    rf"[\u200c\u200d](?![{JOINED}{EMOJI}])|(?<![{JOINED}{EMOJI}\ufe0f])[\u200c\u200d]|\u200c(?=[{EMOJI}])"
)
# The tag letters that make a flag of England; a cancel tag ends them (UTS 51).
TAG_LETTERS = re.compile(r"(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)|[\U000e0020-\U000e007f]")
NO_INK = re.compile(rf"(?:\s|\u2800|\u200c|\u200d|{UNSEEN.pattern})*")


def clean(text: str) -> str:
    """Text as it is kept: newlines alike, no control characters, no blank around it. No word is lost.

    What has nothing to see in it comes out empty.
    """
    text = CONTROLS.sub("", LINE_ENDS.sub("\n", text))
    text = SURROGATES.sub("\ufffd", text).rstrip()
    if NO_INK.fullmatch(text):
        return ""
    start = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, start) + 1 :]


def one_line(value: str) -> str:
    """A name or title: one line, normal form NFC, nothing unseen in it, white space folded.

    Only its first RAW_MAX characters are looked at, more than any name or title may have: to sort a million
    combining marks into normal form takes minutes.
    """
    value = value[:RAW_MAX]
    value = CONTROLS.sub(" ", value.replace("\n", " ").replace("\u2800", " "))
    value = UNSEEN.sub("", SURROGATES.sub("\ufffd", value))
    value = TAG_LETTERS.sub(lambda flag: flag[1] or "", value)
    # One joiner gone may leave another without its letter.
    while (shorter := JOINERS.sub("", value)) != value:
        value = shorter
    return unicodedata.normalize("NFC", " ".join(value.split()))


def excerpt(text: str, length: int = 140) -> str:
    """The beginning of a text on one line, with an ellipsis where it is cut; at most `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    if line[length - 1] != " " and " " in cut[length // 2 :]:
        cut = cut[: cut.rfind(" ")]
    return cut.rstrip(" \u200d") + "…"


def plain(text: str) -> str:
    """A text without the signs that only mean a form: as it reads in a list of chats."""
    text = re.sub(r"^[ ]{0,3}(?:`{3,}|~{3,})[^\n]*\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r"^[ ]{0,3}>[> ]*", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\[\]\n]{1,200})\]\([^()\s]{1,500}\)", r"\1", text)
    for sign in (r"\*\*", "__", "~~", "`"):
        text = re.sub(rf"(?<!\\){sign}(?=\S)([^\n]{{1,200}}?)(?<=[^\s\\]){sign}", r"\1", text)
    text = re.sub(r"(?<![\w\\])([*_])(?=\S)([^\n*_]{1,200})(?<=[^\s\\])\1(?!\w)", r"\2", text)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


def render(text: str, marks: Sequence[Mark] = ()) -> str:
    """A message's text as safe HTML.

    CommonMark without what a chat does not need (headings, tables, pictures, HTML), plus ~~strike~~ and bare
    links; a single newline is a line break. The sanitizer behind it lets through a short list and no more.
    Where a mark stands that was `heard`, there is an empty <span class="mention-ID">, which no text can make up.
    """
    people = [user_id for _, _, user_id in marks]
    return sanitizer().clean(markdown().render(marked(text, marks), {"people": people})).strip() if text else ""


def heard(text: str, marks: Sequence[Mark]) -> list[Mark]:
    """Those of the marks that are read as words: not in code, links and the like."""
    if not marks:
        return []
    env: dict[str, Any] = {}
    markdown().parse(marked(text, marks), env)
    return [marks[at] for at in sorted(set(env.get("heard", [])))]


def marked(text: str, marks: Sequence[Mark]) -> str:
    """The text with a sign for each mark, made of controls, which no cleaned text has."""
    parts, end = [], 0
    for at, (start, length, _) in enumerate(marks):
        parts += [text[end:start], f"@\x01{at}\x02"]
        end = start + length
    return "".join([*parts, text[end:]])


def mention(state: StateInline, silent: bool) -> bool:
    """A rule of the parser: a mark, where no link goes around it."""
    found = MARKED.match(state.src, state.pos)
    if found is None or state.linkLevel:
        return False
    if not silent:
        at = int(found[1])
        state.env.setdefault("heard", []).append(at)
        state.push("mention", "span", 0).meta = {"at": at}
    state.pos = found.end()
    return True


@cache
def sanitizer() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel="noopener nofollow",
    )


@cache
def markdown() -> MarkdownIt:
    parser = Markdown(
        "commonmark",
        {"html": False, "breaks": True, "linkify": True, "maxNesting": NESTING},
        renderer_cls=Renderer,
    )
    parser.enable(["strikethrough", "linkify"])
    parser.inline.ruler.before("linkify", "mention", mention)
    parser.disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "reference", "code"])
    # "example.py" and "e.g.it" are words; what is meant as a link has its scheme or www.
    parser.linkify = LinkifyIt(
        {"www.": {"validate": WWW}}, {"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False}
    )
    return parser


class Markdown(MarkdownIt):
    """Markdown whose links lead somewhere for any reader: a path or javascript: stays text."""

    def validateLink(self, url: str) -> bool:
        return bool(SCHEME.match(url))

    def normalizeLink(self, url: str) -> str:
        return super().normalizeLink(f"https://{url}" if url.lower().startswith("www.") else url)


class Renderer(RendererHTML):
    """Code as this project styles it: a block that the keyboard can scroll, with Pygments' classes."""

    def mention(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<span class="mention-{env["people"][tokens[idx].meta["at"]]}"></span>'

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        language = token.info.partition(" ")[0].lower()
        if language not in LANGUAGES:
            return f'<pre tabindex="0"><code>{html.escape(token.content)}</code></pre>\n'
        env["coloured"] = env.get("coloured", 0) + len(token.content)
        code = html.escape(token.content) if env["coloured"] > COLOURED_MAX else coloured(token.content, language)
        return f'<pre tabindex="0"><code class="language-{language}">{code}</code></pre>\n'


def coloured(code: str, language: str) -> str:
    """Code with its words marked by kind."""
    return str(highlight(code, lexer(language), HtmlFormatter(nowrap=True)))


def lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False)
