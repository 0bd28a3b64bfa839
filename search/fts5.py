"""The expression of SQLite's FTS5 for a question.

The index has three columns, `text`, `forms` and `facts`. `text` is the folded text, so that a phrase matches exactly.
Every word is quoted, so user input never becomes an operator (https://sqlite.org/fts5.html#fts5_strings).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from search.matching import alternatives, days
from search.question import Question, Term
from search.stems import stem

# The indexed words that begin with some letters; None when they are many, or FTS5 finds them fast by itself.
Completions = Callable[[str], Collection[str] | None]


def expression(
    question: Question,
    chats: Collection[int] | None,
    authors: Collection[int] | None,
    completions: Completions = lambda beginning: None,
) -> str:
    """The FTS5 expression of a question that is not empty.

    `chats` and `authors` are the ids to restrict it to; None for any.
    """
    asked = [written(term, completions) for term in question.terms]
    if authors is not None:
        asked.append(facts(f"a{author}" for author in authors))
    if question.has_file:
        asked.append(facts(["f"]))
    if question.since or question.until:
        asked.append(facts(days(question.since, question.until)))
    if chats is not None:
        asked.append(facts(f"c{chat}" for chat in chats))
    return " AND ".join(asked)


def written(term: Term, completions: Completions) -> str:
    """The expression of one term."""
    phrase, loose = alternatives(term)
    asked = []
    if phrase:
        asked.append(f"text : {phrase_written(phrase, term.partial, completions)}")
    if loose:
        each = [f'{{text forms}} : ("{word}" OR "{stem(word)}")' for word in loose]
        asked.append(each[0] if len(each) == 1 else f"({' AND '.join(each)})")
    return asked[0] if len(asked) == 1 else f"({' OR '.join(asked)})"


def phrase_written(phrase: tuple[str, ...], is_partial: bool, completions: Completions) -> str:
    """A phrase whose last word may be longer, if it is partial.

    FTS5 first collects all messages with any word of that beginning; if the few words are named instead, it reads on
    only as far as it is asked to.
    """
    *before, last = phrase
    if not is_partial:
        return f'"{" ".join(phrase)}"'
    words = completions(last)
    if words is None:
        return f'"{" ".join(phrase)}"*'
    named = [f'"{" ".join([*before, word])}"' for word in words or [last]]
    return named[0] if len(named) == 1 else f"({' OR '.join(named)})"


def facts(words: Collection[str] | Iterator[str]) -> str:
    """The expression for any of these facts; without facts it matches nothing."""
    return "facts : ({})".format(" OR ".join(f'"{word}"' for word in words) or '"none"')
