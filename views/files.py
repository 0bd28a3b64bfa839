"""Files, avatars and chat pictures: checks permission on each request and serves the bytes."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from flask import Blueprint
from flask.wrappers import Response

from auth import requesting_user, session_or_token_required
from models import File, Membership, NotThere, User
from views.sending import serve

bp = Blueprint("files", __name__)


@bp.get("/files/<int:file_id>")
@session_or_token_required
def show(file_id: int) -> Response:
    file = File.visible_to(requesting_user(), file_id)
    return serve(file.key, file.type, f"file-{file.id}", attachment(file.name))


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


def attachment(name: str) -> str:
    """Build a Content-Disposition (RFC 6266) with an ASCII name for old clients and the real one (RFC 8187)."""
    letters = [sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign)]
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\%/' else "_" for sign in letters)
    true = quote(name.encode("utf-8", "replace"), safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{true}"
