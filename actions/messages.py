"""Posting, forwarding, editing, deleting and restoring messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from actions import cleanup, drafts, reading
from actions.files import StoredFile, check_uploads, copy_files, discard, remove_if_refused, store_uploads
from actions.mentions import ParsedText
from actions.message_events import last_message, record_message
from actions.redaction import rewrite_events
from lib import richtext
from lib.storage import Upload
from models import message_page
from models.base import limits, now, remove_after_commit, write, write_together
from models.chat import Membership
from models.deleted_message import DeletedMessage
from models.draft import Draft
from models.errors import Errors, Forbidden, Gone, Invalid, words
from models.event import Event
from models.file import File
from models.mention import Mention
from models.message import Message, check_text, wrong_text
from models.revision import Revision
from models.sent_key import SentKey
from models.task import Task
from models.user import User

# Creates the rows of a message, under the write lock.
Create = Callable[[Membership, list[StoredFile]], Message]


def post(
    membership: Membership,
    text: str,
    files: Sequence[Upload] = (),
    reply_to: int | None = None,
    key: str | None = None,
    draft: int | None = None,
) -> Message:
    """Post a message, and discard the draft unless a version later than `draft` was saved.

    With an idempotency `key`, sending again returns the first message, marked as `repeated`.
    Raises Invalid (`text`, `files`, `reply_to`, `Idempotency-Key`), TooLarge, TooMany, Gone, NotThere.
    """
    text = richtext.clean(text)
    check_uploads(list(files))
    digest = _post_digest(membership.chat_id, text, reply_to, ((file.name, file.digest) for file in files))

    def prepare() -> tuple[list[StoredFile], Create]:
        _check(membership, text, bool(files), reply_to)
        Message.throttle(membership.user)
        Message.throttle_long(membership.user, text)
        parsed = ParsedText.of(membership, text)
        return store_uploads(files), lambda current, stored: create(current, stored, parsed)

    def create(current: Membership, stored: list[StoredFile], parsed: ParsedText) -> Message:
        # The replied-to message may have been deleted meanwhile; then it must not be quoted.
        quoted = _check(current, text, bool(files), reply_to)
        parsed = parsed.refresh(current)
        message = Message.add(current.chat, current.user, text, parsed.html, reply_to=quoted)
        return _publish(current, message, parsed.marks, stored, draft)

    return _send(membership, key, digest, prepare)


def forward(membership: Membership, message_id: int, comment: str = "", key: str | None = None) -> Message:
    """Copy a message into another chat as one's own, with the name of its original author.

    A `comment` is posted before it as its own message. The copy has its own files, is independent of the original and
    does not reveal its chat. With an idempotency `key`, sending again returns the first copy, marked as `repeated`.
    Raises Invalid (`text`, `files`, `Idempotency-Key`), TooMany, Gone, NotThere when message or chat is not visible.
    """
    comment = richtext.clean(comment)
    digest = _forward_digest(membership.chat_id, message_id, comment)

    def prepare() -> tuple[list[StoredFile], Create]:
        source = message_page.visible_to(membership.user, message_id)[1]
        check_text(comment, has_files=True)
        Message.throttle(membership.user)
        Message.throttle_long(membership.user, source.text + comment)
        parsed = ParsedText.of(membership, comment)
        return copy_files(source.files), lambda current, stored: create(current, stored, parsed)

    def create(current: Membership, stored: list[StoredFile], parsed: ParsedText) -> Message:
        # Loaded again, since it may have been deleted or edited meanwhile.
        source = message_page.visible_to(current.user, message_id)[1]
        Mention.save_names(source)
        if comment:
            parsed = parsed.refresh(current)
            own = Message.add(current.chat, current.user, parsed.text, parsed.html)
            _publish(current, own, parsed.marks, [])
        return _publish(current, _copy(current, source), Mention.marks(source.id), stored)

    return _send(membership, key, digest, prepare)


def _copy(membership: Membership, source: Message) -> Message:
    """Create the row of a forwarded message. Forwarded again, it keeps its original author."""
    return Message.add(
        membership.chat,
        membership.user,
        source.text,
        source.html,
        original_author=source.original_author if source.is_forwarded else source.author,
        original_created_at=source.original_created_at or source.created_at,
    )


def _send(
    membership: Membership, key: str | None, digest: str, prepare: Callable[[], tuple[list[StoredFile], Create]]
) -> Message:
    """Send a message once per key. `prepare` does the work that needs no lock.

    Files are stored before their rows are created, and removed again when no row is created (rule 23).
    """
    # First of all: a message that was sent stays sent, whatever has happened since.
    if (first := _first_sent(membership.user, key, digest)) is not None:
        return first
    stored, create = prepare()

    def send() -> Message:
        current = membership.reload()
        if (first := _first_sent(current.user, key, digest)) is not None:
            return first
        Message.throttle(current.user)
        message = create(current, stored)
        if key:
            SentKey.record(current.user, key, digest, message.id, message.created_at)
        return message

    with remove_if_refused([key for file in stored for key in file.keys]):
        message = write_together(send)
    if message.repeated:
        discard(stored)
    else:
        cleanup.prune_occasionally(message.id)
    return message


def _first_sent(user: User, key: str | None, digest: str) -> Message | None:
    """The message already sent with this key. Raises Invalid if its body was different, Gone if it was deleted."""
    message_id = SentKey.find(user, key, digest) if key else None
    if message_id is None:
        return None
    which = (Message.id == message_id, Message.deleted_at.is_null())
    found = message_page.load(*which, newest_first=True, limit=1)
    if not found:
        raise Gone("message")
    found[0].repeated = True
    return found[0]


def _check(membership: Membership, text: str, has_files: bool, reply_to: int | None) -> Message | None:
    """Validate a message; returns the one it replies to. Raises Invalid with all errors."""
    wrong: Errors = wrong_text(text, has_files)
    quoted = None
    if reply_to is not None:
        alive = (Message.id == reply_to, Message.chat == membership.chat_id, Message.deleted_at.is_null())
        quoted = next(iter(message_page.load(*alive, newest_first=True, limit=1)), None)
        if quoted is None:
            wrong["reply_to"] = [words("This message isn’t in this chat.")]
    if wrong:
        raise Invalid(wrong)
    return quoted


def _publish(
    membership: Membership,
    message: Message,
    marks: Sequence[richtext.Mark],
    stored: Sequence[StoredFile],
    draft: int | None = None,
) -> Message:
    """Write everything else of a new message: mentions, files, index, event, counters. Inside a write() only.

    Raises Forbidden when the other person of a direct chat has closed their account.
    """
    partner = membership.chat.partner
    if partner is not None and partner.deleted_at is not None:
        raise Forbidden(words("This account was deleted, so no one would see your message."))
    Mention.add(message, marks)
    message.files = [file.attach(message) for file in stored]
    message.add_to_index()
    drafts.clear_sent(membership, message.text, draft)
    reading.count_new(membership, message, record_message("message.created", message))
    return message


def _post_digest(chat_id: int, text: str, reply_to: int | None, files: Iterable[tuple[str, str]]) -> str:
    """Hash everything that a posted message consists of; `files` are names and content digests."""
    return _digest([chat_id, text, reply_to, [list(file) for file in files]])


def _forward_digest(chat_id: int, message_id: int, comment: str) -> str:
    """Hash a request to forward; never equal to the hash of a posted message."""
    return _digest(["forward", message_id, chat_id, comment])


def _digest(body: list[object]) -> str:
    return hashlib.sha256(json.dumps(body, ensure_ascii=True).encode()).hexdigest()


def edit(membership: Membership, message_id: int, text: str) -> Message:
    """Edit a message's text. Raises Invalid (`text`), NotThere, Forbidden unless by the author, and for forwards."""
    text = richtext.clean(text)
    in_chat = (Message.id == message_id, Message.chat == membership.chat_id)
    before = next(iter(message_page.load(*in_chat, newest_first=True, limit=1)), None)
    # Before the expensive parsing; whether it may be empty is checked below.
    check_text(text, has_files=True, before=len(before.text) if before else 0)
    Message.throttle_long(membership.user, text)
    parsed = ParsedText.of(membership, text, before)
    with write():
        message = message_page.get(membership.reload(), message_id)
        if message.author_id != membership.user_id:
            raise Forbidden(words("Only the author can edit this message."))
        if message.is_forwarded:
            raise Forbidden(words("Forwarded messages can’t be edited."))
        check_text(text, bool(message.files), len(message.text))
        if message.text == text:
            return message
        parsed = parsed.refresh(membership, message)
        former_length = len(message.text)
        former_mentions = mentioned_ids(message)
        Revision.keep(message)
        message.text, message.html = text, parsed.html
        # Never before created_at, even if the clock was set back.
        message.edited_at = max(now(), message.created_at)
        message.version += 1
        message.save(only=[Message.text, Message.html, Message.edited_at, Message.version])
        Mention.write(message, parsed.marks)
        message.update_index(former_length)
        record_message("message.updated", message, former_mentions=former_mentions)
    return message


