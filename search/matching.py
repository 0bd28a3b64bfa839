"""What the index stores of a message, what a question asks of it, and the snippet that shows why it was found."""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from lib.characters import GRAPHEME, boundary
from search.folding import APOSTROPHES, tokens, without_apostrophes
from search.question import YEARS, Question, Term
from search.stems import stem

AROUND = 40
# How many positions of a text are tried for a snippet, and how many characters are folded there.
PLACES_TRIED = 2
PIECE = 320


def forms(folded: str, text: str = "") -> str:
    """The stems of a folded text, and its words without apostrophes, except those that it contains as words anyway."""
    written = dict.fromkeys(folded.split())
    stems = dict.fromkeys(form for word in [*written, *without_apostrophes(text)] for form in (word, stem(word)))
    return " ".join(one for one in stems if one not in written)


@dataclass(frozen=True)
class Facts:
    """The properties to filter by, as words of the index: c7 the chat, a3 the author, f with a file, and y2026, m202601
    and d20260131 the year, month and day in UTC.
    """

    chat_id: int
    author_id: int
    created_at: datetime
    has_file: bool

    def __str__(self) -> str:
        day = f"{self.created_at.astimezone(UTC):%Y%m%d}"
        words = [f"c{self.chat_id}", f"a{self.author_id}", f"y{day[:4]}", f"m{day[:6]}", f"d{day}"]
        return " ".join([*words, *(["f"] if self.has_file else [])])


class Alternatives(NamedTuple):
    """What a message must contain for a term: the words of the phrase side by side, the last one perhaps longer if the
    term is partial; or, in any form, each of the loose words. An empty one matches nothing.
    """

    phrase: tuple[str, ...]
    loose: tuple[str, ...]


def alternatives(term: Term) -> Alternatives:
    """The two ways in which a term matches."""
    if term.without_apostrophe:
        return Alternatives(term.words, (term.without_apostrophe,))
    if term.exact:
        return Alternatives(term.words, ())
    # The word itself may also be another word's stem: красив is that of красивый, but has a different stem itself.
    if len(term.words) == 1 and not term.partial:
        return Alternatives((), term.words)
    return Alternatives(term.words, term.words)


def days(since: datetime | None, until: datetime | None) -> list[str]:
    """The facts that cover a period: whole years and months where they fit, else days.

    The first and last day may extend beyond the period.
    """
    return list(spans(*days_between(since, until)))


def days_between(since: datetime | None, until: datetime | None) -> tuple[date, date]:
    """The first and last day of a period in UTC."""
    first = since.astimezone(UTC).date() if since else date(YEARS[0], 1, 1)
    # The last moment before `until`, or tomorrow, in case of wrong clocks.
    last = (until - timedelta(microseconds=1)) if until else datetime.now(UTC) + timedelta(days=1)
    return first, last.astimezone(UTC).date()


def spans(first: date, last: date) -> Iterator[str]:
    """The facts that cover the days from the first to the last."""
    while first <= last:
        if first.day == first.month == 1 and year_end(first) <= last:
            yield f"y{first:%Y}"
            first = year_end(first)
        elif first.day == 1 and month_end(first) <= last:
            yield f"m{first:%Y%m}"
            first = month_end(first)
        else:
            yield f"d{first:%Y%m%d}"
        first += timedelta(days=1)


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)


def year_end(day: date) -> date:
    """The last day of a day's year."""
    return date(day.year, 12, 31)


# Snippets


def snippet(text: str, question: Question, length: int = 160, otherwise: Iterable[str] = ()) -> str:
    """A safe HTML excerpt around the first match, with each match in `<mark>`.

    `otherwise` are alternative texts to try when the first has no match, for example with the addresses of links.
    """
    line = " ".join(text.split())
    hits = first_hits(line, question)
    if question.terms and not hits:
        for reading in otherwise:
            other = " ".join(reading.split())
            if hits := first_hits(other, question):
                line = other
                break
    return marked(line, hits, length)


