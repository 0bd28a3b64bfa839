"""Messages: written, read and changed."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

import schemas
from api.door import NOTHING, A, api, idempotency_key, listing, speaks, uploads
from auth import throttle
from models import Membership, Message, Revision


@api.get("/messages")
@speaks(A(200, schemas.Messages), query=schemas.MessagesQuery, errors=(404,))
def list_messages(query: schemas.MessagesQuery) -> Any:
    """Messages of a chat, ascending: the newest, those before one, or those after one."""
    mine, more = Membership.of(g.user, query.chat_id), query.limit + 1
    if query.after is not None:
        found = mine.after(query.after, more, deleted=False)
        page = [message.to_dict() for message in found]
        return listing(page, query.limit, lambda: {"after": page[query.limit - 1]["id"]})
    found = mine.newest(more, deleted=False) if query.before is None else mine.before(query.before, more, deleted=False)
    page = [message.to_dict() for message in reversed(found)]
    answer = listing(page, query.limit, lambda: {"before": page[query.limit - 1]["id"]})
    answer["items"].reverse()
    return answer


@api.post("/messages")
@speaks(
    A(201, schemas.Message, located=True),
    body=schemas.NewMessage,
    form=schemas.NewMessageForm,
    files="files",
    keyed=True,
    also=(A(200, schemas.Message, located=True),),
    errors=(403, 404, 410, 429),
)
def create_message(body: schemas.NewMessage | schemas.NewMessageForm) -> Any:
    """Write a message. With an `Idempotency-Key` it is sent once, however often it is repeated."""
    mine = Membership.of(g.user, body.chat_id)
    message = mine.post(body.text, uploads("files"), body.reply_to, idempotency_key())
    where = {"Location": url_for("api.show_message", message_id=message.id)}
    return message.to_dict(), 200 if message.repeated else 201, where


@api.get("/messages/<int:message_id>")
@speaks(A(200, schemas.Message), errors=(404,))
def show_message(message_id: int) -> Any:
    """A message."""
    return Message.visible_to(g.user, message_id)[1].to_dict()


@api.patch("/messages/<int:message_id>")
@speaks(A(200, schemas.Message), body=schemas.MessageChanges, errors=(403, 404, 429))
def edit_message(message_id: int, body: schemas.MessageChanges) -> Any:
    """Say one's own message otherwise."""
    mine, message = Message.visible_to(g.user, message_id)
    throttle("edits", str(g.user.id))
    return mine.edit(message.id, body.text).to_dict()


@api.delete("/messages/<int:message_id>")
@speaks(A(204), errors=(403, 404))
def delete_message(message_id: int) -> Any:
    """Take a message away with its files."""
    mine, message = Message.visible_to(g.user, message_id)
    mine.delete_message(message.id)
    return NOTHING


@api.get("/messages/<int:message_id>/history")
@speaks(A(200, schemas.Revisions), query=schemas.RevisionsQuery, errors=(404,))
def message_history(message_id: int, query: schemas.RevisionsQuery) -> Any:
    """What an edited message said before, newest first."""
    message = Message.visible_to(g.user, message_id)[1]
    former = [revision.to_dict() for revision in Revision.of(message, query.limit + 1, query.before)]
    return listing(former, query.limit, lambda: {"before": former[query.limit - 1]["id"]})


@api.post("/messages/<int:message_id>/forward")
@speaks(
    A(201, schemas.Message, located=True),
    body=schemas.Forward,
    keyed=True,
    also=(A(200, schemas.Message, located=True),),
    errors=(403, 404, 410, 429),
)
def forward_message(message_id: int, body: schemas.Forward) -> Any:
    """Bring a message into another chat, with a word of one's own before it; with an `Idempotency-Key` once."""
    copy = Membership.of(g.user, body.chat_id).forward(message_id, body.text, idempotency_key())
    where = {"Location": url_for("api.show_message", message_id=copy.id)}
    return copy.to_dict(), 200 if copy.repeated else 201, where


@api.post("/messages/<int:message_id>/restore")
@speaks(A(200, schemas.Message), errors=(404,))
def restore_message(message_id: int) -> Any:
    """Put back a message that one has deleted a moment ago (30 s), with its files."""
    return Message.place_of(g.user, message_id).restore_message(message_id).to_dict()
