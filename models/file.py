"""Attached files: the rows. Their bytes are in the store (lib/storage.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peewee import JOIN, AutoField, BigIntegerField, ForeignKeyField, IntegerField, TextField

from lib.characters import beginning
from models.base import Model, iso
from models.chat import Chat
from models.errors import NotThere
from models.message import Message
from models.user import User


class File(Model):
    """A file of a message. Pictures have dimensions, and re-encoded copies without metadata."""

    id = AutoField()
    message = ForeignKeyField(Message)
    uploader = ForeignKeyField(User)
    name = TextField()
    size = IntegerField()
    type = TextField()
    digest = TextField()
    width = IntegerField(null=True)
    height = IntegerField(null=True)
    key = TextField(unique=True)
    display_key = TextField(null=True, unique=True)
    thumbnail_key = TextField(null=True, unique=True)
    created_at = BigIntegerField()

    message_id: int
    uploader_id: int

    @classmethod
    def visible_to(cls, user: User, file_id: int) -> File:
        """A file of a message in one of a person's chats. Raises NotThere."""
        file: File | None = (
            cls.select(cls)
            .join(Message)
            .where(cls.id == file_id, Message.deleted_at.is_null(), Message.chat.in_(Chat.visible_to(user)))
            .first()
        )
        if file is None:
            raise NotThere("file")
        return file

    @classmethod
    def listed(cls, chat_id: int, kind: str | None, before: int | None, limit: int) -> list[File]:
        """The `pictures` or `files` of a chat, or both, newest first; those before an id."""
        # CROSS JOIN fixes SQLite's join order: newest files first, then whether each is of this chat. Otherwise it
        # would read all messages of the chat and sort their files.
        query = (
            cls.select(cls)
            .join(Message, JOIN.CROSS)
            .where(cls.message == Message.id, Message.chat == chat_id, Message.deleted_at.is_null())
            .order_by(cls.id.desc())
            .limit(limit)
        )
        if kind is not None:
            query = query.where(cls.thumbnail_key.is_null(kind == "files"))
        if before is not None:
            query = query.where(cls.id < before)
        return list(query)

    @property
    def url(self) -> str:
        return f"/files/{self.id}"

    @property
    def display_url(self) -> str | None:
        return f"{self.url}/display" if self.display_key else None

    @property
    def thumbnail_url(self) -> str | None:
        return f"{self.url}/thumbnail" if self.thumbnail_key else None

    @property
    def is_picture(self) -> bool:
        return self.thumbnail_key is not None

    @property
    def kind(self) -> str:
        return kind_of(self.name)

    @property
    def keys(self) -> list[str]:
        """The store's keys of its original and copies."""
        return [key for key in (self.key, self.display_key, self.thumbnail_key) if key]

    def to_dict(self) -> dict[str, Any]:
        return file_dict(self.id, self.name, self.size, self.type, self.is_picture, self.width, self.height)

    def to_chat_dict(self) -> dict[str, Any]:
        """The dict for a chat's list of files."""
        return {**self.to_dict(), "message_id": self.message_id, "created_at": iso(self.created_at)}


def file_dict(
    file_id: int, name: str, size: int, type: str, is_picture: bool, width: int | None, height: int | None
) -> dict[str, Any]:
    """A file as JSON has it, from columns of its row."""
    url = f"/files/{file_id}"
    return {
        "id": file_id,
        "name": name,
        "size": size,
        "type": type,
        "url": url,
        "thumbnail_url": f"{url}/thumbnail" if is_picture else None,
        "width": width,
        "height": height,
    }


def kind_of(name: str) -> str:
    """The file name's extension in capitals, such as PDF."""
    return beginning(Path(name).suffix[1:].upper(), 8)
