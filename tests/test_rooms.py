"""A chat's description, its picture, and each member's notification level."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from people import Anyone, Person
from PIL import Image

from actions import chats, cleanup, members
from models import Chat, Event, Membership, limits
from models.base import media


def picture(colour: str = "olive") -> io.BytesIO:
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(drawn, "PNG")
    drawn.seek(0)
    return drawn


def chat_updated_events(chat: Chat) -> list[dict[str, object]]:
    """The data of each chat.updated."""
    events = Event.select().where(Event.type == "chat.updated", Event.chat_id == chat.id).order_by(Event.id)
    return [json.loads(event.data) for event in events]


def kept() -> set[str]:
    return set(media.store.keys())


# What it is about


def test_members_read_the_description_and_admins_change_it(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}"
    answer = ann.api.patch(where, json={"description": "  Beds, seeds\nand <tomatoes>  "})
    assert (answer.status_code, answer.get_json()["title"]) == (200, "Garden")
    assert bob.api.get(where).get_json()["description"] == "Beds, seeds\nand <tomatoes>"
    assert bob.api.patch(where, json={"description": "mine"}).status_code == 403
    assert carol.api.patch(where, json={"description": "mine"}).status_code == 404
    members.set_role(ann.of(chat), bob.id, "admin")
    assert bob.api.patch(where, json={"title": "Beds", "description": ""}).status_code == 200
    assert [(event["title"], event["description"]) for event in chat_updated_events(chat)] == [
        ("Garden", "Beds, seeds\nand <tomatoes>"),
        ("Beds", ""),
    ]
    ann.api.patch(where, json={"title": "Beds"})
    assert len(chat_updated_events(chat)) == 2, "nothing changed, nothing sent"


def test_a_description_has_at_most_500_characters(ann: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}"
    assert ann.api.patch(where, json={"description": "я" * 500}).status_code == 200
    answer = ann.api.patch(where, json={"title": "", "description": "я" * 501})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"title", "description"}
    assert ann.api.patch(where, json={"description": None}).status_code == 422
    assert ann.api.patch(where, json={}).status_code == 422


def test_the_page_shows_and_saves_the_description(ann: Person, bob: Person, chat: Chat) -> None:
    edit = f"/chats/{chat.id}/edit"
    answer = ann.browser.submit(edit, title="Garden", description="Beds & seeds")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/chats/{chat.id}")
    assert "Beds &amp; seeds" in bob.get(f"/chats/{chat.id}").text
    assert "Beds &amp; seeds" in bob.get(edit).text
    answer = ann.browser.submit(edit, title="Garden", description="x" * 501)
    assert answer.status_code == 422
    assert "Use 500 characters or fewer." in answer.text
    # A form of before, that knows a title only.
    assert ann.browser.submit(edit, title="Beds").status_code == 302
    assert ann.of(chat).chat.description == "Beds & seeds"


# Its picture


def test_only_members_see_the_picture(ann: Person, bob: Person, carol: Person, chat: Chat, anyone: Anyone) -> None:
    where = f"/api/chats/{chat.id}/picture"
    answer = ann.api.put(where, data={"file": (picture(), "garden.png")})
    assert answer.status_code == 200
    address = answer.get_json()["picture_url"]
    assert chat_updated_events(chat)[-1]["picture_url"] == address
    for client in (bob.api, bob.browser):
        with client.get(address) as got:
            assert got.status_code == 200
            assert Image.open(io.BytesIO(got.data)).size == (256, 256)
            assert "sandbox" in got.headers["Content-Security-Policy"]
    assert carol.api.get(address).status_code == 404
    assert anyone.api.get(address, headers={"Authorization": "Bearer x.y.z"}).status_code == 401
    assert f'src="{address}"' in bob.get(f"/chats/{chat.id}").text
    assert f'src="{address}"' in bob.get("/").text
    ann.removes(bob, chat)
    assert bob.get(address).status_code == 404


def test_a_new_picture_replaces_the_first(ann: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}/picture"
    first = ann.api.put(where, data={"file": (picture(), "1.png")}).get_json()["picture_url"]
    second = ann.api.put(where, data={"file": (picture("tomato"), "2.png")}).get_json()["picture_url"]
    assert first != second
    assert ann.get(first).status_code == 404
    assert len(kept()) == 1
    assert ann.api.delete(where).status_code == 204
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["picture_url"] is None
    assert kept() == set()
    assert ann.api.delete(where).status_code == 204


def test_the_picture_is_deleted_with_the_chat_and_never_swept_before(ann: Person, chat: Chat) -> None:
    ann.api.put(f"/api/chats/{chat.id}/picture", data={"file": (picture(), "1.png")})
    assert cleanup.all_keys() == kept()
    assert cleanup.known_keys(list(kept())) == kept()
    chats.delete(ann.of(chat))
    assert kept() == set()


@pytest.mark.parametrize("content", [b"", b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_a_file_that_is_not_a_picture_is_refused(ann: Person, bob: Person, chat: Chat, content: bytes) -> None:
    where = f"/api/chats/{chat.id}/picture"
    answer = ann.api.put(where, data={"file": (io.BytesIO(content), "garden.png")})
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, {"file"})
    assert bob.api.put(where, data={"file": (picture(), "1.png")}).status_code == 403
    assert kept() == set()


def test_a_picture_over_the_limit_is_too_large(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "file_max", 100)
    answer = ann.api.put(f"/api/chats/{chat.id}/picture", data={"file": (picture(), "garden.png")})
    assert answer.status_code == 413


def test_the_page_sets_and_removes_the_picture(ann: Person, chat: Chat, tmp_path: Path) -> None:
    edit = f"/chats/{chat.id}/edit"
    fields = {"title": "Garden", "description": ""}
    assert ann.browser.submit(edit, **fields, picture=(picture(), "garden.png")).status_code == 302
    assert ann.of(chat).chat.picture_url in ann.get(edit).text
    answer = ann.browser.submit(edit, title="Beds", picture=(io.BytesIO(b"no picture"), "garden.png"))
    assert answer.status_code == 422
    assert "This file can’t be shown as a picture" in answer.text
    assert "Everything was saved except the picture." in answer.text
    assert (ann.of(chat).chat.title, bool(ann.of(chat).chat.picture)) == ("Beds", True)
    assert ann.browser.submit(edit, **fields, no_picture="y").status_code == 302
    assert ann.of(chat).chat.picture is None


# Notification levels


def test_everybody_chooses_their_own_level(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}/membership"
    answer = bob.api.patch(where, json={"level": "nothing"})
    assert answer.get_json() == {"chat_id": chat.id, "user_id": bob.id, "level": "nothing"}
    assert bob.api.get(f"/api/chats/{chat.id}").get_json()["level"] == "nothing"
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["level"] == "everything"
    for wrong in ({}, {"level": "loud"}, {"level": None}, {"level": "nothing", "role": "owner"}):
        assert bob.api.patch(where, json=wrong).status_code == 422
    assert carol.api.patch(where, json={"level": "nothing"}).status_code == 404
    bob.api.patch(where, json={"level": "nothing"})
    events = list(Event.select().where(Event.type == "membership.updated"))
    assert [(event.user_id, json.loads(event.data)["level"]) for event in events] == [(bob.id, "nothing")]


def test_the_page_sets_the_level_and_mutes_the_row(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "hello")
    where, edit = f"/chats/{chat.id}/level", f"/chats/{chat.id}/edit"
    assert 'class="badge"' in bob.get("/").text
    answer = bob.browser.submit(where, on=edit, level="nothing")
    assert (answer.status_code, answer.headers["Location"]) == (302, edit)
    assert 'value="nothing" checked' in bob.get(edit).text
    assert 'class="badge is-muted"' in bob.get("/").text
    assert 'class="badge"' in ann.get("/").text or ann.of(chat).unread == 0
    assert bob.browser.submit(where, on=edit, level="loud").status_code == 422


def test_a_level_is_forgotten_with_the_membership(ann: Person, bob: Person, chat: Chat) -> None:
    members.set_level(bob.of(chat), "nothing")
    members.leave(bob.of(chat))
    members.add(ann.of(chat), "bob")
    assert Membership.of(bob.user, chat.id).level == "everything"
