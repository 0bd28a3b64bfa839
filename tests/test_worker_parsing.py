"""The worker sees in a stream of bytes what gunicorn's own worker sees, wherever the network cuts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from ports import free_port
from servers import wait_for

from lib.worker.arrival import Arrival
from lib.worker.refusal import status_of

CFG = Config()
CFG.set("forwarded_allow_ips", "")
PEER = ("192.0.2.1", 4000)
TESTS = Path(__file__).parent

LINES = [
    b"GET / HTTP/1.1",
    b"POST /a?b=c HTTP/1.1",
    b"PUT /%61pi HTTP/1.1",
    b"HEAD /x HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"GET / HTTP/1.0",
    b"POST / HTTP/1.0",
    b"GET http://chat/api HTTP/1.1",
    b"CONNECT chat:80 HTTP/1.1",
    b"GET /  HTTP/1.1",
    b"GET / HTTP/2.0",
    b"get / HTTP/1.1",
    b"GET /\xff HTTP/1.1",
    b"GET",
    b"PRI * HTTP/2.0",
    b"GET / HTTP/1.1 ",
    b"\r\nGET / HTTP/1.1",
    b"\r\n\r\nGET / HTTP/1.1",
    b"GET /" + b"x" * 8200 + b" HTTP/1.1",
]
FIELDS = [
    b"Host: chat",
    b"Host: two",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Content-Length: 5",
    b"Content-Length: 05",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: \xb2",
    b"Content-Length: 0",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: Chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding:\x0bchunked",
    b"X: a\r\n b",
    b" X: a",
    b"X: a\nY: b",
    b"X: a\rY: b",
    b"X_Y: 1",
    b"X-Y: 2",
    b": empty",
    b"no colon",
    b"X: \x00",
    b"Expect: 100-continue",
    b"Expect: more",
    b"Upgrade: h2c",
    b"Content-Type: a/b",
    b"Content-Type: c/d",
    b"X: " + b"y" * 9000,
    b"Trailer: X",
]
BODIES = [
    b"",
    b"hello",
    b"hello world",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;a=b\r\nhello\r\n0\r\n\r\n",
    b'5 ;a="\\"b"\r\nhello\r\n0\r\n\r\n',
    b"5;a=b;;\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"005\r\nhello\r\n000\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\n0\n\n",
    b"5\r\nhelloxx0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"5\r\nhello\r\n0\r\nHost: y\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX: y\n\r\n\r\n",
    b"ffffffffffffffff\r\nhello",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n",
    b"1\r\nh\r\n" * 5 + b"0\r\n\r\n",
    b"4\r\n\r\n\r\n\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0;x=\ry\r\n\r\n",
    b"5;" + b"x" * 9000 + b"\r\nhello\r\n0\r\n\r\n",
]

message = st.builds(
    lambda line, fields, body: b"\r\n".join([line, *fields, b"", b""]) + body,
    st.sampled_from(LINES[:3]) | st.sampled_from(LINES),
    st.lists(st.sampled_from(FIELDS[:14]) | st.sampled_from(FIELDS), max_size=4),
    st.sampled_from(BODIES),
)


@st.composite
def good_messages(draw: st.DrawFn) -> bytes:
    """A request as it should be, with any bytes for its body."""
    body = draw(st.binary(max_size=40) | st.sampled_from(BODIES))
    fields = [b"Host: chat", *draw(st.lists(st.sampled_from([b"Expect: 100-continue", b"X: 1", b"X: 2"]), max_size=2))]
    if draw(st.booleans()):
        fields.append(b"Content-Length: %d" % len(body))
    else:
        fields.append(b"Transfer-Encoding: chunked")
        size = draw(st.integers(1, 50))
        extension = draw(st.sampled_from([b"", b"", b";a", b' ; a="b;c"']))
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        coded = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
        body = coded + b"0\r\n" + draw(st.sampled_from([b"", b"", b"X: y\r\n"])) + b"\r\n"
    return b"\r\n".join([b"POST /p HTTP/1.1", *fields, b"", body])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Requests one behind another, here and there with a byte that is wrong."""
    stream = bytearray(b"".join(draw(st.lists(good_messages() | message, min_size=1, max_size=4))))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(stream)))
        stream[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\0", b"0", b":", b";", b"a"])
        )
    return bytes(stream)


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({at % len(stream) for at in cuts} | {0}) if stream else []
    return [stream[begin:end] for begin, end in zip(places, [*places[1:], len(stream)], strict=True)]


Seen = tuple[list[Any], int | None]


def request_fields(request: Any, body: bytes) -> Any:
    return (
        request.method,
        request.uri,
        request.path,
        request.query,
        request.version,
        request.headers,
        request.trailers,
        body,
    )


