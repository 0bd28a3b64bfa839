"""Kept answers given by the worker's event loop itself: a thread would cost more than the answer.

Only requests without a body that ask for nothing unusual, and only what is kept already; a thread does all others, and
reports what is wrong with them. The loop never waits for the database.

Parsing takes a third of the time, and clients often send the same bytes again: from the same address they mean the
same, and are not parsed again.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gunicorn.http.wsgi import create
from gunicorn.util import http_date

from answers.kept import ONLY_KEPT, NotKept
from models.base import never_wait

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = logging.getLogger(__name__)

# How many requests are remembered, and how many bytes each may have.
REMEMBERED, REMEMBERED_BYTES = 1024, 4096
# What may be kept, by the beginning of its path; requests.py decides.
LIKELY = re.compile(r"/(?:\?|$|chats/|search|api/(?:messages|chats|search))")


class OnLoop:
    """Answers requests of `app` that are kept; `config` is gunicorn's."""

    def __init__(self, app: WSGIApplication, config: Any) -> None:
        self.app, self.config = app, config
        self.environs: OrderedDict[tuple[str, bytes], dict[str, str]] = OrderedDict()
        never_wait()

    def __call__(self, request: Any, raw: bytes, sock: Any, client: Any, server: Any) -> bytes | None:
        """The response to gunicorn's request; None when a thread has to make it. `raw` is all that the client sent."""
        is_usual = request.method == "GET" and request.version == (1, 1) and not request.should_close()
        if not is_usual or not LIKELY.match(request.uri):
            return None
        try:
            _, environ = create(request, sock, client, server, self.config)
        except Exception:
            failed()
            return None
        texts = {name: value for name, value in environ.items() if isinstance(value, str)}
        response = self.answer(dict(texts))
        if response is not None and 0 < len(raw) <= REMEMBERED_BYTES:
            self.environs[address_of(client), raw] = texts
            if len(self.environs) > REMEMBERED:
                self.environs.popitem(last=False)
        return response

    def again(self, raw: bytes, client: Any) -> bytes | None:
        """The response to a request that came before from this client, byte for byte; None for any other."""
        key = (address_of(client), raw)
        texts = self.environs.get(key)
        if texts is None:
            return None
        self.environs.move_to_end(key)
        return self.answer(dict(texts))

    def answer(self, environ: dict[str, Any]) -> bytes | None:
        environ[ONLY_KEPT] = True
        started: list[Any] = []
        try:
            body = b"".join(self.app(environ, lambda *answer: started.extend(answer)))  # type: ignore[arg-type]
        except NotKept:
            return None
        except Exception:
            failed()
            return None
        status, headers = started
        head = "".join(
            [f"HTTP/1.1 {status}\r\n", common_headers(int(time.time())), *(f"{n}: {v}\r\n" for n, v in headers)]
        )
        return f"{head}\r\n".encode("latin-1") + body


def failed() -> None:
    """A thread will try again and report it."""
    logger.debug("the loop could not answer", exc_info=True)


def address_of(client: Any) -> str:
    return str(client[0]) if isinstance(client, tuple) else ""


@lru_cache(1)
def common_headers(second: int) -> str:
    """The header fields that gunicorn adds to each response, as of a second."""
    return f"Server: gunicorn\r\nDate: {http_date(second)}\r\nConnection: keep-alive\r\n"
