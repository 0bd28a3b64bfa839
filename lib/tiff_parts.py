"""Parsing TIFF (TIFF 6, BigTIFF, TIFF/EP, DNG), on which most raw formats of cameras are based.

A TIFF file is a chain of directories (IFDs). Each entry of a directory is a tag with a value, which is stored in the
entry or at an offset. Nothing can be moved because of these offsets, so unwanted entries are taken out of their
directories, and every byte to which no remaining entry refers is overwritten with zeros. So nothing personal remains
when an offset is damaged and the data that it led to can't be found.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from lib.jpeg_parts import blank_in_jpeg
from lib.layout import Layout, TooManyParts, Unclear

# TIFF and BigTIFF, then Panasonic's and Olympus' variants, in both byte orders.
SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PANASONIC = b"IIU\0"
RAW_SIGNATURES = (PANASONIC, b"IIRO", b"IIRS", b"MMOR")
# Bytes per value, by type (TIFF 6, section 2; BigTIFF 16 to 18; EXIF 3 129).
TYPE_SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
    129: 1,
}  # fmt: skip
TEXT_TYPES = {2, 129}
COMPRESSION, GPS_DIRECTORY = 259, 34853
# Tags whose values are offsets of other directories.
SUBDIRECTORIES = {330, 34665}
# The same in raw formats: interoperability, Kodak's (two) and, when it is a single offset, Sony's.
SONY_PRIVATE = 50740
RAW_SUBDIRECTORIES = {*SUBDIRECTORIES, 40965, 33424, 65024, SONY_PRIVATE}
# Offsets and lengths of pixels; in raw formats also of Sony's encrypted directory, which has the white balance.
PIXELS = {273: 279, 324: 325, 513: 514}
RAW_PIXELS = {**PIXELS, 0x7200: 0x7201}
# Panasonic's raw pixels begin here and end with the file.
PANASONIC_PIXELS = 280
# Tags needed to decode and display a picture: TIFF 6, technical notes 1 and 2, ICC, TIFF/EP's mosaic, and DNG except
# tags with its owner or former file (50735, 50827, 50828, 50740, 51081 and the like).
DISPLAY_TAGS = {
    254, 255, *range(256, 260), 262, 263, 264, 265, 266, 273, 274, *range(277, 285), *range(288, 298), 301,
    *range(317, 326), 330, 332, 334, 336, *range(338, 348), *range(512, 522), *range(529, 533), 34675, 32995, 32996,
    32997, 32998, 33421, 33422, *range(50706, 50708), *range(50710, 50735), *range(50736, 50740), 50741,
    *range(50778, 50782), 50829, 50830, *range(50931, 50937), *range(50937, 50942), 50964, 50965, *range(51008, 51010),
    51022, *range(51089, 51112), 51125, *range(51177, 51182), 52525, 52526, *range(52529, 52552),
}  # fmt: skip
# Tags that are removed from a maker's raw format. The others, including the maker note, are needed to develop it.
PERSONAL_TAGS = {
    269, 270, 285, 305, 315, 316, 700, 33432, 33723, 34377, GPS_DIRECTORY, 37510, 42016, 42032, 42033, 42037,
    *range(40091, 40096), 50735, 50827, 50828,
}  # fmt: skip
# Texts that stay in it: camera, lens, times, and the version of the interoperability directory.
RAW_TEXT_TAGS = {1, 271, 272, 306, 36867, 36868, *range(36880, 36883), *range(37520, 37523), 42035, 42036, 50708}
# Compressions that only the maker note explains: Nikon, Sony, Pentax, Samsung, Kodak.
MAKER_COMPRESSIONS = {34713, 32767, 65535, 32769, 32770, 32772, 65000}
DIRECTORIES_MAX = 1_000
STRIPS_MAX = 500_000


def kind_of(start: bytes) -> str | None:
    """TIFF; None for other files."""
    return "TIFF" if start.startswith(SIGNATURES + RAW_SIGNATURES) and len(start) >= 8 else None


@dataclass
class Entry:
    """An entry of a directory: its offset, tag, type and number of values, and the range of the values' bytes."""

    offset: int
    tag: int
    type: int
    count: int
    start: int
    end: int
    # Whether the values are in the entry itself.
    is_inline: bool


