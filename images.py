"""Pictures: what counts as one, and the copies that we write ourselves."""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

log = logging.getLogger(__name__)

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
PIXELS = 50_000_000
# All frames of an animation together; and of the copy that moves where it is shown.
PIXELS_IN_ALL = 500_000_000
PIXELS_MOVING = 8_000_000
FRAMES = 1_000
DISPLAY = 2048
THUMBNAIL = 480
QUALITY = 85
PROFILE_MAX = 65_536
ORIENTATION = 0x0112
# How a picture is turned upright, by its EXIF orientation (JEITA CP-3451, 4.6.4 A).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# All that Pillow's decoders raise on broken or hostile files. The warning is an error where warnings are.
BROKEN = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, EOFError, OverflowError,
    MemoryError, ZeroDivisionError, AttributeError, RuntimeError, struct.error, zlib.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip

# Pillow asks it of every frame, before it decodes one, and refuses twice as much.
Image.MAX_IMAGE_PIXELS = PIXELS


@dataclass(frozen=True)
class Picture:
    """A picture's size as it is seen (upright), its media type, and whether it tells more than it shows."""

    width: int
    height: int
    type: str
    has_metadata: bool = False
    animated: bool = False


def read(path: Path) -> Picture | None:
    """What a file is as a picture; None when it is none that we take, is broken, or has too many pixels.

    The size is asked of the head of the file, before any pixel is decoded (rule 15).
    """
    try:
        if too_many_frames(path):
            return None
        with opened(path) as image:
            frames = frames_of(image)
            pixels = image.width * image.height
            if pixels > PIXELS or frames > FRAMES or (frames > 1 and pixels * frames > PIXELS_IN_ALL):
                return None
            image.load()
            width, height = image.size if turn(image) not in SIDEWAYS else image.size[::-1]
            return Picture(width, height, FORMATS[kind_of(image)], has_metadata(path, image), frames > 1)
    except BROKEN as error:
        log.debug("not a picture: %s", type(error).__name__)
        return None


SIDEWAYS = {TURNS[5], TURNS[6], TURNS[7], TURNS[8]}


def display(path: Path, out: Path) -> Picture:
    """Write the copy that is shown: upright, at most 2,048 pixels, without metadata; a small animation moves."""
    with opened(path) as image:
        frames = frames_of(image)
        if frames > 1 and frames * image.width * image.height <= PIXELS_MOVING:
            return moving(image, out, frames)
    return shrunk(path, out, DISPLAY)


def thumbnail(path: Path, out: Path) -> Picture:
    """Write the small copy: at most 480 pixels; of an animation the first frame."""
    return shrunk(path, out, THUMBNAIL)


def square(path: Path, out: Path, side: int = 256) -> Picture:
    """Write the middle of it as a square of so many pixels."""
    with opened(path) as image:
        image.draft("RGB", (2 * side, 2 * side))
        return written(ImageOps.fit(upright(image), (side, side), Image.Resampling.LANCZOS), out)


def clean_copy(path: Path, out: Path) -> Picture:
    """Write it in full size and its own format, upright, without metadata; an animation stays one.

    One that stands upright keeps its pixels bit for bit: only what tells of a person is left out.
    """
    with opened(path) as image:
        kind = kind_of(image)
        frames = frames_of(image)
        picture = Picture(image.width, image.height, FORMATS[kind], animated=frames > 1)
        image.load()
        if turn(image) is None and (kept := harmless(path, kind)):
            out.write_bytes(kept)
            return picture
        whole = upright(image)
        how = {"lossless": True} if kind == "WEBP" and whole.mode == "RGBA" else {"quality": 92}
        whole.save(out, kind, **profile(whole), **(how if kind in ("JPEG", "WEBP") else {}))
        return replace(picture, width=whole.width, height=whole.height, animated=False)


def opened(path: Path) -> Image.Image:
    return Image.open(path, formats=list(FORMATS))


