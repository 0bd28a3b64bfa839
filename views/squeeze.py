"""Pages travel squeezed, and their length gives nothing away of what stands in them.

Where a page carries both a secret and words of somebody else, the length of its squeezed form tells how much of the
secret the words have guessed (BREACH, https://breachattack.com). So the one lasting secret that pages carry, the CSRF
token, looks otherwise in each answer; and each answer is longer by a number of bytes that nobody knows,
as Django does it (https://ieeexplore.ieee.org/document/9754554): docs/decisions/0015.
"""

from __future__ import annotations

import gzip
import io
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect, generate_csrf

SMALL = 1024
# A chat's page of 66 KB becomes 8.8 in 0.7 ms; level 9 would win 3 % of that for half as much again.
LEVEL = 6
PADDING_MAX = 100


def squeeze(response: Response) -> Response:
    """Any page of 1 KB and more, for who takes gzip."""
    if response.mimetype != "text/html" or response.is_streamed or response.direct_passthrough:
        return response
    response.vary.add("Accept-Encoding")
    if "Content-Encoding" in response.headers or request.accept_encodings["gzip"] <= 0:
        return response
    page = response.get_data()
    if len(page) >= SMALL:
        response.set_data(squeezed(page))
        response.headers["Content-Encoding"] = "gzip"
    return response


def squeezed(page: bytes) -> bytes:
    """gzip, with a name of random length in its header (RFC 1952, 2.3.1), which nobody reads."""
    out = io.BytesIO()
    name = "x" * (1 + secrets.randbelow(PADDING_MAX))
    with gzip.GzipFile(name, "wb", LEVEL, out, mtime=0) as file:
        file.write(page)
    return out.getvalue()


class MaskedCSRF(CSRFProtect):  # type: ignore[misc]
    """Flask-WTF's protection, its token masked on every page."""

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        app.jinja_env.globals["csrf_token"] = masked_token
        app.context_processor(lambda: {"csrf_token": masked_token})

    def _get_csrf_token(self) -> str | None:
        token = super()._get_csrf_token()
        return token and unmasked(token)


def masked_token() -> str:
    """The token that a form sends along, written in a way that only this answer has."""
    if "masked_token" not in g:
        g.masked_token = masked(generate_csrf())
    return str(g.masked_token)


def masked(token: str) -> str:
    """A random pad, and the token under it."""
    plain = token.encode()
    pad = secrets.token_bytes(len(plain))
    return ".".join(urlsafe_b64encode(part).decode() for part in (pad, xor(pad, plain)))


def unmasked(token: str) -> str:
    """What was masked; anything else stays what it is, and is found wrong later."""
    try:
        pad, covered = (urlsafe_b64decode(part) for part in token.split("."))
        return xor(pad, covered).decode()
    except ValueError:
        return token


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
