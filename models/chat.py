"""Chats and their members. A Membership is the permission check: one person in one chat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Literal, cast, get_args

from peewee import (
    JOIN,
    AutoField,
    BigIntegerField,
    BooleanField,
    Case,
    ForeignKeyField,
    IntegerField,
    TextField,
    Tuple,
    fn,
)

from lib.characters import initials, one_line
from models.base import Model, database, iso, limits
from models.draft import NO_DRAFT, Draft
from models.errors import Errors, NotThere, words
from models.event import Event
from models.statements import statement
from models.user import User

Role = Literal["owner", "admin", "member"]
ROLES = get_args(Role)
Level = Literal["everything", "mentions", "nothing"]
LEVELS = get_args(Level)


class Chat(Model):
    """A chat. Its owner is one of its members: the database checks that at every commit.

    A direct chat has no title and roles but two people, `low_id` and `high_id`; both are the same in a chat with
    oneself. Loaded for a reader its title is the name of the other person, the `partner`.

    `message_count` counts the messages that are not deleted; `activity` is the id of the event that last
    moved the chat up in its members' lists, so the order needs no clock.
    """

    id = AutoField()
    title = TextField()
    owner_id = IntegerField()
    created_at = BigIntegerField()
    message_count = IntegerField(default=0)
    member_count = IntegerField(default=0)
    last_message_id = IntegerField(null=True)
    activity = IntegerField(default=0)
    low_id = IntegerField(null=True)
    high_id = IntegerField(null=True)
    description = TextField(default="")
    picture = TextField(null=True)
    # Grows with every event that changed what its members see of it (models/event.py).
    version = BigIntegerField(default=0)

    partner: User | None = None

    @classmethod
    def visible_to(cls, user: User) -> Any:
        """The permission query: the ids of the chats that a person is in."""
        return Membership.select(Membership.chat).where(Membership.user == user)

    @classmethod
    def shown_to(cls, user: User, which: Any) -> list[Chat]:
        """Load chats with the titles shown to a person, in one query. The caller must restrict them to visible ones."""
        query = cls.select(cls, Partner).join(Partner, JOIN.LEFT_OUTER, on=partner_of(user), attr="partner")
        chats = list(query.where(which))
        for chat in chats:
            chat.set_shown_title()
        return chats

    @classmethod
    def titles_shown_to(cls, user: User) -> list[tuple[int, str]]:
        """The ids of all chats of a person, with the titles shown to them, latest activity first.

        As tuples for speed: a search looks through all chats, and there may be thousands.
        """
        columns = (cls.id, cls.title, cls.low_id, cls.high_id, Partner.id, Partner.name, Partner.username)
        query = cls.select(*columns).join(Partner, JOIN.LEFT_OUTER, on=partner_of(user))
        rows: Any = query.where(cls.id.in_(cls.visible_to(user))).order_by(cls.activity.desc()).tuples()
        return [
            (chat_id, title if partner is None else direct_title(low == high, name or username))
            for chat_id, title, low, high, partner, name, username in rows
        ]

    @classmethod
    def shared_by(cls, user: User, other: User) -> list[Chat]:
        """The group chats that two people share, latest activity first."""
        both = cls.id.in_(cls.visible_to(user)) & cls.id.in_(cls.visible_to(other)) & cls.low_id.is_null()
        return list(cls.select().where(both).order_by(cls.activity.desc()))

    def move_up(self) -> None:
        """Move the chat to the top of its members' lists. Inside a write() only."""
        newest = Event.select(fn.MAX(Event.id)).scalar()
        Chat.update(activity=newest).where(Chat.id == self.id).execute()
        self.activity = newest

    def reload_last_message_id(self) -> int | None:
        """Read the id of the last message again, and return it."""
        self.last_message_id = Chat.select(Chat.last_message_id).where(Chat.id == self.id).scalar()
        return cast("int | None", self.last_message_id)

    def set_shown_title(self) -> None:
        """Overwrite the title of a direct chat with the one shown to the reader. Needs the partner to be loaded.

        The stored title stays empty: don't save it.
        """
        if self.partner is not None:
            self.title = direct_title(self.is_to_oneself, self.partner.label)

    @property
    def is_direct(self) -> bool:
        return self.low_id is not None

    @property
    def is_to_oneself(self) -> bool:
        return self.is_direct and self.low_id == self.high_id

    @property
    def kind(self) -> str:
        return "direct" if self.is_direct else "group"

    @property
    def initials(self) -> str:
        return initials(self.title)

    @property
    def picture_url(self) -> str | None:
        """The picture's URL, which changes with the picture. Of a direct chat the other person's."""
        if self.partner is not None:
            return self.partner.avatar_url
        return f"{self.url}/picture/{self.picture[-12:]}" if self.picture else None

    def event_data(self) -> dict[str, Any]:
        """The chat in an event. It is the same for all members, so a direct chat has its people's ids and no title."""
        data = {"id": self.id, "title": self.title, "kind": self.kind}
        if self.is_direct:
            return {**data, "title": "", "user_ids": sorted({self.low_id, self.high_id})}
        return {**data, "description": self.description, "picture_url": self.picture_url}

    @property
    def url(self) -> str:
        return f"/chats/{self.id}"


