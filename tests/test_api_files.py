"""Multipart bodies: messages with files, and pictures of oneself."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from people import Person
from PIL import Image
from werkzeug.test import TestResponse

from models import Chat, File, Message, limits

FILE = {"id", "name", "size", "type", "url", "thumbnail_url", "width", "height"}


def picture() -> io.BytesIO:
    drawn = io.BytesIO()
    Image.new("RGB", (60, 40), "olive").save(drawn, "PNG")
    return io.BytesIO(drawn.getvalue())


def sends(who: Person, files: Any = (), headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    data = {**fields, "files": [(io.BytesIO(content), name) for name, content in files]}
    return who.api.post("/api/messages", data=data, content_type="multipart/form-data", headers=headers)


def raw(who: Person, body: bytes, kind: str = "multipart/form-data; boundary=b") -> TestResponse:
    return who.api.post("/api/messages", data=body.replace(b"\n", b"\r\n"), content_type=kind)


def test_a_message_comes_with_its_files(ann: Person, bob: Person, chat: Chat) -> None:
    answer = sends(ann, [("minutes.txt", b"1. tomatoes"), ("empty", b"")], chat_id=str(chat.id), text="Both")
    assert answer.status_code == 201
    message = answer.get_json()
    assert answer.headers["Location"] == f"/api/messages/{message['id']}"
    assert [(file["name"], file["size"]) for file in message["files"]] == [("minutes.txt", 11), ("empty", 0)]
    assert all(set(file) == FILE for file in message["files"])
    assert bob.api.get(answer.headers["Location"]).get_json() == message


def test_files_alone_are_a_message_and_a_form_without_files_too(ann: Person, chat: Chat) -> None:
    first = sends(ann, [("a.txt", b"a")], chat_id=str(chat.id)).get_json()
    assert (first["text"], len(first["files"])) == ("", 1)
    reply = sends(ann, chat_id=str(chat.id), text="yes", reply_to=str(first["id"]))
    assert reply.status_code == 201
    assert reply.get_json()["reply_to"]["id"] == first["id"]


def test_a_file_field_left_empty_is_no_file(ann: Person, chat: Chat) -> None:
    """As browsers send it, and programs that copy them (HTML, multipart/form-data)."""
    body = (
        f'--b\nContent-Disposition: form-data; name="chat_id"\n\n{chat.id}\n'
        '--b\nContent-Disposition: form-data; name="text"\n\nhello\n'
        '--b\nContent-Disposition: form-data; name="files"; filename=""\n'
        "Content-Type: application/octet-stream\n\n\n--b--\n"
    )
    answer = raw(ann, body.encode())
    assert answer.status_code == 201
    assert answer.get_json()["files"] == []
    assert File.select().count() == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": "x"}, "chat_id"),
        ({"chat_id": "one", "text": "x"}, "chat_id"),
        ({"chat_id": "0", "text": "x"}, "chat_id"),
        ({"chat_id": "{chat}"}, "text"),
        ({"chat_id": "{chat}", "text": "x" * 10_001}, "text"),
        ({"chat_id": "{chat}", "text": "x", "reply_to": "first"}, "reply_to"),
        ({"chat_id": "{chat}", "text": "x", "reply_to": "987654"}, "reply_to"),
        ({"chat_id": "{chat}", "text": "x", "author_id": "2"}, "author_id"),
    ],
)
def test_wrong_fields_of_a_form_are_named(ann: Person, chat: Chat, fields: dict[str, str], named: str) -> None:
    answer = sends(ann, **{name: value.replace("{chat}", str(chat.id)) for name, value in fields.items()})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {named}
    assert Message.select().count() == 0


def test_a_file_in_another_field_is_refused_by_name(ann: Person, chat: Chat) -> None:
    data = {"chat_id": str(chat.id), "text": "x", "attachment": (io.BytesIO(b"x"), "x.txt")}
    answer = ann.api.post("/api/messages", data=data)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"attachment"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=b"),
        (b"--b--\n", "multipart/form-data"),
        (b'--b\nContent-Disposition: form-data; name="text"\n\nhalf of wh', "multipart/form-data; boundary=b"),
        (b'{"chat_id": 1, "text": "x"}', "multipart/form-data; boundary=b"),
    ],
    ids=["empty", "no boundary", "cut short", "json"],
)
def test_a_form_that_can_not_be_read_is_malformed(ann: Person, chat: Chat, body: bytes, kind: str) -> None:
    answer = raw(ann, body, kind)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert Message.select().count() == 0


def test_a_file_cut_short_leaves_no_message_and_no_bytes(ann: Person, chat: Chat) -> None:
    body = (
        f'--b\nContent-Disposition: form-data; name="chat_id"\n\n{chat.id}\n'
        '--b\nContent-Disposition: form-data; name="files"; filename="a.txt"\n\nthe first ha'
    )
    assert raw(ann, body.encode()).status_code == 400
    assert Message.select().count() == 0


def test_eleven_files_are_too_many(ann: Person, chat: Chat) -> None:
    answer = sends(ann, [(f"{n}.txt", b"x") for n in range(11)], chat_id=str(chat.id))
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"files"}
    assert len(sends(ann, [(f"{n}.txt", b"x") for n in range(10)], chat_id=str(chat.id)).get_json()["files"]) == 10


def test_a_file_over_the_limit_is_too_large(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "file_max", 1000)
    answer = sends(ann, [("just.txt", b"x" * 1000), ("over.txt", b"x" * 1001)], chat_id=str(chat.id))
    assert answer.status_code == 413
    assert "over.txt" in answer.get_json()["errors"]["files"][0]
    assert (Message.select().count(), File.select().count()) == (0, 0)


def test_the_same_key_with_the_same_files_sends_once(ann: Person, chat: Chat) -> None:
    key = {"Idempotency-Key": "form-1"}
    answers = [sends(ann, [("a.txt", b"a")], key, chat_id=str(chat.id), text="x") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert answers[0].get_json() == answers[2].get_json()
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    other = sends(ann, [("a.txt", b"b")], key, chat_id=str(chat.id), text="x")
    assert (other.status_code, set(other.get_json()["errors"])) == (422, {"Idempotency-Key"})
    assert (Message.select().count(), File.select().count()) == (1, 1)


def test_a_deleted_messages_files_are_removed(ann: Person, bob: Person, chat: Chat) -> None:
    message = sends(ann, [("a.png", picture().getvalue())], chat_id=str(chat.id)).get_json()
    (file,) = message["files"]
    assert (file["width"], file["height"], file["type"]) == (60, 40, "image/png")
    for address in (file["url"], file["thumbnail_url"]):
        with bob.api.get(address) as got:
            assert got.status_code == 200
    ann.api.delete(f"/api/messages/{message['id']}")
    for address in (file["url"], file["thumbnail_url"]):
        answer = bob.api.get(address)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_file_is_for_members_with_a_token(app: Flask, ann: Person, carol: Person, chat: Chat) -> None:
    (file,) = sends(ann, [("a.txt", b"a")], chat_id=str(chat.id)).get_json()["files"]
    stranger, none = (carol.api.get(path) for path in (file["url"], "/files/987654"))
    assert stranger.status_code == none.status_code == 404
    assert stranger.data == none.data
    assert ann.api.get(file["url"], headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_an_avatar_is_exactly_one_picture(ann: Person) -> None:
    where = "/api/users/me/avatar"
    extra = ann.api.put(where, data={"file": (picture(), "me.png"), "name": "Ann"})
    assert (extra.status_code, set(extra.get_json()["errors"])) == (422, {"name"})
    other = ann.api.put(where, data={"picture": (picture(), "me.png")})
    assert (other.status_code, set(other.get_json()["errors"])) == (422, {"picture", "file"})
    two = ann.api.put(where, data={"file": [(picture(), "me.png"), (picture(), "me2.png")]})
    assert (two.status_code, set(two.get_json()["errors"])) == (422, {"file"})
    assert ann.api.put(where, data=b"", content_type="multipart/form-data; boundary=b").status_code == 400
    assert ann.api.put(where, data=picture().getvalue(), content_type="image/png").status_code == 415
    assert ann.api.get("/api/users/me").get_json()["avatar_url"] is None


def test_an_avatar_over_the_limit_is_too_large(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "file_max", 50)
    answer = ann.api.put("/api/users/me/avatar", data={"file": (picture(), "me.png")})
    assert (answer.status_code, set(answer.get_json()["errors"])) == (413, {"file"})
