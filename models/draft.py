"""Drafts: what a member has begun to write, kept for all of their devices and seen by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peewee import AutoField, BigIntegerField, IntegerField, TextField

import text as texts
from models.base import Model, iso, limits, now, write
from models.errors import Invalid, words
from models.event import Event
from models.message import QUOTED, Message

if TYPE_CHECKING:
    from models.membership import Membership


class Draft(Model):
    """One a membership. An empty one tells when the field was cleared."""

    id = AutoField()
    membership_id = IntegerField(unique=True)
    text = TextField(default="")
    reply_to_id = IntegerField(null=True)
    written_at = BigIntegerField()

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def preview(self) -> str:
        """One plain line of it."""
        return texts.excerpt(texts.plain(self.text), QUOTED)

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "reply_to": self.reply_to_id, "written_at": iso(self.written_at)}


# What a chat without any has.
NONE: dict[str, Any] = {"text": "", "reply_to": None, "written_at": None}


def keep(mine: Membership, text: str, reply_to: int | None, written_at: int | None) -> dict[str, Any]:
    """See Membership.write_draft."""
    text = texts.clean(text)
    if len(text) > limits.text_max:
        raise Invalid(text=words("At most %(most)d characters.", most=limits.text_max))
    with write():
        here = mine.again()
        # An answer without words is none.
        reply_to = answered(here, reply_to) if text else None
        # Nobody writes in the future, whatever their clock says.
        at = min(now(), written_at if written_at is not None else now())
        there = here.draft
        if there is not None and there.written_at > at:
            return there.to_dict()
        if (text, reply_to) == ((there.text, there.reply_to_id) if there else ("", None)):
            return there.to_dict() if there else NONE
        return put(here, text, reply_to, at)


def put(here: Membership, text: str, reply_to: int | None, at: int) -> dict[str, Any]:
    """Write it down, and tell its writer's other devices. Inside a write() only."""
    draft = Draft(membership_id=here.id, text=text, reply_to_id=reply_to, written_at=at)
    row = {"membership_id": here.id, "text": text, "reply_to_id": reply_to, "written_at": at}
    Draft.insert(row).on_conflict(
        conflict_target=[Draft.membership_id], preserve=[Draft.text, Draft.reply_to_id, Draft.written_at]
    ).execute()
    # The log keeps the newest alone: what was never sent is not to be read there.
    Event.forget_drafts(here.chat_id, here.user_id)
    told = {"chat_id": here.chat_id, "user_id": here.user_id, **draft.to_dict()}
    Event.record("draft", told, chat_id=here.chat_id, user_id=here.user_id)
    return draft.to_dict()


def answered(here: Membership, reply_to: int | None) -> int | None:
    """The message that is replied to; None when it was deleted meanwhile. Raises Invalid for one of another chat."""
    if reply_to is None:
        return None
    message = Message.get_or_none(Message.id == reply_to, Message.chat == here.chat_id)
    if message is None:
        raise Invalid(reply_to=words("There is no such message in this chat."))
    return None if message.is_deleted else reply_to


def sent(here: Membership, text: str) -> None:
    """What was sent is no draft any more. Inside a write() only."""
    if here.draft and here.draft.text == text:
        put(here, "", None, now())
