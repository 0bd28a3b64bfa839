"""Bytes of files: a folder, by random keys; what a person called a file is a label, never a path."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import Path
from typing import IO, Any

KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}")
NAME_MAX = 200
ENDING_MAX = 16
ASKED_AT_ONCE = 500
# What a browser might run as a page of this site, or take for a part of one; it goes out as mere bytes (rule 15).
ACTIVE = re.compile(r"html|xml|svg|script|flash|wasm|css|manifest|multipart|message|mime", re.IGNORECASE)
TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,127}")
BYTES = "application/octet-stream"
PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# Python's own list and no system's, so that every host gives a name the same type.
TYPES = mimetypes.MimeTypes()


class Upload(RawIOBase):
    """A file on its way in: written, counted and hashed as it arrives. What exceeds the limit is not kept.

    `size` goes on counting then, and `digest` is that of the part kept.
    """

    def __init__(self, path: Path, name: str, type: str, limit: int) -> None:
        self._file: IO[bytes] = path.open("w+b")
        self._path = path
        self.name = name
        self.type = type
        self.size = 0
        self.too_large = False
        self.kept = False
        self._limit = limit
        self._hash = hashlib.sha256()

    @property
    def path(self) -> Path:
        """Where it lies; all that was written can be read there."""
        self.flush()
        return self._path

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex."""
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        """Take bytes in. A full disk is told to the caller, and nothing stays of the file."""
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
        """Take the file away again, unless it was kept."""
        # What was not written yet may not find room, and need not.
        with contextlib.suppress(OSError):
            self._file.close()
        if not self.kept:
            self._path.unlink(missing_ok=True)


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
            # Windows moves no file that is open.
            source.close()
        sync(path)
        name = secrets.token_hex(16)
        key = f"{name[:2]}/{name[2:]}"
        place = self.root / key
        is_first = not place.parent.exists()
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        if isinstance(source, Upload):
            source.kept = True
        sync(place.parent)
        if is_first:
            sync(self.root)
        return key

    def duplicate(self, key: str) -> str:
        """Keep the same bytes under a key of their own; returns it. Raises FileNotFoundError where there are none.

        What is kept is never written to, so two names of one file are as good as two files.
        """
        source, link = self.path(key), self.scratch()
        try:
            # The sweeper takes what is old and has no row: the new name must not look old before its row is there.
            os.utime(source)
            os.link(source, link)
        except FileNotFoundError:
            raise
        except OSError:
            # Not every file system has hard links, and each has only so many of them a file.
            shutil.copyfile(source, link)
        return self.keep(link)

    def path(self, key: str) -> Path:
        """Where the bytes of a key lie. Raises ValueError for what is no key."""
        if not KEY.fullmatch(key):
            raise ValueError("not a key")
        return self.root / key

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def remove(self, key: str) -> None:
        """Take the bytes away; none there is fine."""
        self.path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Everything that is kept."""
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            if KEY.fullmatch(key := f"{path.parent.name}/{path.name}"):
                yield key

    def sweep(self, known: Callable[[list[str]], set[str]], older_than: float) -> int:
        """Remove what no row names and what never finished arriving, when older than so many seconds.

        `known` picks from some keys those that a row names. Returns how many files went.
        """
        before = time.time() - older_than
        stale = [path for path in self.incoming.iterdir() if written_at(path) < before]
        old = [key for key in self.keys() if written_at(self.path(key)) < before]
        for start in range(0, len(old), ASKED_AT_ONCE):
            some = old[start : start + ASKED_AT_ONCE]
            named = known(some)
            stale += [self.path(key) for key in some if key not in named]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def written_at(path: Path) -> float:
    """When a file was last written; one that went meanwhile counts as new."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return time.time()


def sync(path: Path) -> None:
    """Bring a file, or a folder's own entries, to the disk: a rename is not there before that (fsync(2))."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folder, and keeps its entries itself.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def label(filename: str) -> str:
    """The last part of a file's name, on one line, bounded, its ending kept; never empty."""
    last = re.split(r"[/\\]", filename)[-1]
    # To sort a million combining marks into normal form takes minutes: the middle of so long a name is left out.
    last = unicodedata.normalize("NFC", last[: 4 * NAME_MAX] + last[4 * NAME_MAX :][-NAME_MAX:])
    # Joiners of emoji may stay; all else that can't be seen might make an .exe look like a .pdf.
    seen = "".join(letter for letter in last if letter == "\u200d" or unicodedata.category(letter)[0] != "C"
                   or letter.isspace())  # fmt: skip
    name = " ".join(seen.split())
    if len(name) > NAME_MAX:
        stem, dot, ending = name.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= ENDING_MAX else ""
        name = name[: NAME_MAX - len(ending)].rstrip() + ending
    return name if name.strip(". \u200d") else "file"


def safe_type(name: str, declared: str) -> str:
    """A media type that no browser runs as a page: by the name, else as declared."""
    guessed, packing = TYPES.guess_type(name)
    if packing:
        return PACKED.get(packing, BYTES)
    kind = guessed or declared.partition(";")[0].strip().lower()
    if not TYPE.fullmatch(kind) or ACTIVE.search(kind):
        return BYTES
    return kind
