"""POST /api/messages/<id>/forward."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from people import PASSWORD, Person
from PIL import Image

from actions import accounts, messages
from models import Chat, Event, File, Message
from models.base import media


@pytest.fixture
def kitchen(bob: Person, carol: Person) -> Chat:
    """Bob's chat with Carol, which Ann knows nothing of."""
    return bob.starts("Kitchen", carol)


def forwards(who: Person, message_id: int, chat: Chat, key: str | None = None, **more: str) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return who.api.post(f"/api/messages/{message_id}/forward", json={"chat_id": chat.id, **more}, headers=headers)


def message_texts(who: Person, chat: Chat) -> list[str]:
    return [message["text"] for message in who.api.get(f"/api/messages?chat_id={chat.id}").get_json()["items"]]


def sends_picture(who: Person, chat: Chat) -> dict[str, Any]:
    """A message with a picture and a text file."""
    picture = io.BytesIO()
    Image.new("RGB", (80, 60), "tomato").save(picture, "PNG")
    picture.seek(0)
    files = [(picture, "tomatoes.png"), (io.BytesIO(b"1. tomatoes"), "list.txt")]
    sent = who.api.post("/api/messages", data={"chat_id": str(chat.id), "text": "See", "files": files})
    assert sent.status_code == 201
    message: dict[str, Any] = sent.get_json()
    return message


def test_a_message_is_forwarded_into_another_chat(
    ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat
) -> None:
    source = ann.posts(chat, "The **tomatoes** are in")
    answer = forwards(bob, source.id, kitchen)
    assert answer.status_code == 201
    copy = answer.get_json()
    assert answer.headers["Location"] == f"/api/messages/{copy['id']}"
    assert copy["chat_id"] == kitchen.id
    assert copy["author"]["username"] == "bob"
    assert (copy["text"], copy["html"]) == (source.text, source.html)
    first = ann.api.get(f"/api/messages/{source.id}").get_json()
    assert copy["forwarded_from"] == {"author": first["author"], "created_at": first["created_at"]}
    assert first["forwarded_from"] is None
    assert carol.api.get(f"/api/messages/{copy['id']}").get_json() == copy
    assert carol.of(kitchen).unread == 1
    event = Event.select().order_by(Event.id.desc()).first()
    assert (event.type, json.loads(event.data)) == ("message.created", copy)


def test_the_original_chat_is_not_revealed(ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat) -> None:
    secret = ann.starts("Surprise party", bob)
    quoted = ann.posts(secret, "who brings the cake?")
    source = ann.posts(secret, "I do", reply_to=quoted.id)
    copy = forwards(bob, source.id, kitchen).get_json()
    shown = carol.api.get(f"/api/messages/{copy['id']}").text + carol.get(f"/chats/{kitchen.id}").text
    for word in ("Surprise", "cake", f"/chats/{secret.id}"):
        assert word not in shown


def test_forwarding_requires_membership_in_both_chats(
    ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat
) -> None:
    source, other = ann.posts(chat, "hello"), bob.posts(kitchen, "soup")
    assert forwards(ann, source.id, kitchen).status_code == 404
    assert forwards(ann, other.id, chat).status_code == 404
    ann.removes(bob, chat)
    assert forwards(bob, source.id, kitchen).status_code == 404
    assert message_texts(carol, kitchen) == ["soup"]


def test_a_comment_is_a_message_before_the_copy(
    ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat
) -> None:
    source = ann.posts(chat, "The tomatoes are in")
    copy = forwards(bob, source.id, kitchen, text="Soup tonight?").get_json()
    comment, shown = carol.api.get(f"/api/messages?chat_id={kitchen.id}").get_json()["items"]
    assert (comment["text"], comment["forwarded_from"]) == ("Soup tonight?", None)
    assert shown == copy
    assert carol.of(kitchen).unread == 2


def test_a_comment_that_is_too_long_refuses_the_whole_forward(
    ann: Person, bob: Person, chat: Chat, kitchen: Chat
) -> None:
    source = ann.posts(chat, "hello")
    answer = forwards(bob, source.id, kitchen, text="a" * 10_001)
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, {"text"})
    assert message_texts(bob, kitchen) == []


def test_a_message_forwarded_twice_names_its_first_author(
    ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat
) -> None:
    source = ann.posts(chat, "hello")
    copy = forwards(bob, source.id, kitchen).get_json()
    attic = carol.starts("Attic")
    again = forwards(carol, copy["id"], attic).get_json()
    assert again["author"]["username"] == "carol"
    assert again["forwarded_from"] == copy["forwarded_from"]


def test_the_same_key_forwards_once(ann: Person, bob: Person, chat: Chat, kitchen: Chat) -> None:
    source, other = sends_picture(ann, chat)["id"], ann.posts(chat, "hello").id
    first = forwards(bob, source, kitchen, key="k1", text="look")
    again = forwards(bob, source, kitchen, key="k1", text="look")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    assert message_texts(bob, kitchen) == ["look", "See"]
    assert forwards(bob, other, kitchen, key="k1").status_code == 422
    assert len(list(media.store.keys())) == 2 * 4, "no bytes are left that no row names"


