"""Work off a request's thread: passwords and pictures in a small bounded pool, letters in a queue, and timers."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 2
WAITING = 32


class Full(Exception):
    """More work waits than the pool will take."""


class Pool:
    """Some threads, and a place for each work that runs or waits. The threads start with the first work."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="job")
        self.places = threading.BoundedSemaphore(THREADS + WAITING)
        self.own = threading.local()

    def run(self, work: Callable[[], R]) -> R:
        if getattr(self.own, "working", False):
            # A work that waited for another would wait for its own thread.
            return work()
        if not self.places.acquire(blocking=False):
            raise Full(f"{THREADS + WAITING} works wait already")
        try:
            return self.threads.submit(self._work, work).result()
        finally:
            self.places.release()

    def _work(self, work: Callable[[], R]) -> R:
        self.own.working = True
        try:
            return work()
        finally:
            self.own.working = False


class Lane:
    """One thread that does in its order what nobody waits for, and a bounded queue before it.

    It may wait long for others, so it holds up neither the pool nor the end of the process.
    """

    def __init__(self) -> None:
        self.works: queue.Queue[Callable[[], object]] = queue.Queue(WAITING)
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None

    def add(self, work: Callable[[], object]) -> None:
        try:
            self.works.put_nowait(work)
        except queue.Full:
            raise Full(f"{WAITING} works wait already") from None
        with self.starting:
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="lane", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        while True:
            work = self.works.get()
            try:
                work()
            except Exception:
                log.exception("a work in the background failed")
            finally:
                self.works.task_done()


pool = Pool()
lane = Lane()


def renew() -> None:
    """Begin anew: threads do not come along into a forked process, and their queue would never move."""
    global pool, lane
    pool, lane = Pool(), Lane()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew)


def run(work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """Do the work in the pool and wait for what it returns or raises. Raises Full when too much waits already.

    bcrypt and Pillow let go of the interpreter lock, so two threads of them leave the others their turn.
    """
    return pool.run(lambda: work(*args, **named))


def after(seconds: float, work: Callable[P, None], *args: P.args, **named: P.kwargs) -> None:
    """Do the work once, after some seconds; never, when the process has ended by then."""
    timer = threading.Timer(seconds, lambda: work(*args, **named))
    timer.daemon = True
    timer.start()


def later(work: Callable[[], object]) -> None:
    """Do the work after a while, in the order of asking; what it raises is logged. Raises Full."""
    lane.add(work)
