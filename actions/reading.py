"""Read positions, and the counters from which the number of unread messages is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peewee import Case, fn

from models.base import write, write_together
from models.chat import Chat, Membership
from models.chat_list import unread_mentions
from models.errors import Busy, Invalid, words
from models.event import Event
from models.message import Message
from models.statements import statement

# How often to count again when messages change meanwhile, before giving up.
TRIES = 20


@dataclass(frozen=True)
class Counted:
    """How many messages come after one, and how many of them are a member's own, as of an event."""

    message_id: int
    alive: int
    own: int
    newest: int
    as_of: int

    @classmethod
    def after(cls, membership: Membership, message_id: int) -> Counted:
        """Count without the write lock, since very many messages take long. One statement reads one snapshot."""
        newest_event = Event.select(fn.MAX(Event.id))
        query = Message.select(*_counts(membership), fn.MAX(Message.id), newest_event)
        count, own, newest, as_of = query.where(_alive(membership, message_id)).scalar(as_tuple=True)
        return cls(message_id, count, own, newest or message_id, as_of or 0)

    def brought_up_to_date(self, membership: Membership) -> tuple[int, int] | None:
        """Update both counts, under the lock; None when a counted message was deleted or restored meanwhile."""
        changed = Event.type.in_(("message.updated", "message.deleted")) & Event.message_id.between(
            self.message_id + 1, self.newest
        )
        if Event.select().where(Event.chat_id == membership.chat_id, Event.id > self.as_of, changed).exists():
            return None
        since = Message.select(*_counts(membership)).where(_alive(membership, self.newest))
        alive_since, own_since = since.scalar(as_tuple=True)
        return self.alive + alive_since, self.own + own_since


def _counts(membership: Membership) -> tuple[Any, Any]:
    own = Case(None, [(Message.author == membership.user_id, 1)])
    return fn.COUNT(Message.id), fn.COUNT(own)


def _alive(membership: Membership, message_id: int) -> Any:
    """The condition for messages after one that are not deleted."""
    return (Message.chat == membership.chat_id) & (Message.id > message_id) & Message.deleted_at.is_null()


def read(membership: Membership, message_id: int) -> None:
    """Move the read position forward to a message. Raises Invalid (`message_id`) for one of another chat."""
    if write_together(lambda: _read_all(membership, message_id)):
        return
    for _ in range(TRIES):
        counted = Counted.after(membership, message_id)
        with write():
            current = membership.reload()
            in_chat = Message.chat == current.chat_id
            if not Message.select().where(Message.id == message_id, in_chat).exists():
                raise Invalid(message_id=words("This message isn’t in this chat."))
            if message_id <= current.last_read_id:
                return
            if _save_read_position(current, counted):
                _record_read(current, message_id, **unread_counts(current))
                return
    raise Busy()


def _read_all(membership: Membership, message_id: int) -> bool:
    """Mark everything as read if this is the newest message; otherwise return False. Inside a write() only.

    Nothing has to be counted then. Open pages report nearly every new message, so this is the usual case.
    """
    current = membership.reload()
    if message_id != current.chat.last_message_id:
        return False
    if message_id > current.last_read_id:
        set_read_to_end.run(message_id, current.chat.message_count, current.id)
        _record_read(current, message_id, unread=0, unread_mentions=0)
    return True


def _record_read(membership: Membership, message_id: int, **counts: int) -> None:
    data = {"chat_id": membership.chat_id, "user_id": membership.user_id, "message_id": message_id, **counts}
    Event.record("read", data, chat_id=membership.chat_id, user_id=membership.user_id)


def mark_unread(membership: Membership, message_id: int) -> None:
    """Move the read position back to before a message, so that it and all after it are unread.

    Never moves it forward. Raises Invalid (`message_id`) for a deleted message or one of another chat.
    """
    in_chat = Message.chat == membership.chat_id
    earlier = Message.select(fn.MAX(Message.id)).where(in_chat, Message.id < message_id)
    for _ in range(TRIES):
        counted = Counted.after(membership, earlier.scalar() or 0)
        with write():
            current = membership.reload()
            if not Message.select().where(Message.id == message_id, in_chat, Message.deleted_at.is_null()).exists():
                raise Invalid(message_id=words("This message isn’t in this chat."))
            if message_id > current.last_read_id:
                return
            if _save_read_position(current, counted):
                last_read_id = current.last_read_id or None
                data = {"chat_id": current.chat_id, "last_read_id": last_read_id, **unread_counts(current)}
                Event.record("membership.updated", data, chat_id=current.chat_id, user_id=current.user_id)
                return
    raise Busy()


def unread_counts(membership: Membership) -> dict[str, int]:
    """How many messages a member has not read, and how many of them mention them."""
    return {"unread": membership.unread, "unread_mentions": unread_mentions(membership)}


def _save_read_position(membership: Membership, counted: Counted) -> bool:
    """Set the read position, if the counts are still right. Returns whether they were. Inside a write() only."""
    now = counted.brought_up_to_date(membership)
    if now is None:
        return False
    membership.last_read_id = counted.message_id
    membership.read_count, membership.own_since = membership.chat.message_count - now[0], now[1]
    membership.save(only=[Membership.last_read_id, Membership.read_count, Membership.own_since])
    return True


def count_new(membership: Membership, message: Message, event_id: int) -> None:
    """Count a new message of one's own. Inside a write() only."""
    add_to_chat.run(1, message.id, event_id, membership.chat_id)
    add_own.run(1, membership.chat_id, membership.user_id)


def count_loaded(chat_id: int, own: Mapping[int, int], newest: int, event_id: int) -> None:
    """Count new messages of several people, by author, up to the message `newest`. Inside a write() only."""
    add_to_chat.run(sum(own.values()), newest, event_id, chat_id)
    for author_id, count in own.items():
        add_own.run(count, chat_id, author_id)


@statement
def set_read_to_end(message_id: Any, message_count: Any, membership_id: Any) -> Any:
    position = {"last_read_id": message_id, "read_count": message_count, "own_since": 0}
    return Membership.update(position).where(Membership.id == membership_id)


@statement
def add_to_chat(count: Any, message_id: Any, event_id: Any, chat_id: Any) -> Any:
    changed = {"message_count": Chat.message_count + count, "last_message_id": message_id, "activity": event_id}
    return Chat.update(changed).where(Chat.id == chat_id)


@statement
def add_own(count: Any, chat_id: Any, author_id: Any) -> Any:
    own = Membership.chat == chat_id, Membership.user == author_id
    return Membership.update(own_since=Membership.own_since + count).where(*own)


def adjust_counts(message: Message, more: int) -> None:
    """Adjust all counters for a restored message (`more` is 1) or a deleted one (-1). Inside a write() only."""
    in_chat = Membership.chat == message.chat_id
    Membership.update(read_count=Membership.read_count + more).where(
        in_chat, Membership.last_read_id >= message.id
    ).execute()
    Membership.update(own_since=Membership.own_since + more).where(
        in_chat, Membership.user == message.author_id, Membership.last_read_id < message.id
    ).execute()
    newest = Message.select(fn.MAX(Message.id)).where(Message.chat == message.chat_id, Message.deleted_at.is_null())
    Chat.update(message_count=Chat.message_count + more, last_message_id=newest).where(
        Chat.id == message.chat_id
    ).execute()
