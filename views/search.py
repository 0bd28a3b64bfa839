"""Search in the reader's chats."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from actions import searching
from models import Chat
from models.message import message_url
from views.clock import local_time, point_time, zone
from views.message_fields import Json, author_fields, label
from views.pages import chat_title, list_chats, login_required, me, page, query_id, translated_title
from views.row_templates import row_template

bp = Blueprint("search", __name__)

HITS = 20


@bp.get("/search")
@login_required
def index() -> ResponseReturnValue:
    q, author = (request.args.get(name, "").strip() for name in ("q", "author"))
    chat_id, before = query_id("chat_id"), query_id("before")
    found = searching.find(
        me(), q, searching.SearchFilters(chat_id, author or None, before, HITS + 1), zone(), translated_title
    )
    hits = found.messages
    older = hits[HITS - 1]["id"] if len(hits) > HITS else None
    shown: dict[str, Any] = {"q": q, "author": author, "chat_id": chat_id, "hits": fill(hits[:HITS]), "older": older}
    return page("search/index.html", listing=list_chats(), hints=found.hints, **shown)


def fill(hits: list[Json]) -> Markup:
    """Render the results."""
    template, chats = row_template("hit"), searching.chats_of(me(), hits)
    return Markup("".join(template.fill(hit_fields(hit, chats[hit["chat_id"]])) for hit in hits))


def hit_fields(hit: Json, chat: Chat) -> Json:
    """The fields of a result (templates/parts/hit.html)."""
    return {
        **author_fields(hit["author"]),
        "author": label(hit["author"]) if hit["author"] else _("Deleted user"),
        "title": chat_title(chat),
        "created_at": hit["created_at"],
        "time": point_time(local_time(hit["created_at"])),
        "url": message_url(hit["chat_id"], hit["id"]),
        "snippet": hit["snippet"],
    }
