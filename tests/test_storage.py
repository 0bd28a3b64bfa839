"""Bytes come in whole, stay, and go when nobody names them; a name never becomes a path."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.formparser import FormDataParser

from lib import storage
from lib.storage import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "media")


def kept(folder: Folder, content: bytes = b"content") -> str:
    upload = folder.receive("minutes.txt", "text/plain", 1_000)
    upload.write(content)
    return folder.keep(upload)


def files(folder: Folder) -> list[Path]:
    return [path for path in folder.root.rglob("*") if path.is_file()]


def grow_old(folder: Folder, seconds: int) -> None:
    for path in files(folder):
        os.utime(path, (time.time() - seconds,) * 2)


def test_a_file_is_counted_and_hashed_as_it_arrives(folder: Folder) -> None:
    upload = folder.receive("minutes.txt", "text/plain", 100)
    for part in (b"one ", bytearray(b"two "), memoryview(b"three")):
        assert upload.write(part) == len(part)
    assert upload.size == 13
    assert upload.digest == hashlib.sha256(b"one two three").hexdigest()
    assert not upload.too_large
    assert upload.path.read_bytes() == b"one two three"


def test_an_upload_is_read_like_any_file(folder: Folder) -> None:
    with folder.receive("list.txt", "text/plain", 100) as upload:
        upload.write(b"one\ntwo\n")
        assert upload.tell() == 8
        assert upload.seek(0) == 0
        assert list(upload) == [b"one\n", b"two\n"]
        upload.seek(4)
        assert upload.read() == b"two\n"
        assert upload.readable() and upload.writable() and upload.seekable()
    assert upload.closed


def test_a_form_writes_its_files_into_the_store(folder: Folder) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a/b.txt"\r\nContent-Type: text/plain\r\n\r\n'
        + b"line\n" * 50_000
        + b"\r\n--x--\r\n"
    )

    def receive(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return cast("IO[bytes]", folder.receive(filename or "", content_type or "", 10**6))

    parser = FormDataParser(stream_factory=receive)
    _, _, sent = parser.parse(BytesIO(body), "multipart/form-data", len(body), {"boundary": "x"})
    upload = sent["files"].stream
    assert isinstance(upload, storage.Upload)
    assert (upload.name, upload.size) == ("b.txt", 250_000)
    assert sum(1 for _ in sent["files"]) == 50_000
    sent["files"].close()


def test_of_a_file_too_large_nothing_beyond_the_limit_is_written(folder: Folder) -> None:
    upload = folder.receive("big.bin", "", 10)
    too_large = []
    for part in (b"12345", b"6789012345", b"x"):
        upload.write(part)
        too_large.append(upload.too_large)
    assert too_large == [False, True, True]
    assert upload.size == 16
    assert upload.path.stat().st_size == 5


def test_a_file_of_just_the_limit_is_not_too_large(folder: Folder) -> None:
    upload = folder.receive("big.bin", "", 10)
    upload.write(b"1234567890")
    assert not upload.too_large


def test_a_discarded_upload_leaves_nothing_and_a_kept_one_stays(folder: Folder) -> None:
    upload = folder.receive("a.txt", "", 10)
    upload.write(b"x")
    upload.discard()
    upload.discard()
    assert files(folder) == []
    upload = folder.receive("a.txt", "", 10)
    upload.write(b"x")
    key = folder.keep(upload)
    upload.discard()
    assert folder.exists(key)


def test_a_full_disk_raises_an_error_and_leaves_nothing(folder: Folder) -> None:
    upload = folder.receive("a.bin", "", 10**9)
    upload._file.close()
    with Path("/dev/full").open("w+b") as upload._file, pytest.raises(OSError, match="space") as full:
        for _ in range(100):
            upload.write(b"x" * 65_536)
    assert full.value.errno == errno.ENOSPC
    assert files(folder) == []


def test_a_stored_file_is_found_by_its_key(folder: Folder) -> None:
    key = kept(folder, b"bytes")
    assert storage.KEY.fullmatch(key)
    assert folder.exists(key)
    assert folder.path(key).read_bytes() == b"bytes"
    assert files(folder) == [folder.path(key)]


def test_a_derived_picture_is_stored_like_an_upload(folder: Folder) -> None:
    path = folder.scratch()
    path.write_bytes(b"picture")
    key = folder.keep(path)
    assert folder.path(key).read_bytes() == b"picture"
    assert not path.exists()


def test_a_file_is_synced_before_it_is_renamed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        done.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", renamed)
    kept(folder)
    assert done == ["file", "rename", "folder", "folder"]


def test_a_missing_file_raises_file_not_found(folder: Folder) -> None:
    key = kept(folder)
    folder.remove(key)
    folder.remove(key)
    assert not folder.exists(key)


@pytest.mark.parametrize(
    "key", ["", "..", "../chat.db", "ab/../../etc", "/etc/passwd", "ab/" + "g" * 30, "incoming/x",
    "AB/" + "a" * 30,
            "ab/" + "a" * 30 + "\n", "ab\\" + "a" * 30],
)  # fmt: skip
def test_an_invalid_key_is_refused(folder: Folder, key: str) -> None:
    for verb in (folder.path, folder.exists, folder.remove):
        with pytest.raises(ValueError, match="key"):
            verb(key)


def test_the_sweeper_removes_only_files_that_no_row_names(folder: Folder) -> None:
    named, lost = kept(folder), kept(folder)
    stale = folder.receive("half.bin", "", 10)
    stale.close()
    grow_old(folder, 100)
    new = kept(folder)
    arriving = folder.receive("new.bin", "", 10)
    asked: list[str] = []

    def known(keys: list[str]) -> set[str]:
        asked.extend(keys)
        return {named} & set(keys)

    assert folder.sweep(known, 50) == 2
    assert sorted(asked) == sorted([named, lost])
    assert set(files(folder)) == {folder.path(named), folder.path(new), arriving.path}
    arriving.close()


def test_the_sweeper_asks_in_batches(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "ASKED_AT_ONCE", 2)
    for _ in range(5):
        kept(folder)
    grow_old(folder, 100)
    sizes: list[int] = []

    def known(keys: list[str]) -> set[str]:
        sizes.append(len(keys))
        return set(keys)

    assert folder.sweep(known, 50) == 0
    assert sizes == [2, 2, 1]


def test_the_sweeper_touches_no_other_files(folder: Folder) -> None:
    kept(folder)
    strange = folder.root / "ab" / "notes.txt"
    strange.parent.mkdir(exist_ok=True)
    strange.write_text("x")
    (folder.root / "readme").write_text("x")
    grow_old(folder, 100)
    assert folder.sweep(lambda keys: set(), 50) == 1
    assert strange.exists()


def test_an_upload_that_went_meanwhile_does_not_stop_the_sweeper(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = folder.uploads_folder / "gone"

    def listed(path: Path) -> Iterator[Path]:
        yield missing

    monkeypatch.setattr(Path, "iterdir", listed)
    assert folder.sweep(set, 0) == 0


@pytest.mark.parametrize(
    ("given_name", "label"),
    [
        ("minutes.pdf", "minutes.pdf"), ("a/b/c.txt", "c.txt"), ("C:\\Users\\ann\\c.txt", "c.txt"),
        ("../../etc/passwd", "passwd"),
        ("", "file"), ("..", "file"), (".", "file"), ("a/", "file"), ("  ", "file"), ("\x00\x1f", "file"),
        (".htaccess", ".htaccess"),
        ("two\nlines\t.txt", "two lines .txt"), ("gpj.\u202eexe", "gpj.exe"), ("half\ud83d.txt", "half.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("x" * 300 + ".tar", "x" * 196 + ".tar"), ("x" * 300, "x" * 200),
        ("x." + "y" * 300, "x." + "y" * 198),
        ("Протокол №1.docx", "Протокол №1.docx"),
        # Younger than Python's tables, put together by joiners, a flag of tags; newlines as browsers write them.
        ("tree \U0001fabe.png",) * 2, ("\u0645\u06cc\u200c\u0631\u0648\u0645.pdf",) * 2,
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.jpg",) * 2,
        ("two%0Alines%0D%0A.txt", "two lines .txt"), ("a %22quoted%22 name.txt", 'a "quoted" name.txt'),
        ("100%25.txt", "100%25.txt"),
    ],
)  # fmt: skip
def test_the_last_part_of_a_path_becomes_the_label(folder: Folder, given_name: str, label: str) -> None:
    assert storage.label(given_name) == label


@given(st.text(max_size=400))
@settings(deadline=None)
def test_a_label_is_never_a_path_and_never_empty(name: str) -> None:
    label = storage.label(name)
    assert 1 <= len(label) <= 200
    assert not set(label) & set("/\\\r\n\x00")
    assert label not in (".", "..")
    assert storage.label(label) == label
    label.encode()


@pytest.mark.parametrize(
    ("name", "declared", "type"),
    [
        ("a.pdf", "text/html", "application/pdf"), ("a.txt", "text/html", "text/plain"),
        ("a", "image/png", "image/png"),
        ("a", "text/plain; charset=utf-8", "text/plain"), ("a", "Text/Plain", "text/plain"),
        ("a.html", "text/plain", storage.BYTES),
        ("a.svg", "image/png", storage.BYTES), ("a.xhtml", "", storage.BYTES), ("a.xml", "", storage.BYTES),
        ("a.js", "", storage.BYTES),
        ("a.css", "", storage.BYTES), ("a.mht", "multipart/related", storage.BYTES),
        ("a.eml", "", storage.BYTES), ("a", "image/svg+xml", storage.BYTES),
        ("a", "", storage.BYTES), ("a", "nonsense", storage.BYTES),
        ("a", "text/html\r\nX: y", storage.BYTES), ("a", "a/b\r\nX: y", storage.BYTES),
        ("a.tar.gz", "", "application/gzip"), ("a.html.gz", "", "application/gzip"),
        ("a.svgz", "", "application/gzip"),
        ("a.mp4", "", "video/mp4"),
    ],
)  # fmt: skip
def test_a_type_is_never_one_that_a_browser_runs(name: str, declared: str, type: str) -> None:
    assert storage.safe_type(name, declared) == type


def test_a_duplicate_outlives_the_original(folder: Folder) -> None:
    key = kept(folder)
    other = folder.duplicate(key)
    assert other != key
    folder.remove(key)
    assert folder.path(other).read_bytes() == b"content"
    assert list(folder.uploads_folder.iterdir()) == []


def test_a_duplicate_of_something_old_is_new_to_the_sweeper(folder: Folder) -> None:
    key = kept(folder)
    grow_old(folder, 1_000)
    other = folder.duplicate(key)
    assert folder.sweep(lambda keys: {key}, older_than=500) == 0
    assert folder.exists(other)


def test_a_duplicate_is_made_where_there_are_no_hard_links(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    monkeypatch.setattr(os, "link", refuses)
    key = kept(folder)
    assert folder.path(folder.duplicate(key)).read_bytes() == b"content"


def test_a_missing_file_can_not_be_duplicated(folder: Folder) -> None:
    key = kept(folder)
    folder.remove(key)
    with pytest.raises(FileNotFoundError):
        folder.duplicate(key)
    assert list(folder.uploads_folder.iterdir()) == []
