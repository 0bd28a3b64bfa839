"""Files, avatars and chat pictures: checks permission on each request and serves the bytes."""

from __future__ import annotations

import logging
import unicodedata
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, request, send_file
from flask.wrappers import Response
from werkzeug.http import parse_range_header

from auth import requesting_user, session_or_token_required
from models import File, Membership, NotThere, User
from models.base import media

bp = Blueprint("files", __name__)
logger = logging.getLogger(__name__)


@bp.get("/files/<int:file_id>")
@session_or_token_required
def show(file_id: int) -> Response:
    file = File.visible_to(requesting_user(), file_id)
    response = serve(file.key, file.type, f"file-{file.id}")
    response.headers["Content-Disposition"] = attachment(file.name)
    return response


@bp.get("/files/<int:file_id>/display")
@session_or_token_required
def display(file_id: int) -> Response:
    return picture(File.visible_to(requesting_user(), file_id), "display")


@bp.get("/files/<int:file_id>/thumbnail")
@session_or_token_required
def thumbnail(file_id: int) -> Response:
    return picture(File.visible_to(requesting_user(), file_id), "thumbnail")


@bp.get("/avatars/<int:user_id>/<version>")
@session_or_token_required
def avatar(user_id: int, version: str) -> Response:
    """Serve a user's avatar to anyone who is signed in."""
    user = User.find(user_id)
    if user.avatar is None or user.avatar_url != f"/avatars/{user_id}/{version}":
        raise NotThere("avatar")
    return serve(user.avatar, None, f"avatar-{version}")


@bp.get("/chats/<int:chat_id>/picture/<version>")
@session_or_token_required
def chat_picture(chat_id: int, version: str) -> Response:
    """Serve a chat's picture to its members."""
    chat = Membership.of(requesting_user(), chat_id).chat
    if chat.picture is None or chat.picture_url != f"{chat.url}/picture/{version}":
        raise NotThere("picture")
    return serve(chat.picture, None, f"picture-{version}")


def picture(file: File, which: str) -> Response:
    """Serve one of a picture's resized copies."""
    key = file.display_key if which == "display" else file.thumbnail_key
    if key is None:
        raise NotThere("picture")
    return serve(key, None, f"{which}-{file.id}")


def serve(key: str, kind: str | None, name: str) -> Response:
    """Serve the bytes of a key, whole or the requested range. Raises NotThere, and logs it, if they are missing."""
    path = media.store.path(key)
    if not path.is_file():
        logger.error("the bytes of %s are missing in the store (%s)", name, key)
        raise NotThere("bytes")
    normalize_range(path.stat().st_size)
    # The ETag is not the id: after a restored backup the id may be another file's, and browsers would show the old one.
    response = send_file(path, kind or image_type(path), conditional=True, etag=key[-12:])
    if response.status_code == 206 and "gunicorn.socket" in request.environ:
        send_from(response, path)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.pop("Expires", None)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def send_from(response: Response, path: Path) -> None:
    """Let gunicorn send a range of a file: Werkzeug would read everything before it."""
    response.response.close()  # type: ignore[union-attr]
    file = path.open("rb", buffering=0)
    file.seek(response.content_range.start or 0)
    response.response = request.environ["wsgi.file_wrapper"](file)


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


def image_type(path: Path) -> str:
    """Detect the type of a picture that this app wrote, by its first bytes."""
    with path.open("rb") as picture:
        start = picture.read(12)
    if start.startswith(b"\x89PNG"):
        return "image/png"
    if start.startswith(b"GIF8"):
        return "image/gif"
    if start[8:12] == b"WEBP":
        return "image/webp"
    return "image/jpeg"


def attachment(name: str) -> str:
    """Build a Content-Disposition (RFC 6266) with an ASCII name for old clients and the real one (RFC 8187)."""
    letters = [sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign)]
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\%/' else "_" for sign in letters)
    true = quote(name.encode("utf-8", "replace"), safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{true}"
