"""What somebody has begun to write: theirs alone, on all of their devices, as long as they are in the chat."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Queries
from people import PASSWORD, Person

from models import Chat, Draft, Event, database
from stream.log import Log

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
    log = Log(str(database.database), b"key")
    try:
        return [json.loads(event.data) for event in log.seen_by(who.id, 0, 1000) if event.type == "draft"]
    finally:
        log.close()


def test_a_draft_is_kept_and_told(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "Are they in?")
    assert begun(ann, chat) == {"text": "", "reply_to": None, "written_at": None}
    kept = begins(ann, chat, "They **are**", reply_to=message.id)
    assert (kept["text"], kept["reply_to"]) == ("They **are**", message.id)
    assert begun(ann, chat) == kept
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["draft"] == kept
    assert ann.api.get("/api/chats").get_json()["items"][0]["draft"] == kept
    assert told(ann) == [{"chat_id": chat.id, "user_id": ann.id, **kept}]


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


def test_it_goes_with_the_membership(ann: Person, bob: Person, chat: Chat) -> None:
    begins(bob, chat, "a secret")
    ann.removes(bob, chat)
    assert Draft.select().count() == 0
    assert bob.api.get(where(chat)).status_code == 404
    assert not Event.select().where(Event.data.contains("a secret")).exists()
    ann.of(chat).add("bob")
    assert begun(bob, chat)["text"] == ""


@pytest.mark.parametrize("end", ["chat", "account"])
def test_it_goes_with_the_chat_and_the_account(ann: Person, bob: Person, chat: Chat, end: str) -> None:
    begins(ann, chat, "a secret")
    if end == "chat":
        ann.of(chat).delete_chat()
    else:
        ann.user.close_account(PASSWORD)
    assert Draft.select().count() == 0
    assert not Event.select().where(Event.data.contains("a secret")).exists()


def test_wrong_ones_are_refused(ann: Person, bob: Person, chat: Chat) -> None:
    elsewhere = ann.posts(ann.starts("Kitchen"), "hello")
    for body, field in (
        ({}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "x", "reply_to": elsewhere.id}, "reply_to"),
        ({"text": "x", "written_at": "yesterday"}, "written_at"),
        ({"text": "x", "written_at": 5}, "written_at"),
        ({"text": "x", "written_at": "2026-01-01T00:00:00"}, "written_at"),
        ({"text": "x", "user_id": bob.id}, "user_id"),
    ):
        answer = ann.api.put(where(chat), json=body)
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field]), body
    assert begun(ann, chat)["text"] == ""


def test_a_deleted_message_is_answered_no_more(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "Are they in?")
    begins(ann, chat, "They are", reply_to=message.id)
    bob.of(chat).delete_message(message.id)
    assert begun(ann, chat)["reply_to"] is None
    assert begins(ann, chat, "They are!", reply_to=message.id)["reply_to"] is None


def test_pages_show_it(ann: Person, bob: Person, chat: Chat) -> None:
    begins(ann, chat, "They **are** in")
    begins(ann, ann.starts("Kitchen"), "Whose cup")
    page = ann.get(f"/chats/{chat.id}").text
    assert ">\nThey **are** in</textarea>" in page
    assert "<b>Draft:</b> Whose cup" in page
    # Beside the field it would be said twice.
    assert "<b>Draft:</b> They are in" not in page
    assert "<b>Draft:</b> They are in" in ann.get("/").text


def test_a_form_that_comes_back_shows_what_was_typed(ann: Person, chat: Chat) -> None:
    begins(ann, chat, "another thing")
    answer = ann.browser.submit(f"/chats/{chat.id}", text="x" * 10_001, key="k")
    assert answer.status_code == 422
    assert "another thing</textarea>" not in answer.text


def test_drafts_cost_no_query(ann: Person, bob: Person, chat: Chat, queries: Queries) -> None:
    ann.get(f"/chats/{chat.id}")
    with queries:
        ann.get(f"/chats/{chat.id}")
    without = len(queries)
    begins(ann, chat, "Hello")
    with queries:
        ann.get(f"/chats/{chat.id}")
    assert len(queries) == without
