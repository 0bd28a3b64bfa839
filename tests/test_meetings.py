"""Where one capability meets another: what each promises still holds when people use both."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from people import Person

import auth
import models
from actions import accounts, members, messages
from actions import chats as chat_actions
from models import Chat, Forbidden, Message, chat_list


def closes_account(who: Person) -> None:
    answer = who.api.delete("/api/users/me", json={"current_password": who.password})
    assert answer.status_code == 204, answer.text


def everything_kept() -> str:
    """All that the tables hold, as one text."""
    tables = ("user", "message", "message_index", "mention", "revision", "event", "withdrawn", "draft")
    return "\n".join(repr(models.database.execute_sql(f'SELECT * FROM "{name}"').fetchall()) for name in tables)


# A deletion that is undone, and names


def test_what_is_put_back_names_people_as_they_are_called_by_then(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "ask @bob, says @ann")
    messages.delete(ann.of(chat), message.id)
    bob.api.patch("/api/users/me", json={"username": "robert"})
    messages.restore(ann.of(chat), message.id)
    message_json = bob.api.get(f"/api/messages/{message.id}").get_json()
    assert message_json["text"] == "ask @robert, says @ann"
    assert 'href="/users/robert"' in message_json["html"] and "@bob" not in message_json["html"]
    assert {person["username"] for person in message_json["mentions"]} == {"robert", "ann"}
    assert [hit["id"] for hit in ann.api.get("/api/search?q=robert").get_json()["items"]] == [message.id]
    assert ann.api.get("/api/search?q=bob").get_json()["items"] == []
    assert chat_list.unread_mentions(bob.of(chat)) == 1
    bob.api.patch("/api/users/me", json={"username": "bobby"})
    assert ann.api.get(f"/api/messages/{message.id}").get_json()["text"] == "ask @bobby, says @ann"


def test_what_is_put_back_names_nobody_whose_account_was_closed_meanwhile(
    ann: Person, person: Callable[[str], Person], chat: Chat
) -> None:
    zora = person("zora77")
    members.add(ann.of(chat), "zora77")
    message = ann.posts(chat, "ask @zora77")
    ann.api.patch(f"/api/messages/{message.id}", json={"text": "@zora77 and @ZORA77 know"})
    messages.delete(ann.of(chat), message.id)
    closes_account(zora)
    messages.restore(ann.of(chat), message.id)
    message_json = ann.api.get(f"/api/messages/{message.id}").get_json()
    assert (message_json["text"], message_json["mentions"]) == ("Deleted user and Deleted user know", [])
    assert "zora77" not in ann.api.get(f"/api/messages/{message.id}/history").text
    assert "zora77" not in everything_kept()


def test_a_closed_account_is_named_in_no_former_text_in_whatever_letter_case(
    ann: Person, person: Callable[[str], Person], chat: Chat
) -> None:
    zora = person("Зора77")
    members.add(ann.of(chat), "Зора77")
    message = ann.posts(chat, "спроси @зора77")
    ann.api.patch(f"/api/messages/{message.id}", json={"text": "спросить некого"})
    closes_account(zora)
    assert "зора77" not in ann.api.get(f"/api/messages/{message.id}/history").get_json()["items"][0]["text"].lower()


def test_undo_is_offered_on_whatever_chat_is_opened_next(ann: Person, bob: Person, chat: Chat) -> None:
    message, other = ann.posts(chat, "hello"), ann.starts("Other", bob)
    ann.browser.submit(f"/chats/{chat.id}/messages/{message.id}/delete")
    assert f'action="/chats/{chat.id}/messages/{message.id}/restore"' in ann.get(f"/chats/{other.id}").text


# Direct chats and closed accounts


def test_nothing_is_forwarded_to_where_nobody_reads(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    membership, _ = chat_actions.direct(ann.user, bob.user)
    messages.post(membership, "hi")
    closes_account(bob)
    with pytest.raises(Forbidden):
        messages.post(membership.reload(), "more")
    answer = ann.api.post(f"/api/messages/{message.id}/forward", json={"chat_id": membership.chat_id, "text": "look"})
    assert answer.status_code == 403
    assert Message.select().where(Message.chat == membership.chat_id).count() == 1
    page = ann.browser.submit(
        f"/chats/{chat.id}/messages/{message.id}/forward", chat=str(membership.chat_id), text="", key="k"
    )
    assert page.status_code == 403


def test_a_repeated_key_finds_its_message_after_the_other_account_is_closed(ann: Person, bob: Person) -> None:
    membership, _ = chat_actions.direct(ann.user, bob.user)
    body, key = {"chat_id": membership.chat_id, "text": "hello"}, {"Idempotency-Key": "once"}
    sent = ann.api.post("/api/messages", json=body, headers=key)
    closes_account(bob)
    again = ann.api.post("/api/messages", json=body, headers=key)
    assert (sent.status_code, again.status_code) == (201, 200)
    assert again.get_json()["id"] == sent.get_json()["id"]


def test_an_empty_direct_chat_is_deleted_with_an_account(ann: Person, bob: Person) -> None:
    """Otherwise it would appear in the other person's list, and could not be left."""
    membership, _ = chat_actions.direct(bob.user, ann.user)
    closes_account(bob)
    assert ann.api.get("/api/chats").get_json()["items"] == []
    assert ann.api.get(f"/api/chats/{membership.chat_id}").status_code == 404


def test_pages_of_a_direct_chat_call_it_in_the_readers_language(ann: Person) -> None:
    accounts.change(ann.user, language="ru")
    membership, _ = chat_actions.direct(ann.user, ann.user)
    message = messages.post(membership, "молоко")
    assert "Избранное" in ann.get(f"/chats/{membership.chat_id}/files").text
    for page in ("files", f"messages/{message.id}/delete"):
        text = ann.get(f"/chats/{membership.chat_id}/{page}").text
        assert "Saved messages" not in text, page


# Bounds


def test_nobody_fills_the_history_nor_holds_the_others_up_by_renames(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = ann.posts(chat, "hello")
    ann.get("/")
    monkeypatch.setattr(models.limits, "throttled", True)
    monkeypatch.setitem(auth.THROTTLES, "edits", (2, 60))
    monkeypatch.setitem(auth.THROTTLES, "rename", (1, 60))
    where = f"/api/messages/{message.id}"
    assert [ann.api.patch(where, json={"text": text}).status_code for text in "abc"] == [200, 200, 429]
    page = ann.browser.submit(f"/chats/{chat.id}/messages/{message.id}/edit", text="d")
    assert (page.status_code, page.headers["Retry-After"].isdigit()) == (429, True)
    answers = [ann.api.patch("/api/users/me", json={"username": name}) for name in ("annie", "annie", "anna")]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
