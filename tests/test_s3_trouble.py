"""A bucket that is missing, refuses, is slow, or has lost a file: it is reported, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import io
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from people import Person
from s3 import Gate, Trouble, settings_with_bucket
from servers import wait_for

import models
from commands import start
from commands.start import CannotStart
from config import Settings
from lib import jobs, s3_client
from lib.s3 import Bucket
from lib.storage import BucketError, Folder
from models import Chat, File, Message, limits
from models.base import media

Prepare = Callable[[Settings], list[str]]


# The app of these tests has its files in a bucket.
settings = settings_with_bucket


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is slow need not be slow for long."""
    monkeypatch.setattr(s3_client, "READ_SECONDS", 0.5)
    monkeypatch.setattr(s3_client, "REST_SECONDS", 0.0)
    yield
    jobs.background.jobs.join()


def sends(who: Person, chat: Chat, content: bytes = b"words") -> Any:
    return who.api.post(
        "/api/messages", data={"chat_id": str(chat.id), "text": "see", "files": (io.BytesIO(content), "a.txt")}
    )


def stored(gate: Gate) -> set[str]:
    """What is in the bucket, after all trouble."""
    jobs.background.jobs.join()
    gate.trouble = lambda method, path: None
    media.store.discard([])
    jobs.background.jobs.join()
    return set(media.store.keys())


