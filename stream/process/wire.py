"""Carries texts between the stream processes of all hosts that share a Postgres server, by LISTEN and NOTIFY."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import psycopg

from lib import postgres
from lib.watched_postgres import WatchedConnection, pauses

logger = logging.getLogger("stream")

CHANNEL = "flask_chat_stream"
# In one transaction, so that a list in several parts arrives as a whole and in order.
NOTIFY = "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload"
STOP_SECONDS = 1.0


class NotifyWire(threading.Thread):
    """A connection of its own, in a thread of its own: the loop never waits for it.

    NOTIFY outside of the transactions that write: a server keeps a notification until its slowest listener has it, and
    takes one lock for all of them.
    """

    def __init__(self, url: str) -> None:
        super().__init__(name="wire", daemon=True)
        self.url = url
        # What came, in order: texts; True for a new connection, False for a lost one.
        self.received: deque[str | bool] = deque()
        # One end of each is the thread's, the other the loop's.
        self.inner, self.outer = socket.socketpair()
        for end in (self.inner, self.outer):
            end.setblocking(False)
        self.number = self.outer.fileno()
        self.take: Callable[[], list[str]] = list
        self.stopping = threading.Event()
        self.is_connected = True

    # The loop's side

    def begin(self, take: Callable[[], list[str]]) -> None:
        """Begin. `take` returns the texts that wait to be sent; the thread calls it when it can send them."""
        self.take = take
        self.start()

    def wake(self) -> None:
        """Let the thread know that there is something to send."""
        _wake(self.outer)

    def receive(self) -> list[str | bool]:
        """What came since the last call."""
        _empty(self.outer)
        received = []
        while self.received:
            received.append(self.received.popleft())
        return received

    def stop(self) -> None:
        """Send what waits, and end."""
        self.stopping.set()
        self.wake()
        self.join(STOP_SECONDS)
        if not self.is_alive():
            self.inner.close()
            self.outer.close()

    # The thread's side

    def run(self) -> None:
        waits = pauses()
        while not self.stopping.is_set():
            try:
                connection = postgres.connect(self.url, WatchedConnection)
                try:
                    # A notification is no use after a crash: don't wait for the disk.
                    connection.execute("SET synchronous_commit = off")
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    if not self.is_connected:
                        logger.info("other hosts can be heard again")
                    self._put(True)
                    waits = pauses()
                    self._exchange(connection)
                finally:
                    connection.close()
            except psycopg.Error as error:
                if self.is_connected:
                    logger.warning("nothing is heard of other hosts any more: %s", postgres.reason(error))
                self._put(False)
                self.stopping.wait(next(waits))

    def _exchange(self, connection: psycopg.Connection[Any]) -> None:
        ready = select.poll()
        for end in (self.inner, connection):
            ready.register(end, select.POLLIN)
        while True:
            if texts := self.take():
                connection.execute(NOTIFY, (CHANNEL, texts))
            if self.stopping.is_set():
                return
            for notify in connection.notifies(timeout=0):
                self._put(notify.payload)
            ready.poll()
            _empty(self.inner)

    def _put(self, what: str | bool) -> None:
        if isinstance(what, bool):
            self.is_connected = what
        self.received.append(what)
        _wake(self.inner)


def _wake(end: socket.socket) -> None:
    # When it is full, the other end has enough to wake it.
    with contextlib.suppress(BlockingIOError):
        end.send(b".")


def _empty(end: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while end.recv(4096):
            pass
