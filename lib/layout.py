"""The layout of a file: which bytes belong to the picture, and which may contain personal data."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator

# This many parts, and one more for every 4 KB: encoders write PNG in chunks of 8 KB and more.
PARTS = 10_000
BYTES_A_PART = 4096
PIECE = 2**20


class TooManyParts(Exception):
    """More parts than any encoder writes."""


class Unclear(Exception):
    """The parts can't be parsed."""


class Layout:
    """The parts of one file, in order. Any part not known to be harmless may contain personal data, and is removed."""

    def __init__(self, kind: str, size: int) -> None:
        self.kind = kind
        self.size = size
        self.width = self.height = 0
        self.frames = 0
        # The ranges of bytes to keep, and where the next part begins.
        self.kept: list[tuple[int, int]] = []
        self.at = 0
        # The parts to remove.
        self.dropped: list[tuple[int, int]] = []
        self.is_cut_short = False
        # The size and flags for a WebP's head after the removal.
        self.has_true_head = True
        self.parts = 0
        # The item types of a HEIC or AVIF.
        self.items: set[str] = set()
        # Ranges to overwrite with zeros, and then with other bytes, where nothing may be moved.
        self.blanked: list[tuple[int, int]] = []
        self.patches: list[tuple[int, bytes]] = []

    def count(self, parts: int = 1) -> None:
        """Raise TooManyParts once there are more than any encoder writes."""
        self.parts += parts
        if self.parts > PARTS + self.size // BYTES_A_PART:
            raise TooManyParts

    def part(self, end: int, is_harmless: bool) -> None:
        """Take the bytes up to `end`. Raises TooManyParts."""
        self.count()
        if end > self.size:
            end, self.is_cut_short = self.size, True
        if is_harmless and end > self.at:
            start = self.kept.pop()[0] if self.kept and self.kept[-1][1] == self.at else self.at
            self.kept.append((start, end))
        elif end > self.at:
            self.dropped.append((self.at, end))
        self.at = end

    def declare(self, width: int, height: int) -> None:
        self.width, self.height = max(self.width, width), max(self.height, height)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def blank(self, data: mmap.mmap, start: int, end: int) -> bool:
        """Mark bytes to be overwritten with zeros; False if they are zero already."""
        if all(data[at : min(at + PIECE, end)].strip(b"\0") == b"" for at in range(start, end, PIECE)):
            return False
        self.blanked.append((start, end))
        return True

    def blank_between(self, data: mmap.mmap, start: int, end: int, kept: Iterable[tuple[int, int]]) -> None:
        """Mark everything from `start` to `end` to be overwritten, except these ranges."""
        for first, last in sorted(kept):
            if start < first:
                self.blank(data, start, min(first, end))
            start = max(start, last)
        if start < end:
            self.blank(data, start, end)

    @property
    def remaining(self) -> Iterator[tuple[int, int]]:
        """The kept ranges that are not overwritten completely."""
        overwritten = sorted([*self.blanked, *((at, at + len(content)) for at, content in self.patches)])
        for start, end in self.kept:
            for first, last in overwritten:
                if first >= end or last <= start:
                    continue
                if start < first:
                    yield start, first
                start = max(start, last)
            if start < end:
                yield start, end

    @property
    def is_whole(self) -> bool:
        """Whether nothing is removed or overwritten."""
        return self.kept == [(0, self.size)] and not self.blanked and not self.patches

    @property
    def is_bare(self) -> bool:
        """Whether it contains only pixels, colours and timing."""
        return self.is_whole and self.has_true_head and not self.is_cut_short
