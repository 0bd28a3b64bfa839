"""What one has begun to write in a chat."""

from __future__ import annotations

from typing import Any

from flask import g

import schemas
from api.door import NOTHING, A, api, speaks
from models import Membership


@api.get("/chats/<int:chat_id>/draft")
@speaks(A(200, schemas.Draft), errors=(404,))
def show_draft(chat_id: int) -> Any:
    """One's draft; where there is none, an empty one."""
    return Membership.of(g.user, chat_id).draft_dict()


@api.put("/chats/<int:chat_id>/draft")
@speaks(A(200, schemas.Draft), body=schemas.DraftChanges, errors=(404,))
def write_draft(chat_id: int, body: schemas.DraftChanges) -> Any:
    """Keep a draft, unless there is one written later; the one that stands is the answer."""
    return Membership.of(g.user, chat_id).write_draft(body.text, body.reply_to, body.written_micros)


@api.delete("/chats/<int:chat_id>/draft")
@speaks(A(204), errors=(404,))
def drop_draft(chat_id: int) -> Any:
    """Let go of a draft."""
    Membership.of(g.user, chat_id).write_draft("")
    return NOTHING