def kind_of(image: Image.Image) -> str:
    """JPEG, PNG, GIF or WEBP. Telephones put further pictures behind a JPEG; Pillow calls that MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def frames_of(image: Image.Image) -> int:
    return 1 if kind_of(image) == "JPEG" else int(getattr(image, "n_frames", 1))


def turn(image: Image.Image) -> Image.Transpose | None:
    """What brings it upright."""
    return TURNS.get(image.getexif().get(ORIENTATION, 1))


def shrunk(path: Path, out: Path, most: int) -> Picture:
    with opened(path) as image:
        # JPEG decodes to a smaller size several times quicker than it is scaled down afterwards.
        image.draft("RGB", (most, most))
        picture = upright(image)
        picture.thumbnail((most, most), Image.Resampling.LANCZOS)
        return written(picture, out)


def moving(image: Image.Image, out: Path, frames: int) -> Picture:
    """Write an animation as WebP, at most as large as it is shown."""
    loop = image.info.get("loop", 1)
    pictures, lengths = [], []
    for at in range(frames):
        image.seek(at)
        picture = image.convert("RGBA")
        picture.thumbnail((DISPLAY, DISPLAY), Image.Resampling.LANCZOS)
        pictures.append(bare(picture))
        # A frame of no length is shown for a tenth of a second, as browsers do.
        lengths.append(int(image.info.get("duration", 0)) or 100)
    first, *others = pictures
    first.save(out, "WEBP", save_all=True, append_images=others, duration=lengths, loop=loop, quality=QUALITY, method=2)
    return Picture(first.width, first.height, FORMATS["WEBP"], animated=True)


def upright(image: Image.Image) -> Image.Image:
    """The first frame as it is meant to be seen, RGB or, where something shines through, RGBA."""
    image.load()
    how = turn(image)
    turned = image if how is None else image.transpose(how)
    shines = turned.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if turned.mode.startswith("I"):
        # Sixteen bits a pixel, kept in thirty-two: scaled to eight, or all above 255 would come out white.
        turned = turned.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    colours = turned.convert("RGBA" if shines else "RGB")
    if shines and colours.getchannel("A").getextrema() == (255, 255):
        colours = colours.convert("RGB")
    icc = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    return bare(colours, icc)


def bare(image: Image.Image, icc: bytes | None = None) -> Image.Image:
    """Without what `save` would write along (comments, texts, EXIF); a colour profile says nothing of a person."""
    image.info = {"icc_profile": icc} if icc and len(icc) <= PROFILE_MAX else {}
    return image


def profile(picture: Image.Image) -> dict[str, Any]:
    return {"icc_profile": picture.info.get("icc_profile")}


def written(picture: Image.Image, out: Path) -> Picture:
    """Write a picture of ours: JPEG, or WebP where something shines through."""
    if picture.mode == "RGBA":
        picture.save(out, "WEBP", quality=QUALITY, **profile(picture))
        return Picture(picture.width, picture.height, FORMATS["WEBP"])
    picture.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True, **profile(picture))
    return Picture(picture.width, picture.height, FORMATS["JPEG"])


# What a file consists of. Each reader yields its parts in order, as (harmless, bytes); what is not known to be
# harmless (EXIF, XMP, IPTC, comments, texts, bytes after the end) may tell of a person. ValueError: not so built.
Part = tuple[bool, bytes]


def has_metadata(path: Path, image: Image.Image) -> bool:
    """Whether it holds anything but pixels, colours and timing; also when its parts can't be told apart."""
    if turn(image) is not None:
        return True
    return harmless(path, kind_of(image)) != path.read_bytes()


def harmless(path: Path, kind: str) -> bytes | None:
    """The file without what may tell of a person; None when its parts can't be told apart."""
    try:
        kept = b"".join(part for good, part in PARTS[kind](path.read_bytes()) if good)
    except (ValueError, IndexError, struct.error):
        return None
    if kind == "WEBP":
        # The sizes count what was left out; two flags announced it (RFC 9649, 2.7.1: 3 EXIF, 2 XMP).
        if kept[12:16] == b"VP8X":
            kept = kept[:20] + bytes([kept[20] & ~0x0C]) + kept[21:]
        kept = kept[:4] + struct.pack("<I", len(kept) - 8) + kept[8:]
    return kept


