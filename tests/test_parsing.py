"""Reading a request costs little, whatever it is made of (bench/parsing.py has the figures)."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from people import Anyone, Person
from werkzeug.test import TestResponse

from models import Chat, Message

MULTIPART = "multipart/form-data; boundary=b"
FORM = "application/x-www-form-urlencoded"
END = b"--b--\r\n"
FILE = b'Content-Disposition: form-data; name="files"; filename="x.txt"'
NEAR = 2**18
every_example = how(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def part(head: bytes, body: bytes = b"1") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + body + b"\r\n"


def field(name: str, value: str = "1") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"'.encode(), value.encode())


class Counted(io.BytesIO):
    """A body that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self.taken += len(piece)
        return piece

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self.taken += count
        return count


def posts(who: Person, body: bytes, type: str = MULTIPART, path: str = "/api/messages") -> tuple[TestResponse, int]:
    """The answer, and how much of the body was read for it."""
    sent = Counted(body)
    return who.api.post(path, input_stream=sent, content_length=len(body), content_type=type), sent.taken


HEAVY = {
    "many part headers": (part(b"a:\r\n" * 20_000 + FILE) * 20 + END, 413),
    "one long header": (part(b"a: " + b"x" * 500_000 + b"\r\n" + FILE) + END, 413),
    "headers without an end": (b"--b\r\n" + b"a: b\r\n" * 100_000, 413),
    "a header that goes on": (part(b"a: x\r\n" + b" x\r\n" * 100_000 + FILE) + END, 413),
    "many parameters": (part(FILE + b"; a=b" * 20_000) + END, 413),
    "continuations of a name": (part(FILE + "".join(f"; filename*{n}=x" for n in range(9_000)).encode()) + END, 413),
    "many parts": (field("a") * 100_000 + END, 413),
    "many files": (part(FILE) * 10_000 + END, 413),
    "no headers at all": (b"--b\r\n\r\n\r\n" * 100_000 + END, 400),
    "much before the first boundary": (b"--b " * 1_000_000, 413),
    "a boundary that never ends": (part(FILE)[:-2] + b"\r\n--b " * 1_000_000, 413),
    "no name": (part(b"Content-Disposition: form-data") + END, 422),
    "a name in no encoding": (part(b'Content-Disposition: form-data; name="\xff"') + END, 400),
    "no end": (field("chat_id") + part(FILE)[:-4], 400),
    "nothing": (b"", 400),
}


@pytest.mark.parametrize("what", HEAVY)
def test_what_is_malformed_or_too_much_is_refused_at_once(ann: Person, chat: Chat, what: str) -> None:
    body, status = HEAVY[what]
    answer, taken = posts(ann, body)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert status != 413 or taken <= (2**20 + 2**17 if "boundary" in what else NEAR)
    assert Message.select().count() == 0


def test_fields_lie_in_memory_all_together_within_a_bound(ann: Person, chat: Chat) -> None:
    answer, taken = posts(ann, field("text", "x" * 300_000) * 100 + END)
    assert answer.status_code == 413
    assert taken < 2**21


@pytest.mark.parametrize("boundary", ["b" * 201, "é", "", '""'])
def test_what_can_be_no_boundary_is_refused(ann: Person, boundary: str) -> None:
    answer, _ = posts(ann, b"--b" * 1000, f"multipart/form-data; boundary={boundary}")
    assert answer.status_code == 400


def test_a_page_shows_it_too(ann: Person, chat: Chat) -> None:
    for body, type, status in (
        (HEAVY["many part headers"][0], MULTIPART, 413),
        (HEAVY["no headers at all"][0], MULTIPART, 400),
        (b"a&" * 2_000, FORM, 413),
        (b"a=" + b"%u" * 400_000, FORM, 413),
    ):
        answer = ann.browser.client.post(f"/chats/{chat.id}", data=body, content_type=type)
        assert answer.status_code == status
        assert "topbar" in answer.text


def test_a_form_of_a_thousand_fields_and_more_is_no_form(anyone: Anyone) -> None:
    for body in (b"a=b&" * 1_000, b"%41&" * 250_000, b"&" * 1_000_000):
        assert anyone.browser.client.post("/login", data=body, content_type=FORM).status_code == 413
    assert anyone.browser.client.post("/login", data=b"a=b&" * 999, content_type=FORM).status_code == 400


