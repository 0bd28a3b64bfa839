"""Many open streams in one process: opened, read, their deliveries counted."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable

NEW = b"event: message.created\n"
# A message that tells when it was sent: nanoseconds, as time.time_ns() gives them.
SENT = re.compile(rb"sent at (\d{19})")
KEPT = 64


class Listeners:
    """Sockets that read streams; deliveries are counted across the edges of what one read brings."""

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.rests: dict[int, bytes] = {}
        self.ready: set[int] = set()
        self.deliveries = 0
        self.last = 0.0
        self.delays: list[float] = []
        self.timed = False
        # Whether the other side may end a stream: in the bare loop, when it has sent all.
        self.may_end = False
        self.requests: dict[int, tuple[int, str]] = {}
        self.reconnects = 0

    def add(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sockets[sock.fileno()] = sock
        self.rests[sock.fileno()] = b""
        self.poll.register(sock.fileno(), select.EPOLLIN)

    def open(self, port: int, token: str) -> None:
        """Ask for a stream."""
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.add(sock)
        self.requests[sock.fileno()] = port, token

    def has_received(self, deliveries: int) -> bool:
        return self.deliveries >= deliveries

    def read(self, until: Callable[[], bool], seconds: float) -> bool:
        """Read what comes until it is so; False when the time is over first."""
        end = time.perf_counter() + seconds
        while not until():
            if time.perf_counter() > end:
                return False
            for number, _ in self.poll.poll(0.05):
                self._take(number)
        return True

    def _take(self, number: int) -> None:
        try:
            data = self.sockets[number].recv(2**18)
        except BlockingIOError:
            return
        if not data and self.may_end:
            self.poll.unregister(number)
            return
        # A length has only the answer that asks to reconnect: to wait for more would be to wait out the keep-alive.
        if number not in self.ready and (not data or b"Content-Length:" in self.rests[number] + data):
            self._reconnect(number)
            return
        if not data:
            raise RuntimeError(f"a stream was closed after {self.rests[number][:300]!r}")
        now = time.time_ns()
        text = self.rests[number] + data
        if b"event: hello" in text:
            self.ready.add(number)
        count = text.count(NEW)
        if count:
            self.deliveries += count
            self.last = time.perf_counter()
            if self.timed:
                self.delays += [(now - int(at)) / 1e6 for at in SENT.findall(data)]
        # Nothing that was counted stays; a word that was cut does.
        last = text.rfind(b"\n\n")
        self.on_events(text[: max(last, 0)])
        self.rests[number] = text[last + 2 :] if last >= 0 else text[-(2**16) :]
        if count and last >= 0 and NEW in self.rests[number]:
            self.deliveries -= self.rests[number].count(NEW)

    def on_events(self, events: bytes) -> None:
        """What has come whole."""

    def _reconnect(self, number: int) -> None:
        """Ask again, as the stream process answered: it was busy."""
        self.reconnects += 1
        self.poll.unregister(number)
        self.sockets.pop(number).close()
        self.open(*self.requests.pop(number))

    def close(self) -> None:
        for sock in self.sockets.values():
            sock.close()
        self.poll.close()
