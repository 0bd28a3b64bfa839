"""A person's chat list, in a fixed number of queries and without rows of models."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from lib import richtext
from models import message_json
from models.base import database, hue_of, iso
from models.chat import Membership, direct_title
from models.errors import NotThere
from models.mention import Mention
from models.message import preview_of
from models.user import User, avatar_url, user_dict

Json = dict[str, Any]

# More chats than anyone has.
ALL = 2**31
# A chat names so many of its members itself, fewer where a page of many chats would name more than that.
NAMED_IN_CHAT = 100
NAMED_ON_PAGE = 4_000
# Ranked in one pass: a subquery for each chat would take a minute on Postgres for a page of large chats.
FIRST_MEMBERS = """
    SELECT ranked.chat_id, ranked.is_admin, ranked.joined_at, u.id, u.username, u.name, u.about, u.avatar, u.created_at
    FROM (
        SELECT m.chat_id, m.user_id, m.is_admin, m.joined_at, row_number() OVER (
            PARTITION BY m.chat_id
            ORDER BY c.low_id IS NOT NULL OR m.user_id <> c.owner_id, m.is_admin DESC, m.joined_at, m.id) AS place
        FROM json_each(?) wanted JOIN chat c ON c.id = wanted.value JOIN membership m ON m.chat_id = c.id
    ) ranked JOIN "user" u ON u.id = ranked.user_id AND u.deleted_at IS NULL
    WHERE ranked.place <= ? ORDER BY ranked.place
"""
# The first file's name is shown for a last message without a text. Mentions are counted only where something is unread.
LISTED = """
    SELECT c.id, m.user_id, c.title, c.description, c.owner_id, c.low_id, c.high_id, c.picture, c.created_at,
        c.activity, c.member_count, c.last_message_id, m.is_admin, m.level, m.last_read_id,
        c.message_count - m.read_count - m.own_since,
        CASE WHEN c.message_count > m.read_count + m.own_since THEN (
            SELECT count(DISTINCT n.message_id) FROM mention n JOIN message s ON s.id = n.message_id
            WHERE n.user_id = m.user_id AND n.chat_id = m.chat_id AND n.message_id > m.last_read_id
                AND s.author_id <> m.user_id) ELSE 0 END,
        p.id, p.username, p.name, p.avatar, p.deleted_at, d.id, d.text, d.reply_to_id, d.written_at,
        l.id, l.author_id, l.text, CASE WHEN instr(l.html, 'data-user="') > 0 THEN l.html END,
        l.created_at, l.deleted_at,
        a.username, a.name, a.deleted_at,
        (SELECT name FROM file WHERE message_id = l.id ORDER BY id LIMIT 1)
    FROM membership m JOIN chat c ON c.id = m.chat_id
    LEFT JOIN "user" p ON p.id = c.low_id + c.high_id - m.user_id
    LEFT JOIN draft d ON d.membership_id = m.id
    LEFT JOIN message l ON l.id = c.last_message_id
    LEFT JOIN "user" a ON a.id = l.author_id
    WHERE m.user_id = ?"""
# A direct chat is listed for the person who opened it, and for the other one once it has a message.
IS_LISTED = """
    AND (c.low_id IS NULL OR c.owner_id = m.user_id OR EXISTS (SELECT 1 FROM message WHERE chat_id = c.id))"""


class ListedChat(NamedTuple):
    """A chat as one of its members sees it in a list."""

    chat_id: int
    user_id: int
    stored_title: str
    description: str
    owner_id: int
    low_id: int | None
    high_id: int | None
    picture: str | None
    created_at: int
    activity: int
    member_count: int
    last_message_id: int | None
    is_admin: int
    level: str
    last_read_id: int
    unread: int
    unread_mentions: int
    # In a direct chat: the other person.
    partner_id: int | None
    partner_username: str
    partner_name: str
    partner_avatar: str | None
    partner_deleted_at: int | None
    draft_id: int | None
    draft_text: str | None
    draft_reply_to_id: int | None
    draft_written_at: int
    # The last message.
    last_id: int | None
    last_author_id: int
    last_text: str
    # Only where somebody is mentioned.
    last_html: str | None
    last_created_at: int
    last_deleted_at: int | None
    last_username: str
    last_name: str
    last_author_deleted_at: int | None
    last_file: str | None

    @property
    def is_direct(self) -> bool:
        return self.low_id is not None

    @property
    def kind(self) -> str:
        return "direct" if self.is_direct else "group"

    @property
    def title(self) -> str:
        """The title that the member sees; in a direct chat the other person's name."""
        if self.partner_id is None:
            return self.stored_title
        return direct_title(self.low_id == self.high_id, self.partner_name or self.partner_username)

    @property
    def hue(self) -> int:
        return hue_of(self.chat_id if self.partner_id is None else self.partner_id)

    @property
    def picture_url(self) -> str | None:
        if self.partner_id is not None:
            return avatar_url(self.partner_id, self.partner_avatar)
        return f"/chats/{self.chat_id}/picture/{self.picture[-12:]}" if self.picture else None

    @property
    def role(self) -> str:
        if self.owner_id == self.user_id and not self.is_direct:
            return "owner"
        return "admin" if self.is_admin else "member"

    @property
    def shown_at(self) -> int:
        """When something happened last: the last message, or the beginning."""
        return self.created_at if self.last_id is None else self.last_created_at

    @property
    def last_author(self) -> str:
        """What the last message's author is called; '' for a closed account."""
        return "" if self.last_author_deleted_at is not None else self.last_name or self.last_username

    @property
    def last_preview(self) -> str:
        return "" if self.last_deleted_at is not None else preview_of(self.last_text, self.last_file)

    @property
    def draft_preview(self) -> str:
        return richtext.preview(self.draft_text or "")

    def draft(self) -> Json | None:
        if not self.draft_text:
            return None
        written_at = iso(self.draft_written_at)
        draft = {"text": self.draft_text, "reply_to": self.draft_reply_to_id, "written_at": written_at}
        return {**draft, "version": self.draft_id}


