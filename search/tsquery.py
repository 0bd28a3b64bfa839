"""What Postgres' full-text index stores of a message, and the expressions of a question.

Lexemes are our own words, written out and cast, so that no dictionary, language or extension of the server matters
(https://www.postgresql.org/docs/current/datatype-textsearch.html). A word stands as it is, with its positions; a form
begins with `~`, a fact with `#`. Words begin with a letter or digit, so none of these looks like another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import NamedTuple

from search.matching import alternatives, days_between, month_end, spans
from search.question import Question, Term
from search.stems import stem

# A lexeme has at most 2,046 bytes: a longer word is stored in pieces of so many characters of up to four bytes.
PIECE = 400
# A lexeme has at most 255 positions, the last of which is 16,383.
POSITIONS_MAX, LAST_POSITION = 255, 16_382
# A vector has at most 1 MB. Only with a MESSAGE_MAX of ten times the default a message may be longer; it is found by
# its first words then.
BYTES_MAX = 900_000
# Blocks of ids: 4,096 on the lowest level, on each of the others eight times as many as on the one below.
BLOCK_BITS, LEVEL_BITS, LEVELS = 12, 3, 5
# A longer period is widened to whole months.
DAYS_NAMED = 31


class Entry(NamedTuple):
    """A row of the index: the vector, and the folded text between two spaces if a vector can't hold all positions."""

    vector: str
    folded: str | None


def entry(message_id: int, folded: str, forms: str, facts: str) -> Entry:
    """The row of a message, from what search.fold, search.forms and search.Facts found in it."""
    known_facts = facts.split()
    known_facts += [decade(fact) for fact in known_facts if fact.startswith("y")]
    known_facts += [block(level, message_id) for level in range(LEVELS)]
    places: dict[str, list[int]] = {fact_lexeme(fact): [] for fact in known_facts}
    is_complete = True
    for place, word in enumerate(folded.split(), 1):
        for lexeme in lexemes(word):
            known = places.setdefault(lexeme, [])
            if place > LAST_POSITION or len(known) == POSITIONS_MAX:
                is_complete = False
            else:
                known.append(place)
    places |= {form_lexeme(form): [] for form in forms.split()}
    return Entry(" ".join(within_bounds(places)), None if is_complete else f" {folded} ")


def within_bounds(places: dict[str, list[int]]) -> Iterator[str]:
    """The lexemes with their positions, as many as a vector can hold."""
    size = 0
    for lexeme, positions in places.items():
        size += len(lexeme.encode()) + 2 * len(positions) + 8
        if size > BYTES_MAX:
            return
        yield quoted(lexeme) + (f":{','.join(map(str, positions))}" if positions else "")


def lexemes(word: str) -> Iterator[str]:
    """The lexemes of a word: its own, and those of a long word's beginnings."""
    yield word_lexeme(word)
    for end in range(PIECE, len(word), PIECE):
        # The space distinguishes it from a word that ends here.
        yield f"{word_lexeme(word[:end])} "


def word_lexeme(word: str) -> str:
    """The lexeme of a word. That of a long one is its last piece, after a digest of those before.

    Begins with the lexeme of any beginning of the word that has as many pieces.
    """
    start = (len(word) - 1) // PIECE * PIECE
    before = blake2b(word[:start].encode(), digest_size=16).hexdigest() if start else ""
    return f"+{before}{word[start:]}" if start else word


def form_lexeme(form: str) -> str:
    return f"~{word_lexeme(form)}"


def fact_lexeme(fact: str) -> str:
    return f"#{fact}"


def block(level: int, message_id: int) -> str:
    """The fact that a message is in a block of ids."""
    return f"b{level}x{message_id >> BLOCK_BITS + level * LEVEL_BITS}"


def quoted(lexeme: str) -> str:
    """A lexeme as it is written in vectors and expressions."""
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


# Questions. The index (GIN) knows which messages have a lexeme, but not where; and for the beginning of a word it must
# collect the messages of all words that begin so, however few of them matter. So it is asked for less where that is
# cheaper, and what it finds is compared with the row.


class Check(NamedTuple):
    """What a row must match: an expression; or, where it has the folded text, contain this part of it."""

    expression: str
    part: str | None = None


