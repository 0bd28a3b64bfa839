"""A server's web workers, each asked by a connection of its own; and people who ask a worker of their choice."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from databases import databases
from people import PASSWORD
from servers import Server

import models
from actions import accounts
from models import password as passwords

# A worker closes a connection that was idle for 15 seconds.
IDLE_SECONDS = 8
AT_ONCE = 8
TYPE = "application/x-www-form-urlencoded"


def with_accounts(folder: Path, people: dict[str, str], **environment: str) -> Server:
    """A server with accounts, names by usernames, whose passwords cost little to check."""
    folder.mkdir(exist_ok=True)
    passwords.hashing.rounds = 4
    keys = {"SECRET_KEY": secrets.token_hex(32), "JWT_SECRET_KEY": secrets.token_hex(32)}
    passwords.use_key(keys["SECRET_KEY"])
    models.open_database(databases.url_in(folder))
    models.use(folder / "media", throttled=False)
    models.migrate()
    with models.write():
        for username, name in people.items():
            accounts.change(accounts.register(username, PASSWORD, name), language="en")
    models.database.close_all()
    return Server(folder, **keys, **environment)


class Workers:
    """A kept-alive connection to each web worker of a server. For one thread."""

    def __init__(self, server: Server, count: int) -> None:
        self.port, self.master, self.count = server.port, server.master.pid, count
        self.connections: list[http.client.HTTPConnection] = []
        self.used_at = 0.0

    def connection(self, worker: int) -> http.client.HTTPConnection:
        """The connection to a worker, by its number; to the same one as before unless that has ended."""
        if time.monotonic() - self.used_at > IDLE_SECONDS:
            self.connect()
        self.used_at = time.monotonic()
        return self.connections[worker]

    def connect(self) -> None:
        """Connect again and again until each worker has taken a connection."""
        self.close()
        found: dict[int, http.client.HTTPConnection] = {}
        for _ in range(50):
            opened = [http.client.HTTPConnection("127.0.0.1", self.port, timeout=60) for _ in range(AT_ONCE)]
            for connection in opened:
                connection.request("GET", "/healthz")
            for connection in opened:
                assert connection.getresponse().read()
                if found.setdefault(self.worker_of(connection), connection) is not connection:
                    connection.close()
            if len(found) == self.count:
                self.connections = [found[process] for process in sorted(found)]
                return
        raise AssertionError(f"only {len(found)} of {self.count} workers answered")

    def worker_of(self, connection: http.client.HTTPConnection) -> int:
        """The process at the other end of a connection."""
        ports = f":{self.port:04X}", f":{connection.sock.getsockname()[1]:04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        inode = next(line[9] for line in lines if line[1].endswith(ports[0]) and line[2].endswith(ports[1]))
        for process in Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split():
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with suppress(FileNotFoundError):
                    if os.readlink(descriptor) == f"socket:[{inode}]":
                        return int(process)
        raise AssertionError("no process has the connection")

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections = []
        self.used_at = 0.0


# What differs from answer to answer: nonces, CSRF tokens, idempotency keys, a stream's cursor, numbers of requests.
VARIES = (
    r"(nonce[=-]\"?)[\w-]+",
    r'(name="csrf[_-]token" (?:content|value)=")[^"]+',
    r'(name="key" value=")[^"]+',
    r'( cursor=")[^"]+',
    r"(<code[^>]*>)[0-9a-f]{8}(?=</code>)",
)


def normal(text: str) -> str:
    """A text without what differs from answer to answer."""
    for pattern in VARIES:
        text = re.sub(pattern, r"\1…", text)
    return text


@dataclass
class Answer:
    """An answer: its text without gzip; JSON as Python writes it, every letter as itself."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def csrf(self) -> str:
        """The CSRF token that stands on the page."""
        found = re.search(r'name="csrf[_-]token"[^>]*(?:content|value)="([^"]+)"', self.text)
        assert found, self.text
        return found[1]

    def value(self, field: str) -> str:
        """The value of a hidden field on the page."""
        found = re.search(rf'name="{field}" value="([^"]*)"', self.text)
        assert found, (field, self.text)
        return found[1]


