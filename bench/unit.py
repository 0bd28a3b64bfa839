"""The unit of the measures: a bare app of 20,480 bytes, and how gunicorn serves it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SIZE = 20_480
PAGE = b"x" * SIZE

worker_class = "gevent"
workers = 1
control_socket_disable = True
loglevel = "warning"


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(SIZE))])
    return [PAGE]
