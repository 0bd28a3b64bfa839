"""What an edited message said before."""

from __future__ import annotations

import re
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from models.base import Model, iso
from models.message import NOBODY, Message
from text import render


class Revision(Model):
    """A former text of a message, and when it was written. It goes when the message is deleted."""

    id = AutoField()
    message = ForeignKeyField(Message)
    text = TextField()
    written_at = BigIntegerField()

    @classmethod
    def keep(cls, message: Message) -> None:
        """Keep what a message says now, before it says something else. Inside a write() only."""
        cls.create(message=message, text=message.text, written_at=message.edited_at or message.created_at)

    @classmethod
    def of(cls, message: Message, limit: int, before: int | None = None) -> list[Revision]:
        """The former texts of a message, the newest first; those before an id."""
        query = cls.select().where(cls.message == message.id).order_by(cls.id.desc()).limit(limit)
        return list(query if before is None else query.where(cls.id < before))

    @classmethod
    def forget_user(cls, username: str) -> None:
        """Take the name of an account that is closed out of all former texts. Inside a write() only."""
        # SQLite knows the letter case of ASCII alone.
        for revision in list(cls.select(cls.id, cls.text).where(cls.text.contains("@"))):
            if (left := without(revision.text, username)) != revision.text:
                cls.update(text=left).where(cls.id == revision.id).execute()

    @property
    def html(self) -> str:
        """The text as it was shown."""
        return render(self.text)

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text, "html": self.html, "created_at": iso(self.written_at)}


def without(text: str, username: str) -> str:
    """A text that names somebody no more."""
    return re.sub(rf"@{re.escape(username)}(?![\w.-]*\w)", NOBODY, text, flags=re.IGNORECASE)
