"""What somebody has begun to write: theirs alone, on all of their devices, as long as they are in the chat."""

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
from stream.process.log import EventLog

LONG_AGO = "2020-01-01T00:00:00Z"


def where(chat: Chat) -> str:
    return f"/api/chats/{chat.id}/draft"


def begins(who: Person, chat: Chat, text: str, **more: Any) -> dict[str, Any]:
    answer = who.api.put(where(chat), json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def begun(who: Person, chat: Chat) -> dict[str, Any]:
    return dict(who.api.get(where(chat)).get_json())


def told(who: Person) -> list[dict[str, Any]]:
    """The drafts that a stream of theirs would tell of from the beginning."""
    log = EventLog(str(database.database), b"key")
    try:
        return [json.loads(event.data) for event in log.visible_to(who.id, 0, 1000) if event.type == "draft"]
    finally:
        log.close()


def test_a_draft_is_kept_and_told(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "Are they in?")
    assert begun(ann, chat) == {"text": "", "reply_to": None, "written_at": None, "version": 0}
    kept = begins(ann, chat, "They **are**", reply_to=message.id)
    assert (kept["text"], kept["reply_to"]) == ("They **are**", message.id)
    assert begun(ann, chat) == kept
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["draft"] == kept
    assert ann.api.get("/api/chats").get_json()["items"][0]["draft"] == kept
    assert told(ann) == [{"chat_id": chat.id, "user_id": ann.id, **kept, "preview": "They are"}]


def test_it_is_nobody_elses_to_see(ann: Person, bob: Person, chat: Chat) -> None:
    begins(ann, chat, "a surprise for Bob")
    assert begun(bob, chat)["text"] == ""
    assert bob.api.get("/api/chats").get_json()["items"][0]["draft"] is None
    assert told(bob) == []
    for path in ("/", f"/chats/{chat.id}", "/chats/rows", "/search?q=surprise"):
        assert "surprise for" not in bob.get(path).text, path
    assert bob.api.get("/api/search?q=surprise").get_json()["items"] == []


def test_the_log_keeps_the_newest_alone(ann: Person, chat: Chat) -> None:
    for text in ("H", "He", "Hello", ""):
        begins(ann, chat, text)
    assert [event["text"] for event in told(ann)] == [""]
    assert Event.select().where(Event.type == "draft").count() == 1


def test_the_same_again_is_no_news(ann: Person, chat: Chat) -> None:
    begins(ann, chat, "Hello")
    before = Event.select().order_by(Event.id.desc()).first().id
    begins(ann, chat, "Hello ")
    assert Event.select().order_by(Event.id.desc()).first().id == before


def test_the_newest_wins(ann: Person, chat: Chat) -> None:
    begins(ann, chat, "typed on the laptop")
    assert begins(ann, chat, "typed in a tunnel before", written_at=LONG_AGO)["text"] == "typed on the laptop"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    from_the_future = begins(ann, chat, "with a clock of tomorrow", written_at=later)
    assert from_the_future["text"] == "with a clock of tomorrow"
    # Its clock does not shut out what comes next.
    assert begins(ann, chat, "and on")["text"] == "and on"


def test_what_was_cleared_stays_cleared(ann: Person, chat: Chat) -> None:
    begins(ann, chat, "Hello")
    assert ann.api.delete(where(chat)).status_code == 204
    assert ann.api.delete(where(chat)).status_code == 204
    assert begins(ann, chat, "Hello", written_at=LONG_AGO)["text"] == ""
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["draft"] is None


def test_sending_it_clears_it(ann: Person, bob: Person, chat: Chat) -> None:
    begins(ann, chat, "Hello")
    begins(bob, chat, "Hello")
    # A program of hers says something else meanwhile.
    ann.posts(chat, "Backup done")
    assert begun(ann, chat)["text"] == "Hello"
    ann.posts(chat, "Hello\n")
    assert begun(ann, chat)["text"] == ""
    assert begun(bob, chat)["text"] == "Hello"
    assert [event["text"] for event in told(ann)] == [""]


def test_what_was_typed_beside_an_older_version_comes_too_late(ann: Person, chat: Chat) -> None:
    """Whatever the clocks say: a version is what a page knew."""
    first = begins(ann, chat, "laptop", version=0)
    second = begins(ann, chat, "phone", version=first["version"])
    assert second["version"] > first["version"]
    assert begins(ann, chat, "laptop, on", version=first["version"]) == second
    assert begins(ann, chat, "laptop, on", version=second["version"], written_at=LONG_AGO)["text"] == "laptop, on"


def test_a_message_ends_the_draft_that_it_was_written_from(ann: Person, chat: Chat) -> None:
    known = begins(ann, chat, "Hel")["version"]
    ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "Hello", "draft": known})
    assert begun(ann, chat)["text"] == ""
    # A save of before that comes in late.
    assert begins(ann, chat, "Hell", version=known)["text"] == ""


