"""What somebody asks: words, phrases in quotes, and filters like from:ann, in English and Russian."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from search.folding import tokens

# Of a longer question the rest is left out, and of one with more words too.
LONGEST = 1000
WORDS_MAX = 32
# Years that a message can be of.
YEARS = range(1970, 2200)

# A filter's name and value, a phrase, or a word, whichever comes next. A quotation mark left open closes at the end.
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
    """Words that stand side by side, folded. Where it is not `exact`, other forms of them do, too."""

    words: tuple[str, ...]
    exact: bool
    # The last word may go on, as people search while they type.
    begun: bool = False


class Filter(NamedTuple):
    """A filter as it was written: `name` is the English one."""

    name: str
    value: str


@dataclass(frozen=True)
class Question:
    """What is asked for. Every term must be there; of several authors or chats any one."""

    terms: tuple[Term, ...] = ()
    authors: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    # Messages written at `since` or later, and earlier than `until`.
    since: datetime | None = None
    until: datetime | None = None
    has_file: bool = False
    # Filters that say nothing: no such day, no such thing to have.
    unknown: tuple[Filter, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing at all."""
        return self == Question()


def read(q: str, zone: tzinfo = UTC) -> Question:
    """Take a question apart. Days begin and end in `zone`."""
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
    found = [Term(words, exact=True) for words in map(folded, phrases) if words]
    loose = [term for term in map(loose_term, single) if term.words]
    if loose and len(found) + len(loose) <= WORDS_MAX:
        loose[-1] = loose[-1]._replace(begun=True)
    return tuple([*found, *loose][:WORDS_MAX])


def loose_term(part: str) -> Term:
    """A part of a question without quotes. One that falls into several words is a phrase (3.14, a name@of.one);

    words with a hyphen have forms all the same (кафе-бар, кафе-бары).
    """
    words = folded(part)
    is_joined = "-" in part and all(len(word) > 2 and word.isalpha() for word in words)
    return Term(words, exact=len(words) > 1 and not is_joined)


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
        authors=tuple(value for name, value in filters if name == "from"),
        titles=tuple(value for name, value in filters if name == "in"),
        since=max(since, default=None),
        until=min(until, default=None),
        has_file=any(name == "has" and value.casefold() in FILES for name, value in filters),
        unknown=tuple(unknown),
    )


def period_of(value: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """The first moment of a day, month or year, and the first one after it; None when there is none like that.

    2026-01-31, 31.01.2026, 2026-01, 2026, today, yesterday.
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
    """None for the 31st of February."""
    try:
        return make()
    except ValueError:
        return None


def period(year: int, month: int, day: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """A day; without a day a month, without a month a year. Raises ValueError."""
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
