"""Pictures: recognizing them, and writing copies."""

from __future__ import annotations

import io
import logging
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import AvifImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from lib import colours
from lib.colours import Colours
from lib.image_parts import colour_numbers, kind_of, layout_of, write_bare
from lib.jpeg_parts import orientation_segment
from lib.layout import Layout, TooManyParts, Unclear
from lib.machine import is_machine_error

logger = logging.getLogger(__name__)

FORMATS = {
    "JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp",
    "HEIC": "image/heic", "AVIF": "image/avif",
}  # fmt: skip
# Formats that are slow to decode and never encoded here; they contain their orientation themselves.
KEPT_TURNED = ("HEIC", "AVIF")
PIXELS = 50_000_000
# For a JPEG, which can be decoded to a smaller size.
PIXELS_REDUCED = 250_000_000
# All frames of an animation together; and of its animated copy.
PIXELS_IN_ALL = 500_000_000
PIXELS_MOVING = 8_000_000
FRAMES = 1_000
DISPLAY = 2048
THUMBNAIL = 480
QUALITY = 85
ORIENTATION = 0x0112
# How to turn a picture upright, by its EXIF orientation (JEITA CP-3451, 4.6.4 A).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# All that Pillow's decoders raise on broken or hostile files. The warning is an error where warnings are. OSError is
# among them, and is the machine's when it has a number of the machine's: see is_machine_error.
BROKEN = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, EOFError, OverflowError,
    ZeroDivisionError, AttributeError, RuntimeError, struct.error, zlib.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip

# Pillow asks it of every frame, before it decodes one, and refuses twice as much.
Image.MAX_IMAGE_PIXELS = PIXELS
# Each thread of a decoder keeps its own frames in memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# A PNG's colour profile is compressed like a text chunk.
PngImagePlugin.MAX_TEXT_CHUNK = colours.PROFILE_MAX
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
# What telephones and cameras write in HEIC. libheif knows far more, and what is hardly used has hardly been tried.
HEIC_ITEMS = {"hvc1", "grid", "tmap"}


@dataclass(frozen=True)
class Picture:
    """A picture's size when upright, its media type, and whether it has metadata."""

    width: int
    height: int
    type: str
    has_metadata: bool = False
    animated: bool = False


def read(path: Path) -> Picture | None:
    """Read a picture; None when its format is unsupported, it is broken, or has too many parts or pixels.

    Its parts are counted and its declared size is checked before Pillow opens it and before any pixel is decoded
    (rule 15). Raises OSError when the machine is at fault, and MemoryError.
    """
    try:
        layout = layout_of(path)
        if layout is None or not is_taken(layout):
            return None
    except TooManyParts:
        return None
    except Unclear:
        if kind_of(path) in KEPT_TURNED:
            return None
        # Decoders are more tolerant; the copy without metadata is re-encoded then.
        layout = None
    try:
        with opened(path) as image:
            kind, frames, pixels = format_of(image), frames_of(image), image.width * image.height
            if is_too_large(pixels, frames, PIXELS_REDUCED if layout and kind == "JPEG" else PIXELS):
                return None
            size, how = upright_size(image), turn(image)
            if pixels > PIXELS:
                reduce(image, DISPLAY)
            if kind not in KEPT_TURNED:
                image.load()
            is_bare = layout is not None and layout.is_bare and (how is None or kind in KEPT_TURNED)
            return Picture(*size, FORMATS[kind], not is_bare, frames > 1)
    except BROKEN as error:
        raise_of_machine(error)
        logger.debug("not a picture: %s", type(error).__name__)
        return None


def is_taken(layout: Layout) -> bool:
    """Whether copies are made of a picture, judging by its parts."""
    if layout.kind not in FORMATS or (layout.kind in KEPT_TURNED and layout.is_cut_short):
        return False
    if layout.kind == "HEIC" and not layout.items <= HEIC_ITEMS:
        return False
    most = PIXELS_REDUCED if layout.kind == "JPEG" else PIXELS
    return not is_too_large(layout.pixels, layout.frames, most)


def is_too_large(pixels: int, frames: int, most: int) -> bool:
    return pixels > most or frames > FRAMES or (frames > 1 and pixels * frames > PIXELS_IN_ALL)


def raise_of_machine(error: BaseException) -> None:
    """Re-raise an error that is not about the picture."""
    if is_machine_error(error):
        raise error


SIDEWAYS = {TURNS[5], TURNS[6], TURNS[7], TURNS[8]}


def display(path: Path, out: Path) -> Picture:
    """Write the displayed copy: upright, at most 2,048 pixels, without metadata; a small animation stays animated."""
    with opened(path) as image:
        frames = frames_of(image)
        if frames > 1 and frames * image.width * image.height <= PIXELS_MOVING:
            return write_animation(image, out, frames)
    return shrunk(path, out, DISPLAY)


def thumbnail(path: Path, out: Path) -> Picture:
    """Write the thumbnail: at most 480 pixels; of an animation the first frame."""
    return shrunk(path, out, THUMBNAIL)


