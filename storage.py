"""Bytes of files: a folder, by random keys; what a person called a file is a label, never a path."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import Path
from typing import IO, Any, Protocol

from text import one_line

KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}")
NAME_MAX = 200
# What a browser might run as a page of this site; it goes out as mere bytes (rule 15).
ACTIVE = re.compile(r"html|xml|svg|script|ecmascript|x-shockwave|pdf-js|wasm", re.IGNORECASE)
TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,127}")
BYTES = "application/octet-stream"


class Upload(RawIOBase):
    """A file on its way in: written, counted and hashed as it arrives. What exceeds the limit is not kept."""

    def __init__(self, path: Path, name: str, type: str, limit: int) -> None:
        super().__init__()
        self.path = path
        self.name = name
        self.type = type
        self.size = 0
        self.too_large = False
        self.kept = False
        self._limit = limit
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = path.open("w+b")

    def write(self, data: Any) -> int:
        self.size += len(data)
        if self.size > self._limit:
            self.too_large = True
        else:
            self._hash.update(data)
            self._file.write(data)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._file.flush()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex."""
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Take the file away again, unless it was kept."""
        self._file.close()
        if not self.kept:
            self.path.unlink(missing_ok=True)


class Store(Protocol):
    """What the models ask of a place for bytes."""

    def receive(self, filename: str, content_type: str, limit: int) -> Upload: ...
    def scratch(self) -> Path: ...
    def keep(self, source: Path | Upload) -> str: ...
    def path(self, key: str) -> Path: ...
    def exists(self, key: str) -> bool: ...
    def remove(self, key: str) -> None: ...
    def sweep(self, known: Callable[[list[str]], set[str]], older_than: float) -> int: ...


class Folder:
    """A folder of files under random keys, and a side room for what is still arriving."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def incoming(self) -> Path:
        folder = self.root / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def scratch(self) -> Path:
        """A path of one's own in the side room."""
        return self.incoming / secrets.token_hex(16)

    def receive(self, filename: str, content_type: str, limit: int) -> Upload:
        """Open a file for what arrives; more than `limit` bytes are counted and not kept."""
        name = label(filename)
        return Upload(self.scratch(), name, safe_type(name, content_type), limit)

    def keep(self, source: Path | Upload) -> str:
        """Move a file into place; returns its key. It is on the disk when this returns (rule 23)."""
        path = source.path if isinstance(source, Upload) else source
        if isinstance(source, Upload):
            source.flush()
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        name = secrets.token_hex(16)
        key = f"{name[:2]}/{name[2:]}"
        place = self.root / key
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        sync_folder(place.parent)
        if isinstance(source, Upload):
            source.kept = True
        return key

    def path(self, key: str) -> Path:
        """Where the bytes of a key lie. Raises ValueError for what is no key."""
        if not KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return self.root / key

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def remove(self, key: str) -> None:
        """Take the bytes away; none there is fine."""
        self.path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[tuple[str, Path]]:
        """Everything that is kept."""
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            key = f"{path.parent.name}/{path.name}"
            if KEY.fullmatch(key):
                yield key, path

    def sweep(self, known: Callable[[list[str]], set[str]], older_than: float) -> int:
        """Remove what no row names and what never finished arriving, when older than so many seconds.

        `known` picks from some keys those that a row names. Returns how many files went.
        """
        before = time.time() - older_than
        stale = [path for path in self.incoming.iterdir() if age(path) < before]
        old = [(key, path) for key, path in self.keys() if age(path) < before]
        for start in range(0, len(old), 500):
            some = old[start : start + 500]
            named = known([key for key, _ in some])
            stale += [path for key, path in some if key not in named]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def age(path: Path) -> float:
    """When a file was last written; one that went meanwhile counts as new."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return time.time()


def sync_folder(folder: Path) -> None:
    """Bring a folder's own entries to the disk: a rename is not there before that (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def label(filename: str) -> str:
    """The last part of a file's name, on one line, bounded, its ending kept; never empty."""
    name = one_line(re.split(r"[/\\]", filename)[-1])
    if len(name) > NAME_MAX:
        stem, dot, ending = name.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= 16 else ""
        name = name[: NAME_MAX - len(ending)] + ending
    return name if name.strip(". ") else "file"


def safe_type(name: str, declared: str) -> str:
    """A media type that no browser runs as a page: by the name, else as declared."""
    guessed = mimetypes.guess_type(name)[0] or declared.partition(";")[0].strip().lower()
    if not TYPE.fullmatch(guessed) or ACTIVE.search(guessed):
        return BYTES
    return guessed
