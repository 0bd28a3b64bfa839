"""Trouble of the machine is reported as such, on pages and in the API; and what was committed stays a success."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import peewee
import pytest
from flask import Flask
from people import Person
from werkzeug.exceptions import BadRequest, Forbidden, MethodNotAllowed

import models
from config import Settings
from lib import jobs, machine
from lib.sqlite import sqlite3
from models import Chat, Message, User, message_page, outcomes
from models.base import limits, media
from models.errors import words

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNABLE = (
    errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE,
    errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.EBUSY, errno.ENOLCK,
)  # fmt: skip
OURS: list[BaseException] = [
    ValueError("no"), FileNotFoundError(errno.ENOENT, "no such file"), RuntimeError("a secret"), OSError("bare"),
    peewee.OperationalError("no such column: nonsense"), peewee.IntegrityError("UNIQUE constraint failed: user.id"),
    peewee.ProgrammingError("Incorrect number of bindings supplied."), sqlite3.OperationalError("near x: syntax error"),
]  # fmt: skip
CASES: list[tuple[BaseException, int]] = [
    *((OSError(number, os.strerror(number)), 507) for number in FULL),
    *((OSError(number, os.strerror(number)), 503) for number in UNABLE),
    *((kind(message), 507) for kind in (peewee.OperationalError, sqlite3.OperationalError)
      for message in machine.FULL_CODES.values()),
    *((kind(message), 503) for kind in (peewee.OperationalError, peewee.DatabaseError, sqlite3.DatabaseError)
      for message in machine.UNABLE_CODES.values()),
    (MemoryError(), 503),
    (RuntimeError("can't start new thread"), 503),
    (jobs.Full("34 works wait already"), 503),
    (models.Busy(), 503),
    (models.TooMany(7), 429),
    (models.NotThere("message"), 404),
    (models.Gone("message"), 410),
    (models.Forbidden(words("No.")), 403),
    (models.TooLarge("files", words("Too large.")), 413),
    (models.Invalid(text=words("No.")), 422),
    (models.Taken(username=words("No.")), 409),
    (BadRequest(), 400),
    (Forbidden(), 403),
    (MethodNotAllowed(), 405),
    *((error, 500) for error in OURS),
]  # fmt: skip


def fails(app: Flask, error: BaseException) -> None:
    """Let an address fail with an error: for a browser as a page, for who sends a token as the API."""

    def failing() -> None:
        raise error

    app.view_functions["chat.healthz"] = failing


@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda value: repr(value)[:60])
def test_pages_and_api_answer_an_error_with_the_same_status(
    app: Flask, ann: Person, error: BaseException, status: int
) -> None:
    fails(app, error)
    page, answer = ann.get("/healthz"), ann.api.get("/healthz")
    assert (page.status_code, answer.status_code) == (status, status)
    assert page.headers.get("Retry-After") == answer.headers.get("Retry-After")
    assert ("Retry-After" in answer.headers) == (status in (429, 503, 507))
    assert answer.mimetype == "application/problem+json"
    assert page.mimetype == "text/html"
    assert "secret" not in page.text + answer.text
    assert (answer.get_json()["detail"] == "The server's disk is full.") == (status == 507)


@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda value: repr(value)[:60])
def test_a_traceback_is_logged_only_for_bugs(
    app: Flask, ann: Person, error: BaseException, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    fails(app, error)
    ann.api.get("/healthz")
    traces = [record for record in caplog.records if record.exc_info]
    assert len(traces) == (status == 500)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == (status >= 500)


def test_every_refusal_has_its_status() -> None:
    def kinds(of: type) -> list[type]:
        return [kind for child in of.__subclasses__() for kind in (child, *kinds(child))]

    listed = [kind for kind, _ in outcomes.STATUSES]
    assert {kind for kind in kinds(models.Refused)} <= set(listed)
    # The first that fits counts: none may stand behind one that it is a kind of.
    for place, kind in enumerate(listed):
        assert not any(issubclass(kind, before) for before in listed[:place]), kind


def test_sqlites_own_errors_are_known_by_their_code(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_bytes(b"this is no database" * 100)
    (tmp_path / "held.db").touch()
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    asked: list[tuple[str, str, int]] = [
        (str(tmp_path / "nowhere/x.db"), "SELECT 1", 503),
        (str(tmp_path / "none.db"), "SELECT * FROM t", 503),
        (str(tmp_path / "held.db"), "SELECT * FROM t", 503),
        (f"file:{tmp_path}/held.db?mode=ro&immutable=1", "CREATE TABLE more (x)", 503),
        (":memory:", "SELECT nonsense", 0),
    ]
    for path, sql, status in asked:
        database = peewee.SqliteDatabase(path, timeout=0, uri=path.startswith("file:"))
        with pytest.raises(peewee.DatabaseError) as raised:
            database.execute_sql(sql)
        assert machine.trouble(raised.value) == status, path
        database.close()
    holder.close()


# With the real thing


@pytest.fixture
def unwritable(settings: Settings, ann: Person) -> Path:
    """Media that nothing can be written to, even by root: a file lies where the folder was."""
    shutil.rmtree(settings.media_dir, ignore_errors=True)
    settings.media_dir.touch()
    return settings.media_dir


def test_a_media_folder_that_takes_no_writing_is_503_and_the_words_are_kept(
    unwritable: Path, ann: Person, chat: Chat
) -> None:
    picture = lambda: {"files": (BytesIO(b"words"), "a.txt")}  # noqa: E731
    answer = ann.api.post("/api/messages", data={"chat_id": str(chat.id), "text": "hard won", **picture()})
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    token = ann.browser.csrf(f"/chats/{chat.id}")
    page = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": token, "text": "hard won", **picture()})
    assert page.status_code == 503
    assert int(page.headers["Retry-After"]) > 0
    assert ann.posts(chat, "without a file").id
    unwritable.unlink()
    again = ann.api.post("/api/messages", data={"chat_id": str(chat.id), "text": "hard won", **picture()})
    assert again.status_code == 201
    assert [message.text for message in Message.select()] == ["without a file", "hard won"]


def stuck(key: str) -> Path:
    """Let a key's bytes be impossible to remove, even for root: a folder with something in it lies there."""
    path = media.store.path(key)
    path.unlink()
    path.mkdir()
    (path / "x").touch()
    return path


