"""Usernames: which are good, which are the same, and which look the same."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from importlib import resources

# Written together in Japanese.
TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK"}
MARKS = "._-"


class BadName(ValueError):
    """A name that can't be had; `reason` is short, long, characters or mixed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def check(username: str, least: int = 3, most: int = 32) -> str:
    """The name in its normal form (NFKC). Raises BadName."""
    name = unicodedata.normalize("NFKC", username.strip())
    if len(name) < least:
        raise BadName("short")
    if len(name) > most:
        raise BadName("long")
    if not all(is_good(name, at) for at in range(len(name))) or not name[0].isalnum():
        raise BadName("characters")
    if len({script(letter) for letter in name if letter.isalpha()}) > 1:
        raise BadName("mixed")
    return name


def is_good(name: str, at: int) -> bool:
    """A letter, a digit, one of the marks, or a combining mark upon a letter."""
    letter = name[at]
    category = unicodedata.category(letter)
    if category in ("Lm", "Lo", "Ll", "Lu", "Lt"):
        # Letters that nobody can see.
        return "FILLER" not in unicodedata.name(letter, "FILLER")
    if category in ("Mn", "Mc"):
        return at > 0 and unicodedata.category(name[at - 1])[0] in "LM" and not is_unseen(letter)
    return category == "Nd" or letter in MARKS


def is_unseen(letter: str) -> bool:
    """A combining mark without a shape of its own: variation selectors and joiners."""
    name = unicodedata.name(letter, "")
    return "VARIATION SELECTOR" in name or "JOINER" in name


def script(letter: str) -> str:
    """The alphabet of a letter, as the first word of its Unicode name."""
    first = unicodedata.name(letter, "UNKNOWN").split()[0]
    return TOGETHER.get(first, first)


def key(username: str) -> str:
    """By which a name is looked up: letter case and compatible forms alike."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username.strip()).casefold())


def skeleton(username: str) -> str:
    """By which names look alike (https://www.unicode.org/reports/tr39/#Confusable_Detection).

    Letter case is folded first, so a capital I, which looks like l, has become an i: the two count as one.
    """
    shapes = look_alikes()
    decomposed = unicodedata.normalize("NFD", key(username))
    shown = "".join(shapes.get(letter, letter) for letter in decomposed)
    for pair, letter in PAIRS.items():
        shown = shown.replace(pair, letter)
    return unicodedata.normalize("NFD", shown).translate(SAME_IN_SOME_CASE)


# Two letters that look like one (confusables.txt lists them the other way round).
PAIRS = {"rn": "m", "vv": "w", "cl": "d"}
SAME_IN_SOME_CASE = str.maketrans("i0", "lo")


@cache
def look_alikes() -> dict[str, str]:
    """For each confusable character of folded case the first of those that look like it.

    confusable-homoglyphs lists for each the others; sets that share one are one.
    """
    listed = json.loads(resources.files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8"))
    leader: dict[str, str] = {}

    def lead(shape: str) -> str:
        while leader.get(shape, shape) != shape:
            shape = leader[shape]
        return shape

    def plainest(shape: str) -> tuple[bool, bool, int, str]:
        return (not shape.isascii(), not shape.isalpha(), len(shape), shape)

    for letter, others in listed.items():
        for other in others:
            if letter == letter.casefold() and other["c"] == other["c"].casefold():
                first, second = sorted((lead(letter), lead(other["c"])), key=plainest)
                leader[second] = first
    return {shape: lead(shape) for shape in leader if lead(shape) != shape}
