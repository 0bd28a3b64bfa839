"""Messages: their text, and their row in the search index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, IntegerField, TextField

import search
from lib import richtext
from models.attempt import Attempt
from models.base import MINUTE_MICROSECONDS, SECOND_MICROSECONDS, Model, database, iso, limits, moment, now
from models.chat import Chat
from models.errors import Errors, Invalid, TooMany, words
from models.statements import statement
from models.task import Task
from models.user import User

# How many characters of text are removed from the search index in one transaction: 10,000 take a tenth of a second.
INDEXED_AT_ONCE = 2_000
# How many longer messages a person may post, edit or forward within a minute.
LONG_A_MINUTE = 30

# Replaces a mention of a closed account, in text and in HTML; pages translate it.
DELETED_USER = "Deleted user"
DELETED_USER_HTML = f'<span class="mention">{DELETED_USER}</span>'
MENTION = r'<a class="mention" href="[^"]*" data-user="%d">[^<]*</a>'
MENTIONED = re.compile(r'<a class="mention" href="[^"]*" data-user="(\d+)">@([^<]*)</a>')


class Message(Model):
    """A message. A deleted one keeps its position, author and time, but no text."""

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
    # The author and time of the message that this one was forwarded from.
    original_author = ForeignKeyField(
        User, null=True, column_name="forwarded_author_id", object_id_name="original_author_id"
    )
    original_created_at = BigIntegerField(null=True, column_name="forwarded_at")

    chat_id: int
    author_id: int
    reply_to_id: int | None
    original_author_id: int | None
    # Loaded by models/message_page.py: rows of File, and a Tally per emoji.
    files: list[Any]
    reactions: Sequence[Any] = ()
    # The mentions after outdated names were replaced; None when the row is up to date (models/mention.py).
    marks: list[richtext.Mark] | None = None
    repeated: bool = False
    first_file: str | None = None

    @classmethod
    def throttle(cls, user: User) -> None:
        """Raise TooMany when a person posted more than the limit within the last minute."""
        if not limits.throttled:
            return
        nth = nth_newest.scalar(user.id, now(), limits.posts_a_minute - 1)
        wait = 0 if nth is None else nth + MINUTE_MICROSECONDS - now()
        if 0 < wait <= MINUTE_MICROSECONDS:
            raise TooMany(wait // SECOND_MICROSECONDS + 1)

    @classmethod
    def throttle_long(cls, user: User, text: str) -> None:
        """Count a person's long texts. Raises TooMany: indexing them holds up other writers."""
        if len(text) > INDEXED_AT_ONCE:
            Attempt.take(f"long:{user.id}", LONG_A_MINUTE, 60)

    @classmethod
    def add(cls, chat: Chat, author: User, text: str, html: str, **more: Any) -> Message:
        """Create a new message's row, as of now. Inside a write() only."""
        message = cls(chat=chat, author=author, text=text, html=html, created_at=now(), **more)
        original = message.original_author_id, message.original_created_at
        values = (chat.id, author.id, text, html, message.created_at, message.reply_to_id, *original)
        message.id = add_message.insert(*values)
        return message

    @classmethod
    def add_all(cls, rows: Iterable[tuple[int, int, str, str, int]]) -> int:
        """Create messages given as (chat, author, text, HTML, time). Inside a write() only.

        Returns the id of the first; those of the others follow.
        """
        last = database.newest_id("message")
        add_message.run_many((*row, None, None, None) for row in rows)
        return last + 1

    def searchable_text(self) -> str:
        """What the search index contains of it: its text, and the names of its files."""
        return "\n".join([self.text, *(file.name for file in self.files)])

    def add_to_index(self) -> None:
        """Add this message to the search index, which must not contain it yet. Inside a write() only."""
        if not self.is_deleted:
            database.index.add(self.index_row())

    def update_index(self, former_length: int) -> None:
        """Update this message in the search index. Inside a write() only.

        If its text is or was (`former_length`) long, a task does it later, to keep this transaction short.
        """
        if max(former_length, len(self.text)) > INDEXED_AT_ONCE:
            Task.enqueue("merged", 0)
            Task.enqueue("indexed", self.id)
            return
        database.index.remove(self.id)
        self.add_to_index()

    def index_row(self) -> tuple[int, str, str, str]:
        """The column values of its row in the search index."""
        facts = self.chat_id, self.author_id, self.created_at
        return self.id, *index_columns(self.searchable_text(), *facts, has_file=bool(self.files))

    @property
    def shown_author(self) -> User | None:
        """The author as shown to people; None when the account is closed."""
        return None if self.author.deleted_at is not None else self.author

    @property
    def quoted(self) -> Message | None:
        """The message it replies to."""
        quoted: Message | None = self.reply_to
        return quoted

    @property
    def is_forwarded(self) -> bool:
        return self.original_created_at is not None

    @property
    def shown_original_author(self) -> User | None:
        """The original author of a forwarded message as shown to people; None when that account is closed."""
        original: User | None = self.original_author
        return None if original is None or original.deleted_at is not None else original

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
        return message_url(self.chat_id, self.id)

    @property
    def preview(self) -> str:
        """The text as one plain line, for lists and quotations; '' when deleted."""
        if self.is_deleted:
            return ""
        files = getattr(self, "files", None)
        return preview_of(self.text, files[0].name if files else self.first_file)

    @property
    def mentions(self) -> list[dict[str, Any]]:
        """The mentioned people, each once: id and username, read from the HTML (models/mention.py)."""
        return mentions_in(self.html)

    def mentions_user(self, user_id: int) -> bool:
        """Whether it mentions a person other than its author."""
        return user_id != self.author_id and f' data-user="{user_id}">@' in self.html

    def to_dict(self) -> dict[str, Any]:
        """The message as JSON has it. Pages also show deleted ones, which are marked as `deleted`."""
        author = self.shown_author
        deleted = {"deleted": True} if self.is_deleted else {}
        return {
            "id": self.id,
            "chat_id": self.chat_id,
            "author": author.to_dict() if author else None,
            "text": self.text,
            "html": self.html,
            "files": [file.to_dict() for file in self.files],
            "reactions": [tally.to_dict() for tally in self.reactions],
            "reply_to": self._quotation(),
            "forwarded_from": self._forwarded_from(),
            "mentions": self.mentions,
            "created_at": iso(self.created_at),
            "edited_at": iso(self.edited_at),
            "preview": self.preview,
            **deleted,
        }

    def _quotation(self) -> dict[str, Any] | None:
        quoted = self.quoted
        if quoted is None:
            return None
        author = None if quoted.is_deleted else quoted.shown_author
        return {
            "id": quoted.id,
            "author": author.to_dict() if author else None,
            "text": quoted.preview,
            "deleted": quoted.is_deleted,
        }

    def _forwarded_from(self) -> dict[str, Any] | None:
        if not self.is_forwarded:
            return None
        original = self.shown_original_author
        return {"author": original.to_dict() if original else None, "created_at": iso(self.original_created_at)}


