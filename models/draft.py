"""Drafts: unsent messages, shared between a member's devices and visible to nobody else."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, IntegerField, TextField

from lib import richtext
from models.base import Model, iso


class Draft(Model):
    """One row per membership, empty when cleared or sent. Each change gets a new id, which is its version."""

    id = AutoField()
    membership_id = IntegerField(unique=True)
    text = TextField(default="")
    reply_to_id = IntegerField(null=True)
    written_at = BigIntegerField()

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def preview(self) -> str:
        """The text as one plain line."""
        return richtext.preview(self.text)

    def to_dict(self) -> dict[str, Any]:
        written_at = iso(self.written_at)
        return {"text": self.text, "reply_to": self.reply_to_id, "written_at": written_at, "version": self.id}


# The draft of a chat that has none.
NO_DRAFT: dict[str, Any] = {"text": "", "reply_to": None, "written_at": None, "version": 0}
