"""Messages as JSON, as `Message.to_dict()` makes it, loaded without building rows of models.

A page shows forty messages with their authors, quotations, files and reactions: hundreds of rows, which take Peewee ten
times as long as SQLite.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from models.base import database, iso
from models.chat import Membership
from models.file import file_dict
from models.mention import Mention
from models.message import mentions_in, preview_of
from models.reaction import Reaction
from models.user import user_dict

Json = dict[str, Any]


class Row(NamedTuple):
    """A message, and what it quotes; then the columns of three people (PERSON)."""

    id: int
    chat_id: int
    text: str
    html: str
    created_at: int
    edited_at: int | None
    deleted_at: int | None
    original_created_at: int | None
    quoted_id: int | None
    quoted_text: str
    # Only where somebody is mentioned.
    quoted_html: str | None
    quoted_deleted_at: int | None
    quoted_file: str | None


PERSON = "{0}.deleted_at, {0}.id, {0}.username, {0}.name, {0}.about, {0}.avatar, {0}.created_at"
COLUMNS, PERSON_COLUMNS = len(Row._fields), PERSON.count(",") + 1
AUTHOR, ORIGINAL_AUTHOR, QUOTED_AUTHOR = (
    slice(COLUMNS + number * PERSON_COLUMNS, COLUMNS + (number + 1) * PERSON_COLUMNS) for number in range(3)
)
MESSAGES = f"""
    SELECT m.id, m.chat_id, m.text, m.html, m.created_at, m.edited_at, m.deleted_at, m.forwarded_at,
        q.id, q.text, CASE WHEN instr(q.html, 'data-user="') > 0 THEN q.html END, q.deleted_at,
        (SELECT name FROM file WHERE message_id = q.id ORDER BY id LIMIT 1),
        {PERSON.format("author")}, {PERSON.format("original")}, {PERSON.format("quoted")}
    FROM message m JOIN "user" author ON author.id = m.author_id
    LEFT JOIN "user" original ON original.id = m.forwarded_author_id
    LEFT JOIN message q ON q.id = m.reply_to_id
    LEFT JOIN "user" quoted ON quoted.id = q.author_id
    WHERE """
ALIVE = "AND m.deleted_at IS NULL"
# For lists of the API, and for pages, which also show deleted messages.
BEFORE = tuple(f"m.chat_id = ? AND m.id < ? {alive} ORDER BY m.id DESC LIMIT ?" for alive in (ALIVE, ""))
AFTER = tuple(f"m.chat_id = ? AND m.id > ? {alive} ORDER BY m.id LIMIT ?" for alive in (ALIVE, ""))
# Each part by itself is a look into the index: joined by OR, they would have the whole chat read.
AROUND = """
    m.id IN (
        SELECT id FROM message WHERE chat_id = ? AND id = ?
        UNION ALL
        SELECT id FROM (SELECT id FROM message WHERE chat_id = ? AND id < ? ORDER BY id DESC LIMIT ?) AS before
        UNION ALL
        SELECT id FROM (SELECT id FROM message WHERE chat_id = ? AND id > ? ORDER BY id LIMIT ?) AS after)
    ORDER BY m.id DESC"""
ONE_OF = "m.id IN (SELECT value FROM json_each(?)) ORDER BY m.id DESC"
FILES = """
    SELECT message_id, id, name, size, type, thumbnail_key IS NOT NULL, width, height FROM file
    WHERE message_id IN (SELECT value FROM json_each(?)) ORDER BY id"""
# Larger than any id.
END = 2**62


def newest(membership: Membership, limit: int, for_page: bool = True) -> list[Json]:
    """The newest messages of a chat, ascending.

    A page also shows where messages were deleted, and marks the reader's own reactions (`mine`).
    """
    return before(membership, END, limit, for_page)


def before(membership: Membership, message_id: int, limit: int, for_page: bool = True) -> list[Json]:
    """The messages before one, ascending."""
    return _load(BEFORE[for_page], (membership.chat_id, message_id, limit), membership.user_id if for_page else 0)[::-1]


def after(membership: Membership, message_id: int, limit: int, for_page: bool = True) -> list[Json]:
    """The messages after one, ascending."""
    return _load(AFTER[for_page], (membership.chat_id, message_id, limit), membership.user_id if for_page else 0)


def around(membership: Membership, message_id: int, each: int) -> list[Json]:
    """A message with `each` messages before and after it, for a page."""
    ids = (membership.chat_id, message_id)
    return _load(AROUND, (*ids, *ids, each, *ids, each), membership.user_id)[::-1]


def by_ids(ids: Iterable[int]) -> list[Json]:
    """Messages by their ids, newest first. The caller must restrict them to visible ones."""
    return _load(ONE_OF, (json.dumps(list(ids)),), 0)


def _load(condition: str, values: Sequence[Any], reader: int) -> list[Json]:
    """Load messages in three or four queries; `reader` is the id of the person whose reactions are marked, or 0."""
    rows = [(Row._make(row[:COLUMNS]), row) for row in database.execute_sql(MESSAGES + condition, values)]
    ids = json.dumps([row.id for row, _ in rows])
    files: dict[int, list[Json]] = {}
    for message_id, *file in database.execute_sql(FILES, (ids,)):
        files.setdefault(message_id, []).append(file_dict(*file))
    tallies = Reaction.tallies([row.id for row, _ in rows if row.deleted_at is None], reader)
    quotations = {row.quoted_id: row.quoted_html for row, _ in rows if row.quoted_id is not None and row.quoted_html}
    outdated = Mention.outdated({row.id: row.html for row, _ in rows} | quotations)
    people = People()
    messages = []
    for row, columns in rows:
        message = _message(row, outdated.get(row.id), files.get(row.id, []))
        message["author"] = people.visible(columns[AUTHOR])
        for tally in tallies.get(row.id, {}).values():
            message["reactions"].append({**tally.to_dict(), "mine": tally.is_mine} if reader else tally.to_dict())
        if row.quoted_id is not None:
            message["reply_to"] = _quotation(row, outdated.get(row.quoted_id), people.visible(columns[QUOTED_AUTHOR]))
        if row.original_created_at is not None:
            author = people.visible(columns[ORIGINAL_AUTHOR])
            message["forwarded_from"] = {"author": author, "created_at": iso(row.original_created_at)}
        messages.append(message)
    return messages


class People:
    """People as JSON, each made once."""

    def __init__(self) -> None:
        self.by_id: dict[int, Json] = {}

    def visible(self, columns: Sequence[Any]) -> Json | None:
        """A person by the columns of PERSON; None for nobody and for a closed account."""
        deleted_at, user_id, *profile = columns
        if user_id is None or deleted_at is not None:
            return None
        if user_id not in self.by_id:
            self.by_id[user_id] = user_dict(user_id, *profile)
        return self.by_id[user_id]


def _message(row: Row, outdated: dict[int, str] | None, files: list[Json]) -> Json:
    """A message without people; `outdated` are the new names of those who are mentioned in it."""
    text, html = row.text, row.html
    if outdated:
        text, html, _marks = Mention.rename(row.id, text, html, outdated)
    is_deleted = row.deleted_at is not None
    return {
        "id": row.id,
        "chat_id": row.chat_id,
        "author": None,
        "text": text,
        "html": html,
        "files": files,
        "reactions": [],
        "reply_to": None,
        "forwarded_from": None,
        "mentions": mentions_in(html),
        "created_at": iso(row.created_at),
        "edited_at": iso(row.edited_at),
        "preview": "" if is_deleted else preview_of(text, files[0]["name"] if files else None),
        **({"deleted": True} if is_deleted else {}),
    }


def _quotation(row: Row, outdated: dict[int, str] | None, author: Json | None) -> Json:
    if row.quoted_deleted_at is not None:
        return {"id": row.quoted_id, "author": None, "text": "", "deleted": True}
    text = row.quoted_text
    if row.quoted_id is not None and outdated:
        text = Mention.rename(row.quoted_id, text, "", outdated)[0]
    return {"id": row.quoted_id, "author": author, "text": preview_of(text, row.quoted_file), "deleted": False}
