"""Two hosts on one Postgres server: streams are cut at any byte and go on at either while people write on both, either
is killed, and the server is restarted and crashes. What was received and acknowledged, against the history.

`python -m tests.long.hosts 2000`
"""

from __future__ import annotations

import json
import random
import secrets
import signal
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import requests
from postgres import PostgresServer, create_database
from servers import Server, wait_for
from streams import Listener, Reader, ReceivedEvent, connected, rows

from long.alone import asked, timed
from long.kills import THE_END, answer_of, kill


@contextmanager
def two_hosts(folder: Path, **environment: str) -> Iterator[tuple[PostgresServer, list[Server]]]:
    """Two process trees on one server, which keeps what it has acknowledged when it crashes."""
    postgres = PostgresServer(synchronous_commit="on")
    common = {
        "DATABASE_URL": create_database(postgres.url("postgres")),
        "MEDIA_DIR": str(folder / "media"),
        "SECRET_KEY": secrets.token_hex(32),
        "JWT_SECRET_KEY": secrets.token_hex(32),
        **environment,
    }
    hosts: list[Server] = []
    try:
        for name in ("one", "two"):
            (folder / name).mkdir()
            hosts.append(Server(folder / name, **common))
        yield postgres, hosts
    finally:
        for host in hosts:
            host.stop()
        postgres.remove()


class Author(threading.Thread):
    """Somebody who sends each message to either host, with its Idempotency-Key, until one of them acknowledges it."""

    def __init__(self, listener: Listener, hosts: list[Server], chat: int, stop: threading.Event) -> None:
        super().__init__()
        self.listener, self.hosts, self.chat, self.stopping = listener, hosts, chat, stop
        self.chance = random.Random(listener.id)
        self.acknowledged: dict[str, int] = {}
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with requests.Session() as session:
                while not self.stopping.is_set():
                    self.sends(session, uuid.uuid4().hex + " word" * self.chance.randint(0, 200))
                    time.sleep(self.chance.random() * 0.05)
        except BaseException as error:
            self.error = error

    def sends(self, session: requests.Session, text: str) -> None:
        headers = {**self.listener.headers(), "Idempotency-Key": uuid.uuid4().hex}
        while text not in self.acknowledged:
            url = f"{self.chance.choice(self.hosts).url}/api/messages"
            with suppress(requests.RequestException):
                answer = session.post(url, json={"chat_id": self.chat, "text": text}, headers=headers, timeout=30)
                assert answer.status_code in (200, 201) or answer.status_code >= 500, answer.text
                if answer.ok:
                    self.acknowledged[text] = int(answer.json()["id"])
                    return
            time.sleep(0.05)


class Wanderer(threading.Thread):
    """Somebody whose stream is cut at any byte, so many times, and who reconnects with their cursor at either host."""

    def __init__(self, listener: Listener, hosts: list[Server], cuts: int) -> None:
        super().__init__()
        self.listener, self.hosts, self.cuts_left = listener, hosts, cuts
        self.chance = random.Random(listener.id)
        self.cursor: str | None = listener.listens().events[0].id
        listener.disconnects()
        self.received: list[ReceivedEvent] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.is_through:
                with suppress(OSError, HTTPException):
                    self.reads()
        except BaseException as error:
            self.error = error

    @property
    def is_through(self) -> bool:
        return bool(self.received) and self.received[-1].data.get("text") == THE_END

    def reads(self) -> None:
        """One connection, until it is cut; after the last cut, until it ends or all was received."""
        reader = Reader(last_id=self.cursor)
        left = self.chance.choice((0, 200, 1_000, 5_000, 50_000)) * self.chance.random() + 1
        until = time.monotonic() + self.chance.random() * 0.3
        try:
            with connected(
                self.chance.choice(self.hosts).port, self.listener.headers(self.cursor), buffer=4096
            ) as sock:
                some, is_asked_to_come_again = answer_of(sock)
                sock.settimeout(0.1)
                while not is_asked_to_come_again:
                    reader.take(some)
                    left -= len(some)
                    if (self.cuts_left and (left <= 0 or time.monotonic() > until)) or has_end(reader):
                        break
                    some = received(sock, max(1, min(1024, int(left))) if self.cuts_left else 65_536)
                    is_asked_to_come_again = some is None
                self.cuts_left = max(0, self.cuts_left - (not is_asked_to_come_again))
        finally:
            if "reset" in [event.type for event in reader.events]:
                raise RuntimeError("a reset")
            self.received.extend(event for event in reader.events if event.is_logged)
            self.cursor = reader.last_id
        if is_asked_to_come_again:
            time.sleep(0.1)


