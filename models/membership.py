"""What a person may do in a chat: every verb of a chat starts from their own membership of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast

from peewee import JOIN, AutoField, BigIntegerField, BooleanField, ForeignKeyField, IntegerField, TextField, fn

from models import counting, forwarding, members, posting, room
from models import draft as drafts
from models.base import Model, iso, now
from models.chat import Chat, Partner, partner_of
from models.draft import Draft
from models.errors import NotThere
from models.event import Event
from models.file import File
from models.mention import Mention
from models.message import Message
from models.user import User
from storage import Upload

ROLES = ("owner", "admin", "member")


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

    last: Message | None = None
    user_id: int
    chat_id: int
    first_file: str | None
    mentioned: int | None = None

    # Finding

    @classmethod
    def of(cls, user: User, chat_id: int) -> Membership:
        """The permission question: this person in this chat. Raises NotThere."""
        mine: Membership | None = (
            cls.select(cls, Chat, Partner, Draft)
            .join(Chat)
            .join(Partner, JOIN.LEFT_OUTER, on=partner_of(user), attr="partner")
            .join(Draft, JOIN.LEFT_OUTER, on=(Draft.membership_id == cls.id), src=cls, attr="begun")
            .where(cls.user == user.id, cls.chat == chat_id)
            .first()
        )
        if mine is None:
            raise NotThere("chat")
        mine.user = user
        mine.chat.as_seen()
        return mine

    @classmethod
    def listed(
        cls, user: User, limit: int | None, before: int | None, only: Collection[int] | None = None
    ) -> list[Membership]:
        """A person's memberships, newest activity first, in one query: chat, last message and its author loaded.

        With `only` those of these chats that are theirs.
        """
        # Without a text the last message is shown by its first file's name.
        first_file = File.select(File.name).where(File.message == Message.id).order_by(File.id).limit(1)
        mentioned = Mention.unread(cls)
        query = (
            cls.select(
                cls, Chat, Partner, Draft, Message, User, first_file.alias("first_file"), mentioned.alias("mentioned")
            )
            .join(Chat)
            .join(Partner, JOIN.LEFT_OUTER, on=partner_of(user), attr="partner")
            .switch(Chat)
            .join(Message, JOIN.LEFT_OUTER, on=(Message.id == Chat.last_message_id), attr="last")
            .join(User, JOIN.LEFT_OUTER, on=(Message.author == User.id), attr="author")
            .join(Draft, JOIN.LEFT_OUTER, on=(Draft.membership_id == cls.id), src=cls, attr="begun")
            .where(cls.user == user.id, cls._has_begun(user))
            .order_by(Chat.activity.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(Chat.activity < before)
        if only is not None:
            query = query.where(cls.chat.in_(only))
        memberships = list(query)
        for mine in memberships:
            mine.user = user
            mine.chat.as_seen()
            mine.last = getattr(mine.chat, "last", None)
            if mine.last is not None:
                mine.last.first_file = mine.first_file
        return memberships

    @classmethod
    def _has_begun(cls, user: User) -> Any:
        """A direct chat stands in the list of who opened it, and in the other's once somebody wrote."""
        written = fn.EXISTS(Message.select(Message.id).where(Message.chat == Chat.id))
        return Chat.low_id.is_null() | (Chat.owner_id == user.id) | written

    @classmethod
    def of_chats(cls, chats: Sequence[Chat]) -> dict[int, list[Membership]]:
        """Everybody in several chats, in one query: owner first, then admins, then by time."""
        people: dict[int, list[Membership]] = {chat.id: [] for chat in chats}
        by_id = {chat.id: chat for chat in chats}
        query = cls.select(cls, User).join(User).where(cls.chat.in_(list(people)))
        for theirs in query.order_by(cls.is_admin.desc(), cls.joined_at, cls.id):
            theirs.chat = by_id[theirs.chat_id]
            people[theirs.chat_id].append(theirs)
        for company in people.values():
            company.sort(key=lambda theirs: not theirs.is_owner)
        return people

    @classmethod
    def shared(cls, user: User, other: User) -> list[Chat]:
        """The chats that two people are in with others, newest activity first."""
        theirs = cls.select(cls.chat).where(cls.user == other.id)
        both = Chat.id.in_(Chat.visible_to(user)) & Chat.id.in_(theirs) & Chat.low_id.is_null()
        return list(Chat.select().where(both).order_by(Chat.activity.desc()))

    def members(self) -> list[Membership]:
        """Everybody in the chat: owner first, then admins, then by time."""
        return Membership.of_chats([self.chat])[self.chat_id]

    def member(self, user_id: int) -> Membership:
        """Somebody in the chat. Raises NotThere."""
        theirs: Membership | None = (
            Membership.select(Membership, User)
            .join(User)
            .where(Membership.chat == self.chat_id, Membership.user == user_id)
            .first()
        )
        if theirs is None:
            raise NotThere("member")
        theirs.chat = self.chat
        return theirs

    def company(self, limit: int) -> tuple[dict[int, str], set[int]]:
        """The first usernames by their ids, and the ids of those that an admin has no say over, in one query."""
        First = Membership.alias()
        first = First.select(First.id).where(First.chat == self.chat_id).order_by(First.id).limit(limit)
        query = (
            User.select(User.id, User.username, Membership.is_admin)
            .join(Membership, on=(Membership.user == User.id))
            .where(Membership.chat == self.chat_id, Membership.id.in_(first) | Membership.is_admin)
            .order_by(Membership.id)
        )
        people = list(cast("Iterable[tuple[int, str, bool]]", query.tuples()))
        higher = {user_id for user_id, _, is_admin in people if is_admin} | {self.chat.owner_id}
        return {user_id: username for user_id, username, _ in people[:limit]}, higher

    def people(self) -> Any:
        """A query for the people in the chat."""
        here = Membership.chat == self.chat_id
        return User.select().join(Membership, on=(Membership.user == User.id)).where(here)

    def again(self) -> Membership:
        """The same as it stands now, under the write lock. Raises NotThere when it ended."""
        return Membership.of(self.user, self.chat_id)

    # What one may do

    @property
    def is_owner(self) -> bool:
        """In a direct chat nobody is: what one of the two might do there, the other may as well."""
        return bool(self.chat.owner_id == self.user_id) and not self.chat.is_direct

    @property
    def role(self) -> str:
        return "owner" if self.is_owner else "admin" if self.is_admin else "member"

    @property
    def may_edit(self) -> bool:
        """Rename, remove people, delete others' messages."""
        return self.is_owner or self.is_admin

    def may_remove(self, other: Membership) -> bool:
        """The owner anybody, an admin plain members; oneself is leaving, not removing."""
        if other.user_id == self.user_id:
            return False
        return self.is_owner or (self.is_admin and other.role == "member")

    def may_delete(self, message: Message, higher: Collection[int] | None = None) -> bool:
        """One's own; the owner anybody's; an admin those of plain members and of people who left.

        `higher` are the ids of the owner and the admins, where they are known; else the database is asked.
        """
        if message.author_id == self.user_id or self.is_owner:
            return True
        if not self.is_admin:
            return False
        return message.author_id not in (self.company(0)[1] if higher is None else higher)

    # The chat and its people

    @classmethod
    def enter(cls, chat: Chat, user: User) -> Membership:
        """Write somebody in, with everything read so far. Inside a write() only."""
        mine = cls.create(
            user=user,
            chat=chat,
            joined_at=now(),
            last_read_id=chat.last_message_id or 0,
            read_count=chat.message_count,
        )
        Chat.update(member_count=Chat.member_count + 1).where(Chat.id == chat.id).execute()
        chat.member_count += 1
        Event.record("chat.created", chat.told(), chat_id=chat.id, user_id=user.id)
        mine.tell("member.added")
        return mine

    def describe(self, title: str | None = None, description: str | None = None) -> None:
        """Say what the chat is called and about. Raises Invalid, Forbidden for a plain member."""
        room.describe(self, title, description)

    def set_picture(self, upload: Upload) -> None:
        """Make a picture the chat's own. Raises Invalid (`file`) when it is none, TooLarge, Busy, Forbidden."""
        room.set_picture(self, upload)

    def drop_picture(self) -> None:
        """Show initials again. Raises Forbidden for a plain member."""
        room.replace_picture(self, None)

    def set_level(self, level: str) -> None:
        """Choose what of this chat one is told of: everything, mentions (of a direct chat all), nothing.

        Raises Invalid (`level`).
        """
        room.set_level(self, level)

    def add(self, username: str, role: str = "member") -> Membership:
        """Bring somebody in. Raises Invalid or Taken (`username`), Forbidden for a role that is not one's to give."""
        return members.add(self, username, role)

    def set_role(self, user_id: int, role: str) -> Membership:
        """Give a role; giving `owner` hands the chat over. Raises Invalid, NotThere, Forbidden."""
        return members.set_role(self, user_id, role)

    def remove(self, user_id: int) -> None:
        """Take somebody out; oneself: leave. Raises NotThere, Forbidden."""
        members.remove(self, user_id)

    def leave(self) -> None:
        """Go. Raises Forbidden in a direct chat: it would be the other's alone, and written into unseen."""
        members.leave(self)

    def depart(self) -> None:
        """Go from any chat. Inside a write() only.

        The owner's successor is the longest-standing admin, else member; the last one's going ends the chat.
        """
        members.depart(self)

    def heir(self) -> Membership | None:
        """Who becomes the owner when the owner goes."""
        return members.heir(self)

    def delete_chat(self) -> None:
        """End the chat with everything in it, for everybody. Raises Forbidden for all but the owner."""
        members.delete_chat(self)

    def tell(self, type: str, role: str | None = None) -> None:
        """Write an event about this member. Inside a write() only."""
        told = {"chat_id": self.chat_id, "user": self.user.to_dict(), "role": role or self.role}
        Event.record(type, told, chat_id=self.chat_id, user_id=self.user_id)

    # Messages

    def post(
        self, text: str, files: Sequence[Upload] = (), reply_to: int | None = None, key: str | None = None
    ) -> Message:
        """Write a message into this chat.

        With an idempotency `key` the first message comes back, `repeated`, however often it is sent again.
        Raises Invalid (`text`, `files`, `reply_to`, `Idempotency-Key`), TooLarge, TooMany, Gone, NotThere.
        """
        return posting.post(self, text, files, reply_to, key)

    def forward(self, message_id: int, comment: str = "", key: str | None = None) -> Message:
        """Write a message from elsewhere anew in this chat, as one's own, with the name of who said it first.

        A `comment` is a message of its own before it. The copy has its own files and lives on by itself; of the chat
        that it came from it tells nothing. With an idempotency `key` the first copy comes back, `repeated`. Raises
        Invalid (`text`, `files`, `Idempotency-Key`), TooMany, Gone, NotThere when either is not to be seen any more.
        """
        return forwarding.forward(self, message_id, comment, key)

    def edit(self, message_id: int, text: str) -> Message:
        """Say it otherwise. Raises Invalid (`text`), NotThere, Forbidden for all but the author, and of forwards."""
        return posting.edit(self, message_id, text)

    def delete_message(self, message_id: int) -> None:
        """Take a message away with its text and files; a trace stays. Raises NotThere, Forbidden."""
        posting.delete(self, message_id)

    def restore_message(self, message_id: int) -> Message:
        """Put back what one deleted a moment ago. Raises NotThere when it is too late, or was somebody else's doing."""
        return posting.restore(self, message_id)

    def message(self, message_id: int) -> Message:
        """A message of this chat that is not deleted. Raises NotThere."""
        alive = (Message.id == message_id, Message.chat == self.chat_id, Message.deleted_at.is_null())
        found = Message.loaded(*alive, newest_first=True, limit=1, reader=self.user_id)
        if not found:
            raise NotThere("message")
        found[0].chat = self.chat
        return found[0]

    def count_in(self, message: Message, event_id: int) -> None:
        """A new message of one's own counts from now on. Inside a write() only."""
        counting.count_in(self, message, event_id)

    def count_out(self, message: Message) -> None:
        """Take a deleted message out of every count. Inside a write() only."""
        counting.recount(self, message, -1)

    def count_back(self, message: Message) -> None:
        """Take a message that was put back into every count again. Inside a write() only."""
        counting.recount(self, message, 1)

    # What is begun

    @property
    def draft(self) -> Draft | None:
        """What this person has begun to write here, an empty one included."""
        return getattr(self, "begun", None)

    def draft_dict(self) -> dict[str, Any]:
        return self.draft.to_dict() if self.draft is not None else drafts.NONE

    def write_draft(self, text: str, reply_to: int | None = None, written_at: int | None = None) -> dict[str, Any]:
        """Keep what is begun, '' for nothing any more, as it stood at `written_at` (microseconds; now).

        What was written later stays; returns what stands. Raises Invalid (`text`, `reply_to`), NotThere.
        """
        return drafts.keep(self, text, reply_to, written_at)

    # Reading

    def newest(self, limit: int, deleted: bool = True) -> list[Message]:
        """The newest messages, ascending."""
        return self._messages(True, limit, deleted)

    def before(self, message_id: int, limit: int, deleted: bool = True) -> list[Message]:
        """The messages before one, ascending."""
        return self._messages(True, limit, deleted, Message.id < message_id)

    def after(self, message_id: int, limit: int, deleted: bool = True) -> list[Message]:
        """The messages after one, ascending."""
        return self._messages(False, limit, deleted, Message.id > message_id)

    def around(self, message_id: int, each: int) -> list[Message]:
        """A message in its place: so many before it, itself, and so many after it."""
        Near = Message.alias()
        ids = Near.select(Near.id).where(Near.chat == self.chat_id).limit(each)
        earlier = ids.where(Near.id < message_id).order_by(Near.id.desc())
        later = ids.where(Near.id > message_id).order_by(Near.id)
        near = (Message.id == message_id) | Message.id.in_(earlier) | Message.id.in_(later)
        return self._messages(True, 2 * each + 1, True, near)

    def files(self, kind: str | None, before: int | None, limit: int) -> list[File]:
        """The chat's pictures or files (`kind`), or both, newest first; those before an id."""
        return File.listed(self.chat_id, kind, before, limit)

    def _messages(self, newest_first: bool, limit: int, deleted: bool, *which: Any) -> list[Message]:
        if not deleted:
            which = (*which, Message.deleted_at.is_null())
        here = Message.chat == self.chat_id
        return Message.loaded(here, *which, newest_first=newest_first, limit=limit, reader=self.user_id)

    @property
    def unread(self) -> int:
        """How many messages of others came after what was read."""
        return int(self.chat.message_count - self.read_count - self.own_since)

    @property
    def unread_mentions(self) -> int:
        """How many of the unread messages mention this person."""
        return int(Mention.unread(self).scalar() if self.mentioned is None else self.mentioned)

    def read(self, message_id: int) -> None:
        """Read up to there; never back. Raises Invalid (`message_id`) for one that is not of this chat."""
        counting.read(self, message_id)

    def mark_unread(self, message_id: int) -> None:
        """Go back to before a message, so that it is unread again with all that follows; the only way back.

        What is unread already stays so. Raises Invalid (`message_id`) for one that is not there in this chat.
        """
        counting.mark_unread(self, message_id)

    # Telling

    def to_dict(self) -> dict[str, Any]:
        return {"user": self.user.to_dict(), "role": self.role, "joined_at": iso(self.joined_at)}

    def chat_dict(self, members: Sequence[Membership], last: Message | None) -> dict[str, Any]:
        """The chat as this person sees it."""
        return {
            "id": self.chat_id,
            "title": self.chat.title,
            "kind": self.chat.kind,
            "description": self.chat.description,
            "picture_url": self.chat.picture_url,
            "created_at": iso(self.chat.created_at),
            "level": self.level,
            "role": self.role,
            "members": [member.to_dict() for member in members],
            "unread": self.unread,
            "unread_mentions": self.unread_mentions,
            "last_message": last.to_dict() if last else None,
            "last_read_id": self.last_read_id or None,
            "draft": self.draft.to_dict() if self.draft else None,
        }

    def to_chat_dict(self) -> dict[str, Any]:
        """The chat as this person sees it, members and last message looked up."""
        return chat_dicts([self.again()])[0]


def chat_dicts(memberships: Sequence[Membership]) -> list[dict[str, Any]]:
    """Several chats as a person sees them, in a fixed number of queries."""
    people = Membership.of_chats([mine.chat for mine in memberships])
    ids = [mine.chat.last_message_id for mine in memberships if mine.chat.last_message_id]
    last = {m.chat_id: m for m in Message.loaded(Message.id.in_(ids), newest_first=True, limit=len(ids))}
    return [mine.chat_dict(people[mine.chat_id], last.get(mine.chat_id)) for mine in memberships]
