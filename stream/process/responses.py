"""How a request for a stream is answered: with a stream, or with word when to come again."""

from __future__ import annotations

import contextlib
import logging
import random
import time

from stream.process.connection import FLAGS, close, refuse
from stream.process.inbox import NewStream
from stream.process.log import retry_frame

logger = logging.getLogger("stream")

# Seconds until a refused client may try again.
RETRY_AFTER = 30


def stream_head(new_stream: NewStream) -> bytes:
    """The HTTP head of a stream, and its retry field."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + new_stream.head + b"\r\n"
    return head + retry_frame(random.randint(1000, 3000))


def close_early(new_stream: NewStream) -> None:
    """Answer with an empty stream: the client reconnects, and catches up by its cursor."""
    log_request(new_stream, 200)
    with contextlib.suppress(OSError):
        new_stream.sock.send(stream_head(new_stream), FLAGS)
    close(new_stream.sock)


def reject(new_stream: NewStream, status: str, detail: str) -> None:
    log_request(new_stream, int(status[:3]))
    refuse(new_stream.sock, new_stream.head, status, detail, RETRY_AFTER)


def log_request(new_stream: NewStream, status: int) -> None:
    """Write the request's line to the server log: the worker that handed it over does not know the status."""
    logger.info("%s %d %.0fms", new_stream.line, status, (time.perf_counter() - new_stream.began) * 1000)
