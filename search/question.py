"""Parsing a search query: words, quoted phrases, and filters like from:ann, in English and Russian."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from search.folding import tokens, without_apostrophes

# Longer queries are cut off, as are those with more words, authors or chats.
LONGEST = 1000
WORDS_MAX = 32
# Years accepted in filters.
YEARS = range(1970, 2200)

# A filter's name and value, a phrase, or a word. An open quotation mark closes at the end.
PART = re.compile(r'([^\W\d_]+):(?:"([^"]*)"?|([^\s"]+))|"([^"]*)"?|([^\s"]+)')
NAMES = {
    "from": "from", "от": "from",
    "in": "in", "в": "in",
    "before": "before", "до": "before",
    "after": "after", "после": "after",
    "has": "has", "есть": "has",
}  # fmt: skip
FILES = {"file", "files", "файл", "файлы"}
DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
RUSSIAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
DAYS_AGO = {"today": 0, "сегодня": 0, "yesterday": 1, "вчера": 1}


class Term(NamedTuple):
    """Adjacent words, folded. Unless `exact`, other forms of them match too."""

    words: tuple[str, ...]
    exact: bool
    # The last word may be the beginning of a longer one, as people search while they type.
    partial: bool = False
    # A word with an apostrophe, without it: dont.
    without_apostrophe: str = ""


class Filter(NamedTuple):
    """A filter as typed; `name` is in English."""

    name: str
    value: str


@dataclass(frozen=True)
class Question:
    """A parsed query. All terms must match; of several authors or chats any one."""

    terms: tuple[Term, ...] = ()
    authors: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    # Messages written at `since` or later, and earlier than `until`.
    since: datetime | None = None
    until: datetime | None = None
    has_file: bool = False
    # Filters with an invalid value.
    unknown: tuple[Filter, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it contains neither words nor filters."""
        return self == Question()


def read(q: str, zone: tzinfo = UTC) -> Question:
    """Parse a query. Days begin and end in `zone`."""
    phrases: list[str] = []
    single: list[str] = []
    filters: list[Filter] = []
    for part in PART.finditer(q[:LONGEST]):
        name, quoted, value, phrase, word = part.groups()
        if name and (known := NAMES.get(name.casefold())):
            filters.append(Filter(known, (quoted if value is None else value).strip()))
        elif phrase is not None:
            phrases.append(phrase)
        elif quoted is not None:
            single.append(name)
            phrases.append(quoted)
        else:
            single.append(word or part.group())
    return question(terms(phrases, single), filters, zone)


def terms(phrases: list[str], single: list[str]) -> tuple[Term, ...]:
    """The terms of a query with at most WORDS_MAX words in all; a longer phrase is cut off.

    A phrase costs its length times the message's length for each message that contains its words.
    """
    found = [Term(words, exact=True) for words in map(folded, phrases) if words]
    loose = [term for term in map(loose_term, single) if term.words]
    kept: list[Term] = []
    words_left = WORDS_MAX
    for term in [*found, *loose]:
        if len(term.words) > words_left:
            kept += [term._replace(words=term.words[:words_left], without_apostrophe="")] if words_left else []
            return tuple(kept)
        words_left -= len(term.words)
        kept.append(term)
    if loose:
        kept[-1] = kept[-1]._replace(partial=True)
    return tuple(kept)


def loose_term(part: str) -> Term:
    """The term of an unquoted part. Several words in it are a phrase (3.14, name@example.com), but hyphenated words may
    have other forms (кафе-бар, кафе-бары).
    """
    words = folded(part)
    is_hyphenated = "-" in part and all(len(word) > 2 and word.isalpha() for word in words)
    without_apostrophe = "".join(words)
    return Term(
        words,
        exact=len(words) > 1 and not is_hyphenated,
        without_apostrophe=without_apostrophe if without_apostrophes(part) == [without_apostrophe] else "",
    )


def folded(part: str) -> tuple[str, ...]:
    return tuple(word for word, _, _ in tokens(part))


def question(terms: tuple[Term, ...], filters: list[Filter], zone: tzinfo) -> Question:
    since: list[datetime] = []
    until: list[datetime] = []
    unknown: list[Filter] = []
    for name, value in filters:
        if name == "has" and value.casefold() not in FILES:
            unknown.append(Filter(name, value))
        if name in ("before", "after"):
            period = period_of(value, zone)
            if period is None:
                unknown.append(Filter(name, value))
            elif name == "before":
                until.append(period[0])
            else:
                since.append(period[1])
    return Question(
        terms,
        authors=values(filters, "from"),
        titles=values(filters, "in"),
        since=max(since, default=None),
        until=min(until, default=None),
        has_file=any(name == "has" and value.casefold() in FILES for name, value in filters),
        unknown=tuple(unknown),
    )


def values(filters: list[Filter], name: str) -> tuple[str, ...]:
    """The values of the filters with this name, each once."""
    return tuple(dict.fromkeys(filter.value for filter in filters if filter.name == name))[:WORDS_MAX]


def period_of(value: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """The first moment of a day, month or year, and the first one after it; None for an invalid one.

    Accepts 2026-01-31, 31.01.2026, 2026-01, 2026, today, yesterday.
    """
    if value.casefold() in DAYS_AGO:
        first = datetime.now(zone).date() - timedelta(days=DAYS_AGO[value.casefold()])
        return midnight(first, zone), midnight(first + timedelta(days=1), zone)
    if russian := RUSSIAN_DATE.fullmatch(value):
        day, month, year = map(int, russian.groups())
    elif written := DATE.fullmatch(value):
        year, month, day = (int(number) if number else 0 for number in written.groups())
    else:
        return None
    return existing(lambda: period(year, month, day, zone)) if year in YEARS else None


def existing(
    make: Callable[[], tuple[datetime, datetime]],
) -> tuple[datetime, datetime] | None:
    """Call `make`; None for an invalid date such as the 31st of February."""
    try:
        return make()
    except ValueError:
        return None


def period(year: int, month: int, day: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """The period of a day; with day 0 of a month, with month 0 of a year. Raises ValueError."""
    first = date(year, month or 1, day or 1)
    if day:
        after = first + timedelta(days=1)
    elif month:
        after = date(year + month // 12, month % 12 + 1, 1)
    else:
        after = date(year + 1, 1, 1)
    return midnight(first, zone), midnight(after, zone)


def midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
