"""Errors under /api: always application/problem+json, never a page, never a trace."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import peewee
import pytest
from flask import Flask
from people import Anyone, Person

import api
import models
from config import Settings
from lib import jobs
from lib.sqlite import sqlite3
from models import Chat, Message, User
from models.sqlite import SqliteDatabase

PROBLEM = {"type", "title", "status", "detail"}


def is_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert PROBLEM <= set(problem) <= PROBLEM | {"errors"}
    assert problem["status"] == status
    return problem


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/chats/x", "/api/chats/99999999999999999999999", "/api/users/-1"]
)
def test_an_unknown_address_is_a_problem(ann: Person, path: str) -> None:
    is_problem(ann.api.get(path), 404)


def test_a_wrong_method_lists_the_allowed_ones(ann: Person) -> None:
    answer = ann.api.delete("/api/chats")
    is_problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"chat_id": NaN}',
        b'{"chat_id": -Infinity}',
        b"\xff\xfe",
        b"{'a': 1}",
        b'{"chat_id": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
        # Whoever looks for the end of this string again from each quote in it is at it for an hour.
        b"[" * 65 + b'"' + b'\\"' * 300_000,
    ],
    ids=lambda body: body[:12],
)
def test_a_body_that_is_not_json_is_malformed(ann: Person, body: bytes) -> None:
    is_problem(ann.api.post("/api/messages", data=body, content_type="application/json"), 400)


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "null", "true", '["chat_id"]'])
def test_a_body_that_is_not_an_object_is_invalid(ann: Person, body: str) -> None:
    is_problem(ann.api.post("/api/messages", data=body, content_type="application/json"), 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=koi8-r"]
)
def test_another_content_type_is_refused(ann: Person, kind: str) -> None:
    is_problem(ann.api.post("/api/chats", data='{"title": "x"}', content_type=kind), 415)


def test_a_body_too_large_is_not_read(ann: Person) -> None:
    is_problem(ann.api.post("/api/chats", data=b" " * (2**20 + 1), content_type="application/json"), 413)


def test_a_body_without_a_length_is_bounded_too(ann: Person, chat: Chat) -> None:
    """Chunked, as gunicorn hands it on; the route takes files, so that its own bound is a wider one."""
    body = b'{"chat_id": 1, "text": "hello"}' + b" " * 2**20
    chunked = {"wsgi.input_terminated": True}
    answer = ann.api.open(
        "/api/messages",
        "POST",
        input_stream=io.BytesIO(body),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides=chunked,
    )
    is_problem(answer, 413)
    assert Message.select().count() == 0


def test_brackets_in_a_string_do_not_count_as_nesting(ann: Person, chat: Chat) -> None:
    text = '[[{"' * 100 + "\\"
    answer = ann.api.post("/api/messages", json={"chat_id": chat.id, "text": text})
    assert (answer.status_code, answer.get_json()["text"]) == (201, text)


def test_a_lone_surrogate_is_refused_as_a_field_name(ann: Person) -> None:
    sent = b'{"title": "x", "\\ud800": 1}'
    is_problem(ann.api.post("/api/chats", data=sent, content_type="application/json"), 422)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"']
)
def test_the_content_type_of_json_may_name_utf_8(ann: Person, kind: str) -> None:
    answer = ann.api.post("/api/chats", data='{"title": "Сад"}'.encode(), content_type=kind)
    assert (answer.status_code, answer.get_json()["title"]) == (201, "Сад")


def test_another_scheme_is_not_reported_as_an_invalid_token(anyone: Anyone) -> None:
    """RFC 6750, 3.1."""
    for sent, challenge in (("Basic YW5uOmI=", "Bearer"), ("Bearer a.b.c", 'Bearer error="invalid_token"')):
        answer = anyone.api.get("/api/chats", headers={"Authorization": sent})
        is_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == challenge


def test_no_answer_sets_a_cookie(ann: Person, anyone: Anyone, chat: Chat) -> None:
    for answer in (
        ann.api.get("/api/users/me"),
        ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "x"}),
        ann.api.get("/api/nothing"),
        anyone.api.get("/api/users/me"),
        anyone.api.get("/api/openapi.json"),
    ):
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EROFS, "Read-only file system"), 503),
        (jobs.Full("34 works wait already"), 503),
        (models.Busy(3), 503),
        (models.TooMany(3), 429),
        (peewee.OperationalError("database is locked"), 503),
        (peewee.OperationalError("database or disk is full"), 507),
        (peewee.IntegrityError("UNIQUE constraint failed"), 500),
        (OSError(errno.ENOENT, "/media/ab/cdef"), 500),
    ],
    ids=str,
)
def test_a_temporary_shortage_has_a_retry_after(app: Flask, error: Exception, status: int) -> None:
    with app.test_request_context("/api/messages"):
        answer = api.answer_error(error)
    assert answer.status_code == status
    assert status == 500 or int(answer.headers["Retry-After"]) > 0
    assert str(error) not in answer.get_data(as_text=True)


def test_a_missing_token_is_reported_before_anything_else(anyone: Anyone) -> None:
    answer = anyone.api.post("/api/messages", data=b"{", content_type="application/json")
    is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_cookie_is_refused_under_api(ann: Person) -> None:
    for path in ("/api/users/me", "/api/chats", "/api/messages?chat_id=1"):
        is_problem(ann.browser.get(path), 401)


def test_a_bug_reveals_nothing_in_its_answer(
    ann: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: User) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(User, "to_dict", broken)
    answer = ann.api.get("/api/users/me")
    is_problem(answer, 500)
    assert "secret" not in answer.text
    assert "a secret of the inside" in caplog.text


@pytest.fixture
def read_only(settings: Settings, ann: Person, chat: Chat) -> Any:
    """The database as a file that takes no writing."""
    path = settings.database_url.partition(":///")[2]
    models.database.close_all()
    usual = models.database.obj  # type: ignore[attr-defined]
    database = SqliteDatabase(f"file:{path}?mode=ro")
    database.init(database.database, pragmas=(), timeout=0.1, uri=True)
    models.base._proxy.initialize(database)
    yield
    models.database.close_all()
    models.base._proxy.initialize(usual)


@pytest.mark.sqlite
def test_a_read_only_database_is_reported_and_can_be_read(read_only: None, ann: Person, chat: Chat) -> None:
    answer = ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "lost?"})
    is_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert ann.api.get("/api/chats").status_code == 200
    page = ann.api.client.get("/healthz")
    assert page.status_code == 200


@pytest.mark.sqlite
def test_a_locked_database_is_reported_and_work_continues_by_itself(
    ann: Person, chat: Chat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.database.close_all()
    models.database.execute_sql("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(settings.database_url.partition(":///")[2], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        # In this thread the connection with the short patience is still open.
        with pytest.raises(peewee.OperationalError):
            ann.posts(chat, "locked out")
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert ann.posts(chat, "and on").id
    assert [message.text for message in Message.select()] == ["and on"]


@pytest.mark.sqlite
def test_a_full_disk_is_507(app: Flask, ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = models.database.execute_sql("PRAGMA page_count").fetchone()[0]
    connect = models.database.obj.init  # type: ignore[attr-defined]
    assert connect
    # SQLite's own bound on a file's pages fails as a full disk does.
    models.database.obj._pragmas.append(("max_page_count", pages))  # type: ignore[attr-defined]
    models.database.close_all()
    answers = [
        ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "x" * 9_000}).status_code for _ in range(10)
    ]
    assert answers[-1] == 507
    messages = ann.api.get(f"/api/messages?chat_id={chat.id}&limit=100").get_json()["items"]
    assert len(messages) == answers.count(201)
    models.database.obj._pragmas.pop()  # type: ignore[attr-defined]
    models.database.close_all()
    assert ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "on"}).status_code == 201


@pytest.mark.sqlite
def test_the_health_check_reports_a_missing_database(app: Flask, settings: Settings, anyone: Anyone) -> None:
    assert anyone.api.get("/healthz").get_json() == {"status": "ok"}
    models.database.close_all()
    Path(settings.database_url.partition(":///")[2]).unlink()
    answer = anyone.api.get("/healthz")
    assert answer.status_code == 503
