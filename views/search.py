"""Search in one's own chats."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

import models
from views.clock import zone
from views.pages import asked, called, listed, me, page, signed_in

bp = Blueprint("search", __name__)

HITS = 20


@bp.get("/search")
@signed_in
def index() -> ResponseReturnValue:
    q, author = (request.args.get(name, "").strip() for name in ("q", "author"))
    chat_id, before = asked("chat_id"), asked("before")
    found = models.find(me(), q, models.Narrowing(chat_id, author or None, before, HITS + 1), zone(), called)
    hits = found.messages
    older = hits[HITS - 1].id if len(hits) > HITS else None
    shown: dict[str, Any] = {"q": q, "author": author, "chat_id": chat_id, "hits": hits[:HITS], "older": older}
    return page("search/index.html", listing=listed(), hints=found.hints, **shown)
