"""Storing uploads, all or none; pictures get copies without metadata."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lib.image_parts import SHOWN, kind_of
from lib.limited_worker import Failed, Unavailable
from lib.machine import is_machine_error, may_be_committed
from lib.storage import Folder, Upload
from models.base import database, human_size, limits, media, now, remove_after_commit, remove_bytes, write
from models.errors import Busy, Invalid, TooLarge, words
from models.file import File
from models.message import Message

logger = logging.getLogger(__name__)
Source = TypeVar("Source")

AVATAR_PIXELS = 256


@dataclass
class StoredFile:
    """A file in the store that no row refers to yet."""

    name: str
    size: int
    type: str
    digest: str
    key: str
    width: int | None = None
    height: int | None = None
    display_key: str | None = None
    thumbnail_key: str | None = None

    @property
    def keys(self) -> list[str]:
        """The store's keys of the original and copies."""
        return [key for key in (self.key, self.display_key, self.thumbnail_key) if key]

    def attach(self, message: Message) -> File:
        """Create the row."""
        return File.create(message=message, uploader=message.author_id, created_at=now(), **self.__dict__)


def discard(stored: Sequence[StoredFile]) -> None:
    """Remove stored files for which no row was created."""
    remove_bytes([key for file in stored for key in file.keys])


@contextlib.contextmanager
def remove_if_refused(keys: Sequence[str]) -> Iterator[None]:
    """Remove files when the block that creates their rows fails (rule 23), unless the rows may be there all the same.

    What has no row then is swept later.
    """
    try:
        yield
    except BaseException as error:
        if not may_be_committed(error):
            remove_bytes(keys)
        raise


def check_uploads(uploads: list[Upload]) -> None:
    """Raise Invalid for too many files, TooLarge for one over the limit."""
    if len(uploads) > limits.files_max:
        raise Invalid(files=words("Attach up to %(most)d files.", most=limits.files_max))
    for upload in uploads:
        if upload.too_large:
            raise TooLarge(
                "files",
                words(
                    "%(name)s is larger than %(most)s. Choose a smaller file.",
                    name=upload.name,
                    most=human_size(limits.file_max),
                ),
            )


def store_uploads(uploads: Sequence[Upload]) -> list[StoredFile]:
    """Move uploads into the store, all or none; pictures get their copies. Raises Invalid, Busy, OSError."""
    release_connection()
    with refuse_machine_trouble():
        has_pictures = any(kind_of(upload.path) for upload in uploads)
        with media.pictures.place() if has_pictures else contextlib.nullcontext():
            return _all_or_none(store, uploads)


def _all_or_none(make: Callable[[Source], StoredFile], sources: Sequence[Source]) -> list[StoredFile]:
    """Make a stored file of each source. When one fails, the others are discarded."""
    stored: list[StoredFile] = []
    try:
        for source in sources:
            stored.append(make(source))
    except BaseException:
        discard(stored)
        raise
    return stored


def release_connection() -> None:
    """Hold no connection of the database while a bucket may take long."""
    if not isinstance(media.store, Folder):
        database.end_request(is_sound=True)


@contextlib.contextmanager
def refuse_machine_trouble() -> Iterator[None]:
    """Raise Busy for temporary trouble of the machine. A full disk has its own error."""
    try:
        yield
    except Unavailable as error:
        logger.warning("a picture was refused: %s", error)
        raise Busy() from error
    except OSError as error:
        if not is_machine_error(error) or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        logger.warning("a file was refused: %s", error)
        raise Busy() from error