def test_a_message_leaves_a_newer_draft_alone(ann: Person, chat: Chat) -> None:
    known = begins(ann, chat, "Hel")["version"]
    newer = begins(ann, chat, "something else")
    ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "Hello", "draft": known})
    assert begun(ann, chat) == newer


def test_a_form_ends_the_draft_that_its_page_showed(ann: Person, bob: Person, chat: Chat) -> None:
    question = bob.posts(chat, "Are they **in**?")
    begins(ann, chat, "They are", reply_to=question.id)
    page = ann.get(f"/chats/{chat.id}").text
    assert re.search(rf'composer-reply">\s*<input type="hidden" name="reply_to" value="{question.id}"', page)
    assert "<b>bob</b>: <span>Are they in?</span>" in page
    assert not re.search(r'name="reply_to" value="\d', ann.get(f"/chats/{chat.id}?reply_to=0").text)
    version = re.search(r'name="draft" value="(\d+)"', page)
    assert version
    ann.browser.submit(f"/chats/{chat.id}", text="They are in", reply_to=question.id, draft=version[1])
    assert begun(ann, chat)["text"] == ""
    # And without any draft there is a version of it, by which the page knows that it has arrived.
    before = begun(ann, chat)["version"]
    ann.browser.submit(f"/chats/{chat.id}", text="Really", draft=before)
    assert begun(ann, chat)["version"] > before


@pytest.mark.parametrize("draft", ["", "x", "-1", "9" * 30, "1.5"])
def test_a_version_that_is_none_is_none(ann: Person, chat: Chat, draft: str) -> None:
    begins(ann, chat, "Hello")
    assert ann.browser.submit(f"/chats/{chat.id}", text="Bye", draft=draft).status_code == 302
    assert begun(ann, chat)["text"] == "Hello"


def test_it_goes_with_the_membership(ann: Person, bob: Person, chat: Chat) -> None:
    begins(bob, chat, "a secret")
    ann.removes(bob, chat)
    assert Draft.select().count() == 0
    assert bob.api.get(where(chat)).status_code == 404
    assert not Event.select().where(Event.data.contains("a secret")).exists()
    members.add(ann.of(chat), "bob")
    assert begun(bob, chat)["text"] == ""


@pytest.mark.parametrize("end", ["chat", "account"])
def test_it_goes_with_the_chat_and_the_account(ann: Person, bob: Person, chat: Chat, end: str) -> None:
    begins(ann, chat, "a secret")
    if end == "chat":
        chats.delete(ann.of(chat))
    else:
        accounts.close(ann.user, PASSWORD)
    assert Draft.select().count() == 0
    assert not Event.select().where(Event.data.contains("a secret")).exists()


def test_wrong_ones_are_refused(ann: Person, bob: Person, chat: Chat) -> None:
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
    assert begun(ann, chat)["text"] == ""


def test_a_deleted_message_is_answered_no_more(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "Are they in?")
    begins(ann, chat, "They are", reply_to=message.id)
    messages.delete(bob.of(chat), message.id)
    assert begun(ann, chat)["reply_to"] is None
    assert begins(ann, chat, "They are!", reply_to=message.id)["reply_to"] is None


def test_pages_show_it(ann: Person, bob: Person, chat: Chat) -> None:
    begins(ann, chat, "They **are** in")
    begins(ann, ann.starts("Kitchen"), "Whose cup")
    page = ann.get(f"/chats/{chat.id}").text
    assert ">\nThey **are** in</textarea>" in page
    assert "<b>Draft:</b> <bdi>Whose cup" in page
    # Beside the field it would be said twice.
    assert "<b>Draft:</b> <bdi>They are in" not in page
    assert "<b>Draft:</b> <bdi>They are in" in ann.get("/").text


def test_a_form_that_comes_back_shows_what_was_typed(ann: Person, chat: Chat) -> None:
    begins(ann, chat, "another thing")
    answer = ann.browser.submit(f"/chats/{chat.id}", text="x" * 10_001, key="k")
    assert answer.status_code == 422
    assert "another thing</textarea>" not in answer.text


def test_drafts_cost_no_query(ann: Person, bob: Person, chat: Chat, queries: Queries) -> None:
    ann.get(f"/chats/{chat.id}")
    # At another address, since the answer of the first is kept.
    with queries:
        ann.get(f"/chats/{chat.id}?newest=1")
    without = len(queries)
    begins(ann, chat, "Hello")
    with queries:
        ann.get(f"/chats/{chat.id}")
    assert len(queries) == without
