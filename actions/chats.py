"""Starting, editing and deleting chats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from actions import members
from actions.files import replace_square
from actions.message_purge import purge_messages
from lib.richtext import clean
from lib.storage import Upload
from lib.usernames import key
from models.base import has_room, limits, now, write
from models.chat import Chat, Membership, title_of
from models.errors import Errors, Forbidden, Invalid, NotThere, words
from models.event import Event
from models.message import Message
from models.task import Task, step
from models.user import User

AT_ONCE = 50


def start(user: User, title: str, usernames: Iterable[str] = ()) -> Membership:
    """Start a chat with these people, ignoring oneself and duplicates. Raises Invalid, with all unknown names."""
    wrong: Errors = {}
    title = title_of(title, wrong)
    wanted = {name.strip().lstrip("@"): None for name in usernames}
    with write():
        User.find(user.id)
        known = User.all_named(wanted)
        unknown = [name for name in wanted if key(name) not in known]
        if unknown:
            wrong["members"] = [words("No user named “%(username)s”.", username=name) for name in unknown]
        if wrong:
            raise Invalid(wrong)
        others = [person for person in known.values() if person.id != user.id]
        chat = Chat.create(title=title, owner_id=user.id, created_at=now())
        members.insert(chat, [user, *sorted(others, key=lambda person: int(person.id))])
        chat.move_up()
        return Membership.of(user, chat.id)


def direct(user: User, other: User) -> tuple[Membership, bool]:
    """Find or start the direct chat of two people, or of one with themselves. Returns it and whether it is new.

    Raises NotThere when one of the accounts is closed and there is no such chat yet.
    """
    known = _find_direct(user, other)
    if known is not None:
        return known, False
    with write():
        # Another request may have started it before this one got the lock.
        known = _find_direct(user, other)
        return (_start_direct(user, other), True) if known is None else (known, False)


def _find_direct(user: User, other: User) -> Membership | None:
    low, high = sorted((user.id, other.id))
    chat = Chat.get_or_none(Chat.low_id == low, Chat.high_id == high)
    try:
        return None if chat is None else Membership.of(user, chat.id)
    except NotThere:
        return None


def _start_direct(user: User, other: User) -> Membership:
    people = {person_id: User.find(person_id) for person_id in (user.id, other.id)}
    low, high = sorted((user.id, other.id))
    # The database requires an owner, but in a direct chat nobody has that role (see Membership.is_owner).
    chat = Chat.create(title="", owner_id=user.id, low_id=low, high_id=high, created_at=now())
    for person in people.values():
        members.insert(chat, [person])
    chat.move_up()
    return Membership.of(user, chat.id)


def describe(membership: Membership, title: str | None = None, description: str | None = None) -> None:
    """Set title and description. Raises Invalid, Forbidden for a plain member."""
    wrong: Errors = {}
    changes: dict[str, Any] = {}
    if title is not None:
        changes["title"] = title_of(title, wrong)
    if description is not None:
        changes["description"] = clean(description).strip()
        if len(changes["description"]) > limits.description_max:
            wrong["description"] = [words("Use %(most)d characters or fewer.", most=limits.description_max)]
    if wrong:
        raise Invalid(wrong)
    with write():
        _change(membership, changes)


def _change(membership: Membership, changes: dict[str, Any]) -> None:
    """Write columns of the chat, and an event when one changed. Inside a write() only. Raises Forbidden."""
    current = membership.reload()
    _check_may_edit(current)
    chat = current.chat
    if any(getattr(chat, column) != value for column, value in changes.items()):
        Chat.update(**changes).where(Chat.id == chat.id).execute()
        for loaded in (chat, membership.chat):
            for column, value in changes.items():
                setattr(loaded, column, value)
        Event.record("chat.updated", chat.event_data(), chat_id=chat.id, user_id=membership.user_id)


def _check_may_edit(membership: Membership) -> None:
    if membership.chat.is_direct:
        raise Forbidden(words("A direct chat uses the other person’s name and picture."))
    if not membership.may_edit:
        raise Forbidden(words("Only the owner and admins can do this."))


def set_picture(membership: Membership, upload: Upload) -> None:
    """Set the chat's picture. Raises Invalid (`file`) when it is not a picture, TooLarge, Busy, Forbidden."""
    # Checked before the expensive work on the picture, and again under the lock.
    _check_may_edit(membership)
    _replace_picture(membership, upload)


def remove_picture(membership: Membership) -> None:
    """Remove the chat's picture. Raises Forbidden for a plain member."""
    _replace_picture(membership, None)


def _replace_picture(membership: Membership, upload: Upload | None) -> None:
    former = Chat.select(Chat.picture).where(Chat.id == membership.chat_id)
    replace_square(upload, former, lambda key: _change(membership, {"picture": key}))


def delete(membership: Membership) -> None:
    """Delete the chat with everything in it, for everyone. Raises Forbidden unless by the owner."""
    with write():
        membership = membership.reload()
        if not membership.is_owner:
            raise Forbidden(words("Only the owner can delete this chat."))
        members.end_chat(membership)


@step("chat")
def empty(task: Task) -> bool:
    """Delete the contents of a deleted chat: first the events, then the messages, replies before what they quote."""
    while has_room():
        events = list(
            Event.select(Event.id, Event.type, Event.message_id)
            .where(Event.chat_id == task.subject, Event.id > task.place)
            .order_by(Event.id)
            .limit(AT_ONCE)
        )
        if events:
            ids = [event.id for event in events if event.message_id is not None or event.type == "draft"]
            Event.delete().where(Event.id.in_(ids)).execute()
            Event.replace_in([event.id for event in events if event.type == "chat.created"], {"last_message": None})
            task.place = events[-1].id
            continue
        newest = Message.select(Message.id).where(Message.chat == task.subject).order_by(Message.id.desc())
        messages = [message.id for message in newest.limit(AT_ONCE)]
        if messages:
            if not purge_messages(messages):
                return False
            continue
        return bool(Chat.delete().where(Chat.id == task.subject).execute())
    return False
