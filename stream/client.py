"""The web workers' side of the live stream: waking the stream process, and handing connections over to it.

A worker must go on without the stream process, so no function here raises or waits long.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from array import array
from typing import Any

# The inbox is full for a moment when many clients connect at once, and stays full when the stream process is stuck. A
# few threads may wait this long for it, the others for their turn; after that their clients have to reconnect.
WAITING_AT_ONCE = 2
WAIT_SECONDS = 1.0
TURN_SECONDS = 0.2


class Channel:
    """Sends datagrams to this server's stream process, if there is one."""

    def __init__(self, name: str | None) -> None:
        # An abstract name (unix(7)): it is no file, and disappears with the sockets bound to it.
        self.address = b"\0" + name.encode() if name else None
        self.waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)
        if name:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # A socket with a timeout waits even with MSG_DONTWAIT, so this one has none.
            self._socket.setblocking(False)
            self._patient_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._patient_socket.settimeout(WAIT_SECONDS)

    def close(self) -> None:
        if self.address:
            self._socket.close()
            self._patient_socket.close()

    def notify(self, message: bytes) -> None:
        """Send a message, or drop it when the inbox is full: the process reads the log every second anyway."""
        if self.address:
            with contextlib.suppress(OSError):
                self._socket.sendto(message, self.address)

    def send_connection(self, sock: socket.socket, message: bytes) -> bool:
        """Hand a connection over. Returns False when that failed."""
        if not self.address:
            return False
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [sock.fileno()]))]
        try:
            try:
                self._socket.sendmsg([message], rights, 0, self.address)
            except BlockingIOError:
                return self._send_patiently(message, rights)
        except OSError:
            return False
        return True

    def _send_patiently(self, message: bytes, rights: list[tuple[int, int, array[int]]]) -> bool:
        if not self.waiting.acquire(timeout=TURN_SECONDS):
            return False
        try:
            self._patient_socket.sendmsg([message], rights, 0, self.address)
        finally:
            self.waiting.release()
        return True


class Setup:
    channel = Channel(None)


setup = Setup()


def use(name: str | None) -> None:
    """Set the name of the stream process's inbox; None where there is no such process."""
    setup.channel.close()
    setup.channel = Channel(name)


def is_served() -> bool:
    """Whether a stream process was started with this server."""
    return setup.channel.address is not None


def wake() -> None:
    """Tell the stream process that events were committed."""
    setup.channel.notify(b"log")


def logins_ended() -> None:
    """Tell the stream process to close the streams of logins that have ended."""
    setup.channel.notify(b"logins")


def typing(chat_id: int, user_id: int) -> None:
    """Tell the stream process that a member of a chat is typing."""
    setup.channel.notify(b"typing %d %d" % (chat_id, user_id))


def hand_over(sock: socket.socket, payload: dict[str, Any], head: bytes) -> bool:
    """Hand a client's connection over to the stream process; the caller must not use it afterwards.

    `payload` is what stream/process/inbox.py reads, `head` are header lines. Returns False when it could not be given.
    """
    return setup.channel.send_connection(sock, b"stream " + json.dumps(payload).encode() + b"\n" + head)
