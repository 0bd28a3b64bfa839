"""Reactions: an emoji under a message."""

from __future__ import annotations

from typing import Any

from flask import g

import schemas
from api.door import A, api, listing, speaks
from auth import throttle
from models import Message, Reaction


@api.get("/messages/<int:message_id>/reactions")
@speaks(A(200, schemas.Reactions), query=schemas.ReactionsQuery, errors=(404,))
def list_reactions(message_id: int, query: schemas.ReactionsQuery) -> Any:
    """Who reacted to a message, and with what, the earliest first."""
    message = Message.visible_to(g.user, message_id)[1]
    given = Reaction.given_to(message, query.limit + 1, query.after)
    told = [reaction.to_dict() for reaction in given]
    return listing(told, query.limit, lambda: {"after": given[query.limit - 1].id})


@api.put("/messages/<int:message_id>/reactions/<emoji>")
@speaks(A(200, schemas.Message), errors=(404, 429))
def react(message_id: int, emoji: str) -> Any:
    """Put an emoji under a message; given already, it stays."""
    mine, message = Message.visible_to(g.user, message_id)
    throttle("reactions", str(g.user.id))
    return Reaction.give(mine, message.id, emoji).to_dict()


@api.delete("/messages/<int:message_id>/reactions/<emoji>")
@speaks(A(200, schemas.Message), errors=(404, 429))
def take_reaction_back(message_id: int, emoji: str) -> Any:
    """Take one's own emoji away; none there is fine."""
    mine, message = Message.visible_to(g.user, message_id)
    throttle("reactions", str(g.user.id))
    return Reaction.take_back(mine, message.id, emoji).to_dict()
