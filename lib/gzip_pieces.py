"""An answer that is compressed once, and sent with a few strings in it replaced each time.

gzip allows blocks that are stored as they are (RFC 1951, 3.2.4). Strings that change lie in such blocks, between blocks
that were compressed without them. So do secrets that stay: nothing is compressed together with them, and the length of
the answer tells nothing of them (BREACH, https://breachattack.com).
"""

from __future__ import annotations

import re
import secrets
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A kept answer is often soon out of date: level 6 would take twice the time for 4 % fewer bytes.
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
        # The longest first: one may begin with another.
        strings = b"|".join(map(re.escape, sorted({*names, *apart}, key=len, reverse=True)))
        self.names: list[str] = []
        self.pieces = [Piece()]
        for text in re.split(b"(" + strings + b")", whole) if strings else [whole]:
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


def stored(text: bytes) -> bytes:
    """A stored block of at most STORED_MAX bytes."""
    return STORED.pack(0, len(text), len(text) ^ STORED_MAX) + text


def compressed(text: bytes) -> bytes:
    """Compressed blocks that end at a byte and refer to nothing outside."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
