"""Files and avatars: the bytes, for who may see them, asked anew each time."""

from __future__ import annotations

import logging
import unicodedata
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, request, send_file
from flask.wrappers import Response
from werkzeug.http import parse_range_header

from auth import reader, session_or_token_required
from models import File, Membership, NotThere, User
from models.base import Media

bp = Blueprint("files", __name__)
log = logging.getLogger(__name__)


@bp.get("/files/<int:file_id>")
@session_or_token_required
def show(file_id: int) -> Response:
    file = File.visible_to(reader(), file_id)
    response = sent(file.key, file.type, f"file-{file.id}")
    response.headers["Content-Disposition"] = attachment(file.name)
    return response


@bp.get("/files/<int:file_id>/display")
@session_or_token_required
def display(file_id: int) -> Response:
    return picture(File.visible_to(reader(), file_id), "display")


@bp.get("/files/<int:file_id>/thumbnail")
@session_or_token_required
def thumbnail(file_id: int) -> Response:
    return picture(File.visible_to(reader(), file_id), "thumbnail")


@bp.get("/avatars/<int:user_id>/<version>")
@session_or_token_required
def avatar(user_id: int, version: str) -> Response:
    """Somebody's picture, for everyone signed in."""
    user = User.find(user_id)
    if user.avatar is None or user.avatar_url != f"/avatars/{user_id}/{version}":
        raise NotThere("avatar")
    return sent(user.avatar, None, f"avatar-{version}")


@bp.get("/chats/<int:chat_id>/picture/<version>")
@session_or_token_required
def chat_picture(chat_id: int, version: str) -> Response:
    """A chat's picture, for those who are in it."""
    chat = Membership.of(reader(), chat_id).chat
    if chat.picture is None or chat.picture_url != f"{chat.url}/picture/{version}":
        raise NotThere("picture")
    return sent(chat.picture, None, f"picture-{version}")


def picture(file: File, which: str) -> Response:
    """A copy that was written here, shown in its place."""
    key = file.display_key if which == "display" else file.thumbnail_key
    if key is None:
        raise NotThere("picture")
    return sent(key, None, f"{which}-{file.id}")


def sent(key: str, kind: str | None, etag: str) -> Response:
    """The bytes of a key, whole or as the Range header asks. Raises NotThere, told in the log, when they are gone."""
    path = Media.store.path(key)
    if not path.is_file():
        log.error("the bytes of %s are missing in the store (%s)", etag, key)
        raise NotThere("bytes")
    settle_range(path.stat().st_size)
    response = send_file(path, kind or drawn(path), conditional=True, etag=etag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.pop("Expires", None)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def settle_range(size: int) -> None:
    """Bring the Range header into what Werkzeug knows: one range of bytes, else the whole (RFC 9110, 14)."""
    if "Range" not in request.headers:
        return
    asked = parse_range_header(request.headers["Range"])
    if asked is None or asked.units != "bytes" or len(asked.ranges) > 1:
        # A unit that is not known, or no range at all, must be ignored; several at once may be.
        del request.environ["HTTP_RANGE"]
    elif asked.ranges[0][0] < -size and size:
        # The last so many bytes are all where there are fewer.
        request.environ["HTTP_RANGE"] = "bytes=0-"


def drawn(path: Path) -> str:
    """The type of a picture of our own writing, by its first bytes."""
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
    """RFC 6266 with both forms of the name: a plain one for old clients, and the true one (RFC 8187)."""
    letters = [sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign)]
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\%/' else "_" for sign in letters)
    true = quote(name.encode("utf-8", "replace"), safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{true}"
