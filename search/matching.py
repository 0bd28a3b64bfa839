"""What the index holds of a message, the query that finds it there, and the excerpt that shows why."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from search.folding import tokens
from search.question import YEARS, Question, Term
from search.stems import stem

WORD = re.compile(r"[^\W_]+")
AROUND = 40


# What the index holds: three columns, `text`, `forms` and `facts`. `text` is folded text, so that a phrase finds
# exactly what was written.


def forms(folded: str) -> str:
    """The stems of a folded text that do not stand in it as words anyway."""
    written = dict.fromkeys(WORD.findall(folded))
    stems = dict.fromkeys(map(stem, written))
    return " ".join(one for one in stems if one not in written)


@dataclass(frozen=True)
class Facts:
    """What else a message can be found by, in words of the index: c7 its chat, a3 its author, f a file, y2026 its year,

    m202601 and d20260131 its month and day, in UTC.
    """

    chat_id: int
    author_id: int
    created_at: datetime
    has_file: bool

    def __str__(self) -> str:
        day = self.created_at.astimezone(UTC).date()
        told = [f"c{self.chat_id}", f"a{self.author_id}", f"y{day:%Y}", f"m{day:%Y%m}", f"d{day:%Y%m%d}"]
        return " ".join([*told, *(["f"] if self.has_file else [])])


# The query. Every word in it is quoted, so nothing that people write is an operator
# (https://sqlite.org/fts5.html#fts5_strings).


def expression(question: Question, chats: Collection[int] | None, authors: Collection[int] | None) -> str:
    """An FTS5 expression for a question that is not empty.

    `chats` and `authors` are the ids that it is about; None for any.
    """
    asked = [written(term) for term in question.terms]
    if authors is not None:
        asked.append(facts(f"a{author}" for author in authors))
    if question.has_file:
        asked.append(facts(["f"]))
    if question.since or question.until:
        asked.append(facts(days(question.since, question.until)))
    if chats is not None:
        asked.append(facts(f"c{chat}" for chat in chats))
    return " AND ".join(asked)


def written(term: Term) -> str:
    phrase = f'text : "{" ".join(term.words)}"' + ("*" if term.begun else "")
    if term.exact:
        return phrase
    # The word as it stands may be what others have as their stem: красив is that of красивый, and has another itself.
    loose = [f'{{text forms}} : ("{word}" OR "{stem(word)}")' for word in term.words]
    if len(loose) == 1 and not term.begun:
        return loose[0]
    return f"({phrase} OR ({' AND '.join(loose)}))"


def facts(words: Collection[str] | Iterator[str]) -> str:
    """One of these facts; of no fact at all nothing is true."""
    return "facts : ({})".format(" OR ".join(f'"{word}"' for word in words) or '"none"')


def days(since: datetime | None, until: datetime | None) -> list[str]:
    """Facts of which each message of this time has one: whole years and months where they fit, else days.

    A day at either end may be longer than what is asked for.
    """
    first = since.astimezone(UTC).date() if since else date(YEARS[0], 1, 1)
    # The last moment before `until`, and no further than clocks that are wrong by a day.
    last = (until - timedelta(microseconds=1)) if until else datetime.now(UTC) + timedelta(days=1)
    return list(spans(first, last.astimezone(UTC).date()))


def spans(first: date, last: date) -> Iterator[str]:
    while first <= last:
        year_end = date(first.year, 12, 31)
        month_end = date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)
        if first.day == first.month == 1 and year_end <= last:
            yield f"y{first:%Y}"
            first = year_end
        elif first.day == 1 and month_end <= last:
            yield f"m{first:%Y%m}"
            first = month_end
        else:
            yield f"d{first:%Y%m%d}"
        first += timedelta(days=1)


# The hit


def snippet(text: str, question: Question, length: int = 160) -> str:
    """A safe HTML excerpt around the first word found, with each found one in `<mark>`."""
    line = " ".join(text.split())
    hits = list(found(line, question))
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


def found(line: str, question: Question) -> Iterator[tuple[int, int]]:
    """Where in a line the words and phrases of a question stand, in order, never overlapping."""
    if not question.terms:
        return
    here = list(tokens(line))
    # Words whose forms count, too.
    loose = {known for term in question.terms if not term.exact for word in term.words for known in (word, stem(word))}
    at = 0
    while at < len(here):
        fits = [len(term.words) for term in question.terms if stands(here, at, term)]
        word = here[at][0]
        if not fits and (word in loose or stem(word) in loose):
            fits = [1]
        if fits:
            yield here[at][1], here[at + max(fits) - 1][2]
        at += max(fits, default=1)


def stands(here: list[tuple[str, int, int]], at: int, term: Term) -> bool:
    """Whether the words of a term stand at a place as they are; the last one of a begun term may go on."""
    there = tuple(word for word, _, _ in here[at : at + len(term.words)])
    if term.begun and len(there) == len(term.words):
        return there[:-1] == term.words[:-1] and there[-1].startswith(term.words[-1])
    return there == term.words
