"""The live stream's endpoint.

Where a stream process runs beside the workers, the connection is handed over to it and holds no thread. Where that is
impossible (TLS ends in gunicorn, Werkzeug's server, an unsupported system), a few threads serve the same stream by
polling the event log. Only the stream process sends typing and presence events.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, g, request

from api import NOTHING, api, openapi
from api.endpoint import endpoint
from api.openapi import Answer
from auth import listener_required
from models import Membership
from stream import client as stream_client
from stream.event_logs import FileLogs, ServerLogs, logs_of
from stream.process.log import HEARTBEAT, Position, event_frame, hello_frame, reset_frame, retry_frame

logger = logging.getLogger("flask_chat")

POLL_SECONDS = 0.5
EVENTS_AT_ONCE = 100


class Setup:
    """Settings of the streams that this process serves itself."""

    logs: FileLogs | ServerLogs
    heartbeat = 15.0
    slots = threading.BoundedSemaphore(1)

    @staticmethod
    def is_serving() -> bool:
        """Whether the worker is not about to stop."""
        return True


setup = Setup()


def serve(database: str, key: bytes, threads: int, heartbeat: float) -> None:
    """Set the database, the key of the cursors, the number of threads (half of them may stream), and the seconds
    between two heartbeats.
    """
    setup.logs, setup.heartbeat = logs_of(database, key), heartbeat
    setup.slots = threading.BoundedSemaphore(max(1, threads // 2))


def mark() -> None:
    """Note the log's position before a page is rendered, so that its live stream misses nothing."""
    is_page = request.headers.get("Sec-Fetch-Dest") == "document"
    if not is_page or request.blueprint in (None, "api", "assets", "files"):
        return
    # Without a cursor the page reloads its contents once it is connected.
    g.cursor = cursor()


def cursor() -> str:
    """The live stream's cursor of now; '' when the log can't be read."""
    try:
        with setup.logs.kept() as log:
            return log.cursors.cursor(log.end())
    except setup.logs.errors:
        return ""


@api.get("/events")
@listener_required
def listen() -> Response:
    """What happens, as it happens: text/event-stream, resumed after `Last-Event-ID`."""
    cursor = request.headers.get("Last-Event-ID") or request.args.get("last_event_id")
    user_id, login_id = g.listener
    return EventStream(user_id, login_id, cursor, f"{g.request_id} {request.method} {request.path}", g.began)


openapi.describe(listen, openapi.Operation(Answer(200, type="text/event-stream"), resumed=True, errors=(429,)))


@api.post("/chats/<int:chat_id>/typing")
@endpoint(Answer(204), errors=(404,))
def typing(chat_id: int) -> Any:
    """Say that one is typing; passed on at most once a second."""
    stream_client.typing(Membership.of(g.user, chat_id).chat_id, g.user.id)
    return NOTHING


class EventStream(Response):
    """A response whose connection is handed over to the stream process.

    `line` and `began` are for the request's log line, written by whichever process answers.
    """

    def __init__(self, user_id: int, login_id: int, cursor: str | None, line: str, began: float) -> None:
        super().__init__(content_type="text/event-stream")
        self.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.user_id, self.login_id, self.cursor = user_id, login_id, cursor
        self.line, self.began = line, began

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        # Not earlier: the headers are final only now, and an error before this gets an ordinary response.
        if environ["REQUEST_METHOD"] != "HEAD":
            sock = environ.get("gunicorn.socket")
            if not stream_client.is_served() or not isinstance(sock, socket.socket) or isinstance(sock, ssl.SSLSocket):
                self.response = poll_stream(self.user_id, self.login_id, self.cursor)
            elif stream_client.hand_over(sock, self.payload(), self.head(environ)):
                return replace_socket(sock, start_response)
            else:
                # Not 503: EventSource gives up for good on any status but 200.
                self.response = [retry_frame(random.randint(500, 2500))]
        logger.info("%s %d %.0fms", self.line, self.status_code, (time.perf_counter() - self.began) * 1000)
        return super().__call__(environ, start_response)

    def payload(self) -> dict[str, Any]:
        """The JSON that stream/process/inbox.py reads."""
        login = {"user": self.user_id, "login": self.login_id, "cursor": self.cursor}
        return {**login, "line": self.line, "began": self.began}

    def head(self, environ: Any) -> bytes:
        """The header lines, without those that depend on whether it becomes a stream."""
        kept = [
            f"{name}: {value}\r\n"
            for name, value in self.get_wsgi_headers(environ)
            if name not in ("Content-Type", "Content-Length", "Connection")
        ]
        # The body ends with the connection, in HTTP/1.0 and 1.1 alike.
        return ("".join(kept) + "Connection: close\r\n").encode("latin-1")


def replace_socket(sock: socket.socket, start_response: Any) -> list[bytes]:
    """Replace the socket that was handed over by a dead one.

    Whatever gunicorn still does with it (a response, shutdown(2)) would otherwise reach the client.
    """
    dummy, peer = socket.socketpair()
    peer.close()
    with dummy:
        os.dup2(dummy.fileno(), sock.fileno(), inheritable=False)
    start_response("200 OK", [])
    return []


def poll_stream(user_id: int, login_id: int, cursor: str | None) -> Iterator[bytes]:
    """Serve a stream from this thread. Without a free slot, send the missed events and end; the client reconnects."""
    has_room = setup.slots.acquire(blocking=False)
    try:
        yield retry_frame(random.randint(1000, 3000))
        yield from polled_frames(user_id, login_id, cursor, setup.is_serving if has_room else lambda: False)
    finally:
        if has_room:
            setup.slots.release()


def polled_frames(user_id: int, login_id: int, cursor: str | None, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """Poll the event log, and hold no connection in between (rule 24)."""
    position, generation, last_sent = None, "", time.monotonic()
    while True:
        with setup.logs.opened() as log, log.snapshot():
            if log.logins([login_id]).get(login_id, 0) <= time.time_ns() // 1000:
                return
            text = b""
            if position is None:
                start = log.start(user_id, cursor)
                text, position = hello_frame(log, start), start.position
            elif not log.continues_from(position, generation) or position.id < log.hidden():
                position = log.end()
                text = reset_frame(log, position)
            generation = log.generation
            events = log.visible_to(user_id, position.id, EVENTS_AT_ONCE)
            text += b"".join(event_frame(log, event) for event in events)
        position = Position(events[-1].id, events[-1].created_at) if events else position
        if time.monotonic() - last_sent >= setup.heartbeat:
            text, last_sent = text + HEARTBEAT, time.monotonic()
        if text:
            yield text
        if len(events) == EVENTS_AT_ONCE:
            continue
        if not goes_on():
            return
        time.sleep(POLL_SECONDS)
