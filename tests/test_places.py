"""Where a picture was taken is never revealed, whatever is broken: the picture, or the machine."""

from __future__ import annotations

import errno
import io
import struct
from pathlib import Path

import pytest
import tell_places as tell
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import Person
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo
from tell_places import LATITUDES, PLACE, SIGNS, XMP, uploaded

from actions.files import store_uploads
from bench import picture_bombs as bombs
from lib.storage import Folder
from models import Chat, Invalid
from models.base import media

KINDS = ("JPEG", "PNG", "GIF", "WEBP")
ONCE = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def photograph(kind: str) -> bytes:
    """A noisy picture that contains its location in every way that its format has."""
    exif = Image.Exif()
    exif[Base.ImageDescription] = PLACE.decode()
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (52.0, 30.0, 58.8123)
    how = {"exif": exif, "xmp": XMP, "comment": PLACE}
    if kind == "PNG":
        how = {"exif": exif, "pnginfo": texts()}
    out = io.BytesIO()
    Image.effect_noise((60, 40), 60).convert("RGB").save(out, kind, **how)
    whole = out.getvalue()
    if kind == "GIF":
        whole = whole[:-1] + b"\x21\xff\x0bXMP DataXMP" + blocks(XMP) + b"\x3b"
    return whole + PLACE


def texts() -> object:
    info = PngInfo()
    info.add_text("Comment", PLACE.decode())
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return info


