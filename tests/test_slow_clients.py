"""Nobody waits for a client that sends or reads slowly, and whoever sends nonsense is told so."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from echo import FILE
from ports import free_port
from servers import Server, wait_for
from streams import Listeners

from lib.worker.client import TooSlow, wait
from lib.worker.pace import GRACE, RATE, STALL, Pace
from lib.worker.refusal import is_for_programs

TESTS = Path(__file__).parent
HEAD = b"GET /login HTTP/1.1\r\nHost: chat\r\nX-Slow: "
BODY = b"POST /login HTTP/1.1\r\nHost: chat\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\na"
CHUNKS = b"POST /login HTTP/1.1\r\nHost: chat\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
# More than is waited for; what has not come of it holds nobody up either.
LARGE = b"POST /login HTTP/1.1\r\nHost: chat\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\nab" % 2**22
LARGE_UPLOAD = (
    b"POST /api/messages HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer x\r\nContent-Length: 9999999\r\n\r\na"
)
ASK = b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


def exchange(port: int, words: bytes, ends: bool = False) -> bytes:
    """All that is answered until the server ends the connection."""
    with connect(port) as sock:
        sock.sendall(words)
        if ends:
            sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(2**16), b""))


def answer_on(sock: socket.socket) -> bytes:
    """The next answer of a connection that stays open: its head."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        came = sock.recv(1)
        assert came, head
        head += came
    found = re.search(rb"\r\nContent-Length: (\d+)", head)
    size = int(found[1]) if found else 0
    while size:
        size -= len(sock.recv(size))
    return head


def is_open(sock: socket.socket) -> bool:
    """Whether the server has neither answered nor ended this connection."""
    poll = select.poll()
    if sock.fileno() >= 0:
        poll.register(sock, select.POLLIN)
    return sock.fileno() >= 0 and not poll.poll(0)


class Slow:
    """Clients that send a byte every now and then, say a beginning and no more, or nothing at all.

    One that the server ends comes again at once.
    """

    def __init__(self, port: int, beginnings: list[bytes], drip: bytes = b"") -> None:
        self.port, self.beginnings, self.drip = port, beginnings, drip
        self.ended = threading.Event()
        self.sockets = [self.begin(words) for words in beginnings]
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()

    def begin(self, words: bytes) -> socket.socket:
        sock = connect(self.port)
        sock.sendall(words)
        return sock

    def go_on(self) -> None:
        while not self.ended.wait(0.2):
            for place, sock in enumerate(self.sockets):
                try:
                    if self.drip:
                        sock.send(self.drip)
                    if is_open(sock):
                        continue
                except OSError:
                    pass
                sock.close()
                with contextlib.suppress(OSError):
                    self.sockets[place] = self.begin(self.beginnings[place])

    def open(self) -> int:
        return sum(is_open(sock) for sock in self.sockets)

    def __enter__(self) -> Slow:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        for sock in self.sockets:
            sock.close()


def test_slow_and_silent_clients_hold_nobody_up(server: Server) -> None:
    drips = [HEAD, BODY, CHUNKS, LARGE, LARGE_UPLOAD] * 16
    with Slow(server.port, drips, b"x") as drippers, Slow(server.port, [b""] * 100 + [HEAD] * 500) as silent:
        for _ in range(20):
            for path in ("/healthz", "/login", "/static/css/base.css", "/api/chats"):
                answer = requests.get(server.url + path, timeout=60)
                assert answer.status_code in (200, 401, 404), path
        # They are still there, or have come again.
        wait_for(lambda: drippers.open() + silent.open() > 650, lambda: f"{drippers.open()}, {silent.open()}")
        for _ in range(20):
            assert requests.post(server.url + "/api/users/login", json={}, timeout=60).status_code == 422


