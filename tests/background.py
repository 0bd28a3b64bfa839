"""Threads that the messenger starts for later: a test waits for them, and leaves none behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from actions import cleanup
from lib import jobs
from models import task


def wait_for_background_work() -> None:
    """Wait for the threads that work on tasks."""
    for thread in timers():
        if not thread.interval:
            join(thread)


def finish_tasks() -> None:
    """Do all that actions left behind; what a thread is at, it does itself."""
    wait_for_background_work()
    while task.Task.work():
        pass


def end_background_work() -> None:
    """Wait for the threads that work on tasks or purge, and cancel what is scheduled: its database will be gone."""
    # One that fails schedules another.
    while some := list(timers()):
        for thread in some:
            if thread.interval:
                thread.cancel()
            join(thread)
    for scheduled in (task.at_work, cleanup.awaited, cleanup.waiting):
        scheduled.clear()


def timers() -> Iterator[threading.Timer]:
    """The threads of jobs.run_after()."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and thread.function.__module__ == jobs.__name__:
            yield thread


def join(thread: threading.Timer) -> None:
    thread.join(60)
    assert not thread.is_alive(), "a background task does not end"
