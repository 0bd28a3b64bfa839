"""What a slow client has not read yet of an answer in pieces waits on the disk; it holds no thread."""

from __future__ import annotations

import http.client
import json
import secrets
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from people import PASSWORD
from s3 import Gate, Trouble, environment_of
from servers import Server
from test_files import peak, send

from lib.worker import client
from lib.worker.client import ClientSocket, FilePart, spooled

PIECES = [bytes([number]) * 2**18 for number in range(40)]


@pytest.fixture
def ends() -> Iterator[tuple[ClientSocket, socket.socket]]:
    local, remote = socket.socketpair()
    with ClientSocket(local.detach()) as sock, remote:
        yield sock, remote


def received(sock: ClientSocket, remote: socket.socket, size: int) -> bytes:
    """Read as a client does, while the loop sends the rest."""
    parts: list[bytes] = []
    while size:
        while sock.unsent and select.select([], [sock], [], 0)[1]:
            sock.flush()
        parts.append(remote.recv(min(size, 2**20)))
        size -= len(parts[-1])
    return b"".join(parts)


def test_a_slow_client_gets_everything_in_order(ends: tuple[ClientSocket, socket.socket]) -> None:
    sock, remote = ends
    sock.sendall(b"head")
    with sock.spooling():
        for piece in PIECES:
            sock.sendall(piece)
    sock.sendall(b"tail")
    assert sock.unsent_bytes < client.SPOOLED_FROM + 2**19
    assert spooled.value > 8 * 2**20
    assert sum(isinstance(part, FilePart) for part in sock.unsent) == 1
    expected = b"head" + b"".join(PIECES) + b"tail"
    assert received(sock, remote, len(expected)) == expected
    assert (spooled.value, len(sock.unsent)) == (0, 0)


def test_a_client_that_reads_in_between_gets_everything_in_order(ends: tuple[ClientSocket, socket.socket]) -> None:
    sock, remote = ends
    expected = b"".join(PIECES)
    got = b""
    with sock.spooling():
        for number, piece in enumerate(PIECES):
            sock.sendall(piece)
            if number % 10 == 9:
                got += received(sock, remote, 2**21)
    assert got + received(sock, remote, len(expected) - len(got)) == expected
    assert spooled.value == 0


def test_nothing_stays_of_a_disconnected_client(ends: tuple[ClientSocket, socket.socket]) -> None:
    sock, _ = ends
    with sock.spooling():
        for piece in PIECES:
            sock.sendall(piece)
    assert spooled.value
    sock.close()
    assert spooled.value == 0


def test_a_full_spool_lets_the_thread_wait(
    ends: tuple[ClientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SPOOLED_MAX", 0)
    monkeypatch.setattr(client, "BACKLOG", 2**20)
    sock, remote = ends
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.extend(iter(lambda: remote.recv(2**20), b"")))
    reader.start()
    with sock.spooling():
        for piece in PIECES:
            sock.sendall(piece)
            assert sock.unsent_bytes <= 2**20
    assert spooled.value == 0
    while sock.unsent:
        sock.flush()
    sock.shutdown(socket.SHUT_WR)
    reader.join(60)
    assert b"".join(got) == b"".join(PIECES)


# A real server with a bucket


@pytest.fixture
def with_bucket(tmp_path: Path, bucket: dict[str, Any]) -> Iterator[Server]:
    server = Server(tmp_path, THREADS="3", **environment_of(bucket))
    yield server
    server.stop()


def asked(server: Server, method: str, path: str, body: Any, token: str = "", **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if not isinstance(body, bytes):
        headers["Content-Type"], body = "application/json", json.dumps(body).encode()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer_data = json.loads(answer.read())
    connection.close()
    assert answer.status < 300, answer_data
    return answer_data


def signed_in(server: Server) -> tuple[str, int]:
    """A token, and the id of a chat."""
    account = {"username": "ann", "password": PASSWORD}
    asked(server, "POST", "/api/users", account)
    token = asked(server, "POST", "/api/users/login", account)["token"]
    return token, asked(server, "POST", "/api/chats", {"title": "Garden"}, token)["id"]


def test_the_largest_file_adds_little_memory(with_bucket: Server) -> None:
    """25 MiB into the bucket and back: less than 10 MiB more at its peak."""
    token, chat_id = signed_in(with_bucket)
    small = send(with_bucket, token, chat_id, 1)
    assert fetched(with_bucket, small["url"], token) == 2**20
    before = peak(with_bucket)
    file = send(with_bucket, token, chat_id, 25)
    assert fetched(with_bucket, file["url"], token) == file["size"] == 25 * 2**20
    assert peak(with_bucket) - before < 10 * 1024


def fetched(server: Server, path: str, token: str) -> int:
    """How many bytes arrive."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    received = sum(len(part) for part in iter(lambda: answer.read(2**16), b""))
    connection.close()
    return received


Download = tuple[http.client.HTTPConnection, socket.socket, http.client.HTTPResponse]


def started_download(server: Server, path: str, token: str) -> Download:
    """A download by a client that takes little which it does not read."""
    connection, sock = http.client.HTTPConnection("127.0.0.1", server.port), socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    sock.settimeout(60)
    sock.connect(("127.0.0.1", server.port))
    connection.sock = sock
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    return connection, sock, connection.getresponse()


def read_to_the_end(download: Download) -> bytes:
    connection, sock, answer = download
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
    with closing(connection):
        return answer.read()


def test_slow_downloads_from_a_bucket_hold_no_thread_and_arrive_whole(with_bucket: Server) -> None:
    server = with_bucket
    token, chat_id = signed_in(server)
    content = secrets.token_bytes(24 * 2**20)
    form = (
        f'--b\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{chat_id}\r\n'
        '--b\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
    ).encode() + content + b"\r\n--b--\r\n"  # fmt: skip
    sent = asked(server, "POST", "/api/messages", form, token, **{"Content-Type": "multipart/form-data; boundary=b"})
    (file,) = sent["files"]
    downloads = [started_download(server, file["url"], token) for _ in range(4)]
    # More clients than threads read nothing of their answers, and others are served.
    assert asked(server, "GET", "/api/users/me", {}, token)["username"] == "ann"
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read_to_the_end, downloads)) == [content] * 4
    assert "Traceback" not in server.log.read_text()


def test_a_download_that_breaks_off_in_the_bucket_is_not_completed(with_bucket: Server, gate: Gate) -> None:
    token, chat_id = signed_in(with_bucket)
    file = send(with_bucket, token, chat_id, 3)
    gate.trouble = lambda method, path: Trouble(cut=2**21) if method == "GET" else None
    with pytest.raises(http.client.IncompleteRead):
        read_to_the_end(started_download(with_bucket, file["url"], token))
    assert "a download was cut: the bucket broke off" in with_bucket.log.read_text()
    assert "Traceback" not in with_bucket.log.read_text()
    gate.trouble = lambda method, path: None
    assert len(read_to_the_end(started_download(with_bucket, file["url"], token))) == 3 * 2**20
