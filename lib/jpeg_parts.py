"""Parsing JPEG (ITU T.81), as a file or within other files."""

from __future__ import annotations

import mmap
import re
import struct

from lib.layout import Layout, TooManyParts, Unclear

# Each scan of a progressive JPEG covers all pixels again; encoders write about ten.
SCANS = 100
# Segments other than pixels, colours and application data are small; a longer one has an invalid length.
SMALL = 4096
# ITU T.81, B.1.1.2: coded pixels end at the next marker that is not a restart marker.
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
FILL = re.compile(rb"\xff+(?=\xff)")


def read_jpeg(data: mmap.mmap | bytes, layout: Layout) -> None:
    """ITU T.81, annex B: segments up to the end of the picture, without what phones append to it."""
    layout.part(2, True)
    layout.frames, scans = 1, 0
    while not layout.is_cut_short:
        at = layout.at
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise Unclear("no marker")
        if marker == 0xD9:
            layout.part(at + 2, True)
            return
        if fill := FILL.match(data, at):
            layout.part(fill.end(), False)
            continue
        end = at + 2 + segment_length(data, at, marker)
        if marker == 0xDA:
            scans += 1
            if scans > SCANS:
                raise TooManyParts
            following = MARKER.search(data, min(end, layout.size))
            end = following.start() if following else layout.size + 1
        elif is_frame(marker):
            layout.declare(*struct.unpack_from(">HH", data, at + 5)[::-1])
        layout.part(end, is_harmless_segment(marker, data[at + 4 : at + 18]))


def segment_length(data: mmap.mmap | bytes, at: int, marker: int) -> int:
    length = int(struct.unpack_from(">H", data, at + 2)[0])
    is_known = 0xC0 <= marker <= 0xFE and not 0xD0 <= marker <= 0xD8
    if not is_known or length < 2 or (length > SMALL and not is_application(marker)):
        raise Unclear("no segment")
    return length


def is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def is_application(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == 0xFE


def is_harmless_segment(marker: int, start: bytes) -> bool:
    if marker == 0xE0:
        return start.startswith(b"JFIF\0")
    if marker == 0xE2:
        return start.startswith(b"ICC_PROFILE\0")
    return (marker == 0xEE and start.startswith(b"Adobe")) or not is_application(marker)


def blank_in_jpeg(data: mmap.mmap, layout: Layout, start: int, end: int) -> None:
    """Overwrite personal data in a JPEG within another file. Raises Unclear, TooManyParts."""
    inner = Layout("JPEG", end - start)
    try:
        read_jpeg(data[start:end], inner)
    except (IndexError, struct.error) as error:
        raise Unclear("a JPEG without an end") from error
    layout.count(inner.parts)
    for first, last in inner.dropped:
        # Its marker and length stay, and lead to the next segment.
        layout.blank(data, start + min(first + 4, last), start + last)
    layout.blank(data, start + inner.at, end)


def orientation_segment(orientation: int) -> bytes:
    """An EXIF segment with only the orientation (JEITA CP-3451, 4.6.4 A)."""
    content = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
