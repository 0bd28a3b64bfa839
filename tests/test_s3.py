"""Files in a bucket: they come in whole, stay, and are given back as those of the media folder are."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from people import Anyone, Person
from PIL import Image
from s3 import Gate, Trouble, environment_of, settings_with_bucket

import models
from actions import cleanup
from lib import jobs, s3
from lib.s3 import Bucket
from lib.storage import Folder, new_key
from models import Chat, File, limits
from models.base import media

# The app of these tests has its files in a bucket.
settings = settings_with_bucket


@pytest.fixture(autouse=True)
def removals_end() -> Iterator[None]:
    """Wait for what is removed in the background."""
    yield
    jobs.background.jobs.join()


def kept(store: Bucket, content: bytes = b"content") -> str:
    upload = store.receive("minutes.txt", "text/plain", 2**30)
    upload.write(content)
    return store.keep(upload)


def read(store: Bucket, key: str, *part: int) -> bytes:
    with closing(store.open(key, *part)) as content:
        return b"".join(content)


def in_bucket() -> set[str]:
    jobs.background.jobs.join()
    return set(media.store.keys())


def sends(who: Person, chat: Chat, *files: tuple[bytes, str], text: str = "") -> Any:
    data = {"chat_id": str(chat.id), "text": text, "files": [(io.BytesIO(c), name) for c, name in files]}
    return who.api.post("/api/messages", data=data)


def drawn(kind: str = "JPEG") -> bytes:
    picture = io.BytesIO()
    Image.radial_gradient("L").resize((600, 400)).convert("RGB").save(picture, kind)
    return picture.getvalue()


# The store


@pytest.mark.parametrize("content", [b"", b"x", b"content" * 100_000])
def test_a_stored_file_is_found_by_its_key(store: Bucket, content: bytes) -> None:
    key = kept(store, content)
    assert store.exists(key)
    assert list(store.keys()) == [key]
    assert read(store, key) == content
    assert list(store.uploads_folder.iterdir()) == []


def test_a_part_is_fetched_with_the_size_of_the_whole(store: Bucket) -> None:
    key = kept(store, b"0123456789")
    with closing(store.open(key, 2, 3)) as content:
        assert (content.size, content.start(2), b"".join(content)) == (10, b"23", b"234")
    with closing(store.open(kept(store, b""), 0, 5)) as content:
        assert (content.size, b"".join(content)) == (0, b"")


def test_a_duplicate_is_made_within_the_bucket(store: Bucket, gate: Gate) -> None:
    key = kept(store)
    copy = store.duplicate(key)
    assert gate.requests[-1][0] == "PUT"
    store.remove(key)
    assert read(store, copy) == b"content"
    assert store.find(copy) == (7, store.find(copy)[1])
    with pytest.raises(FileNotFoundError):
        store.duplicate(key)


def test_a_missing_file_raises_file_not_found(store: Bucket) -> None:
    key = kept(store)
    store.remove(key)
    store.remove(key)
    assert not store.exists(key)
    with pytest.raises(FileNotFoundError):
        store.open(key)


@pytest.mark.parametrize("key", ["", "../chat.db", "installation", "ab/" + "g" * 30, "ab/" + "a" * 30 + "\n"])
def test_an_invalid_key_is_refused(store: Bucket, key: str) -> None:
    for verb in (store.open, store.exists, store.remove, store.duplicate):
        with pytest.raises(ValueError, match="key"):
            verb(key)


def test_the_sweeper_removes_only_files_that_no_row_names(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store.check()
    named, lost = {kept(store), kept(store)}, kept(store)
    store.receive("half.bin", "", 10).close()
    assert store.sweep(lambda keys: named & set(keys), 3600) == 0, "all of it is new"
    for first, more in ((0, 1), (0x80, 0), (0xFF, 0)):
        monkeypatch.setattr(s3.random, "randrange", lambda _, first=first: first)
        assert lost in set(store.keys())
        assert store.sweep(lambda keys: named & set(keys), -60) == 1 + more
        assert set(store.keys()) == named
        assert list(store.uploads_folder.iterdir()) == []
        lost = kept(store)


def test_the_sweeper_reads_page_by_page(store: Bucket, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {kept(store) for _ in range(7)}
    ask = store.client._request
    monkeypatch.setattr(
        store.client, "_request", lambda verb, **how: ask(verb, **how, **({"MaxKeys": 3} if "list" in verb else {}))
    )
    assert set(store.keys()) == keys
    asked: list[list[str]] = []
    store.sweep(lambda some: asked.append(some) or set(some), -60)  # type: ignore[func-returns-value]
    assert {key for some in asked for key in some} == keys
    assert max(map(len, asked)) <= 3


def test_the_sweeper_does_not_empty_a_bucket_that_the_database_does_not_know(
    store: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {kept(store) for _ in range(3)}
    assert store.sweep(lambda some: set(), -60) == 0
    assert set(store.keys()) == keys
    assert "no row names 3 of 3 files" in caplog.text


def test_many_are_removed_at_once_or_one_by_one_where_that_is_unknown(store: Bucket, gate: Gate) -> None:
    keys = [kept(store) for _ in range(3)]
    before = len(gate.requests)
    store.remove_all([*keys, new_key()])
    assert len(gate.requests) == before + 1
    keys = [kept(store) for _ in range(3)]
    gate.always("POST", Trouble(status=501, code="NotImplemented"))
    store.remove_all(keys)
    assert list(store.keys()) == []


def test_a_file_that_is_not_there_keeps_no_others_from_being_removed(store: Bucket, gate: Gate) -> None:
    """Google Cloud Storage answers so, and may not know the request for many keys."""
    missing, keys = new_key(), [kept(store) for _ in range(2)]
    unknown = Trouble(status=501, code="NotImplemented")
    none = Trouble(status=404, code="NoSuchKey")
    gate.trouble = lambda method, path: unknown if method == "POST" else none if path.endswith(missing) else None
    store.discard([missing])
    jobs.background.jobs.join()
    store.discard(keys)
    jobs.background.jobs.join()
    assert list(store.keys()) == []


# Messages with files, as people see them


def test_files_and_pictures_come_back_and_go_with_their_message(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    message = sends(ann, chat, (b"minutes" * 1000, "minutes.txt"), (drawn(), "hill.jpg")).get_json()
    plain, picture = message["files"]
    with bob.api.get(plain["url"]) as got:
        assert (got.data, got.content_type) == (b"minutes" * 1000, "text/plain; charset=utf-8")
        assert got.headers["Content-Disposition"].startswith("attachment;")
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in got.headers["Content-Security-Policy"]
        assert got.headers["Cache-Control"] == "private, no-cache"
    for path in ("/display", "/thumbnail"):
        with bob.browser.get(picture["url"] + path) as got:
            assert got.content_type == "image/jpeg"
            assert Image.open(io.BytesIO(got.data)).size[0] >= 480
    assert in_bucket() == {key for file in File.select() for key in file.keys}
    assert len(in_bucket()) == 4
    assert list(media.store.uploads_folder.iterdir()) == []
    assert ann.api.delete(f"/api/messages/{message['id']}").status_code == 204
    assert in_bucket() == set()


def test_avatars_chat_pictures_and_forwards_are_there_too(ann: Person, bob: Person, chat: Chat) -> None:
    shown = ann.api.put("/api/users/me/avatar", data={"file": (io.BytesIO(drawn("PNG")), "me.png")})
    with bob.browser.get(shown.get_json()["avatar_url"]) as got:
        assert Image.open(io.BytesIO(got.data)).size == (256, 256)
    shown = ann.api.put(f"/api/chats/{chat.id}/picture", data={"file": (io.BytesIO(drawn()), "us.jpg")})
    with bob.browser.get(shown.get_json()["picture_url"]) as got:
        assert got.status_code == 200
    message = sends(ann, chat, (b"list", "list.txt")).get_json()
    other = ann.starts("Other")
    sent = ann.api.post(f"/api/messages/{message['id']}/forward", json={"chat_id": other.id, "text": ""})
    with ann.api.get(sent.get_json()["files"][0]["url"]) as got:
        assert got.data == b"list"
    assert in_bucket() == cleanup.all_keys()


def test_only_members_get_them(ann: Person, bob: Person, carol: Person, chat: Chat, anyone: Anyone, gate: Gate) -> None:
    (file,) = sends(ann, chat, (drawn(), "a.jpg")).get_json()["files"]
    before = len(gate.requests)
    for path in ("", "/display", "/thumbnail"):
        assert carol.api.get(file["url"] + path).status_code == 404
        assert anyone.browser.get(file["url"] + path).headers["Location"].startswith("/login?next=")
    ann.removes(bob, chat)
    known = f'"{File.get().key[-12:]}"'
    assert bob.browser.get(file["url"], headers={"If-None-Match": known}).status_code == 404
    assert len(gate.requests) == before


def test_what_a_browser_has_is_not_asked_of_the_bucket_again(ann: Person, chat: Chat, gate: Gate) -> None:
    (file,) = sends(ann, chat, (drawn(), "a.jpg")).get_json()["files"]
    with ann.api.get(file["thumbnail_url"]) as whole:
        known = whole.headers["ETag"]
    before = len(gate.requests)
    for tag in (known, f'"x", W/{known}', "*"):
        with ann.api.get(file["thumbnail_url"], headers={"If-None-Match": tag}) as again:
            assert (again.status_code, again.data) == (304, b"")
    assert len(gate.requests) == before


def test_no_connection_of_the_database_waits_for_the_bucket(
    ann: Person, chat: Chat, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = sends(ann, chat, (b"words", "a.txt")).get_json()["files"]
    seen: list[bool] = []
    monkeypatch.setattr(type(models.database.obj), "end_request", lambda self, is_sound: seen.append(is_sound))
    gate.trouble = lambda method, path: seen.append(models.database.in_transaction())  # type: ignore[func-returns-value]
    with ann.api.get(file["url"]) as got:
        assert got.data == b"words"
    assert seen == [True, False, True], "given back before the bucket is asked, and at the end"


# The same answers from both


def what_must_be_equal(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of an answer, without what differs between any two."""
    is_error = answer.status_code >= 400
    # An error page has a policy with a nonce of its own.
    assert not is_error or "Content-Security-Policy" in answer.headers
    differing = {"Date", "X-Request-ID"} | ({"Content-Security-Policy", "Content-Length"} if is_error else set())
    headers = {name: value for name, value in answer.headers.items() if name not in differing}
    return answer.status_code, headers, b"" if is_error else answer.data


