"""Pictures: what counts as one, and the copies that we write ourselves."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

log = logging.getLogger(__name__)

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
PIXELS = 50_000_000
FRAMES = 1_000
DISPLAY = 2048
THUMBNAIL = 480
QUALITY = 85
# Chunks that say nothing of a person: size, colours, timing.
HARMLESS = {
    "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "gamma", "srgb", "chromaticity", "icc_profile",
    "transparency", "background", "version", "duration", "loop", "extension", "timestamp", "progressive",
    "progression", "aspect", "interlace", "adobe", "adobe_transform", "default_image", "blend", "disposal",
}  # fmt: skip


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
        with opened(path) as image:
            if image.width * image.height > PIXELS or getattr(image, "n_frames", 1) > FRAMES:
                return None
            animated = bool(getattr(image, "is_animated", False))
            metadata = has_metadata(image)
            image.load()
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = (image.height, image.width) if turned else image.size
            return Picture(width, height, FORMATS[str(image.format)], metadata, animated)
    except BROKEN as error:
        log.info("not a picture: %s", type(error).__name__)
        return None


# All that Pillow's decoders raise on broken or hostile files, as its own tests collect them.
BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, EOFError,
          OverflowError, MemoryError, ZeroDivisionError, Image.DecompressionBombError)  # fmt: skip


def opened(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        # The bound of our own stands below Pillow's warning and is asked next.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path, formats=list(FORMATS))


def has_metadata(image: Image.Image) -> bool:
    """Whether it holds EXIF, XMP, a comment or text: anything but size, colours and timing."""
    return bool(len(image.getexif())) or any(name.lower() not in HARMLESS for name in map(str, image.info))


def display(path: Path, out: Path) -> Picture:
    """Write the copy that is shown: upright, at most 2,048 pixels, without metadata."""
    return shrunk(path, out, DISPLAY)


def thumbnail(path: Path, out: Path) -> Picture:
    """Write the small copy: at most 480 pixels."""
    return shrunk(path, out, THUMBNAIL)


def square(path: Path, out: Path, side: int) -> Picture:
    """Write the middle of it as a square of so many pixels."""
    with opened(path) as image:
        return written(ImageOps.fit(upright(image), (side, side), Image.Resampling.LANCZOS), out)


def clean_copy(path: Path, out: Path) -> Picture:
    """Write it in full size and its own format, upright, without metadata; an animation stays one."""
    with opened(path) as image:
        kind = str(image.format)
        if getattr(image, "is_animated", False):
            frames = [frame.copy() for frame in ImageSequence.Iterator(image)]
            how: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "loop": image.info.get("loop", 0)}
            how["duration"] = [frame.info.get("duration", 100) for frame in frames]
            for frame in frames:
                bare(frame)
            frames[0].save(out, kind, **how)
            return Picture(image.width, image.height, FORMATS[kind], animated=True)
        picture = upright(image)
        icc = image.info.get("icc_profile")
        bare(picture)
        kept = {"icc_profile": icc} if icc else {}
        if kind in ("JPEG", "WEBP"):
            kept["quality"] = 92
        picture.save(out, kind, **kept)
        return Picture(picture.width, picture.height, FORMATS[kind])


def bare(image: Image.Image) -> None:
    """Leave out what `save` would write along: comments, texts, EXIF."""
    for name in [name for name in image.info if str(name).lower() not in {"transparency", "background"}]:
        del image.info[name]


def shrunk(path: Path, out: Path, most: int) -> Picture:
    with opened(path) as image:
        # JPEG decodes to a smaller size several times quicker than it is scaled down afterwards.
        image.draft("RGB", (most, most))
        picture = upright(image)
        picture.thumbnail((most, most), Image.Resampling.LANCZOS)
        return written(picture, out)


def upright(image: Image.Image) -> Image.Image:
    """The first frame as it is meant to be seen, in a mode that can be written."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        return turned.convert("RGBA")
    if turned.mode.startswith("I;16") or turned.mode in ("I", "F"):
        # Sixteen bits a pixel: scaled to eight, or it would come out white.
        turned = turned.convert("I").point(lambda value: value / 256)
        return turned.convert("L").convert("RGB")
    return turned.convert("RGB")


def written(picture: Image.Image, out: Path) -> Picture:
    """Write a picture of ours: JPEG, or WebP where something shines through."""
    bare(picture)
    if picture.mode == "RGBA":
        picture.save(out, "WEBP", quality=QUALITY)
        return Picture(picture.width, picture.height, FORMATS["WEBP"])
    picture.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return Picture(picture.width, picture.height, FORMATS["JPEG"])
