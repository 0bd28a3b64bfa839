"""Unicode characters as people see them: removing invisible ones from names, and cutting text between graphemes."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import regex

RAW_MAX = 2_000
# All C0 and C1 controls but tab and newline.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SURROGATES = re.compile(r"[\ud800-\udfff]")
# Bidirectional controls and zero-width characters (rule 10), except joiners.
UNSEEN = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
# Scripts from Arabic to those of India use joiners; emoji are joined with U+200D.
JOINED = r"\u0600-\u0dff"
EMOJI = r"\u2190-\u2bff\U0001f000-\U0001faff"
JOINERS = re.compile(
    rf"[\u200c\u200d](?![{JOINED}{EMOJI}])|(?<![{JOINED}{EMOJI}\ufe0f])[\u200c\u200d]|\u200c(?=[{EMOJI}])"
)
# Tag letters, as in the flag of England, end with a cancel tag (UTS 51).
TAG_LETTERS = re.compile(r"(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)|[\U000e0020-\U000e007f]")


def one_line(value: str) -> str:
    """Clean a name or title: one line in NFC, without invisible characters, with collapsed white space.

    Uses only the first RAW_MAX characters, more than any name or title may have: normalizing a million combining marks
    takes minutes.
    """
    value = value[:RAW_MAX]
    value = CONTROLS.sub(" ", value.replace("\n", " ").replace("\u2800", " "))
    value = UNSEEN.sub("", SURROGATES.sub("\ufffd", value))
    value = TAG_LETTERS.sub(lambda flag: flag[1] or "", value)
    # Removing one joiner may leave another without its letter.
    while (shorter := JOINERS.sub("", value)) != value:
        value = shorter
    return unicodedata.normalize("NFC", " ".join(value.split()))


# A grapheme: a letter with its marks, a flag, a family (UAX 29, 3).
GRAPHEME = regex.compile(r"\X")
# Between two of these a text may always be cut: letters of Latin, Cyrillic, Arabic, Japanese, Chinese and Korean
# without marks, and ASCII.
ALONE = re.compile(
    r"[\x00-\x7f\u00c0-\u024f\u0410-\u044f\u0620-\u064a\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3]{2}"
)
# More code points than any meaningful grapheme has.
LONGEST = 64


def beginning(text: str, length: int) -> str:
    """The beginning of a text, at most `length` code points, ending with a whole grapheme."""
    return text[: boundary(text, length)]


def boundary(text: str, at: int) -> int:
    """The last position at or before `at` where a text may be cut without splitting a grapheme."""
    if at >= len(text):
        return len(text)
    # Flags must be counted from a position where a grapheme is known to begin.
    start = max(0, at - LONGEST)
    while start and not ALONE.match(text, start - 1):
        start -= 1
    last = start
    for found in GRAPHEME.finditer(text, start):
        if found.end() > at:
            break
        last = found.end()
    return last


@lru_cache(1_000)
def initials(label: str) -> str:
    """The initials of a name: the first graphemes of its first two words, else its first two graphemes."""
    words = [GRAPHEME.findall(word) for word in re.split(r"[\s._-]+", label[:RAW_MAX]) if word]
    letters = [word[0] for word in words[:2]] if len(words) > 1 else (words[0][:2] if words else ["?"])
    return "".join(letters).upper()
