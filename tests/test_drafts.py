"""Drafts: visible to their author alone, on all devices, as long as the author is a member."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Queries
from people import PASSWORD, Person

from actions import accounts, chats, members, messages
from models import Chat, Draft, Event, database
from stream.process.engine import open_log

LONG_AGO = "2020-01-01T00:00:00Z"


def where(chat: Chat) -> str:
    return f"/api/chats/{chat.id}/draft"


def put_draft(who: Person, chat: Chat, text: str, **more: Any) -> dict[str, Any]:
    answer = who.api.put(where(chat), json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def get_draft(who: Person, chat: Chat) -> dict[str, Any]:
    return dict(who.api.get(where(chat)).get_json())


def draft_events(who: Person) -> list[dict[str, Any]]:
    """The drafts in a stream of one person from the beginning."""
    log = open_log(str(database.database), b"key")
    try:
        return [json.loads(event.data) for event in log.visible_to(who.id, 0, 1000) if event.type == "draft"]
    finally:
        log.close()


def test_a_draft_is_kept_and_sent(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "Are they in?")
    assert get_draft(ann, chat) == {"text": "", "reply_to": None, "written_at": None, "version": 0}
    kept = put_draft(ann, chat, "They **are**", reply_to=message.id)
    assert (kept["text"], kept["reply_to"]) == ("They **are**", message.id)
    assert get_draft(ann, chat) == kept
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["draft"] == kept
    assert ann.api.get("/api/chats").get_json()["items"][0]["draft"] == kept
    assert draft_events(ann) == [{"chat_id": chat.id, "user_id": ann.id, **kept, "preview": "They are"}]


def test_a_draft_is_private(ann: Person, bob: Person, chat: Chat) -> None:
    put_draft(ann, chat, "a surprise for Bob")
    assert get_draft(bob, chat)["text"] == ""
    assert bob.api.get("/api/chats").get_json()["items"][0]["draft"] is None
    assert draft_events(bob) == []
    for path in ("/", f"/chats/{chat.id}", "/chats/rows", "/search?q=surprise"):
        assert "surprise for" not in bob.get(path).text, path
    assert bob.api.get("/api/search?q=surprise").get_json()["items"] == []


def test_the_log_keeps_only_the_newest_draft(ann: Person, chat: Chat) -> None:
    for text in ("H", "He", "Hello", ""):
        put_draft(ann, chat, text)
    assert [event["text"] for event in draft_events(ann)] == [""]
    assert Event.select().where(Event.type == "draft").count() == 1


def test_an_unchanged_draft_sends_no_event(ann: Person, chat: Chat) -> None:
    put_draft(ann, chat, "Hello")
    before = Event.select().order_by(Event.id.desc()).first().id
    put_draft(ann, chat, "Hello ")
    assert Event.select().order_by(Event.id.desc()).first().id == before


def test_the_newest_draft_wins(ann: Person, chat: Chat) -> None:
    put_draft(ann, chat, "typed on the laptop")
    assert put_draft(ann, chat, "typed in a tunnel before", written_at=LONG_AGO)["text"] == "typed on the laptop"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    from_the_future = put_draft(ann, chat, "with a clock of tomorrow", written_at=later)
    assert from_the_future["text"] == "with a clock of tomorrow"
    # Its clock does not shut out what comes next.
    assert put_draft(ann, chat, "and on")["text"] == "and on"


def test_a_cleared_draft_stays_cleared(ann: Person, chat: Chat) -> None:
    put_draft(ann, chat, "Hello")
    assert ann.api.delete(where(chat)).status_code == 204
    assert ann.api.delete(where(chat)).status_code == 204
    assert put_draft(ann, chat, "Hello", written_at=LONG_AGO)["text"] == ""
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["draft"] is None


def test_sending_clears_the_draft(ann: Person, bob: Person, chat: Chat) -> None:
    put_draft(ann, chat, "Hello")
    put_draft(bob, chat, "Hello")
    # A program of hers says something else meanwhile.
    ann.posts(chat, "Backup done")
    assert get_draft(ann, chat)["text"] == "Hello"
    ann.posts(chat, "Hello\n")
    assert get_draft(ann, chat)["text"] == ""
    assert get_draft(bob, chat)["text"] == "Hello"
    assert [event["text"] for event in draft_events(ann)] == [""]


def test_a_draft_based_on_an_older_version_loses(ann: Person, chat: Chat) -> None:
    """Whatever the clocks say: a version is what a page knew."""
    first = put_draft(ann, chat, "laptop", version=0)
    second = put_draft(ann, chat, "phone", version=first["version"])
    assert second["version"] > first["version"]
    assert put_draft(ann, chat, "laptop, on", version=first["version"]) == second
    assert put_draft(ann, chat, "laptop, on", version=second["version"], written_at=LONG_AGO)["text"] == "laptop, on"


def test_a_message_ends_the_draft_that_it_was_written_from(ann: Person, chat: Chat) -> None:
    known = put_draft(ann, chat, "Hel")["version"]
    ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "Hello", "draft": known})
    assert get_draft(ann, chat)["text"] == ""
    # A save of before that comes in late.
    assert put_draft(ann, chat, "Hell", version=known)["text"] == ""


def test_a_message_leaves_a_newer_draft_alone(ann: Person, chat: Chat) -> None:
    known = put_draft(ann, chat, "Hel")["version"]
    newer = put_draft(ann, chat, "something else")
    ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "Hello", "draft": known})
    assert get_draft(ann, chat) == newer


def test_a_form_ends_the_draft_that_its_page_showed(ann: Person, bob: Person, chat: Chat) -> None:
    question = bob.posts(chat, "Are they **in**?")
    put_draft(ann, chat, "They are", reply_to=question.id)
    page = ann.get(f"/chats/{chat.id}").text
    assert re.search(rf'composer-reply">\s*<input type="hidden" name="reply_to" value="{question.id}"', page)
    assert "<b>bob</b>: <span>Are they in?</span>" in page
    assert not re.search(r'name="reply_to" value="\d', ann.get(f"/chats/{chat.id}?reply_to=0").text)
    version = re.search(r'name="draft" value="(\d+)"', page)
    assert version
    ann.browser.submit(f"/chats/{chat.id}", text="They are in", reply_to=question.id, draft=version[1])
    assert get_draft(ann, chat)["text"] == ""
    # And without any draft there is a version of it, by which the page knows that it has arrived.
    before = get_draft(ann, chat)["version"]
    ann.browser.submit(f"/chats/{chat.id}", text="Really", draft=before)
    assert get_draft(ann, chat)["version"] > before


@pytest.mark.parametrize("draft", ["", "x", "-1", "9" * 30, "1.5"])
def test_an_invalid_version_is_ignored(ann: Person, chat: Chat, draft: str) -> None:
    put_draft(ann, chat, "Hello")
    assert ann.browser.submit(f"/chats/{chat.id}", text="Bye", draft=draft).status_code == 302
    assert get_draft(ann, chat)["text"] == "Hello"


def test_a_draft_is_deleted_with_the_membership(ann: Person, bob: Person, chat: Chat) -> None:
    put_draft(bob, chat, "a secret")
    ann.removes(bob, chat)
    assert Draft.select().count() == 0
    assert bob.api.get(where(chat)).status_code == 404
    assert not Event.select().where(Event.data.contains("a secret")).exists()
    members.add(ann.of(chat), "bob")
    assert get_draft(bob, chat)["text"] == ""


@pytest.mark.parametrize("end", ["chat", "account"])
def test_a_draft_is_deleted_with_the_chat_or_the_account(ann: Person, bob: Person, chat: Chat, end: str) -> None:
    put_draft(ann, chat, "a secret")
    if end == "chat":
        chats.delete(ann.of(chat))
    else:
        accounts.close(ann.user, PASSWORD)
    assert Draft.select().count() == 0
    assert not Event.select().where(Event.data.contains("a secret")).exists()


def test_invalid_drafts_are_refused(ann: Person, bob: Person, chat: Chat) -> None:
    elsewhere = ann.posts(ann.starts("Kitchen"), "hello")
    for body, field in (
        ({}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "x", "reply_to": elsewhere.id}, "reply_to"),
        ({"text": "x", "version": -1}, "version"),
        ({"text": "x", "version": "1"}, "version"),
        ({"text": "x", "written_at": "yesterday"}, "written_at"),
        ({"text": "x", "written_at": 5}, "written_at"),
        ({"text": "x", "written_at": "5"}, "written_at"),
        ({"text": "x", "written_at": "1767225600.5"}, "written_at"),
        ({"text": "x", "written_at": "20260101T000000Z"}, "written_at"),
        ({"text": "x", "written_at": "2026-01-01T00:00:00"}, "written_at"),
        ({"text": "x", "user_id": bob.id}, "user_id"),
    ):
        answer = ann.api.put(where(chat), json=body)
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field]), body
    assert get_draft(ann, chat)["text"] == ""


def test_a_draft_stops_replying_to_a_deleted_message(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "Are they in?")
    put_draft(ann, chat, "They are", reply_to=message.id)
    messages.delete(bob.of(chat), message.id)
    assert get_draft(ann, chat)["reply_to"] is None
    assert put_draft(ann, chat, "They are!", reply_to=message.id)["reply_to"] is None


def test_pages_show_the_draft(ann: Person, bob: Person, chat: Chat) -> None:
    put_draft(ann, chat, "They **are** in")
    put_draft(ann, ann.starts("Kitchen"), "Whose cup")
    page = ann.get(f"/chats/{chat.id}").text
    assert ">\nThey **are** in</textarea>" in page
    assert "<b>Draft:</b> <bdi>Whose cup" in page
    # The field beside it shows it already.
    assert "<b>Draft:</b> <bdi>They are in" not in page
    assert "<b>Draft:</b> <bdi>They are in" in ann.get("/").text


def test_a_form_that_comes_back_shows_what_was_typed(ann: Person, chat: Chat) -> None:
    put_draft(ann, chat, "another thing")
    answer = ann.browser.submit(f"/chats/{chat.id}", text="x" * 10_001, key="k")
    assert answer.status_code == 422
    assert "another thing</textarea>" not in answer.text


def test_drafts_cost_no_query(ann: Person, bob: Person, chat: Chat, queries: Queries) -> None:
    ann.get(f"/chats/{chat.id}")
    # At another address, since the response to the first is cached.
    with queries:
        ann.get(f"/chats/{chat.id}?newest=1")
    without = len(queries)
    put_draft(ann, chat, "Hello")
    with queries:
        ann.get(f"/chats/{chat.id}")
    assert len(queries) == without
