"""People who listen: a client of the live stream on a bare socket, and somebody with a token on a real server."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any

import jwt
import requests
from databases import rows_of
from people import PASSWORD
from servers import Server, wait_for

# One connection for all: what is measured is the stream, not a connection's beginning.
http = requests.Session()
LOGGED = ("message.", "chat.", "member.", "membership.", "read")


@dataclass(frozen=True)
class ReceivedEvent:
    """One event as a client gets it."""

    id: str
    type: str
    data: Any

    @property
    def is_logged(self) -> bool:
        return self.type.startswith(LOGGED)


@dataclass
class Reader:
    """Parse a stream's bytes into events, as EventSource does."""

    waiting: bytes = b""
    events: list[ReceivedEvent] = field(default_factory=list)
    comments: int = 0
    retry: int | None = None
    last_id: str | None = None

    def take(self, some: bytes) -> None:
        *blocks, self.waiting = (self.waiting + some).split(b"\n\n")
        for block in blocks:
            self._take_block(block.decode())

    def _take_block(self, block: str) -> None:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        self.comments += block.startswith(":")
        self.retry = int(fields.get("retry", self.retry or 0))
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            self.events.append(ReceivedEvent(fields["id"], fields["event"], json.loads(fields["data"])))


def connected(port: int, headers: dict[str, str], path: str = "/api/events", buffer: int = 0) -> socket.socket:
    """A connection on which a stream was asked for; with `buffer` one that takes so many bytes unread."""
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(60)
    try:
        sock.connect(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: chat\r\n{lines}\r\n".encode())
    return sock


def head_of(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers, and what of the body came with them."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        some = sock.recv(65_536)
        assert some, f"closed within the head: {raw!r}"
        raw += some
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers, body


class Stream:
    """An open stream; a thread reads on until it ends."""

    def __init__(self, port: int, headers: dict[str, str], path: str = "/api/events") -> None:
        self.sock = connected(port, headers, path)
        self.answer = HTTPResponse(self.sock)
        self.answer.begin()
        self.status, self.headers = self.answer.status, dict(self.answer.headers)
        self.reader = Reader()
        self.has_ended = False
        # As time.monotonic() returns it.
        self.ended_at = 0.0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with suppress(OSError, IncompleteRead):
            while some := self.answer.read1(65_536):
                self.reader.take(some)
        self.ended_at = time.monotonic()
        self.has_ended = True

    @property
    def events(self) -> list[ReceivedEvent]:
        return list(self.reader.events)

    @property
    def logged(self) -> list[ReceivedEvent]:
        return [event for event in self.events if event.is_logged]

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def all(self, type: str) -> list[Any]:
        return [event.data for event in self.events if event.type == type]

    def waits_for(self, condition: Callable[[Stream], bool]) -> None:
        wait_for(lambda: condition(self), lambda: f"ended: {self.has_ended}; {self.events}")

    def gets(self, type: str, **data: Any) -> None:
        """Wait for an event of a type with these among its data."""
        self.waits_for(lambda s: any(data.items() <= event_data.items() for event_data in s.all(type)))

    def ends(self) -> None:
        self.waits_for(lambda s: s.has_ended)

    def close(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(60)
        self.answer.close()
        self.sock.close()


class Listener:
    """Somebody with an account and a token on a real server."""

    def __init__(self, server: Server, username: str) -> None:
        self.server, self.username = server, username
        self.token = ""
        self.id: int = self.asks("POST", "users", username=username, password=PASSWORD)["id"]
        self.token = self.signs_in()
        self.open: list[Stream] = []

    def signs_in(self) -> str:
        token: str = self.asks("POST", "users/login", username=self.username, password=PASSWORD)["token"]
        return token

    def has_another_login(self) -> str:
        """A token such as the server gives, without the time that bcrypt takes for it."""
        secret, now = secrets.token_urlsafe(32), int(time.time())
        changed(
            self.server,
            "INSERT INTO session (user_id, kind, secret_hash, user_agent, address, remembered, created_at, seen_at, "
            "expires_at) VALUES (?, 'token', ?, '', '', FALSE, ?, ?, ?)",
            *(self.id, hashlib.sha256(secret.encode()).hexdigest(), *(now * 10**6,) * 2, (now + 3600) * 10**6),
        )
        claims = {"sub": str(self.id), "jti": secret, "iat": now, "exp": now + 3600}
        return jwt.encode(claims, self.server.environment["JWT_SECRET_KEY"], algorithm="HS256")

    def tries(self, method: str, path: str, **sent: Any) -> http.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return http.request(method, f"{self.server.url}/api/{path}", json=sent or None, headers=headers, timeout=60)

    def asks(self, method: str, path: str, **sent: Any) -> Any:
        answer = self.tries(method, path, **sent)
        assert answer.ok, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def headers(self, cursor: str | None = None) -> dict[str, str]:
        last = {"Last-Event-ID": cursor} if cursor is not None else {}
        return {"Authorization": f"Bearer {self.token}", **last}

    def listens(self, cursor: str | None = None, **headers: str) -> Stream:
        """Open a stream and wait for its hello."""
        stream = Stream(self.server.port, {**self.headers(cursor), **headers})
        assert stream.status == 200
        stream.waits_for(lambda s: s.types()[:1] == ["hello"])
        self.open.append(stream)
        return stream

    def disconnects(self) -> None:
        """Close every stream."""
        for stream in self.open:
            stream.close()
        self.open.clear()

    def starts(self, title: str, *others: Listener) -> int:
        chat: int = self.asks("POST", "chats", title=title, members=[other.username for other in others])["id"]
        return chat

    def posts(self, chat: int, text: str) -> int:
        message: int = self.asks("POST", "messages", chat_id=chat, text=text)["id"]
        return message


def rows(server: Server, sql: str, *values: Any) -> list[Any]:
    """Query the database."""
    with rows_of(server.database_url) as run:
        found: list[Any] = run(sql, *values)
    return found


def changed(server: Server, sql: str, *values: Any) -> None:
    rows(server, sql, *values)


def connections_of(process: int) -> int:
    """How many TCP connections a process holds, by its open descriptors."""
    links = []
    for path in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            links.append(os.readlink(path))
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    return sum(link.startswith("socket:") and link[8:-1] in inodes for link in links)


def written(person: Listener, chat: int, is_over: threading.Event) -> Iterator[tuple[int, str]]:
    """Post messages one after the other; yields the statuses with the texts."""
    for number in itertools.count():
        if is_over.is_set():
            return
        text = f"No. {number}"
        answer = person.tries("POST", "messages", chat_id=chat, text=text)
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) > 0
        yield answer.status_code, text
        time.sleep(0.02)


class Listeners:
    """People of one server, made when they are first called."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.people: dict[str, Listener] = {}

    def __call__(self, name: str) -> Listener:
        if name not in self.people:
            self.people[name] = Listener(self.server, name)
        return self.people[name]
