"""The works of a messenger, each as requests a second and as a ratio to a bare app, in one run.

With --other the same works of another working copy, in turns with this one's, and the ratio of the two.
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import crowd
from bench.load import Broken, Request, Result, Right, run
from bench.servers import LOAD_CORE, ROOT, SERVER_CORE, free_port, memory, processor_seconds, served, served_from
from bench.unit import SIZE

WARM_UP = 1.0
HITS = 100
PAGE = 40
# So often each of two copies has its turn.
TURNS = 2
SETTLE = (
    "import json, sys; from pathlib import Path; from bench import crowd; "
    "print(json.dumps(crowd.settle(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))))"
)


@dataclass
class Work:
    """Something that people do, over and over."""

    name: str
    requests: Iterator[Request]
    right: Right


@dataclass
class Posted:
    """How many messages were sent, and what each begins with; all were answered with themselves, or the run stopped."""

    beginning: str
    sent: int = 0


@dataclass
class Site:
    """A working copy's server, over a database of its own."""

    name: str
    root: Path
    folder: Path
    # In the large chat; None for as many as crowd.py has.
    messages: int | None = None
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    posted: Posted = field(default_factory=lambda: Posted(f"measured {secrets.token_hex(4)} "))
    master: int = 0
    # The chat with the most messages.
    large: int = 0
    works: list[Work] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "chat.db"

    def start(self, running: ExitStack) -> None:
        """Fill the database by the copy's own code, and serve it."""
        secret_key, media = secrets.token_hex(32), self.folder / "media"
        self.folder.mkdir()
        settle = [sys.executable, "-c", SETTLE, str(self.database), str(media), secret_key]
        settle += [] if self.messages is None else [str(self.messages)]
        settled = subprocess.run(settle, cwd=self.root, check=True, stdout=subprocess.PIPE)
        self.large, ids = json.loads(settled.stdout.splitlines()[-1])
        environment = {
            "HOST": "127.0.0.1", "PORT": str(self.port), "SECRET_KEY": secret_key,
            "JWT_SECRET_KEY": secrets.token_hex(32), "DATABASE_URL": f"sqlite:///{self.database}",
            "MEDIA_DIR": str(media), "RATE_LIMITS": "off", "WEB_CONCURRENCY": "1", "TRUSTED_HOSTS": "",
            "PROXY_COUNT": "0", **self.settings,
        }  # fmt: skip
        log = self.folder / "chat.log"
        self.master = running.enter_context(served_from(self.root, ["chat:app"], "/healthz", log, **environment)).pid
        self.works = works_of(self.port, self.large, ids, self.posted)


@dataclass
class Row:
    """What a work met at a site."""

    work: str
    site: str
    result: Result = field(default_factory=Result)
    processor: float = 0.0

    def add(self, result: Result, processor: float) -> None:
        self.result.times += result.times
        self.result.seconds += result.seconds
        self.result.received += result.received
        self.processor += processor

    @property
    def milliseconds(self) -> float:
        """Processor time of the worker for a request."""
        return self.processor * 1000 / len(self.result.times)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5.0, help="how long each work is measured (5)")
    options.add_argument("--only", default="", help="a part of a work's name")
    options.add_argument("--other", type=Path, help="another working copy, to compare with")
    args = options.parse_args()
    if not 0 < args.seconds <= 60:
        options.error("--seconds: up to 60")
    if args.other is not None and not (args.other / "chat.py").is_file():
        options.error("--other: there is no chat.py")
    with tempfile.TemporaryDirectory() as folder:
        sites = [Site("this", ROOT, Path(folder) / "this")]
        if args.other is not None:
            sites.append(Site("other", args.other.resolve(), Path(folder) / "other"))
        return measure_or_stop(Path(folder), sites, args.seconds, args.only)


def measure_or_stop(folder: Path, sites: list[Site], seconds: float, only: str) -> int:
    """Measure the sites; returns the exit status."""
    try:
        measure(folder, sites, seconds, only)
    except Broken as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


def measure(folder: Path, sites: list[Site], seconds: float, only: str) -> None:
    unit_port = free_port()
    unit_arguments = ["-c", "bench/unit.py", "-b", f"127.0.0.1:{unit_port}", "bench.unit:app"]
    unit = Work("unit", itertools.repeat((get("/"), b"")), lambda head, body, _: len(body) == SIZE)
    with ExitStack() as running:
        running.enter_context(served(unit_arguments, "/", folder / "unit.log", PORT=str(unit_port)))
        for site in sites:
            site.start(running)
        names = [work.name for work in sites[0].works if only in work.name]
        units = [measured(unit_port, unit, seconds)]
        rows: list[Row] = []
        try:
            for number, name in enumerate(names):
                rows += in_turns(name, sites, seconds)
                if number % 2 or number == len(names) - 1:
                    units.append(measured(unit_port, unit, seconds))
        finally:
            # A wrong answer stops the run; what was measured before it is told all the same.
            report(units, rows)
            for site in sites:
                used = ", ".join(f"{size / 2**20:.0f} MB {how}" for how, size in memory(site.master).items())
                print(f"memory of {site.name}, master and one worker: {used}")
    if POST in names:
        for site in sites:
            count_again(site.database, site.posted)