def message_url(chat_id: int, message_id: int) -> str:
    """The chat page that shows a message among its neighbours."""
    return f"/chats/{chat_id}?around={message_id}#message-{message_id}"


def preview_of(text: str, first_file: str | None) -> str:
    """A text as one plain line, or the name of the message's first file."""
    return richtext.preview(text) or (f"📎 {first_file}" if first_file else "")


def mentions_in(html: str) -> list[dict[str, Any]]:
    """The people who are mentioned in a message's HTML, each once: id and username."""
    if 'data-user="' not in html:
        return []
    people = dict(MENTIONED.findall(html))
    return [{"id": int(user_id), "username": username} for user_id, username in people.items()]


@statement
def add_message(
    chat_id: Any, author_id: Any, text: Any, html: Any, created_at: Any, reply_to: Any, by: Any, written_at: Any
) -> Any:
    """The row of a new message; `by` and `written_at` are of the one it was forwarded from."""
    columns = {"chat": chat_id, "author": author_id, "text": text, "html": html, "reply_to": reply_to}
    return Message.insert(**columns, created_at=created_at, original_author=by, original_created_at=written_at)


@statement
def nth_newest(author_id: Any, at: Any, number: Any) -> Any:
    """When the message before a person's newest `number` was posted."""
    # Messages from the future are from before the clock was set back, and do not count.
    own = Message.select(Message.created_at).where(Message.author == author_id, Message.created_at <= at)
    return own.order_by(Message.created_at.desc()).limit(1).offset(number)


def index_columns(text: str, chat_id: int, author_id: int, created_at: int, has_file: bool) -> tuple[str, str, str]:
    """What the search index contains of a message with this searchable text."""
    folded = search.fold(text)
    facts = search.Facts(chat_id, author_id, moment(created_at), has_file)
    return folded, search.forms(folded, text), str(facts)


def wrong_text(text: str, has_files: bool, before: int = 0) -> Errors:
    """The errors of a message that is empty or too long.

    A message may stay as long as it was `before`, since a mentioned person's longer name may have lengthened it.
    """
    if not text and not has_files:
        return {"text": [words("Write something first.")]}
    if len(text) > max(limits.message_max, before):
        return {"text": [words("Use %(most)d characters or fewer.", most=limits.message_max)]}
    return {}


def check_text(text: str, has_files: bool, before: int = 0) -> None:
    """Raise Invalid for a text that is empty or too long."""
    if wrong := wrong_text(text, has_files, before):
        raise Invalid(wrong)


def without_name(text: str, username: str) -> str:
    """Replace a person's mentions in a text by `DELETED_USER`."""
    return re.sub(rf"@{re.escape(username)}(?![\w.-]*\w)", DELETED_USER, text, flags=re.IGNORECASE)
