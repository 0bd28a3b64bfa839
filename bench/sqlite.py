"""What the choice of SQLite's build costs: posting, and reading a page of messages, with each in turn.

In processor time, which a busy machine changes less than the clock on the wall.

.venv/bin/python -m bench.sqlite
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from actions import messages
from bench.one_chat import one_chat
from lib.sqlite import sqlite3
from models import message_json

# What has lib/sqlite.py take the build.
BUILDS = {"system": "import sys; sys.modules['pysqlite3'] = None; ", "pysqlite3": ""}
MEASURE = "from bench.sqlite import measured; print(measured())"
ROUNDS = 6
POSTS = 300
PAGES = 150


def measured() -> str:
    """Version, and the processor time of a post and a page in milliseconds, in this process, with its build: JSON."""
    with one_chat() as membership:
        post = milliseconds(
            lambda number: messages.post(membership, f"message {number} of a bench that says some words"), POSTS
        )
        page = milliseconds(lambda number: message_json.before(membership, POSTS - number, 50), PAGES)
    return json.dumps({"version": sqlite3.sqlite_version, "post": post, "page": page})


def milliseconds(work: Callable[[int], object], times: int) -> float:
    """The processor time of one call, on average."""
    started = time.process_time()
    for number in range(times):
        work(number)
    return (time.process_time() - started) / times * 1000


def main() -> None:
    figures: dict[str, list[dict[str, Any]]] = {build: [] for build in BUILDS}
    for _ in range(ROUNDS):
        for build, of_it in figures.items():
            command = [sys.executable, "-c", BUILDS[build] + MEASURE]
            of_it.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    for build, of_it in figures.items():
        columns = [f"{build:10} {of_it[0]['version']:8}"]
        for what in ("post", "page"):
            spent = [figure[what] for figure in of_it]
            columns.append(f"{statistics.median(spent):6.2f} ms a {what} ({min(spent):.2f} to {max(spent):.2f})")
        print("  ".join(columns))


if __name__ == "__main__":
    main()
