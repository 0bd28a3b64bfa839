"""An app that answers with what it was given, and under /file with a large file.

/hold is answered once the file that its query names is there; /order names what was asked for so far, in order.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

asked_for: list[str] = []
FILE = 20 * 2**20


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/file":
        file = tempfile.TemporaryFile()  # noqa: SIM115
        file.truncate(FILE)
        start_response("200 OK", [("Content-Length", str(FILE))])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    while environ["PATH_INFO"] == "/hold" and not Path(environ["QUERY_STRING"]).exists():
        time.sleep(0.01)
    if environ["PATH_INFO"] == "/order":
        start_response("200 OK", [])
        return [" ".join(asked_for).encode()]
    asked_for.append(environ["PATH_INFO"])
    headers = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))}
    body = environ["wsgi.input"].read().decode("latin-1")
    line = [environ[name] for name in ("REQUEST_METHOD", "RAW_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL")]
    seen = json.dumps([line, sorted(headers.items()), body]).encode()
    start_response("200 OK", [("Content-Length", str(len(seen)))])
    return [seen]
