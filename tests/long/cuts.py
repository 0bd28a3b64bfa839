"""Connections that are cut at any byte, while others write: what a reader got in the end, against the log.

`python -m tests.long.cuts 10000`
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import requests
from servers import Server, wait_for
from streams import Listener, Reader, ReceivedEvent, connected, head_of, rows


class Cut:
    """Somebody whose connection breaks again and again, at any byte, and who reconnects with their cursor each time."""

    def __init__(self, listener: Listener, seed: int) -> None:
        self.listener, self.chance = listener, random.Random(seed)
        self.got: list[ReceivedEvent] = []
        self.cursor: str | None = None
        self.cuts = 0

    def reads(self, is_over: Callable[[], bool], last: int = 0) -> None:
        """One connection, until it is cut; once `is_over`, until the message `last` has come."""
        reader = Reader(last_id=self.cursor)
        port = self.listener.server.port
        with connected(port, self.listener.headers(self.cursor), buffer=4096) as sock:
            status, _, body = head_of(sock)
            assert status == 200
            left = self.chance.choice((0, 200, 1_000, 5_000, 50_000)) * self.chance.random()
            until = time.monotonic() + self.chance.random() * 0.2
            sock.settimeout(0.05)
            reader.take(body[: int(left)] if not is_over() else body)
            left -= len(body)
            while not has(reader, last) and (is_over() or (left > 0 and time.monotonic() < until)):
                try:
                    some = sock.recv(1024 if is_over() else max(1, min(1024, int(left))))
                except TimeoutError:
                    continue
                if not some:
                    break
                reader.take(some)
                left -= len(some)
        assert "reset" not in [event.type for event in reader.events]
        self.got.extend(event for event in reader.events if event.is_logged)
        self.cursor = reader.last_id
        self.cuts += 1


def has(reader: Reader, message: int) -> bool:
    return message > 0 and any(event.data["id"] == message for event in reader.events if event.is_logged)


class Writer(threading.Thread):
    """Somebody who writes, now short, now long, until stopped."""

    def __init__(self, listener: Listener, chats: list[int], stop: threading.Event) -> None:
        super().__init__()
        self.listener, self.chats, self.stop = listener, chats, stop
        self.error: BaseException | None = None

    def run(self) -> None:
        chance = random.Random(self.listener.id)
        url = f"{self.listener.server.url}/api/messages"
        try:
            with requests.Session() as session:
                while not self.stop.is_set():
                    sent = {"chat_id": chance.choice(self.chats), "text": "word " * chance.randint(1, 400)}
                    session.post(url, json=sent, headers=self.listener.headers(), timeout=60).raise_for_status()
                    time.sleep(chance.random() * 0.02)
        except BaseException as error:
            self.error = error


class Audience(threading.Thread):
    """Somebody who is cut so many times, and once the writers are done reads to the end."""

    def __init__(self, listener: Listener, cuts: int, done: threading.Event) -> None:
        super().__init__()
        self.cut, self.cuts, self.done = Cut(listener, listener.id), cuts, done
        self.last = 0
        self.error: BaseException | None = None
        with closing(listener.listens()) as stream:
            self.cut.cursor = stream.events[0].id

    def run(self) -> None:
        try:
            while self.cut.cuts < self.cuts:
                self.cut.reads(lambda: False)
            self.done.wait()
            self.cut.reads(lambda: True, self.last)
        except BaseException as error:
            self.error = error

    @property
    def is_through(self) -> bool:
        return self.error is not None or self.cut.cuts >= self.cuts


def cut_and_compare(server: Server, cuts: int, readers: int, writers: int, tag: str) -> tuple[int, int]:
    """So many readers are cut in all so many times. Returns the number of cuts and of events that were compared."""
    people = [Listener(server, f"{tag}{number}") for number in range(max(readers, writers))]
    chats = [people[0].starts(f"{tag} {number}", *people[1:]) for number in range(2)]
    (start,) = rows(server, "SELECT max(id) FROM event")[0]
    stop, done = threading.Event(), threading.Event()
    audience = [Audience(person, cuts // readers, done) for person in people[:readers]]
    authors = [Writer(person, chats, stop) for person in people[:writers]]
    for thread in (*authors, *audience):
        thread.start()
    try:
        wait_for(lambda: all(one.is_through for one in audience), lambda: "still reading", 3600)
    finally:
        stop.set()
        for author in authors:
            author.join()
        last = people[0].posts(chats[0], "the end")
        for one in audience:
            one.last = last
        done.set()
        for one in audience:
            one.join()
    errors = [thread.error for thread in (*authors, *audience) if thread.error is not None]
    assert not errors, errors
    log = rows(server, "SELECT type, data FROM event WHERE id > ? AND type LIKE 'message.%' ORDER BY id", start)
    expected = [(type, json.loads(data)) for type, data in log]
    for one in audience:
        assert [(event.type, event.data) for event in one.cut.got] == expected
    return sum(one.cut.cuts for one in audience), len(expected) * readers


def main() -> None:
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            began = time.monotonic()
            cut, compared = cut_and_compare(server, cuts, readers=8, writers=4, tag="cut")
            print(f"{cut} cuts, {compared} events compared in {time.monotonic() - began:.0f} s: none lost, none twice")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
