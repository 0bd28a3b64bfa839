"""Compress what is sent: pages, JSON and static files; and hide how long it is.

Where an answer has a secret beside words that somebody else chose, its compressed length shows how well the words match
the secret (BREACH, https://breachattack.com). So a random number of bytes is added to each, as Django does it
(https://ieeexplore.ieee.org/document/9754554): docs/decisions/0034.
"""

from __future__ import annotations

import gzip
import io
import secrets
from functools import lru_cache

from flask import Response, request

TYPES = {
    *("text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml"),
    *("application/json", "application/problem+json"),
}
# A smaller answer fits into one packet as it is.
LEAST = 1024
# A chat's page of 66 KB becomes 8.8 in 0.7 ms; level 9 would win 3 % of that for half as much again.
LEVEL = 6
PADDING_MAX = 100


def compress(response: Response) -> Response:
    """Send an answer with gzip when the client accepts it.

    Streams, ranges, and files that are not the same for everyone are left as they are.
    """
    public = bool(response.cache_control.public)
    if response.mimetype not in TYPES or (response.is_streamed and not public):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] <= 0 or {"Content-Encoding", "Content-Range"} & set(response.headers.keys()):
        return response
    # The bytes are others than without gzip: the tag holds for the content alone (RFC 9110, 8.8.3.3).
    tag, _ = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)
    if response.status_code == 304:
        return response
    response.direct_passthrough = False
    whole = response.get_data()
    if len(whole) >= LEAST:
        response.set_data(compressed_once(whole) if public else compressed(whole))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
    return response


def compressed(whole: bytes) -> bytes:
    """gzip, with a name of random length in its header (RFC 1952, 2.3.1), which nobody reads."""
    out = io.BytesIO()
    name = "x" * (1 + secrets.randbelow(PADDING_MAX))
    with gzip.GzipFile(name, "wb", LEVEL, out, mtime=0) as file:
        file.write(whole)
    return out.getvalue()


@lru_cache(256)
def compressed_once(whole: bytes) -> bytes:
    """What anyone may read has nothing to hide, and is compressed best."""
    return gzip.compress(whole, 9, mtime=0)