def marked(line: str, hits: list[tuple[int, int]], length: int) -> str:
    """The excerpt of a line with its matches marked; graphemes stay whole."""
    start = max(0, min(hits[0][0] - AROUND, len(line) - length)) if hits else 0
    if start and (space := line.find(" ", start, hits[0][0])) > 0:
        start = space + 1
    start = boundary(line, start)
    end = boundary(line, start + length)
    # Computed once: from each match anew, a text of nothing but combining marks would take seconds.
    cuts = [start, *(character.end() for character in GRAPHEME.finditer(line, start, end))]
    shown, at = [], start
    for left, right in takewhile(lambda hit: hit[0] < end, hits):
        left, right = cuts[bisect_right(cuts, left) - 1], cuts[bisect_left(cuts, min(right, end))]
        if at <= left < right:
            shown.append(f"{html.escape(line[at:left])}<mark>{html.escape(line[left:right])}</mark>")
            at = right
    shown.append(html.escape(line[at:end]))
    return ("…" if start else "") + "".join(shown) + ("…" if end < len(line) else "")


def first_hits(line: str, question: Question) -> list[tuple[int, int]]:
    """The first matches in a line. Only short pieces at likely positions are folded.

    Folding a text of 10,000 characters with positions takes 25 ms, and a page may show a hundred of them.
    """
    for start in islice(likely_positions(line, question), PLACES_TRIED):
        end = start + PIECE
        hits = [(start + left, start + right) for left, right in find_matches(line[start:end], question)]
        # A word cut off at the end of the piece may be a different word, unless it fills the piece.
        hits = [hit for hit in hits if hit[0] == start or hit[1] < end or end >= len(line)]
        if hits:
            return hits
    return []


def likely_positions(line: str, question: Question) -> Iterator[int]:
    """The positions where a word begins like one of the question, ignoring case; then the beginning."""
    plain = line.lower().replace("ё", "е")
    words = {known for term in question.terms for word in term.words for known in (word, stem(word)) if known}
    end = 0
    if words and len(plain) == len(line):
        begins = re.compile(r"(?<![^\W_])(?:{})".format("|".join(map(re.escape, words))))
        for place in begins.finditer(plain):
            if place.start() >= end:
                yield place.start()
                end = place.start() + PIECE
    yield 0
    yield PIECE


def find_matches(line: str, question: Question) -> Iterator[tuple[int, int]]:
    """The matches of a question's words and phrases in a line, in order and not overlapping."""
    if not question.terms:
        return
    # One letter may fold into four words (ﷺ): look at no more words than there are letters.
    words = list(islice(tokens(line), PIECE))
    partial = [term for term in question.terms if term.partial]
    by_word: dict[str, list[Term]] = {}
    for term in dict.fromkeys(question.terms):
        by_word.setdefault(term.words[0], []).append(term)
    # Words of which other forms match too.
    loose_words = [
        word
        for term in question.terms
        for word in (term.words if not term.exact else ()) or (term.without_apostrophe,)
        if word
    ]
    loose_forms = {form for word in loose_words for form in (word, stem(word))}
    at = 0
    while at < len(words):
        lengths = [
            len(term.words) for term in [*by_word.get(words[at][0], ()), *partial] if matches_at(words, at, term)
        ]
        word, count = elided(line, words, at)
        if count > 1 and (word in loose_forms or stem(word) in loose_forms):
            lengths.append(count)
        word = words[at][0]
        if not lengths and (word in loose_forms or stem(word) in loose_forms):
            lengths = [1]
        if lengths:
            yield words[at][1], words[at + max(lengths) - 1][2]
        at += max(lengths, default=1)


def elided(line: str, words: list[tuple[str, int, int]], at: int) -> tuple[str, int]:
    """A word without its apostrophes, and how many words of the index it consists of: for don’t, 2."""
    word, _, end = words[at]
    count = 1
    while at + count < len(words) and words[at + count][1] == end + 1 and line[end] in APOSTROPHES:
        word, end, count = word + words[at + count][0], words[at + count][2], count + 1
    return word, count


def matches_at(words: list[tuple[str, int, int]], at: int, term: Term) -> bool:
    """Whether the words of a term match exactly at a position; the last word of a partial term may be longer."""
    there = tuple(word for word, _, _ in words[at : at + len(term.words)])
    if term.partial and len(there) == len(term.words):
        return there[:-1] == term.words[:-1] and there[-1].startswith(term.words[-1])
    return there == term.words
