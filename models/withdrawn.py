"""What a deleted message said, kept apart for the moments in which the deletion can be undone."""

from __future__ import annotations

import json
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from models.base import Model, limits, now, remove_after_commit, write
from models.file import File
from models.message import Message
from models.user import User

SECOND = 1_000_000


class Withdrawn(Model):
    """The text and files of a deleted message. Nothing but the undo ever looks in here."""

    id = AutoField()
    message = ForeignKeyField(Message, unique=True)
    user = ForeignKeyField(User)
    text = TextField()
    html = TextField()
    files = TextField()
    withdrawn_at = BigIntegerField()

    message_id: int

    @classmethod
    def keep(cls, message: Message, user: User) -> None:
        """Put aside what `user` deletes, before it is taken out of the message. Inside a write() only."""
        cls.create(
            message=message.id,
            user=user,
            text=message.text,
            html=message.html,
            files=json.dumps([file.__data__ for file in message.files]),
            withdrawn_at=now(),
        )

    @classmethod
    def of(cls, user: User, message_id: int) -> Withdrawn | None:
        """What a person deleted and may still put back, however late the sweep is."""
        found: Withdrawn | None = (
            cls.select().where(cls.message == message_id, cls.user == user.id, cls.withdrawn_at > over()).first()
        )
        return found

    def put_back(self) -> None:
        """Let the message say what it said, with its files. Inside a write() only."""
        Message.update(text=self.text, html=self.html, deleted_at=None).where(Message.id == self.message_id).execute()
        for row in self.rows:
            File.insert(**row).execute()
        type(self).delete().where(Withdrawn.id == self.id).execute()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of its files."""
        rows: list[dict[str, Any]] = json.loads(self.files)
        return rows

    @property
    def keys(self) -> list[str]:
        """Everything that the store holds of its files."""
        return [key for row in self.rows for key in File(**row).keys]

    @classmethod
    def every_key(cls, chat_id: int | None = None) -> set[str]:
        """Everything that the store holds for an undo; with `chat_id` for those of a chat."""
        rows = cls.select(cls)
        if chat_id is not None:
            rows = rows.join(Message).where(Message.chat == chat_id)
        return {key for row in rows for key in row.keys}

    @classmethod
    def prune(cls) -> int:
        """Forget for good what can't be put back any more, files included; returns how many messages went."""
        if not cls.select(cls.id).where(cls.withdrawn_at <= over()).exists():
            return 0
        with write():
            old = list(cls.select().where(cls.withdrawn_at <= over()))
            cls.delete().where(cls.id.in_([row.id for row in old])).execute()
            remove_after_commit([key for row in old for key in row.keys])
        return len(old)


def over() -> int:
    """What was deleted up to this moment stays deleted."""
    return now() - limits.undo_seconds * SECOND
