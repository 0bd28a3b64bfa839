"""Writing, changing and taking away messages: the verbs of a Membership that take more than a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import text as texts
from models import draft
from models.base import limits, now, remove_after_commit, write
from models.draft import Draft
from models.errors import Errors, Forbidden, Invalid, words
from models.event import Event
from models.file import File, Kept, check_uploads, discard, keep
from models.mention import Mention, Said
from models.message import Message, SentKey, body_digest, check_text, wrong_text
from models.reaction import Reaction
from models.revision import Revision
from models.tidying import now_and_then, soon
from models.withdrawn import Withdrawn
from storage import Upload

if TYPE_CHECKING:
    from models.membership import Membership


def post(mine: Membership, text: str, files: Sequence[Upload], reply_to: int | None, key: str | None) -> Message:
    """See Membership.post."""
    text = texts.clean(text)
    check_uploads(list(files))
    digest = body_digest(mine.chat_id, text, reply_to, ((file.name, file.digest) for file in files))
    first = SentKey.sent(mine.user, key, digest) if key else None
    if first is not None:
        return first
    quoted = check(mine, text, bool(files), reply_to)
    Message.keep_pace(mine.user)
    said = Said.by(mine, text)
    # The bytes are safe before a row names them; what no row came to name is taken away again (rule 23).
    kept: list[Kept] = []
    try:
        for upload in files:
            kept.append(keep(upload))
        with write():
            here = mine.again()
            first = SentKey.sent(mine.user, key, digest) if key else None
            if first is None:
                said = said.again(here)
                message = Message.create(
                    chat=here.chat, author=here.user, text=text, html=said.html, reply_to=quoted, created_at=now()
                )
                Mention.put(message, said.marks)
                message.files = [file.attach(message) for file in kept]
                publish(here, message, key, digest)
    except BaseException:
        discard(kept)
        raise
    if first is not None:
        discard(kept)
        return first
    now_and_then(message.id)
    return message


def check(mine: Membership, text: str, has_files: bool, reply_to: int | None) -> Message | None:
    """The message that is replied to. Raises Invalid with all that is wrong."""
    wrong: Errors = wrong_text(text, has_files)
    quoted = None
    if reply_to is not None:
        alive = (Message.id == reply_to, Message.chat == mine.chat_id, Message.deleted_at.is_null())
        quoted = next(iter(Message.loaded(*alive, newest_first=True, limit=1)), None)
        if quoted is None:
            wrong["reply_to"] = [words("There is no such message in this chat.")]
    if wrong:
        raise Invalid(wrong)
    return quoted


def publish(mine: Membership, message: Message, key: str | None, digest: str) -> None:
    """Everything else that a new message writes: index, key, event, counters. Raises Forbidden where nobody reads."""
    if mine.chat.partner is not None and mine.chat.partner.deleted_at is not None:
        raise Forbidden(words("This account was deleted: nobody would read it."))
    message.put_in_index()
    draft.sent(mine, message.text)
    if key:
        SentKey.create(user=mine.user, key=key, digest=digest, message_id=message.id, created_at=message.created_at)
    mine.count_in(message, tell("message.created", message))


def tell(type: str, message: Message) -> int:
    """Write the event of a message as it is now; returns the event's id."""
    told = message.to_dict()
    if type == "message.deleted":
        told = {"id": message.id, "chat_id": message.chat_id}
    return Event.record(type, told, chat_id=message.chat_id, user_id=message.author_id, message_id=message.id)


def edit(mine: Membership, message_id: int, text: str) -> Message:
    """See Membership.edit."""
    text = texts.clean(text)
    # Before anything is made of it; whether it may be empty is seen below.
    check_text(text, has_files=True)
    there = (Message.id == message_id, Message.chat == mine.chat_id)
    before = next(iter(Message.loaded(*there, newest_first=True, limit=1)), None)
    said = Said.by(mine, text, before)
    with write():
        message = mine.again().message(message_id)
        if message.author_id != mine.user_id:
            raise Forbidden(words("Only the author may edit a message."))
        if message.is_forwarded:
            raise Forbidden(words("These are somebody else's words: a forwarded message can't be edited."))
        check_text(text, bool(message.files))
        if message.text == text:
            return message
        said = said.again(mine, message)
        Revision.keep(message)
        message.text, message.html, message.edited_at = text, said.html, now()
        message.version += 1
        message.save(only=[Message.text, Message.html, Message.edited_at, Message.version])
        Mention.put(message, said.marks)
        message.put_in_index()
        tell("message.updated", message)
    return message


def delete(mine: Membership, message_id: int) -> None:
    """See Membership.delete_message."""
    with write():
        here = mine.again()
        message = here.message(message_id)
        if not here.may_delete(message):
            raise Forbidden(words("You may not delete this message."))
        if limits.undo_seconds:
            Withdrawn.keep(message, here.user)
        else:
            remove_after_commit([key for file in message.files for key in file.keys])
        message.text = message.html = ""
        message.deleted_at = now()
        message.save(only=[Message.text, Message.html, Message.deleted_at])
        File.delete().where(File.message == message_id).execute()
        Reaction.delete().where(Reaction.message == message_id).execute()
        Revision.delete().where(Revision.message == message_id).execute()
        Mention.put(message, ())
        Draft.update(reply_to_id=None).where(Draft.reply_to_id == message_id).execute()
        message.files, message.reactions = [], []
        message.put_in_index()
        here.count_out(message)
        Event.forget_message(message_id)
        tell("message.deleted", message)
    soon()


def restore(mine: Membership, message_id: int) -> Message:
    """See Membership.restore_message."""
    with write():
        here = mine.again()
        kept = Withdrawn.of(here.user, message_id)
        if kept is None:
            # Asked twice, it stands already.
            return here.message(message_id)
        kept.put_back()
        Mention.renew(here.message(message_id))
        message = here.message(message_id)
        message.put_in_index()
        here.count_back(message)
        # Who saw it go knows its id; the order of the log stays as it is.
        tell("message.updated", message)
    return message