class Plan(NamedTuple):
    """What to ask the index for ('' for anything), and what the rows that it finds must match then."""

    expression: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class ScopedQuestion:
    """A question that is not empty, with the ids of the chats and authors to restrict it to; None for any.

    Does not restrict more closely than to days: the times of messages are compared elsewhere.
    """

    question: Question
    chats: Collection[int] | None
    authors: Collection[int] | None

    @property
    def beginning(self) -> str:
        """The lexeme of the word that may be longer; '' without one."""
        return next((word_lexeme(term.words[-1]) for term in self.question.terms if term.partial), "")

    @property
    def any_completion(self) -> str:
        """The expression for all words with that beginning."""
        return f"{quoted(self.beginning)}:*"

    def checks(self) -> tuple[Check, ...]:
        """What a row must match that was found without the index."""
        simple = [exactly(term) for term in self.question.terms if not is_phrase(term)]
        asked = " & ".join([*simple, *self._facts()])
        return (*([Check(asked)] if asked else []), *map(check, filter(is_phrase, self.question.terms)))

    def plan(self, last: str) -> Plan:
        """How to ask the index; `last` is the expression for the word that may be longer, '' leaves it out."""
        asked = [broadly(term, last) for term in self.question.terms] + self._facts()
        inexact = [term for term in self.question.terms if is_phrase(term) or (term.partial and not last)]
        return Plan(" & ".join(filter(None, asked)), tuple(map(check, inexact)))

    def plan_except(self, last: str) -> Plan:
        """How to ask the index for what matches, but not with one of some words as the last."""
        expression, checks = self.plan(self.any_completion)
        known = " & ".join(broadly(term, last) for term in self.question.terms if term.partial)
        return Plan(f"{expression} & !({known})", checks)

    def _facts(self) -> list[str]:
        question = self.question
        asked = [] if self.authors is None else [any_fact(f"a{author}" for author in self.authors)]
        if question.has_file:
            asked.append(any_fact(["f"]))
        if question.since or question.until:
            asked.append(any_fact(period(*days_between(question.since, question.until))))
        if self.chats is not None:
            asked.append(any_fact(f"c{chat}" for chat in self.chats))
        return asked


def is_phrase(term: Term) -> bool:
    """Whether it matters in which order words stand."""
    return len(alternatives(term).phrase) > 1


def check(term: Term) -> Check:
    """The check that a row matches a term."""
    # The part begins where a word begins, and ends where one ends, unless that may be longer.
    part = f" {' '.join(term.words)}{'' if term.partial else ' '}"
    return Check(exactly(term), part if is_phrase(term) else None)


def exactly(term: Term) -> str:
    """The expression of a term."""
    return either(" <-> ".join(words_of(term)), any_form(term))


def broadly(term: Term, last: str) -> str:
    """An expression that is true wherever the term's is, whatever the order of words; '' if it is true anywhere.

    `last` stands for the last word if that may be longer; '' leaves it out.
    """
    words = words_of(term)
    if term.partial:
        words = [*words[:-1], *([last] if last else [])]
        if not words:
            return ""
    return either(" & ".join(words), any_form(term))


def words_of(term: Term) -> list[str]:
    """The words of a term's phrase; the last one perhaps a beginning."""
    words = [quoted(word_lexeme(word)) for word in alternatives(term).phrase]
    return [*words[:-1], f"{words[-1]}:*"] if words and term.partial else words


def any_form(term: Term) -> str:
    """The expression for each of a term's loose words in any form."""
    return " & ".join(
        any_of(
            lexeme for form in dict.fromkeys([word, stem(word)]) for lexeme in (word_lexeme(form), form_lexeme(form))
        )
        for word in alternatives(term).loose
    )


def either(*expressions: str) -> str:
    """The expression that one of these matches, of which some may be empty."""
    return "({})".format(" | ".join(f"({expression})" for expression in expressions if expression))


def any_of(lexemes: Iterable[str]) -> str:
    """The expression for any of these lexemes; without any it matches nothing."""
    lexemes = list(lexemes) or [fact_lexeme("none")]
    return "({})".format(" | ".join(map(quoted, lexemes)))


def any_fact(facts: Iterable[str]) -> str:
    """The expression for any of these facts; without facts it matches nothing."""
    return any_of(map(fact_lexeme, facts))


def blocks(level: int, numbers: Iterable[int]) -> str:
    """The expression for any of these blocks of ids."""
    return any_fact(f"b{level}x{number}" for number in numbers)


def period(first: date, last: date) -> list[str]:
    """Few facts that cover the days from the first to the last, and perhaps some around them.

    The index merges the messages of each fact.
    """
    if (last - first).days >= DAYS_NAMED:
        first, last = first.replace(day=1), month_end(last)
    facts = list(spans(first, last))
    years = Counter(decade(fact) for fact in facts if fact.startswith("y"))
    whole = [known for known, count in years.items() if count == 10]
    return [*whole, *(fact for fact in facts if decade(fact) not in whole)]


def decade(year: str) -> str:
    """The fact for the decade of a year's fact: y202."""
    return year[:4]
