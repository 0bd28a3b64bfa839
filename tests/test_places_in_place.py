"""HEIC, AVIF, TIFF, raw pictures and films tell no place either: what told it is overwritten where it stands.

That none does when it is damaged is tested in test_places.py, with the other formats.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
import tell_places as tell
from flask import Flask
from people import Person
from PIL import Image

from actions.files import store_uploads
from lib import image_parts, images
from models import Chat
from models.base import media

KINDS = {name: make() for name, make in tell.ALL.items()}
OPENED = (
    "HEIC", "HEIC of several", "AVIF", "AVIF that moves", "TIFF", "TIFF of JPEG", "TIFF of pages", "BigTIFF",
    "Photoshop", "JPEG 2000",
)  # fmt: skip


def location_signs_in(content: bytes) -> list[bytes]:
    return [sign for sign in tell.SIGNS if sign in content]


def stripped(content: bytes, folder: Path) -> bytes:
    source, out = folder / "source", folder / "out"
    source.write_bytes(content)
    return out.read_bytes() if images.stripped(str(source), str(out)) else content


@pytest.mark.parametrize("name", KINDS)
def test_the_location_is_removed_and_nothing_else_has_moved(name: str, tmp_path: Path) -> None:
    whole = KINDS[name]
    assert len(location_signs_in(whole)) >= 2
    bare = stripped(whole, tmp_path)
    assert not location_signs_in(bare)
    assert len(bare) == len(whole)
    assert stripped(bare, tmp_path) == bare


@pytest.mark.parametrize("name", OPENED)
def test_what_is_to_be_seen_stays_bit_for_bit(name: str, tmp_path: Path) -> None:
    bare = stripped(KINDS[name], tmp_path)
    with Image.open(io.BytesIO(KINDS[name])) as before, Image.open(io.BytesIO(bare)) as after:
        assert not after.getexif().get_ifd(0x8825)
        assert "xmp" not in after.info
        frames = getattr(before, "n_frames", 1)
        for at in range(max(frames, 1)):
            if frames > 1:
                before.seek(at)
                after.seek(at)
            assert before.tobytes() == after.tobytes()
        assert getattr(after, "n_frames", 1) == frames


def test_unreferenced_bytes_are_overwritten(tmp_path: Path) -> None:
    for name in ("TIFF", "BigTIFF", "TIFF of pages"):
        assert not location_signs_in(stripped(KINDS[name] + tell.PLACE, tmp_path))
    for name in ("HEIC", "AVIF", "film"):
        whole = KINDS[name] + tell.box(b"mdat", tell.PLACE)
        assert tell.PLACE not in stripped(whole, tmp_path)


def test_a_raw_picture_can_still_be_developed(tmp_path: Path) -> None:
    for name in ("raw", "raw, the other order"):
        bare = stripped(KINDS[name], tmp_path)
        assert b"Canon needs this" in bare
        with Image.open(io.BytesIO(bare[bare.index(b"\xff\xd8\xff") :])) as picture:
            picture.load()
            assert not picture.getexif()


@pytest.mark.parametrize("name", ["raw of Panasonic", "raw of Sony"])
def test_what_only_the_maker_finds_stays_in_a_raw_picture(name: str, tmp_path: Path) -> None:
    bare = stripped(KINDS[name], tmp_path)
    assert bare.endswith(tell.RAW_PIXELS)
    assert (b"white balance" in bare) == (name == "raw of Sony")
    assert (bare.count(b"\xff\xd8\xff") == 1) == (name == "raw of Panasonic")


def test_a_raw_picture_whose_pixels_no_entry_names_is_refused_not_emptied(tmp_path: Path) -> None:
    with pytest.raises(images.Undecodable):
        stripped(KINDS["raw of Sony"] + tell.RAW_PIXELS * 2, tmp_path)


def test_of_a_film_the_seen_track_stays(tmp_path: Path) -> None:
    whole = KINDS["film"]
    bare = stripped(whole, tmp_path)
    start = whole.index(b"mdat") + 4
    assert bare[start : start + 800] == whole[start : start + 800]
    for part in (b"stco", b"vide", b"mvhd", b"tkhd"):
        assert part in bare


def test_of_a_film_in_fragments_only_seen_tracks_are_taken(tmp_path: Path) -> None:
    whole = tell.film_in_fragments()
    assert stripped(whole, tmp_path)[-800:] == whole[-800:]
    for track in (b"trak", b"trac"):
        with pytest.raises(images.Undecodable):
            stripped(tell.film_in_fragments(track, 2), tmp_path)


@pytest.mark.parametrize("end", [100, 870, 920])
def test_a_film_that_is_cut_short_before_its_tables_is_refused(tmp_path: Path, end: int) -> None:
    with pytest.raises(images.Undecodable):
        stripped(KINDS["film"][:end], tmp_path)


def test_a_text_that_begins_like_a_film_is_none(app: Flask) -> None:
    for text in (b"The free world", b"Let skip", b"Yes,mdat a lot", b"all wide open", b"MM and II", b"II*"):
        upload = tell.uploaded(text, "heic")
        (kept,) = store_uploads([upload])
        assert kept.size == len(text)
        with media.store.path(kept.key).open("rb") as file:
            assert file.read() == text


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("raw", 24, 206),
        ("raw, the other order", 24, 206),
        ("raw of Sony", 60, 240),
        ("TIFF", 10, 360),
        ("film", 925, 1500),
    ],
)
def test_no_single_damaged_byte_hides_the_place(name: str, start: int, end: int, tmp_path: Path) -> None:
    """Those of the tables: an offset, a length, a tag or a name leads elsewhere, or nowhere."""
    for at in range(start, end):
        for byte in {0, 255, KINDS[name][at] ^ 1}:
            broken = bytearray(KINDS[name])
            broken[at] = byte
            with contextlib.suppress(images.Undecodable):
                assert not location_signs_in(stripped(bytes(broken), tmp_path)), (at, byte)


@pytest.mark.parametrize("name", ["HEIC", "AVIF", "AVIF that moves"])
def test_telephones_pictures_get_copies_that_every_browser_shows(ann: Person, chat: Chat, name: str) -> None:
    sent = {"chat_id": str(chat.id), "files": [(io.BytesIO(KINDS[name]), "IMG_1.HEIC")]}
    (file,) = ann.api.post("/api/messages", data=sent).get_json()["files"]
    assert (file["width"], file["height"]) == (64, 48)
    assert file["type"] == ("image/heic" if name == "HEIC" else "image/avif")
    for address, kind in ((file["url"], None), (f"{file['url']}/display", True), (file["thumbnail_url"], True)):
        with ann.api.get(address) as got:
            assert got.status_code == 200
            assert not location_signs_in(got.data)
            if kind:
                with Image.open(io.BytesIO(got.data), formats=["JPEG", "WEBP"]) as shown:
                    assert shown.size == (64, 48)
                    moves = name == "AVIF that moves" and address.endswith("display")
                    assert getattr(shown, "n_frames", 1) == (3 if moves else 1)
    avatar = ann.api.put("/api/users/me/avatar", data={"file": (io.BytesIO(KINDS[name]), "me.heic")})
    assert avatar.status_code == 200, avatar.text


def test_a_heic_made_of_what_no_camera_writes_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(KINDS["HEIC"].replace(b"hvc1", b"iden", 1))
    assert images.read(path) is None
    path.write_bytes(KINDS["HEIC"])
    assert images.read(path) == images.Picture(64, 48, "image/heic", True)


@pytest.mark.parametrize("cut", [1, 100])
def test_a_heic_that_is_cut_short_is_a_plain_file(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "picture"
    path.write_bytes(tell.encoded("HEIF")[:-cut])
    assert images.read(path) is None
    layout = image_parts.layout_of(path)
    assert layout
    assert layout.is_cut_short


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_above_the_limit_gets_copies_and_keeps_how_it_is_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int
) -> None:
    monkeypatch.setattr(images, "PIXELS", 1_000_000)
    values = tell.exif()
    values[0x0112] = orientation
    path, shown, small, clean = (tmp_path / name for name in ("source", "shown", "small", "clean"))
    picture = tell.noise((4000, 3000))
    picture.paste((250, 0, 0), (0, 0, 4000, 1500))
    picture.save(path, "JPEG", exif=values)
    done = images.copies(str(path), str(shown), str(small), str(clean))
    size = (3000, 4000) if orientation in (6, 8) else (4000, 3000)
    assert (done["width"], done["height"], done["has_metadata"]) == (*size, True)
    red = {1: (0.5, 0.1), 3: (0.5, 0.9), 6: (0.9, 0.5), 8: (0.1, 0.5)}[orientation]
    for copy, most in ((shown, 2048), (small, 480)):
        with Image.open(copy) as seen:
            assert max(seen.size) == most
            assert (seen.width > seen.height) == (size[0] > size[1])
            colour = seen.getpixel((int(red[0] * seen.width), int(red[1] * seen.height)))
            assert isinstance(colour, tuple)
            assert colour[0] > 200 > 60 > colour[2]
    assert not location_signs_in(clean.read_bytes())
    with Image.open(clean) as kept:
        assert kept.size == (4000, 3000)
        assert kept.getexif().get(0x0112, 1) == orientation
