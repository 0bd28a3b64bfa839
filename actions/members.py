"""Adding and removing members, and their roles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from actions.message_events import last_message
from actions.reading import unread_counts
from lib.limits import PRESENCE_MEMBERS_MAX
from models.base import database, has_room, iso, now, remove_after_commit, write
from models.chat import LEVELS, ROLES, Chat, Membership
from models.errors import Forbidden, Invalid, Taken, words
from models.event import Event, EventType
from models.message import Message
from models.task import Task, step
from models.user import User

# The id of a user row that owns deleted chats while their messages are deleted: the database requires an owner.
PLACEHOLDER_USER_ID = 0
# Of a large chat, the heading names only so many members, and streams don't tell who is online.
NAMED_IN_HEADING = 8


def insert(chat: Chat, users: Sequence[User]) -> None:
    """Insert memberships with everything read so far, and record their events. Inside a write() only."""
    ids = json.dumps([user.id for user in users])
    database.execute_sql(
        """
        INSERT INTO membership (user_id, chat_id, joined_at, last_read_id, read_count)
        SELECT value, ?, ?, ?, ? FROM json_each(?) ORDER BY key""",
        (chat.id, now(), chat.last_message_id or 0, chat.message_count, ids),
    )
    Chat.update(member_count=Chat.member_count + len(users)).where(Chat.id == chat.id).execute()
    chat.member_count += len(users)
    events: list[tuple[EventType, dict[str, Any], int, int]] = []
    listed, people = _as_listed(chat), _people(chat)
    for user in users:
        role = "owner" if user.id == chat.owner_id and not chat.is_direct else "member"
        member = {"chat_id": chat.id, "user": user.to_dict(), "role": role, **people}
        events.append(("chat.created", {**listed, "role": role}, chat.id, user.id))
        events.append(("member.added", member, chat.id, user.id))
    Event.record_many(events)


def _as_listed(chat: Chat) -> dict[str, Any]:
    """A chat in the list of a new member, who has read everything so far. Both sides of a direct chat get the same."""
    data = chat.event_data()
    if chat.is_direct:
        users = User.select().where(User.id.in_(data["user_ids"])).order_by(User.id)
        data |= {"users": [user.to_dict() for user in users], "opened_by": chat.owner_id}
    return {
        **data,
        "created_at": iso(chat.created_at),
        "level": "everything",
        "unread": 0,
        "unread_mentions": 0,
        "last_message": last_message(chat.last_message_id),
        "last_read_id": chat.last_message_id,
    }


def _people(chat: Chat) -> dict[str, Any]:
    """How many members a chat has, and as whom its heading shows them: all of up to 100, else the first 8."""
    count = Chat.select(Chat.member_count).where(Chat.id == chat.id).scalar()
    labels = list(Membership(chat=chat).participants(PRESENCE_MEMBERS_MAX)[0].items())
    shown = labels if count <= PRESENCE_MEMBERS_MAX else labels[:NAMED_IN_HEADING]
    return {"member_count": count, "people": [{"id": user_id, "label": label} for user_id, label in shown]}


def add(membership: Membership, username: str, role: str = "member") -> Membership:
    """Add a person. Raises Invalid or Taken (`username`), Forbidden for a role that only the owner may give."""
    _check_role(role)
    with write():
        membership = membership.reload()
        if membership.chat.is_direct:
            raise Forbidden(words("A direct chat is for two. To talk with more people, create a chat."))
        person = next(iter(User.all_named([username.strip().lstrip("@")]).values()), None)
        if person is None:
            raise Invalid(username=words("No user named “%(username)s”.", username=username.strip()))
        if role != "member" and not membership.is_owner:
            raise Forbidden(words("Only the owner can change roles."))
        in_chat = Membership.chat == membership.chat_id
        if Membership.select().where(in_chat, Membership.user == person).exists():
            raise Taken(username=words("%(username)s is already in this chat.", username=person.username))
        insert(membership.chat, [person])
        if role != "member":
            return set_role(membership, person.id, role)
        return Membership.of(person, membership.chat_id)


def set_role(membership: Membership, user_id: int, role: str) -> Membership:
    """Set a member's role; setting `owner` hands the chat over. Raises Invalid, NotThere, Forbidden."""
    _check_role(role)
    with write():
        membership = membership.reload()
        member = membership.member(user_id)
        if not membership.is_owner:
            raise Forbidden(words("Only the owner can change roles."))
        if member.user_id == membership.user_id and role != "owner":
            raise Invalid(role=words("Make someone else the owner first."))
        if role != member.role:
            if role == "owner":
                _save_role(membership, "admin")
            _save_role(member, role)
    return member


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(role=words("Choose owner, admin or member."))


