"""Redaction: rewriting logged events after messages and people have changed, and the names in messages."""

from __future__ import annotations

import json
import re
from typing import Any

from peewee import Tuple, Value, fn

from models import message_page
from models.base import database, has_room
from models.event import Event, as_text
from models.mention import Mention
from models.message import DELETED_USER_HTML, MENTION, Message, without_name
from models.revision import Revision
from models.task import Task, step
from models.versions import bump_common_version

AT_ONCE = 25
# How many events are searched for a name at once.
LOOKED_THROUGH = 200
REVISIONS_AT_ONCE = 100


def rewrite_events(message_id: int, until: int = 0) -> None:
    """Update a message's earlier events, and what other events quote of it. Inside a write() only.

    With `until`, streams hide the event log up to that id until this is done.
    """
    Task.begin("told", message_id, until)
    Task.begin("quoted", message_id, until)
    Task.begin("listed", message_id, until)


@step("told")
def rewrite_own_events(task: Task) -> bool:
    """Rewrite the events of a message."""
    message = message_page.find(task.subject)
    if message is None:
        return True
    which = (Event.message_id == message.id, Event.type.in_(("message.created", "message.updated")))
    # The event of a reaction has no text, and gets none.
    replacements: dict[str, Any] = {
        "text": message.text, "html": message.html, "mentions": message.mentions, "preview": message.preview,
    }  # fmt: skip
    if message.is_deleted:
        replacements |= {"files": [], "reactions": [], "former_mentions": []}
    while has_room():
        events = Event.select(Event.id).where(*which, Event.id > task.place).order_by(Event.id).limit(AT_ONCE)
        ids = [event.id for event in events]
        if not ids:
            return True
        Event.replace_in(ids, replacements)
        task.place = ids[-1]
    return False


@step("quoted")
def rewrite_quotations(task: Task) -> bool:
    """Rewrite the events of the messages that reply to a message."""
    message = message_page.find(task.subject)
    if message is None:
        return True
    replacements: dict[str, Any] = {"reply_to.text": message.preview, "reply_to.deleted": message.is_deleted}
    if message.is_deleted:
        replacements["reply_to.author"] = None
    while has_room():
        rows = database.execute_sql(
            """
            SELECT m.id, e.id FROM message m JOIN event e ON e.message_id = m.id
            WHERE m.reply_to_id = ? AND m.id >= ? AND (m.id, e.id) > (?, ?)
            AND e.type IN ('message.created', 'message.updated') ORDER BY m.id, e.id LIMIT ?""",
            (message.id, task.place, task.place, task.within, AT_ONCE),
        ).fetchall()
        if not rows:
            return True
        ids = [event_id for _, event_id in rows]
        Event.replace_in(ids, replacements)
        task.place, task.within = rows[-1]
    return False


@step("listed")
def rewrite_last_messages(task: Task) -> bool:
    """Rewrite the events that name a message as the last one of its chat."""
    message = message_page.find(task.subject)
    if message is None:
        return True
    replacements: dict[str, Any] = {"last_message.preview": message.preview}
    if message.is_deleted:
        replacements["last_message.author"] = None
    while has_room():
        # In the words of the index event_last_message.
        rows = database.execute_sql(
            """
            SELECT id FROM event WHERE type IN ('chat.created', 'message.deleted')
            AND json_extract(data, '$.last_message.id') = ? AND id > ? ORDER BY id LIMIT ?""",
            (message.id, task.place, AT_ONCE),
        ).fetchall()
        if not rows:
            return True
        ids = [event_id for (event_id,) in rows]
        Event.replace_in(ids, replacements)
        task.place = ids[-1]
    return False


@step("log")
def forget_in_events(task: Task) -> bool:
    """Remove a closed account's name (the note), "about" text and picture from the events before it was closed."""
    start = Event.select(fn.MIN(Event.id)).scalar() or task.until + 1
    task.place = max(task.place, start - 1)
    named = fn.INSTR(Event.data, Value(f'"id":{task.subject},"username":')) > 0
    named |= fn.INSTR(Event.data, Value(f'"id":{task.subject},"label":')) > 0
    named |= fn.INSTR(Event.data, Value('"names":["')) > 0
    while task.place < task.until:
        if not has_room():
            return False
        end = min(task.place + LOOKED_THROUGH, task.until)
        in_part = Event.id.between(task.place + 1, end)
        known = named | Event.data.contains(f"@{task.note}")
        for event in list(Event.select(Event.id, Event.data).where(in_part, known).order_by(Event.id)):
            data = as_text(nameless(json.loads(event.data), task.subject, task.note))
            Event.update(data=data).where(Event.id == event.id).execute()
            task.place = event.id
            # A single event may be long.
            if not has_room():
                return False
        task.place = end
    return True


def nameless(data: Any, user_id: int, username: str) -> Any:
    """Copy an event's data without a person's name."""
    if isinstance(data, list):
        return [nameless(one, user_id, username) for one in data if not is_person(one, user_id)]
    if not isinstance(data, dict):
        return data
    clean: dict[str, Any] = {}
    for key, value in data.items():
        if key == "user" and is_person(value, user_id):
            clean[key] = {**value, "username": "", "name": "", "about": "", "avatar_url": None}
        elif is_person(value, user_id):
            clean[key] = None
        elif key == "reactions":
            clean[key] = [without_person(tally, user_id) for tally in value if tally["users"] != [user_id]]
        elif key == "html":
            clean[key] = re.sub(MENTION % user_id, DELETED_USER_HTML, value)
        else:
            is_text = key in ("text", "preview")
            clean[key] = without_name(value, username) if is_text else nameless(value, user_id, username)
    return clean


def without_person(tally: dict[str, Any], user_id: int) -> dict[str, Any]:
    """Copy a tally without one of the people who are listed."""
    if user_id not in tally["users"]:
        return tally
    at = tally["users"].index(user_id)
    clean = {**tally, "count": tally["count"] - 1, "users": [one for one in tally["users"] if one != user_id]}
    if "names" in tally:
        clean["names"] = tally["names"][:at] + tally["names"][at + 1 :]
    return clean


def is_person(data: Any, user_id: int) -> bool:
    return isinstance(data, dict) and data.get("id") == user_id and ("username" in data or "label" in data)


@step("names")
def rename_mentions(task: Task) -> bool:
    """Rewrite a person's mentions after a rename, in text, HTML, index and event log (docs/decisions/0021)."""
    while has_room():
        after = Tuple(Mention.chat, Mention.message) > Tuple(task.place, task.within)
        places = Mention.select(Mention.chat, Mention.message).where(Mention.user == task.subject, after)
        place = places.order_by(Mention.chat, Mention.message).first()
        if place is None:
            return True
        bump_common_version()
        for message in message_page.load(Message.id == place.message_id, newest_first=False, limit=1):
            Mention.save_names(message)
            rewrite_events(message.id, task.until)
        task.place, task.within = place.chat_id, place.message_id
    return False


@step("revisions")
def forget_in_revisions(task: Task) -> bool:
    """Remove the names of a closed account (the note is its last one) from all revisions."""
    while has_room():
        later = Revision.select().where(Revision.id > task.place).order_by(Revision.id)
        revisions = list(later.limit(REVISIONS_AT_ONCE))
        if not revisions:
            return True
        for revision in revisions:
            if revision.forget(task.subject, task.note):
                revision.save(only=[Revision.text, Revision.rendered])
            task.place = revision.id
            if not has_room():
                return False
    return False
