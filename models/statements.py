"""Queries that are compiled once: building SQL from a Peewee query takes longer than running it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from peewee import SQL, ModelCursorWrapper

from models.base import database

# The types of columns whose values SQLite does not return as Python has them.
CONVERTED = ("BOOL",)


statements: list[Statement] = []


class Statement:
    """A Peewee query with a placeholder for each of its values, compiled when it first runs."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self.build = build
        statements.append(self)
        # From a row to what the query selects: a model, with its joined ones, or what tuples() or dicts() make of it.
        self._loaded: Callable[[Any], Any] | None = None

    @cached_property
    def query(self) -> Any:
        names = inspect.signature(self.build).parameters
        return self.build(*(SQL(database.param, (Parameter(place),)) for place in range(len(names))))

    @cached_property
    def compiled(self) -> tuple[str, list[Any]]:
        """The SQL; and its values, those that differ from run to run as a Parameter."""
        sql, values = self.query.sql()
        return sql, values

    def forget(self) -> None:
        """Compile it anew when it runs next."""
        for cached in ("query", "compiled"):
            self.__dict__.pop(cached, None)
        self._loaded = None

    def run(self, *values: Any) -> Any:
        """Run it with these values; returns the cursor, which knows `rowcount`."""
        return database.execute_sql(self.compiled[0], self._bound(values))

    def insert(self, *values: Any) -> int:
        """Run an INSERT of one row with these values; returns its id."""
        return database.insert(self.compiled[0], self._bound(values))

    def _bound(self, values: Sequence[Any]) -> list[Any]:
        return [values[place] if type(place) is Parameter else place for place in self.compiled[1]]

    def run_many(self, rows: Iterable[Sequence[Any]]) -> None:
        """Run it with each of these rows of values."""
        database.run_many(self.compiled[0], (self._bound(row) for row in rows))

    def all(self, *values: Any) -> list[Any]:
        """The selected rows."""
        cursor = self.run(*values)
        rows = cursor.fetchall()
        if self._loaded is None and rows:
            # Which columns belong to which model is the same every time.
            wrapper = self.query._get_cursor_wrapper(cursor)
            wrapper.initialize()
            # Don't keep the connection open.
            wrapper.cursor = None
            self._loaded = Joined(wrapper) if isinstance(wrapper, ModelCursorWrapper) else wrapper.process_row
        return [self._loaded(row) for row in rows] if self._loaded is not None else []

    def first(self, *values: Any) -> Any:
        """The first of the selected rows, or None."""
        return next(iter(self.all(*values)), None)

    def scalar(self, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.run(*values).fetchone()
        return None if row is None else row[0]


class Joined:
    """Make a model and its joined ones of a row, as Peewee's wrapper does, in a third of the time."""

    def __init__(self, wrapper: Any) -> None:
        self.root = wrapper.model
        self.models = {source: model for source, (model, _) in wrapper.key_to_constructor.items()}
        self.columns: dict[Any, list[tuple[int, str]]] = {source: [] for source in self.models}
        self.converted = []
        for place, source, name, convert in wrapper._row_spec:
            self.columns[source].append((place, name))
            if convert is not None and getattr(wrapper.fields[place], "field_type", "") in CONVERTED:
                self.converted.append((place, convert))
        self.joins = [(source, name, joined) for source, name, joined, *_ in wrapper.src_to_dest]

    def __call__(self, row: Sequence[Any]) -> Any:
        if self.converted:
            row = list(row)
            for place, convert in self.converted:
                row[place] = convert(row[place])
        made: dict[Any, Any] = {}
        for source, model in self.models.items():
            values = {name: row[place] for place, name in self.columns[source]}
            made[source] = model(__no_default__=True)
            made[source].__data__.update(values)
        for source, name, joined in self.joins:
            # Without a row to join, all of its columns are NULL.
            is_there = made[joined].id is not None
            setattr(made[source], name, made[joined] if is_there else None)
        for model in made.values():
            model._dirty.clear()
        return made[self.root]


class Parameter(int):
    """Stands in a compiled query for the value with this number."""


def statement(build: Callable[..., Any]) -> Statement:
    """Make a Statement of a function that builds a query from its values. It is called once, with placeholders.

    A value can't be a list: select from `json_each` of one instead.
    """
    return Statement(build)


def forget_engine() -> None:
    """Compile all statements anew, since a database on another engine was opened: its SQL differs."""
    for statement in statements:
        statement.forget()
