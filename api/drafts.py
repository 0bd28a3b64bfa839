"""Drafts: unsent text, one for each member of a chat."""

from __future__ import annotations

from typing import Any

from flask import g

from actions import drafts
from api import requests, responses
from api.endpoint import NOTHING, api, endpoint
from api.openapi import Answer
from models import Membership


@api.get("/chats/<int:chat_id>/draft")
@endpoint(Answer(200, responses.Draft), errors=(404,))
def show_draft(chat_id: int) -> Any:
    """Get your draft; an empty one if there is none."""
    return Membership.of(g.user, chat_id).draft_dict()


@api.put("/chats/<int:chat_id>/draft")
@endpoint(Answer(200, responses.Draft), body=requests.DraftChanges, errors=(404,))
def write_draft(chat_id: int, body: requests.DraftChanges) -> Any:
    """Save your draft unless a later one exists; returns the one that is kept."""
    return drafts.save(Membership.of(g.user, chat_id), body.text, body.reply_to, body.written_micros, body.version)


@api.delete("/chats/<int:chat_id>/draft")
@endpoint(Answer(204), errors=(404,))
def drop_draft(chat_id: int) -> Any:
    """Delete your draft."""
    drafts.save(Membership.of(g.user, chat_id), "")
    return NOTHING
