"""Usernames: validation, look-up keys, and look-alikes."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from importlib import resources

MARKS = "._-"
MARKS_IN_A_ROW = re.compile(r"[._-]{2,}")
# Scripts that Japanese mixes.
TOGETHER = dict.fromkeys(["HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "CJK"], "JAPANESE")
# Words in the Unicode names of characters that are invisible (Default_Ignorable_Code_Point), or that only lengthen
# another letter.
UNSEEN = re.compile(r"\bFILLER\b|\bINHERENT\b|VARIATION SELECTOR|JOINER|TATWEEL|LAJANYALAN")
# No language stacks more marks on one letter (https://www.unicode.org/reports/tr39/#Optional_Detection).
STACKED = 4
# Bounds the length in normal form, where one character may become 18.
RAW_MAX = 1_000


class BadName(ValueError):
    """An invalid username; `reason` is short, long, characters, marks or mixed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def check(username: str, least: int = 3, most: int = 32, had: bool = False) -> str:
    """Validate a username; returns it in NFKC. Raises BadName.

    A name that the person already `had` may end with a mark or have two in a row, which was once allowed.
    """
    if len(username) > RAW_MAX:
        raise BadName("long")
    name = unicodedata.normalize("NFKC", username.strip())
    if len(name) < least:
        raise BadName("short")
    if len(name) > most:
        raise BadName("long")
    if not (name[:1].isalnum() and all(is_good(name, at) for at in range(len(name)))):
        raise BadName("characters")
    if not had and (name[-1] in MARKS or MARKS_IN_A_ROW.search(name)):
        raise BadName("marks")
    if len({script(letter) for letter in name} - {""}) > 1:
        raise BadName("mixed")
    return name


def is_good(name: str, at: int) -> bool:
    """Whether a character is a letter, a digit, one of the marks, or a combining mark on a letter."""
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
    """Whether the characters before a combining mark are a letter with marks."""
    return unicodedata.category(stack[-1])[0] in "LM"


def script(letter: str) -> str:
    """The script of a letter, as the first word of its Unicode name; '' for characters of no script."""
    first = unicodedata.name(letter, "UNKNOWN").split()[0]
    if unicodedata.category(letter)[0] not in "LM" or first == "COMBINING":
        return ""
    return TOGETHER.get(first, first)


def key(username: str) -> str:
    """The look-up key of a username, which ignores letter case and compatible forms."""
    folded = unicodedata.normalize("NFKC", username.strip()[:RAW_MAX]).casefold()
    return unicodedata.normalize("NFKC", folded)


def skeleton(username: str) -> str:
    """The skeleton of a username, equal for names that look alike.

    The skeleton of Unicode's TR39 (https://www.unicode.org/reports/tr39/#Confusable_Detection) of the folded name,
    folded again, so that letter case and look-alikes combine: Cyrillic ВОР matches BOP. Beyond TR39, it drops small
    details of letters (`plain`, `SLIGHT`) and marks at the end.
    """
    return skeleton_without_details(key(username))


def skeletons(username: str) -> set[str]:
    """All skeletons of a username: folded and as written, since Greek ΒΟΒ looks like BOB in capitals only.

    Half of them are by the former rules, which kept details: of closed accounts only those hashes are left.
    """
    written = unicodedata.normalize("NFKC", username.strip()[:RAW_MAX])
    forms = (key(username), written, written.upper())
    return {skeleton_of(form) for form in forms for skeleton_of in (skeleton_without_details, former_skeleton)}


def skeleton_without_details(name: str) -> str:
    """The skeleton without small details."""
    shown, is_i = "", False
    for letter in unicodedata.normalize("NFD", name):
        if unicodedata.category(letter)[0] == "M":
            # Any mark on an i may be mistaken for its dot.
            shown += "" if is_i or unicodedata.combining(letter) in SLIGHT or letter in DOTS else letter
            continue
        part = "".join(shape(plainer) for plainer in plain(letter))
        is_i = part in ("l", "j") and script(letter) in EUROPEAN
        shown += part
    shown = MARKS_IN_A_ROW.sub(lambda marks: marks[0][0], shown).strip(MARKS)
    return merge_pairs(shown)


