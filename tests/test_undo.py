"""Undoing a deletion: for half a minute the person who deleted a message can restore it; after that it is purged."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from people import Person

import models
from actions import chats, messages
from actions.cleanup import all_keys, sweep_files
from config import Settings
from models import Chat, DeletedMessage, Event, File, Invalid, Message, limits

SECOND = 1_000_000


def waits(seconds: int) -> None:
    """What was deleted was deleted that much earlier."""
    DeletedMessage.update(withdrawn_at=DeletedMessage.withdrawn_at - seconds * SECOND).execute()


def sends(who: Person, chat: Chat, text: str, **files: bytes) -> dict[str, Any]:
    """A message with files, by the API; the message."""
    sent = [(io.BytesIO(content), f"{name}.txt") for name, content in files.items()]
    answer = who.api.post("/api/messages", data={"chat_id": str(chat.id), "text": text, "files": sent})
    assert answer.status_code == 201, answer.text
    message_json: dict[str, Any] = answer.get_json()
    return message_json


def restores(who: Person, message_id: int) -> tuple[int, dict[str, Any]]:
    answer = who.api.post(f"/api/messages/{message_id}/restore")
    return answer.status_code, answer.get_json()


def bytes_kept(settings: Settings) -> list[Path]:
    return [path for path in settings.media_dir.rglob("*") if path.is_file()]


def test_a_restored_message_is_complete(ann: Person, bob: Person, chat: Chat) -> None:
    message = sends(ann, chat, "The *tomatoes* are in", plan=b"carrots")
    reply = bob.posts(chat, "all of them?", reply_to=message["id"])
    where = f"/api/messages/{message['id']}"
    assert ann.api.delete(where).status_code == 204
    assert bob.api.get(where).status_code == 404
    assert bob.api.get(message["files"][0]["url"]).status_code == 404
    assert bob.api.get(f"/api/messages/{reply.id}").get_json()["reply_to"]["text"] == ""
    assert bob.api.get("/api/search?q=tomatoes").get_json()["items"] == []
    assert restores(ann, message["id"]) == (200, message)
    assert bob.api.get(where).get_json() == message
    with bob.api.get(message["files"][0]["url"]) as got:
        assert got.data == b"carrots"
    assert bob.api.get(f"/api/messages/{reply.id}").get_json()["reply_to"]["text"] == "The tomatoes are in"
    assert [hit["id"] for hit in bob.api.get("/api/search?q=tomatoes").get_json()["items"]] == [message["id"]]
    assert [hit["id"] for hit in bob.api.get("/api/search?q=plan").get_json()["items"]] == [message["id"]]
    assert DeletedMessage.select().count() == 0


def test_a_restored_message_has_its_place_and_is_counted_again(ann: Person, bob: Person, chat: Chat) -> None:
    first, second = ann.posts(chat, "one"), ann.posts(chat, "two")
    messages.delete(ann.of(chat), second.id)
    assert (bob.of(chat).unread, bob.of(chat).chat.last_message_id) == (1, first.id)
    messages.restore(ann.of(chat), second.id)
    assert (bob.of(chat).unread, bob.of(chat).chat.last_message_id) == (2, second.id)
    items = bob.api.get(f"/api/messages?chat_id={chat.id}").get_json()["items"]
    assert [item["text"] for item in items] == ["one", "two"]


def test_its_event_contains_the_whole_message(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the swordfish is back")
    before = Event.select().count()
    messages.delete(ann.of(chat), message.id)
    assert "swordfish" not in repr(list(Event.select(Event.data).tuples()))
    messages.restore(ann.of(chat), message.id)
    events = list(Event.select(Event.type, Event.data).order_by(Event.id).offset(before).tuples())
    assert [type for type, _ in events] == ["message.deleted", "message.updated"]
    assert json.loads(events[1][1])["text"] == "the swordfish is back"
    messages.delete(ann.of(chat), message.id)
    assert "swordfish" not in repr(list(Event.select(Event.data).tuples()))


def test_only_the_person_who_deleted_it_restores_it(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    message = bob.posts(chat, "mine")
    messages.delete(ann.of(chat), message.id)
    none = carol.api.post("/api/messages/987654/restore")
    for other in (bob, carol):
        answer = other.api.post(f"/api/messages/{message.id}/restore")
        assert (answer.status_code, answer.get_json()) == (404, none.get_json())
    assert restores(ann, message.id)[0] == 200
    assert Message.get_by_id(message.id).author_id == bob.id


def test_a_former_member_can_not_restore(ann: Person, bob: Person, chat: Chat) -> None:
    message = bob.posts(chat, "mine")
    messages.delete(bob.of(chat), message.id)
    ann.removes(bob, chat)
    assert restores(bob, message.id)[0] == 404


def test_restoring_twice_changes_nothing_the_second_time(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "once")
    messages.delete(ann.of(chat), message.id)
    events = Event.select().count()
    assert restores(ann, message.id) == restores(ann, message.id)
    assert Event.select().count() == events + 1


def test_a_message_can_be_deleted_and_restored_repeatedly(ann: Person, chat: Chat) -> None:
    message = sends(ann, chat, "to and fro", plan=b"carrots")
    for _ in range(3):
        assert ann.api.delete(f"/api/messages/{message['id']}").status_code == 204
        assert restores(ann, message["id"]) == (200, message)


def test_an_expired_deletion_can_not_be_undone_even_before_the_sweep(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "gone")
    messages.delete(ann.of(chat), message.id)
    waits(25)
    assert restores(ann, message.id)[0] == 200
    messages.delete(ann.of(chat), message.id)
    waits(30)
    assert restores(ann, message.id)[0] == 404
    assert DeletedMessage.select().count() == 1


@pytest.mark.sqlite
def test_nothing_is_left_of_an_expired_deletion(ann: Person, chat: Chat, settings: Settings) -> None:
    message = sends(ann, chat, "the swordfish is secret", plan=b"carrots")
    ann.api.delete(f"/api/messages/{message['id']}")
    assert len(bytes_kept(settings)) == 1
    assert DeletedMessage.prune() == 0
    waits(30)
    assert DeletedMessage.prune() == 1
    assert bytes_kept(settings) == []
    models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"swordfish is secret" not in (settings.media_dir.parent / "chat.db").read_bytes()


def test_files_that_can_be_restored_are_not_swept(ann: Person, chat: Chat, settings: Settings) -> None:
    message = sends(ann, chat, "old", plan=b"carrots")
    ann.api.delete(f"/api/messages/{message['id']}")
    (kept,) = bytes_kept(settings)
    old = time.time() - 3 * 86_400
    os.utime(kept, (old, old))
    sweep_files()
    assert bytes_kept(settings) == [kept]
    assert all_keys() == DeletedMessage.all_keys() != set()
    assert restores(ann, message["id"])[0] == 200


def test_a_deleted_chat_takes_along_what_was_deleted_in_it(ann: Person, chat: Chat, settings: Settings) -> None:
    message = sends(ann, chat, "gone", plan=b"carrots")
    ann.api.delete(f"/api/messages/{message['id']}")
    chats.delete(ann.of(chat))
    assert (DeletedMessage.select().count(), bytes_kept(settings)) == (0, [])
    assert restores(ann, message["id"])[0] == 404


def test_without_undo_a_message_is_deleted_at_once(
    ann: Person, chat: Chat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    message = sends(ann, chat, "gone", plan=b"carrots")
    ann.api.delete(f"/api/messages/{message['id']}")
    assert (DeletedMessage.select().count(), File.select().count(), bytes_kept(settings)) == (0, 0, [])
    assert restores(ann, message["id"])[0] == 404


def test_expired_deletions_are_pruned_even_if_nobody_writes(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 1)
    message = ann.posts(chat, "gone")
    messages.delete(ann.of(chat), message.id)
    patience = time.monotonic() + 60
    while DeletedMessage.select().exists() and time.monotonic() < patience:
        time.sleep(0.05)
    assert DeletedMessage.select().count() == 0


def test_after_a_restart_the_next_message_prunes_expired_deletions(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "gone")
    messages.delete(ann.of(chat), message.id)
    waits(25)
    bob.posts(chat, "not yet")
    assert DeletedMessage.select().count() == 1
    waits(5)
    bob.posts(chat, "by now")
    assert DeletedMessage.select().count() == 0


def test_the_same_key_finds_the_restored_message(ann: Person, chat: Chat) -> None:
    message = messages.post(ann.of(chat), "once", key="k")
    messages.delete(ann.of(chat), message.id)
    with pytest.raises(models.Gone):
        messages.post(ann.of(chat), "once", key="k")
    messages.restore(ann.of(chat), message.id)
    again = messages.post(ann.of(chat), "once", key="k")
    assert (again.id, again.repeated) == (message.id, True)


def test_a_restored_message_can_be_replied_to_and_edited(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "one")
    messages.delete(ann.of(chat), message.id)
    with pytest.raises(Invalid):
        bob.posts(chat, "two", reply_to=message.id)
    messages.restore(ann.of(chat), message.id)
    assert bob.posts(chat, "two", reply_to=message.id).quoted is not None
    assert messages.edit(ann.of(chat), message.id, "one and a half").text == "one and a half"


def test_a_page_without_scripts_offers_undo_once(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "The tomatoes are in")
    where = f"/chats/{chat.id}/messages/{message.id}"
    answer = ann.browser.submit(f"{where}/delete")
    page = ann.get(answer.headers["Location"]).text
    assert "Message deleted" in page
    assert f'action="{where}/restore"' in page
    assert f'action="{where}/restore"' not in ann.get(f"/chats/{chat.id}").text
    assert ann.get(f"{where}/restore").status_code == 405
    answer = ann.browser.submit(f"{where}/restore", on=f"/chats/{chat.id}")
    assert answer.headers["Location"].endswith(f"#message-{message.id}")
    assert "The tomatoes are in" in bob.get(f"/chats/{chat.id}").text


def test_a_page_without_scripts_shows_when_it_is_too_late(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "gone")
    messages.delete(ann.of(chat), message.id)
    waits(60)
    answer = ann.browser.submit(f"/chats/{chat.id}/messages/{message.id}/restore", on=f"/chats/{chat.id}")
    assert answer.headers["Location"] == f"/chats/{chat.id}"
    assert "Too late" in ann.get(f"/chats/{chat.id}").text


def test_reactions_and_history_are_restored_too(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the tomatos are in")
    ann.api.patch(f"/api/messages/{message.id}", json={"text": "The tomatoes are in"})
    bob.api.put(f"/api/messages/{message.id}/reactions/🍅")
    before = ann.api.get(f"/api/messages/{message.id}").get_json()
    former = ann.api.get(f"/api/messages/{message.id}/history").get_json()
    ann.api.delete(f"/api/messages/{message.id}")
    assert ann.api.post(f"/api/messages/{message.id}/restore").get_json() == before
    assert ann.api.get(f"/api/messages/{message.id}/history").get_json() == former


def test_the_reaction_of_a_closed_account_is_not_restored(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "The tomatoes are in")
    bob.api.put(f"/api/messages/{message.id}/reactions/🍅")
    ann.api.delete(f"/api/messages/{message.id}")
    assert bob.api.delete("/api/users/me", json={"current_password": bob.password}).status_code == 204
    assert ann.api.post(f"/api/messages/{message.id}/restore").get_json()["reactions"] == []
