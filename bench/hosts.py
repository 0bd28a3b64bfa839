"""One host on SQLite, one and two on Postgres, in one run: posts, pages and deliveries a second, and how long a message
takes from one host to a page on another.

bin/bench hosts [--seconds 5] [--listeners 200]

All hosts share one core, as on a machine of their own they would not: what two carry together is theirs divided by it.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import requests

import models
from actions import accounts, messages
from actions import chats as chat_actions
from actions import members as member_actions
from bench.listeners import Listeners
from bench.load import Request, run
from bench.servers import LOAD_CORE, ROOT, free_port, served
from models import Login, User, password

sys.path.insert(0, str(ROOT / "tests"))

from postgres import PostgresServer, create_database  # type: ignore[import-not-found]

PASSWORD = "quite a long one for a measure"
CHATS, BURST, ROUNDS = 16, 40, 5
PACE, PACED = 10, 100
PATIENCE = 120.0
# The engine, and how many hosts.
SETUPS = (("sqlite", 1), ("postgres", 1), ("postgres", 2))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--listeners", type=int, default=200)
    options.add_argument("--one", nargs=2, metavar=("URL", "HOSTS"), help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.one:
        os.sched_setaffinity(0, LOAD_CORE)
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder), args.one[0], int(args.one[1]), args.listeners)
            print(json.dumps(site.measured(args.seconds)))
        return
    server = PostgresServer(fsync="on", full_page_writes="on", synchronous_commit="on", autovacuum="on")
    try:
        print_table([measured_alone(server, *setup, args) for setup in SETUPS])
    finally:
        server.remove()


def measured_alone(server: PostgresServer, engine: str, hosts: int, args: argparse.Namespace) -> dict[str, float]:
    """The figures of a set-up, in a process of its own: the models know one database."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/chat.db" if engine == "sqlite" else create_database(server.url("postgres"))
        command = [sys.executable, "-m", "bench.hosts", "--one", url, str(hosts)]
        command += ["--seconds", str(args.seconds), "--listeners", str(args.listeners)]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def print_table(all_figures: list[dict[str, float]]) -> None:
    """Each figure of each set-up; rates also as ratios to the first."""
    print(f"{'':56}" + "".join(f"{engine}, {hosts} host{'s' * (hosts > 1)}".rjust(22) for engine, hosts in SETUPS))
    for name in all_figures[-1]:
        cells = []
        for figures in all_figures:
            value, first = figures.get(name), all_figures[0].get(name)
            ratio = f" ({value / first:.2f})" if value is not None and first and name.endswith("/s") else ""
            cells.append(("" if value is None else f"{value:,.1f}{ratio}").rjust(22))
        print(f"{name:56}" + "".join(cells))