def test_a_json_object_of_more_than_a_thousand_fields_is_refused_whole(ann: Person) -> None:
    for count, status in ((80_000, 400), (1_001, 400), (1_000, 422)):
        answer = ann.api.post("/api/messages", json={f"a{number}": 1 for number in range(count)})
        assert answer.status_code == status
        assert len(answer.data) < 100_000


def test_lists_of_what_a_client_takes_are_read_as_far_as_browsers_write_them(anyone: Anyone) -> None:
    for more, language in (("a," * 400, "ru"), ("a," * 30_000, "en")):
        lists = {"Accept-Language": f"ru,{more}", "Accept-Encoding": f"gzip,{more}"}
        answer = anyone.browser.get("/login", headers=lists)
        page = gzip.decompress(answer.data).decode() if language == "ru" else answer.text
        assert f'<html lang="{language}"' in page


# What it must not keep from anybody


PLAIN = st.text(st.characters(codec="utf-8"), max_size=200)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters='"\\/%'), min_size=1, max_size=60
)


@given(PLAIN, st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=4))
@every_example
def test_a_form_arrives_as_it_was_sent(ann: Person, chat: Chat, text: str, files: list[tuple[str, bytes]]) -> None:
    body = field("chat_id", str(chat.id)) + field("text", text)
    for name, content in files:
        body += part(f'Content-Disposition: form-data; name="files"; filename="{name}.bin"'.encode(), content)
    if any(b"\r\n--b" in content for _, content in files) or "\r\n--b" in text:
        return
    answer, _ = posts(ann, body + END)
    assert answer.status_code in (201, 422), answer.text
    if answer.status_code == 201:
        kept = answer.get_json()["files"]
        assert [file["size"] for file in kept] == [len(content) for _, content in files]
        for file, (_, content) in zip(kept, files, strict=True):
            with ann.api.get(file["url"]) as got:
                assert got.data == content


@given(
    st.lists(
        st.sampled_from(
            [b"--b", b"--b--", b"\r\n", b"\n", b"\r", b" ", FILE, b"a: b", b":", b"x" * 9_000, b'"', b"\xff"]
        )
    )
)
@every_example
def test_no_body_breaks_anything(ann: Person, chat: Chat, pieces: list[bytes]) -> None:
    answer, _ = posts(ann, field("chat_id", str(chat.id)) + b"".join(pieces))
    assert answer.status_code in (201, 400, 413, 422)


def one_file(who: Person, chat: Chat, head: bytes) -> str:
    """What a file is called in the end."""
    answer, _ = posts(who, field("chat_id", str(chat.id)) + part(head) + END)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["files"][0]["name"])


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'Content-Disposition: form-data; name="files"; filename="C:\\dir\\a.txt"', "a.txt"),
        (b"content-disposition:form-data;name=files;filename=a.txt", "a.txt"),
        (b"Content-Disposition: form-data; name=\"files\"; filename*=utf-8''%D0%BF.txt", "п.txt"),
        (b'Content-Disposition: form-data; name="files"; filename="a\\"b.txt"', 'a"b.txt'),
        (b"Content-Type: text/plain\r\n" + FILE, "x.txt"),
        (b'Content-Disposition: form-data;\r\n name="files"; filename="x.txt"', "x.txt"),
        (b'Content-Disposition: form-data; name="files"; filename="' + "я".encode() * 255 + b'.txt"', None),
        (b'Content-Disposition: form-data; name="files"; filename="' + b"%D1%8F" * 255 + b'.txt"', None),
    ],
)
def test_files_are_called_as_programs_write_names(ann: Person, chat: Chat, head: bytes, name: str | None) -> None:
    called = one_file(ann, chat, head)
    assert called == name if name else called.endswith(".txt")


def test_a_part_may_have_nothing_in_it(ann: Person, chat: Chat) -> None:
    """Not even the line end before what is in it (RFC 2046, 5.1.1: body-part)."""
    empty = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
    answer, _ = posts(ann, field("chat_id", str(chat.id)) + empty + part(FILE) + END)
    assert answer.status_code == 201
    json.loads(answer.text)