class Echo:
    """The worker alone, with an app that says what it was given; one thread, so that nobody may hold it."""

    def __init__(self, folder: Path, *arguments: str, **attributes: int) -> None:
        self.port = free_port()
        config, self.log = folder / "conf.py", folder / "log"
        lines = [f"Worker.{name} = {value}\n" for name, value in attributes.items()]
        config.write_text("from lib.worker.worker import Worker\n" + "".join(lines) + "worker_class = Worker\n")
        run = ["-m", "gunicorn", "-c", str(config), "-b", f"127.0.0.1:{self.port}", "--threads", "1", *arguments]
        with self.log.open("wb") as log:
            self.master = subprocess.Popen(
                [sys.executable, *run, "--no-control-socket", "echo:app"],
                cwd=TESTS,
                env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
                stdout=log,
                stderr=log,
            )
        wait_for(self.answers, self.log.read_text)

    def answers(self) -> bool:
        assert self.master.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return exchange(self.port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")
        return False

    def stop(self) -> int:
        self.master.send_signal(signal.SIGTERM)
        return self.master.wait(30)


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Callable[..., Echo]]:
    started: list[Echo] = []

    def start(*arguments: str, **attributes: int) -> Echo:
        started.append(Echo(tmp_path, *arguments, **attributes))
        return started[-1]

    yield start
    for one in started:
        if one.master.poll() is None:
            one.stop()