def seen_by_gunicorn(pieces: list[bytes]) -> Seen:
    """The requests of a stream that ends, and the status of the error that ended it."""
    seen: list[Any] = []
    try:
        for request in RequestParser(CFG, iter(pieces), PEER):
            body = request.body.read()
            announced = dict(request.headers).get("CONTENT-LENGTH")
            if announced is not None and len(body) < int(announced):
                # The plain worker hands on what there is.
                return seen, 400
            seen.append(request_fields(request, body))
    except NoMoreData:
        # In a body: in a head what it would have been can't be known.
        return seen, 400 if seen_heads(pieces) > len(seen) else None
    except ParseException as error:
        return seen, status_of(error)
    return seen, None


def seen_heads(pieces: list[bytes]) -> int:
    heads = 0
    try:
        for request in RequestParser(CFG, iter(pieces), PEER):
            heads += 1
            request.body.read()
    except NoMoreData:
        pass
    return heads


def seen_by_us(pieces: list[bytes]) -> Seen:
    seen: list[Any] = []
    arrival = Arrival(CFG, PEER)
    try:
        for piece in pieces:
            arrival.feed(piece)
            while arrival.is_ready():
                if arrival.is_large:
                    # Longer than any stream here: it is cut.
                    return seen, 400
                request = arrival.take(lambda size: b"")
                seen.append(request_fields(request, request.body.read()))
                if request.should_close():
                    return seen, None
                arrival.clear()
    except (ParseException, NoMoreData) as error:
        return seen, status_of(error)
    return seen, 400 if arrival.request is not None else None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams(), st.lists(st.integers(0, 20_000), max_size=12))
@example(
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /a HTTP/1.1\r\n\r\n", []
)
@example(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n", [])
def test_a_stream_means_the_same_wherever_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    whole = seen_by_us(cut(stream, []))
    assert seen_by_us(cut(stream, cuts)) == whole
    assert seen_by_us([stream[at : at + 1] for at in range(len(stream))][:1500]) == seen_by_us([stream[:1500]])
    if stream.count(b"1\r\nx\r\n") < 4096:
        assert whole == seen_by_gunicorn(cut(stream, cuts))


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """gunicorn's own threaded worker and the app's, each with the same app."""
    started = []
    for kind in ("gthread", "lib.worker.worker.Worker"):
        port = free_port()
        command = [
            "-k",
            kind,
            "--threads",
            "2",
            "-b",
            f"127.0.0.1:{port}",
            "--no-control-socket",
            "--graceful-timeout",
            "1",
        ]
        log = (tmp_path_factory.mktemp("log") / "log").open("wb")
        path = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
        run = [sys.executable, "-m", "gunicorn", *command, "echo:app"]
        started.append((port, subprocess.Popen(run, cwd=TESTS, env=path, stdout=log, stderr=log), log))
    for port, _, log in started:
        wait_for(
            lambda port=port: raw_response(port, [b"GET / HTTP/1.0\r\n\r\n"]) != b"",
            lambda log=log: Path(log.name).read_text(),
        )
    yield [port for port, _, _ in started]
    for _, process, log in started:
        process.terminate()
        process.wait(30)
        log.close()


def raw_response(port: int, pieces: list[bytes]) -> bytes:
    """All that comes back on a connection whose client says this and no more."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(0.001)
            sock.shutdown(socket.SHUT_WR)
            while came := sock.recv(2**16):
                answer += came
    except OSError:
        # It was closed with something unread, after an error.
        pass
    return answer


def answers(raw: bytes) -> list[tuple[bytes, bytes]]:
    """The status of each answer, and what the app saw for those that came from it."""
    found = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        status = head.split(b" ")[1]
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        size = int(length[1]) if length else 0
        if status != b"100":
            found.append((status, raw[:size] if status == b"200" else b""))
        raw = raw[size:]
    return found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(streams(), st.lists(st.integers(0, 20_000), max_size=4))
def test_the_same_answers_come_over_the_network(ports: list[int], stream: bytes, cuts: list[int]) -> None:
    seen, status = seen_by_us([stream])
    # An answer to HEAD says how long it would be; and of what is cut short the plain worker hands on what there is.
    assume(status != 400 or seen_by_gunicorn([stream + b"\r\n\r\n" * 40])[1] == 400)
    assume(not any(request[0] == "HEAD" for request in seen))
    gunicorn_answers, our_answers = (answers(raw_response(port, cut(stream, cuts))) for port in ports)
    assert our_answers == gunicorn_answers
    assert [int(status) for status, _ in our_answers] == [200] * len(seen) + ([status] if status else [])
