"""Former texts of edited messages."""

from __future__ import annotations

import re
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from lib.richtext import as_typed
from models.base import Model, iso
from models.message import DELETED_USER, MENTION, MENTIONED, Message, without_name
from models.task import Task


class Revision(Model):
    """A former text of a message, and when it was written. Deleted with the message (models/deleted_message.py)."""

    id = AutoField()
    message = ForeignKeyField(Message)
    text = TextField()
    # As it was shown, with whom it mentioned; None for what was written before this was kept.
    rendered = TextField(null=True, column_name="html")
    written_at = BigIntegerField()

    @classmethod
    def keep(cls, message: Message) -> None:
        """Save a message's current text before an edit. Inside a write() only."""
        written_at = message.edited_at or message.created_at
        cls.create(message=message, text=message.text, rendered=message.html, written_at=written_at)

    @classmethod
    def of(cls, message: Message, limit: int, before: int | None = None) -> list[Revision]:
        """The former texts of a message, newest first; those before an id."""
        query = cls.select().where(cls.message == message.id).order_by(cls.id.desc()).limit(limit)
        former = list(query if before is None else query.where(cls.id < before))
        for task in Task.select().where(Task.kind == "revisions"):
            for revision in former:
                revision.forget(task.subject, task.note)
        return former

    def forget(self, user_id: int, username: str) -> bool:
        """Remove the names of a closed account from this text. Returns whether it contained any."""
        before = self.text, self.rendered
        called = {name for known, name in MENTIONED.findall(self.rendered or "") if int(known) == user_id}
        if self.rendered is not None:
            self.rendered = re.sub(MENTION % user_id, DELETED_USER, self.rendered)
        for name in {username, *called}:
            self.text = without_name(self.text, name)
            self.rendered = None if self.rendered is None else without_name(self.rendered, name)
        return (self.text, self.rendered) != before

    @property
    def html(self) -> str:
        """The stored HTML, else the text as typed: a page of former texts renders no Markdown."""
        return as_typed(self.text) if self.rendered is None else MENTIONED.sub(r"@\2", self.rendered)

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text, "html": self.html, "created_at": iso(self.written_at)}
