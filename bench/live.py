"""The live stream: connecting, memory, deliveries and delays, beside the raw limit of send(2) in the same run.

bin/bench live [--listeners 100 1000 5000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import resource
import secrets
import socket
import statistics
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import jwt

import models
from actions import accounts, messages
from actions import chats as chat_actions
from actions import members as member_actions
from bench.listeners import Listeners
from bench.servers import LOAD_CORE, SERVER_CORE, free_port, kilobytes, served
from models import Login, Membership, User, password

# So many that they fit into what a stream may have waiting.
BURST, ROUNDS = 60, 5
PACE, PACED = 5, 50
# Listeners that are on their way in at once.
AT_ONCE = 16
CHATS, POSTS = 16, 40
PATIENCE = 120.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--listeners", type=int, nargs="+", default=[100, 1000, 5000])
    args = options.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("listeners  connect s (asked to reconnect)  kB each  deliveries/s  raw/s  ratio  paced p50/p99 ms")
    for count in args.listeners:
        with tempfile.TemporaryDirectory() as folder:
            print(measured(Path(folder), count), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(posting(Path(folder)))


class Crowd:
    """A database with so many people in one chat, and a token for each of them."""

    def __init__(self, folder: Path, count: int) -> None:
        self.keys = secrets.token_hex(32), secrets.token_hex(32)
        self.database = folder / "chat.db"
        password.use_key(self.keys[0])
        password.hashing.rounds = 4
        models.open_database(f"sqlite:///{self.database}")
        models.use(folder / "media", throttled=False)
        models.migrate()
        with models.write():
            self.owner = accounts.register("owner", "quite a long one for a measure")
            self.seat = chat_actions.start(self.owner, "Everybody")
            people = [User.create(username=f"p{n}", username_key=f"p{n}", created_at=1) for n in range(count)]
            for person in people:
                member_actions.insert(self.seat.chat, [person])
            self.tokens = [self.token(person) for person in people]
            self.owners_token = self.token(self.owner)
        self.environment = {
            "HOST": "127.0.0.1", "PORT": str(free_port()), "SECRET_KEY": self.keys[0],
            "JWT_SECRET_KEY": self.keys[1], "DATABASE_URL": f"sqlite:///{self.database}",
            "MEDIA_DIR": str(folder / "media"), "RATE_LIMITS": "off", "WEB_CONCURRENCY": "1",
        }  # fmt: skip
        self.port = int(self.environment["PORT"])

    def token(self, person: User) -> str:
        login = Login.open(person, "token")
        claims = {"sub": str(person.id), "jti": login.secret, "iat": int(time.time()), "exp": int(time.time()) + 3600}
        return jwt.encode(claims, self.keys[1], algorithm="HS256")


def measured(folder: Path, count: int) -> str:
    """One line of the table."""
    crowd = Crowd(folder, count)
    with served(["chat:app"], "/healthz", folder / "chat.log", **crowd.environment) as master:
        stream = stream_process(master.pid)
        before = kilobytes(Path(f"/proc/{stream}/status"), "VmRSS:")
        listeners = Listeners()
        started = time.perf_counter()
        for token in crowd.tokens:
            listeners.open(crowd.port, token)
            wait(listeners, lambda: len(listeners.sockets) - len(listeners.ready) < AT_ONCE)
        wait(listeners, lambda: len(listeners.ready) == count)
        connect = time.perf_counter() - started
        each = (kilobytes(Path(f"/proc/{stream}/status"), "VmRSS:") - before) / count
        rate = burst(crowd, listeners, count)
        paced = pace(crowd, listeners, count)
        listeners.close()
    raw = raw_limit(count, listeners_frame())
    p50, p99 = statistics.median(paced), sorted(paced)[int(len(paced) * 0.99)]
    return (
        f"{count:9} {connect:10.2f} {listeners.reconnects:22} {each:8.1f} {rate:13,.0f} {raw:9,.0f} {rate / raw:6.2f}"
        f"  {p50:8.1f} / {p99:.1f}"
    )


def stream_process(master: int) -> int:
    """The process id of the stream process beside the workers."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        # A thread of the master has started it, and is its parent in /proc (proc(5)).
        for born in Path(f"/proc/{master}/task").glob("*/children"):
            for child in map(int, born.read_text().split()):
                if b"-m\0stream" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
        time.sleep(0.05)
    raise RuntimeError("no stream process")


def wait(listeners: Listeners, so: Any) -> None:
    if not listeners.read(so, PATIENCE):
        raise RuntimeError(f"only {len(listeners.ready)} ready, {listeners.deliveries} delivered")


