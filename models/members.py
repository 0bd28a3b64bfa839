"""Who comes into a chat, who goes, and who has which role: verbs of a Membership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.base import database, remove_after_commit, write
from models.chat import Chat
from models.errors import Forbidden, Invalid, Taken, words
from models.event import Event
from models.file import File
from models.message import Message
from models.user import User
from models.withdrawn import Withdrawn

if TYPE_CHECKING:
    from models.membership import Membership

ROLES = ("owner", "admin", "member")


def known_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(role=words("One of owner, admin, member."))


def add(by: Membership, username: str, role: str) -> Membership:
    """See Membership.add."""
    known_role(role)
    row = type(by)
    with write():
        mine = by.again()
        if mine.chat.is_direct:
            raise Forbidden(words("A direct chat is for its two people: open a chat with a title for more."))
        person = next(iter(User.all_named([username.strip().lstrip("@")]).values()), None)
        if person is None:
            raise Invalid(username=words("Nobody is called %(username)s.", username=username.strip()))
        if role != "member" and not mine.is_owner:
            raise Forbidden(words("Only the owner gives roles."))
        if row.select().where(row.chat == mine.chat_id, row.user == person).exists():
            raise Taken(username=words("%(username)s is in this chat already.", username=person.username))
        theirs = row.enter(mine.chat, person)
        if role != "member":
            theirs = mine.set_role(person.id, role)
    return theirs


def set_role(by: Membership, user_id: int, role: str) -> Membership:
    """See Membership.set_role."""
    known_role(role)
    with write():
        mine = by.again()
        theirs = mine.member(user_id)
        if not mine.is_owner:
            raise Forbidden(words("Only the owner gives roles."))
        if theirs.user_id == mine.user_id and role != "owner":
            raise Invalid(role=words("Hand the chat over to somebody else first."))
        if role != theirs.role:
            if role == "owner":
                become(mine, "admin")
            become(theirs, role)
    return theirs


def become(theirs: Membership, role: str) -> None:
    """Take a role, and tell. The chat's owner is who took `owner` last."""
    row = type(theirs)
    theirs.is_admin = role == "admin"
    row.update(is_admin=theirs.is_admin).where(row.id == theirs.id).execute()
    if role == "owner":
        Chat.update(owner_id=theirs.user_id).where(Chat.id == theirs.chat_id).execute()
        theirs.chat.owner_id = theirs.user_id
    if not theirs.chat.is_direct:
        theirs.tell("member.updated", role)


def remove(by: Membership, user_id: int) -> None:
    """See Membership.remove."""
    if user_id == by.user_id:
        return by.leave()
    with write():
        mine = by.again()
        theirs = mine.member(user_id)
        if not mine.may_remove(theirs):
            raise Forbidden(words("You may not remove this member."))
        go(theirs)
    return None


def leave(mine: Membership) -> None:
    """See Membership.leave."""
    with write():
        here = mine.again()
        if here.chat.is_direct:
            raise Forbidden(words("A direct chat can't be left. You can mute it."))
        depart(here)


def depart(here: Membership) -> None:
    """See Membership.depart."""
    if here.chat.is_direct and not Message.select().where(Message.chat == here.chat_id).exists():
        # It would come to stand in the list of somebody who never heard of it, and who can't leave it.
        return end(here)
    if here.chat.owner_id == here.user_id:
        successor = heir(here)
        if successor is None:
            return end(here)
        become(successor, "owner")
    go(here)
    return None


def go(here: Membership) -> None:
    """Take a member out, and tell. Inside a write() only."""
    row = type(here)
    row.delete().where(row.id == here.id).execute()
    Event.forget_drafts(here.chat_id, here.user_id)
    Chat.update(member_count=Chat.member_count - 1).where(Chat.id == here.chat_id).execute()
    here.tell("member.removed")


def heir(here: Membership) -> Membership | None:
    """See Membership.heir."""
    row = type(here)
    others = (
        row.select(row, User)
        .join(User)
        .where(row.chat == here.chat_id, row.user != here.chat.owner_id)
        .order_by(row.is_admin.desc(), row.joined_at, row.id)
    )
    first: Membership | None = others.first()
    if first is not None:
        first.chat = here.chat
    return first


def delete_chat(mine: Membership) -> None:
    """See Membership.delete_chat."""
    with write():
        here = mine.again()
        if not here.is_owner:
            raise Forbidden(words("Only the owner may delete the chat."))
        end(here)


def end(here: Membership) -> None:
    """Take a chat away with everything in it, and tell everybody. Inside a write() only."""
    keys = [key for file in File.of_chat(here.chat_id) for key in file.keys]
    keys += Withdrawn.every_key(here.chat_id)
    told = {"id": here.chat_id, "title": here.chat.told()["title"]}
    for theirs in here.members():
        Event.record("chat.deleted", told, chat_id=here.chat_id, user_id=theirs.user_id)
    Event.delete().where(Event.chat_id == here.chat_id, Event.message_id.is_null(False)).execute()
    Event.forget_drafts(here.chat_id)
    database.execute_sql(
        "DELETE FROM message_index WHERE rowid IN (SELECT id FROM message WHERE chat_id = ?)", (here.chat_id,)
    )
    Chat.delete().where(Chat.id == here.chat_id).execute()
    remove_after_commit([*keys, here.chat.picture] if here.chat.picture else keys)
