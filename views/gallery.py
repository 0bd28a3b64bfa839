"""The page of a chat's pictures and files."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from models import File, Membership
from views.pages import login_required, me, page, query_id

bp = Blueprint("gallery", __name__)

PAGE_SIZE = 60
KINDS = ("pictures", "files")


@bp.get("/chats/<int:chat_id>/files")
@login_required
def index(chat_id: int) -> ResponseReturnValue:
    """List them, newest first; `?kind=pictures` or `?kind=files` filters."""
    membership = Membership.of(me(), chat_id)
    kind = request.args.get("kind") if request.args.get("kind") in KINDS else None
    found = File.listed(membership.chat_id, kind, query_id("before"), PAGE_SIZE + 1)
    older = found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None
    return page("chats/files.html", membership=membership, files=found[:PAGE_SIZE], kind=kind, older=older)
