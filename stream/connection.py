"""One open stream: a socket, whose it is, and what waits to be sent."""

from __future__ import annotations

import contextlib
import json
import socket

# A socket with a timeout, as another process may have left it, would wait without the first of them.
FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
WAITING_MAX = 64 * 1024
# A peer that acknowledges nothing for so long is not there any more (TCP_USER_TIMEOUT, tcp(7)).
UNANSWERED_MS = 40_000
# A stream has nothing to hear: who sends on is no reader of events.
HEARD_MAX = 64 * 1024


class Connection:
    """What is told to one client. It is live once it has all of the log; until then it is fed from there."""

    __slots__ = ("after", "expires_at", "frames", "heard", "is_live", "login_id", "rest", "size", "sock", "stuck",
                 "user_id")  # fmt: skip

    def __init__(self, sock: socket.socket, user_id: int, login_id: int, after: int) -> None:
        self.sock, self.user_id, self.login_id, self.after = sock, user_id, login_id, after
        self.is_live = False
        self.expires_at = 0
        self.frames: list[bytes] = []
        self.size = 0
        self.rest = b""
        self.heard = 0
        # Whether the rest is the same as at the heartbeat before.
        self.stuck = False
        with contextlib.suppress(OSError):
            # Else the kernel lets 4 MB wait for one who has stopped reading, for each of thousands (tcp(7), tcp_wmem).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING_MAX)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)

    def tell(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.size += len(frame)

    def flush(self) -> bool:
        """Send what waits, as much as goes. Raises OSError when the connection is over.

        Returns False when so much is left that the client has to come back for it.
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
        # What is fed from the log comes only when nothing waits, and so is bounded already.
        return not self.is_live or self.size <= WAITING_MAX

    def hear(self) -> bool:
        """Pass over what the client sends. Returns False when it is over."""
        try:
            heard = self.sock.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.heard += len(heard)
        return bool(heard) and self.heard <= HEARD_MAX

    def close(self) -> None:
        close(self.sock)


def close(sock: socket.socket) -> None:
    """End a connection, also where another process holds a copy of it for a moment."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def refuse(sock: socket.socket, head: bytes, status: str, detail: str, seconds: int) -> None:
    """Answer with a problem (RFC 9457) instead of a stream, and end."""
    told = {"type": "about:blank", "title": status[4:], "status": int(status[:3]), "detail": detail}
    body = json.dumps(told).encode()
    lines = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nRetry-After: {seconds}\r\n"
        f"Content-Length: {len(body)}\r\n"
    )
    with contextlib.suppress(OSError):
        sock.send(lines.encode() + head + b"\r\n" + body, FLAGS)
        sock.shutdown(socket.SHUT_WR)
    sock.close()