class Reader:
    """Reads a file's directories, and marks personal data in `layout` to be overwritten."""

    def __init__(self, data: mmap.mmap, layout: Layout) -> None:
        self.data = data
        self.layout = layout
        self.byte_order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
        is_big = data[2:4] in (b"+\0", b"\0+")
        # The size of a directory's number of entries, of an entry, and of a value or offset in an entry.
        self.count_size, self.entry_size, self.value_size = (8, 20, 8) if is_big else (2, 12, 4)
        # Canon's files have their own signature after the head.
        is_canon = data[8:10] == b"CR"
        self.is_panasonic = data[:4] == PANASONIC
        self.is_raw = is_canon or data[:4] in RAW_SIGNATURES
        self.directories: dict[int, list[Entry]] = {}
        head = (0, 24 if self.is_panasonic else 16 if is_big or is_canon else 8)
        # The ranges of bytes that stay.
        self.needed = [head]
        # The ranges of everything but pixels, and those of pixels.
        self.structure = [head]
        self.pixels: list[tuple[int, int]] = []
        self.strips = 0

    def read(self) -> None:
        """Raises Unclear, TooManyParts."""
        self.read_directories([self.number(self.value_size, self.value_size)], SUBDIRECTORIES)
        entries = [entry for entries in self.directories.values() for entry in entries]
        self.is_raw = self.is_raw or any(
            entry.tag == COMPRESSION and self.number(entry.start, self.type_size(entry)) in MAKER_COMPRESSIONS
            for entry in entries
        )
        if self.is_raw:
            self.read_directories(self.subdirectories(entries, RAW_SUBDIRECTORIES), RAW_SUBDIRECTORIES)
        for start, entries in self.directories.items():
            self.strip_directory(start, entries)
        self.check_overlaps()
        self.layout.blank_between(self.data, 0, self.layout.size, self.needed + self.pixels)
        if self.is_raw and sum(end - start for start, end in self.layout.blanked) > self.layout.size // 2:
            raise Unclear("pixels that only the maker finds")

    # Reading

    def number(self, offset: int, size: int) -> int:
        if offset + size > self.layout.size:
            raise Unclear("an offset beyond the end")
        return int.from_bytes(self.data[offset : offset + size], self.byte_order)

    def numbers(self, entry: Entry) -> list[int]:
        size = self.type_size(entry)
        self.layout.count(entry.count)
        return [self.number(offset, size) for offset in range(entry.start, entry.end, size)]

    def type_size(self, entry: Entry) -> int:
        if entry.type not in TYPE_SIZES:
            raise Unclear("a number of an unknown type")
        return TYPE_SIZES[entry.type]

    def read_directories(self, starts: list[int], subdirectory_tags: Collection[int]) -> None:
        """Read the directories at these offsets, and those that follow them or that their entries refer to."""
        while starts:
            start = starts.pop()
            if not start or start in self.directories:
                continue
            if len(self.directories) == DIRECTORIES_MAX:
                raise TooManyParts
            self.directories[start] = entries = self.read_entries(start)
            starts.append(self.number(self.end_of_entries(start, entries), self.value_size))
            starts += self.subdirectories(entries, subdirectory_tags)

    def subdirectories(self, entries: list[Entry], tags: Collection[int]) -> list[int]:
        """The offsets of the directories that entries refer to."""
        return [
            offset
            for entry in entries
            if entry.tag in tags and (entry.tag != SONY_PRIVATE or entry.end - entry.start == 4)
            for offset in ([self.number(entry.start, 4)] if entry.tag == SONY_PRIVATE else self.numbers(entry))
        ]

    def read_entries(self, start: int) -> list[Entry]:
        """Read one directory, and note where it and its values are."""
        entry_count = self.number(start, self.count_size)
        self.layout.count(entry_count)
        entries = []
        first = start + self.count_size
        for offset in range(first, first + entry_count * self.entry_size, self.entry_size):
            tag, type = self.number(offset, 2), self.number(offset + 2, 2)
            count = self.number(offset + 4, self.value_size)
            size = TYPE_SIZES.get(type, 1) * count
            value = offset + 4 + self.value_size
            is_inline = size <= self.value_size
            value_start = value if is_inline else self.number(value, self.value_size)
            if value_start + size > self.layout.size:
                raise Unclear("a value beyond the end")
            entries.append(Entry(offset, tag, type, count, value_start, value_start + size, is_inline))
        self.structure.append((start, self.end_of_entries(start, entries) + self.value_size))
        self.structure += [(entry.start, entry.end) for entry in entries if not entry.is_inline]
        return entries

    def end_of_entries(self, start: int, entries: list[Entry]) -> int:
        """Where a directory has the offset of the next one."""
        return start + self.count_size + len(entries) * self.entry_size

    # Removing

    def strip_directory(self, start: int, entries: list[Entry]) -> None:
        """Keep the needed entries: they move up, and their number is reduced."""
        kept = [entry for entry in entries if self.is_needed(entry)]
        texts = [entry.tag for entry in kept if entry.type in TEXT_TYPES]
        if len(set(texts)) < len(texts):
            # One of them may be a description with a damaged tag.
            raise Unclear("the same text twice")
        next_offset = self.end_of_entries(start, entries)
        end = next_offset + self.value_size
        self.needed.append((start, end))
        self.needed += [(entry.start, entry.end) for entry in kept]
        self.add_pixels({entry.tag: entry for entry in kept})
        if len(kept) == len(entries):
            return
        for entry in entries:
            if not self.is_needed(entry):
                self.blank(entry)
        content = len(kept).to_bytes(self.count_size, self.byte_order)
        content += b"".join(self.data[entry.offset : entry.offset + self.entry_size] for entry in kept)
        content += self.data[next_offset:end]
        self.layout.patches.append((start, content.ljust(end - start, b"\0")))

    def is_needed(self, entry: Entry) -> bool:
        if entry.type not in TYPE_SIZES:
            return False
        if self.is_raw:
            return entry.tag not in PERSONAL_TAGS and (entry.type not in TEXT_TYPES or entry.tag in RAW_TEXT_TAGS)
        # No text is needed to display a picture.
        return entry.tag in DISPLAY_TAGS and entry.type not in TEXT_TYPES

    def blank(self, entry: Entry) -> None:
        """Overwrite an entry's values, and the directory of a location, even if a needed entry refers to them too."""
        self.layout.blank(self.data, entry.start, entry.end)
        if entry.tag != GPS_DIRECTORY:
            return
        for start in self.numbers(entry):
            gps_entries = self.read_entries(start)
            self.layout.blank(self.data, start, self.end_of_entries(start, gps_entries))
            for gps_entry in gps_entries:
                self.layout.blank(self.data, gps_entry.start, gps_entry.end)

    def add_pixels(self, entries: dict[int, Entry]) -> None:
        """Note where a directory's pixels are. A JPEG among them is parsed like a file."""
        for offsets_tag, lengths_tag in (RAW_PIXELS if self.is_raw else PIXELS).items():
            if offsets_tag not in entries or lengths_tag not in entries:
                continue
            offsets, lengths = entries[offsets_tag], entries[lengths_tag]
            self.strips += offsets.count
            if self.strips > STRIPS_MAX:
                raise TooManyParts
            for index in range(min(offsets.count, lengths.count)):
                start, length = (
                    self.number(entry.start + index * self.type_size(entry), self.type_size(entry))
                    for entry in (offsets, lengths)
                )
                self.add_strip(start, start + length)
        if self.is_panasonic and PANASONIC_PIXELS in entries:
            entry = entries[PANASONIC_PIXELS]
            self.add_strip(self.number(entry.start, self.type_size(entry)), self.layout.size)
        for entry in entries.values():
            # Some makers have a preview as a value.
            if self.is_raw:
                self.blank_in_preview(entry.start, entry.end)

    def add_strip(self, start: int, end: int) -> None:
        self.layout.is_cut_short |= end > self.layout.size
        end = min(end, self.layout.size)
        if self.pixels and self.pixels[-1][1] == start:
            self.pixels[-1] = (self.pixels[-1][0], end)
        elif start < end:
            self.pixels.append((start, end))
        self.blank_in_preview(start, end)

    def blank_in_preview(self, start: int, end: int) -> None:
        if start + 3 <= end and self.data[start : start + 3] == b"\xff\xd8\xff":
            blank_in_jpeg(self.data, self.layout, start, end)

    def check_overlaps(self) -> None:
        """Raise Unclear if the same bytes are used twice: then an offset or length is wrong, and so what it keeps.

        Pixels may be shared (a JPEG also listed as strips), and so may values that begin at the same offset.
        """
        ranges = [(start, end, False) for start, end in self.structure if start < end]
        ranges += [(start, end, True) for start, end in self.pixels]
        last_start = last_end = pixels_end = 0
        for start, end, is_pixels in sorted(ranges):
            if start < (last_end if is_pixels else pixels_end):
                raise Unclear("pixels over other data")
            if is_pixels:
                pixels_end = max(pixels_end, end)
                continue
            if last_start < start < last_end:
                raise Unclear("values over other data")
            last_start, last_end = start, max(last_end, end)


def read_tiff(data: mmap.mmap, layout: Layout) -> None:
    """Raises Unclear, TooManyParts."""
    Reader(data, layout).read()
