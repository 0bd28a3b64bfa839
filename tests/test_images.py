"""Pictures are what they seem, stand upright, and contain nothing but what they show."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin, UnidentifiedImageError

from lib import images

Maker = Callable[..., Path]
SECRET = b"ann was here"


@pytest.fixture
def made(tmp_path: Path) -> Maker:
    """Makes a picture of two halves, red and blue, and returns its path."""

    def make(
        kind: str = "JPEG", mode: str = "RGB", size: tuple[int, int] = (60, 40), frames: int = 1, **how: Any
    ) -> Path:
        pictures = [halves(size, at).convert(mode) for at in range(frames)]
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        if frames > 1:
            how |= {"save_all": True, "append_images": pictures[1:], "duration": 80}
        pictures[0].save(path, kind, **how)
        return path

    return make


def halves(size: tuple[int, int], at: int = 0) -> Image.Image:
    picture = Image.new("RGB", size, (250 - 10 * at, 0, 0))
    picture.paste((0, 0, 250), (size[0] // 2, 0, *size))
    return picture


def exif(orientation: int = 1) -> Image.Exif:
    values = Image.Exif()
    values[0x0112] = orientation
    values[0x010F] = SECRET.decode()
    return values


def texts() -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("gamma", SECRET.decode())
    return chunks


def corner(path: Path) -> tuple[int, ...]:
    """The colour in the upper left."""
    with Image.open(path) as picture:
        colour = picture.convert("RGBA").getpixel((2, 2))
    assert isinstance(colour, tuple)
    return colour


def is_red(path: Path) -> bool:
    red, _, blue, _ = corner(path)
    return red > 200 and blue < 60


def frame_count(path: Path) -> int:
    with Image.open(path) as picture:
        return int(getattr(picture, "n_frames", 1))


@pytest.mark.parametrize(
    ("kind", "type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp")]
)
def test_a_picture_is_known_by_its_bytes(made: Maker, kind: str, type: str) -> None:
    assert images.read(made(kind)) == images.Picture(60, 40, type)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "TGA", "PDF", "EPS", "JPEG2000"])
def test_other_formats_are_not_pictures(made: Maker, kind: str) -> None:
    path = made(kind)
    assert images.read(path) is None
    with pytest.raises(UnidentifiedImageError):
        images.opened(path)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"GIF89a", b"GIF89a" + b"\xff" * 20, b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBP",
                b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html><img></html>", b"%PDF-1.7",
                b"\0" * 1000]
)  # fmt: skip
def test_a_file_that_is_not_a_picture_is_reported_not_raised(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert images.read(path) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_truncated_picture_is_refused_and_a_damaged_one_never_raises(made: Maker, kind: str) -> None:
    path = made(kind, size=(400, 300))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert images.read(path) is None
    for at in range(0, len(whole), max(1, len(whole) // 80)):
        path.write_bytes(whole[:at] + b"\xff\x00\x7f" + whole[at + 3 :])
        if images.read(path) is not None:
            for copy in (images.display, images.thumbnail, images.square, images.clean_copy):
                copy(path, path.with_suffix(".copy"))


def bomb(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and holds none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(8_000, 7_000), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(*size))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda *_: pytest.fail("decoded"))
    assert images.read(path) is None


def test_an_animation_of_too_many_frames_or_pixels_is_refused(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    moving = made("GIF", frames=6)
    assert images.read(moving) is not None
    monkeypatch.setattr(images, "FRAMES", 5)
    assert images.read(moving) is None
    assert images.read(made("WEBP", frames=6)) is None
    monkeypatch.setattr(images, "FRAMES", 1_000)
    monkeypatch.setattr(images, "PIXELS_IN_ALL", 60 * 40 * 5)
    assert images.read(moving) is None


def test_a_million_frames_are_not_counted_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0" * 6
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    path = tmp_path / "many.gif"
    path.write_bytes(head + frame * 1_000_000 + b"\x3b")
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert images.read(path) is None


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("JPEG", {"exif": exif()}), ("JPEG", {"comment": SECRET}), ("JPEG", {"xmp": SECRET}),
        ("PNG", {"exif": exif()}),
        ("PNG", {"pnginfo": texts()}), ("GIF", {"comment": SECRET}), ("WEBP", {"exif": exif()}),
        ("WEBP", {"xmp": SECRET}),
        ("GIF", {"comment": SECRET, "frames": 3}), ("WEBP", {"exif": exif(), "frames": 3}),
        ("PNG", {"exif": exif(), "frames": 3}),
        ("WEBP", {"exif": exif(), "lossless": True}), ("JPEG", {"exif": exif(6)}),
        ("PNG", {"exif": exif(3)}), ("WEBP", {"exif": exif(8)}),
        ("JPEG", {"exif": exif(), "mode": "CMYK"}),
        ("JPEG", {"exif": exif(), "mode": "L", "progressive": True}),
        ("PNG", {"exif": exif(), "mode": "P"}), ("MPO", {"exif": exif(), "frames": 2}),
    ],
)  # fmt: skip
def test_metadata_about_a_person_is_found_and_left_out(made: Maker, kind: str, how: dict[str, Any]) -> None:
    path = made(kind, **how)
    before = images.read(path)
    assert before is not None
    assert before.has_metadata
    assert SECRET in path.read_bytes()
    out = path.with_suffix(".clean")
    cleaned = images.clean_copy(path, out)
    assert SECRET not in out.read_bytes()
    if kind == "WEBP" and out.read_bytes()[12:16] == b"VP8X":
        assert not out.read_bytes()[20] & 0x0C, "it still announces EXIF or XMP"
    after = images.read(out)
    assert after == cleaned
    assert after == images.Picture(before.width, before.height, before.type, animated=before.animated)
    if kind != "MPO":
        assert frame_count(out) == frame_count(path)
    for copy in (images.display, images.thumbnail, images.square):
        copy(path, out)
        assert SECRET not in out.read_bytes()
        shown = images.read(out)
        assert shown is not None
        assert not shown.has_metadata


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_bytes_behind_a_picture_are_metadata_too(made: Maker, kind: str) -> None:
    path = made(kind)
    path.write_bytes(path.read_bytes() + SECRET)
    picture = images.read(path)
    assert picture is not None
    assert picture.has_metadata
    images.clean_copy(path, path.with_suffix(".clean"))
    assert SECRET not in path.with_suffix(".clean").read_bytes()


def test_xmp_in_a_gif_and_text_behind_the_pixels_of_a_png_are_found(made: Maker) -> None:
    gif = made("GIF")
    whole = gif.read_bytes()
    gif.write_bytes(whole[:-1] + b"\x21\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0\x3b")
    png = made("PNG")
    text = b"tEXtduration\0" + SECRET
    late = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    png.write_bytes(png.read_bytes()[:-12] + late + png.read_bytes()[-12:])
    for path in (gif, png):
        picture = images.read(path)
        assert picture is not None
        assert picture.has_metadata
        images.clean_copy(path, path.with_suffix(".clean"))
        assert SECRET not in path.with_suffix(".clean").read_bytes()


def test_a_picture_whose_parts_are_ambiguous_is_re_encoded(made: Maker) -> None:
    path = made("JPEG", comment=SECRET)
    whole = path.read_bytes()
    # A fill byte before a marker is allowed, and unknown to our reader.
    path.write_bytes(whole[:2] + b"\xff" + whole[2:])
    picture = images.read(path)
    assert picture is not None
    assert picture.has_metadata
    out = path.with_suffix(".clean")
    images.clean_copy(path, out)
    assert SECRET not in out.read_bytes()
    assert images.read(out) == images.Picture(60, 40, "image/jpeg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_an_upright_picture_keeps_its_pixels_bit_for_bit(made: Maker, kind: str) -> None:
    path = made(kind, comment=SECRET) if kind in ("JPEG", "GIF") else made(kind, exif=exif(), quality=60)
    images.clean_copy(path, out := path.with_suffix(".clean"))
    with Image.open(path) as before, Image.open(out) as after:
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


def test_a_colour_profile_is_not_metadata_and_is_kept(made: Maker) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        path = made(kind, icc_profile=profile)
        picture = images.read(path)
        assert picture is not None
        assert not picture.has_metadata
        images.display(path, out := path.with_suffix(".shown"))
        with Image.open(out) as shown:
            assert shown.info["icc_profile"] == profile


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_copies_are_upright(made: Maker, kind: str, orientation: int) -> None:
    """Stored turned so that the orientation brings it back: red on the left."""
    seen = halves((60, 40))
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    stored = seen.transpose(images.TURNS[back[orientation]]) if orientation > 1 else seen
    path = made()
    stored.save(path, kind, exif=exif(orientation))
    picture = images.read(path)
    assert picture is not None
    assert (picture.width, picture.height) == (60, 40)
    for copy in (images.display, images.thumbnail, images.clean_copy):
        cleaned = copy(path, out := path.with_suffix(".out"))
        assert (cleaned.width, cleaned.height) == (60, 40)
        assert is_red(out)
        with Image.open(out) as shown:
            assert shown.size == (60, 40)


@pytest.mark.parametrize(
    ("kind", "mode", "type"),
    [
        ("JPEG", "CMYK", "image/jpeg"), ("JPEG", "L", "image/jpeg"), ("PNG", "RGBA", "image/jpeg"),
        ("PNG", "P", "image/jpeg"),
        ("PNG", "1", "image/jpeg"), ("GIF", "P", "image/jpeg"), ("WEBP", "RGBA", "image/jpeg"),
        ("PNG", "LA", "image/jpeg"),
    ],
)  # fmt: skip
def test_pictures_of_all_modes_are_shown(made: Maker, kind: str, mode: str, type: str) -> None:
    path = made(kind, mode)
    for copy in (images.display, images.thumbnail, images.square):
        assert copy(path, out := path.with_suffix(".out")).type == type
        assert images.read(out) is not None
        if mode in ("CMYK", "RGBA", "P"):
            assert is_red(out)


def test_a_picture_of_sixteen_bits_is_not_washed_out(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.new("I;16", (20, 20), 0x8000).save(path)
    images.display(path, out := tmp_path / "out")
    assert abs(corner(out)[0] - 128) < 3


def test_transparency_is_kept(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (30, 30), (0, 0, 0, 0))
    palette = Image.new("P", (30, 30), 0)
    clear.save(tmp_path / "a.png")
    clear.save(tmp_path / "b.webp")
    palette.save(tmp_path / "c.gif", transparency=0)
    palette.save(tmp_path / "d.png", transparency=0)
    for name in ("a.png", "b.webp", "c.gif", "d.png"):
        for copy in (images.display, images.thumbnail, images.square):
            assert copy(tmp_path / name, out := tmp_path / "out").type == "image/webp"
            assert corner(out)[3] == 0


def test_copies_have_the_sizes_they_are_made_for(made: Maker) -> None:
    path = made("JPEG", size=(4_000, 1_000))
    assert images.display(path, out := path.with_suffix(".out")) == images.Picture(2048, 512, "image/jpeg")
    assert images.thumbnail(path, out) == images.Picture(480, 120, "image/jpeg")
    assert images.square(path, out, 256) == images.Picture(256, 256, "image/jpeg")
    small = made("PNG", size=(10, 5))
    assert images.display(small, out) == images.Picture(10, 5, "image/jpeg")
    assert images.thumbnail(made("PNG", size=(9_000, 1)), out) == images.Picture(480, 1, "image/jpeg")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_a_small_animation_stays_animated(made: Maker, kind: str) -> None:
    path = made(kind, frames=5)
    picture = images.read(path)
    assert picture is not None
    assert picture.animated
    shown = images.display(path, out := path.with_suffix(".out"))
    assert shown == images.Picture(60, 40, "image/webp", animated=True)
    assert frame_count(out) == 5
    assert images.read(out) == shown
    with Image.open(out) as moving:
        moving.seek(1)
        moving.load()
        assert moving.info["duration"] == 80
    assert frame_count_of_thumbnail(path) == 1


def frame_count_of_thumbnail(path: Path) -> int:
    images.thumbnail(path, out := path.with_suffix(".small"))
    return frame_count(out)


def test_of_a_large_animation_the_first_frame_is_shown(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PIXELS_MOVING", 60 * 40 * 4)
    shown = images.display(made("GIF", frames=5), out := made())
    assert shown == images.Picture(60, 40, "image/jpeg")
    assert is_red(out)


def test_the_loop_count_of_an_animation_is_kept(made: Maker) -> None:
    for how, loop in (({}, 1), ({"loop": 0}, 0), ({"loop": 3}, 3)):
        images.display(made("GIF", frames=3, **how), out := made())
        with Image.open(out) as moving:
            assert moving.info["loop"] == loop
