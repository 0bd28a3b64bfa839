"""A client's socket: threads write to it without blocking, and the event loop sends the rest."""

from __future__ import annotations

import errno
import os
import select
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from lib.worker.pace import Pace

# Bytes in memory for one client; above this the writing thread waits.
BACKLOG = 2**24
# Of an answer that arrives in pieces: unsent bytes of one client in memory, and of all clients on the disk.
SPOOLED_FROM, SPOOLED_MAX = 2**20, 2**29
# Sent at a time, so that one fast client does not occupy the loop.
PIECE = 2**18
PIECES = 8


class TooSlow(ConnectionResetError):
    """The client reads or sends too slowly."""


@dataclass
class FilePart:
    """Bytes of a file, sent by the kernel."""

    descriptor: int
    offset: int
    size: int
    # Its bytes in a temporary file.
    spooled: int = 0

    def close(self) -> None:
        os.close(self.descriptor)
        spooled.add(-self.spooled)


class Total:
    """A number that several threads add to."""

    def __init__(self) -> None:
        self.value = 0
        self._lock = threading.Lock()

    def add(self, amount: int) -> None:
        with self._lock:
            self.value += amount


# Bytes in temporary files, of all clients.
spooled = Total()


class ClientSocket(socket.socket):
    """A non-blocking socket with gunicorn's three write methods, which return before the client has read."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.setblocking(False)
        self.unsent: deque[memoryview | FilePart] = deque()
        self.unsent_bytes = 0
        self.pace = Pace()
        self._spools = False
        self._spool: IO[bytes] | None = None

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send data or buffer it. Raises TooSlow when too much stays in the buffer."""
        if not self.unsent:
            self.pace = Pace()
            if len(data) <= PIECE:
                data = self._send_at_once(data)
                if not data:
                    return
        if self._spools and self._is_behind() and spooled.value < SPOOLED_MAX:
            self._append_to_spool(data)
        else:
            self.unsent.append(memoryview(bytes(data)))
            self.unsent_bytes += len(data)
        self.flush()
        while self.unsent_bytes > BACKLOG:
            wait(self, select.POLLOUT, self.pace)
            self.flush()

    def _send_at_once(self, data: Any) -> Any:
        """Send what the socket takes of one piece of new data; returns the rest."""
        try:
            sent = self.send(data)
        except BlockingIOError:
            return data
        self.pace.count(sent)
        return data[sent:]

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file. The caller may close the file immediately."""
        if not self.unsent:
            self.pace = Pace()
        size = os.fstat(file.fileno()).st_size - offset if count is None else count
        self.unsent.append(FilePart(os.dup(file.fileno()), offset, size))
        self.flush()
        return size

    @contextmanager
    def spooling(self) -> Iterator[None]:
        """Within the block, let what a slow client has not read wait in a temporary file instead of in memory."""
        self._spools = True
        try:
            yield
        finally:
            self._spools = False
            if self._spool is not None:
                # What is unsent has descriptors of its own.
                self._spool.close()
                self._spool = None

    def _is_behind(self) -> bool:
        return self.unsent_bytes > SPOOLED_FROM or (bool(self.unsent) and isinstance(self.unsent[-1], FilePart))

    def _append_to_spool(self, data: Any) -> None:
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115
        offset = self._spool.tell()
        self._spool.write(data)
        self._spool.flush()
        part = self.unsent[-1] if self.unsent else None
        if not isinstance(part, FilePart) or not part.spooled:
            part = FilePart(os.dup(self._spool.fileno()), offset, 0)
            self.unsent.append(part)
        part.size += len(data)
        part.spooled += len(data)
        spooled.add(len(data))

    def flush(self) -> None:
        """Send as much of the rest as the socket takes at once."""
        for _ in range(PIECES):
            if not self.unsent:
                return
            try:
                self._send_some(self.unsent[0])
            except BlockingIOError:
                return

    def _send_some(self, part: memoryview | FilePart) -> None:
        if isinstance(part, FilePart):
            sent = os.sendfile(self.fileno(), part.descriptor, part.offset, min(part.size, PIECE)) if part.size else 0
            if part.size and not sent:
                raise ConnectionResetError("the file is shorter than announced")
            part.offset, part.size = part.offset + sent, part.size - sent
            if not part.size:
                part.close()
                self.unsent.popleft()
        else:
            sent = self.send(part[:PIECE])
            self.unsent_bytes -= sent
            self.unsent.popleft()
            if sent < len(part):
                self.unsent.appendleft(part[sent:])
        self.pace.count(sent)

    def close(self) -> None:
        for part in self.unsent:
            if isinstance(part, FilePart):
                part.close()
        self.unsent.clear()
        self.unsent_bytes = 0
        super().close()


def wait(sock: socket.socket, event: int, pace: Pace, is_serving: Callable[[], bool] = lambda: True) -> None:
    """Wait in a thread until a socket is ready. Raises TooSlow, early when the server is stopping."""
    poll = select.poll()
    poll.register(sock, event)
    while not poll.poll(1000):
        if time.monotonic() > pace.deadline or not is_serving():
            raise TooSlow(errno.ECONNRESET, "the client is too slow")
