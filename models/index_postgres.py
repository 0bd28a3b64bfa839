"""The search index in Postgres: a table of vectors with a GIN index (the chapter of that name in Postgres' manual).

GIN returns matches unordered: it collects all of them before it returns the first. So that a common word among millions
of messages takes no longer than a rare one, a search goes back from the newest message in parts, each some times larger
than the one before, until it has found enough (docs/decisions/0043-search-on-postgres.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import peewee

from models.search_index import IndexQuery, Row, SearchIndex
from search import tsquery
from search.tsquery import BLOCK_BITS, LEVEL_BITS, LEVELS, Check, Plan, ScopedQuestion, any_of

ADD = "INSERT INTO message_index (rowid, words, folded) VALUES (?, ?::tsvector, ?)"
ADD_MANY = "COPY message_index (rowid, words, folded) FROM STDIN"
# With fastupdate, new rows wait in a pending list, and the insert that fills it (one in a few thousand) takes most of a
# second.
MAKE_INDEX = "CREATE INDEX message_index_words ON message_index USING gin (words) WITH (fastupdate = off)"
ABOVE_ALL_IDS = 2**62
# So many of the newest messages are compared one by one: a common word is among them. It takes a millisecond, and 60 if
# all are of 10,000 characters.
NEWEST = 1_000
# With as many hits, a part is looked through in smaller parts instead.
HITS_MAX = 250
# So many messages are compared in a few milliseconds. Where a part has more that match everything but the beginning of
# a word, and few that match it, the index is asked for that too: it collects all messages with any such word, which
# takes 40 ms for a million.
CANDIDATES = 2_000
# How many words that begin so are named instead.
COMPLETIONS_MAX = 32
# What a search may use at most. In less, the index can't tell apart the messages of a page where very many match, and
# each has to be compared: with 4 MB, the server's default, among a million messages and more.
MEMORY = "64MB"


class PostgresIndex(SearchIndex):
    """Columns: `words`, the vector; and `folded`, see tsquery.Entry."""

    def add(self, row: Row) -> None:
        self.database.execute_sql(ADD, (row[0], *tsquery.entry(*row)))

    def add_many(self, rows: Iterable[Row]) -> None:
        with peewee.__exception_wrapper__, self.database.connection().cursor().copy(ADD_MANY) as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row((row[0], *tsquery.entry(*row)))

    def find(self, query: IndexQuery) -> list[int]:
        return list(islice(Search(self.database, query).newest_first(), query.limit))

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        # Rebuilt at the end: five times faster.
        self.database.execute_sql("DROP INDEX IF EXISTS message_index_words")
        yield
        self.database.execute_sql(MAKE_INDEX)

    def is_configured(self) -> bool:
        return True

    def configure(self) -> None:
        """Nothing: any version of the server reads it."""

    def merge(self) -> bool:
        return True


class Part(NamedTuple):
    """Messages with consecutive ids: some of the blocks of a level (search/tsquery.py)."""

    level: int
    first: int
    end: int

    @property
    def ends_before(self) -> int:
        """The first id after it."""
        return self.end << BLOCK_BITS + self.level * LEVEL_BITS

    def split(self) -> list[Part]:
        """The same in two parts, or in the blocks of the level below, newest first; one block of ids has none."""
        if self.end - self.first > 1:
            middle = (self.first + self.end) // 2
            return [Part(self.level, middle, self.end), Part(self.level, self.first, middle)]
        return [Part(self.level - 1, self.first << LEVEL_BITS, self.end << LEVEL_BITS)] if self.level else []


def parts_before(message_id: int) -> Iterator[Part]:
    """Parts that hold all lower ids, newest first: the last block or two, then ever larger ones."""
    last = (message_id - 1) >> BLOCK_BITS
    end = max(0, last - 1)
    yield Part(0, end, last + 1)
    for level in range(LEVELS):
        above = end >> LEVEL_BITS if level < LEVELS - 1 else 0
        if above << LEVEL_BITS < end:
            yield Part(level, above << LEVEL_BITS, end)
        end = above


class Search:
    """One search."""

    def __init__(self, database: Any, query: IndexQuery) -> None:
        self.database, self.query = database, query
        conditions, self.condition_values = query.conditions()
        if query.chats is not None:
            conditions += " AND message.chat_id = ANY(?)"
            self.condition_values.append(list(query.chats))
        # What follows a subquery of rows that match, named `found`.
        self.joined = f"""
            JOIN message ON message.id = found.rowid
            JOIN membership ON membership.chat_id = message.chat_id AND membership.user_id = ?
            WHERE {conditions}"""

    def newest_first(self) -> Iterator[int]:
        """The ids of the messages that match."""
        before = ABOVE_ALL_IDS if self.query.before is None else self.query.before
        yield from self._among_newest(before)
        beyond = f"SELECT rowid FROM message_index WHERE rowid < ? ORDER BY rowid DESC LIMIT 1 OFFSET {NEWEST - 1}"
        lowest = self._run(beyond, before)
        if lowest:
            yield from self._older(lowest[0])

    def _among_newest(self, before: int) -> list[int]:
        checks, values = condition(ScopedQuestion(self.query.question, None, self.query.authors).checks())
        sql = f"""
            SELECT message.id FROM (
                SELECT rowid, words, folded FROM message_index WHERE rowid < ? ORDER BY rowid DESC LIMIT {NEWEST}
            ) AS found {self.joined}{checks} ORDER BY found.rowid DESC LIMIT ?"""
        return self._run(sql, before, self.query.user_id, *self.condition_values, *values, self.query.limit)

    def _older(self, before: int) -> Iterator[int]:
        question = ScopedQuestion(self.query.question, self._chats_to_name(before), self.query.authors)
        rest = question.plan("")
        if not question.beginning:
            yield from self._in_parts(parts_before(before), rest, before)
        elif rest.expression:
            first, *parts = parts_before(before)
            yield from self._in_parts([first], rest, before)
            yield from self._in_parts(parts, rest, before, otherwise=partial(self._completed, question))
        else:
            yield from self._completed(question, before)

    def _in_parts(
        self, parts: Iterable[Part], plan: Plan, before: int, otherwise: Callable[[int], Iterator[int]] | None = None
    ) -> Iterator[int]:
        """The ids below `before` that match in parts, newest first.

        Goes on with `otherwise` where many messages are found for a part and few of them pass the checks.
        """
        count = 0
        # With each, how many had been found when it was known that it has many if no more are found before it.
        waiting = [(part, -1) for part in reversed(list(parts))]
        while waiting:
            part, has_many_at = waiting.pop()
            subparts = part.split()
            ids: list[int] = []
            if not subparts or count != has_many_at:
                is_slow = bool(subparts and otherwise) and self._has_candidates(part, plan)
                ids = self._hits([part], plan, before, is_sample=is_slow)
                if is_slow and otherwise and len(ids) < HITS_MAX:
                    yield from otherwise(min(before, part.ends_before))
                    return
            if subparts and (count == has_many_at or len(ids) == HITS_MAX):
                waiting += [(subpart, count if subpart == subparts[-1] else -1) for subpart in reversed(subparts)]
            else:
                count += len(ids)
                yield from ids

    def _completed(self, question: ScopedQuestion, before: int) -> Iterator[int]:
        """The ids below `before` that match, without asking for a beginning of a word part by part: each time, all
        messages that have such a word are collected.
        """
        whole = question.plan(question.any_completion)
        ids = self._hits([], whole, before)
        if len(ids) < HITS_MAX:
            yield from ids
            return
        # Almost always the word is one of those in any few messages. So these are looked for, then newer others.
        known = any_of(self._completions(ids, question.beginning))
        parts = list(parts_before(before))
        ids = list(islice(self._in_parts(parts, question.plan(known), before), self.query.limit))
        after = ids[-1] if len(ids) == self.query.limit else 0
        others = self._hits(newer(parts, after), question.plan_except(known), before, after)
        if len(others) < HITS_MAX:
            yield from sorted([*ids, *others], reverse=True)
        else:
            yield from self._in_parts(parts, whole, before)

    def _completions(self, ids: Sequence[int], beginning: str) -> list[str]:
        """The most frequent lexemes with this beginning in some messages."""
        sql = """
            SELECT lexeme FROM message_index CROSS JOIN LATERAL unnest(words)
            WHERE rowid = ANY(?) AND starts_with(lexeme, ?) GROUP BY lexeme ORDER BY count(*) DESC LIMIT ?"""
        return [row[0] for row in self.database.execute_sql(sql, (list(ids), beginning, COMPLETIONS_MAX))]

    def _hits(
        self, parts: Sequence[Part], plan: Plan, before: int, after: int = 0, is_sample: bool = False
    ) -> list[int]:
        """The ids between `after` and `before` that match in some parts; without parts, anywhere.

        HITS_MAX of them, any, if there are more; of a part that can't be split as many of the newest as are wanted at
        all. A sample is of so many as the index finds first.
        """
        question, matches, values = indexed(parts, plan.expression)
        checks, check_values = condition(plan.checks)
        # OFFSET 0 keeps the planner from any other order. It knows nothing of the expressions, so it takes the index.
        sql = f"""
            {question} SELECT message.id FROM asked CROSS JOIN LATERAL (
                SELECT candidate.rowid FROM (
                    SELECT entry.rowid, entry.words, entry.folded FROM message_index AS entry
                    WHERE {matches} AND entry.rowid < ? AND entry.rowid > ? {f"LIMIT {CANDIDATES}" if is_sample else ""}
                ) AS candidate WHERE TRUE{checks} OFFSET 0
            ) AS found {self.joined}"""
        values += [before, after, *check_values, self.query.user_id, *self.condition_values]
        if len(parts) == 1 and not parts[0].split():
            return self._run(f"{sql} ORDER BY found.rowid DESC LIMIT ?", *values, self.query.limit)
        return sorted(self._run(f"{sql} LIMIT {HITS_MAX}", *values), reverse=True)

    def _has_candidates(self, part: Part, plan: Plan) -> bool:
        """Whether so many of a part's messages match the expression that comparing each takes long."""
        question, matches, values = indexed([part], plan.expression)
        sql = f"""
            {question} SELECT count(*) FROM asked CROSS JOIN LATERAL (
                SELECT FROM message_index AS entry WHERE {matches} LIMIT {CANDIDATES}
            ) AS found"""
        return self._run(sql, *values) == [CANDIDATES]

    def _chats_to_name(self, before: int) -> Sequence[int] | None:
        """The chats, if it pays to ask the index for each of them, rather than to look at all messages that match."""
        chats = self.query.chats
        if chats is None:
            return None
        sql = "SELECT coalesce(sum(message_count), 0)::bigint FROM chat WHERE id = ANY(?)"
        return list(chats) if self._run(sql, list(chats))[0] * len(chats) < before else None

    def _run(self, sql: str, *values: Any) -> list[int]:
        return [row[0] for row in self.database.execute_sql(sql, values)]


