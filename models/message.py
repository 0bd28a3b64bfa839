"""Messages: what was said, and how it is found again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from peewee import JOIN, AutoField, BigIntegerField, ForeignKeyField, IntegerField, TextField

import search
from models.base import Model, database, iso, limits, moment, now
from models.chat import Chat
from models.errors import Errors, Gone, Invalid, NotThere, TooMany, words
from models.user import User
from text import excerpt, plain

if TYPE_CHECKING:
    from models.file import File
    from models.membership import Membership
    from models.reaction import Tally

QUOTED = 140
MINUTE = 60_000_000


# What stands where somebody was mentioned whose account is gone; pages say it in the reader's language.
NOBODY = "Deleted user"
GONE = f'<span class="mention">{NOBODY}</span>'
MENTION = r'<a class="mention" href="[^"]*" data-user="%d">[^<]*</a>'
MENTIONED = re.compile(r'<a class="mention" href="[^"]*" data-user="(\d+)">@([^<]*)</a>')


class Message(Model):
    """One message. A deleted one leaves its place, author and time, and no text."""

    id = AutoField()
    chat = ForeignKeyField(Chat)
    author = ForeignKeyField(User)
    text = TextField()
    html = TextField()
    reply_to = ForeignKeyField("self", null=True)
    version = IntegerField(default=1)
    created_at = BigIntegerField()
    edited_at = BigIntegerField(null=True)
    deleted_at = BigIntegerField(null=True)
    # Who said it first, and when, if somebody brought it here from another place.
    forwarded_author = ForeignKeyField(User, null=True)
    forwarded_at = BigIntegerField(null=True)

    chat_id: int
    author_id: int
    reply_to_id: int | None
    files: list[File]
    reactions: Sequence[Tally] = ()
    repeated: bool = False
    snippet: str = ""
    first_file: str | None = None

    @classmethod
    def loaded(cls, *which: Any, newest_first: bool, limit: int, reader: int | None = None) -> list[Message]:
        """The messages that a condition picks, with authors, quotations, files and reactions, in three queries.

        With the id of a `reader` it is known which reactions are theirs.
        """
        from models.reaction import Reaction

        Quoted, QuotedAuthor, First = cls.alias(), User.alias(), User.alias()
        query = (
            cls.select(cls, User, Quoted, QuotedAuthor, First)
            .join(User, on=(cls.author == User.id), attr="author")
            .switch(cls)
            .join(Quoted, JOIN.LEFT_OUTER, on=(cls.reply_to == Quoted.id), attr="reply_to")
            .join(QuotedAuthor, JOIN.LEFT_OUTER, on=(Quoted.author == QuotedAuthor.id), attr="author")
            .switch(cls)
            .join(First, JOIN.LEFT_OUTER, on=(cls.forwarded_author == First.id), attr="forwarded_author")
            .where(*which)
            .order_by(cls.id.desc() if newest_first else cls.id)
            .limit(limit)
        )
        messages = list(query)
        if newest_first:
            messages.reverse()
        attach_files(messages)
        Reaction.attach(messages, reader)
        return messages

    @classmethod
    def visible_to(cls, user: User, message_id: int) -> tuple[Membership, Message]:
        """A message and the membership through which a person sees it. Raises NotThere."""
        from models.membership import Membership

        seen = cls.chat.in_(Chat.visible_to(user))
        alive = (cls.id == message_id, cls.deleted_at.is_null())
        found = cls.loaded(*alive, seen, newest_first=True, limit=1, reader=user.id)
        if not found:
            raise NotThere("message")
        return Membership.of(user, found[0].chat_id), found[0]

    @classmethod
    def place_of(cls, user: User, message_id: int) -> Membership:
        """The membership through which a person sees where a message stands or stood. Raises NotThere."""
        from models.membership import Membership

        seen = cls.chat.in_(Chat.visible_to(user))
        chat_id = cls.select(cls.chat).where(cls.id == message_id, seen).scalar()
        if chat_id is None:
            raise NotThere("message")
        return Membership.of(user, chat_id)

    @classmethod
    def keep_pace(cls, user: User) -> None:
        """Raise TooMany when a person wrote more than the limit within the last minute."""
        if not limits.throttled:
            return
        nth = (
            cls.select(cls.created_at)
            .where(cls.author == user)
            .order_by(cls.created_at.desc())
            .offset(limits.posts_a_minute - 1)
            .limit(1)
            .scalar()
        )
        wait = 0 if nth is None else nth + MINUTE - now()
        if 0 < wait <= MINUTE:
            raise TooMany(wait // 1_000_000 + 1)

    def searched(self) -> str:
        """The words by which it is found: its text, and the names of its files."""
        return "\n".join([self.text, *(file.name for file in self.files)])

    def put_in_index(self, anew: bool = False) -> None:
        """Bring the search index up to what this message says now; `anew` when it is not in there yet."""
        if not anew:
            database.execute_sql("DELETE FROM message_index WHERE rowid = ?", (self.id,))
        if not self.is_deleted:
            database.execute_sql(
                "INSERT INTO message_index (rowid, text, forms, facts) VALUES (?, ?, ?, ?)", self.indexed()
            )

    def indexed(self) -> tuple[int, str, str, str]:
        """Its row in the search index."""
        folded = search.fold(self.searched())
        facts = search.Facts(self.chat_id, self.author_id, moment(self.created_at), bool(self.files))
        return self.id, folded, search.forms(folded), str(facts)

    @property
    def writer(self) -> User | None:
        """Who wrote it; None when the account is gone."""
        return None if self.author.deleted_at is not None else self.author

    @property
    def quoted(self) -> Message | None:
        """What it replies to."""
        quoted: Message | None = self.reply_to
        return quoted

    @property
    def is_forwarded(self) -> bool:
        return self.forwarded_at is not None

    @property
    def first_writer(self) -> User | None:
        """Who said first what was forwarded; None when that account is gone."""
        first: User | None = self.forwarded_author
        return None if first is None or first.deleted_at is not None else first

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_edited(self) -> bool:
        return self.edited_at is not None

    @property
    def anchor(self) -> str:
        return f"message-{self.id}"

    @property
    def url(self) -> str:
        """Where it stands among its neighbours."""
        return f"/chats/{self.chat_id}?around={self.id}#{self.anchor}"

    @property
    def preview(self) -> str:
        """One plain line of it, for lists and quotations; '' when it is deleted."""
        if self.is_deleted:
            return ""
        return excerpt(plain(self.text), QUOTED) or self._names_of_files()

    @property
    def mentions(self) -> list[dict[str, Any]]:
        """Who is mentioned, each once: id and username. The HTML knows them (models/mention.py)."""
        people = dict(MENTIONED.findall(self.html))
        return [{"id": int(user_id), "username": username} for user_id, username in people.items()]

    def is_to(self, user_id: int) -> bool:
        """Whether it mentions somebody who has not written it."""
        return user_id != self.author_id and f' data-user="{user_id}">@' in self.html

    def _names_of_files(self) -> str:
        known = getattr(self, "files", None)
        first = known[0].name if known else self.first_file
        return f"📎 {first}" if first else ""

    def to_dict(self) -> dict[str, Any]:
        writer = self.writer
        return {
            "id": self.id,
            "chat_id": self.chat_id,
            "author": writer.to_dict() if writer else None,
            "text": self.text,
            "html": self.html,
            "files": [file.to_dict() for file in self.files],
            "reactions": [tally.to_dict() for tally in self.reactions],
            "reply_to": self._quotation(),
            "forwarded_from": self._source(),
            "mentions": self.mentions,
            "created_at": iso(self.created_at),
            "edited_at": iso(self.edited_at),
        }

    def _quotation(self) -> dict[str, Any] | None:
        quoted = self.quoted
        if quoted is None:
            return None
        writer = None if quoted.is_deleted else quoted.writer
        return {"id": quoted.id, "author": writer.to_dict() if writer else None, "text": quoted.preview}

    def _source(self) -> dict[str, Any] | None:
        if not self.is_forwarded:
            return None
        first = self.first_writer
        return {"author": first.to_dict() if first else None, "created_at": iso(self.forwarded_at)}


class SentKey(Model):
    """An Idempotency-Key that sent a message: the same key again finds the first one (rule 20)."""

    id = AutoField()
    user = ForeignKeyField(User)
    key = TextField()
    digest = TextField()
    message_id = IntegerField()
    created_at = BigIntegerField()

    @classmethod
    def sent(cls, user: User, key: str, digest: str) -> Message | None:
        """The message that this key sent before. Raises Invalid for another body, Gone when it was deleted."""
        known = cls.get_or_none(cls.user == user, cls.key == key)
        if known is None:
            return None
        if known.digest != digest:
            raise Invalid({"Idempotency-Key": [words("This key was used for another message.")]})
        found = Message.loaded(Message.id == known.message_id, Message.deleted_at.is_null(), newest_first=True, limit=1)
        if not found:
            raise Gone("message")
        found[0].repeated = True
        return found[0]

    @classmethod
    def prune(cls) -> int:
        """Drop a few of the keys past their time."""
        old = cls.select(cls.id).where(cls.created_at < now() - limits.key_days * 1440 * MINUTE).limit(500)
        return int(cls.delete().where(cls.id.in_(old)).execute())


def wrong_text(text: str, has_files: bool) -> Errors:
    """What is wrong with a message without words and files, or with too many words."""
    if not text and not has_files:
        return {"text": [words("Please write something.")]}
    if len(text) > limits.text_max:
        return {"text": [words("At most %(most)d characters.", most=limits.text_max)]}
    return {}


def check_text(text: str, has_files: bool) -> None:
    """Raise Invalid for a text that is wrong."""
    if wrong := wrong_text(text, has_files):
        raise Invalid(wrong)


def body_digest(chat_id: int, text: str, reply_to: int | None, files: Iterable[tuple[str, str]]) -> str:
    """A hash of everything that a sent message says; `files` are names and content digests."""
    said = json.dumps([chat_id, text, reply_to, [list(file) for file in files]], ensure_ascii=True)
    return hashlib.sha256(said.encode()).hexdigest()


def attach_files(messages: list[Message]) -> None:
    """Load the files of messages, and of what they quote, in one query."""
    from models.file import File

    quoted = [message.reply_to for message in messages if message.reply_to is not None]
    every = [*messages, *quoted]
    by_message: dict[int, list[File]] = {message.id: [] for message in every}
    if by_message:
        for file in File.select().where(File.message.in_(list(by_message))).order_by(File.id):
            by_message[file.message_id].append(file)
    for message in every:
        message.files = by_message[message.id]
