"""What others wait for while a server is busy: bin/bench busy [--seconds 5] [--streams 1000]

- A chat's page at 16 connections: alone, and while 4 people sign in and 4 large pictures are sent, over and over.
- A crowd that comes back at once, as after a restart: until all have their stream, and what posts take meanwhile.

One worker on one core, as in bench/pages.py.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from bench import crowd
from bench.listeners import Listeners
from bench.load import Result
from bench.pages import Site, measured
from bench.servers import ROOT

SIDE = 3500  # pixels: a picture of 12 megapixels
PATIENCE = 60  # seconds
EACH = 4


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--streams", type=int, default=1000)
    args = options.parse_args()
    if not (0 < args.seconds <= 60 and 0 < args.streams <= 4000):
        options.error("up to 60 seconds and 4000 streams")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        site = Site("this", ROOT, Path(folder) / "this", settings={"STREAMS_A_PERSON": str(args.streams)})
        site.start(running)
        token = crowd.tokens(site.port)[0].decode()
        chat = own_chat(site.port, token)
        reconnect(site.port, token, chat, args.streams)
        for number in range(2 * EACH):
            sign_up(site.port, number)
        page = site.works[0]
        print_result("alone", measured(site.port, page, args.seconds))
        for name, works in (
            ("4 sign in", [sign_in] * EACH),
            ("4 send pictures", [send_pictures] * EACH),
            ("both", [sign_in, send_pictures] * EACH),
        ):
            with Busy(works, site.port, token, chat) as done:
                result = measured(site.port, page, args.seconds)
            print_result(f"{name} ({done()} done)", result)


def own_chat(port: int, token: str) -> int:
    """A new chat of one person, so that what is sent there changes nobody else's pages."""
    headers = {"Authorization": f"Bearer {token}"}
    body: Any = {"title": "Own", "members": []}
    answer = requests.post(f"http://127.0.0.1:{port}/api/chats", json=body, headers=headers, timeout=PATIENCE)
    return int(answer.json()["id"])


def print_result(name: str, result: Result) -> None:
    p50, p99 = result.at(0.5) * 1000, result.at(0.99) * 1000
    print(f"{name:32} {result.rate:8.0f} pages/s  p50 {p50:7.1f} ms  p99 {p99:7.1f} ms", flush=True)


def reconnect(port: int, token: str, chat: int, count: int) -> None:
    """Open so many streams at once while somebody posts."""
    times: list[float] = []
    is_over = threading.Event()

    def write() -> None:
        with requests.Session() as session:
            while not is_over.is_set():
                began = time.perf_counter()
                body: Any = {"chat_id": chat, "text": "here we are again"}
                headers = {"Authorization": f"Bearer {token}"}
                session.post(f"http://127.0.0.1:{port}/api/messages", json=body, headers=headers, timeout=PATIENCE)
                times.append(time.perf_counter() - began)

    writer = threading.Thread(target=write)
    writer.start()
    listeners = Listeners()
    began = time.perf_counter()
    for _ in range(count):
        listeners.open(port, token)
    are_served = listeners.read(lambda: len(listeners.ready) == count, PATIENCE)
    seconds = time.perf_counter() - began
    is_over.set()
    writer.join()
    listeners.close()
    p50, longest = statistics.median(times) * 1000, max(times) * 1000
    print(f"{count} streams {'served' if are_served else 'NOT served'} within {seconds:.2f} s")
    print(f"{len(times)} posts meanwhile: p50 {p50:.0f} ms, longest {longest:.0f} ms", flush=True)


# What is heavy, each in a process of its own


class Busy:
    """Do works over and over, until the block ends."""

    def __init__(self, works: list[Callable[..., None]], port: int, token: str, chat: int) -> None:
        start = multiprocessing.get_context("spawn")
        self.count = start.Value("i", 0)
        self.processes = [
            start.Process(target=repeated, args=(work, number, port, token, chat, self.count), daemon=True)
            for number, work in enumerate(works)
        ]

    def __enter__(self) -> Callable[[], int]:
        for process in self.processes:
            process.start()
        while not self.count.value:
            time.sleep(0.05)
        return lambda: int(self.count.value)

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
            process.join()


def repeated(work: Callable[..., None], number: int, port: int, token: str, chat: int, count: Any) -> None:
    os.nice(5)  # the load shares a core with what measures
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        while True:
            work(session, number, f"http://127.0.0.1:{port}/api", chat)
            with count.get_lock():
                count.value += 1


def sign_up(port: int, number: int) -> None:
    """An account whose password is hashed as usual; those of crowd.py's people are hashed at little cost."""
    account = {"username": f"caller{number}", "password": crowd.PASSWORD}
    requests.post(f"http://127.0.0.1:{port}/api/users", json=account, timeout=PATIENCE).raise_for_status()


def sign_in(session: requests.Session, number: int, api: str, _: int) -> None:
    account = {"username": f"caller{number}", "password": crowd.PASSWORD}
    session.post(f"{api}/users/login", json=account, timeout=PATIENCE).raise_for_status()


def send_pictures(session: requests.Session, number: int, api: str, chat: int) -> None:
    drawn = io.BytesIO()
    Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB").save(drawn, "JPEG")
    file = ("large.jpg", drawn.getvalue(), "image/jpeg")
    answer = session.post(f"{api}/messages", data={"chat_id": chat}, files={"files": file}, timeout=PATIENCE)
    # 503: too many are waiting.
    if answer.status_code not in (201, 503):
        answer.raise_for_status()


if __name__ == "__main__":
    main()
