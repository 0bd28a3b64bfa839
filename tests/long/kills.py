"""kill -9, again and again, while eight write and three listen: nothing acknowledged is lost, nothing is there twice.

`python -m tests.long.kills 200`
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from functools import partial
from http.client import HTTPException

import requests
from servers import Server, child, wait_for
from streams import Listener, Reader, ReceivedEvent, connected, head_of, rows

from lib.database_url import is_postgres
from long.alone import asked, served, timed

WRITERS, FOLLOWERS = 8, 3
THE_END = "the-end"


class Insistent(threading.Thread):
    """Somebody who sends each message with its Idempotency-Key until it is acknowledged."""

    def __init__(self, listener: Listener, chat: int, stop: threading.Event) -> None:
        super().__init__()
        self.listener, self.chat, self.stop = listener, chat, stop
        self.acknowledged: dict[str, int] = {}
        self.refused = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with requests.Session() as session:
                while not self.stop.is_set():
                    text = uuid.uuid4().hex
                    self.acknowledged[text] = self._sends(session, text)
                    time.sleep(0.02)
        except BaseException as error:
            self.error = error

    def _sends(self, session: requests.Session, text: str) -> int:
        url, sent = f"{self.listener.server.url}/api/messages", {"chat_id": self.chat, "text": text}
        headers = {**self.listener.headers(), "Idempotency-Key": text}
        while True:
            with suppress(requests.RequestException):
                answer = session.post(url, json=sent, headers=headers, timeout=30)
                if answer.status_code in (200, 201):
                    return int(answer.json()["id"])
                assert answer.status_code >= 500, answer.text
                self.refused += 1
            time.sleep(0.05)


class Follower(threading.Thread):
    """Somebody who listens, and comes back with their cursor whenever the connection ends, until the last message."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self.listener, self.cursor = listener, listener.listens().events[0].id
        listener.disconnects()
        self.got: list[ReceivedEvent] = []
        self.connections = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.is_through:
                with suppress(OSError, HTTPException):
                    self._reads()
                time.sleep(0.02)
        except BaseException as error:
            self.error = error

    @property
    def is_through(self) -> bool:
        return bool(self.got) and self.got[-1].data.get("text") == THE_END

    def _reads(self) -> None:
        reader = Reader(last_id=self.cursor)
        try:
            with connected(self.listener.server.port, self.listener.headers(self.cursor)) as sock:
                some, is_asked_to_come_again = answer_of(sock)
                self.connections += 1
                while some:
                    reader.take(some)
                    if is_asked_to_come_again or THE_END in [e.data.get("text") for e in reader.events]:
                        break
                    some = sock.recv(65_536)
        finally:
            if "reset" in [event.type for event in reader.events]:
                raise RuntimeError("a reset")
            self.got.extend(event for event in reader.events if event.is_logged)
            self.cursor = reader.last_id or self.cursor


def answer_of(sock: object) -> tuple[bytes, bool]:
    """The beginning of a stream; or an answer that says when to come again. Raises OSError when it breaks."""
    try:
        status, headers, body = head_of(sock)  # type: ignore[arg-type]
    except AssertionError as broken:
        raise ConnectionError from broken
    if status != 200:
        assert status == 503, status
        raise ConnectionError
    return body, "Content-Length" in headers


def family(server: Server) -> dict[str, list[int]]:
    """The processes that may be killed, by what dies with them."""
    master = server.master.pid
    worker, stream = child(master, "gunicorn"), child(master, "stream")
    return {"worker": [worker], "stream": [stream], "everything": [master, stream, *workers(master)]}


def workers(master: int) -> list[int]:
    with open(f"/proc/{master}/task/{master}/children") as born:
        return [int(pid) for pid in born.read().split()]


def kill(server: Server, what: str) -> None:
    for process in family(server)[what]:
        if process:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    if what == "everything":
        server.master.wait()
        server.start()


def acknowledged_by(writers: list[Insistent]) -> int:
    """How many of their messages were acknowledged."""
    return sum(len(writer.acknowledged) for writer in writers)


def have_written(writers: list[Insistent], count: int) -> bool:
    return acknowledged_by(writers) >= count


def killed_again_and_again(server: Server, rounds: int, tag: str) -> tuple[Counter[str], int, int]:
    """How often what was killed, how many messages were acknowledged, how often the listeners connected."""
    people = [Listener(server, f"{tag}{number}") for number in range(WRITERS)]
    chat = people[0].starts("Garden", *people[1:])
    (start,) = rows(server, "SELECT max(id) FROM event")[0]
    stop, chance, killed = threading.Event(), random.Random(rounds), Counter[str]()
    followers = [Follower(person) for person in people[:FOLLOWERS]]
    writers = [Insistent(person, chat, stop) for person in people]
    for thread in (*followers, *writers):
        thread.start()
    try:
        for number in range(rounds):
            before = acknowledged_by(writers)
            what = ("worker", "stream", "everything")[number % 3]
            kill(server, what)
            killed[what] += 1
            more = before + chance.randint(1, 4 * WRITERS)
            wait_for(
                partial(have_written, writers, more),
                lambda: f"nothing is acknowledged any more: {[w.error for w in writers]}",
            )
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    wait_for(server.answers, lambda: "it is not back")
    with requests.Session() as session:
        Insistent(people[0], chat, stop)._sends(session, THE_END)
    for follower in followers:
        follower.join(120)
    assert not [thread.error for thread in (*writers, *followers) if thread.error]
    compare(server, start, writers, followers)
    return killed, acknowledged_by(writers), sum(f.connections for f in followers)


def compare(server: Server, start: int, writers: list[Insistent], followers: list[Follower]) -> None:
    texts = Counter(text for (text,) in rows(server, "SELECT text FROM message"))
    assert not [text for text, count in texts.items() if count > 1]
    there = dict(rows(server, "SELECT text, id FROM message"))
    for writer in writers:
        assert writer.acknowledged.items() <= there.items()
    log = rows(server, "SELECT type, data FROM event WHERE id > ? AND type LIKE 'message.%' ORDER BY id", start)
    expected = [(type, json.loads(data)) for type, data in log]
    for follower in followers:
        assert [(event.type, event.data) for event in follower.got] == expected
    if not is_postgres(server.environment["DATABASE_URL"]):
        assert rows(server, "PRAGMA integrity_check") == [("ok",)]


if __name__ == "__main__":
    with served(WEB_CONCURRENCY="2") as server, timed():
        rounds = asked(200)
        killed, acknowledged, connections = killed_again_and_again(server, rounds, "kill")
        what = ", ".join(f"{count} of {name}" for name, count in killed.items())
        print(
            f"{rounds} kills ({what}): {acknowledged} messages acknowledged, each there once; "
            f"{connections} connections saw the log once and in order"
        )
