"""Search as you type: chats, people and messages at once."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _

import models
from actions import searching
from api import requests, responses
from api.endpoint import api, endpoint
from api.openapi import Answer
from lib.time_zones import zone_named
from models.message import message_url


@api.get("/find")
@endpoint(Answer(200, responses.Finds), query=requests.FindQuery)
def find_everything(query: requests.FindQuery) -> Any:
    """Find chats, people and messages while `q` is typed: its last word may be incomplete."""
    found = searching.quick_find(g.user, query.q, query.limit, zone_named(query.zone), translated_title)
    chats_by_id = searching.chats_of(g.user, found.messages)
    messages = [
        {
            **message,
            "chat_title": translated_title(chats_by_id[message["chat_id"]].title),
            "url": message_url(message["chat_id"], message["id"]),
        }
        for message in found.messages
    ]
    chats = [{"id": chat.id, "title": chat.title, "url": chat.url} for chat in found.chats]
    people = [{**person.to_dict(), "url": person.url} for person in found.people]
    return {"chats": chats, "people": people, "messages": messages, "hints": [str(hint) for hint in found.hints]}


def translated_title(title: str) -> str:
    """Translate a title if the models chose it."""
    return str(_(title.message, **title.params)) if isinstance(title, models.Words) else title
