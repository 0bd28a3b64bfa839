"""The search index of each engine, over tables with no more than it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from postgres import create_database, drop_database

import search
from migrations import m0015_accents, postgres_tables
from models.postgres import PostgresDatabase
from models.search_index import EPOCH, IndexQuery, Row, SearchIndex
from models.sqlite import SqliteDatabase

TABLES = (
    "CREATE TABLE message (id BIGINT PRIMARY KEY, chat_id BIGINT, created_at BIGINT, deleted_at BIGINT)",
    "CREATE TABLE membership (chat_id BIGINT, user_id BIGINT)",
    "CREATE TABLE chat (id BIGINT PRIMARY KEY, message_count BIGINT)",
)
LONG_AGO = datetime(2026, 1, 31, 12, tzinfo=UTC)
READER = 1


@dataclass(frozen=True)
class IndexedMessage:
    """What somebody wrote in a chat, and how many days ago."""

    text: str
    chat_id: int = 1
    author_id: int = 1
    days: int = 0
    has_file: bool = False

    @property
    def created_at(self) -> datetime:
        return LONG_AGO - timedelta(days=self.days)

    def row(self, message_id: int) -> Row:
        folded = search.fold(self.text)
        facts = search.Facts(self.chat_id, self.author_id, self.created_at, self.has_file)
        return message_id, folded, search.forms(folded, self.text), str(facts)


class Engine:
    """A database of messages by their ids, in which one person searches in some chats."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.index: SearchIndex = database.index
        on_postgres = [sql for sql in postgres_tables.TABLES if "message_index" in sql]
        for sql in (*TABLES, *(on_postgres if database.tables else m0015_accents.STATEMENTS[-1:])):
            database.execute_sql(sql)

    def holds(self, messages: Mapping[int, IndexedMessage], chats: Collection[int] = (1,)) -> Engine:
        """Hold these messages and no others; the person is in these chats."""
        with self.database.atomic():
            for table in ("message", "membership", "chat", "message_index"):
                self.database.execute_sql(f"DELETE FROM {table}")
            for message_id, message in messages.items():
                created_at = (message.created_at - EPOCH) // timedelta(microseconds=1)
                self.database.execute_sql(
                    "INSERT INTO message VALUES (?, ?, ?, NULL)", (message_id, message.chat_id, created_at)
                )
            for chat in {message.chat_id for message in messages.values()}:
                count = sum(message.chat_id == chat for message in messages.values())
                self.database.execute_sql("INSERT INTO chat VALUES (?, ?)", (chat, count))
            for chat in chats:
                self.database.execute_sql("INSERT INTO membership VALUES (?, ?)", (chat, READER))
            self.index.add_many(message.row(message_id) for message_id, message in messages.items())
        return self

    def finds(self, text: str, q: str) -> bool:
        """Whether a question finds a message with this text."""
        return self.holds({1: IndexedMessage(text)}).find(q) == [1]

    def find(self, q: str, **filters: Any) -> list[int]:
        """The ids of the messages that somebody finds; none if the question asks nothing."""
        question = search.read(q)
        return [] if question.is_empty else self.index.find(IndexQuery(READER, question, **filters))


@contextmanager
def sqlite_engine(folder: Path) -> Iterator[Engine]:
    database = SqliteDatabase(str(folder / "rows.db"))
    yield Engine(database)
    database.close()


@contextmanager
def postgres_engine(server: str) -> Iterator[Engine]:
    url = create_database(server)
    database = PostgresDatabase(url, 2)
    yield Engine(database)
    database.close()
    database.close_all()
    drop_database(url)