def test_a_slow_reader_holds_no_thread(echo: Callable[..., Echo]) -> None:
    port = echo().port
    with contextlib.ExitStack() as readers:
        slow = [readers.enter_context(connect(port)) for _ in range(20)]
        for sock in slow:
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: chat\r\n\r\n" * 2)
            assert sock.recv(10) == b"HTTP/1.1 2"
        assert exchange(port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")
        # And whoever goes on reading gets everything, of the second answer, too.
        size, head = 0, b"HTTP/1.1 2"
        while size < 2 * FILE:
            came = slow[0].recv(2**18)
            assert came, size
            size += len(came)
        assert head


def test_a_slow_reader_of_a_part_of_a_file_holds_no_thread(server: Server, listeners: Listeners) -> None:
    ann = listeners("ann")
    chat = ann.asks("POST", "chats", title="Files")["id"]
    headers, data = ann.headers(), bytes(range(256)) * 2**15
    sent = requests.post(
        f"{server.url}/api/messages", data={"chat_id": chat}, files={"files": ("a", data)}, headers=headers, timeout=60
    )
    url = sent.json()["files"][0]["url"]
    with contextlib.ExitStack() as readers:
        for _ in range(20):
            slow = readers.enter_context(connect(server.port))
            lines = [
                f"GET {url} HTTP/1.1",
                "Host: chat",
                "Range: bytes=100-",
                f"Authorization: {headers['Authorization']}",
            ]
            slow.sendall("\r\n".join([*lines, "", ""]).encode())
            assert slow.recv(12) == b"HTTP/1.1 206"
        for asked in (slice(0, 1), slice(100, 300), slice(len(data) - 70_000, len(data)), slice(1, 3_000_000)):
            range_headers = {**headers, "Range": f"bytes={asked.start}-{asked.stop - 1}"}
            answer = requests.get(server.url + url, headers=range_headers, timeout=60)
            assert (answer.status_code, answer.content == data[asked]) == (206, True)
            assert answer.headers["Content-Range"] == f"bytes {asked.start}-{asked.stop - 1}/{len(data)}"


def test_an_address_has_so_many_connections(echo: Callable[..., Echo]) -> None:
    port = echo(connections_per_address=10).port
    with contextlib.ExitStack() as open_ones:
        idle = [open_ones.enter_context(connect(port)) for _ in range(10)]
        idle[0].sendall(ASK)
        answer_on(idle[0])
        for number in range(1, 10):
            # The newest is served in the place of the one that has been idle longest.
            newest = open_ones.enter_context(connect(port))
            newest.sendall(ASK)
            assert answer_on(newest).startswith(b"HTTP/1.1 200")
            wait_for(lambda number=number: sum(not is_open(sock) for sock in idle) == number, lambda: "none was ended")
            idle.append(newest)
        for sock in idle:
            sock.close()
        for _ in range(10):
            busy = open_ones.enter_context(connect(port))
            busy.sendall(b"GET /file HTTP/1.1\r\nHost: chat\r\n\r\n")
            assert busy.recv(10) == b"HTTP/1.1 2"
        # All of them wait for what they asked for: there is no room.
        refused = exchange(port, b"GET /api HTTP/1.1\r\nHost: chat\r\n\r\n")
        assert refused == b"" or refused.startswith(b"HTTP/1.1 429 ")


def test_behind_a_proxy_clients_count_and_the_proxy_does_not(echo: Callable[..., Echo]) -> None:
    port = echo(connections_per_address=10, proxies=1).port

    def half(address: str) -> bytes:
        # What the client itself wrote there counts for nothing.
        head = f"POST / HTTP/1.1\r\nHost: c\r\nX-Forwarded-For: 9.9.9.9, {address}\r\nContent-Length: 9\r\n\r\n"
        return head.encode() + b"half"

    with contextlib.ExitStack() as open_ones:

        def opened(words: bytes) -> socket.socket:
            sock = open_ones.enter_context(connect(port))
            sock.sendall(words)
            return sock

        silent = [opened(b"") for _ in range(30)]
        kept = [opened(ASK) for _ in range(30)]
        for sock in kept:
            assert answer_on(sock).startswith(b"HTTP/1.1 200")
        many = [opened(half(f"192.0.2.{number}")) for number in range(30)]
        one = [opened(half(f"2001:db8::{number:x}")) for number in range(10)]
        another = opened(half("2001:db8::1:1"))
        wait_for(lambda: not is_open(one[0]), lambda: "an address has eleven")
        assert all(is_open(sock) for sock in [*silent, *kept, *many, *one[1:], another])
        for sock in [*many, *one[1:], another]:
            sock.sendall(b" more")
            assert answer_on(sock).startswith(b"HTTP/1.1 200")


def unread(port: int) -> int:
    """How many bytes of its clients a server has not taken yet."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[4].partition(":")[2], 16) for row in rows if row[1].endswith(f":{port:04X}"))


def test_addresses_take_turns_at_the_threads(echo: Callable[..., Echo], tmp_path: Path) -> None:
    """Before: a thousand requests of one address, and everybody else waited until all of them were answered."""
    port, release = echo(proxies=1).port, tmp_path / "release"
    with contextlib.ExitStack() as open_ones:

        def ask(address: str, target: str) -> socket.socket:
            sock = open_ones.enter_context(connect(port))
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: c\r\nX-Forwarded-For: {address}\r\n\r\n".encode())
            wait_for(lambda: not unread(port), lambda: "nobody takes it")
            return sock

        asked = [ask("192.0.2.1", f"/hold?{release}"), *(ask("192.0.2.1", f"/many{number}") for number in range(20))]
        asked += [ask("2001:db8::1", "/v6"), ask("2001:db8::2", "/v6-same"), ask("192.0.2.2", "/v4")]
        release.touch()
        for sock in asked:
            assert answer_on(sock).startswith(b"HTTP/1.1 200")
    order = exchange(port, b"GET /order HTTP/1.0\r\n\r\n").decode().rpartition("\n")[2].split()
    order = order[order.index("/hold") + 1 :]
    assert order[:6] == ["/many0", "/v6", "/v4", "/many1", "/v6-same", "/many2"]


def test_a_full_server_makes_room_for_new_connections(echo: Callable[..., Echo]) -> None:
    port = echo("--worker-connections", "20").port
    with Slow(port, [HEAD] * 40):
        for _ in range(20):
            assert exchange(port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


def test_a_stop_waits_for_no_half_request(echo: Callable[..., Echo]) -> None:
    started = echo("--graceful-timeout", "300", "--timeout", "600")
    with Slow(started.port, [HEAD, BODY, CHUNKS], b"x"), Slow(started.port, [b"", b"\r\n", HEAD, BODY]):
        assert started.stop() == 0


def test_a_body_is_asked_for_where_it_is_awaited(server: Server) -> None:
    head = b"POST /api/users/login HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    with connect(server.port) as sock:
        sock.sendall(head + b"Content-Length: 2\r\n\r\n")
        assert answer_on(sock) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        assert answer_on(sock).startswith(b"HTTP/1.1 422 ")
        # One that is too large, for nothing.
        sock.sendall(head + b"Content-Length: 3000000\r\n\r\n")
        assert answer_on(sock).startswith(b"HTTP/1.1 413 ")


def test_requests_one_behind_another_are_answered_in_order(echo: Callable[..., Echo]) -> None:
    port = echo().port
    one = "POST /%d HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\n\r\nabc"
    other = "POST /%d HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    words = "".join((other if number % 2 else one) % number for number in range(100))
    response = exchange(port, words.encode() + b"GET /end HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n")
    assert re.findall(rb'"/(\d+|end)", "/', response) == [*(b"%d" % number for number in range(100)), b"end"]
    assert response.count(b'"abc"') == 100


def test_an_error_leaves_the_connection_for_the_next_request(server: Server) -> None:
    with connect(server.port) as sock:
        for size in (10, 100_000, 1_000_000):
            sock.sendall(b"POST /nope HTTP/1.1\r\nHost: chat\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            head = answer_on(sock)
            assert (head[:13], b"\r\nConnection: keep-alive" in head) == (b"HTTP/1.1 404 ", True)


UPLOAD = b"Authorization: Bearer x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
MALFORMED = {
    "no chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "no end of a chunk": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "no trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: x\r\n\r\n",
    "tiny chunks": b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n",
    "long extensions": b"Transfer-Encoding: chunked\r\n\r\n"
    + (b"1;" + b"x" * 8000 + b"\r\nx\r\n") * 300
    + b"0\r\n\r\n",
    "cut in a chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "cut after a chunk": b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "cut": b"Content-Length: 50\r\n\r\n{}",
    "cut and empty": b"Content-Length: 50\r\n\r\n",
    "cut and large": b"Content-Length: 5000000\r\n\r\n" + b"x" * 100_000,
    "large, cut in a chunk": b"Transfer-Encoding: chunked\r\n\r\n200000\r\n" + b"x" * 100_000,
    "huge": b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\nx",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_nobodys_fault_but_its_senders(server: Server, body: bytes) -> None:
    before = len(server.log.read_text())
    for path in (
        "/nope",
        "/healthz",
        "/static/x",
        "/static/css/base.css",
        "/login",
        "/api/nope",
        "/api/users/login",
        "/api/messages",
    ):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            head = f"{method} {path} HTTP/1.1\r\nHost: chat\r\n".encode()
            response = exchange(server.port, head + UPLOAD + body, ends=True)
            assert response[:10] in (b"HTTP/1.1 2", b"HTTP/1.1 4"), (method, path, response)
            if path.startswith("/api") and response.startswith(b"HTTP/1.1 4"):
                assert b"\r\nContent-Type: application/problem+json\r\n" in response
    assert "Traceback" not in server.log.read_text()[before:]


HEADS = {
    400: b"GET %s HTTP/1.1\r\nno field\r\n\r\n",
    414: b"GET %s" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    417: b"GET %s HTTP/1.1\r\nExpect: miracles\r\n\r\n",
    431: b"GET %s HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
    501: b"POST %s HTTP/1.1\r\nTransfer-Encoding: unknown\r\n\r\n",
    408: b"GET %s HTTP/1.1\r\nX-Slow:",
}
ERRORS = [(status, head) for status, head in HEADS.items()] + [
    (400, b"GET %s HTTP/7.0\r\n\r\n"),
    (400, b"GET %s HTTP/1.1\n\n"),
    (400, b"POST %s HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST %s HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    (431, b"GET %s HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n"),
    (431, b"GET %s HTTP/1.1\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 70),
    (408, b"POST %s HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell"),
]


@pytest.mark.parametrize(("status", "head"), ERRORS, ids=[f"{status} {head[-20:]!r}" for status, head in ERRORS])
def test_a_bad_request_is_answered_in_the_form_of_its_path(server: Server, status: int, head: bytes) -> None:
    for target, kind in ((b"/api/chats", b"application/problem+json"), (b"/", b"text/plain; charset=utf-8")):
        response = exchange(server.port, head.replace(b"%s", target))
        assert response.startswith(b"HTTP/1.1 %d " % status), response
        for line in (b"Content-Type: " + kind, b"X-Content-Type-Options: nosniff", b"Connection: close"):
            assert b"\r\n" + line + b"\r\n" in response
        assert b"<html" not in response


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        *(
            (target, True)
            for target in ("/api", "/api/", "/api/x?y", "/%61pi/x", "http://chat/api", "https://chat:1/api/x")
        ),
        *(
            (target, False)
            for target in ("/", "/apis", "/x/api", "*", "chat:80", "http://chat", "http://api/x", "", "?/api")
        ),
    ],
)
def test_whose_an_address_is(target: str, answer: bool) -> None:
    assert is_for_programs(target) is answer


def test_the_deadline_moves_with_the_bytes() -> None:
    pace = Pace()
    assert pace.deadline == pace.began + GRACE
    pace.count(100 * RATE)
    assert pace.deadline == min(pace.began + GRACE + 100, pace.last + STALL)
    pace.began -= 1_000
    here, there = socket.socketpair()
    with here, there, pytest.raises(TooSlow):
        wait(here, 1, pace)
