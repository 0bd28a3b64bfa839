"""Chats and who is in them."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

import models
import schemas
from api.door import NOTHING, A, api, listing, speaks
from api.problems import Problem
from auth import throttle
from models import Chat, Membership


@api.get("/chats")
@speaks(A(200, schemas.Chats), query=schemas.ChatsQuery)
def list_chats(query: schemas.ChatsQuery) -> Any:
    """One's chats, newest activity first."""
    mine = Chat.list_of(g.user, query.limit + 1, query.before)
    shown = models.chat_dicts(mine[: query.limit])
    more = mine[query.limit :]
    return listing([*shown, *more], query.limit, lambda: {"before": mine[query.limit - 1].chat.activity})


@api.post("/chats")
@speaks(A(201, schemas.Chat, located=True), body=schemas.NewChat, errors=(429,))
def create_chat(body: schemas.NewChat) -> Any:
    """Open a chat; unknown usernames are all named and nothing is created."""
    throttle("chats", str(g.user.id))
    mine = Chat.start(g.user, body.title, body.members)
    return mine.to_chat_dict(), 201, {"Location": url_for("api.show_chat", chat_id=mine.chat_id)}


@api.get("/chats/<int:chat_id>")
@speaks(A(200, schemas.Chat), errors=(404,))
def show_chat(chat_id: int) -> Any:
    """A chat with its members."""
    return Membership.of(g.user, chat_id).to_chat_dict()


@api.patch("/chats/<int:chat_id>")
@speaks(A(200, schemas.Chat), body=schemas.ChatChanges, errors=(403, 404))
def change_chat(chat_id: int, body: schemas.ChatChanges) -> Any:
    """Say what a chat is called and about."""
    said = body.model_dump(exclude_unset=True)
    if not said:
        raise Problem(422, "Some fields are wrong.", {"title": ["This field or description is required."]})
    mine = Membership.of(g.user, chat_id)
    mine.describe(**said)
    return mine.to_chat_dict()


@api.delete("/chats/<int:chat_id>")
@speaks(A(204), errors=(403, 404))
def delete_chat(chat_id: int) -> Any:
    """Delete a chat with everything in it."""
    Membership.of(g.user, chat_id).delete_chat()
    return NOTHING


@api.get("/chats/<int:chat_id>/members")
@speaks(A(200, schemas.Members), errors=(404,))
def list_members(chat_id: int) -> Any:
    """Everybody in a chat: owner, admins, members."""
    return {"items": [member.to_dict() for member in Membership.of(g.user, chat_id).members()], "next": None}


@api.post("/chats/<int:chat_id>/members")
@speaks(A(201, schemas.Member), body=schemas.NewMember, errors=(403, 404, 409))
def add_member(chat_id: int, body: schemas.NewMember) -> Any:
    """Bring somebody in."""
    member = Membership.of(g.user, chat_id).add(body.username, body.role)
    return member.to_dict(), 201


@api.patch("/chats/<int:chat_id>/members/<int:user_id>")
@speaks(A(200, schemas.Member), body=schemas.MemberChanges, errors=(403, 404))
def change_member(chat_id: int, user_id: int, body: schemas.MemberChanges) -> Any:
    """Give a role; `owner` hands the chat over."""
    return Membership.of(g.user, chat_id).set_role(user_id, body.role).to_dict()


@api.delete("/chats/<int:chat_id>/members/<int:user_id>")
@speaks(A(204), errors=(403, 404))
def remove_member(chat_id: int, user_id: int) -> Any:
    """Take somebody out; one's own id: leave."""
    Membership.of(g.user, chat_id).remove(user_id)
    return NOTHING


@api.post("/chats/<int:chat_id>/read")
@speaks(A(204), body=schemas.ReadUpTo, errors=(404,))
def read(chat_id: int, body: schemas.ReadUpTo) -> Any:
    """Read up to a message; never goes back."""
    Membership.of(g.user, chat_id).read(body.message_id)
    return NOTHING


@api.post("/chats/<int:chat_id>/unread")
@speaks(A(204), body=schemas.UnreadFrom, errors=(404,))
def mark_unread(chat_id: int, body: schemas.UnreadFrom) -> Any:
    """Make a message and all that follows unread again; the only way back."""
    Membership.of(g.user, chat_id).mark_unread(body.message_id)
    return NOTHING
