"""A cached response sent by the worker's loop is the one that a thread gives, however the request arrives."""

from __future__ import annotations

import gzip
import random
import re
import secrets
import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import requests
from people import PASSWORD
from servers import Server

OTHER_LINES = ["GET {} HTTP/1.0", "HEAD {} HTTP/1.1", "POST {} HTTP/1.1", "GET http://chat{} HTTP/1.1"]
LINES = ["GET {} HTTP/1.1"] * 4 + OTHER_LINES
PATHS = ["/api/messages?chat_id=1", "/api/chats", "/api/search?q=week", "/api/messages?chat_id=2"]
FIELDS = [
    *("Accept-Encoding: gzip", "Accept-Encoding: identity", "Connection: close", "Connection: keep-alive"),
    *(
        "Content-Length: 0",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
        "Range: bytes=0-5",
    ),
    *("X-Pane: 1", "Accept-Language: ru", "If-None-Match: *", "X_Y: 1", "Script-Name: /x", "Host: two"),
]
BODIES = [b""] * 4 + [b"hello", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"]
# What differs from answer to answer.
OWN = re.compile(
    rb"(?<=\r\nDate: )[^\r]*|(?<=\r\nX-Request-ID: )\w+|(?<=\r\nContent-Length: )\d+|(?<=\r\nAllow: )[^\r]*"
)


class Place(NamedTuple):
    """The same messenger twice: answering on the loop, and by threads only; and what somebody signs in with."""

    loop: Server
    threads: Server
    token: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("on_loop")
    keys = {name: secrets.token_hex(32) for name in ("SECRET_KEY", "JWT_SECRET_KEY")}
    loop = Server(folder, **keys, RESPONSE_CACHE="on", CACHE_ON_LOOP="on")
    threads = Server(folder, **keys, RESPONSE_CACHE="on", CACHE_ON_LOOP="off")
    account = {"username": "ann", "password": PASSWORD}
    requests.post(f"{loop.url}/api/users", json=account, timeout=60)
    token = requests.post(f"{loop.url}/api/users/login", json=account, timeout=60).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    requests.post(f"{loop.url}/api/chats", json={"title": "Garden", "members": []}, headers=headers, timeout=60)
    for number in range(40):
        message = {"chat_id": 1, "text": f"No. {number}: what is left of the week in the garden"}
        requests.post(f"{loop.url}/api/messages", json=message, headers=headers, timeout=60)
    yield Place(loop, threads, token)
    loop.stop()
    threads.stop()


def exchanged(server: Server, pieces: list[bytes]) -> bytes:
    """All that a server sends to a client that sends this and then no more."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        for piece in pieces:
            sock.sendall(piece)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(2**16), b""))


def plain(received: bytes) -> list[bytes]:
    """The responses in what was received, unpacked, without what is each one's own."""
    responses = []
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length and not head.startswith(b"HTTP/1.1 100") else 0
        body, received = received[:size], received[size:]
        if b"Content-Encoding: gzip" in head and body:
            body = gzip.decompress(body)
        responses.append(OWN.sub(b"", head + end + body))
    return responses


def request(token: str, path: str = PATHS[0], line: str = LINES[0], fields: tuple[str, ...] = ()) -> bytes:
    head = [line.format(path), "Host: chat", f"Authorization: Bearer {token}", *fields, "", ""]
    return "\r\n".join(head).encode()


def test_the_loop_and_a_thread_give_the_same_answer(place: Place) -> None:
    chance = random.Random(7)
    cached = 0
    for _ in range(200):
        fields = tuple(chance.sample(FIELDS, chance.randrange(4)))
        whole = request(place.token, chance.choice(PATHS), chance.choice(LINES), fields)
        whole += chance.choice(BODIES)
        cut = chance.randrange(len(whole))
        pieces = [whole[:cut], whole[cut:]]
        # The second answer may be cached.
        first, again = plain(exchanged(place.threads, pieces)), plain(exchanged(place.loop, pieces))
        assert again == first, whole
        assert plain(exchanged(place.loop, pieces)) == first, whole
        # In one piece and byte for byte the same: it need not be parsed again.
        assert plain(exchanged(place.loop, [whole])) == plain(exchanged(place.loop, [whole])) == first, whole
        cached += first[0].startswith(b"HTTP/1.1 200")
    assert cached > 50


def test_requests_that_arrive_together_are_answered_in_order(place: Place) -> None:
    paths = [PATHS[0], "/healthz", "/api/chats", PATHS[0]] * 100
    received = plain(exchanged(place.loop, [b"".join(request(place.token, path) for path in paths)]))
    assert received == plain(b"".join(exchanged(place.threads, [request(place.token, path)]) for path in paths))


def test_a_client_that_does_not_read_delays_nobody_else(place: Place) -> None:
    with socket.create_connection(("127.0.0.1", place.loop.port), timeout=60) as lazy:
        for _ in range(500):
            lazy.sendall(request(place.token))
        for _ in range(5):
            assert b" 200 OK" in exchanged(place.loop, [request(place.token)])


def test_the_loop_answers_what_is_kept(place: Place) -> None:
    for server, at_least in ((place.loop, 5), (place.threads, 5)):
        before = server.log.read_text().count("cached")
        for _ in range(at_least + 1):
            exchanged(server, [request(place.token)])
        assert server.log.read_text().count("cached") - before >= at_least


def test_repeated_bytes_get_the_current_answer(place: Place) -> None:
    """On one connection, as a script that asks again and again."""
    account = {"username": "ann", "password": PASSWORD}
    token = requests.post(f"{place.loop.url}/api/users/login", json=account, timeout=60).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    with requests.Session() as session:

        def asks() -> requests.Response:
            return session.get(f"{place.loop.url}{PATHS[0]}", headers=headers, timeout=60)

        for number in range(3):
            for _ in range(3):
                newest = asks().json()["items"][-1]["text"]
            message = {"chat_id": 1, "text": f"still growing, {number}"}
            assert requests.post(f"{place.loop.url}/api/messages", json=message, headers=headers, timeout=60).ok
            assert newest != message["text"] == asks().json()["items"][-1]["text"]
        before = place.loop.log.read_text().count("cached")
        assert [asks().status_code for _ in range(3)] == [200] * 3
        assert place.loop.log.read_text().count("cached") - before >= 2
        assert requests.post(f"{place.loop.url}/api/users/logout", headers=headers, timeout=60).ok
        assert asks().status_code == 401