def received(sock: object, size: int) -> bytes | None:
    """What has come, perhaps nothing yet; None at the end."""
    try:
        return sock.recv(size) or None  # type: ignore[attr-defined, no-any-return]
    except TimeoutError:
        return b""


def has_end(reader: Reader) -> bool:
    return any(event.is_logged and event.data.get("text") == THE_END for event in reader.events)


def troubles(postgres: PostgresServer, hosts: list[Server]) -> list[Callable[[], None]]:
    """What happens to them, one after the other."""

    def restarted(number: int) -> None:
        postgres.stop(number)
        postgres.start()

    return [
        lambda: kill(hosts[0], "stream"),
        lambda: kill(hosts[1], "everything"),
        lambda: restarted(signal.SIGINT),
        lambda: kill(hosts[0], "everything"),
        lambda: restarted(signal.SIGQUIT),
        lambda: kill(hosts[1], "worker"),
    ]


def cut_killed_and_restarted(
    postgres: PostgresServer, hosts: list[Server], cuts: int, readers: int, writers: int
) -> tuple[int, int]:
    """Returns how many messages were acknowledged, and how many events were compared."""
    people = [Listener(hosts[number % 2], f"person{number}") for number in range(max(readers, writers))]
    chat = people[0].starts("Garden", *people[1:])
    (start,) = rows(hosts[0], "SELECT max(id) FROM event")[0]
    stop = threading.Event()
    wanderers = [Wanderer(person, hosts, cuts // readers) for person in people[:readers]]
    authors = [Author(person, hosts, chat, stop) for person in people[:writers]]
    for thread in (*authors, *wanderers):
        thread.start()
    try:
        happen(troubles(postgres, hosts), wanderers, authors)
    finally:
        stop.set()
        for author in authors:
            author.join()
    with requests.Session() as session:
        authors[0].sends(session, THE_END)
    for wanderer in wanderers:
        wanderer.cuts_left = 0
        wanderer.join(120)
    errors = [thread.error for thread in (*authors, *wanderers) if thread.error is not None]
    assert not errors, errors
    return compare(hosts[0], start, wanderers, authors)


def happen(what: list[Callable[[], None]], wanderers: list[Wanderer], authors: list[Author]) -> None:
    """Let the troubles happen, each once a part of the cuts are done and people could write since the last one."""
    all_cuts = sum(wanderer.cuts_left for wanderer in wanderers)
    for number in range(len(what) + 1):
        written = sum(len(author.acknowledged) for author in authors)
        wait_for(
            lambda number=number, written=written: (  # type: ignore[misc]
                any(thread.error for thread in (*wanderers, *authors))
                or (
                    sum(wanderer.cuts_left for wanderer in wanderers) <= all_cuts * (1 - (number + 1) / (len(what) + 1))
                    and sum(len(author.acknowledged) for author in authors) > written
                )
            ),
            lambda: f"it does not go on: {[thread.error for thread in (*wanderers, *authors)]}",
            1800,
        )
        if number < len(what):
            what[number]()


def compare(host: Server, start: int, wanderers: list[Wanderer], authors: list[Author]) -> tuple[int, int]:
    found = rows(host, "SELECT text, id FROM message")
    assert not [text for text, count in Counter(text for text, _ in found).items() if count > 1]
    for author in authors:
        assert author.acknowledged.items() <= dict(found).items()
    log = rows(host, "SELECT type, data FROM event WHERE id > ? AND type LIKE 'message.%' ORDER BY id", start)
    expected = [(type, json.loads(data)) for type, data in log]
    for wanderer in wanderers:
        assert [(event.type, event.data) for event in wanderer.received] == expected
    return sum(len(author.acknowledged) for author in authors), len(expected) * len(wanderers)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, two_hosts(Path(folder)) as (postgres, hosts), timed():
        cuts = asked(2_000)
        acknowledged, compared = cut_killed_and_restarted(postgres, hosts, cuts, readers=8, writers=4)
        print(
            f"{cuts} cuts, three kills, two restarts of Postgres: {acknowledged} messages acknowledged, each there "
            f"once; {compared} events compared: none lost, none twice"
        )