def _save_role(member: Membership, role: str) -> None:
    """Save a member's role and record its event. The latest `owner` owns the chat. Inside a write() only."""
    member.is_admin = role == "admin"
    Membership.update(is_admin=member.is_admin).where(Membership.id == member.id).execute()
    if role == "owner":
        Chat.update(owner_id=member.user_id).where(Chat.id == member.chat_id).execute()
        member.chat.owner_id = member.user_id
    if not member.chat.is_direct:
        _record_event("member.updated", member, role)


def _record_event(type: EventType, member: Membership, role: str) -> None:
    data = {"chat_id": member.chat_id, "user": member.user.to_dict(), "role": role, **_people(member.chat)}
    Event.record(type, data, chat_id=member.chat_id, user_id=member.user_id)


def set_level(membership: Membership, level: str) -> None:
    """Set what the member is notified of: everything, mentions (in a direct chat everything), nothing.

    Raises Invalid (`level`).
    """
    if level not in LEVELS:
        raise Invalid(level=words("Choose everything, mentions or nothing."))
    with write():
        current = membership.reload()
        if current.level != level:
            Membership.update(level=level).where(Membership.id == current.id).execute()
            data = {
                "chat_id": current.chat_id,
                "user_id": current.user_id,
                "level": level,
                **unread_counts(current),
            }
            Event.record("membership.updated", data, chat_id=current.chat_id, user_id=current.user_id)
    membership.level = level


def remove(membership: Membership, user_id: int) -> None:
    """Remove a member, or leave if it is oneself. Raises NotThere, Forbidden."""
    if user_id == membership.user_id:
        return leave(membership)
    with write():
        membership = membership.reload()
        member = membership.member(user_id)
        if not membership.may_remove(member):
            raise Forbidden(words("You can’t remove this member."))
        _delete(member)
    return None


def leave(membership: Membership) -> None:
    """Leave the chat. Raises Forbidden in a direct chat: the other person would write into it unread."""
    with write():
        membership = membership.reload()
        if membership.chat.is_direct:
            raise Forbidden(words("You can’t leave a direct chat, but you can mute it."))
        remove_membership(membership)


def remove_membership(membership: Membership) -> None:
    """Remove a membership of any chat. Inside a write() only.

    When the owner leaves, the longest-standing admin (or else member) becomes the owner; if nobody is left, the chat is
    deleted.
    """
    if membership.chat.is_direct and not Message.select().where(Message.chat == membership.chat_id).exists():
        # Otherwise it would appear in the list of the other person, who never saw it and can't leave it.
        return end_chat(membership)
    if membership.chat.owner_id == membership.user_id:
        new_owner = successor(membership)
        if new_owner is None:
            return end_chat(membership)
        _save_role(new_owner, "owner")
    _delete(membership)
    return None


def _delete(member: Membership) -> None:
    """Delete the row and record the event. Inside a write() only."""
    Membership.delete().where(Membership.id == member.id).execute()
    Event.forget_drafts(member.chat_id, member.user_id)
    Chat.update(member_count=Chat.member_count - 1).where(Chat.id == member.chat_id).execute()
    _record_event("member.removed", member, member.role)


def successor(membership: Membership) -> Membership | None:
    """The member who becomes the owner when the owner leaves."""
    others = (
        Membership.select(Membership, User)
        .join(User)
        .where(
            Membership.chat == membership.chat_id,
            Membership.user != membership.chat.owner_id,
            User.deleted_at.is_null(),
        )
        .order_by(Membership.is_admin.desc(), Membership.id)
    )
    first: Membership | None = others.first()
    if first is not None:
        first.chat = membership.chat
    return first


def end_chat(membership: Membership) -> None:
    """Delete a chat with everything in it, and record an event for each member. Inside a write() only."""
    chat = membership.chat
    data = {"id": chat.id, "title": chat.event_data()["title"]}
    everybody = list(Membership.select(Membership.user).where(Membership.chat == chat.id).order_by(Membership.id))
    Event.record_many([("chat.deleted", data, chat.id, member.user_id) for member in everybody])
    remove_after_commit([chat.picture] if chat.picture else [])
    User.insert(id=PLACEHOLDER_USER_ID, username="", created_at=now(), deleted_at=now()).on_conflict_ignore().execute()
    Membership.insert(user=PLACEHOLDER_USER_ID, chat=chat.id, joined_at=now()).execute()
    Chat.update(
        owner_id=PLACEHOLDER_USER_ID, title="", description="", picture=None, low_id=None, high_id=None, member_count=1
    ).where(Chat.id == chat.id).execute()
    Membership.delete().where(Membership.chat == chat.id, Membership.user != PLACEHOLDER_USER_ID).execute()
    if Task.begin("chat", chat.id):
        Task.enqueue("merged", 0)


@step("memberships")
def leave_all(task: Task) -> bool:
    """Remove a closed account from its chats."""
    while has_room():
        membership = Membership.select().where(Membership.user == task.subject).order_by(Membership.id).first()
        if membership is None:
            return True
        remove_membership(membership)
    return False
