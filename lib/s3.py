"""The file store in an S3-compatible bucket. Importing this imports boto3, so only lib/stores.py does.

docs/decisions/0041-files-in-a-bucket.md
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lib import jobs
from lib.s3_client import CHECKSUM, Content, EmptyObject, S3Client
from lib.storage import KEY, BucketError, Store, new_key

logger = logging.getLogger(__name__)

# What S3 takes in one request.
REMOVED_AT_ONCE = 1000
SIGNED_SECONDS = 60
SWEEP_SECONDS = 5.0
# The object that names the installation whose files are in the bucket.
OWNER = "installation"


class Entry(NamedTuple):
    """An object in a listing; `modified` is in seconds since 1970."""

    key: str
    size: int
    modified: float


class Bucket(Store):
    """Files as objects of a bucket, each under its key. Uploads and temporary files lie in a local folder."""

    def __init__(
        self,
        name: str,
        *,
        key_id: str,
        secret: str,
        region: str,
        owner: str,
        endpoint: str | None = None,
        redirect: bool = False,
        uploads_folder: Path | None = None,
        at_once: int = 6,
    ) -> None:
        """`owner` identifies the installation; `redirect` sends people to signed addresses for their downloads.

        At most `at_once` requests are made at the same time; others wait a little, and then fail.
        """
        super().__init__()
        self.name = name
        self.redirect = redirect
        self.client = S3Client(name, key_id, secret, region, endpoint, at_once)
        self._owner = owner
        self._uploads_folder = uploads_folder
        self._is_removing = False

    def __str__(self) -> str:
        return f"the bucket {self.name}"

    @property
    def uploads_folder(self) -> Path:
        folder = self._uploads_folder or private_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    # Files

    def put(self, key: str, path: Path) -> None:
        """Store a copy of a file under a given key. Returns when the bucket has acknowledged these very bytes."""
        sha256, md5 = checksums(path)
        # In one request, which takes 5 GB, twice what FILE_MAX can be: there is no such thing as half an object.
        with path.open("rb") as file:
            self.client.ask(
                "put_object",
                Key=checked(key),
                Body=file,
                ContentMD5=md5,
                ContentType="application/octet-stream",
                Metadata={CHECKSUM: sha256},
            )

    def duplicate(self, key: str) -> str:
        """As in a Store. The bytes stay in the bucket."""
        copy = new_key()
        try:
            self.client.ask("copy_object", Key=copy, CopySource={"Bucket": self.name, "Key": checked(key)})
        except BucketError:
            self.discard([copy])
            raise
        return copy

    def open(self, key: str, start: int = 0, length: int | None = None) -> Content:
        """Begin to fetch a file, or `length` bytes of it; close what is returned.

        Raises FileNotFoundError, BucketError.
        """
        part = {} if length is None else {"Range": f"bytes={start}-{start + length - 1}"}
        try:
            return self.client.fetch(Key=checked(key), **part)
        except EmptyObject:
            return self.client.fetch(Key=key)

    def find(self, key: str) -> tuple[int, str | None] | None:
        """The size of a file and its SHA-256, if that was noted; None when it is not there."""
        try:
            answer = self.client.ask("head_object", Key=checked(key))
        except FileNotFoundError:
            return None
        return answer["ContentLength"], answer.get("Metadata", {}).get(CHECKSUM)

    def exists(self, key: str) -> bool:
        return self.find(key) is not None

    def signed_address(self, key: str, content_type: str, disposition: str) -> str:
        """An address that gives a file to anyone, for a minute, with these headers."""
        return self.client.signed_address(
            SIGNED_SECONDS,
            Key=checked(key),
            ResponseContentType=content_type,
            ResponseContentDisposition=disposition,
            ResponseCacheControl="private, no-store",
        )

    def entries(self) -> Iterator[Entry]:
        """All files, in the order of their keys."""
        for page in self._pages():
            yield from page

    def keys(self) -> Iterator[str]:
        return (entry.key for entry in self.entries())

    # Removing

    def remove(self, key: str) -> None:
        # Amazon S3 does not mind that there is none; some other stores do.
        with contextlib.suppress(FileNotFoundError):
            self.client.ask("delete_object", Key=checked(key))

    def remove_all(self, keys: Sequence[str]) -> None:
        """Remove files with few requests. Raises BucketError when some could not be removed."""
        for start in range(0, len(keys), REMOVED_AT_ONCE):
            objects = [{"Key": checked(key)} for key in keys[start : start + REMOVED_AT_ONCE]]
            try:
                answer = self.client.ask("delete_objects", Delete={"Objects": objects, "Quiet": True})
            except BucketError as error:
                if not error.can_split:
                    raise
                # Some stores have no request for many keys.
                for wanted in objects:
                    self.remove(wanted["Key"])
                continue
            if failed := answer.get("Errors"):
                raise BucketError(f"{self} did not remove {failed[0].get('Key')}: {failed[0].get('Code')}")

    def discard(self, keys: Sequence[str]) -> None:
        """As in a Store, in the background: the caller may hold the write lock of the database (rule 19)."""
        self._unremoved.update(keys)
        if self._unremoved and not self._is_removing:
            self._is_removing = True
            try:
                jobs.enqueue(self._remove_discarded)
            except jobs.Full:
                self._is_removing = False

    def _remove_discarded(self) -> None:
        self._is_removing = False
        keys = list(self._unremoved)
        try:
            self.remove_all(keys)
            self._unremoved.difference_update(keys)
        except BucketError as error:
            logger.warning("can't remove %d files yet, first %s: %s", len(keys), keys[0], error)

    def sweep(self, known: Callable[[list[str]], set[str]], older_than: float) -> int:
        """As in a Store, for some seconds at most, from a random key on: each start sweeps another part of many files.

        When most files have no row, the database is rather the wrong one, and they stay.
        """
        before = time.time() - older_than
        stale = self.stale_uploads(before)
        for path in stale:
            path.unlink(missing_ok=True)
        old, unnamed, end = 0, [], time.monotonic() + SWEEP_SECONDS
        for page in self._pages_from(f"{random.randrange(256):02x}/"):
            keys = [entry.key for entry in page if entry.modified < before]
            named = known(keys) if keys else set()
            old += len(keys)
            unnamed += [key for key in keys if key not in named]
            if time.monotonic() > end:
                break
        if 2 * len(unnamed) > old:
            logger.warning("no row names %d of %d files in %s: they stay", len(unnamed), old, self)
            unnamed = []
        self.remove_all(unnamed)
        return len(stale) + len(unnamed)

    # Asking the bucket

    def check(self) -> None:
        """Raise BucketError when the bucket can't be used, or belongs to another installation."""
        self.client.ask("list_objects_v2", MaxKeys=1)
        self.check_owner()
        self.client.ask("put_object", Key=OWNER, Body=self._owner.encode(), ContentType="text/plain")

    def check_owner(self) -> None:
        """Raise BucketError when the bucket belongs to another installation."""
        # Two installations with one bucket would sweep each other's files.
        if self.owner() not in (None, self._owner):
            raise BucketError(
                f"{self} has the files of another installation, or SECRET_KEY was changed: choose another S3_BUCKET, "
                f"or delete the object `{OWNER}` in it.",
                is_final=True,
            )

    def owner(self) -> str | None:
        """The installation whose files are in the bucket; None if that was not noted."""
        try:
            with contextlib.closing(self.client.fetch(Key=OWNER)) as content:
                return content.start(100).decode("ascii", "replace")
        except FileNotFoundError:
            return None

    def _pages_from(self, first: str) -> Iterator[list[Entry]]:
        """All files, those with a key above `first` before the others."""
        yield from self._pages(after=first)
        yield from self._pages(until=first)

    def _pages(self, after: str = "", until: str = "") -> Iterator[list[Entry]]:
        """The files with a key above `after` and below `until`, up to a thousand at a time."""
        more: dict[str, str] = {"StartAfter": after} if after else {}
        while True:
            answer = self.client.ask("list_objects_v2", **more)
            found = [
                Entry(one["Key"], one["Size"], one["LastModified"].timestamp())
                for one in answer.get("Contents", ())
                if KEY.fullmatch(one["Key"])
            ]
            page = [entry for entry in found if not until or entry.key < until]
            if page:
                yield page
            if not answer.get("IsTruncated") or len(page) < len(found):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}


def private_folder() -> Path:
    """The local folder for uploads, which only this user may read. Raises PermissionError for another's."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"flask-chat-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if os.name == "posix" and (found.st_uid != user or found.st_mode & 0o077 or folder.is_symlink()):
        raise PermissionError(errno.EACCES, "others can use this folder", str(folder))
    return folder


def checked(key: str) -> str:
    """Return a key as it is. Raises ValueError for an invalid one."""
    if not KEY.fullmatch(key):
        raise ValueError("not a key")
    return key


def checksums(path: Path) -> tuple[str, str]:
    """A file's SHA-256 in hex, and its MD5 in base64, which every store compares with what has arrived."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(2**20):
            sha256.update(piece)
            md5.update(piece)
    return sha256.hexdigest(), base64.b64encode(md5.digest()).decode()
