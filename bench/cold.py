"""Processor time of a request for which nothing is cached: `python -m bench.cold`. `--before COMMIT` measures that too.

The app answers in this process, without a server. The response cache is off.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from bench import crowd
from chat import create_app
from config import Settings

Headers = dict[str, str]

WARM_UP = 10
REQUESTS = 60
ROUNDS = 5
SECRET_KEY = "a key that is long enough for a benchmark"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--before", help="a commit to compare with")
    options.add_argument("--once", action="store_true", help="print the figures of this tree as JSON")
    args = options.parse_args()
    if args.once:
        print(json.dumps(measure()))
        return
    trees = {"now": Path.cwd()}
    with tempfile.TemporaryDirectory() as folder:
        if args.before:
            trees["before"] = Path(folder) / "before"
            subprocess.run(["git", "worktree", "add", "-q", "--detach", trees["before"], args.before], check=True)
            (trees["before"] / "bench/cold.py").write_text(Path(__file__).read_text())
        try:
            report({name: [once(tree) for _ in range(ROUNDS)] for name, tree in trees.items()})
        finally:
            if args.before:
                subprocess.run(["git", "worktree", "remove", "--force", trees["before"]], check=True)


def once(tree: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.cold", "--once"]
    figures: dict[str, float] = json.loads(subprocess.run(command, cwd=tree, check=True, capture_output=True).stdout)
    return figures


def report(figures: dict[str, list[dict[str, float]]]) -> None:
    """Print the median of all rounds in milliseconds."""
    print(f"{'':32}" + "".join(f"{name:>12}" for name in figures))
    for work in next(iter(figures.values()))[0]:
        medians = (statistics.median(one[work] for one in rounds) for rounds in figures.values())
        print(f"{work:32}" + "".join(f"{median:9.2f} ms" for median in medians))


def measure() -> dict[str, float]:
    """Milliseconds of processor time by kind of request."""
    with tempfile.TemporaryDirectory() as folder:
        database, media = Path(folder) / "chat.db", Path(folder) / "media"
        large, ids = crowd.settle(database, media, SECRET_KEY)
        os.environ.update(
            SECRET_KEY=SECRET_KEY, JWT_SECRET_KEY=SECRET_KEY[::-1], DATABASE_URL=f"sqlite:///{database}",
            MEDIA_DIR=str(media), RATE_LIMITS="off", TRUSTED_HOSTS="", PROXY_COUNT="0",
            RESPONSE_CACHE="off", KEEP_ANSWERS="off",  # its former name
        )  # fmt: skip
        app = create_app(Settings.read())
        pages, api = signed_in(app)
        middle = ids[len(ids) // 2]
        works = {
            "chat, page with 40 messages": (f"/chats/{large}", pages),
            "40 rows of messages": (f"/chats/{large}/log?before={middle}", pages),
            "40 messages, API": (f"/api/messages?chat_id={large}&limit=40", api),
            "list of 20 chats, page": ("/", pages),
            "20 rows of chats": ("/chats/rows", pages),
            "20 chats, API": ("/api/chats?limit=20", api),
            "100 hits, API": (f"/api/search?q={crowd.COMMON}&limit=100", api),
        }
        return {name: milliseconds(app, path, headers) for name, (path, headers) in works.items()}


def signed_in(app: Flask) -> tuple[Headers, Headers]:
    """The headers of somebody who is signed in by a session, and by a token."""
    client = app.test_client()
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
    person = {"username": "person00", "password": crowd.PASSWORD}
    client.post("/login", data={**person, "csrf_token": found[1] if found else ""})
    session = client.get_cookie("chat")
    token = app.test_client().post("/api/users/login", json=person).get_json()["token"]
    cookies = f"chat={session.value if session else ''}; scripts=1; time_zone=Europe/Berlin"
    return {"Cookie": cookies}, {"Authorization": f"Bearer {token}"}


def milliseconds(app: Flask, path: str, headers: Headers) -> float:
    """The median of the thread's processor time for one request."""
    times = []
    for number in range(WARM_UP + REQUESTS):
        every: list[tuple[str, str]] = [*headers.items(), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]
        environ = EnvironBuilder(path, headers=every).get_environ()
        start = time.thread_time()
        answer, status, _ = run_wsgi_app(app, environ, buffered=True)
        list(answer)
        if number >= WARM_UP:
            times.append(time.thread_time() - start)
        if not status.startswith("200"):
            raise RuntimeError(f"{path}: {status}")
    return statistics.median(times) * 1000


if __name__ == "__main__":
    main()
