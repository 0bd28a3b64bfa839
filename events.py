"""The live stream's door: who may listen, and the way their connection goes from there.

With a stream process beside the workers the connection itself is handed to it, and no thread is held. Where that
can't be (TLS ended in gunicorn, Werkzeug's server, a system without the means) a few threads serve the same
stream by looking into the log again and again; typing and presence are told by the stream process alone.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, g, request

import live
import openapi
from api import NOTHING, A, api, speaks
from auth import listener_required
from models import Membership
from stream.log import STILL_HERE, Log, greeting, retry, told

journal = logging.getLogger("flask_chat")

LOOK_EVERY = 0.5
EVENTS_AT_ONCE = 100


class Here:
    """What streams need that this process serves itself; handed in at the start."""

    path = ""
    key = b""
    heartbeat = 15.0
    room = threading.BoundedSemaphore(1)

    @staticmethod
    def is_serving() -> bool:
        """Whether the worker is not about to stop."""
        return True


def serve(path: str, key: bytes, threads: int, heartbeat: float) -> None:
    """Hand in the database, the key of the cursors, how many threads there are (half of them may stream), and after
    how many seconds of silence a stream shows that it lives.
    """
    Here.path, Here.key, Here.heartbeat = path, key, heartbeat
    Here.room = threading.BoundedSemaphore(max(1, threads // 2))


def mark() -> None:
    """Note where the log is before a page is made: its live stream goes on from there, and nothing is missed."""
    is_page = request.headers.get("Sec-Fetch-Dest") == "document"
    if not is_page or request.blueprint in (None, "api", "assets", "files"):
        return
    try:
        log = Log(Here.path, Here.key)
    except sqlite3.Error:
        # The page loads afresh what it shows, once it is connected.
        return
    try:
        g.cursor = log.cursors.word(log.end())
    finally:
        log.close()


@api.get("/events")
@listener_required
def listen() -> Response:
    """What happens, as it happens: text/event-stream, gone on with after `Last-Event-ID`."""
    cursor = request.headers.get("Last-Event-ID") or request.args.get("last_event_id")
    user_id, login_id = g.listener
    return EventStream(user_id, login_id, cursor, f"{g.request_id} {request.method} {request.path}", g.began)


openapi.describe(listen, openapi.Operation(A(200, type="text/event-stream"), resumed=True, errors=(429,)))


@api.post("/chats/<int:chat_id>/typing")
@speaks(A(204), errors=(404,))
def typing(chat_id: int) -> Any:
    """Say that one is typing; passed on at most once a second."""
    live.typing(Membership.of(g.user, chat_id).chat_id, g.user.id)
    return NOTHING


class EventStream(Response):
    """An answer that ends as one of the stream process's connections.

    Which answer it is is known late: `line` and `began` are for the log, written by whoever gives it.
    """

    def __init__(self, user_id: int, login_id: int, cursor: str | None, line: str, began: float) -> None:
        super().__init__(content_type="text/event-stream")
        self.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.user_id, self.login_id, self.cursor = user_id, login_id, cursor
        self.line, self.began = line, began

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        # Not earlier: only now are the headers final, and an error before this was an ordinary answer.
        if environ["REQUEST_METHOD"] != "HEAD":
            sock = environ.get("gunicorn.socket")
            if not live.is_served() or type(sock) is not socket.socket:
                self.response = watched(self.user_id, self.login_id, self.cursor)
            elif live.hand_over(sock, self.whose(), self.head(environ)):
                return let_go(sock, start_response)
            else:
                # Not 503: EventSource gives up for good on any status but 200.
                self.response = [retry(random.randint(500, 2500))]
        journal.info("%s %d %.0fms", self.line, self.status_code, (time.perf_counter() - self.began) * 1000)
        return super().__call__(environ, start_response)

    def whose(self) -> dict[str, Any]:
        """What the stream process is to know."""
        whose = {"user": self.user_id, "login": self.login_id, "cursor": self.cursor}
        return {**whose, "line": self.line, "began": self.began}

    def head(self, environ: Any) -> bytes:
        """The header lines, but those that depend on whether it becomes a stream."""
        kept = [
            f"{name}: {value}\r\n"
            for name, value in self.get_wsgi_headers(environ)
            if name not in ("Content-Type", "Content-Length", "Connection")
        ]
        # The body ends with the connection, in HTTP/1.0 and 1.1 alike.
        return ("".join(kept) + "Connection: close\r\n").encode("latin-1")


def let_go(sock: socket.socket, start_response: Any) -> list[bytes]:
    """Leave the worker a dead socket in the place of the one that was handed over.

    What gunicorn still does with it (an answer, a graceful end by shutdown(2)) would reach the client through any
    copy; so it reaches nobody.
    """
    dummy, peer = socket.socketpair()
    peer.close()
    with dummy:
        os.dup2(dummy.fileno(), sock.fileno(), inheritable=False)
    start_response("200 OK", [])
    return []


def watched(user_id: int, login_id: int, cursor: str | None) -> Iterator[bytes]:
    """The stream from this thread. With too many already: what was missed, and an end; the client comes again."""
    has_room = Here.room.acquire(blocking=False)
    try:
        yield retry(random.randint(1000, 3000))
        yield from looked_up(user_id, login_id, cursor, Here.is_serving if has_room else lambda: False)
    finally:
        if has_room:
            Here.room.release()


def looked_up(user_id: int, login_id: int, cursor: str | None, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """A stream by looking into the log, each time in a connection of its own (rule 24)."""
    after, still = None, time.monotonic()
    while True:
        log = Log(Here.path, Here.key)
        try:
            with log.snapshot():
                if log.logins([login_id]).get(login_id, 0) <= time.time_ns() // 1000:
                    return
                text = b""
                if after is None:
                    start = log.start(user_id, cursor)
                    text, after = greeting(log, start), start.place.id
                events = log.seen_by(user_id, after, EVENTS_AT_ONCE)
                text += b"".join(told(log, event) for event in events)
        finally:
            log.close()
        after = events[-1].id if events else after
        if time.monotonic() - still >= Here.heartbeat:
            text, still = text + STILL_HERE, time.monotonic()
        if text:
            yield text
        if len(events) == EVENTS_AT_ONCE:
            continue
        if not goes_on():
            return
        time.sleep(LOOK_EVERY)
