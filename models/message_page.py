"""Messages with everything that a page shows: authors, quotations, files, reactions, current names."""

from __future__ import annotations

from typing import Any

from peewee import JOIN

from models.chat import Chat, Membership
from models.errors import NotThere
from models.file import File
from models.mention import Mention
from models.message import Message
from models.reaction import Reaction
from models.user import User


def load(*which: Any, newest_first: bool, limit: int, reader: int | None = None) -> list[Message]:
    """Load the messages of a condition with authors, quotations, files and reactions, in three queries.

    `reader` is the id of the person whose reactions are marked. The result is always ascending; `newest_first` decides
    which messages `limit` keeps.
    """
    Quoted, QuotedAuthor, OriginalAuthor = Message.alias(), User.alias(), User.alias()
    query = (
        Message.select(Message, User, Quoted, QuotedAuthor, OriginalAuthor)
        .join(User, on=(Message.author == User.id), attr="author")
        .switch(Message)
        .join(Quoted, JOIN.LEFT_OUTER, on=(Message.reply_to == Quoted.id), attr="reply_to")
        .join(QuotedAuthor, JOIN.LEFT_OUTER, on=(Quoted.author == QuotedAuthor.id), attr="author")
        .switch(Message)
        .join(
            OriginalAuthor, JOIN.LEFT_OUTER, on=(Message.original_author == OriginalAuthor.id), attr="original_author"
        )
        .where(*which)
        .order_by(Message.id.desc() if newest_first else Message.id)
        .limit(limit)
    )
    messages = list(query)
    if newest_first:
        messages.reverse()
    attach_files(messages)
    Reaction.attach(messages, reader)
    Mention.update_names([*messages, *(message.reply_to for message in messages if message.reply_to is not None)])
    return messages


def attach_files(messages: list[Message]) -> None:
    """Load the files of messages and of the messages they quote, in one query."""
    quoted = [message.reply_to for message in messages if message.reply_to is not None]
    every = [*messages, *quoted]
    by_message: dict[int, list[File]] = {message.id: [] for message in every}
    if by_message:
        for file in File.select().where(File.message.in_(list(by_message))).order_by(File.id):
            by_message[file.message_id].append(file)
    for message in every:
        message.files = by_message[message.id]


def find(message_id: int) -> Message | None:
    """Load a message, deleted or not; None when there is none."""
    return next(iter(load(Message.id == message_id, newest_first=True, limit=1)), None)


def visible_to(user: User, message_id: int) -> tuple[Membership, Message]:
    """Load a message and the membership through which a person sees it. Raises NotThere."""
    which = (Message.id == message_id, Message.deleted_at.is_null(), Message.chat.in_(Chat.visible_to(user)))
    found = load(*which, newest_first=True, limit=1, reader=user.id)
    if not found:
        raise NotThere("message")
    return Membership.of(user, found[0].chat_id), found[0]


def place_of(user: User, message_id: int) -> Membership:
    """The membership in the chat of a message, deleted or not. Raises NotThere."""
    visible = Message.chat.in_(Chat.visible_to(user))
    chat_id = Message.select(Message.chat).where(Message.id == message_id, visible).scalar()
    if chat_id is None:
        raise NotThere("message")
    return Membership.of(user, chat_id)


def get(membership: Membership, message_id: int) -> Message:
    """Load a message of the chat that is not deleted. Raises NotThere."""
    found = load(*_alive(membership, message_id), newest_first=True, limit=1, reader=membership.user_id)
    if not found:
        raise NotThere("message")
    found[0].chat = membership.chat
    return found[0]


def check(membership: Membership, message_id: int) -> None:
    """Raise NotThere unless the id is of a message of this chat that is not deleted."""
    if not Message.select().where(*_alive(membership, message_id)).exists():
        raise NotThere("message")


def _alive(membership: Membership, message_id: int) -> tuple[Any, ...]:
    return Message.id == message_id, Message.chat == membership.chat_id, Message.deleted_at.is_null()
