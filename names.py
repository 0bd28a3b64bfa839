"""Usernames: which are good, which are the same, and which look the same."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from importlib import resources

MARKS = "._-"
# Written together in Japanese.
TOGETHER = dict.fromkeys(["HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "CJK"], "JAPANESE")
# Words in the Unicode names of letters and marks that nobody can see (Default_Ignorable_Code_Point), or that
# only make another letter longer.
UNSEEN = re.compile(r"\bFILLER\b|\bINHERENT\b|VARIATION SELECTOR|JOINER|TATWEEL|LAJANYALAN")
# No language stacks more on one letter (https://www.unicode.org/reports/tr39/#Optional_Detection).
STACKED = 4
# A hostile name must not grow without bound in its normal form: one character becomes 18 at most.
RAW_MAX = 1_000


class BadName(ValueError):
    """A name that can't be had; `reason` is short, long, characters or mixed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def check(username: str, least: int = 3, most: int = 32) -> str:
    """The name in its normal form (NFKC). Raises BadName."""
    if len(username) > RAW_MAX:
        raise BadName("long")
    name = unicodedata.normalize("NFKC", username.strip())
    if len(name) < least:
        raise BadName("short")
    if len(name) > most:
        raise BadName("long")
    if not (name[:1].isalnum() and all(is_good(name, at) for at in range(len(name)))):
        raise BadName("characters")
    if len({script(letter) for letter in name} - {""}) > 1:
        raise BadName("mixed")
    return name


def is_good(name: str, at: int) -> bool:
    """A letter, a digit, one of the marks, or a combining mark upon a letter."""
    letter = name[at]
    category = unicodedata.category(letter)
    if letter in MARKS or category == "Nd":
        return True
    if UNSEEN.search(unicodedata.name(letter, "FILLER")):
        return False
    if category in ("Mn", "Mc"):
        stack = name[max(0, at - STACKED) : at]
        return letter != stack[-1:] and any(unicodedata.category(below)[0] == "L" for below in stack) and is_upon(stack)
    return category[0] == "L"


def is_upon(stack: str) -> bool:
    """Whether what stands before a combining mark is a letter, or marks upon a letter."""
    return unicodedata.category(stack[-1])[0] in "LM"


def script(letter: str) -> str:
    """The alphabet of a letter, as the first word of its Unicode name; '' for what belongs to none."""
    first = unicodedata.name(letter, "UNKNOWN").split()[0]
    if unicodedata.category(letter)[0] not in "LM" or first == "COMBINING":
        return ""
    return TOGETHER.get(first, first)


def key(username: str) -> str:
    """By which a name is looked up: letter case and compatible forms alike."""
    folded = unicodedata.normalize("NFKC", username.strip()[:RAW_MAX]).casefold()
    return unicodedata.normalize("NFKC", folded)


def skeleton(username: str) -> str:
    """By which names look alike: equal for two names that people take for one.

    The skeleton of Unicode's TR39 (https://www.unicode.org/reports/tr39/#Confusable_Detection) over the folded
    name, folded again, so that letter case and look-alikes may come together: a Cyrillic ВОР is taken for BOP.
    """
    return drawn(key(username))


def skeletons(username: str) -> set[str]:
    """All that a name looks like: folded, and as it is written. A Greek ΒΟΒ looks like BOB in capitals only."""
    written = unicodedata.normalize("NFKC", username.strip()[:RAW_MAX])
    return {skeleton(username), drawn(written), drawn(written.upper())}


def drawn(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name)
    shown = "".join(shape(letter) for letter in decomposed)
    for pair, letter in PAIRS.items():
        shown = shown.replace(pair, letter)
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", shown).casefold())


# A capital I looks like l, so i and l are one; Unicode's table has no pair for w.
SAME_IN_CAPITALS = {"i": "l"}
PAIRS = {"vv": "w"}


@cache
def shape(letter: str) -> str:
    """What a folded letter looks like, as plainly as can be written; a capital is asked where it says more."""
    table = look_alikes()
    small = table.get(letter, letter).casefold()
    if not small.isascii():
        capital = table.get(letter.upper(), letter).casefold()
        small = capital if capital.isascii() else small
    return "".join(SAME_IN_CAPITALS.get(part, table.get(part, part)) for part in small)


@cache
def look_alikes() -> dict[str, str]:
    """For each confusable character the plainest of those that look like it.

    The list (made from Unicode's confusables.txt) has each pair in both directions, so characters that share
    one are one group. In a group with a sequence, such as rn for m, the sequence stands for all.
    """
    source = resources.files("confusable_homoglyphs").joinpath("confusables.json")
    listed: dict[str, list[dict[str, str]]] = json.loads(source.read_text("utf-8"))
    leader: dict[str, str] = {}

    def lead(member: str) -> str:
        while (above := leader.get(member, member)) != member:
            member = above
        return member

    for letter, others in listed.items():
        for other in others:
            first, second = sorted((lead(bare(letter)), lead(bare(other["c"]))), key=plainness)
            if first != second:
                leader[second] = first
    return {member: lead(member) for member in leader if len(member) == 1}


def bare(member: str) -> str:
    """Without the direction marks that the list puts around right-to-left letters."""
    return member.strip("\u200e")


def plainness(member: str) -> tuple[bool, bool, bool, bool, int, str]:
    """Sorts the one that stands for a group first: plain letters, sequences of them before single ones."""
    letters = member.isalpha()
    return (not member.isascii(), not letters, len(member) < 2, not member.islower(), len(member), member)
