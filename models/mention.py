"""Mentions: `@username` in a message refers to a person, even after a rename."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peewee import AutoField, ForeignKeyField, IntegerField, fn

from lib import richtext
from models.base import Model, database
from models.chat import Chat
from models.message import DELETED_USER, DELETED_USER_HTML, MENTION, Message, mentions_in
from models.statements import statement
from models.user import User

STORED = """
    SELECT g.text, g.html, n.start, n.length, n.user_id FROM message g LEFT JOIN mention n ON n.message_id = g.id
    WHERE g.id = ? ORDER BY n.start
"""
USERNAMES = 'SELECT id, username FROM "user" WHERE id IN (SELECT value FROM json_each(?))'


class Mention(Model):
    """A person's name at one position in a message."""

    id = AutoField()
    message = ForeignKeyField(Message)
    chat = ForeignKeyField(Chat)
    user = ForeignKeyField(User)
    start = IntegerField()
    length = IntegerField()

    message_id: int
    chat_id: int
    user_id: int

    @classmethod
    def unread(cls, membership: Any) -> Any:
        """A query for how many unread messages of others mention a member; `membership` is a row or the table."""
        own = (cls.user == membership.user) & (cls.chat == membership.chat)
        later = (cls.message > membership.last_read_id) & (Message.author != membership.user)
        return cls.select(fn.COUNT(cls.message.distinct())).join(Message).where(own, later)

    @classmethod
    def update_names(cls, messages: Iterable[Message]) -> None:
        """Replace outdated names of mentioned people in loaded messages."""
        # A message and a quotation of it are two objects.
        loaded = list(messages)
        outdated = cls.outdated({message.id: message.html for message in loaded})
        for message in loaded:
            if names := outdated.get(message.id):
                message.text, message.html, message.marks = cls.rename(message.id, message.text, message.html, names)

    @classmethod
    def outdated(cls, html: Mapping[int, str]) -> dict[int, dict[int, str]]:
        """The current usernames of people whose mentions have another one, by message; '' for a closed account."""
        mentioned = {message_id: mentions_in(text) for message_id, text in html.items()}
        people = {person["id"] for named in mentioned.values() for person in named}
        if not people:
            return {}
        called: dict[int, str] = dict(database.execute_sql(USERNAMES, (json.dumps(list(people)),)).fetchall())
        outdated: dict[int, dict[int, str]] = {}
        for message_id, named in mentioned.items():
            for person in named:
                if person["username"] != called[person["id"]]:
                    outdated.setdefault(message_id, {})[person["id"]] = called[person["id"]]
        return outdated

    @classmethod
    def rename(
        cls, message_id: int, text: str, html: str, names: dict[int, str]
    ) -> tuple[str, str, list[richtext.Mark]]:
        """Replace names in a message; returns its text, HTML and mentions after that. '' means a closed account.

        All three are read once more, in one query: a task may have replaced names since `text` was read, and moved
        the mentions.
        """
        marks: list[richtext.Mark] = []
        stored = database.execute_sql(STORED, (message_id,)).fetchall()
        text, html = stored[0][:2] if stored else (text, html)
        renamed, end = "", 0
        for start, length, user_id in (row[2:] for row in stored if row[2] is not None):
            renamed += text[end:start]
            name = text[start : start + length]
            if user_id in names:
                name = f"@{names[user_id]}" if names[user_id] else DELETED_USER
            if names.get(user_id) != "":
                marks.append((len(renamed), len(name), user_id))
            renamed, end = renamed + name, start + length
        for user_id, username in names.items():
            html = re.sub(MENTION % user_id, element(user_id, username), html)
        return renamed + text[end:], html, marks

    @classmethod
    def save_names(cls, message: Message) -> None:
        """Save the current names in a message that held outdated ones. Inside a write() only."""
        if message.marks is None:
            return
        message.save(only=[Message.text, Message.html])
        cls.write(message, message.marks)
        message.update_index(len(message.text))
        message.marks = None

    @classmethod
    def marks(cls, message_id: int) -> list[richtext.Mark]:
        """The stored mentions of a message: (start, length, user id)."""
        places = cls.select().where(cls.message == message_id).order_by(cls.start)
        return [(place.start, place.length, place.user_id) for place in places]

    @classmethod
    def write(cls, message: Message, marks: Sequence[richtext.Mark]) -> None:
        """Replace the stored mentions of a message. Inside a write() only."""
        cls.delete().where(cls.message == message.id).execute()
        cls.add(message, marks)

    @classmethod
    def add(cls, message: Message, marks: Sequence[richtext.Mark]) -> None:
        """Store the mentions of a message that has none stored. Inside a write() only."""
        for start, length, user_id in marks:
            add_mention.run(message.id, message.chat_id, user_id, start, length)

    @classmethod
    def add_all(cls, rows: Iterable[tuple[int, int, int, int, int]]) -> None:
        """Store mentions given as (message, chat, person, start, length). Inside a write() only."""
        add_mention.run_many(rows)


@statement
def add_mention(message_id: Any, chat_id: Any, user_id: Any, start: Any, length: Any) -> Any:
    return Mention.insert(message=message_id, chat=chat_id, user=user_id, start=start, length=length)


def element(user_id: int, username: str) -> str:
    """A mention in a message's HTML. The sanitizer lets no text produce such an element."""
    if not username:
        return DELETED_USER_HTML
    return f'<a class="mention" href="{User.address(username)}" data-user="{user_id}">@{username}</a>'
