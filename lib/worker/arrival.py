"""Buffers a request as it arrives, and parses it with gunicorn's parser once it is complete.

This code only finds out when a request is complete; where it disagrees with gunicorn's parser, the parser decides.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

HEAD_MAX = 2**16
# Larger requests are not buffered completely: their thread reads the rest.
BODY_MAX = 2**20
# Every chunk costs time, however short: a body may have this many tiny ones.
CHUNKS_FREE = 4096
CHUNK_BYTES = 1024
# As gunicorn reads.
PIECE, PIECE_MAX = 8192, 2**20

CHUNK_LINE = re.compile(rb"([0-9a-fA-F]+)(?:[ \t]*;[^\r\n]*)?")
LINE_MAX = 8190
BARE_LF = re.compile(rb"(?<!\r)\n")


class Incomplete(Exception):
    """The parser needs more data."""


class Arrived(Unreader):
    """The received part of a request, as gunicorn's parser reads it."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.source = io.BytesIO(data)
        # Reads more, for a body that is not buffered.
        self.receive: Callable[[int], bytes] | None = None

    def chunk(self, size_hint: int | None = None) -> bytes:
        size = min(max(size_hint or 0, PIECE), PIECE_MAX)
        data = self.source.read(size)
        if not data:
            if self.receive is None:
                raise Incomplete
            data = self.receive(size)
        return data

    def rest(self) -> bytes:
        """Return the data that was not parsed, and clear it."""
        rest, self.source = bytes(self.take_buffered()) + self.source.read(), io.BytesIO()
        return rest


class Chunked(ChunkedReader):
    """gunicorn's reader of chunks, with a limit of their number."""

    chunks = size = 0

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> Any:
        size, rest = super().parse_chunk_size(unreader, data)
        self.chunks, self.size = self.chunks + 1, self.size + size
        if are_too_many(self.chunks, self.size):
            raise InvalidChunkSize(b"too many tiny chunks")
        return size, rest


def are_too_many(chunks: int, size: int) -> bool:
    return chunks > CHUNKS_FREE + size // CHUNK_BYTES


class ChunkScanner:
    """Finds the end of a chunked body as it arrives, scanning every byte once."""

    def __init__(self) -> None:
        # Where the next chunk or the trailer begins, and from where to search for the end of its line.
        self.at = self.searched = 0
        self.chunks = self.size = 0
        # How much of the body has arrived, including incomplete chunks.
        self.decoded = 0
        self.is_trailer = False

    def is_done(self, data: bytearray) -> bool:
        """Whether the body is complete, or malformed, which gunicorn's parser reports."""
        while not self.is_trailer:
            end = data.find(b"\r\n", self.searched)
            if end < 0:
                self.searched = max(self.at, len(data) - 1)
                return len(data) - self.at > LINE_MAX
            line = CHUNK_LINE.fullmatch(data, self.at, end)
            if line is None:
                return True
            size = int(line[1], 16)
            stop = end + 2 + size + 2
            self.decoded = self.size + min(size, len(data) - end - 2)
            self.is_trailer = not size
            if self.is_trailer:
                self.searched = end
            elif len(data) < stop:
                return False
            elif data[stop - 2 : stop] != b"\r\n" or are_too_many(self.chunks + 1, self.decoded):
                return True
            else:
                self.chunks, self.size, self.at, self.searched = self.chunks + 1, self.decoded, stop, stop
        is_done = data.find(b"\r\n\r\n", self.searched) >= 0 or BARE_LF.search(data, self.searched) is not None
        self.searched = max(self.searched, len(data) - 3)
        return is_done


class Arrival:
    """The next request of a connection: its head, and its body if it is small."""

    def __init__(self, cfg: Any, client: Any) -> None:
        self.cfg, self.client = cfg, client
        self.number = 0
        self.buffer = bytearray()
        self.searched = 0
        self.clear()

    def clear(self) -> None:
        """Start the next request with the bytes that followed the last one."""
        self.request: Any = None
        # All that was received, if the parser has read it to its end.
        self.raw = b""
        self.is_large = self.awaits_word = False
        self.wanted: int | ChunkScanner = 0
        self.looked_at = 0

    def feed(self, data: bytes) -> None:
        self.buffer += data

    @property
    def is_empty(self) -> bool:
        return self.request is None and not self.buffer

    @property
    def has_begun(self) -> bool:
        # Ignore an empty line before a request (RFC 9112, 2.2).
        return self.request is not None or bytes(self.buffer[:3]) not in (b"", b"\r\n")

    def is_ready(self) -> bool:
        """Whether the request can be served: it is complete, or too large to buffer.

        Raises the errors of gunicorn's parser about its head.
        """
        return (self.request is not None or self._parse_head()) and self._has_body()

    def _parse_head(self) -> bool:
        fresh, self.looked_at = self.looked_at, len(self.buffer)
        if len(self.buffer) <= self.cfg.limit_request_line and self.buffer.find(b"\n", fresh) < 0:
            # No complete line yet: nothing to parse.
            return False
        raw = bytes(self.buffer)
        arrived = Arrived(raw)
        try:
            request = Request(self.cfg, arrived, self.client, self.number + 1)
        except Incomplete:
            if len(self.buffer) > HEAD_MAX:
                raise LimitRequestHeaders("the head is too large") from None
            return False
        self.number += 1
        self.request, self.arrived = request, arrived
        # gunicorn would send 100 Continue before the app runs, even for a body that is too large.
        self.awaits_word, request._expected_100_continue = request._expected_100_continue, False
        self.buffer = bytearray(arrived.rest())
        self.raw = b"" if self.buffer else raw
        if isinstance(request.body.reader, ChunkedReader):
            request.body.reader = Chunked(request, arrived)
            self.wanted = ChunkScanner()
        else:
            self.wanted = request.body.reader.length
        return True

    def _has_body(self) -> bool:
        if isinstance(self.wanted, ChunkScanner):
            if self.wanted.is_done(self.buffer):
                return True
            # With BODY_MAX bytes the app can already refuse a larger body, without a thread waiting for more.
            self.is_large = self.wanted.decoded > BODY_MAX + PIECE
            if not self.is_large and len(self.buffer) > 2 * BODY_MAX:
                raise InvalidChunkSize(b"too much around the chunks")
        else:
            self.is_large = self.wanted > BODY_MAX
            if not self.is_large:
                return len(self.buffer) >= self.wanted
        return self.is_large

    def take(self, receive: Callable[[int], bytes]) -> Any:
        """Return gunicorn's Request; `receive` reads more of a large body. Raises errors of a small one."""
        request, self.arrived.source = self.request, io.BytesIO(self.buffer)
        self.buffer = bytearray()
        if self.is_large:
            # An unread rest of the body could not be distinguished from a next request.
            request.force_close()
            self.arrived.receive = receive
        else:
            try:
                request.body = io.BytesIO(request.body.read())
            except Incomplete:
                raise NoMoreData(b"") from None
            self.buffer = bytearray(self.arrived.rest())
        return request