def square(path: Path, out: Path, side: int = 256) -> Picture:
    """Write the middle of a picture as a square with `side` pixels."""
    with opened(path) as image:
        reduce(image, 2 * side, min)
        return written(ImageOps.fit(upright(image), (side, side), Image.Resampling.LANCZOS), out)


def clean_copy(path: Path, out: Path) -> Picture:
    """Write a picture in full size and its own format, upright, without metadata; an animation stays one.

    A picture that is upright already keeps its pixels bit for bit: only personal data is left out.
    """
    layout = whole_layout(path)
    with opened(path) as image:
        kind, how = format_of(image), turn(image)
        width, height = upright_size(image)
        picture = Picture(width, height, FORMATS[kind], animated=frames_of(image) > 1)
        is_large = image.width * image.height > PIXELS
        if layout and (how is None or kind in KEPT_TURNED or is_large):
            if not is_large and kind not in KEPT_TURNED:
                image.load()
            write_stripped(path, layout, out)
            return picture
        whole = upright(image)
        encoder = {"lossless": True} if kind == "WEBP" and whole.mode == "RGBA" else {"quality": 92}
        save(whole, out, kind, **profile(whole), **(encoder if kind in ("JPEG", "WEBP") else {}))
        return replace(picture, animated=False)


def write_stripped(path: Path, layout: Layout, out: Path) -> None:
    """Write a picture without its metadata. A JPEG keeps its orientation: otherwise it would lie on its side."""
    turned = None
    if layout.kind == "JPEG":
        try:
            with opened(path) as image:
                turned = image.getexif().get(ORIENTATION)
        except BROKEN as error:
            raise_of_machine(error)
    write_bare(path, layout, out, orientation_segment(turned) if turned in TURNS else b"")


def whole_layout(path: Path) -> Layout | None:
    """The parts of a picture; None when they can't be parsed, or it is cut short."""
    try:
        layout = layout_of(path)
    except (TooManyParts, Unclear):
        return None
    return layout if layout and not layout.is_cut_short else None


def opened(path: Path) -> Image.Image:
    kind = kind_of(path)
    if kind == "JPEG":
        # Pillow knows the limit of pixels for pictures that are not decoded to a smaller size; we ask for it ourselves.
        return JpegImagePlugin.JpegImageFile(path)
    known = {"HEIC": "HEIF"}.get(kind, kind) if kind in FORMATS else None
    image = Image.open(path, formats=[known] if known else [])
    if numbers := colour_numbers(path):
        image.info["cicp"] = numbers
    return image


def format_of(image: Image.Image) -> str:
    """A name of FORMATS."""
    return "HEIC" if image.format == "HEIF" else str(image.format)


def frames_of(image: Image.Image) -> int:
    """The number of frames of an animation; a HEIC file may contain several pictures without being one."""
    if format_of(image) == "HEIC":
        return 1
    return int(getattr(image, "n_frames", 1)) - is_apart(image)


def is_apart(image: Image.Image) -> bool:
    """Whether a PNG begins with a picture for those who show no animations (PNG, W3C, 4.9): Pillow counts it, too."""
    return image.info.get("default_image") is True


def go_to(image: Image.Image, frame: int) -> None:
    if frame == 0 and is_apart(image):
        image.seek(0)
        clear = image.info.get("transparency", 0) if image.mode == "P" else 0
        # The first frame is drawn on nothing, not on that picture.
        image.paste(clear if isinstance(clear, int) else max(clear.find(0), 0), (0, 0, *image.size))
    image.seek(frame + is_apart(image))
    if not isinstance(image, PngImagePlugin.PngImageFile) or not image.is_animated:
        return
    if image.dispose_op == PngImagePlugin.Disposal.OP_PREVIOUS:
        # Pillow draws over the very picture that it brings back afterwards.
        before = image._prev_im and image._prev_im.copy()
        image.load()
        image._prev_im = before


def upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if turn(image) in SIDEWAYS else (width, height)


def reduce(image: Image.Image, most: int, side: Callable[[int, int], int] = max) -> None:
    """Let a JPEG be decoded to a smaller size, not below `most`: several times faster than scaling it down."""
    scale = most / side(image.width, image.height)
    if scale < 1:
        image.draft("RGB", (math.ceil(image.width * scale), math.ceil(image.height * scale)))


def turn(image: Image.Image) -> Image.Transpose | None:
    """What brings it upright: as EXIF says, and not as Pillow finds in XMP or in texts, where no browser looks."""
    exif = image.info.get("exif")
    if not isinstance(exif, bytes):
        return None
    values = Image.Exif()
    try:
        values.load(exif)
    except SyntaxError:
        # Invalid EXIF: the picture is shown as stored.
        return None
    return TURNS.get(values.get(ORIENTATION, 1))


