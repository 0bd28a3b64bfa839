"""Saving drafts."""

from __future__ import annotations

from typing import Any

from lib import richtext
from models.base import limits, now, write
from models.chat import Membership
from models.draft import NO_DRAFT, Draft
from models.errors import Invalid, words
from models.event import Event
from models.message import Message


def save(
    membership: Membership,
    text: str,
    reply_to: int | None = None,
    written_at: int | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """Save a draft as written at `written_at` (microseconds; default now); '' clears it.

    A stored draft stays when it is newer: than the `version` the author knew, or without one, than `written_at`.
    Returns the draft that is stored in the end. Raises Invalid (`text`, `reply_to`), NotThere.
    """
    text = richtext.clean(text)
    if len(text) > limits.message_max:
        raise Invalid(text=words("Use %(most)d characters or fewer.", most=limits.message_max))
    with write():
        membership = membership.reload()
        # An empty draft is no reply.
        reply_to = check_reply(membership, reply_to) if text else None
        # Clients' clocks may be ahead.
        at = min(now(), written_at if written_at is not None else now())
        draft = membership.draft
        if draft is not None and is_newer(draft, at, version):
            return draft.to_dict()
        if (text, reply_to) == ((draft.text, draft.reply_to_id) if draft else ("", None)):
            return draft.to_dict() if draft else NO_DRAFT
        return replace(membership, text, reply_to, at)


def is_newer(draft: Draft, at: int, version: int | None) -> bool:
    """Whether a stored draft is newer than a version, or if that is unknown, than a time."""
    if version is not None:
        return int(draft.id) > version
    # A draft from the future was stored before the clock was set back.
    return at < int(draft.written_at) <= now()


def replace(membership: Membership, text: str, reply_to: int | None, at: int) -> dict[str, Any]:
    """Store the draft, and record an event for the author's other devices. Inside a write() only."""
    draft = Draft(membership_id=membership.id, text=text, reply_to_id=reply_to, written_at=at)
    Draft.delete().where(Draft.membership_id == membership.id).execute()
    draft.save(force_insert=True)
    # The event log keeps only the newest draft: unsent text must not stay there.
    Event.forget_drafts(membership.chat_id, membership.user_id)
    data = {
        "chat_id": membership.chat_id,
        "user_id": membership.user_id,
        **draft.to_dict(),
        "preview": draft.preview,
    }
    Event.record("draft", data, chat_id=membership.chat_id, user_id=membership.user_id)
    return draft.to_dict()


def check_reply(membership: Membership, reply_to: int | None) -> int | None:
    """The replied-to message's id; None when it was deleted meanwhile. Raises Invalid for one of another chat."""
    if reply_to is None:
        return None
    message = Message.get_or_none(Message.id == reply_to, Message.chat == membership.chat_id)
    if message is None:
        raise Invalid(reply_to=words("This message isn’t in this chat."))
    return None if message.is_deleted else reply_to


def clear_sent(membership: Membership, text: str, version: int | None) -> None:
    """Clear a draft after it was sent: one with this text, or any up to the `version` that the author knew.

    A delayed save from before then finds a newer version. Inside a write() only.
    """
    draft = membership.draft
    is_known = version is not None and (draft is None or draft.id <= version)
    if is_known or (draft is not None and draft.text and draft.text == text):
        replace(membership, "", None, now())
