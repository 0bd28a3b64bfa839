"""Responses to requests that never reach the app."""

from __future__ import annotations

import json
from http import HTTPStatus
from urllib.parse import unquote

from gunicorn.http import errors
from gunicorn.util import http_date

PROGRAMS = "/api"

DETAILS = {
    400: "The request is malformed or cut short.",
    408: "The request took too long to arrive.",
    414: "The address is too long.",
    417: "Only 100-continue can be expected.",
    429: "Too many connections from this address.",
    431: "The request's headers are too large.",
    500: "The fault is ours.",
    501: "This transfer coding is not known here.",
}
STATUS: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ForbiddenProxyRequest: 403,
    # The app's response can't be sent: not the client's fault.
    errors.InvalidResponseHeader: 500,
    errors.InvalidResponseHeaderName: 500,
    errors.ConfigurationProblem: 500,
}


class Late(Exception):
    """The request did not arrive in time."""


class Crowded(Exception):
    """The address has too many connections."""


STATUS |= {Late: 408, Crowded: 429}


def status_of(error: Exception) -> int:
    """gunicorn's status for an error of its parser; 500 for all others."""
    known = STATUS.get(type(error))
    return known or (400 if isinstance(error, errors.ParseException | errors.NoMoreData) else 500)


def is_for_programs(target: str) -> bool:
    """Whether a request target (RFC 9112, 3.2) leads to the API."""
    if not target.startswith("/"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    path = unquote(target.partition("?")[0])
    return path == PROGRAMS or path.startswith(PROGRAMS + "/")


def answer(status: int, head: bytes) -> bytes:
    """Render an error as problem+json (RFC 9457) for the API, else as a line of text.

    `head` is the beginning of the request, perhaps incomplete; its target decides.
    """
    method, _, rest = head.lstrip(b"\r\n").partition(b" ")
    target = rest.partition(b" ")[0]
    title, detail = HTTPStatus(status).phrase, DETAILS.get(status, "")
    if is_for_programs(target.decode("latin-1")):
        kind = "application/problem+json"
        body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    else:
        kind, body = "text/plain; charset=utf-8", f"{title}. {detail}\n".encode()
    lines = [
        f"HTTP/1.1 {status} {title}",
        f"Date: {http_date()}",
        "Connection: close",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'",
        *(["Retry-After: 10"] if status == 429 else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if method == b"HEAD" else body)
