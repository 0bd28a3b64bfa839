"""Whatever a work does, it stays within its limits, and the next one is done."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import is_gone, wait_for

from lib import limited_worker
from lib.limited_worker import Failed, LimitedWorker, Unavailable

ROOT = Path(__file__).resolve().parent.parent
Maker = Callable[..., LimitedWorker]


@pytest.fixture
def make() -> Iterator[Maker]:
    made: list[LimitedWorker] = []

    def make(module: str = "limited_work", **how: Any) -> LimitedWorker:
        made.append(LimitedWorker(module, **{"memory": 128 * 2**20, **how}))
        return made[-1]

    yield make
    for worker in made:
        worker.stop()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"x")
    return path


def test_an_answer_comes_back_whatever_a_library_prints(make: Maker, source: Path) -> None:
    worker = make()
    assert worker.run("echo", source, 1, "é\n", None) == [str(source), 1, "é\n", None]
    assert worker.run("process", source)["pid"] == worker.run("process", source)["pid"] != os.getpid()


def test_no_secret_no_socket_and_no_database_goes_along(
    make: Maker, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the server")
    # Without what the tests themselves add to it (conftest.py).
    ours_alone = tuple(name for name in limited_worker.ENVIRONMENT if not name.startswith("COVERAGE_"))
    monkeypatch.setattr(limited_worker, "ENVIRONMENT", ours_alone)
    with source.open("rb") as opened:
        os.set_inheritable(opened.fileno(), True)
        there = make().run("process", source)
    assert "of the server" not in str(there["environ"])
    assert {name for name in there["environ"]} <= {
        "PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "MALLOC_ARENA_MAX",
    }  # fmt: skip
    assert all(what.startswith("pipe:") or what == os.devnull for what in there["descriptors"].values())
    assert there["nice"] == os.nice(0) + 5


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("raises", [0]),
        ("raises", [errno.EINVAL]),
        ("raises", [errno.EFBIG]),
        ("fills_memory", []),
        ("swallows_memory_error", []),
        ("computes_for_ever", []),
        ("dies", [signal.SIGSEGV]),
        ("dies", [signal.SIGABRT]),
        ("no_such_function", []),
    ],
)
def test_what_a_file_does_is_the_files_fault(make: Maker, source: Path, function: str, args: list[Any]) -> None:
    worker = make(seconds=1)
    with pytest.raises(Failed):
        worker.run(function, source, *args)
    assert worker.run("echo", source) == [str(source)]


def test_a_file_that_becomes_too_large_is_the_files_fault(make: Maker, source: Path, tmp_path: Path) -> None:
    worker = make()
    with pytest.raises(Failed):
        worker.run("writes_for_ever", source, str(tmp_path / "out"))
    assert (tmp_path / "out").stat().st_size <= 64 * 2**20
    assert worker.run("echo", source) == [str(source)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENOMEM, errno.EACCES])
def test_an_error_of_the_machine_comes_through_as_such(make: Maker, source: Path, number: int) -> None:
    worker = make()
    with pytest.raises(OSError) as error:
        worker.run("raises", source, number)
    assert error.value.errno == number
    assert worker.run("echo", source) == [str(source)]


@pytest.mark.parametrize(
    ("function", "args"), [("sleeps", [600]), ("dies", [signal.SIGKILL]), ("leaves", [0]), ("leaves", [3])]
)
def test_what_the_machine_does_is_not_the_files_fault(
    make: Maker, source: Path, function: str, args: list[Any]
) -> None:
    worker = make(patience=1)
    with pytest.raises(Unavailable):
        worker.run(function, source, *args)
    worker.patience = 60
    assert worker.run("echo", source) == [str(source)]


def test_a_machine_without_memory_is_not_the_files_fault(make: Maker, source: Path) -> None:
    """More is allowed than the machine could ever give: it is not our limit that is met."""
    worker = make(memory=2**50)
    for function in ("raises", "fills_all_memory"):
        with pytest.raises(Unavailable, match="memory"):
            worker.run(function, source, 0)


def test_a_process_that_can_not_start_is_not_the_files_fault(
    make: Maker, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        make("no_such_module").run("echo", source)
    worker = make()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Unavailable):
        worker.run("echo", source)
    monkeypatch.undo()
    assert worker.run("echo", source) == [str(source)]


def test_one_that_was_killed_while_idle_is_replaced(make: Maker, source: Path) -> None:
    worker = make()
    first = worker.run("process", source)["pid"]
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert worker.run("process", source)["pid"] != first


def test_it_ends_when_idle_and_after_so_many_works(make: Maker, source: Path) -> None:
    idle = make(idle=0)
    process = idle.run("process", source)["pid"]
    wait_for(lambda: is_gone(process), lambda: "it still runs")
    tired = make(max_jobs=2)
    assert len({tired.run("process", source)["pid"] for _ in range(4)}) == 2


def test_more_callers_than_places_are_refused_at_once(make: Maker, source: Path, tmp_path: Path) -> None:
    worker = make(places=2)
    sign = tmp_path / "sign"
    errors: list[str] = []

    def ask(function: str, *args: Any) -> None:
        try:
            worker.run(function, source, *args)
        except Unavailable as error:
            errors.append(str(error))

    slow = threading.Thread(target=ask, args=("sleeps", 600, str(sign)))
    slow.start()
    wait_for(sign.exists, lambda: "it does not begin")
    with worker.place():
        third = threading.Thread(target=ask, args=("echo",))
        third.start()
        third.join(60)
        assert errors == ["2 wait already"]
        os.kill(int(sign.read_text()), signal.SIGKILL)
        slow.join(60)
        # Who holds a place needs no other for a work.
        assert worker.run("echo", source) == worker.run("echo", source) == [str(source)]
    with worker.place(), pytest.raises(ZeroDivisionError):
        raise ZeroDivisionError
    assert worker.run("echo", source) == [str(source)]


def test_it_ends_with_a_parent_that_is_killed_also_in_the_midst_of_work(source: Path, tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    paths = [str(ROOT), str(ROOT / "tests")]
    code = (
        f"import sys; sys.path[:0] = {paths!r}\n"
        "from pathlib import Path; from lib.limited_worker import LimitedWorker\n"
        f"LimitedWorker('limited_work', memory=2**27).run('sleeps', Path({str(source)!r}), 600, {str(sign)!r})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: sign.exists() and bool(sign.read_text()), lambda: "it does not begin")
    process = int(sign.read_text())
    assert not is_gone(process)
    parent.kill()
    parent.wait()
    wait_for(lambda: is_gone(process), lambda: "it outlived its parent")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_starts_one_of_its_own(make: Maker, source: Path) -> None:
    worker = make()
    first = worker.run("process", source)["pid"]
    child = os.fork()
    if child == 0:
        try:
            other = worker.run("process", source)["pid"]
            worker.stop()
            os._exit(0 if other != first else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert worker.run("process", source)["pid"] == first


def test_work_that_is_broken_off_leaves_no_answer_for_the_next(make: Maker, source: Path, tmp_path: Path) -> None:
    """Ctrl-C, or a worker that is stopped, while a job is running."""
    worker = make()
    sign, is_interrupted = tmp_path / "sign", threading.Event()

    def interrupt_once(*_: object) -> None:
        if not is_interrupted.is_set():
            is_interrupted.set()
            raise KeyboardInterrupt

    def interrupt() -> None:
        wait_for(lambda: sign.exists(), lambda: "it does not begin")
        # A signal that comes just before the read begins does not end it.
        while not is_interrupted.wait(0.05):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    former = signal.signal(signal.SIGINT, interrupt_once)
    sender = threading.Thread(target=interrupt)
    sender.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            worker.run("sleeps", source, 600, str(sign))
        sender.join()
    finally:
        signal.signal(signal.SIGINT, former)
    assert worker.run("echo", source) == [str(source)]
