"""The former texts of an edited message."""

from __future__ import annotations

import json

import pytest
from people import PASSWORD, Person

from actions import accounts, chats, messages
from lib import richtext
from models import Chat, DeletedMessage, Event, Revision


def former(who: Person, message_id: int) -> list[str]:
    body = who.api.get(f"/api/messages/{message_id}/history").get_json()
    return [revision["text"] for revision in body["items"]]


def test_every_edit_keeps_the_former_text(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the tomatos are in")
    assert former(bob, message.id) == []
    messages.edit(ann.of(chat), message.id, "the *tomatoes* are in")
    messages.edit(ann.of(chat), message.id, "all the tomatoes are in")
    assert former(bob, message.id) == ["the *tomatoes* are in", "the tomatos are in"]
    newest, oldest = bob.api.get(f"/api/messages/{message.id}/history").get_json()["items"]
    assert "<em>tomatoes</em>" in newest["html"]
    now = bob.api.get(f"/api/messages/{message.id}").get_json()
    assert oldest["created_at"] == now["created_at"] < newest["created_at"] < now["edited_at"]


def test_the_history_shows_the_stored_html_without_rendering(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = ann.posts(chat, "*old* text, @bob")
    messages.edit(ann.of(chat), message.id, "new text")
    legacy = Revision.create(message=message.id, text="<from> *before*", written_at=1)
    asked: list[str] = []
    monkeypatch.setattr(richtext.MarkdownIt, "parse", lambda *which: asked.append(str(which)))
    old, oldest = sorted(former_html(bob, message.id), key=len, reverse=True)
    assert old == "<p><em>old</em> text, @bob</p>"
    assert oldest == "<p>&lt;from&gt; *before*</p>" == legacy.html
    assert "<em>old</em>" in bob.get(f"/chats/{chat.id}/messages/{message.id}/history").get_data(as_text=True)
    assert asked == []


def former_html(who: Person, message_id: int) -> list[str]:
    return [row["html"] for row in who.api.get(f"/api/messages/{message_id}/history").get_json()["items"]]


def test_an_edit_that_changes_nothing_keeps_nothing(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    messages.edit(ann.of(chat), message.id, "hello")
    assert former(ann, message.id) == []


def test_a_long_history_has_pages(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "text 0")
    for number in range(1, 6):
        messages.edit(ann.of(chat), message.id, f"text {number}")
    seen: list[str] = []
    address = f"/api/messages/{message.id}/history?limit=2"
    while address:
        page = bob.api.get(address).get_json()
        seen += [revision["text"] for revision in page["items"]]
        address = page["next"]
    assert seen == [f"text {number}" for number in (4, 3, 2, 1, 0)]


def test_a_removed_member_can_not_read_the_history(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the swordfish is secret")
    messages.edit(ann.of(chat), message.id, "hello")
    ann.removes(bob, chat)
    assert bob.api.get(f"/api/messages/{message.id}/history").status_code == 404


def test_the_history_is_deleted_with_the_message(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the swordfish is secret")
    messages.edit(ann.of(chat), message.id, "hello")
    messages.delete(ann.of(chat), message.id)
    assert bob.api.get(f"/api/messages/{message.id}/history").status_code == 404
    DeletedMessage.update(withdrawn_at=0).execute()
    DeletedMessage.prune()
    assert Revision.select().count() == 0
    assert "swordfish" not in json.dumps([event.data for event in Event.select()])
    other = ann.posts(chat, "the swordfish is secret")
    messages.edit(ann.of(chat), other.id, "hello")
    chats.delete(ann.of(chat))
    assert Revision.select().count() == 0


def test_search_does_not_find_former_texts(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the swordfish is secret")
    messages.edit(ann.of(chat), message.id, "hello")
    assert bob.api.get("/api/search?q=swordfish").get_json()["items"] == []


def test_a_closed_accounts_history_stays_as_its_messages_do(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "the tomatos are in")
    messages.edit(bob.of(chat), message.id, "the tomatoes are in")
    accounts.close(bob.user, PASSWORD)
    assert former(ann, message.id) == ["the tomatos are in"]


def test_former_texts_no_longer_name_a_closed_account(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "Ask @bob, not @bobby or @BOB.")
    ann.api.patch(f"/api/messages/{message.id}", json={"text": "Ask me"})
    assert bob.api.delete("/api/users/me", json={"current_password": bob.password}).status_code == 204
    (former,) = ann.api.get(f"/api/messages/{message.id}/history").get_json()["items"]
    assert former["text"] == "Ask Deleted user, not @bobby or Deleted user."
    assert former["html"] == "<p>Ask Deleted user, not @bobby or Deleted user.</p>"
