"""Cached responses sent by the worker's event loop itself: a thread would cost more than the response.

Only requests without a body that ask for nothing unusual, and only what is cached already. A thread does all others,
and reports what is wrong with them. The loop never waits for the database.

Clients often send the same bytes again. From the same address they mean the same, and go neither through the parser
nor through WSGI again.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gunicorn.http.wsgi import create
from gunicorn.util import http_date

from cache.responses import AGAIN, ONLY_CACHED, FilledResponse, NotCached
from models.base import database

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = logging.getLogger(__name__)

# How many requests are remembered, and how many bytes each may have.
REMEMBERED, REMEMBERED_BYTES = 1024, 4096
# What may be cached, by the beginning of its path; requests.py decides.
LIKELY = re.compile(r"/(?:\?|$|chats/|search|api/(?:messages|chats|search))")


class OnLoop:
    """Answers requests of `app` whose responses are cached; `config` is gunicorn's."""

    def __init__(self, app: WSGIApplication, config: Any) -> None:
        self.app, self.config = app, config
        self.remembered: OrderedDict[tuple[str, bytes], Callable[[], FilledResponse | None]] = OrderedDict()
        database.never_wait()

    def __call__(self, request: Any, raw: bytes, sock: Any, client: Any, server: Any) -> bytes | None:
        """The response to gunicorn's request; None when a thread has to make it. `raw` is all that the client sent."""
        is_usual = request.method == "GET" and request.version == (1, 1) and not request.should_close()
        if not is_usual or not LIKELY.match(request.uri):
            return None
        started: list[Any] = []
        try:
            _, environ = create(request, sock, client, server, self.config)
            environ[ONLY_CACHED] = True
            body = b"".join(self.app(environ, lambda *started_with: started.extend(started_with)))  # type: ignore[arg-type]
        except NotCached:
            return None
        except Exception:
            failed()
            return None
        if 0 < len(raw) <= REMEMBERED_BYTES:
            self.remembered[address_of(client), raw] = environ[AGAIN]
            if len(self.remembered) > REMEMBERED:
                self.remembered.popitem(last=False)
        status, headers = started
        return response(status, "".join([f"{name}: {value}\r\n" for name, value in headers]), body)

    def answer_repeated(self, raw: bytes, client: Any) -> bytes | None:
        """The response to a request that came before from this client, byte for byte; None for any other."""
        key = (address_of(client), raw)
        again = self.remembered.get(key)
        if again is None:
            return None
        self.remembered.move_to_end(key)
        try:
            found = again()
        except Exception:
            failed()
            return None
        return None if found is None else response(found.status, found.header_lines, found.body)


def response(status: str, header_lines: str, body: bytes) -> bytes:
    """The whole response, as gunicorn would send it."""
    head = f"HTTP/1.1 {status}\r\n{common_header_lines(int(time.time()))}{header_lines}\r\n"
    return head.encode("latin-1") + body


def failed() -> None:
    """A thread will try again and report it."""
    logger.debug("the loop could not answer", exc_info=True)


def address_of(client: Any) -> str:
    return str(client[0]) if isinstance(client, tuple) else ""


@lru_cache(1)
def common_header_lines(second: int) -> str:
    """The header fields that gunicorn adds to each response, as of a second."""
    return f"Server: gunicorn\r\nDate: {http_date(second)}\r\nConnection: keep-alive\r\n"
