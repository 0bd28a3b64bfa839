"""Choosing where files are stored: in a folder or in a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.storage import Folder, Store

if TYPE_CHECKING:
    from lib.s3 import Bucket


def open_store(folder: Path, bucket: dict[str, Any] | None) -> Store:
    """The bucket, given the keyword arguments of `lib.s3.Bucket`; the folder without them. Asks no server yet."""
    return Folder(folder) if bucket is None else open_bucket(bucket)


def open_bucket(bucket: dict[str, Any]) -> Bucket:
    """The bucket. Asks no server yet."""
    from lib.s3 import Bucket

    return Bucket(**bucket)