class Membership(Model):
    """One person in one chat.

    Unread is a difference, so that it costs the same at ten messages and at ten million: the chat's messages,
    less `read_count` (those up to `last_read_id`), less `own_since` (one's own after it). All three count
    messages that are not deleted.
    """

    id = AutoField()
    user = ForeignKeyField(User)
    chat = ForeignKeyField(Chat)
    is_admin = BooleanField(default=False)
    joined_at = BigIntegerField()
    last_read_id = IntegerField(default=0)
    read_count = IntegerField(default=0)
    own_since = IntegerField(default=0)
    level = TextField(default="everything")
    # Grows with every event that changed what this member alone sees of the chat.
    version = BigIntegerField(default=0)

    user_id: int
    chat_id: int

    @classmethod
    def of(cls, user: User, chat_id: int) -> Membership:
        """The permission check: this person in this chat. Raises NotThere."""
        membership: Membership | None = membership_of.first(user.id, chat_id)
        if membership is None:
            raise NotThere("chat")
        membership.user = user
        membership.chat.set_shown_title()
        return membership

    def reload(self) -> Membership:
        """Read the membership again, under the write lock. Raises NotThere when it ended."""
        return Membership.of(self.user, self.chat_id)

    # Members

    def members(self, limit: int | None = None, after: str | None = None) -> list[Membership]:
        """The members: owner first, then admins, then by time; those after a `place`."""
        owner_id = None if self.chat.is_direct else self.chat.owner_id
        rank = Case(None, ((Membership.user == owner_id, 0), (Membership.is_admin, 1)), 2)
        order = (rank, Membership.joined_at, Membership.id)
        query = Membership.select(Membership, User).join(User).where(Membership.chat == self.chat_id)
        # A closed account leaves its chats one after the other.
        query = query.where(User.deleted_at.is_null())
        if after is not None:
            query = query.where(Tuple(*order) > Tuple(*map(int, after.split("."))))
        members = list(query.order_by(*order).limit(limit))
        for member in members:
            member.chat = self.chat
        return members

    def member(self, user_id: int) -> Membership:
        """The membership of another person in this chat. Raises NotThere, also for a closed account."""
        # A closed account leaves its chats one after the other.
        which = (Membership.chat == self.chat_id, Membership.user == user_id, User.deleted_at.is_null())
        member: Membership | None = Membership.select(Membership, User).join(User).where(*which).first()
        if member is None:
            raise NotThere("member")
        member.chat = self.chat
        return member

    def participants(self, limit: int) -> tuple[dict[int, str], set[int]]:
        """The labels of the first people by id, and the ids of the owner and admins, in one query.

        Where two of them have the same name, their usernames tell them apart.
        """
        people = database.execute_sql(PARTICIPANTS, (self.chat_id, self.chat_id, limit)).fetchall()
        higher = {user_id for user_id, _, _, is_admin in people if is_admin} | {self.chat.owner_id}
        shared = Counter(name for _, _, name, _ in people[:limit])
        return {
            user_id: name if name and shared[name] == 1 else f"{name} (@{username})" if name else username
            for user_id, username, name, _ in people[:limit]
        }, higher

    def people(self) -> Any:
        """A query for the people in the chat, with open accounts."""
        which = (Membership.chat == self.chat_id, User.deleted_at.is_null())
        return User.select().join(Membership, on=(Membership.user == User.id)).where(*which)

    # Permissions

    @property
    def is_owner(self) -> bool:
        """Whether this is the owner. A direct chat has none: both may do the same."""
        return bool(self.chat.owner_id == self.user_id) and not self.chat.is_direct

    @property
    def role(self) -> str:
        return "owner" if self.is_owner else "admin" if self.is_admin else "member"

    @property
    def place(self) -> str:
        """The sort key of this membership in members()."""
        return f"{ROLES.index(self.role)}.{self.joined_at}.{self.id}"

    @property
    def may_edit(self) -> bool:
        """Whether this member may edit the chat, remove people and delete others' messages."""
        return self.is_owner or self.is_admin

    def may_remove(self, other: Membership) -> bool:
        """The owner may remove anyone, an admin plain members. Nobody removes themselves: they leave."""
        if other.user_id == self.user_id:
            return False
        return self.is_owner or (self.is_admin and other.role == "member")

    def may_delete(self, author_id: int, higher: Collection[int] | None = None) -> bool:
        """Authors may delete their own messages, the owner all, an admin those of plain members and of people who left.

        `higher` are the ids of the owner and the admins, where they are known; else the database is asked.
        """
        if author_id == self.user_id or self.is_owner:
            return True
        if not self.is_admin:
            return False
        return author_id not in (self.participants(0)[1] if higher is None else higher)

    # Read position and draft

    @property
    def unread(self) -> int:
        """How many messages of others came after the last read one."""
        return int(self.chat.message_count - self.read_count - self.own_since)

    @property
    def draft(self) -> Draft | None:
        """This person's draft in this chat, perhaps an empty one."""
        return getattr(self, "loaded_draft", None)

    @property
    def draft_version(self) -> int:
        """The draft's version; 0 before the first one."""
        return self.draft.id if self.draft is not None else 0

    def draft_dict(self) -> dict[str, Any]:
        return self.draft.to_dict() if self.draft is not None else NO_DRAFT

    def to_dict(self) -> dict[str, Any]:
        return {"user": self.user.to_dict(), "role": self.role, "joined_at": iso(self.joined_at)}


