"""Bringing a message into another chat."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import text as texts
from models.base import Media, now, write
from models.errors import Invalid, words
from models.file import File, Kept, discard
from models.mention import Mention, Said
from models.message import Message, SentKey, check_text
from models.posting import publish
from models.tidying import now_and_then

if TYPE_CHECKING:
    from models.membership import Membership


def forward(there: Membership, source_id: int, comment: str, key: str | None) -> Message:
    """See Membership.forward."""
    comment = texts.clean(comment)
    digest = digest_of(there, source_id, comment)
    # Asked before the source is looked for: what was sent once stays sent, though that one was deleted since.
    first = SentKey.sent(there.user, key, digest) if key else None
    if first is not None:
        return first
    source = Message.visible_to(there.user, source_id)[1]
    check_text(comment, has_files=True)
    Message.keep_pace(there.user)
    said = Said.by(there, comment)
    kept: list[Kept] = []
    try:
        for file in source.files:
            kept.append(duplicate(file))
        with write():
            here = there.again()
            first = SentKey.sent(there.user, key, digest) if key else None
            if first is None:
                # Looked up again: nothing comes along that was taken away or said otherwise meanwhile.
                source = Message.visible_to(there.user, source_id)[1]
                if comment:
                    say(here, said)
                copy = copied(here, source, kept)
                publish(here, copy, key, digest)
    except BaseException:
        discard(kept)
        raise
    if first is not None:
        discard(kept)
        return first
    now_and_then(copy.id)
    return copy


def digest_of(there: Membership, source_id: int, comment: str) -> str:
    """A hash of everything that is asked for, for the Idempotency-Key; never that of a message written."""
    said = json.dumps(["forward", source_id, there.chat_id, comment], ensure_ascii=True)
    return hashlib.sha256(said.encode()).hexdigest()


def say(here: Membership, said: Said) -> None:
    """The forwarder's own word."""
    said = said.again(here)
    message = Message.create(chat=here.chat, author=here.user, text=said.text, html=said.html, created_at=now())
    message.files = []
    Mention.put(message, said.marks)
    publish(here, message, None, "")


def copied(here: Membership, source: Message, kept: list[Kept]) -> Message:
    """The copy's rows. What was forwarded before keeps the name of who said it first."""
    copy = Message.create(
        chat=here.chat,
        author=here.user,
        text=source.text,
        html=source.html,
        created_at=now(),
        forwarded_author=source.forwarded_author if source.is_forwarded else source.author,
        forwarded_at=source.forwarded_at or source.created_at,
    )
    copy.files = [file.attach(copy) for file in kept]
    Mention.put(copy, Mention.marks(source))
    return copy


def duplicate(file: File) -> Kept:
    """The same bytes once more, under keys of their own: deleting one takes nothing from the other."""
    keys: dict[str, str] = {}
    try:
        for column in ("key", "display_key", "thumbnail_key"):
            if key := getattr(file, column):
                keys[column] = Media.store.duplicate(key)
    except FileNotFoundError as lost:
        for key in keys.values():
            Media.store.remove(key)
        raise Invalid(files=words("%(name)s is not there any more.", name=file.name)) from lost
    return Kept(file.name, file.size, file.type, file.digest, width=file.width, height=file.height, **keys)
