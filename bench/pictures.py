"""What hostile pictures cost: `python -m bench.pictures`.

Posts each to a server of its own with one worker, and tells the processor time and the most memory of the web worker
and of the picture process, and how long somebody else's logins took meanwhile. `--root` measures another checkout.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import secrets
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import picture_bombs as bombs
from bench import servers

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery staple"
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 240
CALM_LOGINS = 8
# Shown as a status when PATIENCE was over.
NO_ANSWER = 0


def many_pixels() -> list[list[bytes]]:
    """Eight messages of four pictures of 49 megapixels, a few kilobytes each."""
    return [[bombs.png_of_pixels()] * 4] * 8


def one(make: Callable[[], bytes]) -> Callable[[], list[list[bytes]]]:
    return lambda: [[make()]]


ATTACKS: dict[str, Callable[[], list[list[bytes]]]] = {
    "a plain file of 24 MB": one(lambda: b"x" * 24 * 2**20),
    **{make.__name__.replace("_", " "): one(make) for make in bombs.OF_PARTS},
    "gif of a thousand frames": one(bombs.gif_of_a_thousand_frames),
    "webp of 268 megapixels": one(bombs.webp_of_pixels),
    "8 messages × 4 png of 49 megapixels": many_pixels,
}


class Client:
    """Somebody who asks a server by its API."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = ""
        self.account = b""

    def ask(self, method: str, path: str, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.token}"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content or b"null")

    def registers(self, username: str) -> None:
        self.account = json.dumps({"username": username, "password": PASSWORD}).encode()
        self.ask("POST", "/api/users", self.account)
        self.logs_in()

    def logs_in(self) -> None:
        self.token = self.ask("POST", "/api/users/login", self.account)[1]["token"]

    def posts(self, chat: int, files: list[bytes]) -> int:
        mark = uuid.uuid4().hex
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{chat}\r\n'.encode()]
        for number, content in enumerate(files):
            head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{number}.jpg"\r\n\r\n'
            parts += [head.encode(), content, b"\r\n"]
        body = b"".join([*parts, f"--{mark}--\r\n".encode()])
        try:
            return self.ask("POST", "/api/messages", body, f"multipart/form-data; boundary={mark}")[0]
        except TimeoutError:
            return NO_ANSWER


class Watch(threading.Thread):
    """Looks at a worker and the processes that it starts, until told to stop."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self.worker = worker
        self.ending = threading.Event()
        self.seconds: dict[int, float] = {}
        self.peaks: dict[int, int] = {}

    def run(self) -> None:
        while not self.ending.wait(0.02):
            self.look()

    def look(self) -> None:
        for process in {self.worker, *children(self.worker)}:
            with contextlib.suppress(OSError, StopIteration):
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                self.seconds[process] = (int(fields[11]) + int(fields[12])) / TICKS
                self.peaks[process] = servers.kilobytes(Path(f"/proc/{process}/status"), "VmHWM:") // 1024

    def of_worker(self, before: Watch) -> tuple[float, int]:
        """Processor time, and how much more memory than at the peak before."""
        own = self.worker
        return self.seconds[own] - before.seconds[own], self.peaks[own] - before.peaks[own]

    def of_others(self) -> tuple[float, int]:
        others = set(self.seconds) - {self.worker}
        return sum(self.seconds[each] for each in others), max((self.peaks[each] for each in others), default=0)


def children(parent: int) -> list[int]:
    """Of all threads of a process: each has its own list (proc(5))."""
    found: list[int] = []
    for thread in Path(f"/proc/{parent}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


class Logins(threading.Thread):
    """Somebody who logs in again and again."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.client = Client(port)
        self.client.registers("bystander")
        self.ending = threading.Event()
        self.times: list[float] = []

    def run(self) -> None:
        while not self.ending.wait(0.2):
            self.log_in()

    def log_in(self) -> None:
        began = time.monotonic()
        self.client.logs_in()
        self.times.append(time.monotonic() - began)

    def cost(self, watch: Watch) -> float:
        """Processor time of a login in the worker; forgets how long these took."""
        watch.look()
        before = watch.seconds[watch.worker]
        for _ in range(CALM_LOGINS):
            self.log_in()
        watch.look()
        self.times.clear()
        return (watch.seconds[watch.worker] - before) / CALM_LOGINS


def worker_of(master: int) -> int:
    for child in children(master):
        if b"stream" not in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise RuntimeError("no worker")


def environment(folder: str, port: int) -> dict[str, str]:
    """The settings of a server with one worker, whose files are all in a folder."""
    return {
        "PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1", "RATE_LIMITS": "off",
        "SECRET_KEY": secrets.token_hex(32), "JWT_SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": f"sqlite:///{folder}/chat.db", "MEDIA_DIR": f"{folder}/media",
    }  # fmt: skip


def measure(root: Path, messages: list[list[bytes]]) -> str:
    """Post them all at once to a fresh server; a row of the table."""
    servers.ROOT = root
    port = servers.free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.served(["chat:app"], "/healthz", Path(folder) / "log", **environment(folder, port)) as master,
    ):
        client = Client(port)
        client.registers("attacker")
        chat = client.ask("POST", "/api/chats", b'{"title": "Garden"}')[1]["id"]
        client.posts(chat, [bombs.drawn("PNG")])
        logins = Logins(port)
        before, watch = Watch(worker_of(master.pid)), Watch(worker_of(master.pid))
        cost_of_login = logins.cost(before)
        statuses, seconds = attack(client, chat, messages, (watch, logins))
        watch.look()
    web_time, web_memory = watch.of_worker(before)
    # What the bystander cost is not the attacker's doing.
    web_time -= len(logins.times) * cost_of_login
    time_of_pictures, memory_of_pictures = watch.of_others()
    worst = max(logins.times, default=0.0)
    answers = " ".join(f"{status}×{statuses.count(status)}" for status in sorted(set(statuses)))
    return (
        f"{max(0.0, web_time):8.2f} {web_memory:+7d} {time_of_pictures:10.2f} {memory_of_pictures:8d} {worst:9.2f} "
        f"{seconds:8.1f}  {answers}"
    )


def attack(
    client: Client, chat: int, messages: list[list[bytes]], meanwhile: tuple[Watch, Logins]
) -> tuple[list[int], float]:
    """Post all messages at once, with the threads running meanwhile; the statuses, and the seconds that it took."""
    statuses: list[int] = []

    def post(files: list[bytes]) -> None:
        statuses.append(client.posts(chat, files))

    posts = [threading.Thread(target=post, args=(files,)) for files in messages]
    started = time.monotonic()
    for thread in (*meanwhile, *posts):
        thread.start()
    for thread in posts:
        thread.join()
    seconds = time.monotonic() - started
    for observer in meanwhile[::-1]:
        observer.ending.set()
        observer.join()
    return statuses, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    print(f"{'':38}     web worker       picture process   a login, all, answers", flush=True)
    print(f"{'':38} cpu s   more MB      cpu s  peak MB  worst s  seconds", flush=True)
    for name, make in ATTACKS.items():
        if arguments.only in name:
            print(f"{name:38}{measure(arguments.root.resolve(), make())}", flush=True)


if __name__ == "__main__":
    main()
