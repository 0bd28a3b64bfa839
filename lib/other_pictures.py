"""Parsing Photoshop files and Fujifilm's raw pictures. They contain byte offsets, so data is overwritten in place."""

from __future__ import annotations

import mmap
import struct

from lib.jpeg_parts import blank_in_jpeg
from lib.layout import Layout, Unclear

PHOTOSHOP = b"8BPS"
FUJIFILM = b"FUJIFILMCCD-RAW"
# Photoshop resources to keep: resolution, colours, transfer curves, guides, ICC, alpha (by number).
SHOWS = {
    1005, 1006, 1007, 1010, 1011, 1013, 1016, 1022, 1024, 1026, 1037, 1039, 1041, 1045, 1053, 1064, 1067, 1069, 1072,
    1074, 1077, 1078,
}  # fmt: skip


def kind_of(start: bytes) -> str | None:
    """PSD or RAF; None for other files."""
    if start.startswith(PHOTOSHOP):
        return "PSD"
    return "RAF" if start.startswith(FUJIFILM) else None


def read_psd(data: mmap.mmap, layout: Layout) -> None:
    """Adobe Photoshop File Formats: head, colours, then resources, some of which are EXIF, XMP and IPTC."""
    at = 26
    at += 4 + struct.unpack_from(">I", data, at)[0]
    end = at + 4 + struct.unpack_from(">I", data, at)[0]
    at += 4
    while at < end:
        layout.count()
        sign, number = struct.unpack_from(">4sH", data, at)
        if sign != b"8BIM" or end > layout.size:
            raise Unclear("no resource")
        name = at + 6
        at = name + (data[name] + 2) // 2 * 2
        length = struct.unpack_from(">I", data, at)[0]
        at += 4
        if at + length > end:
            raise Unclear("a resource behind the end")
        if number not in SHOWS:
            layout.blank(data, name + 1, name + 1 + data[name])
            layout.blank(data, at, at + length)
        at += length + length % 2


def read_raf(data: mmap.mmap, layout: Layout) -> None:
    """All metadata is in the JPEG before the raw pixels."""
    start, length = struct.unpack_from(">II", data, 84)
    if start + length > layout.size:
        raise Unclear("a JPEG behind the end")
    blank_in_jpeg(data, layout, start, start + length)