def in_turns(name: str, sites: list[Site], seconds: float) -> list[Row]:
    """Measure a work at each site, in turns where there are two."""
    rows = [Row(name, site.name) for site in sites]
    turns = TURNS if len(sites) > 1 else 1
    for _ in range(turns):
        for site, row in zip(sites, rows, strict=True):
            [work] = [work for work in site.works if work.name == name]
            run(site.port, work.requests, work.right, WARM_UP)
            before = processor_seconds(site.master)
            result = run(site.port, work.requests, work.right, seconds / turns)
            row.add(result, processor_seconds(site.master) - before)
    return rows


def measured(port: int, work: Work, seconds: float) -> Result:
    run(port, work.requests, work.right, WARM_UP)
    return run(port, work.requests, work.right, seconds)


# The works

POST = "post a message"


def works_of(port: int, large: int, ids: list[int], posted: Posted) -> list[Work]:
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
                    (page(f"/chats/{large}?before={ids[at]}", cookie), no_before(at))
                    for at, cookie in zip(anchors, itertools.cycle(sessions), strict=False)
                ]
            ),
            shows_page,
        ),
        Work(
            f"the {PAGE} before one, by API",
            cycle(
                [
                    (get(f"/api/messages?chat_id={large}&before={ids[at]}&limit={PAGE}", bearer(token)), no_before(at))
                    for at, token in zip(anchors, itertools.cycle(tokens), strict=False)
                ]
            ),
            lists_page,
        ),
        Work("the list of chats", cycle([(page("/", cookie), b"Everybody") for cookie in sessions]), shows),
        Work(
            f"search, newest {HITS} hits",
            cycle([(get(f"/api/search?q={crowd.COMMON}&limit={HITS}", bearer(token)), b"") for token in tokens]),
            lambda head, body, _: ok(head) and body.count(b'"snippet"') == HITS,
        ),
        Work(POST, posts(large, tokens, posted), lambda head, body, needle: created(head) and needle in body),
    ]


def cycle(requests: list[Request]) -> Iterator[Request]:
    return itertools.cycle(requests)


def posts(chat: int, tokens: list[bytes], posted: Posted) -> Iterator[Request]:
    headers = [bearer(token) + b"Content-Type: application/json\r\n" for token in tokens]
    for number in itertools.count():
        text = f"{posted.beginning}{number} about the garden and what is left of the week"
        body = json.dumps({"chat_id": chat, "text": text}).encode()
        posted.sent = number + 1
        yield (
            request("POST", "/api/messages", headers[number % len(headers)], body),
            f"{posted.beginning}{number} ".encode(),
        )


def no_before(at: int) -> bytes:
    """What the message right above the one at this place begins with."""
    return f"No. {at - 1}: ".encode()


def ok(head: bytes) -> bool:
    return head.startswith(b"http/1.1 200")


def created(head: bytes) -> bool:
    return head.startswith(b"http/1.1 201")


def shows(head: bytes, body: bytes, needle: bytes) -> bool:
    return ok(head) and needle in body


def shows_page(head: bytes, body: bytes, needle: bytes) -> bool:
    return ok(head) and needle in body and body.count(b'id="message-') >= PAGE


def lists_page(head: bytes, body: bytes, needle: bytes) -> bool:
    return ok(head) and needle in body and body.count(b'"html":') == PAGE


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


def report(units: list[Result], rows: list[Row]) -> None:
    rates = [unit.rate for unit in units]
    cal = sum(rates) / len(rates)
    noise = (max(rates) - min(rates)) / cal
    print(f"1 cal = {cal:,.0f} requests/s, measured {len(rates)} times, {noise:.0%} from lowest to highest")
    if SERVER_CORE == LOAD_CORE:
        print("server and load shared one core: the ratios say little")
    columns = "".join(f"{name:>9}" for name in ("cal", "cpu ms", "p50 ms", "p99 ms", "bytes", "count"))
    print(f"\n{'work':32}{'':11}{'requests/s':>12}{columns}")
    for row in rows:
        result = row.result
        size = result.received // len(result.times)
        print(
            f"{row.work:32}{row.site:11}{result.rate:12,.0f}{result.rate / cal:9.3f}{row.milliseconds:9.2f}"
            f"{result.at(0.5) * 1000:9.2f}{result.at(0.99) * 1000:9.2f}{size:9,}{len(result.times):9,}"
        )
    print()
    for this, other in itertools.pairwise(rows):
        if this.work == other.work:
            rate, processor = this.result.rate / other.result.rate, this.milliseconds / max(other.milliseconds, 1e-9)
            both = f"{this.site} / {other.site}"
            print(f"{this.work:32}{both}: {rate:.2f} of the requests, {processor:.2f} of the processor time")


def count_again(database: Path, posted: Posted) -> None:
    stored, found = crowd.counted(database, posted.beginning)
    print(f"posted and acknowledged {posted.sent:,}; in the database {stored:,}, found by search {found:,}")
    if not posted.sent == stored == found:
        raise Broken("the messages in the database are not those that were acknowledged")


if __name__ == "__main__":
    sys.exit(main())
