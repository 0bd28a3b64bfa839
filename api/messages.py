"""Messages."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

from actions import messages
from api import requests, responses
from api.endpoint import NOTHING, api, endpoint, idempotency_key, paginate, uploads
from api.openapi import Answer
from auth import throttle
from models import Membership, Revision, message_json, message_page


@api.get("/messages")
@endpoint(Answer(200, responses.Messages), query=requests.MessagesQuery, errors=(404,))
def list_messages(query: requests.MessagesQuery) -> Any:
    """List messages of a chat in ascending order: the newest, or those before or after a message."""
    membership, more = Membership.of(g.user, query.chat_id), query.limit + 1
    if query.after is not None:
        page = message_json.after(membership, query.after, more, for_page=False)
        return paginate(page, query.limit, lambda: {"after": page[query.limit - 1]["id"]})
    found = (
        message_json.newest(membership, more, for_page=False)
        if query.before is None
        else message_json.before(membership, query.before, more, for_page=False)
    )
    page = found[::-1]
    answer = paginate(page, query.limit, lambda: {"before": page[query.limit - 1]["id"]})
    answer["items"].reverse()
    return answer


@api.post("/messages")
@endpoint(
    Answer(201, responses.Message, has_location=True),
    body=requests.NewMessage,
    form=requests.NewMessageForm,
    files="files",
    keyed=True,
    other_answers=(Answer(200, responses.Message, has_location=True),),
    errors=(403, 404, 410, 429),
)
def create_message(body: requests.NewMessage | requests.NewMessageForm) -> Any:
    """Post a message. With an `Idempotency-Key`, repetitions create no second one."""
    membership = Membership.of(g.user, body.chat_id)
    message = messages.post(membership, body.text, uploads("files"), body.reply_to, idempotency_key(), body.draft)
    where = {"Location": url_for("api.show_message", message_id=message.id)}
    return message.to_dict(), 200 if message.repeated else 201, where


@api.get("/messages/<int:message_id>")
@endpoint(Answer(200, responses.Message), errors=(404,))
def show_message(message_id: int) -> Any:
    """Get a message."""
    return message_page.visible_to(g.user, message_id)[1].to_dict()


@api.patch("/messages/<int:message_id>")
@endpoint(Answer(200, responses.Message), body=requests.MessageChanges, errors=(403, 404, 429))
def edit_message(message_id: int, body: requests.MessageChanges) -> Any:
    """Edit your message."""
    membership, message = message_page.visible_to(g.user, message_id)
    throttle("edits", str(g.user.id))
    return messages.edit(membership, message.id, body.text).to_dict()


@api.delete("/messages/<int:message_id>")
@endpoint(Answer(204), errors=(403, 404))
def delete_message(message_id: int) -> Any:
    """Delete a message with its files."""
    membership, message = message_page.visible_to(g.user, message_id)
    messages.delete(membership, message.id)
    return NOTHING


@api.get("/messages/<int:message_id>/history")
@endpoint(Answer(200, responses.Revisions), query=requests.RevisionsQuery, errors=(404,))
def message_history(message_id: int, query: requests.RevisionsQuery) -> Any:
    """List the former texts of a message, newest first."""
    message = message_page.visible_to(g.user, message_id)[1]
    former = [revision.to_dict() for revision in Revision.of(message, query.limit + 1, query.before)]
    return paginate(former, query.limit, lambda: {"before": former[query.limit - 1]["id"]})


@api.post("/messages/<int:message_id>/forward")
@endpoint(
    Answer(201, responses.Message, has_location=True),
    body=requests.Forward,
    keyed=True,
    other_answers=(Answer(200, responses.Message, has_location=True),),
    errors=(403, 404, 410, 429),
)
def forward_message(message_id: int, body: requests.Forward) -> Any:
    """Forward a message to another chat, with an optional comment; once for each `Idempotency-Key`."""
    copy = messages.forward(Membership.of(g.user, body.chat_id), message_id, body.text, idempotency_key())
    where = {"Location": url_for("api.show_message", message_id=copy.id)}
    return copy.to_dict(), 200 if copy.repeated else 201, where


@api.post("/messages/<int:message_id>/restore")
@endpoint(Answer(200, responses.Message), errors=(404,))
def restore_message(message_id: int) -> Any:
    """Restore a message that you deleted in the last {undo_seconds} seconds, with its files."""
    return messages.restore(message_page.place_of(g.user, message_id), message_id).to_dict()
