"""The order in which requests get a thread."""

from __future__ import annotations

from collections import OrderedDict, deque

from lib.worker.connection import Connection


class Turns:
    """Requests that wait for a thread. Addresses take turns, so one with many requests only delays itself."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[str, deque[Connection]] = OrderedDict()

    def add(self, conn: Connection) -> None:
        # Clients without an address (a Unix socket, a proxy that reports none) count as one.
        self.waiting.setdefault(conn.address or "", deque()).append(conn)

    def next(self) -> Connection | None:
        """Take the oldest request of the address whose turn it is; None when none waits."""
        if not self.waiting:
            return None
        address, same = self.waiting.popitem(last=False)
        conn = same.popleft()
        if same:
            self.waiting[address] = same
        return conn
