"""Parsing picture and video files without decoding: their declared size, and which bytes to keep.

A file is mapped, not read, and the number of its parts is bounded, so parsing is cheap for any file.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from lib import iso_media, other_pictures, tiff_parts
from lib.jpeg_parts import SMALL, read_jpeg
from lib.layout import PARTS, PIECE, Layout, TooManyParts, Unclear

TINY = 64
# Signatures of metadata with locations, cameras and authors. One among the pixels means that a length is invalid.
SIGNS_OF_TEXT = (b"Exif\0\0", b"http://ns.adobe.com/", b"x:xmpmeta", b"<?xpacket", b"Photoshop 3.0\0")
SIGNS_OF_DIRECTORIES = (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08")
# Entries of a GPS directory, in either byte order: north or south, and the latitude (JEITA CP-3451, 4.6.6).
SIGNS_OF_LOCATION = tuple(
    struct.pack(f"{order}HHI4sHHI", 1, 2, 2, letter, 2, 5, 3) for order in "<>" for letter in (b"N", b"S")
)
# Formats in which TIFF directories are kept.
WITH_DIRECTORIES = ("TIFF", "RAF", "VIDEO")
# Formats that are displayed with copies. From the others only personal data is removed.
SHOWN = ("JPEG", "PNG", "GIF", "WEBP", "HEIC", "AVIF")


def kind_of(path: Path) -> str | None:
    """The format of a picture or video by its first bytes, a name of READERS; None for other files."""
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    size = path.stat().st_size
    return iso_media.kind_of(start, size) or tiff_parts.kind_of(start) or other_pictures.kind_of(start)


def layout_of(path: Path) -> Layout | None:
    """The layout of a picture; None for other files. Raises TooManyParts, Unclear."""
    kind = kind_of(path)
    if kind is None:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        layout = Layout(kind, len(data))
        if kind in IN_PLACE:
            layout.part(layout.size, True)
        try:
            READERS[kind](data, layout)
        except (IndexError, struct.error) as error:
            # The file ends within the head of a part, so the part's type is unknown.
            if kind in IN_PLACE:
                raise Unclear("a part without an end") from error
            layout.is_cut_short = True
        if layout.at < layout.size:
            layout.part(layout.size, False)
        if any(data.find(sign, *kept) >= 0 for kept in layout.remaining for sign in signs_of_metadata(kind)):
            raise Unclear("metadata among the pixels")
    return layout


def signs_of_metadata(kind: str) -> tuple[bytes, ...]:
    """Signatures that must not remain in a file of this format."""
    if kind == "TIFF":
        return SIGNS_OF_TEXT + SIGNS_OF_LOCATION
    return SIGNS_OF_TEXT if kind in WITH_DIRECTORIES else SIGNS_OF_TEXT + SIGNS_OF_DIRECTORIES


def colour_numbers(path: Path) -> tuple[int, int] | None:
    """The primaries and transfer curve of a PNG, HEIC or AVIF as numbers of ITU-T H.273, if present."""
    kind = kind_of(path)
    if kind not in ("PNG", "HEIC", "AVIF"):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return png_numbers(data) if kind == "PNG" else iso_media.colour_numbers(data, Layout(kind, len(data)))
        except (IndexError, struct.error, TooManyParts, Unclear):
            return None


def png_numbers(data: mmap.mmap) -> tuple[int, int] | None:
    """PNG (W3C), 11.3.2.6: before pixels and palette, for RGB in full range."""
    at = 8
    for _ in range(PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"cICP" and data[at + 10 : at + 12] == b"\0\1":
            return data[at + 8], data[at + 9]
        if kind in (b"cICP", b"PLTE", b"IDAT"):
            break
        at += 12 + length
    return None


def write_bare(path: Path, layout: Layout, out: Path, orientation: bytes = b"") -> None:
    """Write the file without personal data; a JPEG may get an EXIF segment with its orientation."""
    with path.open("rb") as source, out.open("wb") as target:
        for start, end in layout.kept:
            source.seek(start)
            if start == 0 and orientation:
                copy(source, target, 2)
                target.write(orientation)
            copy(source, target, end - source.tell())
        for start, end in layout.blanked:
            target.seek(start)
            for at in range(start, end, PIECE):
                target.write(bytes(min(PIECE, end - at)))
        for start, content in layout.patches:
            target.seek(start)
            target.write(content)
        if layout.kind == "WEBP":
            write_webp_head(source, target)


def write_webp_head(source: BinaryIO, target: BinaryIO) -> None:
    """Write a WebP's head with the new size (RFC 9649, 2.7.1), and without the flags for EXIF (3) and XMP (2)."""
    target.seek(0, 2)
    size = target.tell()
    target.seek(4)
    target.write(struct.pack("<I", size - 8))
    source.seek(12)
    head = source.read(9)
    if head[:4] == b"VP8X" and len(head) == 9:
        target.seek(20)
        target.write(bytes([head[8] & ~0x0C]))


def copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size and (piece := source.read(min(size, PIECE))):
        target.write(piece)
        size -= len(piece)


PNG_LARGE = {b"IDAT", b"fdAT", b"iCCP"}
PNG_CHUNKS = PNG_LARGE | {
    b"IHDR", b"PLTE", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI",
    b"bKGD", b"pHYs", b"sBIT", b"hIST", b"acTL", b"fcTL",
}  # fmt: skip


