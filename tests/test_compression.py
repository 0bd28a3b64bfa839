"""Answers are compressed for clients that accept it, and their length tells nothing of what stands in them (BREACH)."""

from __future__ import annotations

import gzip
import io
import json
import re

import pytest
from people import Anyone, Person
from werkzeug.test import TestResponse

from lib.compression import LEAST
from models import Chat

GZIP = {"Accept-Encoding": "gzip, br"}


def assert_same_but_smaller(compressed: TestResponse, plain: TestResponse) -> bytes:
    """Both are one answer in two encodings. Returns the content."""
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    for answer in (plain, compressed):
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert len(compressed.data) < len(plain.data)
    assert compressed.headers["Content-Type"] == plain.headers["Content-Type"]
    return gzip.decompress(compressed.data)


def test_a_page_is_compressed(ann: Person, chat: Chat) -> None:
    for number in range(30):
        ann.posts(chat, f"message {number}")
    plain = ann.browser.get(f"/chats/{chat.id}")
    small = ann.browser.get(f"/chats/{chat.id}", headers=GZIP)
    assert "message 29" in assert_same_but_smaller(small, plain).decode()
    assert "Cookie" in small.headers["Vary"]
    assert len(small.data) < len(plain.data) / 5


def test_json_is_compressed(ann: Person, chat: Chat) -> None:
    for number in range(5):
        ann.posts(chat, f"message {number}")
    path = f"/api/messages?chat_id={chat.id}"
    plain, small = ann.api.get(path), ann.api.get(path, headers=GZIP)
    assert json.loads(assert_same_but_smaller(small, plain)) == plain.get_json()


def test_problems_are_compressed_too(ann: Person) -> None:
    fields = {f"unknown{number}": 1 for number in range(100)}
    answer = ann.api.post("/api/chats", json=fields, headers=GZIP)
    assert answer.status_code == 422
    assert json.loads(gzip.decompress(answer.data))["errors"].keys() >= fields.keys()


@pytest.mark.parametrize("name", ["js/message-list.js", "icons.svg", "css/base.css"])
def test_static_files_are_compressed(anyone: Anyone, name: str) -> None:
    with anyone.browser.get(f"/static/{name}") as plain, anyone.browser.get(f"/static/{name}", headers=GZIP) as small:
        assert assert_same_but_smaller(small, plain) == plain.data
        tag = plain.headers["ETag"]
        assert small.headers["ETag"] == f"W/{tag}"
    with anyone.browser.get(f"/static/{name}", headers=GZIP) as again:
        assert again.data == small.data, "what anyone may read needs no padding"
    for known, headers in ((tag, {}), (f"W/{tag}", GZIP)):
        with anyone.browser.get(f"/static/{name}", headers={**headers, "If-None-Match": known}) as same:
            assert (same.status_code, same.data) == (304, b"")
            assert same.headers["ETag"] == known
            assert "Accept-Encoding" in same.headers["Vary"]
            assert "Content-Encoding" not in same.headers


def test_the_stylesheet_and_the_script_are_compressed(anyone: Anyone) -> None:
    page = anyone.browser.get("/login").text
    for path in re.findall(r'"(/(?:styles|scripts)/[^"]+)"', page):
        plain, small = anyone.browser.get(path), anyone.browser.get(path, headers=GZIP)
        assert assert_same_but_smaller(small, plain) == plain.data


@pytest.mark.parametrize("path", ["/login", "/static/icons.svg"])
def test_head_has_the_headers_of_get(anyone: Anyone, path: str) -> None:
    with anyone.browser.client.head(path, headers=GZIP) as head, anyone.browser.get(path, headers=GZIP) as whole:
        assert head.data == b""
        for name in ("Content-Encoding", "Vary", "ETag", "Content-Type"):
            assert head.headers.get(name) == whole.headers.get(name), name


def test_a_range_is_taken_from_the_uncompressed_file(anyone: Anyone) -> None:
    with anyone.browser.get("/static/icons.svg", headers={**GZIP, "Range": "bytes=10-2009"}) as part:
        assert part.status_code == 206
        assert "Content-Encoding" not in part.headers
        assert len(part.data) == 2000


def test_uploaded_files_are_not_compressed(ann: Person, chat: Chat) -> None:
    data = {"chat_id": chat.id, "files": (io.BytesIO(b"[]" * LEAST), "list.json", "application/json")}
    file = ann.api.post("/api/messages", data=data).get_json()["files"][0]
    with ann.api.get(file["url"], headers=GZIP) as answer:
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert not answer.headers["ETag"].startswith("W/")


@pytest.mark.parametrize("path", ["/healthz", "/logout"])
def test_tiny_answers_are_not_compressed(anyone: Anyone, path: str) -> None:
    answer = anyone.browser.get(path, headers=GZIP)
    assert len(answer.data) < LEAST
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accepts", ["", "identity", "br", "gzip;q=0", "gzip;q=0, *"])
def test_a_client_that_does_not_accept_gzip_gets_a_plain_answer(anyone: Anyone, accepts: str) -> None:
    answer = anyone.browser.get("/login", headers={"Accept-Encoding": accepts})
    assert "Content-Encoding" not in answer.headers
    assert "Flask Chat" in answer.text


def test_error_pages_are_compressed(anyone: Anyone) -> None:
    answer = anyone.browser.get("/nothing", headers=GZIP)
    assert answer.status_code == 404
    assert "Flask Chat" in gzip.decompress(answer.data).decode()


def test_the_length_of_the_same_answer_varies(ann: Person, anyone: Anyone) -> None:
    assert len({len(anyone.browser.get("/login", headers=GZIP).data) for _ in range(12)}) > 3
    assert len({len(ann.api.get("/api/openapi.json", headers=GZIP).data) for _ in range(12)}) > 3


@pytest.mark.parametrize("made_up", ["", ".", "a.b", "!!.??", "я.ю", "made.up.here"])
def test_an_invalid_csrf_token_is_refused(ann: Person, chat: Chat, made_up: str) -> None:
    answer = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": made_up, "text": "hello"})
    assert answer.status_code == 400
