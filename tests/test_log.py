"""Every lasting change stands in the log, and nothing that was taken away does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from background import finish_tasks
from people import PASSWORD, Person

import models
from actions import accounts, chats, members, messages, reading
from models import Chat, DeletedMessage, Event, User, limits


def logged_events(after: int = 0) -> list[tuple[str, dict[str, object]]]:
    """What the log says: types and data."""
    return [(e.type, json.loads(e.data)) for e in Event.select().where(Event.id > after).order_by(Event.id)]


def newest() -> int:
    return int(Event.select(Event.id).order_by(Event.id.desc()).limit(1).scalar() or 0)


def test_a_new_chat_is_sent_to_each_of_its_members(ann: Person, bob: Person) -> None:
    chat = ann.starts("Garden", bob)
    assert [type for type, _ in logged_events()] == ["chat.created", "member.added"] * 2
    assert {e.user_id for e in Event.select().where(Event.type == "chat.created")} == {ann.id, bob.id}
    kept = {"kind": "group", "description": "", "picture_url": None}
    assert {"id": chat.id, "title": "Garden", **kept}.items() <= logged_events()[0][1].items()


def test_a_message_event_is_as_the_api_shows_it(ann: Person, chat: Chat) -> None:
    before = newest()
    message = ann.posts(chat, "hello")
    assert logged_events(before) == [("message.created", message.to_dict())]


def test_each_verb_writes_its_event(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    before = newest()
    messages.edit(ann.of(chat), message.id, "hello there")
    reading.read(bob.of(chat), message.id)
    chats.describe(ann.of(chat), "Allotment")
    members.set_role(ann.of(chat), bob.id, "admin")
    messages.delete(ann.of(chat), message.id)
    members.remove(ann.of(chat), bob.id)
    chats.delete(ann.of(chat))
    types = [type for type, _ in logged_events(before)]
    assert types == [
        "read",
        "chat.updated",
        "member.updated",
        "member.removed",
        "chat.deleted",
    ]


def test_what_fails_writes_no_event(ann: Person, bob: Person, chat: Chat) -> None:
    before = newest()
    with pytest.raises(models.Forbidden):
        chats.describe(bob.of(chat), "Mine now")
    with pytest.raises(models.Invalid):
        ann.posts(chat, "")
    assert logged_events(before) == []


@pytest.mark.sqlite
def test_a_deleted_text_is_nowhere_any_more(ann: Person, bob: Person, chat: Chat, tmp_path: Path) -> None:
    message = ann.posts(chat, "the swordfish is secret")
    messages.edit(ann.of(chat), message.id, "the swordfish is very secret")
    bob.posts(chat, "is it?", reply_to=message.id)
    messages.delete(ann.of(chat), message.id)
    assert "swordfish" not in json.dumps(logged_events())
    # Former texts are seen by nobody, and go once the deletion can't be undone any more.
    DeletedMessage.prune(up_to=10**9)
    finish_tasks()
    models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for table in ("message", "revision", "event"):
        rows = models.database.execute_sql(f'SELECT * FROM "{table}"').fetchall()
        assert "swordfish" not in repr(rows)
    assert models.database.execute_sql("SELECT * FROM message_index WHERE text MATCH 'swordfish'").fetchall() == []


def test_a_closed_account_leaves_the_log_too(ann: Person, bob: Person, chat: Chat) -> None:
    accounts.change(bob.user, name="Robert Tables", about="Likes tables")
    bob.user = User.find(bob.id)
    quoted = bob.posts(chat, "hello")
    ann.posts(chat, "hello back", reply_to=quoted.id)
    accounts.close(bob.user, PASSWORD)
    log_text = json.dumps(logged_events())
    assert "Robert" not in log_text
    assert "tables" not in log_text
    assert '"username": "bob"' not in log_text


def test_where_the_clock_was_set_back_the_log_gets_no_hole(ann: Person, chat: Chat) -> None:
    before = ann.posts(chat, "before the clock was set back").id
    ann.posts(chat, "after it")
    long_ago = models.now() - (limits.event_days + 1) * 86_400_000_000
    Event.update(created_at=long_ago).where(Event.message_id > before).execute()
    assert not Event.prune()
    Event.update(created_at=long_ago).where(Event.message_id == before).execute()
    Event.update(created_at=long_ago).where(Event.message_id.is_null()).execute()
    ann.posts(chat, "much later")
    assert Event.prune()
    assert [event.message_id for event in Event.select()] == [before + 2]


def test_old_events_go_after_their_time(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    time_of_an_event = limits.event_days * 86_400_000_000
    Event.update(created_at=models.now() - time_of_an_event + 60_000_000).execute()
    assert not Event.prune()
    Event.update(created_at=models.now() - time_of_an_event - 60_000_000).execute()
    assert Event.prune()
    assert Event.select().count() == 0
