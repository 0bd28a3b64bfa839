"""The process of a LimitedWorker: runs functions of one module, one after the other, within limits.

A fresh interpreter runs this file. It reads lines of JSON from stdin, first the import path and the module, then jobs,
and writes a line with each result to stdout. It exits when stdin is closed, even during a job.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import math
import mmap
import os
import queue
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import IO, Any

if sys.platform != "win32":
    import resource

SMALLEST_FILE = 64 * 2**20


class Limits:
    """Limits of this process beyond its idle usage, where the system supports them."""

    def __init__(self, memory: int, seconds: int) -> None:
        self.memory = memory
        self.seconds = seconds
        self.base = memory_of_process()

    def renew(self, source_size: int) -> None:
        """Set the limits for a job on a file of `source_size` bytes, which may be mapped as well as read."""
        if sys.platform == "win32":
            return
        if self.base:
            set_limit(resource.RLIMIT_DATA, self.base["VmData"] + self.memory)
            set_limit(resource.RLIMIT_AS, self.base["VmSize"] + self.memory + source_size)
        set_limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + self.seconds)
        set_limit(resource.RLIMIT_FSIZE, max(SMALLEST_FILE, 2 * source_size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def machine_has_memory(self) -> bool:
        """Whether the machine has as much memory as the limit allows; otherwise the limit was not the cause."""
        if sys.platform == "win32":
            return True
        for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
            set_limit(kind, resource.RLIM_INFINITY)
        try:
            mmap.mmap(-1, self.memory, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        except OSError:
            return False
        return True


def set_limit(kind: int, wanted: int) -> None:
    """Set the soft limit, at most to the hard limit."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > hard):
        wanted = hard
    resource.setrlimit(kind, (wanted, hard))


def memory_of_process() -> dict[str, int]:
    """This process's data and address space in bytes; empty where the system does not report them (proc(5))."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmData:", "VmSize:"))}
        return {name: int(size) * 1024 for name, size in sizes.items()}
    return {}


def outcome(module: ModuleType, limits: Limits, job: dict[str, Any]) -> dict[str, Any]:
    """Run a job. Returns its `value`, or why there is none: with `errno` if the system may be the cause."""
    limits.renew(job["size"])
    try:
        return {"value": getattr(module, job["function"])(*job["args"])}
    except Exception as error:
        error_text = f"{type(error).__name__}: {error}"[:200]
        number = error.errno if isinstance(error, OSError) else None
        # EFBIG means this process's limit (setrlimit(2), RLIMIT_FSIZE), not a full disk.
        system_error = {} if number in (None, errno.EFBIG) else {"errno": number, "error": os.strerror(number)}
    # The job's memory is free again here. A decoder without memory may raise anything.
    return {"failed" if limits.machine_has_memory() else "no_memory": error_text, **system_error}


def read_jobs(jobs: queue.SimpleQueue[bytes], lines: IO[bytes]) -> None:
    for line in lines:
        jobs.put(line)
    # The server has ended, or wants this process to end.
    os._exit(0)


def main() -> None:
    lines = sys.stdin.buffer
    # Output of libraries must not get between the replies.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    start = json.loads(lines.readline())
    sys.path[:] = start["path"]
    if hasattr(os, "nice"):
        os.nice(start["nice"])
    module = importlib.import_module(start["module"])
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=read_jobs, args=(jobs, lines), daemon=True).start()
    limits = Limits(start["memory"], start["seconds"])
    reply: dict[str, Any] = {"value": "ready"}
    while True:
        answers.write(json.dumps(reply).encode() + b"\n")
        answers.flush()
        reply = outcome(module, limits, json.loads(jobs.get()))


if __name__ == "__main__":
    main()
