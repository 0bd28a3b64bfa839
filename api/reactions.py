"""Reactions to messages."""

from __future__ import annotations

from typing import Any

from flask import g

from actions import reactions
from api import requests, responses
from api.endpoint import api, endpoint, paginate
from api.openapi import Answer
from auth import throttle
from models import Reaction, message_page


@api.get("/messages/<int:message_id>/reactions")
@endpoint(Answer(200, responses.Reactions), query=requests.ReactionsQuery, errors=(404,))
def list_reactions(message_id: int, query: requests.ReactionsQuery) -> Any:
    """List who reacted to a message, earliest first."""
    message = message_page.visible_to(g.user, message_id)[1]
    given = Reaction.given_to(message, query.limit + 1, query.after)
    items = [reaction.to_dict() for reaction in given]
    return paginate(items, query.limit, lambda: {"after": given[query.limit - 1].id})


@api.put("/messages/<int:message_id>/reactions/<emoji>")
@endpoint(Answer(200, responses.Message), errors=(404, 429))
def react(message_id: int, emoji: str) -> Any:
    """React to a message; repeating it changes nothing."""
    membership, message = message_page.visible_to(g.user, message_id)
    throttle("reactions", str(g.user.id))
    return reactions.add(membership, message.id, emoji).to_dict()


@api.delete("/messages/<int:message_id>/reactions/<emoji>")
@endpoint(Answer(200, responses.Message), errors=(404, 429))
def take_reaction_back(message_id: int, emoji: str) -> Any:
    """Remove your reaction; succeeds if there is none."""
    membership, message = message_page.visible_to(g.user, message_id)
    throttle("reactions", str(g.user.id))
    return reactions.remove(membership, message.id, emoji).to_dict()
