"""Files: uploaded, stored, and downloaded by people who may see them, and by nobody else."""

from __future__ import annotations

import http.client
import io
import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from people import PASSWORD, Anyone, Person
from PIL import Image, ImageSequence
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo
from servers import Server

from config import Settings
from models import Chat, File, limits
from models.base import media

FILE = {"id", "name", "size", "type", "url", "thumbnail_url", "width", "height"}


def sends(who: Person, chat: Chat, *files: tuple[bytes, str], text: str = "", **more: Any) -> Any:
    """Post files by the API."""
    data = {"chat_id": str(chat.id), "text": text, **more, "files": [(io.BytesIO(c), name) for c, name in files]}
    return who.api.post("/api/messages", data=data)


def drawn(kind: str = "JPEG", size: tuple[int, int] = (1200, 800), **how: Any) -> bytes:
    picture = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(picture, kind, **how)
    return picture.getvalue()


def with_place(orientation: int = 6) -> bytes:
    """A photograph as a phone takes it: turned by a note, and with the place in it."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make] = "Secret Camera"
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return drawn(exif=exif.tobytes())


def test_a_file_is_downloaded_as_it_was_uploaded(ann: Person, bob: Person, chat: Chat) -> None:
    content = random.Random(1).randbytes(100_000)
    answer = sends(ann, chat, (content, "notes.bin"), text="see")
    assert answer.status_code == 201
    (file,) = answer.get_json()["files"]
    assert set(file) == FILE
    assert (file["name"], file["size"], file["type"]) == ("notes.bin", 100_000, "application/octet-stream")
    assert (file["width"], file["height"], file["thumbnail_url"]) == (None, None, None)
    for client in (bob.api, bob.browser):
        with client.get(file["url"]) as got:
            assert got.data == content
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in got.headers["Content-Security-Policy"]
            assert got.headers["Content-Disposition"].startswith("attachment;")


def test_parts_and_unchanged_files_are_asked_for(ann: Person, chat: Chat) -> None:
    (file,) = sends(ann, chat, (b"0123456789", "digits.txt")).get_json()["files"]
    with ann.api.get(file["url"], headers={"Range": "bytes=2-4"}) as part:
        assert (part.status_code, part.data) == (206, b"234")
        assert part.headers["Content-Range"] == "bytes 2-4/10"
    with ann.api.get(file["url"], headers={"Range": "bytes=-99"}) as last:
        assert (last.status_code, last.data) == (206, b"0123456789")
        assert last.headers["Content-Range"] == "bytes 0-9/10"
    for odd in ("lines=0-1", "bytes=abc", "bytes=5-2", "bytes", ""):
        with ann.api.get(file["url"], headers={"Range": odd}) as whole:
            assert (whole.status_code, whole.data) == (200, b"0123456789"), odd
    with ann.api.get(file["url"], headers={"Range": "bytes=99-"}) as beyond:
        assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */10")
    with ann.api.get(file["url"]) as whole:
        known = whole.headers["ETag"]
        # Kept by nobody on the way, and asked for anew by who keeps it: it may be deleted, or its reader removed.
        assert whole.headers["Cache-Control"] == "private, no-cache"
    with ann.api.get(file["url"], headers={"If-None-Match": known}) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_an_id_given_anew_after_a_backup_was_put_back_is_not_taken_for_the_file_before(ann: Person, chat: Chat) -> None:
    (file,) = sends(ann, chat, (b"before", "a.txt")).get_json()["files"]
    with ann.api.get(file["url"]) as whole:
        known = whole.headers["ETag"]
    (other,) = sends(ann, chat, (b"another", "b.txt")).get_json()["files"]
    File.delete().where(File.id == file["id"]).execute()
    File.update(id=file["id"]).where(File.id == other["id"]).execute()
    with ann.api.get(file["url"], headers={"If-None-Match": known}) as changed:
        assert (changed.status_code, changed.data) == (200, b"another")
    with ann.api.get(file["url"], headers={"If-Range": known, "Range": "bytes=2-"}) as rest:
        assert (rest.status_code, rest.data) == (200, b"another")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("план на весну.txt", "план на весну.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\notes.txt", "notes.txt"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("..", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("日本語 ☃.txt", "日本語 ☃.txt"),
        ('"quoted" %41; x=y.txt', '"quoted" %41; x=y.txt'),
    ],
)
def test_a_name_is_a_label_in_any_alphabet(ann: Person, chat: Chat, sent: str, kept: str) -> None:
    upload = media.store.receive(sent, "text/plain", 100)
    upload.write(b"x")
    message = ann.posts(chat, "", files=[upload])
    (file,) = message.files
    assert file.name == kept
    with ann.api.get(file.url) as got:
        header = got.headers["Content-Disposition"]
    plain, encoded = header.removeprefix("attachment; ").split("; filename*=UTF-8''")
    assert plain.isascii() and '"' not in plain.removeprefix('filename="')[:-1]
    assert unquote(encoded) == kept


@pytest.mark.parametrize(
    "sent", [r"C:\Users\me\photo.txt", r"dir\photo.txt", r"\\server\share\photo.txt", "a/b/photo.txt"]
)
def test_of_a_path_the_last_part_is_kept(ann: Person, chat: Chat, sent: str) -> None:
    # As clients write it: what stands in quotes is not escaped by all of them.
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{sent}"\r\n\r\nx\r\n'
    body = f'{head}--b\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{chat.id}\r\n--b--\r\n'
    answer = ann.api.post("/api/messages", data=body.encode(), content_type="multipart/form-data; boundary=b")
    assert [file["name"] for file in answer.get_json()["files"]] == ["photo.txt"]


def test_a_picture_gets_its_size_and_a_thumbnail(ann: Person, bob: Person, chat: Chat) -> None:
    content = drawn("PNG")
    (file,) = sends(ann, chat, (content, "hill.png")).get_json()["files"]
    assert (file["width"], file["height"], file["type"]) == (1200, 800, "image/png")
    with bob.api.get(file["url"]) as got:
        assert got.data == content
    with bob.api.get(file["thumbnail_url"]) as got:
        assert got.content_type == "image/jpeg"
        assert Image.open(io.BytesIO(got.data)).size == (480, 320)
    with bob.browser.get(file["url"] + "/display") as got:
        assert "attachment" not in got.headers.get("Content-Disposition", "")
        assert Image.open(io.BytesIO(got.data)).size == (1200, 800)


def test_no_copy_of_a_photograph_reveals_where_it_was_taken(ann: Person, chat: Chat) -> None:
    (file,) = sends(ann, chat, (with_place(), "IMG_1.jpg")).get_json()["files"]
    assert (file["width"], file["height"]) == (800, 1200)
    for path in ("", "/display", "/thumbnail"):
        with ann.api.get(file["url"] + path) as got:
            assert b"Secret Camera" not in got.data
            picture = Image.open(io.BytesIO(got.data))
            assert not picture.getexif()
            assert picture.height > picture.width
            assert path or len(got.data) == file["size"]


def test_comments_and_texts_in_pictures_are_removed(ann: Person, chat: Chat) -> None:
    text = PngInfo()
    text.add_text("Author", "Secret Person")
    frames = [Image.new("P", (60, 40), n) for n in range(3)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:], comment=b"Secret Person", duration=50)
    sent = [
        (drawn("PNG", pnginfo=text), "a.png"),
        (moving.getvalue(), "b.gif"),
        (drawn(comment=b"Secret Person"), "c.jpg"),
    ]
    for file in sends(ann, chat, *sent).get_json()["files"]:
        with ann.api.get(file["url"]) as got:
            assert b"Secret Person" not in got.data, file["name"]
            if file["name"] == "b.gif":
                assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(got.data))))) >= 1


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "page.xhtml", "script.js", "feed.xml", "page.HTM"])
def test_active_content_is_never_shown(ann: Person, chat: Chat, name: str) -> None:
    content = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    (file,) = sends(ann, chat, (content, name)).get_json()["files"]
    assert file["type"] == "application/octet-stream"
    assert file["thumbnail_url"] is None
    with ann.browser.get(file["url"]) as got:
        assert got.content_type == "application/octet-stream"
        assert got.headers["Content-Disposition"].startswith("attachment;")
    assert ann.browser.get(file["url"] + "/display").status_code == 404


def test_a_picture_is_known_by_its_content_not_its_name(ann: Person, chat: Chat) -> None:
    (false, true) = sends(ann, chat, (b"<script>", "a.png"), (drawn("PNG", (50, 50)), "b.txt")).get_json()["files"]
    assert false["thumbnail_url"] is None
    assert (true["type"], true["width"]) == ("image/png", 50)


def test_a_decompression_bomb_is_a_plain_file(ann: Person, chat: Chat) -> None:
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG", optimize=True)
    (file,) = sends(ann, chat, (bomb.getvalue(), "bomb.png")).get_json()["files"]
    assert file["thumbnail_url"] is None
    broken = drawn()[:2000]
    (file,) = sends(ann, chat, (broken, "broken.jpg")).get_json()["files"]
    assert file["thumbnail_url"] is None


def test_too_large_and_too_many_are_refused_and_leave_nothing(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(limits, "file_max", 1000)
    answer = sends(ann, chat, (b"x" * 1001, "big.bin"), text="with text")
    assert answer.status_code == 413
    assert set(answer.get_json()["errors"]) == {"files"}
    assert sends(ann, chat, (b"x" * 1000, "just.bin")).status_code == 201
    answer = sends(ann, chat, *[(b"x", f"{n}.txt") for n in range(11)])
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"files"}
    assert File.select().count() == 1
    assert [path for path in settings.media_dir.rglob("*") if path.is_file()] == [media.store.path(File.get().key)]


def test_a_form_with_a_file_too_large_comes_back_with_its_text(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "file_max", 1000)
    fields = {"files": (io.BytesIO(b"x" * 1001), "big.bin"), "text": "three careful paragraphs"}
    answer = ann.browser.submit(f"/chats/{chat.id}", **fields)
    assert answer.status_code == 413
    assert "three careful paragraphs</textarea>" in answer.text
    assert "big.bin" in answer.text


def test_a_file_without_a_text_is_a_message(ann: Person, bob: Person, chat: Chat) -> None:
    sends(ann, chat, (b"x", "minutes.pdf"))
    assert "📎 minutes.pdf" in bob.browser.get("/").text


def test_the_same_key_with_the_same_files_sends_once(ann: Person, chat: Chat, settings: Settings) -> None:
    def send(content: bytes) -> Any:
        data = {"chat_id": str(chat.id), "text": "x", "files": [(io.BytesIO(content), "a.txt")]}
        return ann.api.post("/api/messages", data=data, headers={"Idempotency-Key": "k"})

    assert [send(b"one").status_code, send(b"one").status_code, send(b"two").status_code] == [201, 200, 422]
    assert len([path for path in settings.media_dir.rglob("*") if path.is_file()]) == 1


def test_files_are_deleted_with_their_message(
    ann: Person, bob: Person, chat: Chat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    message = sends(ann, chat, (drawn(), "a.jpg"), (b"x", "b.txt")).get_json()
    addresses = [f["url"] + path for f in message["files"] for path in ("", "/display", "/thumbnail")]
    assert ann.api.delete(f"/api/messages/{message['id']}").status_code == 204
    assert {ann.api.get(address).status_code for address in addresses} == {404}
    assert not [path for path in settings.media_dir.rglob("*") if path.is_file()]


def test_files_are_for_members_only(ann: Person, bob: Person, carol: Person, chat: Chat, anyone: Anyone) -> None:
    (file,) = sends(ann, chat, (drawn(), "a.jpg")).get_json()["files"]
    for path in ("", "/display", "/thumbnail"):
        assert carol.api.get(file["url"] + path).status_code == 404
        assert carol.browser.get(file["url"] + path).status_code == 404
        assert anyone.browser.get(file["url"] + path).headers["Location"].startswith("/login?next=")
        bad = anyone.api.get(file["url"] + path, headers={"Authorization": "Bearer x"})
        assert (bad.status_code, bad.content_type) == (401, "application/problem+json")
    ann.removes(bob, chat)
    assert bob.browser.get(file["url"], headers={"Range": "bytes=0-1"}).status_code == 404


def test_a_row_whose_bytes_are_missing_is_reported(ann: Person, chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    (file,) = sends(ann, chat, (b"x", "a.txt")).get_json()["files"]
    media.store.remove(File.get_by_id(file["id"]).key)
    assert ann.api.get(file["url"]).status_code == 404
    assert "missing" in caplog.text


def test_an_unknown_file_field_is_refused(ann: Person, chat: Chat) -> None:
    data = {"chat_id": str(chat.id), "text": "x", "attachment": (io.BytesIO(b"x"), "a.txt")}
    answer = ann.api.post("/api/messages", data=data)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"attachment"}


def test_the_largest_file_adds_little_memory(server: Server) -> None:
    """25 MiB, sent to a real server and fetched again: less than 10 MiB more at its peak."""
    account = {"username": "memory", "password": PASSWORD}
    asked(server, "POST", "/api/users", account)
    token = asked(server, "POST", "/api/users/login", account)["token"]
    chat = asked(server, "POST", "/api/chats", {"title": "Garden"}, token)
    send(server, token, chat["id"], 1)
    before = peak(server)
    file = send(server, token, chat["id"], 25)
    assert file["size"] == 25 * 2**20
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", file["url"], headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    received = sum(len(part) for part in iter(lambda: answer.read(2**16), b""))
    connection.close()
    assert received == 25 * 2**20
    assert peak(server) - before < 10 * 1024


def asked(server: Server, method: str, path: str, body: object, token: str = "") -> Any:
    """One request with JSON both ways."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    message_json = json.loads(answer.read())
    connection.close()
    assert answer.status < 300, message_json
    return message_json


def send(server: Server, token: str, chat_id: int, megabytes: int) -> Any:
    """Send a file in a body that is never whole anywhere."""
    head = (
        f'--b\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{chat_id}\r\n'
        '--b\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
    ).encode()
    tail, part = b"\r\n--b--\r\n", b"x" * 2**16
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(len(head) + megabytes * 2**20 + len(tail)),
        "Authorization": f"Bearer {token}",
    }
    connection.request("POST", "/api/messages", iter([head, *[part] * (megabytes * 16), tail]), headers)
    answer = connection.getresponse()
    message_json = json.loads(answer.read())
    connection.close()
    assert answer.status == 201, message_json
    return message_json["files"][0]


def peak(server: Server) -> int:
    """The most memory that a worker of the server had at once, in KiB (proc(5))."""
    children = Path(f"/proc/{server.master.pid}/task/{server.master.pid}/children").read_text().split()
    status = [Path(f"/proc/{child}/status").read_text() for child in children]
    return max(int(line.split()[1]) for text in status for line in text.splitlines() if line.startswith("VmHWM"))
