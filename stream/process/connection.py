"""One open stream: a socket, its owner, and the frames that wait to be sent."""

from __future__ import annotations

import contextlib
import json
import socket

# MSG_DONTWAIT, since another process may have left a timeout on the socket.
FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
WAITING_MAX = 64 * 1024
# Drop a peer that acknowledges nothing for this long (TCP_USER_TIMEOUT, tcp(7)).
UNANSWERED_MS = 40_000
# A client has nothing to send on a stream. One that sends more than this is dropped.
READ_MAX = 64 * 1024


class Connection:
    """A stream to one client. It is live once it has caught up with the log."""

    __slots__ = ("after", "expires_at", "frames", "is_live", "login_id", "received", "rest", "size", "sock", "stuck",
                 "user_id")  # fmt: skip

    def __init__(self, sock: socket.socket, user_id: int, login_id: int, after: int) -> None:
        self.sock, self.user_id, self.login_id, self.after = sock, user_id, login_id, after
        self.is_live = False
        self.expires_at = 0
        self.frames: list[bytes] = []
        self.size = 0
        self.rest = b""
        self.received = 0
        # Whether nothing was sent since the last heartbeat.
        self.stuck = False
        with contextlib.suppress(OSError):
            # The kernel's default would buffer 4 MB for every client that stops reading (tcp(7), tcp_wmem).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING_MAX)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)

    def queue(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.size += len(frame)

    def flush(self) -> bool:
        """Send as much as the socket takes. Raises OSError when the connection is over.

        Returns False when too much is left; the client then has to reconnect.
        """
        waiting = b"".join((self.rest, *self.frames))
        self.frames.clear()
        try:
            sent = self.sock.send(waiting, FLAGS) if waiting else 0
        except BlockingIOError:
            sent = 0
        if sent:
            self.stuck = False
        self.rest = waiting[sent:]
        self.size = len(self.rest)
        # A stream that catches up gets more only when nothing waits, so it is bounded already.
        return not self.is_live or self.size <= WAITING_MAX

    def read(self) -> bool:
        """Discard what the client sends. Returns False when the connection is over."""
        try:
            received = self.sock.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.received += len(received)
        return bool(received) and self.received <= READ_MAX

    def close(self) -> None:
        close(self.sock)


def close(sock: socket.socket) -> None:
    """Close a connection, even while another process holds a copy of its socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def refuse(sock: socket.socket, head: bytes, status: str, detail: str, seconds: int) -> None:
    """Answer with a problem (RFC 9457) instead of a stream, and close."""
    problem = {"type": "about:blank", "title": status[4:], "status": int(status[:3]), "detail": detail}
    body = json.dumps(problem).encode()
    lines = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nRetry-After: {seconds}\r\n"
        f"Content-Length: {len(body)}\r\n"
    )
    with contextlib.suppress(OSError):
        sock.send(lines.encode() + head + b"\r\n" + body, FLAGS)
        sock.shutdown(socket.SHUT_WR)
    sock.close()
