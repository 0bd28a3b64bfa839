"""The five works of a messenger, each as requests a second and as a ratio to a bare app, in one run."""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import crowd
from bench.load import Broken, Request, Result, Right, run
from bench.servers import LOAD_CORE, SERVER_CORE, free_port, memory, served
from bench.unit import SIZE

WARM_UP = 1.0
HITS = 100
PAGE = 40


@dataclass
class Work:
    """Something that people do, over and over."""

    name: str
    requests: Iterator[Request]
    right: Right


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5.0, help="how long each work is measured (5)")
    options.add_argument("--only", default="", help="a part of a work's name")
    asked = options.parse_args()
    if not 0 < asked.seconds <= 60:
        options.error("--seconds: up to 60")
    with tempfile.TemporaryDirectory() as folder:
        try:
            measure(Path(folder), asked.seconds, asked.only)
        except Broken as error:
            print(f"stopped: {error}", file=sys.stderr)
            return 1
    return 0


def measure(folder: Path, seconds: float, only: str) -> None:
    secret_key = secrets.token_hex(32)
    database = folder / "chat.db"
    large, ids = crowd.settle(database, folder / "media", secret_key)
    unit_port, port = free_port(), free_port()
    environment = {
        "HOST": "127.0.0.1", "PORT": str(port), "SECRET_KEY": secret_key, "JWT_SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": f"sqlite:///{database}", "MEDIA_DIR": str(folder / "media"), "RATE_LIMITS": "off",
        "WEB_CONCURRENCY": "1", "TRUSTED_HOSTS": "", "PROXY_COUNT": "0",
    }  # fmt: skip
    unit_arguments = ["-c", "bench/unit.py", "-b", f"127.0.0.1:{unit_port}", "bench.unit:app"]
    unit = Work("unit", itertools.repeat((get("/"), b"")), lambda head, body, _: len(body) == SIZE)
    with (
        served(unit_arguments, "/", folder / "unit.log", PORT=str(unit_port)),
        served(["chat:app"], "/healthz", folder / "chat.log", **environment) as master,
    ):
        beginning = f"measured {secrets.token_hex(4)} "
        works = [work for work in works_of(port, large, ids, beginning) if only in work.name]
        units = [measured(unit_port, unit, seconds)]
        results: list[tuple[Work, Result]] = []
        try:
            for number, work in enumerate(works):
                results.append((work, measured(port, work, seconds)))
                if number % 2 or number == len(works) - 1:
                    units.append(measured(unit_port, unit, seconds))
        finally:
            # A wrong answer stops the run; what was measured before it is told all the same.
            report(units, results, memory(master.pid))
    if any(work.name == POST for work, _ in results):
        count_again(database, beginning)


def measured(port: int, work: Work, seconds: float) -> Result:
    run(port, work.requests, work.right, WARM_UP)
    return run(port, work.requests, work.right, seconds)


# The works

POST = "post a message"


def works_of(port: int, large: int, ids: list[int], beginning: str) -> list[Work]:
    sessions, tokens = crowd.cookies(port), crowd.tokens(port)
    newest = f"No. {len(ids) - 1}: ".encode()
    anchors = [number for number in range(PAGE * 2, len(ids), 97)]
    return [
        Work(
            f"a chat's page, newest {PAGE}",
            cycle([(page(f"/chats/{large}", cookie), newest) for cookie in sessions]),
            shows_page,
        ),
        Work(
            f"the {PAGE} messages before one",
            # What stands right above the one that is named must be there, and people have asked for different ones.
            cycle(
                [
                    (page(f"/chats/{large}?before={ids[at]}", cookie), f"No. {at - 1}: ".encode())
                    for at, cookie in zip(anchors, itertools.cycle(sessions), strict=False)
                ]
            ),
            shows_page,
        ),
        Work("the list of chats", cycle([(page("/", cookie), b"Everybody") for cookie in sessions]), shows),
        Work(
            f"search, newest {HITS} hits",
            cycle([(get(f"/api/search?q={crowd.COMMON}&limit={HITS}", bearer(token)), b"") for token in tokens]),
            lambda head, body, _: ok(head) and body.count(b'"snippet"') == HITS,
        ),
        Work(POST, posts(large, tokens, beginning), lambda head, body, needle: created(head) and needle in body),
    ]


def cycle(requests: list[Request]) -> Iterator[Request]:
    return itertools.cycle(requests)


def posts(chat: int, tokens: list[bytes], beginning: str) -> Iterator[Request]:
    headers = [bearer(token) + b"Content-Type: application/json\r\n" for token in tokens]
    for number in itertools.count():
        text = f"{beginning}{number} about the garden and what is left of the week"
        body = json.dumps({"chat_id": chat, "text": text}).encode()
        Acknowledged.posted = number + 1
        yield request("POST", "/api/messages", headers[number % len(headers)], body), f"{beginning}{number} ".encode()


class Acknowledged:
    """How many messages were sent; each was answered with itself, or the run has stopped."""

    posted = 0


def ok(head: bytes) -> bool:
    return head.startswith(b"http/1.1 200")


def created(head: bytes) -> bool:
    return head.startswith(b"http/1.1 201")


def shows(head: bytes, body: bytes, needle: bytes) -> bool:
    return ok(head) and needle in body


def shows_page(head: bytes, body: bytes, needle: bytes) -> bool:
    return ok(head) and needle in body and body.count(b'id="message-') >= PAGE


def get(path: str, headers: bytes = b"") -> bytes:
    return request("GET", path, headers)


def page(path: str, cookie: bytes) -> bytes:
    return get(path, b"Cookie: " + cookie + b"\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n")


def bearer(token: bytes) -> bytes:
    return b"Authorization: Bearer " + token + b"\r\n"


def request(method: str, path: str, headers: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + headers + length + b"\r\n" + body


# What came of it


def report(units: list[Result], results: list[tuple[Work, Result]], used: dict[str, int]) -> None:
    rates = [unit.rate for unit in units]
    cal = sum(rates) / len(rates)
    noise = (max(rates) - min(rates)) / cal
    print(f"1 cal = {cal:,.0f} requests/s, measured {len(rates)} times, {noise:.0%} from lowest to highest")
    if SERVER_CORE == LOAD_CORE:
        print("server and load shared one core: the ratios say little")
    print(f"\n{'work':32}{'requests/s':>12}{'cal':>8}{'p50 ms':>9}{'p99 ms':>9}{'bytes':>9}{'count':>9}")
    for work, result in results:
        size = result.received // len(result.times)
        print(
            f"{work.name:32}{result.rate:12,.0f}{result.rate / cal:8.3f}"
            f"{result.at(0.5) * 1000:9.2f}{result.at(0.99) * 1000:9.2f}{size:9,}{len(result.times):9,}"
        )
    print("\nmemory, master and one worker: " + ", ".join(f"{size / 2**20:.0f} MB {how}" for how, size in used.items()))


def count_again(database: Path, beginning: str) -> None:
    there, found = crowd.counted(database, beginning)
    print(f"posted and acknowledged {Acknowledged.posted:,}; in the database {there:,}, found by search {found:,}")
    if not Acknowledged.posted == there == found:
        raise Broken("the messages in the database are not those that were acknowledged")


if __name__ == "__main__":
    sys.exit(main())
