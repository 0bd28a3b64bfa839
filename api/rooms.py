"""What a chat looks like, how much of it one is told of, and direct chats."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

import schemas
from api.door import NOTHING, A, api, speaks, uploads
from api.problems import Problem
from auth import throttle
from models import Membership, User, direct


@api.post("/users/<int:user_id>/chat")
@speaks(A(201, schemas.Chat, located=True), also=(A(200, schemas.Chat, located=True),), errors=(404, 429))
def open_direct_chat(user_id: int) -> Any:
    """The direct chat with somebody, opened when there is none yet; with oneself, a place for notes."""
    throttle("chats", str(g.user.id))
    mine, is_new = direct.between(g.user, User.find(user_id))
    where = {"Location": url_for("api.show_chat", chat_id=mine.chat_id)}
    return mine.to_chat_dict(), 201 if is_new else 200, where


@api.put("/chats/<int:chat_id>/picture")
@speaks(A(200, schemas.Chat), form=schemas.Form, files="file", errors=(403, 404))
def put_picture(chat_id: int, body: schemas.Form) -> Any:
    """Give a chat a picture."""
    mine, sent = Membership.of(g.user, chat_id), uploads("file")
    if len(sent) != 1:
        raise Problem(422, "Some fields are wrong.", {"file": ["One picture is needed."]})
    mine.set_picture(sent[0])
    return mine.to_chat_dict()


@api.delete("/chats/<int:chat_id>/picture")
@speaks(A(204), errors=(403, 404))
def drop_picture(chat_id: int) -> Any:
    """Show a chat's initials again."""
    Membership.of(g.user, chat_id).drop_picture()
    return NOTHING


@api.patch("/chats/<int:chat_id>/membership")
@speaks(A(200, schemas.Membership), body=schemas.MembershipChanges, errors=(404,))
def change_membership(chat_id: int, body: schemas.MembershipChanges) -> Any:
    """Choose what of a chat one is told of: everything, mentions (of a direct chat all), nothing."""
    mine = Membership.of(g.user, chat_id)
    mine.set_level(body.level)
    return {"chat_id": mine.chat_id, "user_id": mine.user_id, "level": mine.level}
