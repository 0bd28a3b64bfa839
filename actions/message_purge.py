"""Purging messages: deleting them permanently, with everything that belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from peewee import fn

from models.base import database, delete_some, has_room, remove_after_commit
from models.deleted_message import DeletedMessage
from models.file import File
from models.message import INDEXED_AT_ONCE, Message
from models.reaction import Reaction
from models.revision import Revision
from models.task import Task, step

FILES_AT_ONCE = 50


def purge_messages(ids: list[int]) -> bool:
    """Purge messages with everything that belongs to them, or only a part if it is much. Inside a write() only.

    Returns whether the transaction has room for more.
    """
    files = list(File.select().where(File.message.in_(ids)).limit(FILES_AT_ONCE))
    remove_after_commit([key for file in files for key in file.keys])
    File.delete().where(File.id.in_([file.id for file in files])).execute()
    if len(files) == FILES_AT_ONCE:
        return True
    if not all(delete_some(kind, kind.message.in_(ids)) for kind in (Reaction, Revision)):
        return True
    deleted = list(DeletedMessage.select().where(DeletedMessage.message.in_(ids)))
    remove_after_commit([key for row in deleted for key in row.keys])
    characters = 0
    columns = Message.id, fn.LENGTH(Message.text).coerce(False)
    query = Message.select(*columns).where(Message.id.in_(ids)).order_by(Message.id.desc())
    for message_id, length in list(cast("Iterable[tuple[int, int]]", query.tuples())):
        # Removing long texts from the index costs its time at the commit, where has_room() does not see it.
        if characters > INDEXED_AT_ONCE or not has_room():
            return False
        characters += length
        database.index.remove(message_id)
        Message.delete().where(Message.id == message_id).execute()
    return True


@step("emptied")
def purge_history(task: Task) -> bool:
    """Delete reactions and revisions of a message that can't be restored any more."""
    if not Message.select().where(Message.id == task.subject, Message.deleted_at.is_null(False)).exists():
        return True
    return all(delete_some(kind, kind.message == task.subject) for kind in (Reaction, Revision))
