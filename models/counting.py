"""How far a member has read, and the counters that unread is a difference of: verbs of a Membership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import fn

from models.base import write
from models.chat import Chat
from models.errors import Invalid, words
from models.event import Event
from models.message import Message

if TYPE_CHECKING:
    from models.membership import Membership


def read(mine: Membership, message_id: int) -> None:
    """See Membership.read."""
    with write():
        here = mine.again()
        in_chat = Message.chat == here.chat_id
        if not Message.select().where(Message.id == message_id, in_chat).exists():
            raise Invalid(message_id=words("There is no such message in this chat."))
        if message_id <= here.last_read_id:
            return
        stand_at(here, message_id)
        told = {"chat_id": here.chat_id, "user_id": here.user_id, "message_id": message_id}
        Event.record("read", told, chat_id=here.chat_id, user_id=here.user_id)


def mark_unread(mine: Membership, message_id: int) -> None:
    """See Membership.mark_unread."""
    with write():
        here = mine.again()
        last = Message.select(fn.MAX(Message.id)).where(Message.chat == here.chat_id)
        if last.where(Message.id == message_id, Message.deleted_at.is_null()).scalar() is None:
            raise Invalid(message_id=words("There is no such message in this chat."))
        if message_id > here.last_read_id:
            return
        stand_at(here, last.where(Message.id < message_id).scalar() or 0)
        told = {"chat_id": here.chat_id, "last_read_id": here.last_read_id or None, "unread": here.unread}
        Event.record("membership.updated", told, chat_id=here.chat_id, user_id=here.user_id)


def stand_at(here: Membership, message_id: int) -> None:
    """Have read up to a message, and count anew over what is left. Inside a write() only."""
    here.last_read_id, here.read_count, here.own_since = message_id, here.chat.message_count, 0
    if message_id < (here.chat.last_message_id or 0):
        left = (Message.chat == here.chat_id, Message.id > message_id, Message.deleted_at.is_null())
        alive = Message.select().where(*left)
        here.read_count -= alive.count()
        here.own_since = alive.where(Message.author == here.user_id).count()
    counters(here, last_read_id=message_id, read_count=here.read_count, own_since=here.own_since)


def counters(here: Membership, **columns: int) -> None:
    row = type(here)
    row.update(**columns).where(row.id == here.id).execute()


def count_in(here: Membership, message: Message, event_id: int) -> None:
    """See Membership.count_in."""
    row = type(here)
    Chat.update(message_count=Chat.message_count + 1, last_message_id=message.id, activity=event_id).where(
        Chat.id == here.chat_id
    ).execute()
    row.update(own_since=row.own_since + 1).where(row.id == here.id).execute()


def recount(here: Membership, message: Message, more: int) -> None:
    """Let a message that came between count for everybody once more, or (`more` is -1) once less."""
    row = type(here)
    in_chat = row.chat == here.chat_id
    row.update(read_count=row.read_count + more).where(in_chat, row.last_read_id >= message.id).execute()
    row.update(own_since=row.own_since + more).where(
        in_chat, row.user == message.author_id, row.last_read_id < message.id
    ).execute()
    newest = Message.select(fn.MAX(Message.id)).where(Message.chat == here.chat_id, Message.deleted_at.is_null())
    Chat.update(message_count=Chat.message_count + more, last_message_id=newest).where(
        Chat.id == here.chat_id
    ).execute()
