"""An answer that is compressed once, and sent with a few strings in it replaced each time.

gzip allows blocks that are stored as they are (RFC 1951, 3.2.4). Strings that change lie in such blocks, between blocks
that were compressed without them. So do secrets that stay: nothing is compressed together with them, and the length of
the answer reveals nothing about them (BREACH, https://breachattack.com).
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

# A cached response is often soon out of date: level 6 would take twice the time for 4 % fewer bytes.
LEVEL = 4
# The header carries a file name (RFC 1952, 2.3.1) of random length, to hide the body's length: docs/decisions/0034.
HEADER = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
PADDING = b"x" * 100
STORED, STORED_MAX = struct.Struct("<BHH"), 2**16 - 1
END = struct.Struct("<2sII")
EMPTY_LAST_BLOCK = b"\x03\0"


@dataclass
class Piece:
    """What stands before the next string that changes: its bytes, and its compressed blocks."""

    raw: bytes = b""
    blocks: bytes = b""

    def add(self, raw: bytes, blocks: bytes) -> None:
        self.raw, self.blocks = self.raw + raw, self.blocks + blocks


class GzipPieces:
    """An answer in pieces: `changing` are the strings to replace, by name, `secret` those to send uncompressed.

    Strings that are empty or not in the answer are ignored. It is cheap when the changing strings are few and near the
    end: the checksum of everything before the first one is kept.
    """

    def __init__(self, whole: bytes, changing: Mapping[str, str], secret: Sequence[str] = ()) -> None:
        names = {text.encode(): name for name, text in changing.items() if text}
        apart = {text.encode() for text in secret if text}
        self.names: list[str] = []
        self.pieces = [Piece()]
        for text in split(whole, {*names, *apart}):
            if text in names:
                self.names.append(names[text])
                self.pieces.append(Piece())
            elif text:
                self.pieces[-1].add(text, stored(text) if text in apart else compressed(text))
        self.length = sum(len(piece.raw) for piece in self.pieces)
        self.checksum = zlib.crc32(self.pieces[0].raw)
        # Not needed any more, and by far the longest.
        self.pieces[0].raw = b""
        self.size = sum(len(piece.raw) + len(piece.blocks) for piece in self.pieces)

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The compressed answer with these values, each shorter than 64 KiB, for the strings that change."""
        checksum, length = self.checksum, self.length
        padding = PADDING[: 1 + secrets.randbelow(len(PADDING))]
        out = [HEADER, padding, b"\0", self.pieces[0].blocks]
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            value = values[name].encode()
            checksum = zlib.crc32(piece.raw, zlib.crc32(value, checksum))
            length += len(value)
            out += (stored(value), piece.blocks)
        out.append(END.pack(EMPTY_LAST_BLOCK, checksum, length & 0xFFFFFFFF))
        return b"".join(out)


def split(whole: bytes, strings: Iterable[bytes]) -> Iterator[bytes]:
    """Cut an answer before and after each of these strings; the first and longest ones where they overlap.

    A regular expression would have to be compiled for each answer, which takes longer.
    """
    found = sorted((start, -len(text)) for text in strings for start in starts(whole, text))
    at = 0
    for start, negative_length in found:
        if start >= at:
            yield whole[at:start]
            at = start - negative_length
            yield whole[start:at]
    yield whole[at:]


def starts(whole: bytes, text: bytes) -> Iterator[int]:
    """Where a string stands in an answer."""
    start = whole.find(text)
    while start >= 0:
        yield start
        start = whole.find(text, start + 1)


def stored(text: bytes) -> bytes:
    """A stored block of at most STORED_MAX bytes."""
    return STORED.pack(0, len(text), len(text) ^ STORED_MAX) + text


def compressed(text: bytes) -> bytes:
    """Compressed blocks that end at a byte and refer to nothing outside."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