@pytest.fixture
def both(app: Flask, ann: Person, chat: Chat) -> Iterator[Any]:
    """Puts the same bytes into a folder and the bucket, and asks both for them."""
    store = media.store
    assert isinstance(store, Bucket)
    folder = Folder(store.uploads_folder.parent / "media")
    (file,) = sends(ann, chat, (b"x", "a.bin")).get_json()["files"]
    browser = ann.browser
    keys: dict[bytes, str] = {}

    def put(content: bytes) -> str:
        path = store.scratch()
        path.write_bytes(content)
        key = store.keep(path)
        path.write_bytes(content)
        folder.put(key, path)
        with closing(store.open(key)) as there:
            os.utime(folder.path(key), (there.modified.timestamp(),) * 2)
        return key

    def ask(which: Any, key: str, address: str, method: str, headers: dict[str, str]) -> Any:
        media.store = which
        File.update(key=key, display_key=new_key() if address == file["url"] else key).execute()
        try:
            with browser.client.open(address, method=method, headers=headers) as got:
                return what_must_be_equal(got)
        finally:
            media.store = store

    def compare(content: bytes, address: str, method: str, headers: dict[str, str]) -> Any:
        if content not in keys:
            keys[content] = put(content)
        key = keys[content]
        headers = {name: value.replace("ETAG", f'"{key[-12:]}"') for name, value in headers.items()}
        answers = [ask(which, key, file["url"] + address, method, headers) for which in (folder, store)]
        assert answers[0] == answers[1], (address, method, headers)
        return answers[1]

    yield compare


