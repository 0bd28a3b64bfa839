"""Copying all files from the media folder into a bucket, or back, under the same keys.

Either can be interrupted at any point and run again: a file has its key only once all of it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lib.storage import Folder

if TYPE_CHECKING:
    from lib.s3 import Bucket
    from lib.s3_client import Content

THREADS = 8
BATCH = 200
# In a folder that is being filled: more files may be in it than in the bucket, where some were deleted since.
MARK = "moved-from-a-bucket"


class CannotMove(Exception):
    """The files can't be moved; the text is one line with the reason."""


@dataclass
class Moved:
    """What was moved: how many files there are, how many of those had to be copied, and their bytes.

    While this went on, `deleted` files were deleted, and `left` files came that are not copied yet.
    """

    files: int = 0
    copied: int = 0
    size: int = 0
    deleted: int = 0
    left: int = 0

    def count(self, size: int, is_copied: bool) -> None:
        """Count a file; one that was deleted meanwhile has the size DELETED."""
        if size == DELETED:
            self.deleted += 1
            return
        self.files += 1
        self.copied += is_copied
        self.size += size


DELETED = -1
Progress = Callable[[Moved], None]
Result = tuple[int, bool]


def to_bucket(folder: Folder, bucket: Bucket, progress: Progress) -> Moved:
    """Copy what the bucket does not have yet. Raises CannotMove, OSError, BucketError."""
    stored = sizes_in_bucket(bucket)
    if stored and bucket.owner() is None:
        raise CannotMove(f"{bucket} already has {len(stored):,} files, and does not say whose: choose an empty one.")
    bucket.check()

    def copy(key: str) -> Result:
        path = folder.path(key)
        try:
            size = path.stat().st_size
            if stored.get(key) == size and bucket.find(key) == (size, sha256(path)):
                return size, False
            bucket.put(key, path)
        except FileNotFoundError:
            return DELETED, False
        return size, True

    moved = in_batches(sorted(folder.keys()), copy, progress)
    moved.left = differing(sizes_in_folder(folder), sizes_in_bucket(bucket))
    return moved


def to_folder(bucket: Bucket, folder: Folder, progress: Progress) -> Moved:
    """Copy what the folder does not have yet. Raises CannotMove, OSError, BucketError."""
    bucket.check_owner()
    stored, present, mark = sizes_in_bucket(bucket), sizes_in_folder(folder), folder.uploads_folder / MARK
    if (others := len(present.keys() - stored.keys())) and not mark.exists():
        raise CannotMove(
            f"{folder.root} has {others:,} files that {bucket} does not have: empty it, or choose another MEDIA_DIR."
        )
    mark.touch()

    def copy(key: str) -> Result:
        try:
            with closing(bucket.open(key)) as content:
                if present.get(key) == content.size and content.checksum == sha256(folder.path(key)):
                    return content.size, False
                folder.put(key, fetched(content, folder.scratch(), f"{key} in {bucket}"))
                return content.size, True
        except FileNotFoundError:
            return DELETED, False

    moved = in_batches(sorted(stored), copy, progress)
    moved.left = differing(sizes_in_bucket(bucket), sizes_in_folder(folder))
    return moved


def fetched(content: Content, path: Path, name: str) -> Path:
    """Write an object to a file, whole and with its noted checksum. Raises CannotMove, BucketError."""
    digest = hashlib.sha256()
    try:
        with path.open("wb") as file:
            for piece in content:
                digest.update(piece)
                file.write(piece)
        if content.checksum not in (None, digest.hexdigest()):
            raise CannotMove(f"{name} is damaged: its checksum differs from the noted one.")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def in_batches(keys: Iterable[str], copy: Callable[[str], Result], progress: Progress) -> Moved:
    """Copy several files at once. Raises the first error after all that are being copied are done."""
    moved, rest = Moved(), iter(keys)
    with ThreadPoolExecutor(THREADS, "move") as pool:
        while batch := list(islice(rest, BATCH)):
            for result in pool.map(copy, batch):
                moved.count(*result)
            progress(moved)
    return moved


def sizes_in_bucket(bucket: Bucket) -> dict[str, int]:
    return {entry.key: entry.size for entry in bucket.entries()}


def sizes_in_folder(folder: Folder) -> dict[str, int]:
    """The size of each file, without those that are deleted meanwhile."""
    keys = folder.keys()
    return {key: size for key in keys if (size := size_of(folder.path(key))) is not None}


def size_of(path: Path) -> int | None:
    """A file's size; None when there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return None


def differing(source: dict[str, int], target: dict[str, int]) -> int:
    """How many files of the source are not the same in the target."""
    return sum(target.get(key) != size for key, size in source.items())


def sha256(path: Path) -> str:
    """A file's SHA-256 in hex. Raises FileNotFoundError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
