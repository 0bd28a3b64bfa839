"""A cache of answers: what this worker has given before, it gives again as long as nothing in it has changed.

1. Only GET requests of a few routes (requests.py) by somebody signed in are answered here. All others, and unusual
   ones, go to Flask.
2. Each request runs one query (models/versions.py). It checks that the login is alive and the person in the chat, and
   reads the versions of what the answer shows. This happens before the answer is made, so an answer may be newer than
   its versions, but never older.
3. An answer is kept under a key: everything in the request that the answer may depend on. An answer with newer versions
   replaces it.
4. Only answers with status 200 (`compress_unless_kept` in chat.py) that set no cookie are kept. What differs each time
   (the nonce, the cursor of the live stream, a form's key) is filled in anew, and the CSRF token is not compressed
   (lib/gzip_pieces.py).
5. What is kept decides nothing: each worker has its own, it is bounded, and it may be dropped at any time. The setting
   KEEP_ANSWERS=off turns it off.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from answers.requests import CacheableRequest, RequestReader
from lib.gzip_pieces import GzipPieces

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger("flask_chat")

# In a request's environment: that its answer may be kept, and, from Flask, the Parts of the answer.
KEEPING, PARTS = "answers.keeping", "answers.parts"
# The caller wants a kept answer or none.
ONLY_KEPT = "answers.only_kept"
# Headers that belong to one answer.
OWN_HEADERS = {"content-length", "x-request-id"}
KEPT_BYTES = 16 * 2**20
# For the key and the headers of an answer.
ENTRY_BYTES = 4096
# A smaller answer fits into one packet as it is.
COMPRESSED_FROM = 1024

Headers = list[tuple[str, str]]


class NotKept(Exception):
    """There is no kept answer."""


class Parts(NamedTuple):
    """Strings in an answer: those that change from answer to answer, by name, and those not to be compressed."""

    changing: Mapping[str, str]
    secret: tuple[str, ...]


class Kept:
    """An answer, and the versions of what it shows."""

    def __init__(self, request: CacheableRequest, headers: Headers, whole: bytes, parts: Parts) -> None:
        self.versions = request.versions
        self.is_gzip = request.accepts_gzip and len(whole) >= COMPRESSED_FROM
        # An answer with changing strings differs each time, so it has no ETag.
        self.tag = "" if any(parts.changing.values()) else f'W/"{hashlib.sha256(whole).hexdigest()[:16]}"'
        self.body = GzipPieces(whole, parts.changing, parts.secret) if self.is_gzip else whole
        self.headers = [(name, value) for name, value in headers if name.lower() not in OWN_HEADERS]
        if self.is_gzip:
            self.headers.append(("Content-Encoding", "gzip"))
        if self.tag:
            self.headers.append(("ETag", self.tag))
        self.changing = {name: text for name, text in parts.changing.items() if text}
        self.size = ENTRY_BYTES + (self.body.size if isinstance(self.body, GzipPieces) else len(whole))

    def fill(self, values: Mapping[str, str]) -> tuple[Headers, bytes]:
        """The headers and the body with these values for the strings that change."""
        if isinstance(self.body, GzipPieces):
            body = self.body.fill(values)
        else:
            body = self.body
            for name, text in self.changing.items():
                body = body.replace(text.encode(), values[name].encode())
        headers = self.headers
        if nonce := self.changing.get("nonce"):
            headers = [(name, value.replace(nonce, values["nonce"])) for name, value in headers]
        return [*headers, ("Content-Length", str(len(body)))], body


class Store:
    """Answers by key: at most `most` bytes; those used longest ago are dropped first."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._answers: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, versions: Hashable) -> Kept | None:
        with self._lock:
            kept = self._answers.get(key)
            if kept is None or kept.versions != versions:
                return None
            self._answers.move_to_end(key)
            return kept

    def put(self, key: Hashable, kept: Kept) -> None:
        with self._lock:
            before = self._answers.pop(key, None)
            self.size += kept.size - (before.size if before else 0)
            self._answers[key] = kept
            while self.size > self.most:
                self.size -= self._answers.popitem(last=False)[1].size


class KeptAnswers:
    """The WSGI layer in front of Flask.

    `fresh` makes new values for the strings that change, by name. `is_within_limits` counts a request of a person.
    """

    def __init__(
        self,
        app: WSGIApplication,
        reader: RequestReader,
        fresh: Mapping[str, Callable[[], str]],
        is_within_limits: Callable[[str, int], bool],
    ) -> None:
        self.app, self.reader, self.fresh, self.is_within_limits = app, reader, fresh, is_within_limits
        self.store = Store(KEPT_BYTES)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        # Before the versions: what happens in between comes by the stream once more, and nothing is missed.
        cursor = self.fresh["cursor"]() if environ.get("HTTP_SEC_FETCH_DEST") == "document" else ""
        request = self.reader.read(environ)
        kept = None if request is None else self.store.get(request.key, request.versions)
        if request is not None and kept is not None and self.is_within_limits(request.pace, request.user_id):
            return self.send(kept, cursor, began, environ, start_response)
        if ONLY_KEPT in environ:
            raise NotKept
        if request is not None and kept is None:
            return self.make(request, environ, start_response)
        # Flask refuses what is beyond the limits.
        return self.app(environ, start_response)

    def send(
        self, kept: Kept, cursor: str, began: float, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Give a kept answer again, with new values for the strings that change."""
        request_id = secrets.token_hex(4)
        is_known = bool(kept.tag) and kept.tag in environ.get("HTTP_IF_NONE_MATCH", "")
        status = "304 NOT MODIFIED" if is_known else "200 OK"
        headers, body = kept.headers, b""
        if not is_known:
            values = {name: self.fresh[name]() for name in kept.changing if name != "cursor"}
            headers, body = kept.fill({**values, "cursor": cursor})
        milliseconds = (time.perf_counter() - began) * 1000
        logger.info("%s GET %s %s %.1fms kept", request_id, environ["PATH_INFO"], status[:3], milliseconds)
        start_response(status, [*headers, ("X-Request-ID", request_id)])
        return [body]

    def make(
        self, request: CacheableRequest, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Let Flask answer, and keep the answer."""
        environ[KEEPING] = True
        started: list[Any] = []

        def start(*answer: Any) -> Callable[[bytes], object]:
            started.extend(answer)
            return no_write

        chunks = self.app(environ, start)
        status, headers, *_ = started
        parts: Parts | None = environ.get(PARTS)
        if parts is None:
            start_response(status, headers)
            return chunks
        try:
            whole = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        kept = Kept(request, headers, whole, parts)
        own = [(name, value) for name, value in headers if name.lower() == "x-request-id"]
        if not any(name.lower() == "set-cookie" for name, _ in headers):
            self.store.put(request.key, kept)
        filled, body = kept.fill(parts.changing)
        start_response(status, [*filled, *own])
        return [body]


def no_write(_: bytes) -> None:
    """WSGI's second way to send a body, which Flask does not use."""
    raise NotImplementedError
