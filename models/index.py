"""Maintenance of the search index: bulk_load it after its schema or the rules for words changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from models.base import database, has_room, write
from models.message import Message
from models.message_page import attach_files
from models.task import Task, step
from models.versions import bump_common_version

logger = logging.getLogger(__name__)

AT_ONCE = 500
LOG_EVERY = 20_000


def fill(report: Callable[[str], None] = logger.info) -> int:
    """Fill an empty index from all messages in one transaction. Returns how many there are."""
    done = 0
    with write(), database.index.bulk_load():
        total = Message.select().where(Message.deleted_at.is_null()).count()
        for messages in batches():
            database.index.add_many(message.index_row() for message in messages)
            before, done = done, done + len(messages)
            if done // LOG_EVERY > before // LOG_EVERY:
                report(f"search index: {done:,} of {total:,} messages")
    return done


def configure() -> None:
    """Configure the index for this build of the engine."""
    if not database.index.is_configured():
        with write():
            database.index.configure()


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
        database.index.remove(task.subject)
        task.place = 1
        return False
    # It is there again when all of the index was rebuilt meanwhile.
    database.index.remove(task.subject)
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
        if database.index.merge():
            return True
    return False
