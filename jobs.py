"""Work that must not hold up a request's thread: passwords and pictures, in a small bounded pool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

R = TypeVar("R")

THREADS = 2
WAITING = 32


class Full(Exception):
    """More work waits than the pool will take."""


# Those at work and those waiting: a place each.
places = threading.BoundedSemaphore(THREADS + WAITING)


@cache
def pool() -> ThreadPoolExecutor:
    """The pool, made at the first use: in the worker, never in the process that forks it."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="job")


def run(work: Callable[..., R], *values: object) -> R:
    """Do the work in the pool and wait for what it returns or raises. Raises Full when too much waits already.

    bcrypt and Pillow let go of the interpreter lock, so two threads of them leave the others their turn.
    """
    if not places.acquire(blocking=False):
        raise Full(f"{THREADS + WAITING} works wait already")
    try:
        return pool().submit(work, *values).result()
    finally:
        places.release()