def load(
    user: User, limit: int | None = None, before: int | None = None, only: Collection[int] | None = None
) -> list[ListedChat]:
    """A person's chats with the last message and its author, latest activity first.

    Those below an activity (`before`); of these chats (`only`).
    """
    sql, values = IS_LISTED, list[Any]()
    if before is not None:
        sql, values = f"{sql} AND c.activity < ?", [before]
    if only is not None:
        sql, values = f"{sql} AND c.id IN (SELECT value FROM json_each(?))", [*values, json.dumps(list(only))]
    return _select(user, f"{sql} ORDER BY c.activity DESC LIMIT ?", [*values, ALL if limit is None else limit])


def _select(user: User, which: str, values: Sequence[Any]) -> list[ListedChat]:
    listed = [ListedChat(*row) for row in database.execute_sql(LISTED + which, (user.id, *values))]
    last = {chat.last_id: chat for chat in listed if chat.last_id is not None and chat.last_html}
    outdated = Mention.outdated({message_id: chat.last_html or "" for message_id, chat in last.items()})
    texts = {
        message_id: Mention.rename(message_id, last[message_id].last_text, "", names)[0]
        for message_id, names in outdated.items()
    }
    return [chat._replace(last_text=texts[chat.last_id]) if chat.last_id in texts else chat for chat in listed]


def unread_mentions(membership: Membership) -> int:
    """How many of the unread messages mention this person."""
    return int(Mention.unread(membership).scalar()) if membership.unread else 0


def to_dicts(listed: Sequence[ListedChat]) -> list[Json]:
    """Several chats as a person sees them, each with its first members and its last message."""
    members = first_members(listed)
    last = {
        message["chat_id"]: message
        for message in message_json.by_ids(chat.last_message_id for chat in listed if chat.last_message_id)
    }
    return [_to_dict(chat, members[chat.chat_id], last.get(chat.chat_id)) for chat in listed]


def to_dict(membership: Membership) -> Json:
    """One chat, freshly read, with its first members and its last message. Raises NotThere."""
    listed = _select(membership.user, " AND c.id = ?", [membership.chat_id])
    if not listed:
        raise NotThere("chat")
    return to_dicts(listed)[0]


def _to_dict(chat: ListedChat, members: Sequence[Json], last: Json | None) -> Json:
    return {
        "id": chat.chat_id,
        "title": chat.title,
        "kind": chat.kind,
        "description": chat.description,
        "picture_url": chat.picture_url,
        "created_at": iso(chat.created_at),
        "level": chat.level,
        "role": chat.role,
        "members": members,
        "member_count": chat.member_count,
        "unread": chat.unread,
        "unread_mentions": chat.unread_mentions,
        "last_message": last,
        "last_read_id": chat.last_read_id or None,
        "draft": chat.draft(),
    }


def first_members(chats: Sequence[ListedChat]) -> dict[int, list[Json]]:
    """The first members of several chats as dicts, by chat id: owner, admins, then by time.

    In one query without rows of models: a page of large chats names thousands of people.
    """
    by_id = {chat.chat_id: chat for chat in chats}
    members: dict[int, list[Json]] = {chat_id: [] for chat_id in by_id}
    people: dict[int, Json] = {}
    each = min(NAMED_IN_CHAT, NAMED_ON_PAGE // max(1, len(by_id)))
    rows = database.execute_sql(FIRST_MEMBERS, (json.dumps(list(by_id)), each))
    for chat_id, is_admin, joined_at, user_id, *profile in rows:
        chat = by_id[chat_id]
        if user_id not in people:
            people[user_id] = user_dict(user_id, *profile)
        is_owner = user_id == chat.owner_id and not chat.is_direct
        role = "owner" if is_owner else "admin" if is_admin else "member"
        members[chat_id].append({"user": people[user_id], "role": role, "joined_at": iso(joined_at)})
    return members
