"""Copies of pictures look as their originals do."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import picture_cases
import pytest
from picture_cases import COLUMNS, FIELD, SIZE
from playwright.sync_api import Browser, Page

from lib import images

# Fields are whole blocks of JPEG and are looked at in the middle, where no neighbour shines in. What remains is the
# rounding of two engines and of one more JPEG or WebP, up to 2 of 255. A profile that was left out makes 8 and more.
TOLERANCE = 3
SITE = "http://localhost/"

STILL = """async ([addresses, spaces, points]) => {
    const seen = [];
    for (const address of addresses) {
        const image = new Image();
        image.src = address;
        await image.decode();
        for (const colorSpace of spaces) {
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            const context = canvas.getContext("2d", {colorSpace, willReadFrequently: true});
            context.drawImage(image, 0, 0);
            seen.push(points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]));
        }
    }
    return seen;
}"""
MOVING = """async ([address, points]) => {
    const answer = await fetch(address);
    const type = answer.headers.get("content-type");
    const decoder = new ImageDecoder({data: await answer.arrayBuffer(), type, preferAnimation: true});
    await decoder.tracks.ready;
    await decoder.completed;
    const seen = [];
    for (let frameIndex = 0; frameIndex < decoder.tracks.selectedTrack.frameCount; frameIndex++) {
        const {image} = await decoder.decode({frameIndex});
        const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
        const context = canvas.getContext("2d", {willReadFrequently: true});
        context.drawImage(image, 0, 0);
        const colours = points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]);
        seen.push([Math.round(image.duration / 1000), colours]);
    }
    return seen;
}"""
Colours = list[list[int]]


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a site that may decode frames (WebCodecs is for secure ones)."""
    context = chromium.new_context()
    page = context.new_page()
    page.route(SITE, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(SITE)
    yield page
    context.close()


def address(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def colours(page: Page, addresses: list[str], points: list[tuple[int, int]]) -> list[Colours]:
    """Each picture's, in sRGB and one after the other in a wider space."""
    return list(page.evaluate(STILL, [addresses, ["srgb", "display-p3"], points]))


def middles(size: tuple[int, int]) -> list[tuple[int, int]]:
    width, height = size
    return [(x, y) for y in range(FIELD // 2, height, FIELD) for x in range(FIELD // 2, width, FIELD)]


def distance(one: Colours, other: Colours) -> float:
    """How far two lists of colours are apart at most, where they shine through as it is seen."""

    def seen(colour: list[int]) -> list[float]:
        return [*(value * colour[3] / 255 for value in colour[:3]), colour[3]]

    return max(
        abs(a - b)
        for first, second in zip(one, other, strict=True)
        for a, b in zip(seen(first), seen(second), strict=True)
    )


def original_of(content: bytes, folder: Path) -> tuple[Path, images.Picture]:
    """The file of a picture, and what is read of it."""
    source = folder / "original"
    source.write_bytes(content)
    picture = images.read(source)
    assert picture
    return source, picture


def copies_of(source: Path) -> dict[str, images.Picture]:
    """All copies of a picture, by the ends of their names; the thumbnail is made as it is when one is sent."""
    folder = source.parent
    made = {"shown": images.display(source, folder / "shown")}
    small = source if made["shown"].animated else folder / "shown"
    made["small"] = images.thumbnail(small, folder / "small")
    made["clean"] = images.clean_copy(source, folder / "clean")
    return made


STILLS, ANIMATIONS = picture_cases.still_cases(), picture_cases.moving_cases()


@pytest.mark.parametrize("case", STILLS)
def test_a_copy_has_the_colours_of_the_original(case: str, page: Page, tmp_path: Path) -> None:
    source, picture = original_of(STILLS[case], tmp_path)
    size = (picture.width, picture.height)
    copies = copies_of(source)
    assert {(copy.width, copy.height) for copy in copies.values()} == {size}
    files = [address(source, picture.type), *(address(tmp_path / name, copy.type) for name, copy in copies.items())]
    original, original_wide, *others = colours(page, files, middles(size))
    for name, narrow, wide in zip(copies, others[::2], others[1::2], strict=True):
        assert distance(original, narrow) <= TOLERANCE, name
        assert distance(original_wide, wide) <= TOLERANCE, name


@pytest.mark.parametrize("case", ["jpeg p3", "jpeg cmyk profile", "png palette table", "png linear", "avif 2020"])
def test_an_avatar_has_the_colours_of_the_original(case: str, page: Page, tmp_path: Path) -> None:
    source, picture = original_of(STILLS[case], tmp_path)
    out = tmp_path / "square"
    square = images.square(source, out, SIZE[1])
    cut = (SIZE[0] - SIZE[1]) // 2
    points = [(x, y) for x, y in middles(SIZE) if FIELD < x < (COLUMNS - 1) * FIELD]
    original = colours(page, [address(source, picture.type)], points)
    copy = colours(page, [address(out, square.type)], [(x - cut, y) for x, y in points])
    assert max(map(distance, original, copy)) <= TOLERANCE


@pytest.mark.parametrize("case", ANIMATIONS)
def test_a_copy_has_the_frames_of_the_original(case: str, page: Page, tmp_path: Path) -> None:
    source, picture = original_of(ANIMATIONS[case], tmp_path)
    copies = copies_of(source)

    def frames(path: Path, kind: str) -> list[Any]:
        return list(page.evaluate(MOVING, [address(path, kind), middles(SIZE)]))

    original = frames(source, picture.type)
    assert len(original) == (1 if case == "apng picture apart and one" else 4)
    for name, copy in copies.items():
        seen = frames(tmp_path / name, copy.type)
        wanted = original[:1] if name == "small" else original
        if len(wanted) > 1:
            assert [length for length, _ in seen] == [length for length, _ in wanted], name
        for (_, colours), (_, others) in zip(wanted, seen, strict=True):
            assert distance(colours, others) <= TOLERANCE, name
