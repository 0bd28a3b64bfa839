"""The bytes of a file as an answer, from the media folder or from a bucket: whole, a range, or "not modified"."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import redirect, request, send_file
from flask.wrappers import Response
from werkzeug.http import parse_range_header

from lib.storage import BucketError, Folder
from models import NotThere
from models.base import database, media

if TYPE_CHECKING:
    from lib.s3 import Bucket
    from lib.s3_client import Content

logger = logging.getLogger(__name__)

# Bytes that identify a picture's format.
START = 12


def serve(key: str, kind: str | None, name: str, disposition: str | None = None) -> Response:
    """Answer with the bytes of a key. Without a `kind` it is a picture that this app wrote.

    Raises NotThere, and logs it, if the bytes are missing.
    """
    try:
        if isinstance(media.store, Folder):
            response = from_folder(media.store.path(key), key, kind)
        else:
            response = from_bucket(cast("Bucket", media.store), key, kind, disposition)
    except FileNotFoundError as error:
        logger.error("the bytes of %s are missing in the store (%s)", name, key)
        raise NotThere("bytes") from error
    if disposition is not None:
        response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.pop("Expires", None)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def tag(key: str) -> str:
    """The ETag. Not the id: after a restored backup that may be another file's, and browsers would show the old one."""
    return key[-12:]


# From the media folder


def from_folder(path: Path, key: str, kind: str | None) -> Response:
    """Send a file of the media folder. Raises FileNotFoundError."""
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "not in the media folder")
    normalize_range(path.stat().st_size)
    response = send_file(path, kind or image_type(path), conditional=True, etag=tag(key))
    if response.status_code == 206 and "gunicorn.socket" in request.environ:
        send_from(response, path)
    return response


def send_from(response: Response, path: Path) -> None:
    """Let gunicorn send a range of a file: Werkzeug would read everything before it."""
    response.response.close()  # type: ignore[union-attr]
    file = path.open("rb", buffering=0)
    file.seek(response.content_range.start or 0)
    response.response = request.environ["wsgi.file_wrapper"](file)


def image_type(path: Path) -> str:
    """Detect the type of a picture that this app wrote, by its first bytes."""
    with path.open("rb") as picture:
        return picture_type(picture.read(START))


# From a bucket


def from_bucket(bucket: Bucket, key: str, kind: str | None, disposition: str | None) -> Response:
    """Send an object as a file of the folder would be sent. Raises FileNotFoundError, BucketError.

    Downloads are redirected to the bucket where S3_REDIRECT is on.
    """
    if is_known(key):
        # Files never change, so the bucket need not be asked.
        return conditional(key, None)
    # The bucket may take long: no connection of the database is held meanwhile.
    database.end_request(is_sound=True)
    is_redirect = bucket.redirect and disposition is not None and request.method == "GET"
    if request.method == "GET" and "Range" not in request.headers and not is_redirect:
        content = bucket.open(key)
        response = conditional(key, kind, content)
        if response.status_code == 200:
            send(response, content)
        else:
            content.close()
        return response
    with closing(bucket.open(key, 0, START)) as content:
        if is_redirect:
            return cast("Response", redirect(bucket.signed_address(key, kind or "", disposition or "")))
        response = conditional(key, kind, content)
    if request.method == "GET" and response.status_code == 206:
        send(response, bucket.open(key, response.content_range.start or 0, response.content_length))
    elif request.method == "GET" and response.status_code == 200:
        send(response, bucket.open(key))
    return response


def is_known(key: str) -> bool:
    """Whether the client has these bytes, and asks for nothing else."""
    others = {"Range", "If-Match"} & set(request.headers.keys())
    return not others and request.if_none_match.contains_weak(tag(key))


def conditional(key: str, kind: str | None, content: Content | None = None) -> Response:
    """The answer to a conditional or range request, without its bytes. Raises RequestedRangeNotSatisfiable.

    Without content it is "not modified".
    """
    try:
        response = Response(iter(()), direct_passthrough=True)
        response.headers.set("Content-Disposition", "inline", filename=key.rpartition("/")[2])
        response.set_etag(tag(key))
        if content is not None:
            normalize_range(content.size)
            response.mimetype = kind or picture_type(content.start(START))
            response.content_length = content.size
            response.last_modified = content.modified
        size = content.size if content is not None else None
        response.make_conditional(request.environ, accept_ranges=True, complete_length=size)
        return response
    except BaseException:
        if content is not None:
            content.close()
        raise


def send(response: Response, content: Content) -> None:
    """Let an answer have these bytes, as they arrive."""
    response.response = pieces(content, request.environ.get("gunicorn.socket"))
    response.call_on_close(content.close)


def pieces(content: Content, sock: object) -> Iterator[bytes]:
    """Yield the bytes as they arrive. When they break off, so does the connection: the client knows the length."""
    try:
        # By its name: gunicorn's master has loaded our worker apart from the app. Other servers' sockets have none.
        with getattr(sock, "spooling", nullcontext)():
            yield from content
    except BucketError as error:
        logger.warning("a download was cut: %s", error)
        raise ConnectionResetError(errno.ECONNRESET, "the bytes broke off") from error
    finally:
        content.close()


# Both


def normalize_range(size: int) -> None:
    """Reduce the Range header to what Werkzeug supports: one range of bytes, else the whole (RFC 9110, 14)."""
    if "Range" not in request.headers:
        return
    range_header = parse_range_header(request.headers["Range"])
    if range_header is None or range_header.units != "bytes" or len(range_header.ranges) > 1:
        # An unknown unit or an invalid range must be ignored; several ranges may be.
        del request.environ["HTTP_RANGE"]
    elif range_header.ranges[0][0] < -size and size:
        # A suffix longer than the file means the whole file.
        request.environ["HTTP_RANGE"] = "bytes=0-"


def picture_type(start: bytes) -> str:
    """The type of a picture that this app wrote, by its first bytes."""
    if start.startswith(b"\x89PNG"):
        return "image/png"
    if start.startswith(b"GIF8"):
        return "image/gif"
    if start[8:12] == b"WEBP":
        return "image/webp"
    return "image/jpeg"
