"""Slow work waits in its own short queue, and never holds up more than that."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import jobs


@pytest.fixture(autouse=True)
def fresh_pool() -> Iterator[None]:
    """A pool for this test alone; those after it find a new one."""
    jobs.reset_after_fork()
    yield
    jobs.pool.executor.shutdown()
    jobs.reset_after_fork()


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


def slots_left() -> int:
    left = 0
    while jobs.pool.slots.acquire(blocking=False):
        left += 1
    for _ in range(left):
        jobs.pool.slots.release()
    return left


def test_work_is_done_and_its_result_comes_back() -> None:
    assert jobs.run(divmod, 7, 2) == (3, 1)
    assert jobs.run(int, "ff", base=16) == 255


def test_work_runs_in_a_thread_of_the_pool() -> None:
    assert jobs.run(lambda: threading.current_thread().name).startswith("job")


def test_an_error_of_a_job_is_raised_to_its_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        jobs.run(divmod, 1, 0)
    assert slots_left() == jobs.THREADS + jobs.QUEUE_MAX


def test_a_full_queue_refuses_more_at_once_and_loses_nothing() -> None:
    crowd = Crowd(jobs.THREADS + jobs.QUEUE_MAX + 5)
    while len(crowd.results) < 5:
        crowd.threads[-1].join(0.01)  # those refused end at once
    with pytest.raises(jobs.Full):
        jobs.run(int)
    results = crowd.leave()
    assert results.count("full") == 5
    assert results.count("done") == jobs.THREADS + jobs.QUEUE_MAX
    assert jobs.run(int) == 0


def test_no_more_than_two_works_run_at_once() -> None:
    crowd = Crowd(6)
    for _ in range(jobs.THREADS):
        assert crowd.began.acquire(timeout=30)
    assert not crowd.began.acquire(blocking=False)
    assert crowd.leave() == ["done"] * 6


def test_a_job_within_a_job_runs_in_the_same_thread() -> None:
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
        jobs.pool.slots.acquire()
    child = os.fork()
    if child == 0:
        free = slots_left() == jobs.THREADS + jobs.QUEUE_MAX
        os._exit(0 if free and jobs.run(int, "7") == 7 else 1)
    jobs.pool.slots.release(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_nobody_waits_for_is_done_in_order_also_after_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError("this one breaks")

    for work in (lambda: done.append(1), fail, lambda: done.append(2)):
        jobs.enqueue(work)
    jobs.background.jobs.join()
    assert done == [1, 2]
    assert "this one breaks" in caplog.text


# Whose work it is


class Turns:
    """Works of some keys that wait while others hold the threads; `order` is whose turn came when."""

    def __init__(self, keys: list[str], most: int | None = None) -> None:
        self.order: list[str] = []
        self.refused: list[str] = []
        door, began = threading.Event(), threading.Semaphore(0)

        def first() -> None:
            began.release()
            door.wait(30)

        threads = [threading.Thread(target=jobs.run, args=(first,)) for _ in range(jobs.THREADS)]
        for thread in threads:
            thread.start()
            assert began.acquire(timeout=30)
        for number, key in enumerate(keys):
            threads.append(threading.Thread(target=self.wants, args=(key, most)))
            threads[-1].start()
            while sum(map(len, jobs.pool.waiting.values())) + len(self.refused) <= number:
                threads[-1].join(0.001)
        door.set()
        for thread in threads:
            thread.join(30)

    def wants(self, key: str, most: int | None) -> None:
        try:
            jobs.run_for(key, most, self.order.append, key)
        except jobs.TooManyForKey:
            self.refused.append(key)


@given(st.lists(st.sampled_from("abcd"), max_size=20))
@settings(max_examples=25)
def test_keys_take_turns(keys: list[str]) -> None:
    jobs.THREADS, threads = 1, jobs.THREADS
    try:
        jobs.reset_after_fork()
        order = Turns(keys).order
    finally:
        jobs.pool.executor.shutdown()
        jobs.THREADS = threads
    assert sorted(order) == sorted(keys)
    # The nth work of a key comes before the nth and one of any other.
    rounds = [order[:place].count(key) for place, key in enumerate(order)]
    assert rounds == sorted(rounds)


def test_the_jobs_of_one_key_are_limited() -> None:
    crowd = Turns(["a"] * 6 + ["b"], most=4)
    assert (crowd.refused, sorted(crowd.order)) == (["a", "a"], ["a", "a", "a", "a", "b"])
    assert not jobs.pool.job_counts
    assert slots_left() == jobs.THREADS + jobs.QUEUE_MAX


def test_a_reserved_place_holds_for_all_jobs_of_a_thread() -> None:
    with jobs.reserve_slot("a", 1):
        assert (jobs.run_for("a", 1, int, "1"), jobs.run_for("a", 1, int, "2")) == (1, 2)
        with pytest.raises(jobs.TooManyForKey), jobs.reserve_slot("a", 1):
            raise AssertionError
    assert jobs.run_for("a", 1, int, "3") == 3
    assert not jobs.pool.job_counts
