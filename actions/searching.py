"""Searching messages, chats and people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import islice
from typing import Any

import search
from lib import richtext
from models import message_json
from models.base import database
from models.chat import Chat
from models.errors import Words, words
from models.message_json import Json
from models.search_index import IndexQuery
from models.user import User

# More chats than this are not named in the index query; the join alone keeps to the person's own then.
CHATS_NAMED = 200
MYSELF = {"me", "я", "меня"}


@dataclass
class SearchResults:
    """Messages as JSON, newest first, each with a `snippet`; and hints why there are none."""

    messages: list[Json] = field(default_factory=list)
    hints: list[Words] = field(default_factory=list)


@dataclass
class SearchFilters:
    """Restrictions of a search: one chat, one author by username, messages before an id, a limit."""

    chat_id: int | None = None
    author: str | None = None
    before: int | None = None
    limit: int = 20


@dataclass
class QuickResults(SearchResults):
    """Results while typing."""

    chats: list[Chat] = field(default_factory=list)
    people: list[User] = field(default_factory=list)


def quick_find(
    user: User, q: str, limit: int, zone: tzinfo = UTC, translate_title: Callable[[str], str] = str
) -> QuickResults:
    """Find some of a person's chats and of the messages in them, and some of all people, up to `limit` of each.

    `translate_title` translates a chat's title into the reader's language, where the models generated it.
    """
    found = find(user, q, SearchFilters(limit=limit), zone, translate_title)
    people = User.starting_with(q.strip().removeprefix("@"), limit)
    return QuickResults(found.messages, found.hints, find_chats(user, q, translate_title, limit), people)


def find_chats(user: User, q: str, translate_title: Callable[[str], str], limit: int) -> list[Chat]:
    """Find some of a person's chats in whose title each word of the query begins a word, latest activity first."""
    wanted = list(dict.fromkeys(search.fold(q).split()))[: search.WORDS_MAX]
    if not wanted:
        return []
    titles = ((chat_id, f" {search.fold(translate_title(title))}") for chat_id, title in Chat.titles_shown_to(user))
    found = (chat_id for chat_id, title in titles if all(f" {word}" in title for word in wanted))
    ids = list(islice(found, limit))
    chats = sorted(Chat.shown_to(user, Chat.id.in_(ids)), key=lambda chat: ids.index(chat.id))
    for chat in chats:
        chat.title = translate_title(chat.title)
    return chats


def find(
    user: User, q: str, filters: SearchFilters, zone: tzinfo = UTC, translate_title: Callable[[str], str] = str
) -> SearchResults:
    """Find messages. Days in the query begin and end in `zone`; `translate_title` as for quick_find()."""
    question = search.read(q, zone)
    if question.is_empty:
        return SearchResults()
    hints = [unknown(wrong) for wrong in question.unknown]
    chats = chats_to_search(user, question, filters.chat_id, hints, translate_title)
    authors = possible_authors(user, question, filters.author, hints)
    if hints or chats == []:
        return SearchResults(hints=hints)
    query = IndexQuery(user.id, question, chats, authors, filters.chat_id, filters.before, filters.limit)
    return SearchResults(load_results(database.index.find(query), question))


def unknown(wrong: search.Filter) -> Words:
    """The hint for a filter that was not understood."""
    if wrong.name == "has":
        return words("The only filter of this kind is has:file.")
    return words("“%(date)s” isn’t a date. Write it like this: 2026-01-31.", date=wrong.value)


def chats_to_search(
    user: User,
    question: search.Question,
    chat_id: int | None,
    hints: list[Words],
    translate_title: Callable[[str], str],
) -> list[int] | None:
    """The ids of the chats to search; None for all of very many. Adds a hint for a title that matches none."""
    if not question.titles:
        own_chats = Chat.select(Chat.id).where(Chat.id.in_(Chat.visible_to(user)))
        own_chats = own_chats if chat_id is None else own_chats.where(Chat.id == chat_id)
        rows: Any = own_chats.limit(CHATS_NAMED + 1).tuples()
        ids = [row[0] for row in rows]
        return ids if len(ids) <= CHATS_NAMED else None
    titles = [
        (own, search.fold(translate_title(title)))
        for own, title in Chat.titles_shown_to(user)
        if chat_id in (None, own)
    ]
    wanted: set[int] = set()
    for part in question.titles:
        sought = search.fold(part).strip()
        having = {own for own, title in titles if sought and sought in title}
        if not having:
            hints.append(words("You have no chat named “%(title)s”.", title=part))
        wanted |= having
    return sorted(wanted)


def possible_authors(user: User, question: search.Question, author: str | None, hints: list[Words]) -> list[int] | None:
    """The ids of the possible authors; None for anyone. Adds a hint for each unknown name."""
    asked: list[set[int]] = []
    if question.authors:
        asked.append(set().union(*(find_people(user, name, hints) for name in question.authors)))
    if author is not None:
        asked.append(find_people(user, author, hints))
    return sorted(set.intersection(*asked)) if asked else None


def find_people(user: User, name: str, hints: list[Words]) -> set[int]:
    """The person with this username, else the people with this name."""
    name = name.removeprefix("@")
    if name.casefold() in MYSELF:
        return {user.id}
    people = list(User.all_named([name]).values())
    if not people and (name_key := search.fold(name)).strip():
        people = list(User.select().where(User.name_key == name_key, User.deleted_at.is_null()))
    if not people:
        hints.append(words("No user named “%(username)s”.", username=name))
    return {person.id for person in people}


def load_results(ids: list[int], question: search.Question) -> list[Json]:
    """Load messages with snippets, newest first."""
    found = message_json.by_ids(ids)
    for message in found:
        texts = readings(message)
        message["snippet"] = search.snippet(next(texts), question, otherwise=texts)
    return found


def readings(message: Json) -> Iterator[str]:
    """A message's searchable text as displayed, then with the addresses of links, then as typed."""
    names = [file["name"] for file in message["files"]]
    for addresses in (False, True):
        yield "\n".join([richtext.readable(message["html"], addresses), *names])
    yield "\n".join([message["text"], *names])


def chats_of(user: User, messages: Sequence[Json]) -> dict[int, Chat]:
    """The chats of found messages, by id, with the titles shown to the person who searched."""
    ids = {message["chat_id"] for message in messages}
    return {chat.id: chat for chat in Chat.shown_to(user, Chat.id.in_(ids))}
