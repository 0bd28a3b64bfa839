"""Parsing a message's text: its mentions, and its HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lib import richtext, usernames
from models.chat import Membership
from models.mention import element
from models.message import Message
from models.user import Claim, User

# A message has at most this many mentioned people and mentions; the rest is plain text. A rename rewrites all of them.
NAMES_MAX = PLACES_MAX = 100
AT = re.compile("[@\uff20\ufe6b]")
# Scripts written without spaces between words, or before endings.
UNSPACED = {"JAPANESE", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR"}
# A username of 32 letters may be longer before normalization (NFKC).
SPELLED_MAX = 64
RUN_MAX = 2_000
# Markdown's signs for bold, italic and strikethrough.
SIGNS = "*_~"
# After one of these an “@” is part of an address.
JOINING = frozenset(".+-/\\@=&#%")
PLACE = re.compile(r'<span class="mention-(\d+)"></span>')


@dataclass(frozen=True)
class ParsedText:
    """A text with the people it mentions, and its HTML with their names as of parsing."""

    text: str
    html: str
    marks: list[richtext.Mark]
    people: dict[int, str]

    @classmethod
    def of(cls, membership: Membership, text: str, before: Message | None = None) -> ParsedText:
        """Parse a text for a chat. People mentioned in the message `before` the edit may have left."""
        known, marks = recognized(membership, text, before) if AT.search(text) else ({}, [])
        rendered, marks = richtext.read(text, marks)
        people = {user_id: known[user_id] for _, _, user_id in marks}
        html = PLACE.sub(lambda place: element(int(place[1]), people[int(place[1])]), rendered)
        return cls(text, html, marks, people)

    def refresh(self, membership: Membership, before: Message | None = None) -> ParsedText:
        """Parse again if a name has changed. Call it under the write lock."""
        if not self.people:
            return self
        present = User.select(User.id, User.username).where(User.id.in_(list(self.people)), User.deleted_at.is_null())
        now = {user.id: user.username for user in present}
        return self if now == self.people else ParsedText.of(membership, self.text, before)


def recognized(membership: Membership, text: str, before: Message | None) -> tuple[dict[int, str], list[richtext.Mark]]:
    """The members mentioned in a text, and where."""
    places = list(spelled(text))
    wanted = {spelling: None for _, spellings in places for spelling in spellings}
    people = members_by_spelling(
        membership, list(wanted)[:NAMES_MAX], [person["id"] for person in before.mentions] if before else []
    )
    marks: list[richtext.Mark] = []
    for at, spellings in places:
        # An exact name wins over a look-alike, and a trailing full stop is rather not part of the name.
        called_so = (spelling for spelling in spellings if spelling in people)
        meant = min(called_so, key=lambda s: usernames.key(s) != people[s].username_key, default=None)
        if meant is not None and len(marks) < PLACES_MAX:
            marks.append((at, len(meant) + 1, people[meant].id))
    return {user.id: user.username for user in people.values()}, marks


def spelled(text: str) -> Iterator[tuple[int, list[str]]]:
    """The positions where an “@” begins a name, with the possible names, the likeliest first.

    “@ann.” may end a sentence, or be an old account “ann.”. A name is of one script and ends where another begins
    (“@ann-у”, “@ann你好”); in a script without spaces it may end anywhere.
    """
    for at in (found.start() for found in AT.finditer(text)):
        name = name_from(text, at + 1)
        core = name.rstrip(usernames.MARKS)
        if not core or not begins(text, at, script_of(core)):
            continue
        spellings = [core + name[len(core) : length] for length in range(len(core), len(name) + 1)]
        if script_of(core) in UNSPACED:
            spellings += [core[:length] for length in range(len(core) - 1, 0, -1)]
        yield at, spellings


def name_from(text: str, start: int) -> str:
    """The longest possible name at a position, all of one script."""
    end, script = start, ""
    while end < min(len(text), start + SPELLED_MAX) and is_in_name(text[end]):
        next_script = usernames.script(text[end])
        if next_script and script and next_script != script:
            break
        end, script = end + 1, script or next_script
    return text[start:end]


def script_of(name: str) -> str:
    return next((script for script in map(usernames.script, name) if script), "")


def is_in_name(letter: str) -> bool:
    return letter in usernames.MARKS or unicodedata.category(letter)[0] in "LMN"


def begins(text: str, at: int, script: str) -> bool:
    """Whether the “@” at a position, followed by a name of `script`, begins a word that is not an address."""
    first = at
    while first and text[first - 1] in SIGNS:
        first -= 1
    if first and (text[first - 1] in JOINING or is_in_name(text[first - 1])):
        before = usernames.script(text[first - 1])
        # No address has Latin letters on one side only, or a script without spaces on any side.
        return before in UNSPACED or before not in ("", "LATIN", script)
    run = text[max(0, at - RUN_MAX) : at].rsplit(None, 1)
    address = run[-1].lower() if run and not text[at - 1].isspace() else ""
    return "://" not in address and not address.startswith(("www.", "mailto:"))


def members_by_spelling(
    membership: Membership, spellings: Collection[str], already_mentioned: Collection[int]
) -> dict[str, User]:
    """Find people by spellings of their usernames: in any letter case, or look-alikes.

    They are members of the chat, or among the ids `already_mentioned` before an edit.
    """
    if not spellings:
        return {}
    keys = {spelling: usernames.key(spelling) for spelling in spellings}
    named = User.username_key.in_(set(keys.values()))
    people = list(membership.people().where(named))
    if already_mentioned:
        people.extend(User.select().where(User.id.in_(list(already_mentioned)), named))
    by_key = {user.username_key: user for user in people}
    found = {spelling: by_key[key] for spelling, key in keys.items() if key in by_key}
    # No one else may have a look-alike of a name, so it can only mean its owner.
    unknown = sorted((spelling for spelling in spellings if spelling not in found), key=len, reverse=True)
    looks = {digest: spelling for spelling in unknown for digest in Claim.digests(spelling)}
    if looks:
        alike = (
            membership.people()
            .switch(User)
            .join(Claim, on=(Claim.user == User.id))
            .where(Claim.digest.in_(list(looks)))
        )
        for user in alike.select_extend(Claim.digest.alias("digest")).objects():
            found[looks[user.digest]] = user
    return found
