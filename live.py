"""The web workers' side of the live stream: waking its process, and handing connections over to it.

Every function here is for a process that goes on without it: none raises, none waits long.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from array import array
from typing import Any

# When many come at once the inbox is full for a moment; when the stream process is stuck, it stays so. A few threads
# may wait that long for it, the others for their turn to; then their clients are told to come back.
WAITING_AT_ONCE = 2
WAIT_SECONDS = 1.0
TURN_SECONDS = 0.2


class Line:
    """The way to the stream process of this server, if there is one."""

    def __init__(self, name: str | None) -> None:
        # An abstract name (unix(7)): it lies in no folder, and ends with the sockets that are bound to it.
        self.address = b"\0" + name.encode() if name else None
        self.waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)
        if name:
            self._at_once = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # A socket with a timeout waits even where it is told not to; so this one has none.
            self._at_once.setblocking(False)
            self._patient = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._patient.settimeout(WAIT_SECONDS)

    def close(self) -> None:
        if self.address:
            self._at_once.close()
            self._patient.close()

    def say(self, word: bytes) -> None:
        """Tell it; where it has its hands full, it looks at the log before long anyway."""
        if self.address:
            with contextlib.suppress(OSError):
                self._at_once.sendto(word, self.address)

    def give(self, sock: socket.socket, words: bytes) -> bool:
        """Hand a connection over. Returns False when nobody took it."""
        if not self.address:
            return False
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [sock.fileno()]))]
        try:
            try:
                self._at_once.sendmsg([words], rights, 0, self.address)
            except BlockingIOError:
                return self._give_patiently(words, rights)
        except OSError:
            return False
        return True

    def _give_patiently(self, words: bytes, rights: list[tuple[int, int, array[int]]]) -> bool:
        if not self.waiting.acquire(timeout=TURN_SECONDS):
            return False
        try:
            self._patient.sendmsg([words], rights, 0, self.address)
        finally:
            self.waiting.release()
        return True


class Ours:
    line = Line(None)


def use(name: str | None) -> None:
    """Hand in the name that the stream process listens at; None where there is none."""
    Ours.line.close()
    Ours.line = Line(name)


def is_served() -> bool:
    """Whether a stream process was started with this server."""
    return Ours.line.address is not None


def wake() -> None:
    """Something was committed to the log."""
    Ours.line.say(b"log")


def logins_ended() -> None:
    """Some logins are gone: their streams end."""
    Ours.line.say(b"logins")


def typing(chat_id: int, user_id: int) -> None:
    """Somebody, who is in that chat, is typing."""
    Ours.line.say(b"typing %d %d" % (chat_id, user_id))


def hand_over(sock: socket.socket, whose: dict[str, Any], head: bytes) -> bool:
    """Give a client's connection to the stream process; the caller lets go of it then.

    `whose` is what stream/inbox.py reads, `head` are header lines. Returns False when it could not be given.
    """
    return Ours.line.give(sock, b"stream " + json.dumps(whose).encode() + b"\n" + head)