def jpeg_parts(data: bytes) -> Iterator[Part]:
    """ITU T.81, annex B: segments; the coded pixels run up to the next marker that is none of a restart."""
    yield True, data[:2]
    at = 2
    while data[at + 1] != 0xD9:
        marker = data[at + 1]
        if data[at] != 0xFF or not 0xC0 <= marker <= 0xFE:
            raise ValueError("no marker")
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:
            following = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, end)
            end = following.start() if following else len(data)
        yield is_harmless_segment(marker, data[at + 4 : at + 18]), data[at:end]
        at = end
    yield True, data[at : at + 2]
    if data[at + 2 :]:
        yield False, data[at + 2 :]


def is_harmless_segment(marker: int, start: bytes) -> bool:
    if marker == 0xE0:
        return start.startswith(b"JFIF\0")
    if marker == 0xE2:
        return start.startswith(b"ICC_PROFILE\0")
    return (marker == 0xEE and start.startswith(b"Adobe")) or not (0xE0 <= marker <= 0xEF or marker == 0xFE)


PNG_CHUNKS = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI",
    b"bKGD", b"pHYs", b"sBIT", b"hIST", b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip


def png_parts(data: bytes) -> Iterator[Part]:
    """PNG (W3C), 5.3: chunks of length, type, content and check sum; they end with IEND."""
    yield True, data[:8]
    at, kind = 8, b""
    while kind != b"IEND":
        kind = data[at + 4 : at + 8]
        end = at + 12 + struct.unpack_from(">I", data, at)[0]
        if end > len(data):
            raise ValueError("cut short")
        yield kind in PNG_CHUNKS, data[at:end]
        at = end
    if data[at:]:
        yield False, data[at:]


WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}


def webp_parts(data: bytes) -> Iterator[Part]:
    """RFC 9649, 2.3: RIFF chunks, each filled up to an even length."""
    yield True, data[:12]
    at, end = 12, min(8 + struct.unpack_from("<I", data, 4)[0], len(data))
    while at < end:
        size = struct.unpack_from("<I", data, at + 4)[0]
        if at + 8 + size > end:
            raise ValueError("cut short")
        following = at + 8 + size + size % 2
        yield data[at : at + 4] in WEBP_CHUNKS, data[at:following]
        at = following
    if data[at:]:
        yield False, data[at:]


GIF_APPLICATIONS = {b"NETSCAPE2.0", b"ANIMEXTS1.0"}


def gif_parts(data: bytes) -> Iterator[Part]:
    """GIF89a, 16 to 27: the screen and its colours, then extensions and pictures; they end with a semicolon."""
    at = 13 + colours_of(data[10])
    yield True, data[:at]
    while at < len(data) and data[at] != 0x3B:
        start, good = at, True
        if data[at] == 0x2C:
            at += 10 + colours_of(data[at + 9]) + 1
        elif data[at] == 0x21:
            good = data[at + 1] == 0xF9 or (data[at + 1] == 0xFF and data[at + 3 : at + 14] in GIF_APPLICATIONS)
            at += 2
        else:
            raise ValueError("no block")
        while data[at]:
            at += 1 + data[at]
        at += 1
        yield good, data[start:at]
    yield True, data[at : at + 1]
    if data[at + 1 :]:
        yield False, data[at + 1 :]


def colours_of(flags: int) -> int:
    """How many bytes the colour table takes that these flags announce."""
    return int(3 * 2 ** ((flags & 7) + 1)) if flags & 0x80 else 0


PARTS: dict[str, Callable[[bytes], Iterator[Part]]] = {
    "JPEG": jpeg_parts,
    "PNG": png_parts,
    "GIF": gif_parts,
    "WEBP": webp_parts,
}


def too_many_frames(path: Path) -> bool:
    """Whether a GIF has more frames than we take: counted here, since Pillow takes a second for 20,000."""
    with path.open("rb") as file:
        if file.read(6) not in (b"GIF87a", b"GIF89a"):
            return False
    frames = 0
    for _, part in gif_parts(path.read_bytes()):
        frames += part[:1] == b"\x2c"
        if frames > FRAMES:
            return True
    return False
