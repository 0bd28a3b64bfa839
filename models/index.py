"""Maintenance of the search index: rebuilding it after its schema or the rules for words changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from lib import sqlite
from lib.sqlite import sqlite3
from models.base import database, has_room, write
from models.message import Message, remove_from_index
from models.message_page import attach_files
from models.task import Task, step
from models.versions import bump_common_version

logger = logging.getLogger(__name__)

AT_ONCE = 500
LOG_EVERY = 20_000
# How many bytes FTS5 buffers before it writes: in normal operation, and while the whole index is written.
NORMAL_BUFFER, LARGE_BUFFER = 2**20, 64 * 2**20
# When a level of the index has this many segments, the next write merges them all, which takes many seconds for large
# ones. With FTS5's default, 16, that happens long before its incremental merges finish; each further segment makes
# removing a long message slower.
CRISIS = 64
# Pages per merge step; a step takes a few milliseconds.
MERGED_AT_ONCE = 64
# The format of FTS5's tables that SQLite before 3.42 can read too.
READ_BY_ALL = 4


def fill() -> int:
    """Fill an empty index from all messages in one transaction. Returns how many there are."""
    done = 0
    with write():
        total = Message.select().where(Message.deleted_at.is_null()).count()
        set_buffer_size(LARGE_BUFFER)
        for messages in batches():
            for message in messages:
                message.add_to_index()
            before, done = done, done + len(messages)
            if done // LOG_EVERY > before // LOG_EVERY:
                logger.info("search index: %s of %s messages", f"{done:,}", f"{total:,}")
        set_buffer_size(NORMAL_BUFFER)
    return done


def configure() -> None:
    """Configure the index for this build of SQLite: delete words at once where it can (including earlier ones), rebuild
    the index where this build can't read a newer format, and avoid large merges.
    """
    known = dict(database.execute_sql("SELECT k, v FROM message_index_config"))
    wanted = {"crisismerge": CRISIS}
    if sqlite.forgets_words(sqlite3.sqlite_version_info):
        wanted["secure-delete"] = 1
    elif int(known.get("version", READ_BY_ALL)) > READ_BY_ALL:
        with write():
            database.execute_sql("DELETE FROM message_index_config WHERE k = 'secure-delete'")
            # Otherwise even the rebuild would be refused.
            database.execute_sql("UPDATE message_index_config SET v = ? WHERE k = 'version'", (READ_BY_ALL,))
            database.execute_sql("INSERT INTO message_index (message_index) VALUES ('rebuild')")
    if any(known.get(name) != value for name, value in wanted.items()):
        with write():
            for name, value in wanted.items():
                database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES (?, ?)", (name, value))
            # Merging everything drops deleted words, and leaves no large segments on the lowest level.
            database.execute_sql("INSERT INTO message_index (message_index) VALUES ('optimize')")


def set_buffer_size(size: int) -> None:
    database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('hashsize', ?)", (size,))


def batches() -> Iterator[list[Message]]:
    """All messages that are not deleted, oldest first, with their files, in batches."""
    last = 0
    while True:
        alive = Message.select().where(Message.id > last, Message.deleted_at.is_null())
        messages = list(alive.order_by(Message.id).limit(AT_ONCE))
        if not messages:
            return
        attach_files(messages)
        last = messages[-1].id
        yield messages


@step("indexed")
def index_again(task: Task) -> bool:
    """Remove a message from the search index; then, in another transaction, add its current text."""
    if task.place == 0:
        remove_from_index(task.subject)
        task.place = 1
        return False
    messages = list(Message.select().where(Message.id == task.subject))
    attach_files(messages)
    for message in messages:
        message.add_to_index()
    bump_common_version()
    return True


@step("merged")
def merge_segments(task: Task) -> bool:
    """Merge small segments of the index, a few pages at a time: taking words out looks for each in every segment."""
    while has_room():
        changes = database.connection().total_changes
        database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('merge', ?)", (MERGED_AT_ONCE,))
        # FTS5 says so that there is nothing to merge.
        if database.connection().total_changes - changes < 2:
            return True
    return False
