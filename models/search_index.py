"""The search index, whatever the engine: what it is asked, and what it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from search import Question

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The id of a message, and its columns `text`, `forms` and `facts`: search.fold, search.forms and search.Facts.
Row = tuple[int, str, str, str]


@dataclass(frozen=True)
class IndexQuery:
    """A question that is not empty, of a person who sees only the messages of their own chats."""

    user_id: int
    question: Question
    # The ids to restrict it to; None for any.
    chats: Collection[int] | None = None
    authors: Collection[int] | None = None
    chat_id: int | None = None
    # Messages before this id.
    before: int | None = None
    limit: int = 20

    def conditions(self) -> tuple[str, list[Any]]:
        """SQL on the row of `message`, with its values: not deleted, of the chat, within the period."""
        sql, values = "message.deleted_at IS NULL", []
        for condition, value in (
            ("message.chat_id = ?", self.chat_id),
            ("message.created_at >= ?", microseconds(self.question.since)),
            ("message.created_at < ?", microseconds(self.question.until)),
        ):
            if value is not None:
                sql += f" AND {condition}"
                values.append(value)
        return sql, values


def microseconds(when: datetime | None) -> int | None:
    """Microseconds since 1970."""
    return None if when is None else (when - EPOCH) // timedelta(microseconds=1)


class SearchIndex(ABC):
    """The table `message_index`, with a `rowid` for each message. What changes it is used inside a write() only."""

    def __init__(self, database: Any) -> None:
        self.database = database

    @abstractmethod
    def add(self, row: Row) -> None:
        """Add a message, which the index must not contain yet."""

    @abstractmethod
    def add_many(self, rows: Iterable[Row]) -> None:
        """Add messages, which the index must not contain yet."""

    def remove(self, message_id: int) -> None:
        """Remove a message."""
        self.database.execute_sql("DELETE FROM message_index WHERE rowid = ?", (message_id,))

    @abstractmethod
    def find(self, query: IndexQuery) -> list[int]:
        """The ids of the messages that match, newest first."""

    @abstractmethod
    def bulk_load(self) -> AbstractContextManager[None]:
        """While all messages are added. The index is empty before and complete after."""

    @abstractmethod
    def is_configured(self) -> bool:
        """Whether it is configured for this build of the engine."""

    @abstractmethod
    def configure(self) -> None:
        """Configure it, and rebuild it where that is needed."""

    @abstractmethod
    def merge(self) -> bool:
        """Do a little, a few milliseconds, so that removing gets cheaper. Returns whether nothing is left to do."""
