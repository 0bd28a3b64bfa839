"""The inbox: datagrams from the web workers, some of which carry a client's connection."""

from __future__ import annotations

import json
import os
import socket
import struct
from array import array
from dataclasses import dataclass, field

AT_ONCE = 32
# root may always send.
ROOT = 0
CREDENTIALS = struct.Struct("3i")
ANCILLARY_SIZE = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(8 * array("i").itemsize)


@dataclass
class NewStream:
    sock: socket.socket
    user_id: int
    login_id: int
    cursor: str | None
    # The header lines of the answer, whatever its status.
    head: bytes
    # The request's log line without the status; when it began, by time.perf_counter().
    line: str = ""
    began: float = 0.0


@dataclass
class Batch:
    """What one read of the inbox returned."""

    is_wake: bool = False
    # Whether a worker has committed events.
    has_events: bool = False
    logins_ended: bool = False
    new_streams: list[NewStream] = field(default_factory=list)
    typing: list[tuple[int, int]] = field(default_factory=list)


class Inbox:
    def __init__(self, inbox: socket.socket) -> None:
        self.socket = inbox
        # Any local process can send to this socket: accept only what the server's own user sends.
        inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        inbox.setblocking(False)

    def empty(self) -> Batch:
        """Read up to AT_ONCE datagrams; more of them wake the poll again."""
        batch = Batch()
        for _ in range(AT_ONCE):
            try:
                message, extra, flags, _ = self.socket.recvmsg(65_536, ANCILLARY_SIZE)
            except BlockingIOError:
                break
            files, sender = ancillary(extra)
            is_whole = not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            if not (is_whole and sender in (os.getuid(), ROOT) and read_datagram(batch, message, files)):
                for number in files:
                    os.close(number)
        return batch


def ancillary(extra: list[tuple[int, int, bytes]]) -> tuple[array[int], int | None]:
    """The file descriptors that came with a datagram, and the user id of its sender."""
    files, sender = array("i"), None
    for level, kind, raw in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(raw[: len(raw) - len(raw) % files.itemsize])
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            _, sender, _ = CREDENTIALS.unpack(raw)
    return files, sender


def read_datagram(batch: Batch, message: bytes, files: array[int]) -> bool:
    """Add a datagram to the batch. Returns whether its file descriptors were taken over."""
    batch.is_wake = True
    kind, _, rest = message.partition(b" ")
    try:
        return read_message(kind, rest, batch, files)
    except (ValueError, KeyError):
        return False


def read_message(kind: bytes, rest: bytes, batch: Batch, files: array[int]) -> bool:
    """Parse a message of stream/client.py. Raises ValueError or KeyError for anything else."""
    if kind == b"log":
        batch.has_events = True
    elif kind == b"logins":
        batch.logins_ended = True
    elif kind == b"typing":
        chat_id, user_id = map(int, rest.split())
        batch.typing.append((chat_id, user_id))
    elif kind == b"stream" and len(files) == 1:
        line, _, head = rest.partition(b"\n")
        payload = json.loads(line)
        login = (int(payload["user"]), int(payload["login"]), payload["cursor"])
        request = (str(payload["line"]), float(payload["began"]))
        batch.new_streams.append(NewStream(socket.socket(fileno=files[0]), *login, head, *request))
        return True
    return False