def read_png(data: mmap.mmap, layout: Layout) -> None:
    """PNG (W3C), 5.3: chunks of length, type, content and checksum; the last one is IEND."""
    layout.part(8, True)
    kind = b""
    while kind != b"IEND" and not layout.is_cut_short:
        at = layout.at
        length, kind = struct.unpack_from(">I4s", data, at)
        is_harmless = kind in PNG_CHUNKS
        if not kind.isalpha() or (is_harmless and kind not in PNG_LARGE and length > SMALL):
            raise Unclear("no chunk")
        if kind == b"IHDR":
            layout.declare(*struct.unpack_from(">II", data, at + 8))
        layout.frames += kind == b"fcTL"
        layout.part(at + 12 + length, is_harmless)


WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
WEBP_FRAME = {b"VP8 ", b"VP8L", b"ALPH"}


def read_webp(data: mmap.mmap, layout: Layout) -> None:
    """RFC 9649, 2.3: RIFF chunks, each padded to an even length."""
    size = 8 + struct.unpack_from("<I", data, 4)[0]
    end = min(size, layout.size)
    layout.has_true_head = size == layout.size and not (data[12:16] == b"VP8X" and data[20] & 0x0C)
    layout.part(12, True)
    while layout.at < end and not layout.is_cut_short:
        at = layout.at
        kind, length = struct.unpack_from("<4sI", data, at)
        following = at + 8 + length + length % 2
        if (kind in (b"VP8X", b"ANIM") and length > TINY) or at + 8 + length > end < layout.size:
            raise Unclear("no chunk")
        if kind == b"ANMF":
            layout.frames += 1
            check_frame(data, at + 24, min(at + 8 + length, end))
        declare_webp(data, at + 8, kind, layout)
        is_cut_short = at + 8 + length > end
        # The last chunk's padding may be missing.
        layout.part(following if is_cut_short else min(following, layout.size), kind in WEBP_CHUNKS)


def check_frame(data: mmap.mmap, at: int, end: int) -> None:
    """Raise Unclear if a frame of an animation contains more than pixels (RFC 9649, 2.7.1.1: unknown chunks)."""
    while at < end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind not in WEBP_FRAME:
            raise Unclear("more than pixels in a frame")
        at += 8 + length + length % 2


def declare_webp(data: mmap.mmap, at: int, kind: bytes, layout: Layout) -> None:
    """Read the size from each type of chunk (RFC 9649, 2.5 to 2.7)."""
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at + part : at + part + 3], "little") for part in (4, 7))
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, at + 6))
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, at + 1)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        return
    layout.declare(width, height)


GIF_APPLICATIONS = {b"NETSCAPE2.0", b"ANIMEXTS1.0"}


def read_gif(data: mmap.mmap, layout: Layout) -> None:
    """GIF89a, 16 to 27: the screen and its colours, then extensions and pictures, then a semicolon."""
    layout.declare(*struct.unpack_from("<HH", data, 6))
    layout.part(13 + colours_of(data[10]), True)
    # Encoders fill each block of pixels except the last with 254 or 255 bytes.
    blocks = PARTS + layout.size // 32
    while layout.at < layout.size and not layout.is_cut_short:
        start = at = layout.at
        if data[at] == 0x3B:
            layout.part(at + 1, True)
            return
        if data[at] == 0x2C:
            left, top, width, height, flags = struct.unpack_from("<HHHHB", data, at + 1)
            layout.declare(left + width, top + height)
            layout.frames += 1
            at += 10 + colours_of(flags) + 1
        elif data[at] == 0x21:
            at += 2
        else:
            raise Unclear("no block")
        end, blocks = end_of_blocks(data, at, blocks)
        layout.part(end, data[start] == 0x2C or is_harmless_extension(data, start, end))


def end_of_blocks(data: mmap.mmap, at: int, most: int) -> tuple[int, int]:
    """The end of a chain of blocks (beyond the end of a truncated file), and how many more the file may have."""
    size = len(data)
    while at < size and data[at]:
        at += 1 + data[at]
        most -= 1
        if not most:
            raise TooManyParts
    return at + 1, most


def is_harmless_extension(data: mmap.mmap, start: int, end: int) -> bool:
    """Whether an extension is only about timing, or how often an animation repeats."""
    kind = data[start + 1]
    return end - start <= TINY and (kind == 0xF9 or (kind == 0xFF and data[start + 3 : start + 14] in GIF_APPLICATIONS))


def colours_of(flags: int) -> int:
    """The size in bytes of the colour table that these flags announce."""
    return int(3 * 2 ** ((flags & 7) + 1)) if flags & 0x80 else 0


READERS: dict[str, Callable[[mmap.mmap, Layout], None]] = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "GIF": read_gif,
    "WEBP": read_webp,
    "HEIC": iso_media.read_iso_media,
    "AVIF": iso_media.read_iso_media,
    "VIDEO": iso_media.read_iso_media,
    "JP2": iso_media.read_jpeg_2000,
    "JXL": iso_media.read_jpeg_xl,
    "TIFF": tiff_parts.read_tiff,
    "PSD": other_pictures.read_psd,
    "RAF": other_pictures.read_raf,
}
IN_PLACE = set(READERS) - {"JPEG", "PNG", "GIF", "WEBP"}
