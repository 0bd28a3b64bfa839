"""The log: every lasting change writes its event in the same transaction."""

from __future__ import annotations

import json
from typing import Any

from peewee import AutoField, BigIntegerField, IntegerField, TextField, fn

import live
from models.base import Model, database, limits, now

PRUNED_AT_ONCE = 500


class Event(Model):
    """One line of the log that live streams read by its id.

    `data` is the JSON that everyone entitled gets. Who that is: with `type` chat.created, chat.deleted,
    membership.updated, read and draft, the person `user_id` alone; else the members of `chat_id`, and with
    member.removed `user_id` too. With message.* `user_id` is the author.
    """

    id = AutoField()
    type = TextField()
    chat_id = IntegerField(null=True)
    user_id = IntegerField(null=True)
    message_id = IntegerField(null=True)
    data = TextField()
    created_at = BigIntegerField()

    @classmethod
    def record(
        cls, type: str, data: dict[str, Any], *, chat_id: int, user_id: int, message_id: int | None = None
    ) -> int:
        """Write one event; returns its id. Streams are told of it once it is committed."""
        told = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        event = cls.create(
            type=type, data=told, chat_id=chat_id, user_id=user_id, message_id=message_id, created_at=now()
        )
        database.after_commit(live.wake)
        return int(event.id)

    @classmethod
    def retell(cls, message_id: int, message: dict[str, Any], preview: str) -> None:
        """Tell a message's text as it reads now, in what was told of it before and in the quotations of it."""
        people = json.dumps(message["mentions"], ensure_ascii=False)
        # Without Peewee's making of SQL, which takes most of the time for a thousand of them.
        database.execute_sql(
            """
            UPDATE event SET data = json_set(data, '$.text', ?, '$.html', ?, '$.mentions', json(?))
            WHERE message_id = ? AND type IN ('message.created', 'message.updated')""",
            (message["text"], message["html"], people, message_id),
        )
        cls._replies_to("r.id = ?", message_id, fn.json_set(cls.data, "$.reply_to.text", preview))

    @classmethod
    def forget_message(cls, message_id: int) -> None:
        """Take a deleted message's text out of what was told of it, and out of the quotations of it."""
        nothing = fn.json("[]")
        blank = fn.json_set(
            cls.data, "$.text", "", "$.html", "", "$.files", nothing, "$.reactions", nothing, "$.mentions", nothing
        )
        cls.update(data=blank).where(cls.message_id == message_id, cls.type != "message.deleted").execute()
        quotation = fn.json_set(cls.data, "$.reply_to.text", "", "$.reply_to.author", None)
        cls._replies_to("r.id = ?", message_id, quotation)

    @classmethod
    def forget_drafts(cls, chat_id: int, user_id: int | None = None) -> None:
        """Take what was begun and not sent out of the log, one person's or everybody's."""
        theirs = (cls.type == "draft") & (cls.chat_id == chat_id)
        cls.delete().where(theirs & (cls.user_id == user_id) if user_id is not None else theirs).execute()

    @classmethod
    def forget_user(cls, user_id: int) -> None:
        """Take a closed account's name, words about itself and picture out of the log."""
        nobody = fn.json_set(cls.data, "$.author", None)
        mine = cls.user_id == user_id
        cls.update(data=nobody).where(mine, cls.type.startswith("message."), cls.type != "message.deleted").execute()
        member = fn.json_set(
            cls.data, "$.user.username", "", "$.user.name", "", "$.user.about", "", "$.user.avatar_url", None
        )
        cls.update(data=member).where(mine, cls.type.startswith("member.")).execute()
        cls._forwards_of(user_id)
        cls._replies_to("r.author_id = ?", user_id, fn.json_set(cls.data, "$.reply_to.author", None))

    @classmethod
    def _forwards_of(cls, user_id: int) -> None:
        """Take a closed account's name out of what was told of messages that others forwarded."""
        forwards = "SELECT id FROM message WHERE forwarded_author_id = ?"
        cls._of_messages(forwards, user_id, fn.json_set(cls.data, "$.forwarded_from.author", None))

    @classmethod
    def _replies_to(cls, which: str, value: int, data: Any) -> None:
        replies = f"SELECT m.id FROM message m JOIN message r ON r.id = m.reply_to_id WHERE {which}"
        cls._of_messages(replies, value, data)

    @classmethod
    def _of_messages(cls, ids: str, value: int, data: Any) -> None:
        """Say otherwise what was told of the messages whose ids a query finds."""
        found = [row[0] for row in database.execute_sql(ids, (value,))]
        for start in range(0, len(found), PRUNED_AT_ONCE):
            some = found[start : start + PRUNED_AT_ONCE]
            told = (cls.type == "message.created") | (cls.type == "message.updated")
            cls.update(data=data).where(cls.message_id.in_(some), told).execute()

    @classmethod
    def prune(cls) -> int:
        """Drop a few of the oldest events past their time; returns how many went.

        Only from the beginning: where the clock was set back, a hole amid the log would pass for nothing missed.
        """
        kept_since = now() - limits.event_days * 86_400_000_000
        young = cls.select(fn.MIN(cls.id)).where(cls.created_at >= kept_since).scalar()
        old = cls.select(cls.id).where(cls.created_at < kept_since).order_by(cls.id).limit(PRUNED_AT_ONCE)
        if young is not None:
            old = old.where(cls.id < young)
        return int(cls.delete().where(cls.id.in_(old)).execute())