def burst(crowd: Crowd, listeners: Listeners, count: int) -> float:
    """Deliveries a second of messages that are committed together: the median of some rounds."""
    return statistics.median(one_burst(crowd, listeners, count) for _ in range(ROUNDS))


def one_burst(crowd: Crowd, listeners: Listeners, count: int) -> float:
    membership = Membership.of(crowd.owner, crowd.seat.chat_id)
    wanted = listeners.deliveries + (BURST + 1) * count
    with models.write():
        for _ in range(BURST):
            messages.post(membership, "x" * 100)
    models.database.close()
    started = time.perf_counter()
    # The one by HTTP wakes the stream process.
    post(crowd, crowd.seat.chat_id, "the last of them")
    wait(listeners, partial(listeners.has_received, wanted))
    if listeners.deliveries != wanted:
        raise RuntimeError(f"{listeners.deliveries - wanted} deliveries too many")
    return (BURST + 1) * count / (listeners.last - started)


def pace(crowd: Crowd, listeners: Listeners, count: int) -> list[float]:
    """Milliseconds from sending a message to each listener's having it, at a few messages a second."""
    wanted = listeners.deliveries + PACED * count
    listeners.timed = True

    def write() -> None:
        for _ in range(PACED):
            post(crowd, crowd.seat.chat_id, f"sent at {time.time_ns()}")
            time.sleep(1 / PACE)

    writer = threading.Thread(target=write)
    writer.start()
    wait(listeners, partial(listeners.has_received, wanted))
    writer.join()
    # Each is in the text and in the HTML of the message.
    return listeners.delays[::2]


def post(crowd: Crowd, chat_id: int, text: str) -> int:
    """Post a message; returns its id."""
    connection = http.client.HTTPConnection("127.0.0.1", crowd.port, timeout=60)
    headers = {"Authorization": f"Bearer {crowd.owners_token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/messages", json.dumps({"chat_id": chat_id, "text": text}), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"{answer.status}: {body!r}")
    return int(json.loads(body)["id"])


def listeners_frame() -> bytes:
    """As many bytes as one of the burst's events has."""
    return b"id: " + b"c" * 40 + b"\nevent: message.created\ndata: " + b"x" * 560 + b"\n\n"


def raw_limit(count: int, frame: bytes) -> float:
    """Deliveries a second of a bare loop of send over as many sockets, a burst joined into few sends as there."""
    port, listeners = free_port(), Listeners()
    listeners.may_end = True
    sender = multiprocessing.get_context("fork").Process(target=send_bare, args=(port, count, frame), daemon=True)
    sender.start()
    for _ in range(count):
        listeners.add(connected(port))
    started = time.perf_counter()
    listeners.sockets[next(iter(listeners.sockets))].send(b"go")
    wait(listeners, partial(listeners.has_received, BURST * count))
    rate = BURST * count / (listeners.last - started)
    listeners.close()
    sender.join(10)
    return rate


def connected(port: int) -> socket.socket:
    end = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def send_bare(port: int, count: int, frame: bytes) -> None:
    os.sched_setaffinity(0, SERVER_CORE)
    with socket.create_server(("127.0.0.1", port), backlog=count) as server:
        sockets = [server.accept()[0] for _ in range(count)]
    sockets[0].recv(2)
    for sock in sockets:
        sock.sendall(frame * BURST)
    for sock in sockets:
        sock.close()


def posting(folder: Path) -> str:
    """Messages a second into 16 chats at once, each acknowledged, and the slowest hundredth."""
    crowd = Crowd(folder, 1)
    with models.write():
        chats = [chat_actions.start(crowd.owner, f"Chat {number}").chat_id for number in range(CHATS)]
    models.database.close()
    took: list[float] = []
    with served(["chat:app"], "/healthz", folder / "chat.log", **crowd.environment):

        def write(chat_id: int) -> None:
            for number in range(POSTS):
                began = time.perf_counter()
                post(crowd, chat_id, f"message {number}")
                took.append((time.perf_counter() - began) * 1000)

        writers = [threading.Thread(target=write, args=(chat_id,)) for chat_id in chats]
        started = time.perf_counter()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        rate = len(took) / (time.perf_counter() - started)
    return f"posting into {CHATS} chats at once: {rate:.0f}/s, p99 {sorted(took)[int(len(took) * 0.99)]:.0f} ms"


if __name__ == "__main__":
    os.sched_setaffinity(0, LOAD_CORE)
    main()
