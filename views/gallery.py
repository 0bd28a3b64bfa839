"""The pictures and files of a chat on a page of their own."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from models import Membership
from views.pages import asked, me, page, signed_in

bp = Blueprint("gallery", __name__)

SHOWN = 60
KINDS = ("pictures", "files")


@bp.get("/chats/<int:chat_id>/files")
@signed_in
def index(chat_id: int) -> ResponseReturnValue:
    """Newest first; `?kind=pictures` or `?kind=files` alone."""
    mine = Membership.of(me(), chat_id)
    kind = request.args.get("kind") if request.args.get("kind") in KINDS else None
    found = mine.files(kind, asked("before"), SHOWN + 1)
    older = found[SHOWN - 1].id if len(found) > SHOWN else None
    return page("chats/files.html", mine=mine, files=found[:SHOWN], kind=kind, older=older)
