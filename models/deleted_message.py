"""Content of deleted messages, kept while the deletion can be undone."""

from __future__ import annotations

import json
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from models.base import SECOND_MICROSECONDS, Model, limits, now, remove_after_commit, write
from models.file import File
from models.mention import Mention
from models.message import Message
from models.task import Task
from models.user import User

PRUNED_AT_ONCE = 50


class DeletedMessage(Model):
    """The text of a deleted message and the rows deleted with it. Only the undo reads this table."""

    id = AutoField()
    message = ForeignKeyField(Message, unique=True)
    user = ForeignKeyField(User)
    text = TextField()
    html = TextField()
    # JSON: the rows of each table in ATTACHED, by the table's name.
    attached = TextField()
    withdrawn_at = BigIntegerField()

    message_id: int

    class Meta:
        # From when deleting was called withdrawing; renaming it would take a migration.
        table_name = "withdrawn"

    @classmethod
    def keep(cls, message: Message, user: User) -> None:
        """Save the content of a message that `user` is about to delete. Inside a write() only."""
        cls.create(
            message=message.id,
            user=user,
            text=message.text,
            html=message.html,
            attached=json.dumps({kind._meta.table_name: rows_of(kind, message) for kind in ATTACHED}),
            withdrawn_at=now(),
        )

    @classmethod
    def of(cls, user: User, message_id: int) -> DeletedMessage | None:
        """The message that a person deleted and may still restore; None once it has expired."""
        own = (cls.message == message_id, cls.user == user.id)
        found: DeletedMessage | None = cls.select().where(*own, ~cls._has_expired()).first()
        return found

    def put_back(self) -> None:
        """Restore the message's text, files and mentions. Inside a write() only."""
        Message.update(text=self.text, html=self.html, deleted_at=None).where(Message.id == self.message_id).execute()
        for kind in ATTACHED:
            for row in self.rows(kind):
                kind.insert(**row).execute()
        type(self).delete().where(DeletedMessage.id == self.id).execute()

    def rows(self, kind: type[Model]) -> list[dict[str, Any]]:
        """The saved rows of a table."""
        rows: list[dict[str, Any]] = json.loads(self.attached).get(kind._meta.table_name, [])
        return rows

    @property
    def keys(self) -> list[str]:
        """The store's keys of its files."""
        return [key for row in self.rows(File) for key in File(**row).keys]

    @classmethod
    def all_keys(cls) -> set[str]:
        """The store's keys of all files that an undo may need."""
        return {key for row in cls.select() for key in row.keys}

    @classmethod
    def _has_expired(cls) -> Any:
        """Rows past their time, or from the future because the clock was set back."""
        return (cls.withdrawn_at <= now() - limits.undo_seconds * SECOND_MICROSECONDS) | (cls.withdrawn_at > now())

    @classmethod
    def prune(cls, up_to: int = 0) -> int:
        """Delete a batch of what can't be restored any more, with its files. Returns how many rows were deleted.

        With `up_to`, also all rows up to that id, whatever the clock shows.
        """
        if not cls.select(cls.id).where(cls._has_expired() | (cls.id <= up_to)).exists():
            return 0
        with write():
            old = list(cls.select().where(cls._has_expired() | (cls.id <= up_to)).limit(PRUNED_AT_ONCE))
            cls.delete().where(cls.id.in_([row.id for row in old])).execute()
            for row in old:
                Task.begin("emptied", row.message_id)
            remove_after_commit([key for row in old for key in row.keys])
        return len(old)


# Tables whose rows are saved with a deleted message. Reactions and revisions may be many: they stay in their tables,
# where nothing reads them without the message.
ATTACHED: tuple[type[Model], ...] = (File, Mention)


def rows_of(kind: type[Any], message: Message) -> list[dict[str, Any]]:
    """A message's rows in a table."""
    return [row.__data__ for row in kind.select().where(kind.message == message.id).order_by(kind.id)]