def blocks(content: bytes) -> bytes:
    pieces = [content[at : at + 255] for at in range(0, len(content), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


PHOTOGRAPHS = {kind: photograph(kind) for kind in KINDS}
IN_PLACE = [tell.ALL[name]() for name in sorted(tell.ALL)]


def pixels_of(kind: str) -> range:
    """Where the coded pixels stand."""
    whole = PHOTOGRAPHS[kind]
    match kind:
        case "JPEG":
            return range(whole.index(b"\xff\xda") + 14, whole.index(b"\xff\xd9" + PLACE))
        case "PNG":
            start = whole.index(b"IDAT")
            return range(start + 4, start + 4 + struct.unpack(">I", whole[start - 4 : start])[0])
        case "GIF":
            return range(whole.index(b"\x2c\0\0\0\0") + 11, whole.index(b"\x21\xff\x0bXMP"))
    start = whole.index(b"VP8 ")
    return range(start + 8, start + 8 + struct.unpack("<I", whole[start + 4 : start + 8])[0])


def with_pixels(kind: str, side: int) -> bytes:
    """The photograph, with this width and height in its header."""
    whole = bytearray(PHOTOGRAPHS[kind])
    match kind:
        case "JPEG":
            struct.pack_into(">HH", whole, whole.index(b"\xff\xc0") + 5, side, side)
        case "PNG":
            struct.pack_into(">II", whole, 16, side, side)
        case "GIF":
            struct.pack_into("<HH", whole, 6, side, side)
        case _:
            at = whole.index(b"VP8X") + 12
            whole[at : at + 6] = struct.pack("<I", side - 1)[:3] * 2
    return bytes(whole)


def with_parts(kind: str, count: int) -> bytes:
    whole = PHOTOGRAPHS[kind]
    part, before = {
        "JPEG": (b"\xff\xfe\0\x02", b"\xff\xe0"),
        "PNG": (bombs.chunk(b"teXt"), whole[33:41]),
        "GIF": (b"\x21\xfe\x01x\0", b"\x21\xff\x0bXMP"),
        "WEBP": (b"junk\0\0\0\0", b"VP8 "),
    }[kind]
    at = whole.index(before)
    whole = whole[:at] + part * count + whole[at:]
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:] if kind == "WEBP" else whole


@st.composite
def damaged_photograph(draw: st.DrawFn) -> bytes:
    """A photograph of which clean copies are written."""
    kind = draw(st.sampled_from(KINDS))
    whole = PHOTOGRAPHS[kind]
    match draw(st.sampled_from(("cut", "flipped", "pixels", "parts", "pixels, cut", "not at all"))):
        case "cut":
            return whole[: draw(st.integers(0, len(whole)))]
        case "flipped":
            broken = bytearray(whole)
            for at in draw(st.lists(st.sampled_from(pixels_of(kind)), min_size=1, max_size=8)):
                broken[at] = draw(st.integers(0, 255))
            return bytes(broken)
        case "pixels":
            return with_pixels(kind, draw(st.sampled_from((7_100, 16_000))))
        case "parts":
            return with_parts(kind, draw(st.sampled_from((9_000, 30_000))))
        case "pixels, cut":
            return with_pixels(kind, 9_000)[: draw(st.integers(0, len(whole)))]
    return whole


@st.composite
def damaged_in_place(draw: st.DrawFn) -> bytes:
    """A file of the other formats, in which places are overwritten (test_places_in_place.py)."""
    whole = draw(st.sampled_from(IN_PLACE))
    if draw(st.booleans()):
        return whole[: draw(st.integers(0, len(whole)))]
    broken = bytearray(whole)
    # The first bytes identify the format: without them no reader opens it.
    for at in draw(st.lists(st.integers(24, min(1500, len(whole) - 1)), min_size=1, max_size=4)):
        broken[at] = draw(st.integers(0, 255))
    return bytes(broken)


def stored() -> list[Path]:
    return [path for path in media.store.root.rglob("*") if path.is_file()]


def files_with_location() -> list[Path]:
    return [path for path in stored() if any(sign in path.read_bytes() for sign in SIGNS)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_photographs_of_this_file_contain_the_location(kind: str) -> None:
    assert PHOTOGRAPHS[kind].count(PLACE) >= 2
    assert kind == "GIF" or any(latitude in PHOTOGRAPHS[kind] for latitude in LATITUDES)
    assert len(pixels_of(kind)) > 500


@pytest.mark.parametrize(("contents", "kind"), [(damaged_photograph(), "jpeg"), (damaged_in_place(), "heic")])
@ONCE
@given(data=st.data())
def test_no_stored_file_reveals_the_location_whatever_is_broken(
    data: st.DataObject, contents: st.SearchStrategy[bytes], kind: str, app: Flask
) -> None:
    upload = uploaded(data.draw(contents), kind)
    try:
        store_uploads([upload])
    except Invalid as refused:
        assert set(refused.errors) == {"files"}
    upload.discard()
    assert not files_with_location()
    for path in stored():
        path.unlink()


class FullDisk(Folder):
    """A folder on a disk that is full for the one or other file: what is written there is written to /dev/full."""

    full_for = -1

    def scratch(self) -> Path:
        path = super().scratch()
        self.full_for -= 1
        if self.full_for == 0:
            path.symlink_to("/dev/full")
        return path


@pytest.mark.parametrize("cut", [0, 1, 200])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("full_for", [1, 2, 3])
def test_a_full_disk_stores_nothing_and_is_reported(app: Flask, kind: str, cut: int, full_for: int) -> None:
    """A whole photograph, which gets three copies, and a broken one, of which one is written."""
    disk = FullDisk(media.store.root)
    media.store = disk
    whole = PHOTOGRAPHS[kind]
    upload = uploaded(whole[: pixels_of(kind)[-1] - cut] if cut else whole)
    disk.full_for = full_for
    kept = None
    try:
        kept = store_uploads([upload])
    except OSError as error:
        assert error.errno == errno.ENOSPC
    except Invalid:
        assert cut
    upload.discard()
    assert not files_with_location()
    if kept is None:
        assert not stored()
    else:
        # Not every broken one has all copies.
        assert cut


@pytest.mark.parametrize("route", ["message", "avatar", "picture"])
def test_pages_and_api_report_a_full_disk(ann: Person, chat: Chat, route: str) -> None:
    disk = FullDisk(media.store.root)
    media.store = disk
    photograph = io.BytesIO(PHOTOGRAPHS["JPEG"])
    disk.full_for = 2
    match route:
        case "message":
            answer = ann.api.post("/api/messages", data={"chat_id": str(chat.id), "files": [(photograph, "a.jpg")]})
        case "avatar":
            answer = ann.api.put("/api/users/me/avatar", data={"file": (photograph, "a.jpg")})
        case _:
            answer = ann.api.put(f"/api/chats/{chat.id}/picture", data={"file": (photograph, "a.jpg")})
    assert answer.status_code == 507, answer.text
    assert not stored()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_short_keeps_its_pixels(ann: Person, chat: Chat, kind: str) -> None:
    """Whoever can mend it finds in it what there is to see."""
    whole = PHOTOGRAPHS[kind]
    end = pixels_of(kind)[-100]
    sent = {"chat_id": str(chat.id), "files": [(io.BytesIO(whole[:end]), "a.bin")]}
    (file,) = ann.api.post("/api/messages", data=sent).get_json()["files"]
    with ann.api.get(file["url"]) as got:
        assert whole[pixels_of(kind)[0] : end] in got.data
        assert len(got.data) == file["size"]
    assert file["type"] == "application/octet-stream"


def test_one_whose_parts_are_ambiguous_is_refused_by_name(ann: Person, chat: Chat) -> None:
    broken = PHOTOGRAPHS["JPEG"][:2] + b"\0\0" + PHOTOGRAPHS["JPEG"][2:]
    broken = b"\xff\xd8\xff\xe0\0\2" + b"garbage" + broken
    sent = {"chat_id": str(chat.id), "files": [(io.BytesIO(broken), "tree.jpg")]}
    answer = ann.api.post("/api/messages", data=sent)
    assert answer.status_code == 422
    assert "tree.jpg" in answer.get_json()["errors"]["files"][0]
    assert not stored()
    answer = ann.browser.submit(f"/chats/{chat.id}", files=(io.BytesIO(broken), "tree.jpg"), text="careful words")
    assert answer.status_code == 422
    assert "careful words</textarea>" in answer.text
    assert not stored()