# Uploads


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=500), Trouble(status=503, code="SlowDown"), Trouble(drop=True), Trouble(lose_answer=True),
        Trouble(delay=30), Trouble(damage=True), Trouble(status=403, code="AccessDenied"),
        Trouble(status=404, code="NoSuchBucket"), Trouble(status=507, code="InsufficientStorage"),
    ],
    ids=str,
)  # fmt: skip
def test_an_upload_that_the_bucket_does_not_take_is_503_and_nothing_is_kept(
    ann: Person, chat: Chat, gate: Gate, trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    gate.always("PUT", trouble)
    answer = sends(ann, chat)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert "a file was refused: the bucket" in caplog.text or "S3_BUCKET: there is no bucket" in caplog.text
    assert not [record for record in caplog.records if record.exc_info], "one line, no trace"
    assert Message.select().where(Message.chat == chat).count() == 0
    assert list(media.store.uploads_folder.iterdir()) == []
    assert ann.posts(chat, "without a file").id
    assert stored(gate) == set()
    assert sends(ann, chat).status_code == 201
    assert stored(gate) == {File.get().key}


@pytest.mark.parametrize("trouble", [Trouble(status=500), Trouble(drop=True), Trouble(lose_answer=True)], ids=str)
def test_what_fails_once_is_tried_again(ann: Person, chat: Chat, gate: Gate, trouble: Trouble) -> None:
    gate.once("PUT", trouble)
    assert sends(ann, chat).status_code == 201
    assert stored(gate) == {File.get().key}


def test_of_several_files_all_or_none_are_kept(ann: Person, chat: Chat, gate: Gate) -> None:
    puts: list[str] = []

    def third_fails(method: str, path: str) -> Trouble | None:
        if method == "PUT":
            puts.append(path)
        return Trouble(status=500) if method == "PUT" and len(puts) > 2 else None

    gate.trouble = third_fails
    data = {"chat_id": str(chat.id), "text": "", "files": [(io.BytesIO(b"x"), f"{n}.txt") for n in range(4)]}
    assert ann.api.post("/api/messages", data=data).status_code == 503
    assert stored(gate) == set()


def test_a_forward_and_an_avatar_are_refused_likewise(ann: Person, chat: Chat, gate: Gate) -> None:
    message = sends(ann, chat).get_json()
    gate.always("PUT", Trouble(status=503, code="SlowDown"))
    forward = ann.api.post(f"/api/messages/{message['id']}/forward", json={"chat_id": chat.id, "text": ""})
    assert forward.status_code == 503
    assert stored(gate) == {File.get().key}


def test_a_deletion_does_not_wait_for_the_bucket_and_is_made_up_for(
    ann: Person, chat: Chat, gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    first, second = sends(ann, chat).get_json(), sends(ann, chat).get_json()
    store = media.store
    assert isinstance(store, Bucket)
    ask, removing = store.client.ask, []

    def asked(operation: str, **request: Any) -> Any:
        if operation == "delete_objects":
            removing.append(threading.current_thread())
        return ask(operation, **request)

    monkeypatch.setattr(store.client, "ask", asked)
    gate.always("POST", Trouble(drop=True))
    assert ann.api.delete(f"/api/messages/{first['id']}").status_code == 204
    jobs.background.jobs.join()
    assert removing
    assert threading.current_thread() not in removing
    assert "can't remove 1 files yet" in caplog.text
    gate.trouble = lambda method, path: None
    assert ann.api.delete(f"/api/messages/{second['id']}").status_code == 204
    assert stored(gate) == set()


# Downloads


@pytest.mark.parametrize("part", [{}, {"Range": "bytes=100000-"}], ids=["whole", "range"])
def test_a_download_that_breaks_off_is_cut(
    ann: Person, chat: Chat, gate: Gate, part: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = sends(ann, chat, secrets.token_bytes(450_000)).get_json()["files"]
    gate.trouble = lambda method, path: Trouble(cut=300_000) if method == "GET" else None
    with ann.api.get(file["url"], headers=part) as got, pytest.raises(ConnectionResetError):
        _ = got.data
    assert "a download was cut: the bucket broke off" in caplog.text
    gate.trouble = lambda method, path: None
    with ann.api.get(file["url"], headers=part) as got:
        assert len(got.data) == got.content_length


@pytest.mark.parametrize(
    "trouble",
    [Trouble(status=500), Trouble(drop=True), Trouble(delay=30), Trouble(status=403, code="AccessDenied")],
    ids=str,
)
def test_a_download_that_can_not_begin_is_503(ann: Person, chat: Chat, gate: Gate, trouble: Trouble) -> None:
    (file,) = sends(ann, chat).get_json()["files"]
    gate.always("GET", trouble)
    for headers in ({}, {"Range": "bytes=1-2"}):
        answer = ann.api.get(file["url"], headers=headers)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert ann.get(f"/chats/{chat.id}").status_code == 200


def test_a_lost_file_is_404_and_logged(ann: Person, chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    (file,) = sends(ann, chat).get_json()["files"]
    media.store.remove(File.get().key)
    for headers in ({}, {"Range": "bytes=1-2"}):
        assert ann.api.get(file["url"], headers=headers).status_code == 404
    assert caplog.text.count("missing in the store") == 2
    message = Message.get()
    forward = ann.api.post(f"/api/messages/{message.id}/forward", json={"chat_id": chat.id, "text": ""})
    assert forward.status_code == 422


def test_every_answer_gives_its_place_back(ann: Person, chat: Chat, gate: Gate) -> None:
    (file,) = sends(ann, chat, b"0123456789").get_json()["files"]
    store = media.store
    assert isinstance(store, Bucket)
    for headers in ({}, {"Range": "bytes=1-2"}, {"Range": "bytes=99-"}, {"If-Match": '"x"'}, {"If-None-Match": '"x"'}):
        for method in ("GET", "HEAD"):
            ann.api.open(file["url"], method, headers=headers).close()
    gate.always("GET", Trouble(status=500))
    ann.api.get(file["url"]).close()
    places = store.client._places
    assert [places.acquire(blocking=False) for _ in range(7)] == [True] * 6 + [False]


def test_only_some_large_files_are_fetched_at_once(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "LARGE", 5)
    path = store.scratch()
    path.write_bytes(b"0123456789")
    key = store.keep(path)
    fetched = [store.open(key) for _ in range(3)]
    with pytest.raises(BucketError, match="too many large files"):
        store.open(key)
    store.open(key, 2, 3).close()
    fetched.pop().close()
    fetched.append(store.open(key))
    # One that was forgotten gives its place back, too.
    fetched.clear()
    fetched = [store.open(key) for _ in range(3)]
    for content in fetched:
        content.close()


def test_a_transfer_that_is_too_slow_ends(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.scratch()
    path.write_bytes(b"0123456789")
    with contextlib.closing(store.open(store.keep(path))) as content:
        monkeypatch.setattr(s3_client, "GRACE_SECONDS", -1.0)
        with pytest.raises(BucketError, match="too slow"):
            list(content)


# Not all threads wait for a bucket


def test_only_some_requests_are_made_at_once(store: Bucket, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "READ_SECONDS", 60)
    monkeypatch.setattr(s3_client, "PLACE_SECONDS", 0.01)
    gate.always("HEAD", Trouble(delay=60))
    key = store.keep(store.receive("a.txt", "", 10))
    threads = [threading.Thread(target=lambda: suppressed(store, key)) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_for(lambda: sum(method == "HEAD" for method, _ in gate.requests) >= 6, lambda: "not all of them are asked")
    with pytest.raises(BucketError, match="too many requests"):
        store.exists(key)
    gate.released.set()
    for thread in threads:
        thread.join(60)


def suppressed(store: Bucket, key: str) -> None:
    with contextlib.suppress(BucketError):
        store.exists(key)


def test_a_silent_bucket_is_left_alone_for_a_while(store: Bucket, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "REST_SECONDS", 3600.0)
    key = store.keep(store.receive("a.txt", "", 10))
    gate.always("HEAD", Trouble(drop=True))
    with pytest.raises(BucketError, match="does not answer"):
        store.exists(key)
    before = len(gate.requests)
    with pytest.raises(BucketError, match="a moment ago"):
        store.exists(key)
    assert len(gate.requests) == before
    monkeypatch.setattr(time, "monotonic", lambda clock=time.monotonic: clock() + 3601)
    gate.trouble = lambda method, path: None
    assert store.exists(key)


# What operators see


@pytest.fixture
def prepare() -> Iterator[Prepare]:
    """Prepare as a start does, and close the databases that this opens."""

    def prepared(settings: Settings) -> list[str]:
        if models.database.obj is not None:
            models.database.close_all()
        return start.prepare(settings)

    yield prepared
    models.database.close_all()


def output_of(app: Flask, command: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(args=[command])
    return done.exit_code, done.output


WRONG = [
    ({"name": "no-such-bucket"}, "S3_BUCKET: there is no bucket no-such-bucket at http://"),
    ({"key_id": "AKIA-WRONG"}, "refuses the keys S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY (InvalidAccessKeyId)"),
    ({"secret": "wrong-secret"}, "refuses the keys S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY (SignatureDoesNotMatch)"),
    ({"owner": "another"}, "has the files of another installation"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[next(iter(change)) for change, _ in WRONG])
def test_a_wrong_setting_stops_the_start_and_a_release_with_one_line(
    settings: Settings, app: Flask, store: Bucket, prepare: Prepare, change: dict[str, str], sentence: str
) -> None:
    store.check()
    assert settings.bucket is not None
    wrong = replace(settings, bucket={**settings.bucket, **change})
    with pytest.raises(CannotStart) as refused:
        prepare(wrong)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "wrong-secret" not in str(refused.value)
    media.store = Bucket(**(wrong.bucket or {}))
    status, output = output_of(app, "migrate")
    assert (status, output.count("\n")) == (1, 1)
    assert sentence in output
    status, output = output_of(app, "doctor")
    assert status == 1
    assert f"wrong  store: {sentence.split(' ')[0]}" in output or sentence in output


def test_a_bucket_that_can_not_be_written_is_reported(gate: Gate, settings: Settings, prepare: Prepare) -> None:
    gate.always("PUT", Trouble(status=403, code="AccessDenied"))
    with pytest.raises(CannotStart, match="refuses the keys"):
        prepare(settings)


@pytest.mark.parametrize(
    "trouble", [Trouble(drop=True), Trouble(status=503, code="SlowDown"), Trouble(delay=30)], ids=str
)
def test_a_bucket_that_does_not_answer_does_not_stop_the_start(
    settings: Settings, gate: Gate, prepare: Prepare, trouble: Trouble, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.always("GET", trouble)
    prepare(settings)
    assert models.applied()
    printed = capsys.readouterr().err
    assert printed.count("Note: the bucket") == 1
    assert "files can't be sent or opened" in printed


def test_a_wrong_clock_is_named(
    settings: Settings, gate: Gate, prepare: Prepare, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.clock = timedelta(minutes=42)
    prepare(settings)
    assert "the clock of this machine is wrong, by 42 minutes" in capsys.readouterr().err


def test_the_doctor_compares_rows_and_bucket(app: Flask, ann: Person, chat: Chat) -> None:
    sends(ann, chat)
    status, output = output_of(app, "doctor")
    assert status == 0, output
    assert f"ok     the bucket {media.store.name} is writable" in output  # type: ignore[attr-defined]
    assert f"ok     all 1 files are in the bucket {media.store.name}" in output  # type: ignore[attr-defined]
    key = File.get().key
    media.store.remove(key)
    status, output = output_of(app, "doctor")
    assert (status, f"files missing from the bucket {media.store.name}: 1, first {key}" in output) == (1, True)  # type: ignore[attr-defined]


def test_a_start_sweeps_the_bucket(settings: Settings, app: Flask, gate: Gate, prepare: Prepare) -> None:
    assert prepare(settings) == []
    assert any("list-type=2" in path for _, path in gate.requests)
    assert not isinstance(media.store, Folder)
