"""A chat's log as a page shows it: a stretch of messages, with the lines between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models import Membership, Message
from views.clock import day_of
from views.pages import asked

LENGTH = 40
SOON = 5 * 60 * 1_000_000
# In larger chats nobody is told who is there and who types.
COMPANY = 100


@dataclass
class Row:
    """A message, and how it stands to the one before and to the reader."""

    message: Message
    starts_day: bool
    is_continued: bool
    is_first_unread: bool
    is_own: bool
    is_mentioned: bool
    may_delete: bool

    @property
    def place(self) -> str:
        """The address under which the message is changed; url_for would take a tenth of the page's time."""
        return f"/chats/{self.message.chat_id}/messages/{self.message.id}"


@dataclass
class Stretch:
    """Messages in a row, oldest first; whether there are older and newer ones."""

    messages: list[Message]
    older: bool = False
    newer: bool = False
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def asked_for(cls, mine: Membership) -> Stretch:
        """What `?before=`, `?after=` or `?around=` name, else the newest. One message more tells what lies beyond."""
        before, after, around = asked("before"), asked("after"), asked("around")
        newest = mine.chat.last_message_id or 0
        if around is not None:
            return cls.amid(mine.around(around, LENGTH + 1), around)
        if after is not None:
            found = mine.after(after, LENGTH + 1)
            # The address names a message that stands before these.
            return cls(found[:LENGTH], bool(found), len(found) > LENGTH)
        if before is not None:
            found = mine.before(before, LENGTH + 1)
            return cls(found[-LENGTH:], len(found) > LENGTH, newest >= before)
        found = mine.newest(LENGTH + 1)
        return cls(found[-LENGTH:], len(found) > LENGTH)

    @classmethod
    def amid(cls, found: list[Message], around: int) -> Stretch:
        """As many before a message as after it."""
        before = [message for message in found if message.id < around]
        after = [message for message in found if message.id > around]
        at = [message for message in found if message.id == around]
        return cls([*before[-LENGTH:], *at, *after[:LENGTH]], len(before) > LENGTH, len(after) > LENGTH)

    @classmethod
    def since(cls, mine: Membership, known: int) -> Stretch:
        """A message that a live page has already, and what came after it: the known one tells how the next goes on."""
        found = mine.after(known - 1, LENGTH + 1)
        return cls(found[:LENGTH], known > 0, len(found) > LENGTH)

    @classmethod
    def beside(cls, mine: Membership, message_id: int) -> Stretch:
        """A message between its neighbours, which tell how it goes on."""
        return cls(mine.around(message_id, 1), True, True)

    @property
    def last_id(self) -> int:
        return int(self.messages[-1].id) if self.messages else 0

    @property
    def ids(self) -> set[int]:
        return {message.id for message in self.messages}

    def arrange(self, mine: Membership, may_delete: Callable[[Message], bool], read_id: int | None) -> None:
        """Make the rows. The unread line is drawn where reading stopped, if that is among them."""
        unread = None if read_id is None else first_unread(self, mine, read_id)
        before: Message | None = None
        for message in self.messages:
            new_day = before is None or day_of(before.created_at) != day_of(message.created_at)
            starts_unread = message is unread
            self.rows.append(
                Row(
                    message,
                    starts_day=new_day,
                    is_continued=not new_day and not starts_unread and follows(before, message),
                    is_first_unread=starts_unread,
                    is_own=message.author_id == mine.user_id,
                    is_mentioned=message.is_to(mine.user_id),
                    may_delete=not message.is_deleted and may_delete(message),
                )
            )
            before = message


def follows(before: Message | None, message: Message) -> bool:
    """Whether it goes on from the one before: same author, within five minutes, both still there."""
    return (
        before is not None
        and before.author_id == message.author_id
        and message.created_at - before.created_at < SOON
        and not message.is_deleted
        and not before.is_deleted
    )


def first_unread(stretch: Stretch, mine: Membership, read_id: int) -> Message | None:
    """The first message of others after what was read, when it is among these."""
    if not stretch.messages or (stretch.older and stretch.messages[0].id > read_id):
        return None
    for message in stretch.messages:
        if message.id > read_id and message.author_id != mine.user_id and not message.is_deleted:
            return message
    return None


def company(mine: Membership) -> tuple[dict[int, str], Callable[[Message], bool]]:
    """The first people of the chat by id, and which messages the reader may delete, asked once for all of them."""
    people, higher = mine.company(COMPANY)
    return people, lambda message: mine.may_delete(message, higher)
