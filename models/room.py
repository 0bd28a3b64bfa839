"""What a chat looks like, and how much of it one wants to be told: verbs of a Membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.base import limits, remove_after_commit, write
from models.chat import Chat, title_of
from models.errors import Errors, Forbidden, Invalid, words
from models.event import Event
from models.file import keep_square
from storage import Upload
from text import clean

if TYPE_CHECKING:
    from models.membership import Membership

LEVELS = ("everything", "mentions", "nothing")


def describe(mine: Membership, title: str | None, description: str | None) -> None:
    """See Membership.describe."""
    wrong: Errors = {}
    said: dict[str, Any] = {}
    if title is not None:
        said["title"] = title_of(title, wrong)
    if description is not None:
        said["description"] = clean(description).strip()
        if len(said["description"]) > limits.description_max:
            wrong["description"] = [words("At most %(most)d characters.", most=limits.description_max)]
    if wrong:
        raise Invalid(wrong)
    with write():
        change(mine, said)


def change(mine: Membership, said: dict[str, Any]) -> None:
    """Write some columns of the chat, and tell when that changed anything. Inside a write() only. Raises Forbidden."""
    here = mine.again().chat
    check(mine.again())
    if any(getattr(here, column) != value for column, value in said.items()):
        Chat.update(**said).where(Chat.id == here.id).execute()
        for chat in (here, mine.chat):
            for column, value in said.items():
                setattr(chat, column, value)
        Event.record("chat.updated", here.told(), chat_id=here.id, user_id=mine.user_id)


def check(mine: Membership) -> None:
    """Raise Forbidden for who may not say what the chat is called and looks like."""
    if mine.chat.is_direct:
        raise Forbidden(words("A direct chat has the other person's name and picture."))
    if not mine.may_edit:
        raise Forbidden(words("Only the owner and admins may do this."))


def set_picture(mine: Membership, upload: Upload) -> None:
    """See Membership.set_picture."""
    # Pictures are work: none is done for who may not set one. Asked again where it counts.
    check(mine)
    replace_picture(mine, keep_square(upload))


def replace_picture(mine: Membership, key: str | None) -> None:
    with write():
        before = Chat.select(Chat.picture).where(Chat.id == mine.chat_id).scalar()
        change(mine, {"picture": key})
        remove_after_commit([before] if before else [])


def set_level(mine: Membership, level: str) -> None:
    """See Membership.set_level."""
    from models.membership import Membership

    if level not in LEVELS:
        raise Invalid(level=words("One of everything, mentions, nothing."))
    with write():
        here = mine.again()
        if here.level != level:
            Membership.update(level=level).where(Membership.id == here.id).execute()
            told = {"chat_id": here.chat_id, "user_id": here.user_id, "level": level}
            Event.record("membership.updated", told, chat_id=here.chat_id, user_id=here.user_id)
    mine.level = level
