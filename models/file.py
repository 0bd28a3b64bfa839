"""Attached files: the rows; where the bytes lie is the store's matter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import JOIN, AutoField, BigIntegerField, ForeignKeyField, IntegerField, TextField

import images
import jobs
from models.base import Media, Model, human_size, iso, limits, now
from models.chat import Chat
from models.errors import Busy, Invalid, NotThere, TooLarge, words
from models.message import Message
from models.user import User
from storage import Upload

AVATAR = 256


class File(Model):
    """A file of a message. Pictures have sizes, and copies without metadata that we wrote ourselves."""

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
    def of_chat(cls, chat_id: int) -> list[File]:
        """All files of a chat."""
        return list(cls.select(cls).join(Message).where(Message.chat == chat_id))

    @classmethod
    def listed(cls, chat_id: int, kind: str | None, before: int | None, limit: int) -> list[File]:
        """The `pictures` or `files` of a chat, or both, newest first; those before an id."""
        # A cross join keeps SQLite to this order: the newest files first, and for each whether it is of this chat. The
        # other way round it would look at all messages of the chat and sort what they have.
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
        """The name's ending in capitals, as people call a kind of file: PDF."""
        ending = Path(self.name).suffix[1:]
        return ending.upper()[:8]

    @property
    def keys(self) -> list[str]:
        """Everything that the store holds of it."""
        return [key for key in (self.key, self.display_key, self.thumbnail_key) if key]

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "size": self.size,
            "type": self.type,
            "url": self.url,
            "thumbnail_url": self.thumbnail_url,
            "width": self.width,
            "height": self.height,
        }

    def to_chat_dict(self) -> dict[str, Any]:
        """As a chat's list of files shows it."""
        return {**self.to_dict(), "message_id": self.message_id, "created_at": iso(self.created_at)}


@dataclass
class Kept:
    """A file whose bytes lie safely in the store, before a row names it."""

    name: str
    size: int
    type: str
    digest: str
    key: str
    width: int | None = None
    height: int | None = None
    display_key: str | None = None
    thumbnail_key: str | None = None

    def attach(self, message: Message) -> File:
        """Write the row."""
        return File.create(message=message, uploader=message.author_id, created_at=now(), **self.__dict__)


def discard(kept: list[Kept]) -> None:
    """Take bytes away again that no row came to name."""
    for file in kept:
        for key in (file.key, file.display_key, file.thumbnail_key):
            if key:
                Media.store.remove(key)


def check_uploads(uploads: list[Upload]) -> None:
    """Raise Invalid for too many files, TooLarge for one over the limit."""
    if len(uploads) > limits.files_max:
        raise Invalid(files=words("At most %(most)d files.", most=limits.files_max))
    for upload in uploads:
        if upload.too_large:
            raise TooLarge(
                "files",
                words("%(name)s is larger than %(most)s.", name=upload.name, most=human_size(limits.file_max)),
            )


def keep(upload: Upload) -> Kept:
    """Move an upload into the store; a picture gets its copies. Pixels are worked on in the pool."""
    try:
        picture = jobs.run(images.read, upload.path)
        if picture is None:
            return plain_file(upload)
        return jobs.run(keep_picture, upload, picture) or plain_file(upload)
    except jobs.Full as full:
        raise Busy() from full


def plain_file(upload: Upload) -> Kept:
    """A file of which nothing more is known."""
    return Kept(upload.name, upload.size, upload.type, upload.digest, Media.store.keep(upload))


def keep_picture(upload: Upload, picture: images.Picture) -> Kept | None:
    """A picture, its display copy and its thumbnail. One with metadata is kept without it (place, camera, owner).

    None when it begins as a picture and breaks off later, as a frame of an animation may.
    """
    store = Media.store
    display, thumbnail, clean = (store.scratch() for _ in range(3))
    try:
        images.display(upload.path, display)
        images.thumbnail(upload.path, thumbnail)
        kept_type = images.clean_copy(upload.path, clean).type if picture.has_metadata else picture.type
    except images.BROKEN:
        for copy in (display, thumbnail, clean):
            copy.unlink(missing_ok=True)
        return None
    return Kept(
        name=upload.name,
        size=clean.stat().st_size if picture.has_metadata else upload.size,
        type=kept_type,
        digest=upload.digest,
        key=store.keep(clean if picture.has_metadata else upload),
        width=picture.width,
        height=picture.height,
        display_key=store.keep(display),
        thumbnail_key=store.keep(thumbnail),
    )


def keep_square(upload: Upload) -> str:
    """Keep a picture that came as a square of our own writing; its key. Raises TooLarge, Busy, Invalid (`file`)."""
    if upload.too_large:
        raise TooLarge("file", words("Larger than %(most)s.", most=human_size(limits.file_max)))
    try:
        key = jobs.run(square_of, upload.path)
    except jobs.Full as full:
        raise Busy() from full
    if key is None:
        raise Invalid(file=words("This is not a picture that can be shown (JPEG, PNG, GIF or WebP)."))
    return key


def square_of(path: Path) -> str | None:
    """The key of the square; None when it is no picture."""
    if images.read(path) is None:
        return None
    square = Media.store.scratch()
    try:
        images.square(path, square, AVATAR)
    except images.BROKEN:
        square.unlink(missing_ok=True)
        return None
    return Media.store.keep(square)
