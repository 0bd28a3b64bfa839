"""Markdown for chats: CommonMark, except that anything without effect stays visible.

Every character of a text is shown unless it belongs to recognized markup. Where CommonMark sees markup in what chat
users mean as text (`>_<`, `2*3*4`, `\\\\server`, a lone `-`), this keeps the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any

from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block
from markdown_it.rules_block import paragraph as commonmark_paragraph
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from pygments.lexers import get_all_lexers

# Lists and quotations nested deeper are plain text.
NESTING = 20

# The limit of inline parser steps, one for each position at which rules are tried. A text of 10,000 characters takes
# fewer unless it consists almost entirely of signs.
STEPS_MAX = 10_000

# A scheme before "://".
SCHEME_BEFORE = re.compile(r"(?:^|[^a-z0-9.+-])(https?)$", re.IGNORECASE)
SCHEME = re.compile(r"(?:https?://|mailto:).", re.IGNORECASE)
# A quotation has a space or the beginning of a word after its signs; ">_<" is an emoticon.
QUOTED = re.compile(r">+(?:[ \t]+\S|[^\W_]|[\"'«“„@])")
NO_CODE = re.compile(r"(`+)\s*\1(?!`)")
FILE_ENDING = re.compile(r"\.\w")
WWW = re.compile(r"\W*www\.", re.IGNORECASE)
# A list item has content. Numbers start at 1 or continue; 007 is a name.
ITEM = re.compile(r"(?:[-+*]|(?:0|[1-9]\d{0,8})[.)])[ \t]+(?=[^\n]*[^\s>*+-])")
FENCE = re.compile(r"(`{3,}|~{3,})")
# The name of a language after a fence, which is not shown.
LANGUAGES = frozenset(alias for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)
PLAIN_CODE = frozenset({"", "text", "txt", "plain", "plaintext"})
# Several spaces, or tabs, as between the cells of a table.
GAP = re.compile(r" *\t[ \t]*| {2,}")
# Scripts without spaces, and Korean, where endings follow words directly: a sign between letters opens or closes markup
# there (https://github.com/tats-u/markdown-cjk-friendly).
EAST_ASIAN = re.compile(r"[\u1100-\u11ff\u2e80-\u33ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f"
                        r"\uff01-\uffee\U00020000-\U0003ffff]")  # fmt: skip
# A URL ends at these characters.
LINK_ENDS = re.compile(
    r"[«»“”„‟…—\u3001\u3002\u3008-\u3011\u3014-\u301b\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\uff5b\uff5d]"
)
# Matched against the reversed URL.
LINK_TAIL = re.compile(r"(?:['\"‘’‚‛–!?.,:;*]|s[‘’])+")
WWW_HOST = re.compile(r"(?:[^\W_][\w-]{0,62}\.){1,5}[^\W\d_]{2,63}(?![\w-]|\.\w)")
LINK_LONGEST = 2_000


def chat_markdown(renderer: type[RendererProtocol]) -> MarkdownIt:
    """A Markdown parser without headings, tables, pictures and HTML, with ~~strike~~ and bare links.

    Raises TooManySteps for a text that would take too long.
    """
    parser = ChatMarkdown(
        "commonmark",
        {"html": False, "breaks": True, "linkify": True, "maxNesting": NESTING},
        renderer_cls=renderer,
    )
    parser.inline = Inline()
    parser.configure("commonmark", {"html": False, "breaks": True, "linkify": True, "maxNesting": NESTING})
    parser.enable(["strikethrough", "linkify"])
    parser.disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "reference", "code", "entity"])
    # "example.py" and "e.g.it" are words: only link with a scheme or www.
    parser.linkify = Links()
    for name, rule in (("blockquote", quotation), ("list", items), ("fence", code_block), ("paragraph", paragraph)):
        block = parser.block.ruler
        block.at(name, rule, {"alt": block.__rules__[block.__find__(name)].alt})
    parser.inline.ruler.at("newline", newline)
    parser.inline.ruler.at("escape", escape)
    parser.inline.ruler.at("backticks", backticks)
    parser.inline.ruler.at("linkify", bare_link)
    parser.inline.ruler.before("text", "step", step)
    parser.core.ruler.after("block", "numbers", number_items)
    return parser


class ChatMarkdown(MarkdownIt):
    """The parser that only accepts links that work for every reader: a path or javascript: stays text."""

    def validateLink(self, url: str) -> bool:
        return bool(SCHEME.match(url))

    def normalizeLink(self, url: str) -> str:
        return super().normalizeLink(f"https://{url}" if url.lower().startswith("www.") else url)


# Blocks


def is_too_deep(state: StateBlock) -> bool:
    """Whether a block would be nested deeper than the parser supports; it would drop the rest then."""
    return state.level + 2 >= NESTING


def line_of(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def quotation(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if is_too_deep(state) or not QUOTED.match(line_of(state, start)):
        return False
    return blockquote(state, start, end, silent)


def items(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if is_too_deep(state) or not ITEM.match(line_of(state, start)):
        return False
    return list_block(state, start, end, silent)


def code_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule for a closed, non-empty block of code. Its first line is shown unless it names a language."""
    found = FENCE.match(line_of(state, start))
    if not found:
        return False
    # Remember that nothing after this closes such a fence, so as not to search again for each line.
    unclosed = f"unclosed {found[1]} {end} {state.blkIndent}"
    line = state.line
    if unclosed in state.env or not fence(state, start, end, False):
        return False
    token, after, state.line = state.tokens.pop(), state.line, line
    last = line_of(state, after - 1).rstrip()
    if after - 1 == start or last.strip(found[1][0]) or len(last) < len(found[1]):
        state.env[unclosed] = True
        return False
    info = token.info.strip()
    if info.partition(" ")[0].lower() not in LANGUAGES | PLAIN_CODE or " " in info:
        token.content, token.info = f"{token.info}\n{token.content}", ""
    if not token.content.strip():
        return False
    if not silent:
        state.tokens.append(token)
        state.line = after
    return True


def paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule for a paragraph that keeps the spaces at the beginning of its lines."""
    commonmark_paragraph(state, start, end, silent)
    state.tokens[-2].content = state.getLines(start, state.line, state.blkIndent, False).rstrip()
    return True


def number_items(state: StateCore) -> None:
    """Give each list item the number that was typed."""
    expected: list[int] = []
    for token in state.tokens:
        if token.type == "ordered_list_open":
            expected.append(int(token.attrs.get("start", 1)))
        elif token.type == "ordered_list_close":
            expected.pop()
        elif token.type == "list_item_open" and token.info:
            if int(token.info) != expected[-1]:
                token.attrs = {"value": int(token.info)}
            expected[-1] = int(token.info) + 1


# Inline


class Inline(ParserInline):
    """The inline parser."""

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = InlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class InlineState(StateInline):
    """Inline state that decides whether a run of `*`, `_` or `~` may open or close markup."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        marker, end = self.src[start], start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before, after = self.src[start - 1] if start else " ", self.src[end] if end < self.posMax else " "
        opens, closes = flanks(before, after, marker)
        if marker == "_":
            # __init__.py is a name, and a URL may contain underscores.
            closes = closes and not FILE_ENDING.match(self.src, end)
            if (opens or closes) and is_in_address(self.src, start):
                opens = closes = False
        return Scanned(opens, closes, end - start)


def flanks(before: str, after: str, marker: str) -> tuple[bool, bool]:
    """Whether a run of a marker between two characters may open, and may close, markup.

    CommonMark 0.31, 6.2, but never between letters or digits of one word; next to a script without spaces punctuation
    counts as space.
    """
    if is_in_word(before) and is_in_word(after):
        return False, False
    left = not after.isspace() and not (is_sign(after) and not ends_word(before))
    right = not before.isspace() and not (is_sign(before) and not ends_word(after))
    if marker == "_":
        return left and (not right or is_sign(before)), right and (not left or is_sign(after))
    return left, right


def is_in_word(letter: str) -> bool:
    return letter.isalnum() and not EAST_ASIAN.match(letter)


