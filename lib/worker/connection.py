"""A client's connection, and the number of connections per address."""

from __future__ import annotations

import select
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from lib.origin import network, plain_address
from lib.worker.arrival import Arrival
from lib.worker.client import ClientSocket, wait
from lib.worker.pace import Pace

HEAD_SECONDS = 10.0


class Connection:
    """A client's connection, its arriving request, and the deadline for the event that `on_event` handles."""

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any) -> None:
        self.sock, self.client, self.server = sock, client, server
        self.arrival = Arrival(cfg, client)
        self.pace = Pace()
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.on_event: Callable[[Connection], None] | None = None
        # For the limits: the client's address, and its bytes in memory.
        self.address: str | None = None
        self.buffered_bytes = 0
        self.lingered = 0
        self.keeps_alive = False
        self.is_closed = False

    @property
    def request_line(self) -> bytes:
        """The request line as far as it has arrived."""
        request = self.arrival.request
        return bytes(self.arrival.buffer) if request is None else f"{request.method} {request.uri} ".encode("latin-1")

    def feed(self, data: bytes) -> bool:
        """Add received data. Returns whether a request can be served. Raises errors of its head."""
        had_begun, had_head = self.arrival.has_begun, self.arrival.request is not None
        self.arrival.feed(data)
        if self.arrival.is_ready():
            return True
        if self.arrival.request is not None:
            if not had_head:
                self.pace = Pace()
                self.invite()
            self.pace.count(len(data))
            self.deadline = self.pace.deadline
        elif self.arrival.has_begun and not had_begun:
            self.deadline = time.monotonic() + HEAD_SECONDS
        return False

    def take(self, is_serving: Callable[[], bool]) -> Any:
        """Return gunicorn's Request, in the thread that serves it. Raises errors of its body."""
        self.pace = Pace()

        def receive(size: int) -> bytes:
            self.invite()
            wait(self.sock, select.POLLIN, self.pace, is_serving)
            data = self.sock.recv(size)
            self.pace.count(len(data))
            return data

        return self.arrival.take(receive)

    def invite(self) -> None:
        """Send 100 Continue to a client that waits for it (RFC 9110, 10.1.1)."""
        if self.arrival.awaits_word:
            self.arrival.awaits_word = False
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


class Addresses:
    """The connections of each client address."""

    def __init__(self, most: int) -> None:
        # 0: any number.
        self.most = most
        self.connections: dict[str, OrderedDict[Connection, None]] = {}

    def add(self, conn: Connection, address: str) -> bool:
        """Count a connection to an address. Returns whether there are too many now."""
        conn.address = network(address)
        same = self.connections.setdefault(conn.address, OrderedDict())
        same[conn] = None
        return 0 < self.most < len(same)

    def of(self, conn: Connection) -> list[Connection]:
        """The connections from the same address, oldest first."""
        return list(self.connections[conn.address]) if conn.address is not None else []

    def remove(self, conn: Connection) -> None:
        if conn.address is not None:
            same = self.connections[conn.address]
            del same[conn]
            if not same:
                del self.connections[conn.address]
            conn.address = None


def forwarded_for(request: Any, proxies: int) -> str | None:
    """The client's address as seen by the outermost of the trusted proxies; None if they report none."""
    entries = ",".join(value for name, value in request.headers if name == "X-FORWARDED-FOR").split(",")
    return plain_address(entries[-proxies]) if len(entries) >= proxies else None
