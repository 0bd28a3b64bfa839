"""Pages travel squeezed, and their length tells nothing of what stands in them (BREACH)."""

from __future__ import annotations

import gzip
import re

import pytest
from people import Anyone, Person

from models import Chat
from views.squeeze import masked, unmasked

GZIP = {"Accept-Encoding": "gzip, br"}


def token(page: str) -> str:
    found = re.findall(r'name="csrf[_-]token" (?:content|value)="([^"]+)"', page)
    assert found and len(set(found)) == 1, "one page, one way to write it"
    return str(found[0])


def test_a_page_travels_squeezed_for_who_takes_it(ann: Person, chat: Chat) -> None:
    for number in range(30):
        ann.posts(chat, f"message {number}")
    plain = ann.browser.get(f"/chats/{chat.id}")
    small = ann.browser.get(f"/chats/{chat.id}", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["Vary"] and "Cookie" in answer.headers["Vary"]
    assert len(small.data) < len(plain.data) / 5
    assert int(small.headers["Content-Length"]) == len(small.data)
    assert "message 29" in gzip.decompress(small.data).decode()


@pytest.mark.parametrize("path", ["/api/openapi.json", "/healthz", "/logout"])
def test_what_is_no_page_or_tiny_is_left_alone(anyone: Anyone, path: str) -> None:
    assert "Content-Encoding" not in anyone.browser.get(path, headers=GZIP).headers


def test_error_pages_are_pages(anyone: Anyone) -> None:
    answer = anyone.browser.get("/nothing", headers=GZIP)
    assert answer.status_code == 404
    assert "Flask Chat" in gzip.decompress(answer.data).decode()


def test_the_same_page_is_never_of_the_same_length_for_long(anyone: Anyone) -> None:
    assert len({len(anyone.browser.get("/login", headers=GZIP).data) for _ in range(12)}) > 3


def test_a_forms_token_looks_otherwise_on_every_page_and_works(ann: Person, chat: Chat) -> None:
    first, second = (token(ann.get(f"/chats/{chat.id}").text) for _ in range(2))
    # No part of it stays: eight letters in common would be chance of one in billions.
    assert not {first[at : at + 8] for at in range(len(first) - 8)} & {
        second[at : at + 8] for at in range(len(second) - 8)
    }
    for known in (first, second):
        answer = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": known, "text": "hello"})
        assert answer.status_code == 302
        assert ann.browser.client.post("/token", headers={"X-CSRFToken": known}).status_code == 200


MADE_UP = ["", ".", "a.b", "!!.??", "AAAA.AA", "я.ю", "QUFB.QUFBQQ==", masked("made.up.here")]


@pytest.mark.parametrize("made_up", MADE_UP, ids=range(len(MADE_UP)))
def test_a_made_up_token_opens_nothing(ann: Person, chat: Chat, made_up: str) -> None:
    answer = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": made_up, "text": "hello"})
    assert answer.status_code == 400


def test_a_page_from_before_tokens_were_masked_still_works() -> None:
    assert unmasked("Ijk0.aSx1.sig-nature") == "Ijk0.aSx1.sig-nature"
