"""The search index as a whole: filled anew after its shape or the rules of its words changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from models.base import database, write
from models.message import Message, attach_files

log = logging.getLogger(__name__)

AT_ONCE = 500
TOLD_EVERY = 20_000
# How many bytes of the index FTS5 gathers before it writes them out: as it comes, and while everything is written.
USUAL, MUCH = 2**20, 64 * 2**20


def fill() -> int:
    """Fill an empty index from all messages, in one transaction, a few at a time; returns how many they are."""
    done = 0
    with write():
        total = Message.select().where(Message.deleted_at.is_null()).count()
        gather(MUCH)
        for messages in stretches():
            for message in messages:
                message.put_in_index(anew=True)
            before, done = done, done + len(messages)
            if done // TOLD_EVERY > before // TOLD_EVERY:
                log.info("search index: %s of %s messages", f"{done:,}", f"{total:,}")
        gather(USUAL)
    return done


def gather(size: int) -> None:
    database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('hashsize', ?)", (size,))


def stretches() -> Iterator[list[Message]]:
    """All messages that are not deleted, oldest first, with their files."""
    last = 0
    while True:
        alive = Message.select().where(Message.id > last, Message.deleted_at.is_null())
        messages = list(alive.order_by(Message.id).limit(AT_ONCE))
        if not messages:
            return
        attach_files(messages)
        last = messages[-1].id
        yield messages