def store(upload: Upload) -> StoredFile:
    """Move an upload into the store. The picture process makes a picture's copies."""
    kind = kind_of(upload.path)
    if kind is None:
        return store_plain(upload)
    with scratch_paths(3) as (shown, small, clean):
        if kind not in SHOWN:
            return store_stripped(upload, clean)
        try:
            picture = media.pictures.run("copies", upload.path, str(shown), str(small), str(clean))
        except Failed as error:
            logger.info("kept as a plain file: %s", error)
            return store_stripped(upload, clean)
        original = clean if picture["has_metadata"] else upload
        size = original.stat().st_size if isinstance(original, Path) else upload.size
        key, display_key, thumbnail_key = store_together(original, shown, small)
    return StoredFile(
        name=upload.name,
        size=size,
        type=picture["type"],
        digest=upload.digest,
        key=key,
        width=picture["width"],
        height=picture["height"],
        display_key=display_key,
        thumbnail_key=thumbnail_key,
    )


def store_plain(upload: Upload) -> StoredFile:
    """Move a file into the store as it is."""
    return StoredFile(upload.name, upload.size, upload.type, upload.digest, media.store.keep(upload))


def store_stripped(upload: Upload, clean: Path) -> StoredFile:
    """Store a picture that can't be shown, or a video, without its metadata. Raises Invalid (`files`)."""
    try:
        has_metadata = media.pictures.run("stripped", upload.path, str(clean))
    except Failed as error:
        sentence = words(
            "%(name)s is damaged, and hidden data such as where it was taken can’t be removed. "
            "Save it again and send the new file.",
            name=upload.name,
        )
        raise Invalid(files=sentence) from error
    if not has_metadata:
        return store_plain(upload)
    return StoredFile(upload.name, clean.stat().st_size, upload.type, upload.digest, media.store.keep(clean))


@contextlib.contextmanager
def scratch_paths(count: int) -> Iterator[list[Path]]:
    """Yield paths for temporary files, and remove the files afterwards."""
    paths = [media.store.scratch() for _ in range(count)]
    try:
        yield paths
    finally:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def store_together(*sources: Path | Upload) -> list[str]:
    """Move several files into the store, all or none; returns their keys."""
    keys: list[str] = []
    for source in sources:
        with remove_if_refused(keys):
            keys.append(media.store.keep(source))
    return keys


def store_square(upload: Upload) -> str:
    """Store a square copy of a picture; returns its key. Raises TooLarge, Busy, Invalid (`file`)."""
    if upload.too_large:
        raise TooLarge("file", words("Larger than %(most)s. Choose a smaller file.", most=human_size(limits.file_max)))
    release_connection()
    with refuse_machine_trouble(), scratch_paths(1) as (square,):
        try:
            media.pictures.run("square_copy", upload.path, str(square), AVATAR_PIXELS)
        except Failed as error:
            sentence = words("This file can’t be shown as a picture. Use JPEG, PNG, GIF, WebP, HEIC or AVIF.")
            raise Invalid(file=sentence) from error
        return media.store.keep(square)


def replace_square(upload: Upload | None, former: Any, save: Callable[[str | None], None]) -> str | None:
    """Replace a square picture, or remove it when there is no upload. Returns its key. Raises as store_square().

    `former` is the query of the former picture's key; `save` writes the new key, within the transaction.
    """
    key = None if upload is None else store_square(upload)
    with remove_if_refused([key] if key else []), write():
        before = former.scalar()
        save(key)
        remove_after_commit([before] if before else [])
    return key


def duplicate(file: File) -> StoredFile:
    """Duplicate a file under new keys, so that deleting one does not affect the other."""
    keys: dict[str, str] = {}
    try:
        for column in ("key", "display_key", "thumbnail_key"):
            if key := getattr(file, column):
                keys[column] = media.store.duplicate(key)
    except BaseException as error:
        remove_bytes(list(keys.values()))
        if isinstance(error, FileNotFoundError):
            raise Invalid(files=words("%(name)s is no longer available.", name=file.name)) from error
        raise
    return StoredFile(file.name, file.size, file.type, file.digest, width=file.width, height=file.height, **keys)


def copy_files(files: Sequence[File]) -> list[StoredFile]:
    """Duplicate files for a forwarded message, all or none. Raises Invalid (`files`), Busy, OSError."""
    release_connection()
    with refuse_machine_trouble():
        return _all_or_none(duplicate, files)
