"""Slow work waits in its own short queue, and never holds up more than that."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

import jobs


@pytest.fixture(autouse=True)
def fresh_pool() -> Iterator[None]:
    """A pool for this test alone; those after it find a new one."""
    jobs.renew()
    yield
    jobs.pool.threads.shutdown()
    jobs.renew()


class Crowd:
    """People who each want one slow work done, which ends when the door opens."""

    def __init__(self, size: int) -> None:
        self.door = threading.Event()
        self.began = threading.Semaphore(0)
        self.results: list[str] = []
        self.threads = [threading.Thread(target=self.wants) for _ in range(size)]
        for thread in self.threads:
            thread.start()

    def wants(self) -> None:
        try:
            self.results.append(jobs.run(self.slow))
        except jobs.Full:
            self.results.append("full")

    def slow(self) -> str:
        self.began.release()
        self.door.wait(30)
        return "done"

    def leave(self) -> list[str]:
        self.door.set()
        for thread in self.threads:
            thread.join(30)
        return self.results


def places_left() -> int:
    left = 0
    while jobs.pool.places.acquire(blocking=False):
        left += 1
    for _ in range(left):
        jobs.pool.places.release()
    return left


def test_work_is_done_and_its_result_comes_back() -> None:
    assert jobs.run(divmod, 7, 2) == (3, 1)
    assert jobs.run(int, "ff", base=16) == 255


def test_work_runs_in_a_thread_of_the_pool() -> None:
    assert jobs.run(lambda: threading.current_thread().name).startswith("job")


def test_what_work_raises_is_raised_to_who_wanted_it() -> None:
    with pytest.raises(ZeroDivisionError):
        jobs.run(divmod, 1, 0)
    assert places_left() == jobs.THREADS + jobs.WAITING


def test_when_too_much_waits_more_is_refused_at_once_and_nothing_is_lost() -> None:
    crowd = Crowd(jobs.THREADS + jobs.WAITING + 5)
    while len(crowd.results) < 5:
        crowd.threads[-1].join(0.01)  # those refused end at once
    with pytest.raises(jobs.Full):
        jobs.run(int)
    results = crowd.leave()
    assert results.count("full") == 5
    assert results.count("done") == jobs.THREADS + jobs.WAITING
    assert jobs.run(int) == 0


def test_no_more_than_two_works_run_at_once() -> None:
    crowd = Crowd(6)
    for _ in range(jobs.THREADS):
        assert crowd.began.acquire(timeout=30)
    assert not crowd.began.acquire(blocking=False)
    assert crowd.leave() == ["done"] * 6


def test_work_that_wants_other_work_does_it_itself() -> None:
    def outer() -> int:
        return jobs.run(int, "1") + jobs.run(int, "2")

    crowd = [threading.Thread(target=jobs.run, args=(outer,), daemon=True) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(30)
    assert not [thread for thread in crowd if thread.is_alive()]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_worker_has_a_pool_of_its_own() -> None:
    assert jobs.run(int) == 0
    for _ in range(3):
        jobs.pool.places.acquire()
    child = os.fork()
    if child == 0:
        free = places_left() == jobs.THREADS + jobs.WAITING
        os._exit(0 if free and jobs.run(int, "7") == 7 else 1)
    jobs.pool.places.release(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_nobody_waits_for_is_done_in_order_also_after_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError("this one breaks")

    for work in (lambda: done.append(1), fail, lambda: done.append(2)):
        jobs.later(work)
    jobs.lane.works.join()
    assert done == [1, 2]
    assert "this one breaks" in caplog.text
