"""What it costs to read requests that are made to be costly: processor time and memory, each in its own process.

    .venv/bin/python -m bench.parsing

No line may say more than 0.3 s or 64 MB.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

import models
from actions import accounts, chats
from chat import create_app
from config import Settings
from models import password as passwords

# Sends a request; returns the answer's status and body.
Work = Callable[[], tuple[int, bytes]]

SECONDS, MEGABYTES = 0.3, 64
PASSWORD = "correct horse battery"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary="


def part(head: bytes, body: bytes = b"1", boundary: bytes = b"b") -> bytes:
    return b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + body + b"\r\n"


def field(name: str, value: bytes = b"1") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"'.encode(), value)


def file_head(more: str = "") -> bytes:
    return f'Content-Disposition: form-data; name="files"; filename="x.txt"{more}'.encode()


END = b"--b--\r\n"
CONTINUATIONS = "".join(f"; filename*{n}=x" for n in range(100_000))
# Bodies for POST /api/messages, which takes the largest of all.
BODIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "36 MB of part headers": (
        MULTIPART + "b",
        lambda: b"".join(part(b"a:\r\n" * 45_000 + file_head()) for _ in range(199)) + END,
    ),
    "a part of 1 MB of headers": (MULTIPART + "b", lambda: part(b"a:\r\n" * 250_000 + file_head()) + END),
    "one header of 1 MB": (MULTIPART + "b", lambda: part(b"a: " + b"x" * 1_000_000 + b"\r\n" + file_head()) + END),
    "a header that goes on for 1 MB": (MULTIPART + "b", lambda: part(b"a: x\r\n" + b" \r\n" * 300_000) + END),
    "1 MB of parameters": (MULTIPART + "b", lambda: part(file_head("; a=b" * 200_000)) + END),
    "100,000 continuations of a name": (MULTIPART + "b", lambda: part(file_head(CONTINUATIONS)) + END),
    "quotation marks and backslashes": (MULTIPART + "b", lambda: part(file_head(';a="' + '\\"' * 400_000)) + END),
    "200 fields of 1 MB": (MULTIPART + "b", lambda: b"".join(field("text", b"x" * 999_000) for _ in range(199)) + END),
    "1,000,000 empty parts": (MULTIPART + "b", lambda: b"--b\r\n\r\n\r\n" * 1_000_000 + END),
    "1,000,000 fields": (MULTIPART + "b", lambda: field("a") * 1_000_000 + END),
    "199 files": (MULTIPART + "b", lambda: part(file_head()) * 199 + END),
    "60 MB of line ends in a file": (MULTIPART + "b", lambda: part(file_head(), b"\r\n" * 30_000_000) + END),
    "60 MB of near boundaries in a file": (MULTIPART + "b", lambda: part(file_head(), b"\r\n--a" * 12_000_000) + END),
    "60 MB of all but boundaries in a file": (
        MULTIPART + "b",
        lambda: part(file_head(), b"\r\n--b\r" * 9_000_000) + END,
    ),
    "60 MB of boundaries with blanks": (MULTIPART + "b", lambda: part(file_head(), b"\r\n--b " * 9_000_000) + END),
    "60 MB before the first boundary": (MULTIPART + "b", lambda: b"--b " * 15_000_000),
    "60 MB after the last": (MULTIPART + "b", lambda: field("text") + END + b"x" * 60_000_000),
    "a boundary of 7,000 characters": (MULTIPART + "b" * 7_000, lambda: b"--" + b"b" * 6_999 * 9_000),
    "a form of 500,000 fields": (FORM, lambda: b"a&" * 500_000),
    "a form of 250,000 fields with escapes": (FORM, lambda: b"%41&" * 250_000),
    "a JSON list of 500,000 numbers": (JSON, lambda: b'{"text":[' + b"1," * 499_000 + b"1]}"),
    "JSON with 80,000 unknown fields": (JSON, lambda: json.dumps({f"a{n}": 1 for n in range(80_000)}).encode()),
    "JSON with 60,000 fields of a member": (
        JSON,
        lambda: json.dumps({"text": {f"a{n}": {} for n in range(60_000)}}).encode(),
    ),
    "JSON of empty objects": (JSON, lambda: b'{"text":[' + b"{}," * 340_000 + b"1]}"),
    "a JSON number of 990,000 digits": (JSON, lambda: b'{"chat_id":' + b"9" * 990_000 + b"}"),
}
MEMBERS = b'{"title":"x","members":[' + b"1," * 499_000 + b"1]}"
NAMES = b'{"title":"x","members":[' + b'"a",' * 240_000 + b'"b"]}'
# Headers as long as a whole head may be (lib/worker/arrival.py).
HEAD_MAX = 2**16
SHORTEST = ("Cookie a;", "Accept-Language a,", "Accept-Encoding a,", "Accept a,", "If-None-Match a,", "If-Match a,")
HEADERS: dict[str, str] = {
    **{f"{name} ": item * 40_000 for name, item in map(str.split, SHORTEST)},
    "Cookie": "a=b; " * 160_000,
    "Accept-Language": "ru-RU;q=0.1," * 65_000,
    "Accept-Encoding": "gzip;q=0.1," * 70_000,
    "Accept": "a/b;c=d;q=0.1," * 57_000,
    "Range": "bytes=" + "1-2," * 200_000,
    "If-None-Match": '"x",' * 200_000,
    "If-Range": '"x",' * 200_000,
    "Authorization": "Bearer " + "a." * 400_000,
    "Cache-Control": "a=b," * 200_000,
    "X-Forwarded-For": "1.2.3.4," * 100_000,
    "Last-Event-ID": "x" * 800_000,
    "Referer": "http://localhost/" + "/" * 800_000,
    "User-Agent": "x" * 800_000,
    "Content-Type": "multipart/form-data" + "; a=b" * 160_000,
}


class Place:
    """A messenger with one person in it, and their chat."""

    def __init__(self, folder: Path) -> None:
        keys = {"SECRET_KEY": os.urandom(32).hex(), "JWT_SECRET_KEY": os.urandom(32).hex()}
        where = {"DATABASE_URL": f"sqlite:///{folder / 'chat.db'}", "MEDIA_DIR": str(folder / "media")}
        settings = Settings.read({**keys, **where, "PROXY_COUNT": "1"}, folder / "none")
        passwords.hashing.rounds = 4
        self.app: Flask = create_app(replace(settings, rate_limits=False))
        models.migrate()
        self.chat_id = chats.start(accounts.register("ann", PASSWORD), "Garden", []).chat.id
        sent = json.dumps({"username": "ann", "password": PASSWORD}).encode()
        self.token = json.loads(self.ask("POST", "/api/users/login", sent, JSON)[1])["token"]
        models.database.close()

    def ask(self, method: str, path: str, body: bytes = b"", type: str = "", **headers: str) -> tuple[int, bytes]:
        builder = EnvironBuilder(path=path, method=method, input_stream=BytesIO(body), content_length=len(body))
        environ = builder.get_environ()
        environ["CONTENT_TYPE"] = type
        for name, value in headers.items():
            key = name.strip().upper().replace("-", "_")
            environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        answer, status, _ = run_wsgi_app(self.app, environ, buffered=True)
        return int(status.split()[0]), b"".join(answer)

    def signed(self, method: str, path: str, body: bytes = b"", type: str = "", **headers: str) -> tuple[int, bytes]:
        return self.ask(method, path, body, type, **{"Authorization": f"Bearer {self.token}", **headers})


def measured(work: Work) -> tuple[int, float, float]:
    """An answer's status, the processor time and the megabytes that it took, in a process that is given up then."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        before = peak()
        began = sum(os.times()[:2])
        status, _ = work()
        spent = sum(os.times()[:2]) - began
        os.write(write, json.dumps([status, spent, peak() - before]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        result: list[Any] = json.loads(pipe.read() or "[0, 0, 0]")
    os.waitpid(child, 0)
    return result[0], result[1], result[2]


def peak() -> float:
    """The most memory that this process has had since it was last asked, in megabytes."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def cases(place: Place) -> dict[str, Work]:
    found: dict[str, Work] = {}
    for name, (type, make) in BODIES.items():
        found[name] = posting(place, "/login" if type == FORM else "/api/messages", make, type)
    for what, sent in (("numbers", MEMBERS), ("names", NAMES)):
        found[f"a chat with 250,000 or more {what}"] = partial(place.signed, "POST", "/api/chats", sent, JSON)
    for name, whole in HEADERS.items():
        for path in ("/login", "/static/css/base.css", "/api/users/me"):
            found[f"{name} to {path}"] = partial(place.signed, "GET", path, b"", "", **{name: whole[:HEAD_MAX]})
    found["4,000 arguments"] = lambda: place.signed("GET", "/api/search?" + "q=a&" * 2_000)
    found["a path of 8,000 marks"] = lambda: place.ask("GET", "/" + "/" * 8_000)
    found["a username of 8,000"] = lambda: place.signed("GET", "/users/" + "%CC%A3" * 1_300)
    return found


def posting(place: Place, path: str, make: Callable[[], bytes], type: str) -> Work:
    """Post what `make` makes."""
    return lambda: place.signed("POST", path, body(make), type)


PREPARED: dict[int, bytes] = {}


def body(make: Callable[[], bytes]) -> bytes:
    """A body that was made before its process began to be measured."""
    return PREPARED.get(id(make)) or make()


def main() -> int:
    logging.disable()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        wanted = sys.argv[1:]
        for name, work in cases(place).items():
            if wanted and not any(word in name for word in wanted):
                continue
            PREPARED.clear()
            if name in BODIES:
                PREPARED[id(BODIES[name][1])] = BODIES[name][1]()
            status, seconds, megabytes = measured(work)
            over = seconds > SECONDS or megabytes > MEGABYTES or status >= 500 or not status
            bad += over
            print(f"{'OVER' if over else 'ok':4}  {seconds:6.2f} s  {megabytes:6.0f} MB  {status}  {name}", flush=True)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