def is_sign(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PS"


def ends_word(letter: str) -> bool:
    """Whether a word ends at this character."""
    return letter.isspace() or is_sign(letter) or bool(EAST_ASIAN.match(letter))


def is_in_address(src: str, at: int) -> bool:
    """Whether a position is within a bare www. address, whose underscores belong to it."""
    word = src[max(0, at - LINK_LONGEST) : at].rsplit(None, 1)
    return bool(word and not src[at - 1].isspace() and WWW.match(word[-1]))


class TooManySteps(Exception):
    """The text exceeds the limit of parser steps."""


def step(state: StateInline, silent: bool) -> bool:
    """Count a parser step. Runs as the first rule, and never matches."""
    state.env["steps"] = state.env.get("steps", 0) + 1
    if state.env["steps"] > STEPS_MAX:
        raise TooManySteps
    return False


def backticks(state: StateInline, silent: bool) -> bool:
    """A rule for inline code; backticks around nothing are text."""
    blank = NO_CODE.match(state.src, state.pos)
    if not blank:
        return backtick(state, silent)
    if not silent:
        state.pending += blank[0]
    state.pos = blank.end()
    return True


def newline(state: StateInline, silent: bool) -> bool:
    """A rule for a line break that keeps the spaces around it."""
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.push("softbreak", "br", 0)
    state.pos += 1
    return True


def escape(state: StateInline, silent: bool) -> bool:
    """A rule for a backslash that escapes markup; any other backslash is text, as in a path or ¯\\_(ツ)_/¯."""
    src, at = state.src, state.pos
    if src[at] != "\\":
        return False
    # ¯\_(ツ)_/¯ keeps its arm.
    is_arm = src[at - 1 : at + 2] == "¯\\_"
    if not is_arm and not is_escape(src, at):
        return False
    if not silent:
        token = state.push("text_special", "", 0)
        token.content, token.markup, token.info = src[at + (not is_arm) : at + 2], src[at : at + 2], "escape"
    state.pos += 2
    return True


def is_escape(src: str, at: int) -> bool:
    sign = src[at + 1 : at + 2]
    if not sign:
        return False
    if sign in "*_~":
        before, after = src[at - 1] if at else " ", src[at + 2 : at + 3] or " "
        return src.count(sign) > 1 and any(flanks(before, after, sign))
    if sign == "`":
        return src.count("`") > 1
    if sign in "[]":
        return "](" in src
    start = src[src.rfind("\n", 0, at) + 1 : at].strip()
    return (sign in "->+#" and not start) or (sign in ".)" and start.isdigit())


# Bare links


def bare_link(state: StateInline, silent: bool) -> bool:
    """Find a link by its "://", as markdown-it's own rule does.

    That rule searches everything before each "://", which takes quadratic time, and raises an error where that is
    itself a link (www.example.http://).
    """
    scheme = SCHEME_BEFORE.search(state.pending[-8:]) if state.src.startswith("://", state.pos) else None
    if scheme is None or state.linkLevel:
        return False
    length = len(scheme[1])
    found = state.md.linkify.match_at_start(state.src[state.pos - length :]) if state.md.linkify else None
    url = found.url.rstrip("*") if found else ""
    if len(url) <= length or not state.md.validateLink(url):
        return False
    if not silent:
        state.pending = state.pending[:-length]
        state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(url)}
        state.push("text", "", 0).content = state.md.normalizeLinkText(url)
        state.push("link_close", "a", -1)
    state.pos += len(url) - length
    return True


class Links(LinkifyIt):
    """Finds URLs that begin with http://, https:// or www., without the punctuation of the sentence."""

    def __init__(self) -> None:
        super().__init__(
            {"www.": {"validate": self._validate_www}}, {"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False}
        )

    def _validate_http(self, text: str, pos: int) -> int:
        length: int = super()._validate_http(text, pos)
        return len(without_tail(text[pos : pos + length]))

    def _validate_www(self, text: str, pos: int) -> int:
        if not WWW_HOST.match(text, pos):
            return 0
        before = "//www."
        return max(0, self._validate_http(before + text[pos : pos + LINK_LONGEST], 0) - len(before))


def without_tail(address: str) -> str:
    """A URL without the punctuation of its sentence. Brackets opened within it belong to it."""
    end = LINK_ENDS.search(address)
    address = address[: end.start()] if end else address
    # Backwards, since a forward search to the end would restart at each sign.
    tail = LINK_TAIL.match(address[::-1])
    return address[: len(address) - tail.end()] if tail else address


def with_gaps(text: str) -> str:
    """Render text as HTML that preserves tabs and several spaces."""
    return GAP.sub(lambda gap: f'<span class="gap">{gap[0]}</span>', html.escape(text, quote=False))
