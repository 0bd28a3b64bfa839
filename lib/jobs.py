"""Jobs outside the request's thread: a small bounded pool for passwords, a queue for e-mails, and timers."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import ParamSpec, TypeVar

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 2
# As for pictures (lib/limited_worker.py).
NICE = 5
QUEUE_MAX = 32


class Full(Exception):
    """The pool or the queue is full."""


class TooManyForKey(Exception):
    """One key has too many jobs in the pool."""


class Pool:
    """A few threads, and a bounded number of running and waiting jobs. The threads start with the first job.

    Each job has a key, such as the client's address. Keys take turns, so one with many jobs does not delay the others.
    """

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(THREADS, thread_name_prefix="job", initializer=lower_priority)
        self.slots = threading.BoundedSemaphore(THREADS + QUEUE_MAX)
        self.local = threading.local()
        self.lock = threading.Lock()
        # The number of running and waiting jobs by key; the waiting jobs, the next key first.
        self.job_counts: Counter[str] = Counter()
        self.waiting: dict[str, deque[Callable[[], None]]] = {}

    def run(self, job: Callable[[], R], key: str = "", limit: int | None = None) -> R:
        if getattr(self.local, "is_worker", False):
            # A job that waited for another one could wait for its own thread.
            return job()
        if not self.slots.acquire(blocking=False):
            raise Full(f"{THREADS + QUEUE_MAX} jobs are waiting")
        try:
            if getattr(self.local, "has_slot", False):
                return self._queued(job, key).result()
            with self._counting(key, limit):
                return self._queued(job, key).result()
        finally:
            self.slots.release()

    @contextmanager
    def reserve_slot(self, key: str, limit: int | None) -> Iterator[None]:
        with self._counting(key, limit):
            self.local.has_slot = True
            try:
                yield
            finally:
                self.local.has_slot = False

    @contextmanager
    def _counting(self, key: str, limit: int | None) -> Iterator[None]:
        with self.lock:
            if limit is not None and self.job_counts[key] >= limit:
                raise TooManyForKey(f"{limit} jobs of {key} are running or waiting")
            self.job_counts[key] += 1
        try:
            yield
        finally:
            with self.lock:
                self.job_counts[key] -= 1
                if not self.job_counts[key]:
                    del self.job_counts[key]

    def _queued(self, job: Callable[[], R], key: str) -> Future[R]:
        result: Future[R] = Future()

        def done() -> None:
            try:
                result.set_result(job())
            except BaseException as error:
                result.set_exception(error)

        with self.lock:
            self.waiting.setdefault(key, deque()).append(done)
        # One call per job, which runs whichever job is next then.
        self.executor.submit(self._work)
        return result

    def _work(self) -> None:
        job = self._next()
        self.local.is_worker = True
        try:
            job()
        finally:
            self.local.is_worker = False

    def _next(self) -> Callable[[], None]:
        with self.lock:
            key = next(iter(self.waiting))
            jobs = self.waiting.pop(key)
            job = jobs.popleft()
            if jobs:
                # Move the key to the end.
                self.waiting[key] = jobs
        return job


class BackgroundQueue:
    """A bounded queue and one thread for jobs whose result nobody waits for.

    Its jobs may wait long for other servers, so it is separate from the pool, and a daemon.
    """

    def __init__(self) -> None:
        self.jobs: queue.Queue[Callable[[], object]] = queue.Queue(QUEUE_MAX)
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None

    def add(self, job: Callable[[], object]) -> None:
        try:
            self.jobs.put_nowait(job)
        except queue.Full:
            raise Full(f"{QUEUE_MAX} jobs are waiting") from None
        with self.starting:
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="background", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        while True:
            job = self.jobs.get()
            try:
                job()
            except Exception:
                logger.exception("a background job failed")
            finally:
                self.jobs.task_done()


def lower_priority() -> None:
    """Let threads that answer go before this one. On Linux each thread has a priority of its own (setpriority(2))."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


pool = Pool()
background = BackgroundQueue()


def reset_after_fork() -> None:
    """Start over in a forked process, which has none of its parent's threads."""
    global pool, background
    pool, background = Pool(), BackgroundQueue()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset_after_fork)


def run(job: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """Run a job in the pool and return its result. Raises Full when too many jobs are waiting.

    bcrypt releases the interpreter lock, so two threads of it do not block the others.
    """
    return pool.run(lambda: job(*args, **named))


def run_for(key: str, limit: int | None, job: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """As run(), taking turns with other keys. Raises TooManyForKey when this key already has `limit` jobs."""
    return pool.run(lambda: job(*args, **named), key, limit)


def reserve_slot(key: str, limit: int | None) -> AbstractContextManager[None]:
    """Reserve one of a key's slots for all jobs of this thread within the block. Raises TooManyForKey."""
    return pool.reserve_slot(key, limit)


def run_after(seconds: float, job: Callable[P, None], *args: P.args, **named: P.kwargs) -> None:
    """Run a job once after some seconds, unless the process ends before."""
    timer = threading.Timer(seconds, lambda: job(*args, **named))
    timer.daemon = True
    timer.start()


def enqueue(job: Callable[[], object]) -> None:
    """Run a job in the background, in the order of the calls; its errors are logged. Raises Full."""
    background.add(job)