CONTENTS = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"GIF89a" + b"x" * 700_000]))
NUMBERS = st.one_of(st.integers(0, 50), st.sampled_from([699_999, 700_005, 700_006, 700_007, 10**20]))
RANGES = st.one_of(
    st.builds("bytes={}-{}".format, NUMBERS, NUMBERS),
    st.builds("bytes={}-".format, NUMBERS),
    st.builds("bytes=-{}".format, NUMBERS),
    st.builds("bytes={}-{},{}-".format, NUMBERS, NUMBERS, NUMBERS),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    st.sampled_from(["", "bytes", "bytes=", "bytes=a-b", "lines=0-1", "bytes = 0 - 3", "bytes=-0"]),
)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "Range": RANGES,
        "If-None-Match": st.sampled_from(["ETAG", "W/ETAG", '"other"', "*", "", "ETAG, x"]),
        "If-Match": st.sampled_from(["ETAG", '"other"', "*"]),
        "If-Range": st.sampled_from(
            ["ETAG", '"other"', "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2060 00:00:00 GMT"]
        ),
        "If-Modified-Since": st.sampled_from(["Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2060 00:00:00 GMT", "x"]),
    },
)


@given(content=CONTENTS, address=st.sampled_from(["", "/display"]), method=st.sampled_from(["GET", "HEAD"]),
       headers=CONDITIONS)  # fmt: skip
