"""The inbox: datagrams of the web workers, some with a client's connection in them."""

from __future__ import annotations

import json
import os
import socket
import struct
from array import array
from dataclasses import dataclass, field

AT_ONCE = 32
# The user whose word counts everywhere.
ROOT = 0
CREDENTIALS = struct.Struct("3i")
ROOM = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(8 * array("i").itemsize)


@dataclass
class Newcomer:
    sock: socket.socket
    user_id: int
    login_id: int
    cursor: str | None
    # The header lines of the answer, whatever it is.
    head: bytes
    # What the log says of the request, but its answer; when it began, as time.perf_counter() tells it.
    line: str = ""
    began: float = 0.0


@dataclass
class Post:
    """What lay in the inbox."""

    is_wake: bool = False
    logins_ended: bool = False
    newcomers: list[Newcomer] = field(default_factory=list)
    typing: list[tuple[int, int]] = field(default_factory=list)


class Inbox:
    def __init__(self, inbox: socket.socket) -> None:
        self.socket = inbox
        # Whoever runs on this machine can send here: what counts is sent by the user that the server runs as.
        inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        inbox.setblocking(False)

    def empty(self) -> Post:
        """Everything that is there, up to a bound: what is left stirs the poll again."""
        post = Post()
        for _ in range(AT_ONCE):
            try:
                words, extra, flags, _ = self.socket.recvmsg(65_536, ROOM)
            except BlockingIOError:
                break
            files, sender = taken(extra)
            is_whole = not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            if not (is_whole and sender in (os.getuid(), ROOT) and sort(post, words, files)):
                for number in files:
                    os.close(number)
        return post


def taken(extra: list[tuple[int, int, bytes]]) -> tuple[array[int], int | None]:
    """The descriptors that came with a datagram, and the user who sent it."""
    files, sender = array("i"), None
    for level, kind, raw in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(raw[: len(raw) - len(raw) % files.itemsize])
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            _, sender, _ = CREDENTIALS.unpack(raw)
    return files, sender


def sort(post: Post, words: bytes, files: array[int]) -> bool:
    """Put a datagram where it belongs. Returns whether its descriptors were taken."""
    post.is_wake = True
    kind, _, rest = words.partition(b" ")
    try:
        return sort_by(kind, rest, post, files)
    except (ValueError, KeyError):
        return False


def sort_by(kind: bytes, rest: bytes, post: Post, files: array[int]) -> bool:
    """Raises ValueError or KeyError for words that live.py does not say."""
    if kind == b"logins":
        post.logins_ended = True
    elif kind == b"typing":
        chat_id, user_id = map(int, rest.split())
        post.typing.append((chat_id, user_id))
    elif kind == b"stream" and len(files) == 1:
        whose, _, head = rest.partition(b"\n")
        told = json.loads(whose)
        whose_it_is = (int(told["user"]), int(told["login"]), told["cursor"])
        request = (str(told["line"]), float(told["began"]))
        post.newcomers.append(Newcomer(socket.socket(fileno=files[0]), *whose_it_is, head, *request))
        return True
    return False