def mentioned_ids(message: Message) -> list[int]:
    """The ids of the people mentioned in a message."""
    return [person["id"] for person in message.mentions]


def delete(membership: Membership, message_id: int) -> None:
    """Delete a message's text and files; its position, author and time stay. Raises NotThere, Forbidden."""
    with write():
        membership = membership.reload()
        message = message_page.get(membership, message_id)
        if not membership.may_delete(message.author_id):
            raise Forbidden(words("You can’t delete this message."))
        Mention.save_names(message)
        if limits.undo_seconds:
            DeletedMessage.keep(message, membership.user)
        else:
            remove_after_commit([key for file in message.files for key in file.keys])
        former_length = len(message.text)
        details: dict[str, Any] = {"former_mentions": mentioned_ids(message)}
        message.text = message.html = ""
        message.deleted_at = now()
        message.save(only=[Message.text, Message.html, Message.deleted_at])
        File.delete().where(File.message == message_id).execute()
        Mention.write(message, ())
        Draft.update(reply_to_id=None).where(Draft.reply_to_id == message_id).execute()
        message.files, message.reactions = [], []
        message.update_index(former_length)
        reading.adjust_counts(message, -1)
        if not limits.undo_seconds:
            Task.begin("emptied", message_id)
        rewrite_events(message_id, Event.last())
        if membership.chat.last_message_id == message_id:
            details["last_message"] = last_message(membership.chat.reload_last_message_id())
        record_message("message.deleted", message, **details)
    cleanup.schedule_purge()


def restore(membership: Membership, message_id: int) -> Message:
    """Restore a message that one deleted a moment ago. Raises NotThere when too late or deleted by somebody else."""
    with write():
        membership = membership.reload()
        deleted = DeletedMessage.of(membership.user, message_id)
        if deleted is None:
            # A repeated request: it is already restored.
            return message_page.get(membership, message_id)
        deleted.put_back()
        message = message_page.get(membership, message_id)
        Mention.save_names(message)
        message.update_index(len(message.text))
        reading.adjust_counts(message, 1)
        # message.updated is enough: clients that saw the deletion know the id.
        record_message("message.updated", message, restored=True)
    return message