# Combining classes of marks through, below and at the foot of a letter; dots and commas above.
SLIGHT = frozenset([1, 202, 214, 216, 218, 220, 222])
DOTS = frozenset("\u0307\u0310\u0312\u0313\u0314\u0315\u0358")
EUROPEAN = frozenset(["LATIN", "GREEK", "CYRILLIC"])
# Unicode names of letters derived from another one: small capitals, letters with a stroke, hook, tail or descender.
DERIVED = re.compile(
    r"(?P<script>LATIN|GREEK|CYRILLIC) (?:(?:SMALL|CAPITAL) )?LETTER "
    r"(?P<how>(?:SMALL CAPITAL |DOTLESS |SCRIPT |BARRED |INSULAR |STRETCHED |TAILLESS |SIDEWAYS )*)"
    r"(?P<base>[A-Z]+(?: [A-Z]+)??)(?P<with> WITH .+)?"
)
# Letters that look like another one, but are not named after it.
NAMED_OTHERWISE = {
    "ŋ": "n", "ɩ": "i", "ᵻ": "i", "ᴉ": "i", "ꟾ": "i", "ȷ": "j", "ꞁ": "l", "ꝇ": "l", "ƨ": "s", "ƽ": "s", "ᵾ": "u",
    "ʉ": "u", "ʘ": "o", "ꞌ": "", "ꞏ": "", "ꟷ": "-",
}  # fmt: skip


@cache
def plain(letter: str) -> str:
    """The base of a derived letter, in lower case; otherwise the letter itself."""
    small = letter.lower()
    if small in NAMED_OTHERWISE:
        return NAMED_OTHERWISE[small]
    derived = DERIVED.fullmatch(unicodedata.name(small, ""))
    if derived and (derived["how"] or derived["with"]):
        try:
            return unicodedata.lookup(f"{derived['script']} SMALL LETTER {derived['base']}")
        except KeyError:
            return letter
    return letter


def former_skeleton(name: str) -> str:
    """The skeleton by the former rules, with small details."""
    decomposed = unicodedata.normalize("NFD", name)
    shown = "".join(shape(letter) for letter in decomposed)
    return merge_pairs(shown)


def merge_pairs(shown: str) -> str:
    """Replace pairs of letters that look like one, and fold what that gives."""
    for pair, letter in PAIRS.items():
        shown = shown.replace(pair, letter)
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", shown).casefold())


# A capital I looks like l, so i and l are equal; Unicode's table has no pair for w.
SAME_IN_CAPITALS = {"i": "l"}
PAIRS = {"vv": "w"}


@cache
def shape(letter: str) -> str:
    """The plainest look-alike of a folded letter; that of its capital where only that is ASCII."""
    table = look_alikes()
    small = table.get(letter, letter).casefold()
    if not small.isascii():
        capital = table.get(letter.upper(), letter).casefold()
        small = capital if capital.isascii() else small
    return "".join(SAME_IN_CAPITALS.get(part, table.get(part, part)) for part in small)


@cache
def look_alikes() -> dict[str, str]:
    """Map each confusable character to its plainest look-alike.

    The list (from Unicode's confusables.txt) has each pair in both directions, so characters that share a look-alike
    are one group. A sequence in a group, such as rn for m, represents the group.
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
    """Remove the direction marks that the list puts around right-to-left letters."""
    return member.strip("\u200e")


def plainness(member: str) -> tuple[bool, bool, bool, bool, int, str]:
    """Sort key that puts a group's representative first: plain letters, sequences before single ones."""
    letters = member.isalpha()
    return (not member.isascii(), not letters, len(member) < 2, not member.islower(), len(member), member)
