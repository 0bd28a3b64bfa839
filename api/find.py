"""Everything that a few typed letters may mean: a chat, somebody, something that was said."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _

import models
import schemas
from api.door import A, api, speaks


@api.get("/find")
@speaks(A(200, schemas.Finds), query=schemas.FindQuery)
def find_everything(query: schemas.FindQuery) -> Any:
    """Chats, people and messages for `q`, as it is typed: the last word may be a beginning."""
    found = models.glance(g.user, query.q, query.limit, models.zone_named(query.zone), called)
    messages = [
        {**message.to_dict(), "snippet": message.snippet, "chat_title": called(message.chat.title), "url": message.url}
        for message in found.messages
    ]
    chats = [{"id": chat.id, "title": chat.title, "url": chat.url} for chat in found.chats]
    people = [{**person.to_dict(), "url": person.url} for person in found.people]
    return {"chats": chats, "people": people, "messages": messages, "hints": [str(hint) for hint in found.hints]}


def called(title: str) -> str:
    """A chat's title, in the reader's language where the models named it."""
    return str(_(title.message, **title.params)) if isinstance(title, models.Words) else title
