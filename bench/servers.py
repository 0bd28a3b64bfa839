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
from contextlib import contextmanager
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


@contextmanager
def served(arguments: list[str], path: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A gunicorn that answers at `path` on PORT, on the servers' core; it ends with the block."""
    os.sched_setaffinity(0, SERVER_CORE)
    with log.open("wb") as out:
        master = subprocess.Popen(
            [sys.executable, str(GUNICORN), *arguments],
            cwd=ROOT,
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


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def kilobytes(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))
