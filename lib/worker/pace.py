"""The minimum speed of clients."""

from __future__ import annotations

import time

# Seconds that every client gets, the minimum bytes a second after that, and the maximum seconds without a byte.
GRACE = 15.0
RATE = 4096
STALL = 30.0


class Pace:
    """The deadline of a transfer, which moves on with every byte."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.bytes = 0

    def count(self, size: int) -> None:
        self.bytes += size
        self.last = time.monotonic()

    @property
    def deadline(self) -> float:
        """When to give up, on the clock of time.monotonic()."""
        return min(self.began + GRACE + self.bytes / RATE, self.last + STALL)
