"""A load of many connections from one thread: keeps each busy, checks every answer."""

from __future__ import annotations

import select
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CONNECTIONS = 16
MOST = 400_000
AT_ONCE = 2**18
# A server that says nothing for so long is not measured but broken.
PATIENCE = 20.0

# The bytes of a request, and what to know its answer by.
Request = tuple[bytes, bytes]
Right = Callable[[bytes, bytes, bytes], bool]


class Broken(Exception):
    """The server gave a wrong answer, or none."""


@dataclass
class Result:
    """What a load met. Times are of whole requests, in seconds."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    received: int = 0

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    def at(self, share: float) -> float:
        """The time that this share of the requests took at most."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Connection:
    """One keep-alive connection with one request under way."""

    def __init__(self, port: int, requests: Iterator[Request], right: Right) -> None:
        self.port = port
        self.requests = requests
        self.right = right
        self.needle = b""
        self.sent_at = 0.0
        self.buffer = b""
        self.socket = self.opened()

    def opened(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def send(self) -> None:
        request, self.needle = next(self.requests)
        self.buffer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int:
        """Take what came; returns the size of the answer once it is whole and right, else 0. Raises Broken."""
        came = self.socket.recv(AT_ONCE)
        if not came:
            raise Broken(f"closed after {self.buffer[:200]!r}")
        self.buffer = self.buffer + came if self.buffer else came
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return 0
        head, body = self.buffer[:end].lower(), self.buffer[end + 4 :]
        if not whole(head, body):
            return 0
        if not self.right(head, unpacked(head, body), self.needle):
            raise Broken(f"not the answer with {self.needle!r}: {self.buffer[:600]!r}")
        return len(self.buffer)


def whole(head: bytes, body: bytes) -> bool:
    """Whether all of an answer came (RFC 9112, 6.3)."""
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return body.endswith(b"0\r\n\r\n")
    stop = head.find(b"\r\n", at + 2)
    return len(body) >= int(head[at + 17 : stop if stop > 0 else None])


def unpacked(head: bytes, body: bytes) -> bytes:
    if b"\r\ntransfer-encoding: chunked" in head:
        body = joined(body)
    if b"\r\ncontent-encoding: gzip" not in head:
        return body
    known = UNPACKED.get(body)
    if known is None:
        if len(UNPACKED) > 500:
            UNPACKED.clear()
        known = UNPACKED[body] = zlib.decompress(body, wbits=31)
    return known


# Unpacking costs more than asking whether the same bytes came before.
UNPACKED: dict[bytes, bytes] = {}


def joined(body: bytes) -> bytes:
    """The chunks of a chunked body as one."""
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        out += rest[:length]
        body = rest[length + 2 :]
    return out


def run(port: int, requests: Iterator[Request], right: Right, seconds: float) -> Result:
    """Keep all connections busy for so long; every answer is checked. Raises Broken at the first wrong one."""
    result = Result()
    poll = select.epoll()
    connections = {}
    for _ in range(CONNECTIONS):
        connection = Connection(port, requests, right)
        connections[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        connection.send()
    began = time.perf_counter()
    end = began + seconds
    waiting = len(connections)
    while waiting:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise Broken("the server says nothing")
        for descriptor, _ in ready:
            connection = connections[descriptor]
            size = connection.receive()
            if not size:
                continue
            now = time.perf_counter()
            result.times.append(now - connection.sent_at)
            result.received += size
            if now < end and len(result.times) < MOST:
                connection.send()
            else:
                waiting -= 1
    result.seconds = time.perf_counter() - began
    poll.close()
    for connection in connections.values():
        connection.socket.close()
    return result