def test_a_repeated_forward_finds_its_copy_after_the_original_is_deleted(
    ann: Person, bob: Person, chat: Chat, kitchen: Chat
) -> None:
    """The answer was lost on the way, and is asked for again."""
    source = ann.posts(chat, "hello")
    first = forwards(bob, source.id, kitchen, key="k1").get_json()
    messages.delete(ann.of(chat), source.id)
    again = forwards(bob, source.id, kitchen, key="k1")
    assert (again.status_code, again.get_json()) == (200, first)
    messages.delete(bob.of(kitchen), first["id"])
    assert forwards(bob, source.id, kitchen, key="k1").status_code == 410


def test_the_copy_has_files_of_its_own(ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat) -> None:
    source = sends_picture(ann, chat)
    copy = forwards(bob, source["id"], kitchen).get_json()
    for original, own in zip(source["files"], copy["files"], strict=True):
        assert original["id"] != own["id"]
        assert {**original, "id": 0, "url": "", "thumbnail_url": ""} == {**own, "id": 0, "url": "", "thumbnail_url": ""}
        assert carol.api.get(original["url"]).status_code == 404
        with carol.api.get(own["url"]) as got, ann.api.get(original["url"]) as first:
            assert got.data == first.data
    assert {file.uploader_id for file in File.select().where(File.message == copy["id"])} == {bob.id}


@pytest.mark.parametrize("deleted_side", ["source", "copy"])
def test_deleting_one_leaves_the_other_unchanged(
    deleted_side: str, ann: Person, bob: Person, chat: Chat, kitchen: Chat
) -> None:
    source = sends_picture(ann, chat)
    copy = forwards(bob, source["id"], kitchen).get_json()
    removed, stays = (source, copy) if deleted_side == "source" else (copy, source)
    author = ann if deleted_side == "source" else bob
    with bob.api.get(stays["files"][0]["url"]) as got:
        before = got.data
    assert author.api.delete(f"/api/messages/{removed['id']}").status_code == 204
    for file in removed["files"]:
        assert author.api.get(file["url"]).status_code == 404
    for address in ("url", "thumbnail_url"):
        with bob.api.get(stays["files"][0][address]) as got:
            assert got.status_code == 200
            assert address != "url" or got.data == before
    assert bob.api.get(f"/api/messages/{stays['id']}").get_json()["text"] == "See"


def test_a_file_whose_bytes_are_lost_is_reported(ann: Person, bob: Person, chat: Chat, kitchen: Chat) -> None:
    source = sends_picture(ann, chat)
    media.store.remove(File.get(File.name == "list.txt").key)
    answer = forwards(bob, source["id"], kitchen)
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == {"files": ["list.txt is no longer available."]}
    assert len(list(media.store.keys())) == 3
    assert message_texts(bob, kitchen) == []


def test_nobody_changes_the_words_of_the_author(ann: Person, bob: Person, chat: Chat, kitchen: Chat) -> None:
    source = ann.posts(chat, "hello")
    copy = forwards(bob, source.id, kitchen).get_json()
    assert bob.api.patch(f"/api/messages/{copy['id']}", json={"text": "I resign"}).status_code == 403
    assert message_texts(bob, kitchen) == ["hello"]


def test_a_deleted_message_is_not_forwarded_and_a_copy_stays(
    ann: Person, bob: Person, chat: Chat, kitchen: Chat
) -> None:
    source = ann.posts(chat, "hello")
    forwards(bob, source.id, kitchen)
    messages.delete(ann.of(chat), source.id)
    assert forwards(bob, source.id, kitchen).status_code == 404
    assert message_texts(bob, kitchen) == ["hello"]


def test_a_closed_account_is_named_nowhere(ann: Person, bob: Person, chat: Chat, kitchen: Chat) -> None:
    source = ann.posts(chat, "hello")
    copy = forwards(bob, source.id, kitchen).get_json()
    accounts.close(ann.user, PASSWORD)
    forwarded_from = bob.api.get(f"/api/messages/{copy['id']}").get_json()["forwarded_from"]
    assert forwarded_from == {"author": None, "created_at": copy["forwarded_from"]["created_at"]}
    log = [json.loads(event.data) for event in Event.select().where(Event.message_id == copy["id"])]
    assert [event["forwarded_from"] for event in log] == [forwarded_from]


def test_a_forwarded_message_is_found_and_answered_like_any(
    ann: Person, bob: Person, carol: Person, chat: Chat, kitchen: Chat
) -> None:
    copy = forwards(bob, sends_picture(ann, chat)["id"], kitchen).get_json()
    hits = carol.api.get("/api/search?q=tomatoes").get_json()["items"]
    assert [hit["id"] for hit in hits] == [copy["id"]]
    reply = carol.posts(kitchen, "nice", reply_to=copy["id"])
    assert Message.get_by_id(reply.id).reply_to_id == copy["id"]
