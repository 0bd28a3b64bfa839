"""What a deleted message said, kept apart for the moments in which the deletion can be undone."""

from __future__ import annotations

import json
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from models.base import Model, limits, now, remove_after_commit, write
from models.file import File
from models.mention import Mention
from models.message import Message
from models.reaction import Reaction
from models.revision import Revision, without
from models.user import User

SECOND = 1_000_000


class Withdrawn(Model):
    """The text of a deleted message and the rows that went with it. Nothing but the undo ever looks in here."""

    id = AutoField()
    message = ForeignKeyField(Message, unique=True)
    user = ForeignKeyField(User)
    text = TextField()
    html = TextField()
    attached = TextField()
    withdrawn_at = BigIntegerField()

    message_id: int

    @classmethod
    def keep(cls, message: Message, user: User) -> None:
        """Put aside what `user` deletes, before it is taken out of the message. Inside a write() only."""
        cls.create(
            message=message.id,
            user=user,
            text=message.text,
            html=message.html,
            attached=json.dumps({kind._meta.table_name: rows_of(kind, message) for kind in ATTACHED}),
            withdrawn_at=now(),
        )

    @classmethod
    def of(cls, user: User, message_id: int) -> Withdrawn | None:
        """What a person deleted and may still put back, however late the sweep is."""
        found: Withdrawn | None = (
            cls.select().where(cls.message == message_id, cls.user == user.id, cls.withdrawn_at > over()).first()
        )
        return found

    def put_back(self) -> None:
        """Let the message say what it said, with its files. Inside a write() only."""
        Message.update(text=self.text, html=self.html, deleted_at=None).where(Message.id == self.message_id).execute()
        for kind in ATTACHED:
            rows = self.rows(kind)
            if kind is Reaction:
                # Whoever closed their account meanwhile has taken theirs along.
                here = User.select(User.id).where(User.deleted_at.is_null(), User.id.in_([row["user"] for row in rows]))
                rows = [row for row in rows if row["user"] in {user.id for user in here}]
            for row in rows:
                kind.insert(**row).execute()
        type(self).delete().where(Withdrawn.id == self.id).execute()

    @classmethod
    def forget_user(cls, username: str) -> None:
        """Take the name of an account that is closed out of the former texts. Inside a write() only."""
        for kept in cls.select():
            rows = json.loads(kept.attached)
            for row in rows.get(Revision._meta.table_name, []):
                row["text"] = without(row["text"], username)
            cls.update(attached=json.dumps(rows)).where(cls.id == kept.id).execute()

    def rows(self, kind: type[Model]) -> list[dict[str, Any]]:
        """The rows of a table that went with it."""
        rows: list[dict[str, Any]] = json.loads(self.attached).get(kind._meta.table_name, [])
        return rows

    @property
    def keys(self) -> list[str]:
        """Everything that the store holds of its files."""
        return [key for row in self.rows(File) for key in File(**row).keys]

    @classmethod
    def every_key(cls, chat_id: int | None = None) -> set[str]:
        """Everything that the store holds for an undo; with `chat_id` for those of a chat."""
        rows = cls.select(cls)
        if chat_id is not None:
            rows = rows.join(Message).where(Message.chat == chat_id)
        return {key for row in rows for key in row.keys}

    @classmethod
    def prune(cls) -> int:
        """Forget for good what can't be put back any more, files included; returns how many messages went."""
        if not cls.select(cls.id).where(cls.withdrawn_at <= over()).exists():
            return 0
        with write():
            old = list(cls.select().where(cls.withdrawn_at <= over()))
            cls.delete().where(cls.id.in_([row.id for row in old])).execute()
            remove_after_commit([key for row in old for key in row.keys])
        return len(old)


# What hangs on a message and goes when it is deleted.
ATTACHED: tuple[type[Model], ...] = (File, Mention, Revision, Reaction)


def rows_of(kind: type[Any], message: Message) -> list[dict[str, Any]]:
    """A message's rows in one of these tables."""
    return [row.__data__ for row in kind.select().where(kind.message == message.id).order_by(kind.id)]


def over() -> int:
    """What was deleted up to this moment stays deleted."""
    return now() - limits.undo_seconds * SECOND
