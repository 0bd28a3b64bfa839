"""The servers that are measured: each on a core of its own, stopped by who started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUNICORN = Path(sys.executable).with_name("gunicorn")


# One core for the servers, the next for the load; on a machine with one, that one for both. Asked once, for
# the processes that are started here are bound to theirs.
USABLE = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = {USABLE[0]}, {USABLE[1 % len(USABLE)]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def served(
    arguments: list[str], path: str, log: Path, **environment: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A gunicorn that answers at `path` on PORT, on the servers' core; it ends with the block."""
    return served_from(ROOT, arguments, path, log, **environment)


@contextmanager
def served_from(
    root: Path, arguments: list[str], path: str, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The same, of any working copy."""
    os.sched_setaffinity(0, SERVER_CORE)
    with log.open("wb") as out:
        master = subprocess.Popen(
            [sys.executable, str(GUNICORN), *arguments],
            cwd=root,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )
    os.sched_setaffinity(0, LOAD_CORE)
    try:
        wait_for(f"http://127.0.0.1:{environment['PORT']}{path}", master, log)
        yield master
    finally:
        master.send_signal(signal.SIGTERM)
        try:
            master.wait(15)
        except subprocess.TimeoutExpired:
            master.kill()
            master.wait()


def wait_for(url: str, master: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it answers. Raises RuntimeError when it ends or takes too long."""
    end = time.monotonic() + 180
    while time.monotonic() < end and master.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"no answer from {url}:\n{log.read_text()}")


def memory(master: int) -> dict[str, int]:
    """Bytes in memory of a master and its workers: resident, and with what they share counted once."""
    family = [master, *children(master)]
    return {
        "resident": sum(kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") for pid in family) * 1024,
        "shared counted once": sum(kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in family) * 1024,
    }


def processor_seconds(master: int, with_stream: bool = False) -> float:
    """Processor time that the web workers of a master have used, and with `with_stream` the stream process too."""
    ticks = 0
    for pid in children(master):
        if with_stream or b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes():
            # utime and stime, of which the name before them may have spaces (proc_pid_stat(5)).
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def kilobytes(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))