def shrunk(path: Path, out: Path, most: int) -> Picture:
    with opened(path) as image:
        reduce(image, most)
        picture = upright(image)
        picture.thumbnail((most, most), Image.Resampling.LANCZOS)
        return written(picture, out)


def write_animation(image: Image.Image, out: Path, frames: int) -> Picture:
    """Write an animation as WebP, at most in display size."""
    loop = image.info.get("loop", 1)
    pictures, lengths = [], []
    # Browsers ignore the colour profile of an animated WebP.
    way = replace(colours.colours_of(image), kept=None)
    for at in range(frames):
        go_to(image, at)
        # Copied, for the next frame may be drawn over this one.
        picture = turned(image.copy(), way)
        picture.thumbnail((DISPLAY, DISPLAY), Image.Resampling.LANCZOS)
        pictures.append(picture)
        # A frame without a duration is shown for 100 ms, as in browsers.
        lengths.append(int(image.info.get("duration", 0)) or 100)
    first, *others = pictures
    how = {"duration": lengths, "loop": loop, "quality": QUALITY, "method": 2}
    save(first, out, "WEBP", save_all=True, append_images=others, **how)
    return Picture(first.width, first.height, FORMATS["WEBP"], animated=True)


def upright(image: Image.Image) -> Image.Image:
    """The first frame as displayed, in RGB, or in RGBA if it has transparency."""
    way = colours.colours_of(image)
    go_to(image, 0)
    image.load()
    return turned(image, way)


def turned(image: Image.Image, way: Colours) -> Image.Image:
    """A frame turned upright and converted to RGB or RGBA; the caller may change it."""
    how = turn(image)
    picture = image if how is None else image.transpose(how)
    shines = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if picture.mode.startswith("I"):
        # Sixteen bits a pixel, kept in thirty-two: scaled to eight, or all above 255 would come out white.
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    picture = way.from_source(picture)
    # Where nothing changes, convert() would copy two hundred megabytes.
    mode = "RGBA" if shines else "RGB"
    picture = picture if picture.mode == mode else picture.convert(mode)
    if shines and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    way.in_place(picture)
    return bare(picture, way.kept)


def bare(image: Image.Image, icc: bytes | None = None) -> Image.Image:
    """Without what `save` would write along (comments, texts, EXIF); a colour profile identifies nobody."""
    image.info = {"icc_profile": icc} if icc else {}
    return image


def profile(picture: Image.Image) -> dict[str, Any]:
    return {"icc_profile": picture.info.get("icc_profile")}


def written(picture: Image.Image, out: Path) -> Picture:
    """Write a copy: JPEG, or WebP if it has transparency."""
    if picture.mode == "RGBA":
        save(picture, out, "WEBP", quality=QUALITY, **profile(picture))
        return Picture(picture.width, picture.height, FORMATS["WEBP"])
    save(picture, out, "JPEG", quality=QUALITY, optimize=True, progressive=True, **profile(picture))
    return Picture(picture.width, picture.height, FORMATS["JPEG"])


def save(picture: Image.Image, out: Path, kind: str, **how: Any) -> None:
    """Write a file completely: Pillow ignores it when a full disk takes only a part of a write."""
    encoded = io.BytesIO()
    picture.save(encoded, kind, **how)
    out.write_bytes(encoded.getbuffer())


# Functions for the picture process (lib/limited_worker.py). Arguments and results are JSON.


class Undecodable(Exception):
    """Not a picture, a broken one, or one beyond the limits."""


def copies(source: str, shown: str, small: str, clean: str) -> dict[str, Any]:
    """Write a picture's displayed copies, and a copy without metadata if it has any. Raises Undecodable."""
    path = Path(source)
    picture = read(path)
    if picture is None:
        raise Undecodable
    try:
        seen = display(path, Path(shown))
        # What is shown is there already, and small; of what moves the first frame is wanted.
        thumbnail(path if seen.animated else Path(shown), Path(small))
        kept = clean_copy(path, Path(clean)) if picture.has_metadata else picture
    except BROKEN as error:
        # It begins as a picture and breaks off later, as a frame of an animation may.
        raise_of_machine(error)
        raise Undecodable from error
    return {
        "width": picture.width,
        "height": picture.height,
        "type": kept.type,
        "has_metadata": picture.has_metadata,
    }


def square_copy(source: str, out: str, side: int) -> None:
    """Write a square copy of a picture. Raises Undecodable."""
    path = Path(source)
    if read(path) is None:
        raise Undecodable
    try:
        square(path, Path(out), side)
    except BROKEN as error:
        raise_of_machine(error)
        raise Undecodable from error


def stripped(source: str, out: str) -> bool:
    """Write a copy without metadata of a file that is not decoded; False if it has none. Raises Undecodable."""
    path = Path(source)
    try:
        layout = layout_of(path)
    except (TooManyParts, Unclear) as error:
        raise Undecodable from error
    if layout is None:
        raise Undecodable
    if layout.is_whole:
        return False
    write_stripped(path, layout, Path(out))
    return True
