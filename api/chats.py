"""Chats, their members, and the reader's own membership."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

from actions import chats, reading
from actions import members as member_actions
from api import requests, responses
from api.endpoint import NOTHING, api, endpoint, paginate, uploads
from api.openapi import Answer
from api.problems import Problem
from auth import throttle
from models import Membership, User, chat_list


@api.get("/chats")
@endpoint(Answer(200, responses.Chats), query=requests.ChatsQuery)
def list_chats(query: requests.ChatsQuery) -> Any:
    """List your chats, latest activity first."""
    listed = chat_list.load(g.user, query.limit + 1, query.before)
    shown = chat_list.to_dicts(listed[: query.limit])
    more = listed[query.limit :]
    return paginate([*shown, *more], query.limit, lambda: {"before": listed[query.limit - 1].activity})


@api.post("/chats")
@endpoint(Answer(201, responses.Chat, has_location=True), body=requests.NewChat, errors=(429,))
def create_chat(body: requests.NewChat) -> Any:
    """Create a chat. If usernames are unknown, the error names all of them and nothing is created."""
    throttle("chats", str(g.user.id))
    membership = chats.start(g.user, body.title, body.members)
    return chat_list.to_dict(membership), 201, {"Location": url_for("api.show_chat", chat_id=membership.chat_id)}


@api.get("/chats/<int:chat_id>")
@endpoint(Answer(200, responses.Chat), errors=(404,))
def show_chat(chat_id: int) -> Any:
    """Get a chat with the first {members_named} of its members."""
    return chat_list.to_dict(Membership.of(g.user, chat_id))


@api.patch("/chats/<int:chat_id>")
@endpoint(Answer(200, responses.Chat), body=requests.ChatChanges, errors=(403, 404))
def change_chat(chat_id: int, body: requests.ChatChanges) -> Any:
    """Change a chat's title or description."""
    changes = body.model_dump(exclude_unset=True)
    if not changes:
        raise Problem(422, "Some fields are wrong.", {"title": ["This field or description is required."]})
    membership = Membership.of(g.user, chat_id)
    chats.describe(membership, **changes)
    return chat_list.to_dict(membership)


@api.delete("/chats/<int:chat_id>")
@endpoint(Answer(204), errors=(403, 404))
def delete_chat(chat_id: int) -> Any:
    """Delete a chat with all messages and files."""
    chats.delete(Membership.of(g.user, chat_id))
    return NOTHING


@api.post("/users/<int:user_id>/chat")
@endpoint(
    Answer(201, responses.Chat, has_location=True),
    other_answers=(Answer(200, responses.Chat, has_location=True),),
    errors=(404, 429),
)
def open_direct_chat(user_id: int) -> Any:
    """Open the direct chat with a user; create it if needed. With yourself it is a place for notes."""
    throttle("chats", str(g.user.id))
    membership, is_new = chats.direct(g.user, User.find(user_id))
    headers = {"Location": url_for("api.show_chat", chat_id=membership.chat_id)}
    return chat_list.to_dict(membership), 201 if is_new else 200, headers


@api.put("/chats/<int:chat_id>/picture")
@endpoint(Answer(200, responses.Chat), form=requests.Form, files="file", errors=(403, 404))
def put_picture(chat_id: int, body: requests.Form) -> Any:
    """Set a chat's picture."""
    membership, sent = Membership.of(g.user, chat_id), uploads("file")
    if len(sent) != 1:
        raise Problem(422, "Some fields are wrong.", {"file": ["Send exactly one picture."]})
    chats.set_picture(membership, sent[0])
    return chat_list.to_dict(membership)


@api.delete("/chats/<int:chat_id>/picture")
@endpoint(Answer(204), errors=(403, 404))
def drop_picture(chat_id: int) -> Any:
    """Remove a chat's picture."""
    chats.remove_picture(Membership.of(g.user, chat_id))
    return NOTHING


@api.get("/chats/<int:chat_id>/members")
@endpoint(Answer(200, responses.Members), query=requests.MembersQuery, errors=(404,))
def list_members(chat_id: int, query: requests.MembersQuery) -> Any:
    """List a chat's members: owner, admins, members."""
    found = Membership.of(g.user, chat_id).members(query.limit + 1, query.after)
    members = [member.to_dict() for member in found]
    return paginate(members, query.limit, lambda: {"after": found[query.limit - 1].place})


@api.post("/chats/<int:chat_id>/members")
@endpoint(Answer(201, responses.Member), body=requests.NewMember, errors=(403, 404, 409))
def add_member(chat_id: int, body: requests.NewMember) -> Any:
    """Add a member."""
    member = member_actions.add(Membership.of(g.user, chat_id), body.username, body.role)
    return member.to_dict(), 201


@api.patch("/chats/<int:chat_id>/members/<int:user_id>")
@endpoint(Answer(200, responses.Member), body=requests.MemberChanges, errors=(403, 404))
def change_member(chat_id: int, user_id: int, body: requests.MemberChanges) -> Any:
    """Set a member's role; `owner` transfers the chat."""
    return member_actions.set_role(Membership.of(g.user, chat_id), user_id, body.role).to_dict()


@api.delete("/chats/<int:chat_id>/members/<int:user_id>")
@endpoint(Answer(204), errors=(403, 404))
def remove_member(chat_id: int, user_id: int) -> Any:
    """Remove a member; with your own id, leave the chat."""
    member_actions.remove(Membership.of(g.user, chat_id), user_id)
    return NOTHING


@api.post("/chats/<int:chat_id>/read")
@endpoint(Answer(204), body=requests.ReadUpTo, errors=(404,))
def read(chat_id: int, body: requests.ReadUpTo) -> Any:
    """Mark as read up to a message; never moves back."""
    reading.read(Membership.of(g.user, chat_id), body.message_id)
    return NOTHING


@api.post("/chats/<int:chat_id>/unread")
@endpoint(Answer(204), body=requests.UnreadFrom, errors=(404,))
def mark_unread(chat_id: int, body: requests.UnreadFrom) -> Any:
    """Mark a message and all that follow as unread."""
    reading.mark_unread(Membership.of(g.user, chat_id), body.message_id)
    return NOTHING


@api.patch("/chats/<int:chat_id>/membership")
@endpoint(Answer(200, responses.Membership), body=requests.MembershipChanges, errors=(404,))
def change_membership(chat_id: int, body: requests.MembershipChanges) -> Any:
    """Set your notification level: everything, mentions (in a direct chat, everything), nothing."""
    membership = Membership.of(g.user, chat_id)
    member_actions.set_level(membership, body.level)
    return {"chat_id": membership.chat_id, "user_id": membership.user_id, "level": membership.level}
