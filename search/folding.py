"""Folding text into words, as stored in the search index."""

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
# The stress marks of Russian dictionaries. Marks that belong to a letter (й, ї, ў) are part of it in the normal form.
STRESS = re.compile(r"(?<=[\u0400-\u052f])[\u0300\u0301]+")
# Letters without a decomposition, by what people without such a key type.
PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"})
APOSTROPHES = "'’ʼ＇"
# A word with an apostrophe in it: don't, п’ять. Only from where a word begins: from each of its letters, 10,000 letters
# without a space (a page of Chinese) take two seconds.
ELIDED = re.compile(rf"(?<![^\W\d_])[^\W\d_]+(?:[{APOSTROPHES}][^\W\d_]+)+")
HALF_WIDTH_MARKS = "\uff9e\uff9f"
# Vowel signs that Arabic and Hebrew usually omit, and the stroke that only lengthens a word.
VOWELS = re.compile(r"[\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
LETTERS_KEPT = 20_000


def fold(text: str) -> str:
    """Fold a text into its words, separated by spaces, as stored in the index.

    Ignores compatible forms, letter case, ё/е and the accents of Latin and Greek letters. Leaves nothing to split to
    the index's tokenizer, whose tables are of Unicode 6.1 and treat newer signs (₽, 🟢) as letters.
    """
    try:
        return " ".join(text.translate(letters).split())
    except Marked:
        return " ".join(word for word, _, _ in tokens(text))


def without_apostrophes(text: str) -> list[str]:
    """The words that contain an apostrophe, without it and folded: dont."""
    return [fold(word[0].translate(REMOVED)) for word in ELIDED.finditer(text)]


REMOVED = dict.fromkeys(map(ord, APOSTROPHES))


class Marked(Exception):
    """The text contains a combining mark, which must be folded together with its letter."""


class Letters(dict[int, str]):
    """A cache of what each single character folds to."""

    def __missing__(self, number: int) -> str:
        letter = chr(number)
        if is_upon(letter):
            raise Marked
        folded = folded_cluster(letter)
        if UNSPACED.match(folded):
            folded = f" {folded} " if folded.isalnum() else " "
        else:
            folded = "".join(part if part.isalnum() or is_upon(part) else " " for part in folded)
        if len(self) < LETTERS_KEPT:
            self[number] = folded
        return folded


letters = Letters()


def tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """The folded words of a text as the index splits them, each with its start and end in the text."""
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
    """Each letter with its marks: folded, with its start and end in the text."""
    left = 0
    for right in range(1, len(text) + 1):
        if right == len(text) or not is_upon(text[right]):
            yield folded_cluster(text[left:right]), left, right
            left = right


@lru_cache(8192)
def is_upon(letter: str) -> bool:
    """Whether a character belongs to the one before: a combining mark, or a later part of a Korean syllable."""
    return "\u1160" <= letter <= "\u11ff" or letter in HALF_WIDTH_MARKS or unicodedata.category(letter)[0] == "M"


@lru_cache(8192)
def folded_cluster(cluster: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cluster).casefold())
    # A Turkish capital İ folds to an i with a combining dot.
    folded = VOWELS.sub("", folded.replace("ё", "е").replace("i\u0307", "i"))
    folded = STRESS.sub("", without_accents(folded).translate(PLAIN))
    # Thai and Lao AM, which the normal form decomposes, stays one character.
    folded = folded.replace("\u0e4d\u0e32", "\u0e33").replace("\u0ecd\u0eb2", "\u0eb3")
    if not folded[:1].isalnum():
        # A mark without a letter can't be searched.
        folded = "".join(letter for letter in folded if unicodedata.category(letter)[0] != "M")
    return "".join(map(shown, folded))


def without_accents(cluster: str) -> str:
    """Remove the marks of Latin and Greek letters, so that cafe finds café, zoe Zoë and λογος λόγος."""
    if cluster.isascii() or not unicodedata.name(cluster[0], "").startswith(("LATIN ", "GREEK ")):
        return cluster
    return "".join(part for part in unicodedata.normalize("NFD", cluster) if unicodedata.category(part) != "Mn")


def shown(letter: str) -> str:
    """Drop invisible characters within words (a soft hyphen); replace those that end a word (a control) by a space."""
    category = unicodedata.category(letter)
    if letter in APOSTROPHES:
        return "'"
    if category == "Cf":
        return " " if letter == "\u200b" else ""
    return " " if category in ("Cc", "Cs") else letter