def with_a_file(ann: Person, chat: Chat) -> Message:
    sent = ann.api.post("/api/messages", data={"chat_id": str(chat.id), "files": (BytesIO(b"words"), "a.txt")})
    return message_page.load(Message.id == sent.get_json()["id"], newest_first=True, limit=1)[0]


def test_files_that_can_not_be_removed_do_not_fail_a_deletion(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    first, second = with_a_file(ann, chat), with_a_file(ann, chat)
    path = stuck(first.files[0].key)
    assert ann.api.delete(f"/api/messages/{first.id}").status_code == 204
    assert ann.api.get(f"/api/messages/{first.id}").status_code == 404
    assert first.files[0].key in caplog.text
    shutil.rmtree(path)
    path.touch()
    # What is left is taken away with what is removed next.
    assert ann.api.delete(f"/api/messages/{second.id}").status_code == 204
    assert not path.exists()


def test_all_other_files_are_deleted_when_one_can_not_be(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    messages = [with_a_file(ann, chat) for _ in range(3)]
    stuck(messages[0].files[0].key)
    assert ann.api.delete(f"/api/chats/{chat.id}").status_code == 204
    assert not any(media.store.exists(message.files[0].key) for message in messages)


@pytest.mark.sqlite
def test_a_failing_cleanup_does_not_fail_the_message(ann: Person, chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    models.database.execute_sql("DROP TABLE attempt")
    models.database.execute_sql("UPDATE sqlite_sequence SET seq = 98 WHERE name = 'message'")
    models.database.execute_sql("INSERT OR IGNORE INTO sqlite_sequence (name, seq) VALUES ('message', 98)")
    for _ in range(3):
        assert ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "counts"}).status_code == 201
    assert Message.select(peewee.fn.MAX(Message.id)).scalar() >= 100
    assert "attempt" in caplog.text


def test_a_full_queue_of_emails_cannot_undo_what_was_changed(
    ann: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    User.update(email="ann@example.org").where(User.id == ann.id).execute()
    background = jobs.BackgroundQueue()
    # A queue whose thread is taken up.
    background.thread = __import__("threading").current_thread()
    for _ in range(jobs.QUEUE_MAX):
        background.add(lambda: None)
    monkeypatch.setattr(jobs, "background", background)
    answer = ann.api.put("/api/users/me/email", json={"email": "", "current_password": ann.password})
    assert answer.status_code == 200, answer.text
    assert User.get_by_id(ann.id).email == ""


@pytest.mark.parametrize("failing", [OSError(errno.EIO, "I/O"), ValueError("a bug"), peewee.OperationalError("locked")])
def test_errors_after_a_commit_do_not_fail_the_request(
    ann: Person, chat: Chat, failing: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise failing

    done: list[int] = []
    follows: list[Callable[[], None]] = [fail, lambda: done.append(1)]
    with models.base.write():
        Chat.update(title="new").where(Chat.id == chat.id).execute()
        for work in follows:
            models.base.after_commit(work)
    assert done == [1]
    assert Chat.get_by_id(chat.id).title == "new"
    assert str(failing.args[-1]) in caplog.text
