"""What the choice of SQLite's build costs: posting, and reading a page of messages, with each in turn.

In processor time, which a busy machine changes less than the clock on the wall.

.venv/bin/python bench/sqlite.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from actions import accounts, chats, messages
from models import message_json

ROUNDS = 6
POSTS = 300
PAGES = 150
BUILDS = ("system", "pysqlite3")


def measured(build: str) -> dict[str, Any]:
    """Version, and the processor time of a post and a page, in this process, with one build."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    if build != "pysqlite3":
        sys.modules["pysqlite3"] = None  # type: ignore[assignment]
    import models
    from lib.sqlite import sqlite3
    from models import password as passwords

    version = sqlite3.sqlite_version
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        models.open_database(f"sqlite:///{folder}/chat.db")
        models.use(Path(folder) / "media", throttled=False)
        passwords.hashing.rounds = 4
        models.migrate()
        mine = chats.start(accounts.register("ann", "correct horse battery"), "Garden")
        started = time.process_time()
        for number in range(POSTS):
            messages.post(mine, f"message {number} of a bench that says some words")
        posts = (time.process_time() - started) / POSTS * 1000
        started = time.process_time()
        for number in range(PAGES):
            message_json.before(mine, POSTS - number, 50)
        pages = (time.process_time() - started) / PAGES * 1000
        models.database.close()
    return {"version": version, "post": posts, "page": pages}


def main() -> None:
    figures: dict[str, list[dict[str, Any]]] = {build: [] for build in BUILDS}
    for _ in range(ROUNDS):
        for build, of_it in figures.items():
            done = subprocess.run([sys.executable, __file__, build], capture_output=True, text=True, check=True)
            of_it.append(json.loads(done.stdout))
    for build, of_it in figures.items():
        told = [f"{build:10} {of_it[0]['version']:8}"]
        for what in ("post", "page"):
            spent = [figure[what] for figure in of_it]
            told.append(f"{statistics.median(spent):6.2f} ms a {what} ({min(spent):.2f} to {max(spent):.2f})")
        print("  ".join(told))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measured(sys.argv[1])))
    else:
        main()
