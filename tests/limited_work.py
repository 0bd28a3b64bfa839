"""Works for the tests of the worker: each does what a hostile file might make a decoder do."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def echo(source: str, *words: Any) -> list[Any]:
    print("a library says something")
    return [source, *words]


def process(source: str) -> dict[str, Any]:
    """What there is of the world in here."""
    descriptors = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            descriptors[entry.name] = os.readlink(entry)
        except OSError:
            continue  # the one that the folder itself was read by
    status = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return {"pid": os.getpid(), "environ": dict(os.environ), "descriptors": descriptors, "nice": int(status[16])}


def raises(source: str, number: int) -> None:
    raise OSError(number, os.strerror(number)) if number else OSError("image file is truncated")


def fills_memory(source: str) -> int:
    return len(bytearray(2**30))


def fills_all_memory(source: str, *_: int) -> int:
    return len(bytearray(2**52))


def swallows_memory_error(source: str) -> None:
    """As a decoder of C does: nothing shows that it was memory."""
    try:
        bytearray(2**30)
    except MemoryError:
        raise OSError("decoder error -9") from None


def writes_for_ever(source: str, out: str) -> None:
    with Path(out).open("wb") as file:
        while True:
            file.write(b"x" * 2**20)


def computes_for_ever(source: str) -> None:
    while True:
        pass


def sleeps(source: str, seconds: float, sign: str = "") -> None:
    if sign:
        Path(sign).write_text(str(os.getpid()))
    time.sleep(seconds)


def dies(source: str, by: int) -> None:
    os.kill(os.getpid(), by)
    signal.pause()


def leaves(source: str, status: int) -> None:
    os._exit(status)
