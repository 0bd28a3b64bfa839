"""Running functions on untrusted input in a process with limits enforced by the system."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lib.machine import is_machine_error

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
# The environment variables that a fresh interpreter and its libraries need, without secrets.
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TZ")
# Exit codes that mean the input is at fault. SIGKILL, unless sent by us, means that the system ran out of memory.
BROKEN_BY_INPUT = {
    -int(getattr(signal, name))
    for name in ("SIGXCPU", "SIGSEGV", "SIGABRT", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP")
    if hasattr(signal, name)
}
# Starting an interpreter takes a fraction of a second, but longer on a busy machine.
START_SECONDS = 30
HAS_LIMITS = sys.platform != "win32"


class Failed(Exception):
    """The job failed on its input, or exceeded its limits."""


class Unavailable(Exception):
    """The job could not be done now, but may succeed later."""


class LimitedWorker:
    """Runs functions of one module, one at a time, in a process that is started when first needed.

    A job may use `memory` bytes beyond the idle process, `seconds` of processor time and `patience` seconds of real
    time. The process ends when a job exceeds these, `idle` seconds after its last job, and after `max_jobs` jobs; the
    next job starts another one.
    """

    def __init__(
        self,
        module: str,
        *,
        memory: int,
        seconds: int = 20,
        patience: float = 45,
        idle: float = 30,
        places: int = 4,
        max_jobs: int = 500,
        nice: int = 5,
    ) -> None:
        self.start_line = {"module": module, "memory": memory, "seconds": seconds, "nice": nice}
        self.patience = patience
        self.idle = idle
        self.max_jobs = max_jobs
        self.places = places
        self._begin()
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def set_places(self, places: int) -> None:
        """Set how many callers may run or wait at once."""
        self.places = places
        self._places = threading.BoundedSemaphore(places)

    def _begin(self) -> None:
        self._places = threading.BoundedSemaphore(self.places)
        self._turn = threading.Lock()
        self._own = threading.local()
        self._process: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None
        self._job_count = 0

    def _forget(self) -> None:
        """Let go of the parent's process after a fork: open pipes here would keep it alive."""
        process = self._process
        self._begin()
        if process is not None:
            close_pipes(process)
            # Not a child of this process, so it must not be waited for.
            process.returncode = 0

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Reserve a place for several jobs of this thread. Raises Unavailable when all are taken."""
        if getattr(self._own, "has_place", False):
            yield
            return
        places = self._places
        if not places.acquire(blocking=False):
            raise Unavailable(f"{self.places} wait already")
        self._own.has_place = True
        try:
            yield
        finally:
            self._own.has_place = False
            places.release()

    def run(self, function: str, source: Path, *args: Any) -> Any:
        """Run `function(source, *args)` in the process and return its result. Arguments and result must be JSON.

        Raises Failed when the source is at fault, Unavailable or OSError when the machine is.
        """
        job = {"function": function, "size": source.stat().st_size, "args": [str(source), *args]}
        with self.place():
            if not self._turn.acquire(timeout=self.patience):
                raise Unavailable("waited for too long")
            try:
                return self._run(job)
            finally:
                self._turn.release()

    def _run(self, job: dict[str, Any]) -> Any:
        if self._timer is not None:
            self._timer.cancel()
        self._start()
        self._job_count += 1
        reply = self._ask(job, self.patience)
        if "no_memory" in reply or self._job_count >= self.max_jobs:
            self._end()
        else:
            self._timer = threading.Timer(self.idle, self._end_idle)
            self._timer.daemon = True
            self._timer.start()
        if "errno" in reply and is_machine_error(error := OSError(reply["errno"], reply["error"])):
            raise error
        if "no_memory" in reply:
            raise Unavailable(f"the machine has too little memory: {reply['no_memory']}")
        if "failed" in reply:
            raise Failed(reply["failed"])
        return reply["value"]

    def _start(self) -> None:
        """Start a process unless one is running. Raises Unavailable."""
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        try:
            # subprocess closes all other file descriptors, so the process has no socket and no database.
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(ROOT / "lib" / "limited_process.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=os.path.abspath(os.sep),
                # glibc would reserve address space for an arena per thread.
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | {"MALLOC_ARENA_MAX": "1"},
                # Ctrl-C is for the server, which ends this process.
                start_new_session=True,
            )
            self._job_count = 0
            paths = [str(ROOT), *(os.path.abspath(path) for path in sys.path)]
            reply = self._ask({**self.start_line, "path": paths}, START_SECONDS)
        except (OSError, Failed) as error:
            raise Unavailable(f"no process can be started: {error}") from error
        if reply.get("value") != "ready":
            self._end()
            raise Unavailable("the process did not start")

    def _ask(self, line: dict[str, Any], patience: float) -> dict[str, Any]:
        """Send a line and return the reply. A process that does not reply is killed: raises Failed or Unavailable."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        too_late = threading.Event()

        def end() -> None:
            too_late.set()
            process.kill()

        timer = threading.Timer(patience, end)
        timer.daemon = True
        timer.start()
        try:
            answer = exchange(process.stdin, process.stdout, json.dumps(line).encode() + b"\n")
        except BaseException:
            # The next job must not read this job's reply.
            process.kill()
            self._end()
            raise
        finally:
            timer.cancel()
        if answer.endswith(b"\n"):
            reply: dict[str, Any] = json.loads(answer)
            return reply
        self._end()
        code = process.returncode
        logger.warning("the process for %s ended with %s", self.start_line["module"], code)
        if code in BROKEN_BY_INPUT or (too_late.is_set() and not HAS_LIMITS):
            raise Failed(f"the process ended with {code}")
        raise Unavailable("took too long" if too_late.is_set() else f"the process ended with {code}")

    def _end_idle(self) -> None:
        """End the idle process, unless another job has started a new timer meanwhile."""
        with self._turn:
            if threading.current_thread() is self._timer:
                self._end()

    def _end(self) -> None:
        if self._process is not None:
            close_pipes(self._process)
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the process, even during a job. The next job starts another one."""
        process = self._process
        if process is not None and self._turn.locked():
            process.kill()
        with self._turn:
            self._end()


def exchange(to: IO[bytes], back: IO[bytes], line: bytes) -> bytes:
    """Write a line and read one, perhaps incomplete when the process has ended."""
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        to.write(line)
        to.flush()
    return back.readline()


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        # Unwritten data does not matter any more.
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
