"""What every long proof needs: a server of its own, how often, and how long it took."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import Server


@contextmanager
def served(**environment: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), **environment)
        try:
            yield server
        finally:
            server.stop()


def asked(usual: int) -> int:
    """The number on the command line."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else usual


@contextmanager
def timed() -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"({time.monotonic() - began:.0f} s)")


def spread(seconds: list[float]) -> str:
    """Median, slowest hundredth and slowest of some times."""
    ordered = sorted(seconds)
    named = (("median", 0.5), ("p99", 0.99), ("slowest", 1.0))
    places = ((name, ordered[min(len(ordered) - 1, int(len(ordered) * share))]) for name, share in named)
    return ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in places)