@hypothesis_settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_is_answered_as_from_the_media_folder(
    both: Any, content: bytes, address: str, method: str, headers: dict[str, str]
) -> None:
    both(content, address, method, headers)


@pytest.mark.parametrize(
    ("headers", "status", "length"),
    [
        ({}, 200, 10), ({"Range": "bytes=2-4"}, 206, 3), ({"Range": "bytes=-99"}, 206, 10),
        ({"Range": "bytes=99-"}, 416, 0), ({"If-None-Match": "ETAG"}, 304, 0),
        ({"Range": "bytes=2-4", "If-Range": '"other"'}, 200, 10), ({"If-Match": '"other"'}, 412, 0),
    ],
)  # fmt: skip
def test_parts_and_conditions(both: Any, headers: dict[str, str], status: int, length: int) -> None:
    answer = both(b"0123456789", "", "GET", headers)
    assert (answer[0], len(answer[2])) == (status, length)


# Redirected downloads


@pytest.fixture
def redirecting(app: Flask) -> None:
    assert isinstance(media.store, Bucket)
    media.store.redirect = True


def fetched(address: str, **headers: str) -> tuple[int, Any, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as got:
            return got.status, got.headers, got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.mark.usefixtures("redirecting")
def test_a_download_is_redirected_to_a_signed_address_for_a_minute(
    ann: Person, carol: Person, chat: Chat, gate: Gate
) -> None:
    (file,) = sends(ann, chat, (b"0123456789", "план.txt")).get_json()["files"]
    got = ann.api.get(file["url"])
    assert (got.status_code, got.headers["Cache-Control"]) == (302, "private, no-cache")
    address = got.headers["Location"]
    assert address.startswith(gate.url)
    status, headers, content = fetched(address)
    assert (status, content) == (200, b"0123456789")
    assert headers["Content-Type"] == "text/plain"
    assert "filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD.txt" in headers["Content-Disposition"]
    assert headers["Content-Disposition"].startswith("attachment;")
    assert fetched(address, Range="bytes=2-4")[2] == b"234"
    assert fetched(address.replace("text%2Fplain", "text%2Fhtml"))[0] == 403, "what is signed can't be changed"
    assert fetched(address.partition("?")[0])[0] == 403, "nothing is public"
    gate.clock = models.base.moment(61_000_000) - models.base.moment(0)
    assert fetched(address)[0] == 403
    assert carol.api.get(file["url"]).status_code == 404


@pytest.mark.usefixtures("redirecting")
def test_pictures_on_pages_and_heads_are_not_redirected(ann: Person, chat: Chat) -> None:
    (file,) = sends(ann, chat, (drawn(), "a.jpg")).get_json()["files"]
    for path in ("/display", "/thumbnail"):
        assert ann.browser.get(file["url"] + path).status_code == 200
    head = ann.api.open(file["url"], "HEAD")
    assert (head.status_code, head.content_length) == (200, file["size"])
    known = head.headers["ETag"]
    assert ann.api.get(file["url"], headers={"If-None-Match": known}).status_code == 304


@pytest.mark.usefixtures("redirecting")
def test_nobody_is_redirected_to_what_is_lost(ann: Person, chat: Chat) -> None:
    (file,) = sends(ann, chat, (b"x", "a.txt")).get_json()["files"]
    media.store.remove(File.get().key)
    assert ann.api.get(file["url"]).status_code == 404


# Without a bucket


def test_boto3_is_loaded_only_where_there_is_a_bucket(tmp_path: Path, bucket: dict[str, Any]) -> None:
    script = """
import sys
from config import Settings
from chat import create_app
settings = Settings.read(env_file=__import__("pathlib").Path("/nowhere"))
create_app(settings)
print(int("boto3" in sys.modules))
"""
    keys = {"SECRET_KEY": os.urandom(32).hex(), "JWT_SECRET_KEY": os.urandom(32).hex()}
    base = {**keys, "DATABASE_URL": f"sqlite:///{tmp_path / 'chat.db'}", "MEDIA_DIR": str(tmp_path / "media")}
    outputs = []
    for more in ({}, environment_of(bucket)):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, **base, **more},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.append(done.stdout.strip())
    assert outputs == ["0", "1"]


def test_uploads_wait_in_a_folder_of_this_user_alone(
    bucket: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3.tempfile, "gettempdir", lambda: str(tmp_path))
    store = Bucket(**{**bucket, "uploads_folder": None})
    folder = store.uploads_folder
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(PermissionError):
        store.receive("a.txt", "", 10)
    folder.rmdir()
    folder.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    with pytest.raises(PermissionError):
        store.receive("a.txt", "", 10)
