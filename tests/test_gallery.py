"""The pictures and files of a chat, on a page and for programs."""

from __future__ import annotations

import pytest
from conftest import Queries
from people import Person
from PIL import Image

from actions import messages
from models import Chat, Message
from models.base import media


def upload(person: Person, chat: Chat, *names: str, text: str = "") -> Message:
    """Send files; what ends in .png is a picture."""
    files = []
    for name in names:
        received = media.store.receive(name, "", 2**20)
        if name.endswith(".png"):
            Image.new("RGB", (80, 60), "tomato").save(received, "PNG")
        else:
            received.write(b"carrots")
        files.append(received)
    with person.app.test_request_context():
        return person.posts(chat, text, files=files)


def names(person: Person, chat: Chat, query: str = "") -> list[str]:
    answer = person.api.get(f"/api/chats/{chat.id}/files{query}")
    assert answer.status_code == 200, answer.text
    return [file["name"] for file in answer.get_json()["items"]]


@pytest.fixture
def garden(ann: Person, bob: Person, chat: Chat) -> Chat:
    upload(ann, chat, "one.png", "plan.txt")
    upload(bob, chat, "two.png")
    upload(ann, ann.starts("Elsewhere"), "secret.png")
    return chat


def test_programs_get_them_newest_first(bob: Person, garden: Chat) -> None:
    assert names(bob, garden) == ["two.png", "plan.txt", "one.png"]
    assert names(bob, garden, "?kind=pictures") == ["two.png", "one.png"]
    assert names(bob, garden, "?kind=files") == ["plan.txt"]
    file = bob.api.get(f"/api/chats/{garden.id}/files?limit=1").get_json()["items"][0]
    message = bob.api.get(f"/api/messages/{file['message_id']}").get_json()
    assert message["files"] == [{key: value for key, value in file.items() if key not in ("message_id", "created_at")}]


def test_the_next_page_leads_on_and_keeps_its_kind(bob: Person, garden: Chat) -> None:
    address, seen = f"/api/chats/{garden.id}/files?kind=pictures&limit=1", []
    while address:
        answer = bob.api.get(address).get_json()
        seen += [file["name"] for file in answer["items"]]
        address = answer["next"]
    assert seen == ["two.png", "one.png"]


@pytest.mark.parametrize("query", ["?kind=drawings", "?limit=0", "?limit=101", "?before=x"])
def test_wrong_questions_are_refused(bob: Person, garden: Chat, query: str) -> None:
    assert bob.api.get(f"/api/chats/{garden.id}/files{query}").status_code == 422


def test_a_deleted_message_takes_its_files_along(ann: Person, garden: Chat) -> None:
    message = upload(ann, garden, "oops.png")
    assert "oops.png" in names(ann, garden)
    messages.delete(ann.of(garden), message.id)
    assert "oops.png" not in names(ann, garden)
    assert "oops.png" not in ann.get(f"/chats/{garden.id}/files").text


def test_the_page_shows_pictures_and_files_in_a_fixed_number_of_queries(
    ann: Person, bob: Person, garden: Chat, queries: Queries
) -> None:
    assert f'href="/chats/{garden.id}/files"' in bob.get(f"/chats/{garden.id}").text
    with queries:
        few = bob.get(f"/chats/{garden.id}/files").text
    once = len(queries)
    assert 'alt="two.png"' in few and "plan.txt" in few and "secret.png" not in few
    for number in range(13):
        upload(ann, garden, *(f"{number}-{each}.txt" for each in range(5)))
    with queries:
        page = bob.get(f"/chats/{garden.id}/files").text
    assert len(queries) == once <= 5
    assert "12-4.txt" in page and "two.png" not in page
    older = page.split("before=")[1].split('"')[0]
    assert "two.png" in bob.get(f"/chats/{garden.id}/files?before={older}").text
    assert "two.png" in bob.get(f"/chats/{garden.id}/files?kind=pictures").text
    assert "plan.txt" not in bob.get(f"/chats/{garden.id}/files?kind=pictures").text


def test_an_empty_gallery_has_a_hint(ann: Person, chat: Chat) -> None:
    assert "Nothing here yet" in ann.get(f"/chats/{chat.id}/files").text


def test_a_file_leads_to_its_place_in_the_chat(ann: Person, chat: Chat) -> None:
    message = upload(ann, chat, "plan.txt")
    assert message.url.replace("&", "&amp;") in ann.get(f"/chats/{chat.id}/files").text
