"""Finding messages in one's own chats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import search
from models.base import database
from models.chat import Chat
from models.errors import Words, words
from models.message import Message
from models.user import User

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# More chats than this are not named in the index query; the join alone keeps to the person's own then.
CHATS_NAMED = 200
MYSELF = {"me", "я", "меня"}


@dataclass
class Found:
    """Messages, newest first, each with a `snippet` and its `chat`; and why there can be none, where that is known."""

    messages: list[Message] = field(default_factory=list)
    hints: list[Words] = field(default_factory=list)


@dataclass
class Narrowing:
    """What a search keeps to beside the words: one chat, one author by username, messages before an id, so many."""

    chat_id: int | None = None
    author: str | None = None
    before: int | None = None
    limit: int = 20


@dataclass
class Glance(Found):
    """What a few typed letters may mean."""

    chats: list[Chat] = field(default_factory=list)
    people: list[User] = field(default_factory=list)


def glance(user: User, q: str, limit: int, zone: tzinfo = UTC, called: Callable[[str], str] = str) -> Glance:
    """Some of one's own chats, of all people, and of the messages in one's chats, so many of each.

    `called` says a chat's title in the reader's language, where the models named it.
    """
    found = find(user, q, Narrowing(limit=limit), zone, called)
    people = User.starting_with(q.strip().removeprefix("@"), limit)
    return Glance(found.messages, found.hints, chats_called(user, q, called)[:limit], people)


def chats_called(user: User, q: str, called: Callable[[str], str]) -> list[Chat]:
    """One's own chats in whose title every word of a question begins a word, newest activity first."""
    wanted = search.fold(q).split()
    mine = sorted(Chat.seen_by(user, Chat.id.in_(Chat.visible_to(user))), key=lambda chat: -chat.activity)
    for chat in mine:
        chat.title = called(chat.title)
    return [chat for chat in mine if wanted and all(search.begins(word, chat.title) for word in wanted)]


def zone_named(name: str) -> tzinfo:
    """A time zone by its name (Europe/Moscow); UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def find(user: User, q: str, to: Narrowing, zone: tzinfo = UTC, called: Callable[[str], str] = str) -> Found:
    """Messages with all that is asked for. Days in the question begin and end in `zone`; `called` as for glance()."""
    question = search.read(q, zone)
    if question.is_empty:
        return Found()
    hints = [unknown(wrong) for wrong in question.unknown]
    chats = chats_asked(user, question, to.chat_id, hints, called)
    authors = authors_asked(user, question, to.author, hints)
    if hints or chats == []:
        return Found(hints=hints)
    ids = matching(user, question, search.expression(question, chats, authors), to)
    return Found(shown(user, ids, question))


def unknown(wrong: search.Filter) -> Words:
    """What is wrong with a filter that says nothing."""
    if wrong.name == "has":
        return words("Messages can be asked for a file only: has:file.")
    return words("“%(date)s” is no day: write it as 2026-01-31.", date=wrong.value)


def chats_asked(
    user: User, question: search.Question, chat_id: int | None, hints: list[Words], called: Callable[[str], str]
) -> list[int] | None:
    """The chats to search, of one's own; None for all of very many. A title that is in none goes into the hints."""
    there = Chat.id.in_(Chat.visible_to(user))
    chats = Chat.seen_by(user, there if chat_id is None else there & (Chat.id == chat_id))
    if not question.titles:
        return [chat.id for chat in chats] if len(chats) <= CHATS_NAMED else None
    wanted: set[int] = set()
    for part in question.titles:
        sought = search.fold(part).strip()
        having = {chat.id for chat in chats if sought and sought in search.fold(called(chat.title))}
        if not having:
            hints.append(words("None of your chats is called %(title)s.", title=part))
        wanted |= having
    return sorted(wanted)


def authors_asked(user: User, question: search.Question, author: str | None, hints: list[Words]) -> list[int] | None:
    """The people who may have written it; None for anybody. Names that nobody has go into the hints."""
    asked: list[set[int]] = []
    if question.authors:
        asked.append(set().union(*(people_called(user, name, hints) for name in question.authors)))
    if author is not None:
        asked.append(people_called(user, author, hints))
    return sorted(set.intersection(*asked)) if asked else None


def people_called(user: User, name: str, hints: list[Words]) -> set[int]:
    """The one with this username; else those with this name."""
    name = name.removeprefix("@")
    if name.casefold() in MYSELF:
        return {user.id}
    people = list(User.all_named([name]).values())
    if not people and (called := search.fold(name)).strip():
        people = list(User.select().where(User.name_key == called, User.deleted_at.is_null()))
    if not people:
        hints.append(words("Nobody is called %(username)s.", username=name))
    return {person.id for person in people}


def matching(user: User, question: search.Question, expression: str, to: Narrowing) -> list[int]:
    """Ids of what the index finds, newest first; whatever it says, in chats that the person is in."""
    sql = """
        SELECT message.id FROM message_index
        JOIN message ON message.id = message_index.rowid
        JOIN membership ON membership.chat_id = message.chat_id AND membership.user_id = ?
        WHERE message_index MATCH ?"""
    values: list[Any] = [user.id, expression]
    for condition, value in (
        ("message.chat_id = ?", to.chat_id),
        ("message_index.rowid < ?", to.before),
        ("message.created_at >= ?", micros(question.since)),
        ("message.created_at < ?", micros(question.until)),
    ):
        if value is not None:
            sql += f" AND {condition}"
            values.append(value)
    rows = database.execute_sql(f"{sql} ORDER BY message_index.rowid DESC LIMIT ?", [*values, to.limit])
    return [row[0] for row in rows]


def micros(when: datetime | None) -> int | None:
    return None if when is None else (when - EPOCH) // timedelta(microseconds=1)


def shown(user: User, ids: list[int], question: search.Question) -> list[Message]:
    """The messages of these ids with their chats and excerpts, newest first."""
    found = Message.loaded(Message.id.in_(ids), newest_first=True, limit=len(ids))
    chats = {chat.id: chat for chat in Chat.seen_by(user, Chat.id.in_({message.chat_id for message in found}))}
    for message in found:
        message.chat = chats[message.chat_id]
        message.snippet = search.snippet(message.searched(), question)
    return found[::-1]