class Site:
    """Hosts over one database, with a chat of many and some chats to post into."""

    def __init__(self, folder: Path, url: str, hosts: int, listeners: int) -> None:
        self.folder, self.listeners = folder, listeners
        self.keys = secrets.token_hex(32), secrets.token_hex(32)
        password.use_key(self.keys[0])
        password.hashing.rounds = 4
        models.open_database(url)
        models.use(folder / "media", throttled=False)
        models.migrate()
        with models.write():
            owner = accounts.register("owner", PASSWORD)
            everybody = chat_actions.start(owner, "Everybody")
            people = [User.create(username=f"p{n}", username_key=f"p{n}", created_at=1) for n in range(listeners)]
            for person in people:
                member_actions.insert(everybody.chat, [person])
            self.tokens = [self.token(person) for person in people]
            self.owners_token = self.token(owner)
            self.everybody = everybody.chat_id
            self.chats = [chat_actions.start(owner, f"Chat {number}").chat_id for number in range(CHATS)]
            for number in range(100):
                messages.post(everybody, f"message {number}")
        models.database.close()
        self.ports = [free_port() for _ in range(hosts)]
        self.common = {
            "HOST": "127.0.0.1", "SECRET_KEY": self.keys[0], "JWT_SECRET_KEY": self.keys[1], "DATABASE_URL": url,
            "MEDIA_DIR": str(folder / "media"), "RATE_LIMITS": "off", "WEB_CONCURRENCY": "1",
        }  # fmt: skip

    def token(self, person: User) -> str:
        login = Login.open(person, "token")
        claims = {"sub": str(person.id), "jti": login.secret, "iat": int(time.time()), "exp": int(time.time()) + 3600}
        return jwt.encode(claims, self.keys[1], algorithm="HS256")

    def measured(self, seconds: float) -> dict[str, float]:
        with ExitStack() as running:
            for port in self.ports:
                log = self.folder / f"{port}.log"
                running.enter_context(served(["chat:app"], "/healthz", log, PORT=str(port), **self.common))
            figures = {"posts/s": self.posts(seconds)}
            header = f"Cookie: {self.signs_in()}"
            figures["cached pages/s"] = self.gets(f"/chats/{self.everybody}", header, seconds)
            header = f"Authorization: Bearer {self.owners_token}"
            figures["history by API/s"] = self.gets(f"/api/messages?chat_id={self.everybody}", header, seconds)
            figures |= self.delivered()
        return figures

    def posts(self, seconds: float) -> float:
        """Messages a second into 16 chats at once, each acknowledged."""
        end, count = time.perf_counter() + seconds, itertools.count()

        def write(number: int) -> None:
            client = Client(self.ports[number % len(self.ports)], self.owners_token)
            while time.perf_counter() < end:
                client.posts(self.chats[number], "a message")
                next(count)
            client.close()

        together(write, range(CHATS))
        return next(count) / seconds

    def signs_in(self) -> str:
        """The cookies of a browser of the owner's."""
        with requests.Session() as browser:
            url = f"http://127.0.0.1:{self.ports[0]}/login"
            token = browser.get(url, timeout=60).text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
            form = {"username": "owner", "password": PASSWORD, "csrf_token": token}
            browser.post(url, data=form, timeout=60, allow_redirects=False).raise_for_status()
            return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)

    def gets(self, path: str, header: str, seconds: float) -> float:
        """Answers a second of one path, spread over the hosts."""
        rates: list[float] = []
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n".encode()

        def load(port: int) -> None:
            endless: Iterator[Request] = itertools.repeat((request, b"message 99"))
            result = run(port, endless, lambda head, body, needle: b" 200 " in head[:16] and needle in body, seconds)
            rates.append(result.rate)

        together(load, self.ports)
        return sum(rates)

    def listen(self, number: int) -> Listeners:
        """Open a host's share of the streams."""
        group = Listeners()
        for token in self.tokens[number :: len(self.ports)]:
            group.open(self.ports[number], token)
            wait(group, lambda: len(group.sockets) - len(group.ready) < 16)
        wait(group, lambda: len(group.ready) == len(group.sockets))
        return group

    def delivered(self) -> dict[str, float]:
        """Deliveries a second in bursts to all hosts; delays on each host of what is written on the last."""
        writer = Client(self.ports[-1], self.owners_token)
        groups = [self.listen(number) for number in range(len(self.ports))]
        figures = {"deliveries/s": statistics.median(self.burst(writer, groups) for _ in range(ROUNDS))}
        for group in groups:
            group.close()
        for number in range(len(self.ports)):
            group = self.listen(number)
            delays = paced(writer, self.everybody, group)
            where = "written there" if number == len(self.ports) - 1 else "written on another host"
            for share, at in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                figures[f"ms until a stream has what was {where}, {share}"] = delays[int(len(delays) * at)]
            group.close()
        writer.close()
        return figures

    def burst(self, writer: Client, groups: list[Listeners]) -> float:
        """Deliveries a second of messages that are posted one after the other."""
        wanted = [group.deliveries + BURST * len(group.sockets) for group in groups]
        started = time.perf_counter()
        sender = threading.Thread(target=writer.posts_many, args=(self.everybody, "x" * 100, BURST))
        sender.start()
        # In turns: a stream that is not read for long is dropped.
        while not all(group.has_received(count) for group, count in zip(groups, wanted, strict=True)):
            for group, count in zip(groups, wanted, strict=True):
                group.read(partial(group.has_received, count), 0.02)
        sender.join()
        return BURST * self.listeners / (max(group.last for group in groups) - started)


class Client:
    """Somebody who posts over one connection."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def posts(self, chat_id: int, text: str) -> None:
        self.connection.request("POST", "/api/messages", json.dumps({"chat_id": chat_id, "text": text}), self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {body!r}")

    def posts_many(self, chat_id: int, text: str, count: int) -> None:
        for _ in range(count):
            self.posts(chat_id, text)

    def close(self) -> None:
        self.connection.close()


def together(work: Any, items: Any) -> None:
    """Do something for each of several at once. Raises RuntimeError if one fails."""
    errors: list[BaseException] = []

    def done(one: Any) -> None:
        try:
            work(one)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=done, args=(one,)) for one in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise RuntimeError(f"{len(errors)} failed") from errors[0]


def wait(listeners: Listeners, so: Any) -> None:
    if not listeners.read(so, PATIENCE):
        raise RuntimeError(f"only {len(listeners.ready)} ready, {listeners.deliveries} delivered")


def paced(writer: Client, chat_id: int, listeners: Listeners) -> list[float]:
    """Milliseconds from sending a message to each listener's having it, in order of length."""
    listeners.timed = True
    wanted = listeners.deliveries + PACED * len(listeners.sockets)

    def write() -> None:
        for _ in range(PACED):
            writer.posts(chat_id, f"sent at {time.time_ns()}")
            time.sleep(1 / PACE)

    sender = threading.Thread(target=write)
    sender.start()
    wait(listeners, partial(listeners.has_received, wanted))
    sender.join()
    listeners.timed = False
    # Each is in the text and in the HTML of the message.
    return sorted(listeners.delays[::2])


if __name__ == "__main__":
    main()
