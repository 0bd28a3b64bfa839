"""Finding: how text is folded into words, how a question becomes a query, and what a hit looks like."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Scripts written without spaces: each letter is a word, and neighbours are a phrase.
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]"
)
# Vowel signs that Arabic and Hebrew are mostly written without, and the stroke that only makes a word longer.
VOWELS = re.compile(r"[\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
PHRASE = re.compile(r'"([^"]*)"?')
WORDS_MAX = 32
AROUND = 40


def fold(text: str) -> str:
    """Text as the index holds it: compatible forms, letter case and ё/е alike, words apart."""
    return "".join(f" {folded} " if UNSPACED.match(folded) else folded for folded, _, _ in clusters(text))


def query(q: str) -> str:
    """An FTS5 expression for a question: all its words, quoted ones as a phrase; '' when it has none.

    The last word may be a beginning, as people search while they type. Every word is quoted, so nothing that
    people write is an operator (https://sqlite.org/fts5.html#fts5_strings).
    """
    phrases, begun = asked(q)
    shown = [f'"{phrase}"' for phrase in phrases]
    return " AND ".join(shown) + ("*" if begun else "")


def snippet(text: str, q: str, length: int = 160) -> str:
    """A safe HTML excerpt around the first word found, with each found one in `<mark>`."""
    line = " ".join(text.split())
    hits = list(found(line, q))
    start = max(0, min(hits[0][0] - AROUND, len(line) - length)) if hits else 0
    if start and (space := line.find(" ", start, hits[0][0])) > 0:
        start = space + 1
    end = start + length
    shown, at = [], start
    for left, right in hits:
        if left < end:
            right = min(right, end)
            shown.append(f"{html.escape(line[at:left])}<mark>{html.escape(line[left:right])}</mark>")
            at = right
    shown.append(html.escape(line[at:end]))
    return ("…" if start else "") + "".join(shown) + ("…" if end < len(line) else "")


def asked(q: str) -> tuple[list[str], bool]:
    """What a question asks for, folded: phrases and words, and whether the last is only a beginning."""
    phrases, rest = PHRASE.findall(q), PHRASE.sub(" ", q).split()
    quoted = [phrase for phrase in map(one, phrases) if phrase]
    single = [word for word in map(one, rest) if word]
    every = [*quoted, *single][:WORDS_MAX]
    return every, bool(single) and len(every) == len(quoted) + len(single)


def one(part: str) -> str:
    """A part of a question as the text of one FTS5 string; '' when no word is in it.

    A phrase without words would match nothing, and a NUL would end the expression.
    """
    return " ".join(word for word, _, _ in tokens(part))


def found(line: str, q: str) -> Iterator[tuple[int, int]]:
    """Where in a line the words and phrases of a question stand, in order, never overlapping."""
    phrases, begun = asked(q)
    wanted = [(phrase.split(), begun and at == len(phrases) - 1) for at, phrase in enumerate(phrases)]
    here = list(tokens(line))
    at = 0
    while at < len(here):
        fits = [len(words) for words, open_end in wanted if stands(here, at, words, open_end)]
        if fits:
            yield here[at][1], here[at + max(fits) - 1][2]
        at += max(fits, default=1)


def stands(here: list[tuple[str, int, int]], at: int, words: list[str], open_end: bool) -> bool:
    """Whether a phrase stands at a place; the last word of an open one may go on."""
    there = [word for word, _, _ in here[at : at + len(words)]]
    if open_end and len(there) == len(words):
        return there[:-1] == words[:-1] and there[-1].startswith(words[-1])
    return there == words


def tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of a text, folded, as the index will cut them, each with where it stands in the text."""
    word, begin, end = "", 0, 0
    for folded, left, right in clusters(text):
        alone = bool(UNSPACED.match(folded))
        # One letter may fold into several, with signs among them: ⑴ is (1).
        for part in [folded] if alone else folded:
            goes_on = part[0].isalnum() or (bool(word) and unicodedata.category(part[0])[0] == "M")
            if word and (alone or not goes_on):
                yield word, begin, end
                word = ""
            if alone and goes_on:
                yield folded, left, right
            elif goes_on:
                word, begin, end = word + part, begin if word else left, right
    if word:
        yield word, begin, end


def clusters(text: str) -> Iterator[tuple[str, int, int]]:
    """Each letter with its marks: folded, and from where to where it stands in the text."""
    left = 0
    for right in range(1, len(text) + 1):
        if right == len(text) or not is_upon(text[right]):
            yield folded_cluster(text[left:right]), left, right
            left = right


@lru_cache(8192)
def is_upon(letter: str) -> bool:
    """Whether it is written upon the letter before: a combining mark, or a later part of a Korean syllable."""
    return "\u1160" <= letter <= "\u11ff" or unicodedata.category(letter)[0] == "M"


@lru_cache(8192)
def folded_cluster(cluster: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cluster).casefold())
    # A Turkish capital İ folds to an i with a dot upon it.
    folded = VOWELS.sub("", folded.replace("ё", "е").replace("i\u0307", "i"))
    # Thai and Lao AM, which the normal form takes apart, stays one.
    folded = folded.replace("\u0e4d\u0e32", "\u0e33").replace("\u0ecd\u0eb2", "\u0eb3")
    if not folded[:1].isalnum():
        # A mark upon no letter is nothing to find.
        folded = "".join(letter for letter in folded if unicodedata.category(letter)[0] != "M")
    return "".join(map(shown, folded))


def shown(letter: str) -> str:
    """Nothing for what can't be seen within a word (a soft hyphen), a space for what ends one (a control)."""
    category = unicodedata.category(letter)
    if category == "Cf":
        return " " if letter == "\u200b" else ""
    return " " if category in ("Cc", "Cs") else letter
