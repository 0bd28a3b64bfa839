"""How text is folded into words, as the index holds them."""

from __future__ import annotations

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
LETTERS_KEPT = 20_000


def fold(text: str) -> str:
    """Text as the index holds it: compatible forms, letter case and ё/е alike, words apart."""
    try:
        return text.translate(letters)
    except Marked:
        return folded_by_clusters(text)


class Marked(Exception):
    """There is a letter with marks in the text: they are folded together."""


class Letters(dict[int, str]):
    """What each letter by itself folds to, found out when it first comes."""

    def __missing__(self, number: int) -> str:
        letter = chr(number)
        if is_upon(letter):
            raise Marked
        folded = folded_by_clusters(letter)
        if len(self) < LETTERS_KEPT:
            self[number] = folded
        return folded


letters = Letters()


def folded_by_clusters(text: str) -> str:
    return "".join(f" {folded} " if UNSPACED.match(folded) else folded for folded, _, _ in clusters(text))


def begins(start: str, title: str) -> bool:
    """Whether a word of a title starts so; `start` is folded."""
    return any(word.startswith(start) for word in fold(title).split())


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
