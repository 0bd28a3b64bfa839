"""The events of messages."""

from __future__ import annotations

from typing import Any

from models import message_page
from models.base import iso
from models.event import Event, EventType
from models.message import Message


def record_message(type: EventType, message: Message, same_text: bool = False, **details: Any) -> int:
    """Record an event with the message's current contents and `details`; returns its id. Inside a write() only.

    With `same_text` the event omits the text, and streams take it from the message (stream/process/log.py); otherwise
    every reaction would store it again.
    """
    data = message.to_dict()
    if same_text:
        del data["text"], data["html"]
    if type == "message.deleted":
        data = {"id": message.id, "chat_id": message.chat_id, "author_id": message.author_id}
    data |= details
    return Event.record(type, data, chat_id=message.chat_id, user_id=message.author_id, message_id=message.id)


def last_message(message_id: int | None) -> dict[str, Any] | None:
    """A chat's last message as a list of chats shows it; None when there is none.

    Of the events that contain one, actions/redaction.py keeps track.
    """
    message = None if message_id is None else message_page.find(message_id)
    if message is None:
        return None
    author = message.shown_author
    return {
        "id": message.id,
        "author": author.to_dict() if author else None,
        "preview": message.preview,
        "created_at": iso(message.created_at),
    }
