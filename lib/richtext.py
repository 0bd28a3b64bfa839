"""Users' text: cleaning it, rendering it to safe HTML, and shortening it for lists."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import nh3
import pygments
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Text

from lib.characters import CONTROLS, SURROGATES, UNSEEN, beginning
from lib.markdown import LANGUAGES as KNOWN_LANGUAGES
from lib.markdown import PLAIN_CODE, QUOTED, TooManySteps, chat_markdown, with_gaps

# A preview in a list of chats, or a quotation.
PREVIEW_MAX = 140
# Length of the text from which a preview is made.
PREVIEWED_FROM = 600
TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"}
# "*" is listed because the sanitizer would otherwise allow title and lang.
ATTRIBUTES: dict[str, set[str]] = {
    "*": set(), "a": {"href", "title"}, "code": {"class"}, "span": {"class"}, "pre": {"tabindex"}, "ol": {"start"},
    "li": {"value"},
}  # fmt: skip
SCHEMES = {"http", "https", "mailto"}
# Only these languages are highlighted, up to a number of characters and blocks per message. Some of Pygments' lexers
# scan the whole rest for each token, so the lengths of the rests are summed up; ordinary code takes half of that limit.
HIGHLIGHTED_MAX = 2_000
HIGHLIGHTED_BLOCKS = 10
HIGHLIGHTING_MAX = 1_000_000
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

# Start and length of a mention in a text, in characters and including the “@”, and the person's id.
Mark = tuple[int, int, int]
# One line of words with a few signs, in which there is nothing to parse: most messages, in a hundredth of the time.
WORD = r"[^\W_]+(?:['’-][^\W_]+)*"
PLAIN = re.compile(rf"(?!\d){WORD}(?:[,;:.!?]? {WORD})*[.!?…]*")
MARKED = re.compile(r"@\x01(\d+)\x02")
LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
NO_INK = re.compile(rf"(?:\s|\u2800|\u200c|\u200d|{UNSEEN.pattern})*")


def clean(text: str) -> str:
    """Clean a text for storage: normalize newlines, remove control characters and surrounding white space.

    A text without visible characters becomes empty.
    """
    text = CONTROLS.sub("", LINE_ENDS.sub("\n", text))
    text = SURROGATES.sub("\ufffd", text).rstrip()
    if NO_INK.fullmatch(text):
        return ""
    start = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, start) + 1 :]


def excerpt(text: str, length: int = 140) -> str:
    """The beginning of a text on one line, at most `length` characters, with an ellipsis if it was cut."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = beginning(line, length - 1)
    if line[len(cut)] != " " and " " in cut[length // 2 :]:
        cut = cut[: cut.rfind(" ")]
    return cut.rstrip() + "…"


def preview(text: str, length: int = PREVIEW_MAX) -> str:
    """The beginning of a text on one line, without Markdown's signs. Has a bounded cost for any text."""
    return excerpt(plain(text[:PREVIEWED_FROM]), length)


def plain(text: str) -> str:
    """A text without Markdown's signs, as shown in the chat list."""
    if not MARKDOWN_SIGN.search(text):
        return text
    fences = FENCE_LINE.findall(text)
    known = KNOWN_LANGUAGES | PLAIN_CODE if len(fences) > 1 else ()
    read = FENCE_LINE.sub(lambda fence: "" if fence[1].lower() in known else fence[0], text) if known else text
    for sign, pattern, replacement in REMOVED_SIGNS:
        # Lists of chats show hundreds of texts, and most have no or one sign.
        if sign in read:
            read = pattern.sub(replacement, read)
    read = EMPHASIS.sub(r"\2", read)
    read = ESCAPED.sub(lambda sign: sign[1 if text.count(sign[1]) > 1 else 0], read)
    return read if read.strip() else text


def readable(rendered: str, addresses: bool = False) -> str:
    """The visible text of rendered HTML; with `addresses`, also the URLs of its links."""
    if addresses:
        rendered = LINK.sub(lambda link: link[0] if link[2] in link[1] else f"{link[2]} ({link[1]})", rendered)
    return html.unescape(TAG.sub(lambda tag: " " if tag[1] in BLOCKS else "", rendered)).strip()


# As the sanitizer and `mention.element` write them, with attribute values in double quotes.
TAG = re.compile(r'<(/?[a-z]+)(?: [a-z-]+="[^"]*")*>')
LINK = re.compile(r'<a href="([^"]*)"[^<]*?>((?:(?!</?a\b).)*)</a>', re.DOTALL)
BLOCKS = {"br", "p", "pre", "blockquote", "ul", "ol", "li", "/p", "/pre", "/blockquote", "/ul", "/ol", "/li"}

FENCE_LINE = re.compile(r"^[ ]{0,3}(?:`{3,}|~{3,})[ ]*([^\n]*?)[ ]*(?:\n|\Z)", re.MULTILINE)
MARKDOWN_SIGN = re.compile(r"[`~*_>\[\\]")
EMPHASIS = re.compile(r"(?<![\w\\*_])([*_])(?=\S)([^\n*_]{1,200})(?<=[^\s\\])\1(?![\w*_])")
ESCAPED = re.compile(r"(?<!¯)\\([*_~`\[\]])")


def _between(sign: str) -> re.Pattern[str]:
    """A text between two of these signs."""
    escaped = re.escape(sign)
    return re.compile(rf"(?<![\w\\]){escaped}(?=[^\s{sign[-1]}])([^\n]{{1,200}}?)(?<=[^\s\\]){escaped}(?![\w.]\w)")


# A sign, the pattern that has it, and what stays of that.
REMOVED_SIGNS = (
    (">", re.compile(rf"^[ ]{{0,3}}(?={QUOTED.pattern})>[> ]*", re.MULTILINE), ""),
    ("](", re.compile(r"\[([^\[\]\n]{1,200})\]\((?:https?://|mailto:)[^()\s]{1,500}\)"), r"\1"),
    *((sign, _between(sign), r"\1") for sign in ("**", "__", "~~", "`")),
)


def render(text: str, marks: Sequence[Mark] = ()) -> str:
    """Render a message's text as safe HTML.

    CommonMark without headings, tables, pictures and HTML, plus ~~strike~~ and bare links; a single newline is a line
    break. The sanitizer then only lets through a short list of elements. A mention becomes an empty
    <span class="mention-ID">, which no text can produce.
    """
    return read(text, marks)[0]


def read(text: str, marks: Sequence[Mark]) -> tuple[str, list[Mark]]:
    """Render a text. Returns its HTML, and the marks that became mentions; marks in code, links and the like do not.

    The others stay as typed; for that the text is parsed a second time, within the same number of steps.
    """
    if not text:
        return "", []
    if PLAIN.fullmatch(text):
        return f"<p>{text}</p>", []
    env: dict[str, Any] = {}
    try:
        tokens = markdown().parse(marked(text, marks), env)
        kept = [marks[at] for at in sorted(set(env.get("heard", [])))]
        if len(kept) < len(marks):
            env = {"steps": env.get("steps", 0)}
            tokens = markdown().parse(marked(text, kept), env)
        env["people"] = [user_id for _, _, user_id in kept]
        rendered = markdown().renderer.render(tokens, markdown().options, env)
    except TooManySteps:
        kept = list(marks)
        rendered = MARKED.sub(lambda mark: place_of(kept[int(mark[1])][2]), as_typed(marked(text, kept)))
    return sanitizer().clean(rendered).strip(), kept


def as_typed(text: str) -> str:
    """Render a text as safe HTML without parsing Markdown."""
    return f"<p>{with_gaps(text)}</p>".replace("\n", "<br>\n") if text else ""


def place_of(user_id: int) -> str:
    """The placeholder for a mention."""
    return f'<span class="mention-{user_id}"></span>'


def marked(text: str, marks: Sequence[Mark]) -> str:
    """Replace each mark by a placeholder of control characters, which no cleaned text contains."""
    parts, end = [], 0
    for at, (start, length, _) in enumerate(marks):
        parts += [text[end:start], f"@\x01{at}\x02"]
        end = start + length
    return "".join([*parts, text[end:]])


def mention(state: StateInline, silent: bool) -> bool:
    """A parser rule for the placeholder of a mark, unless inside a link."""
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
    parser = chat_markdown(Renderer)
    parser.inline.ruler.before("linkify", "mention", mention)
    return parser


class Renderer(RendererHTML):
    """Render a block of code with Pygments' classes, focusable so that the keyboard can scroll it."""

    def mention(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return place_of(env["people"][tokens[idx].meta["at"]])

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return with_gaps(tokens[idx].content)

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        language = token.info.partition(" ")[0].lower()
        if language not in LANGUAGES:
            return f'<pre tabindex="0"><code>{html.escape(token.content)}</code></pre>\n'
        highlighted: list[int] = env.setdefault("highlighted", [])
        highlighted.append(len(token.content))
        is_too_much = len(highlighted) > HIGHLIGHTED_BLOCKS or sum(highlighted) > HIGHLIGHTED_MAX
        code = html.escape(token.content) if is_too_much else highlight(token.content, language)
        return f'<pre tabindex="0"><code class="language-{language}">{code}</code></pre>\n'


def highlight(code: str, language: str) -> str:
    """Highlight code."""
    return str(pygments.format(bounded(code, lexer(language)), formatter()))


def bounded(code: str, lexer: Lexer) -> Iterator[tuple[Any, str]]:
    """The tokens of code; once they take too long to find, the rest as one token."""
    # Pygments removes a byte order mark.
    code = code.removeprefix("\ufeff")
    read = work = 0
    for kind, value in lexer.get_tokens(code):
        yield kind, value
        read += len(value)
        work += len(code) - read
        if work > HIGHLIGHTING_MAX:
            yield Text, code[read:]
            return


@cache
def formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True)


def lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False)