def newer(parts: Sequence[Part], after: int) -> list[Part]:
    """What parts have of the ids beyond one, and perhaps a few before it."""
    sizes = ((part, BLOCK_BITS + part.level * LEVEL_BITS) for part in parts if part.ends_before > after)
    return [Part(part.level, max(part.first, after >> bits), part.end) for part, bits in sizes]


def indexed(parts: Sequence[Part], expression: str) -> tuple[str, str, list[Any]]:
    """What the index is asked for: SQL that names it `asked`, the condition on a row `entry`, and the values."""
    blocks = " | ".join(tsquery.blocks(part.level, range(part.first, part.end)) for part in parts)
    expressions = {name: value for name, value in (("words", expression), ("blocks", blocks)) if value}
    columns = "".join(f"?::tsquery AS {name}, " for name in expressions)
    matches = " AND ".join(f"entry.words @@ asked.{name}" for name in expressions)
    # Settled before the rest begins, and only for this statement.
    memory = f"set_config('work_mem', '{MEMORY}', true)"
    return f"WITH asked AS MATERIALIZED (SELECT {columns}{memory})", matches, list(expressions.values())


def condition(checks: Iterable[Check]) -> tuple[str, list[str]]:
    """SQL on a row of the index for what it must match, and its values. The function keeps the index out of it."""
    sql = ""
    values = []
    for expression, part in checks:
        if part is None:
            sql += " AND ts_match_vq(words, ?::tsquery)"
            values.append(expression)
        else:
            sql += " AND (ts_match_vq(words, ?::tsquery) OR strpos(folded, ?) > 0)"
            values += [expression, part]
    return sql, values
