"""Colour profiles of pictures are applied; whatever is in them, reading costs little."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import picture_cases as cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from lib import colours, images

STILLS, ANIMATIONS = cases.still_cases(), cases.moving_cases()
RED = cases.COLOURS[0]


def shown(tmp_path: Path, content: bytes, frame: int = 0) -> tuple[int, ...]:
    """The first field of the copy that is shown, in sRGB."""
    (tmp_path / "original").write_bytes(content)
    images.display(tmp_path / "original", tmp_path / "copy")
    with Image.open(tmp_path / "copy") as copy:
        copy.seek(frame)
        seen = copy.convert("RGB")
        if icc := copy.info.get("icc_profile"):
            colours.Colours(transform=transform(icc)).in_place(seen)
        return tuple(seen.crop((24, 24, 25, 25)).tobytes())


def transform(icc: bytes) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(io.BytesIO(icc), ImageCms.createProfile("sRGB"), "RGB", "RGB")


def is_near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 3 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("case", ["jpeg long profile", "png palette long profile", "webp alpha long profile",
                                  "avif long profile", "png long profile"])  # fmt: skip
def test_a_long_profile_is_used_and_does_not_go_along(tmp_path: Path, case: str) -> None:
    red, _, blue = shown(tmp_path, STILLS[case])
    assert blue > 200 > 60 > red
    with Image.open(tmp_path / "copy") as copy:
        assert "icc_profile" not in copy.info


@pytest.mark.parametrize("case", ["jpeg p3", "png p3", "png palette p3", "webp p3", "avif p3", "png cicp p3",
                                  "avif p3 by number"])  # fmt: skip
def test_wide_colours_stay_wide(tmp_path: Path, case: str) -> None:
    shown(tmp_path, STILLS[case])
    with Image.open(tmp_path / "copy") as copy:
        icc = copy.info["icc_profile"]
        assert is_near(tuple(copy.convert("RGB").crop((24, 24, 25, 25)).tobytes()), RED)
    green = transform(icc).apply(Image.new("RGB", (1, 1), (0, 255, 0))).tobytes()
    assert green == b"\0\xff\0"
    # Red of Display P3 has less green under D50 than red of sRGB.
    assert abs(ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.red_colorant[0][0] - 0.515) < 0.001


def test_of_several_tellings_of_colours_the_first_counts(tmp_path: Path) -> None:
    wide, light = shown(tmp_path, STILLS["png p3"]), shown(tmp_path, STILLS["png linear"])
    plain = shown(tmp_path, STILLS["png"])
    assert not is_near(wide, plain)
    assert not is_near(light, plain)
    for case, wanted in {
        "png profile before srgb and gamma": wide, "png cicp before profile": wide, "png cicp before gamma": wide,
        "png srgb before gamma": plain, "png gamma before srgb": plain, "png points alone": plain,
        "png broken profile and gamma": light, "png cicp reserved": light, "png gamma 0": plain, "png points 0": plain,
    }.items():  # fmt: skip
        assert is_near(shown(tmp_path, STILLS[case]), wanted), case


def test_inks_and_shades_of_grey_have_profiles_of_their_own(tmp_path: Path) -> None:
    assert not is_near(shown(tmp_path, STILLS["jpeg cmyk profile"]), shown(tmp_path, STILLS["jpeg cmyk"]))
    for kind in ("jpeg", "png"):
        plain = shown(tmp_path, STILLS[f"{kind} grey"])
        for profile in {"jpeg": ("profile", "rgb profile"), "png": ("profile of grey", "linear")}[kind]:
            light = shown(tmp_path, STILLS[f"{kind} grey {profile}"])
            assert light[0] > plain[0] + 40
        assert is_near(shown(tmp_path, STILLS[f"{kind} profile of grey"]), shown(tmp_path, STILLS[kind]))


def test_chunks_behind_the_pixels_do_not_change_colours(tmp_path: Path) -> None:
    png = STILLS["png"]
    late = png[:-12] + cases.chunk(b"gAMA", cases.gama(1)) + png[-12:]
    assert is_near(shown(tmp_path, late), RED)


def test_the_picture_before_an_animation_is_none_of_its_frames(tmp_path: Path) -> None:
    for case in ("apng picture apart", "apng picture apart and one", "apng palette picture apart"):
        assert is_near(shown(tmp_path, ANIMATIONS[case]), RED), case
        images.thumbnail(tmp_path / "original", tmp_path / "small")
        with Image.open(tmp_path / "small") as small:
            assert is_near(tuple(small.convert("RGB").crop((24, 24, 25, 25)).tobytes()), RED)
    picture = images.read(tmp_path / "original")
    assert picture
    assert picture.animated
    with Image.open(tmp_path / "copy") as copy:
        assert getattr(copy, "n_frames", 1) == 4


def test_a_frame_that_is_disposed_to_previous_stays_so(tmp_path: Path) -> None:
    shown(tmp_path, ANIMATIONS["apng disposal 2 blend 1"])
    with Image.open(tmp_path / "copy") as copy:
        copy.seek(2)
        assert copy.convert("RGBA").getpixel((72, 24)) == (0, 0, 0, 0)


@pytest.mark.parametrize("xmp", [b'<x xmlns:tiff="t" tiff:Orientation="6"/>'])
def test_how_a_picture_is_turned_is_read_where_browsers_read_it(tmp_path: Path, xmp: bytes) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
    path = tmp_path / "original"
    jpeg, png = cases.written(cases.fields(), "JPEG", xmp=xmp), cases.written(cases.fields(), "PNG", pnginfo=texts)
    for content in (jpeg, png):
        path.write_bytes(content)
        picture = images.read(path)
        assert picture
        assert (picture.width, picture.height) == cases.SIZE
        assert images.display(path, tmp_path / "copy").width == cases.SIZE[0]


PROFILES = [cases.P3, cases.TABLE, cases.CMYK, cases.grey_profile(1.2)]


@settings(max_examples=150, deadline=None)
@given(
    profile=st.sampled_from(PROFILES),
    changes=st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
    cut=st.integers(0, 3000),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
)
def test_a_damaged_profile_is_used_or_left_out(
    profile: bytes, changes: list[tuple[int, bytes]], cut: int, mode: str
) -> None:
    damaged = bytearray(profile)
    for at, content in changes:
        damaged[at : at + len(content)] = content
    image = Image.new(mode, (4, 4))
    image.info["icc_profile"] = bytes(damaged[:cut] if cut > 200 else damaged)
    copy = images.turned(image, colours.colours_of(image))
    assert copy.mode == "RGB"
    assert len(copy.info.get("icc_profile", b"")) <= colours.EMBEDDED_MAX


NUMBERS = st.integers(0, 2**32 - 1)


@settings(max_examples=200, deadline=None)
@given(encoded=NUMBERS, points=st.none() | st.lists(NUMBERS, min_size=8, max_size=8))
def test_any_gamma_and_any_points_are_used_or_left_out(encoded: int, points: list[int] | None) -> None:
    chunks = {"gAMA": struct.pack(">I", encoded)} | ({"cHRM": struct.pack(">8I", *points)} if points else {})
    with Image.open(io.BytesIO(cases.with_chunks(STILLS["png"], **chunks))) as image:
        way = colours.colours_of(image)
        image.load()
        assert images.turned(image, way).mode == "RGB"


def test_a_profile_of_many_megabytes_is_left_out_or_refused(tmp_path: Path) -> None:
    huge = cases.rgb_profile(cases.SWAPPED, filling=colours.PROFILE_MAX)
    assert is_near(shown(tmp_path, cases.written(cases.fields(), "WEBP", icc_profile=huge, lossless=True)), RED)
    png = cases.with_chunks(STILLS["png"], iCCP=b"icc\0\0" + zlib.compress(huge))
    (tmp_path / "huge").write_bytes(png)
    assert images.read(tmp_path / "huge") is None


def test_texts_under_the_names_of_other_things_are_texts(tmp_path: Path) -> None:
    for name in ("gamma", "icc_profile", "srgb", "cicp", "exif", "chromaticity", "default_image"):
        texts = PngImagePlugin.PngInfo()
        texts.add_text(name, "ann")
        assert is_near(shown(tmp_path, cases.written(cases.fields(), "PNG", pnginfo=texts)), RED), name
