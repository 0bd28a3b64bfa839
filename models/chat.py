"""Chats, as far as they do not depend on who asks; what a person may do in one is their Membership's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from peewee import JOIN, AutoField, BigIntegerField, IntegerField, TextField, fn

from models.base import Model, initials, limits, now, write
from models.errors import Errors, Invalid, words
from models.event import Event
from models.user import User
from names import key
from text import one_line

if TYPE_CHECKING:
    from models.membership import Membership


class Chat(Model):
    """A chat. Its owner is one of its members: the database asks that at every commit.

    A direct chat has two people instead of a title and roles, `low_id` and `high_id`: the same twice when somebody
    writes to themselves. Loaded for a reader it is called after the other one, its `partner`.

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

    partner: User | None = None

    @classmethod
    def start(cls, user: User, title: str, usernames: Iterable[str] = ()) -> Membership:
        """Open a chat with these people; oneself and doubles are passed over. Raises Invalid, all unknown named."""
        from models.membership import Membership

        wrong: Errors = {}
        title = title_of(title, wrong)
        wanted = {name.strip().lstrip("@"): None for name in usernames}
        with write():
            User.find(user.id)
            known = User.all_named(wanted)
            unknown = [name for name in wanted if key(name) not in known]
            if unknown:
                wrong["members"] = [words("Nobody is called %(username)s.", username=name) for name in unknown]
            if wrong:
                raise Invalid(wrong)
            others = [person for person in known.values() if person.id != user.id]
            chat = cls.create(title=title, owner_id=user.id, created_at=now())
            people = [user, *sorted(others, key=lambda person: int(person.id))]
            memberships = [Membership.enter(chat, person) for person in people]
            chat.move_up()
        return memberships[0]

    def move_up(self) -> None:
        """Stand first in the lists: with the newest event. Inside a write() only."""
        newest = Event.select(fn.MAX(Event.id)).scalar()
        Chat.update(activity=newest).where(Chat.id == self.id).execute()
        self.activity = newest

    @classmethod
    def visible_to(cls, user: User) -> Any:
        """The permission query: ids of the chats that a person may see anything of."""
        from models.membership import Membership

        return Membership.select(Membership.chat).where(Membership.user == user)

    @classmethod
    def list_of(
        cls, user: User, limit: int | None = None, before: int | None = None, only: Collection[int] | None = None
    ) -> list[Membership]:
        """A person's memberships, newest activity first, `last` and `chat` loaded; those below an activity."""
        from models.membership import Membership

        return Membership.listed(user, limit, before, only)

    @classmethod
    def seen_by(cls, user: User, which: Any) -> list[Chat]:
        """Some chats as a person sees them, in one query. Which of them are theirs to see is the caller's question."""
        query = cls.select(cls, Partner).join(Partner, JOIN.LEFT_OUTER, on=partner_of(user), attr="partner")
        return [chat.as_seen() for chat in query.where(which)]

    def as_seen(self) -> Chat:
        """Called as its reader calls it, once the partner is loaded."""
        if self.partner is not None:
            self.title = words("Saved messages") if self.is_to_oneself else self.partner.label or words("Deleted user")
        return self

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
        """The picture's address; another picture has another one. Of a direct chat the other person's."""
        if self.partner is not None:
            return self.partner.avatar_url
        return f"{self.url}/picture/{self.picture[-12:]}" if self.picture else None

    def told(self) -> dict[str, Any]:
        """What an event says of it: the same to everybody, so of a direct chat its people's ids, and no title."""
        told = {"id": self.id, "title": self.title, "kind": self.kind}
        if self.is_direct:
            return {**told, "title": "", "user_ids": sorted({self.low_id, self.high_id})}
        return {**told, "description": self.description, "picture_url": self.picture_url}

    @property
    def url(self) -> str:
        return f"/chats/{self.id}"


def title_of(title: str, wrong: Errors) -> str:
    """The title as it is kept; what is wrong with it goes into `wrong`."""
    title = one_line(title)
    if not title:
        wrong["title"] = [words("Please give a title.")]
    elif len(title) > limits.title_max:
        wrong["title"] = [words("At most %(most)d characters.", most=limits.title_max)]
    return title


# The other one of a direct chat, in a query for one of the two.
Partner = User.alias()


def partner_of(user: User) -> Any:
    """The condition on which Partner joins a query of chats. The sum is NULL where there is no pair."""
    return Partner.id == Chat.low_id + Chat.high_id - user.id