PARTICIPANTS = """
    SELECT u.id, u.username, u.name, m.is_admin FROM membership m JOIN "user" u ON u.id = m.user_id
    WHERE m.chat_id = ? AND u.deleted_at IS NULL
        AND (m.is_admin OR m.id IN (SELECT id FROM membership WHERE chat_id = ? ORDER BY id LIMIT ?))
    ORDER BY m.id"""


def title_of(title: str, wrong: Errors) -> str:
    """Clean and validate a title. Errors are added to `wrong`."""
    title = one_line(title)
    if not title:
        wrong["title"] = [words("Enter a title.")]
    elif len(title) > limits.title_max:
        wrong["title"] = [words("Use %(most)d characters or fewer.", most=limits.title_max)]
    return title


def direct_title(is_to_oneself: bool, partner: str) -> str:
    """The title of a direct chat; `partner` is the other person's label, '' when that account is closed."""
    return words("Saved messages") if is_to_oneself else partner or words("Deleted user")


# The other person of a direct chat.
Partner = User.alias()


def partner_of(user: User) -> Any:
    """The join condition of Partner in a query of chats."""
    return partner_of_id(user.id)


def partner_of_id(user_id: Any) -> Any:
    """The same by id, or by a statement's parameter. The sum is NULL for group chats."""
    return Partner.id == Chat.low_id + Chat.high_id - user_id


def open_members(chat_ids: Collection[int]) -> set[tuple[int, int]]:
    """Who is in these chats with an open account, as (chat, person)."""
    query = Membership.select(Membership.chat, Membership.user).join(User).where(User.deleted_at.is_null())
    return set(cast("Iterable[tuple[int, int]]", query.where(Membership.chat.in_(chat_ids)).tuples()))


@statement
def membership_of(user_id: Any, chat_id: Any) -> Any:
    """A person in a chat, with the chat, the partner and the draft.

    A closed account leaves its chats one after the other (models/task.py), but must not be in any from the start.
    """
    is_open = fn.EXISTS(User.select(User.id).where(User.id == user_id, User.deleted_at.is_null()))
    return (
        Membership.select(Membership, Chat, Partner, Draft)
        .join(Chat)
        .join(Partner, JOIN.LEFT_OUTER, on=partner_of_id(user_id), attr="partner")
        .join(Draft, JOIN.LEFT_OUTER, on=(Draft.membership_id == Membership.id), src=Membership, attr="loaded_draft")
        .where(Membership.user == user_id, Membership.chat == chat_id, is_open)
    )
