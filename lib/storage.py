"""The file store: files under random keys, in a folder or in a bucket (lib/s3.py).

A user's file name is a label, never a path.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import mimetypes
import os
import re
import secrets
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from io import RawIOBase
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from lib.characters import RAW_MAX, SURROGATES, beginning, one_line

logger = logging.getLogger(__name__)

KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}")
NAME_MAX = 200
ENDING_MAX = 16
# How browsers escape characters in a header (https://html.spec.whatwg.org/#multipart-form-data).
ESCAPED = re.compile("%0D|%0A|%22")
ASKED_AT_ONCE = 500
# Files that could not be removed are tried again with the next ones, some at a time.
UNREMOVED_AT_ONCE = 20
# Types that a browser might run as a page of this site, or use in one; they are served as plain bytes (rule 15).
ACTIVE = re.compile(r"html|xml|svg|script|flash|wasm|css|manifest|multipart|message|mime", re.IGNORECASE)
TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,127}")
BYTES = "application/octet-stream"
PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# Python's own list without the system's, so that every host gives a name the same type.
TYPES = mimetypes.MimeTypes()


class BucketError(OSError):
    """The bucket did not do what was asked of it; the text is one line with the reason.

    `is_final` where trying again is no use: the settings are wrong. `can_split` where the store does not know the
    request, such as one for many keys.
    """

    def __init__(self, text: str, *, is_final: bool = False, can_split: bool = False) -> None:
        # As for a disk that fails: the request can be tried again later.
        super().__init__(errno.EIO, text)
        self.text = text
        self.is_final = is_final
        self.can_split = can_split

    def __str__(self) -> str:
        return self.text


class Upload(RawIOBase):
    """A file being uploaded: written, counted and hashed as it arrives. Nothing beyond the limit is written.

    `size` still counts everything; `digest` is of the written part.
    """

    def __init__(self, path: Path, name: str, type: str, limit: int) -> None:
        self._file: IO[bytes] = path.open("w+b")
        self._path = path
        self.name = name
        self.type = type
        self.size = 0
        self.too_large = False
        self._limit = limit
        self._hash = hashlib.sha256()

    @property
    def path(self) -> Path:
        """The path of the temporary file, flushed."""
        self.flush()
        return self._path

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex."""
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        """Write bytes. Raises OSError for a full disk, and removes the file then."""
        arrived = memoryview(data).nbytes
        self.size += arrived
        self.too_large = self.size > self._limit
        if not self.too_large:
            self._hash.update(data)
            with self._or_none():
                self._file.write(data)
        return arrived

    def flush(self) -> None:
        if not self._file.closed:
            with self._or_none():
                self._file.flush()

    @contextlib.contextmanager
    def _or_none(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.discard()
            raise

    def readinto(self, buffer: Any) -> int:
        taken = self._file.read(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.flush()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if "_file" in self.__dict__:
            self._file.close()
        super().close()

    def discard(self) -> None:
        """Remove the file, unless the store has it."""
        # Flushing unwritten data may fail on a full disk, and does not matter.
        with contextlib.suppress(OSError):
            self._file.close()
        # A file that stays is swept a day later; raising here would hide another error.
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


class Store(ABC):
    """Files under random keys, which never change, and a local folder for uploads and temporary files."""

    def __init__(self) -> None:
        self._unremoved: set[str] = set()

    @property
    @abstractmethod
    def uploads_folder(self) -> Path:
        """The folder for uploads and temporary files; it exists."""

    def keep(self, source: Path | Upload) -> str:
        """Move a file into the store; returns its key. The file is durable when this returns (rule 23)."""
        path = source.path if isinstance(source, Upload) else source
        if isinstance(source, Upload):
            # Windows can't move an open file.
            source.close()
        key = new_key()
        try:
            self.put(key, path)
        except OSError:
            # A bucket may have stored it without being able to acknowledge it.
            self.discard([key])
            raise
        path.unlink(missing_ok=True)
        return key

    @abstractmethod
    def put(self, key: str, path: Path) -> None:
        """Store a file under a given key, durably. A folder moves it, a bucket gets a copy."""

    @abstractmethod
    def duplicate(self, key: str) -> str:
        """Duplicate a file under a new key; returns it. Raises FileNotFoundError."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is a file with this key."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file, if it exists. Raises OSError."""

    @abstractmethod
    def discard(self, keys: Sequence[str]) -> None:
        """Remove files that nothing refers to; those that can't be removed now, later. Raises no OSError."""

    @abstractmethod
    def keys(self) -> Iterator[str]:
        """The keys of all files."""

    @abstractmethod
    def sweep(self, known: Callable[[list[str]], set[str]], older_than: float) -> int:
        """Remove unfinished uploads and files without a row, if older than `older_than` seconds.

        `known` returns those of the given keys that a row refers to. Returns how many files were removed.
        """

    @abstractmethod
    def check(self) -> None:
        """Raise OSError when no file can be stored."""

    def scratch(self) -> Path:
        """A new path for a temporary file."""
        return self.uploads_folder / secrets.token_hex(16)

    def receive(self, filename: str, content_type: str, limit: int) -> Upload:
        """Start an upload. Bytes beyond `limit` are counted but not written."""
        name = label(filename)
        return Upload(self.scratch(), name, safe_type(name, content_type), limit)

    def stale_uploads(self, before: float) -> list[Path]:
        """Unfinished uploads that were last written before a time."""
        return [path for path in self.uploads_folder.iterdir() if written_at(path) < before]


class Folder(Store):
    """A folder of files under random keys, with a subfolder for uploads and temporary files."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def __str__(self) -> str:
        return "the media folder"

    @property
    def uploads_folder(self) -> Path:
        folder = self.root / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def put(self, key: str, path: Path) -> None:
        """Move a file into the store under a given key. It is on the disk when this returns."""
        sync(path)
        place = self.path(key)
        is_first = not place.parent.exists()
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        try:
            sync(place.parent)
            if is_first:
                sync(self.root)
        except OSError:
            # Nobody knows this key.
            place.unlink(missing_ok=True)
            raise

    def duplicate(self, key: str) -> str:
        """As in a Store. Files never change, so a hard link is as good as a copy."""
        source, link = self.path(key), self.scratch()
        try:
            try:
                # sweep() removes old files without a row: the link must not look old before its row is created.
                os.utime(source)
                os.link(source, link)
            except FileNotFoundError:
                raise
            except OSError:
                # Some file systems have no hard links, and all limit them per file.
                shutil.copyfile(source, link)
            return self.keep(link)
        finally:
            # Does nothing once it was kept.
            link.unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """The path of a key. Raises ValueError for an invalid key."""
        if not KEY.fullmatch(key):
            raise ValueError("not a key")
        return self.root / key

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def remove(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def discard(self, keys: Sequence[str]) -> None:
        for key in [*keys, *list(self._unremoved)[:UNREMOVED_AT_ONCE]]:
            try:
                self.remove(key)
                self._unremoved.discard(key)
            except OSError as error:
                self._unremoved.add(key)
                logger.warning("can't remove %s from %s yet: %s", key, self, error)

    def check(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.root):
            pass

    def keys(self) -> Iterator[str]:
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            if KEY.fullmatch(key := f"{path.parent.name}/{path.name}"):
                yield key

    def sweep(self, known: Callable[[list[str]], set[str]], older_than: float) -> int:
        before = time.time() - older_than
        stale = self.stale_uploads(before)
        old = [key for key in self.keys() if written_at(self.path(key)) < before]
        for start in range(0, len(old), ASKED_AT_ONCE):
            batch = old[start : start + ASKED_AT_ONCE]
            named = known(batch)
            stale += [self.path(key) for key in batch if key not in named]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def new_key() -> str:
    """A key that no file has."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name[2:]}"


def written_at(path: Path) -> float:
    """When a file was last written; a file removed meanwhile counts as new."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return time.time()


def sync(path: Path) -> None:
    """Sync a file, or a folder's entries, to the disk: a rename is not durable before that (fsync(2))."""
    if os.name == "nt" and path.is_dir():
        return  # Windows can't open a folder, and syncs its entries itself.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def label(filename: str) -> str:
    """Clean a file name: its last part, on one line, with bounded length and its extension; never empty."""
    last = SURROGATES.sub("", re.split(r"[/\\]", ESCAPED.sub(lambda sign: unquote(sign[0]), filename))[-1])
    # Leave out the middle of a very long name.
    name = one_line(last if len(last) <= RAW_MAX else last[: RAW_MAX // 2] + last[-RAW_MAX // 2 :])
    if len(name) > NAME_MAX:
        stem, dot, ending = name.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= ENDING_MAX else ""
        name = beginning(name, NAME_MAX - len(ending)).rstrip() + ending
    return name if name.strip(". \u200d") else "file"


def safe_type(name: str, declared: str) -> str:
    """A media type that no browser runs as a page, by the file name, else as declared."""
    guessed, packing = TYPES.guess_type(name)
    if packing:
        return PACKED.get(packing, BYTES)
    kind = guessed or declared.partition(";")[0].strip().lower()
    if not TYPE.fullmatch(kind) or ACTIVE.search(kind):
        return BYTES
    return kind