class Browser:
    """Somebody's cookies, by which pages are asked for, and their token for the API."""

    def __init__(self, workers: Workers, **cookies: str) -> None:
        self.workers, self.cookies = workers, dict(cookies)
        self.username, self.token, self.id = "", "", 0
        self.needs_session = False

    def logs_in(self, username: str) -> Browser:
        """For a token now, and on the page when the first one is asked for."""
        self.username, self.token, self.needs_session = username, "", True
        signed_in = self.does("POST", "users/login", username=username, password=PASSWORD)
        self.token, self.id = signed_in["token"], signed_in["user"]["id"]
        return self

    def get(self, path: str, worker: int = 0, **headers: str) -> Answer:
        return self.ask("GET", path, worker, headers)

    def send(self, method: str, path: str, fields: dict[str, Any] | None = None, worker: int = 0) -> Answer:
        """Send a form to a page, or JSON to the API."""
        if path.startswith("/api/"):
            return self.ask(method, path, worker, {"Content-Type": "application/json"}, json.dumps(fields or {}))
        return self.ask(method, path, worker, {"Content-Type": TYPE}, urlencode(fields or {}))

    def does(self, method: str, path: str, **sent: Any) -> Any:
        """Change something by the API; returns what it answers. Fails when that is an error."""
        answer = self.send(method, f"/api/{path}", sent)
        assert answer.status < 300, (method, path, answer.status, answer.text)
        return answer.json if answer.text else None

    def submits(self, path: str, *, on: str, **fields: str) -> Answer:
        """Fill in the form that stands on a page, and send it."""
        answer = self.send("POST", path, {"csrf_token": self.get(on).csrf, **fields})
        assert answer.status == 302, (path, answer.status, answer.text)
        return answer

    def puts_picture(self, path: str, picture: bytes) -> Any:
        """Send a picture as the file of a multipart form."""
        head = '--B\r\nContent-Disposition: form-data; name="file"; filename="p.png"\r\nContent-Type: image/png\r\n\r\n'
        body = head.encode() + picture + b"\r\n--B--\r\n"
        answer = self.ask("PUT", f"/api/{path}", 0, {"Content-Type": "multipart/form-data; boundary=B"}, body)
        assert answer.status == 200, answer.text
        return answer.json

    def ask(
        self, method: str, path: str, worker: int, headers: dict[str, str], body: str | bytes | None = None
    ) -> Answer:
        """One request to one worker; X_Pane names the header X-Pane."""
        sent = self.headers(path, headers)
        connection = self.workers.connection(worker)
        connection.request(method, path, body, sent)
        return self.read(connection)

    def ask_all(self, path: str, **headers: str) -> list[Answer]:
        """The same question to each worker at once."""
        sent = self.headers(path, headers)
        connections = [self.workers.connection(worker) for worker in range(self.workers.count)]
        for connection in connections:
            connection.request("GET", path, None, sent)
        return [self.read(connection) for connection in connections]

    def headers(self, path: str, more: dict[str, str]) -> dict[str, str]:
        if self.needs_session and not path.startswith("/api/"):
            self.needs_session = False
            self.submits("/login", on="/login", username=self.username, password=PASSWORD)
        sent = {"Accept": "text/html", "Accept-Encoding": "gzip"}
        if path.startswith("/api/"):
            sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        else:
            sent["Sec-Fetch-Dest"] = "document"
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return sent | {name.replace("_", "-"): value for name, value in more.items()}

    def read(self, connection: http.client.HTTPConnection) -> Answer:
        answer = connection.getresponse()
        raw = answer.read()
        self.keep(answer.headers)
        text = (gzip.decompress(raw) if raw and answer.headers["Content-Encoding"] == "gzip" else raw).decode()
        if text and "json" in answer.headers.get("Content-Type", ""):
            text = json.dumps(json.loads(text), ensure_ascii=False)
        return Answer(answer.status, answer.headers, text)

    def keep(self, headers: http.client.HTTPMessage) -> None:
        """Take over the cookies of an answer."""
        for cookie in headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
