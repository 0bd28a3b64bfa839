"""A cache of responses: what this worker has sent before, it sends again as long as nothing in it has changed.

1. Only GET requests of a few routes (requests.py) by somebody signed in are answered here. All others, and unusual
   ones, go to Flask.
2. Each request runs one query (models/versions.py). It checks that the login is alive and the person in the chat, and
   reads the versions of what the response shows. This happens before the response is made, so it may be newer than
   its versions, but never older. A request that the loop has answered before, byte for byte, runs it only if somebody
   has committed something since it last did.
3. A response is stored under a key: everything in the request that it may depend on. One with newer versions replaces
   it.
4. Only responses with status 200 (`compress_unless_cached` in chat.py) that set no cookie are stored. What differs each
   time (the nonce, the cursor of the live stream, a form's key) is filled in anew, and the CSRF token is not compressed
   (lib/gzip_pieces.py).
5. What is stored decides nothing: each worker has its own, it is bounded, and it may be dropped at any time. The
   setting RESPONSE_CACHE=off turns it off.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from cache.requests import CacheableRequest, ParsedRequest, RequestReader
from lib.gzip_pieces import GzipPieces

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger("flask_chat")

# In a request's environment: that its response may be stored, and, from Flask, the Parts of the response.
CACHEABLE, PARTS = "cache.cacheable", "cache.parts"
# The caller wants a cached response or none.
ONLY_CACHED = "cache.only_cached"
# With a cached response: a function that gives the next one to the same request, for the same thread.
AGAIN = "cache.again"
# Headers that belong to one response.
OWN_HEADERS = {"content-length", "x-request-id"}
CACHE_BYTES = 16 * 2**20
# For the key and the headers of a response.
ENTRY_BYTES = 4096
# A smaller response fits into one packet as it is.
COMPRESSED_FROM = 1024

Headers = list[tuple[str, str]]


class NotCached(Exception):
    """There is no cached response."""


class Parts(NamedTuple):
    """Strings in a response: those that change from response to response, by name, and those not to be compressed."""

    changing: Mapping[str, str]
    secret: tuple[str, ...]


class CachedResponse:
    """A response, and the versions of what it shows."""

    def __init__(self, versions: Hashable, accepts_gzip: bool, headers: Headers, whole: bytes, parts: Parts) -> None:
        self.versions = versions
        self.is_gzip = accepts_gzip and len(whole) >= COMPRESSED_FROM
        # A response with changing strings differs each time, so it has no ETag.
        self.tag = "" if any(parts.changing.values()) else f'W/"{hashlib.sha256(whole).hexdigest()[:16]}"'
        self.body = GzipPieces(whole, parts.changing, parts.secret) if self.is_gzip else whole
        self.headers = [(name, value) for name, value in headers if name.lower() not in OWN_HEADERS]
        if self.is_gzip:
            self.headers.append(("Content-Encoding", "gzip"))
        if self.tag:
            self.headers.append(("ETag", self.tag))
        self.changing = {name: text for name, text in parts.changing.items() if text}
        self.size = ENTRY_BYTES + (self.body.size if isinstance(self.body, GzipPieces) else len(whole))
        # The headers as lines of a response.
        self.header_lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers)

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The body with these values for the strings that change."""
        if isinstance(self.body, GzipPieces):
            return self.body.fill(values)
        body = self.body
        for name, text in self.changing.items():
            body = body.replace(text.encode(), values[name].encode())
        return body


class FilledResponse(NamedTuple):
    """A cached response with values for the strings that change, and the headers of its own."""

    status: str
    cached: CachedResponse
    body: bytes
    values: Mapping[str, str]
    own_headers: Headers

    @property
    def headers(self) -> Headers:
        """The headers for WSGI."""
        nonce = self.cached.changing.get("nonce")
        filled = [
            (name, value.replace(nonce, self.values["nonce"]) if nonce else value)
            for name, value in self.cached.headers
        ]
        return filled + self.own_headers

    @property
    def header_lines(self) -> str:
        """The headers as lines of a response."""
        lines = self.cached.header_lines
        if nonce := self.cached.changing.get("nonce"):
            lines = lines.replace(nonce, self.values["nonce"])
        return lines + "".join([f"{name}: {value}\r\n" for name, value in self.own_headers])


class Store:
    """Responses by key: at most `most` bytes; those used longest ago are dropped first."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._responses: OrderedDict[Hashable, CachedResponse] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, versions: Hashable) -> CachedResponse | None:
        with self._lock:
            cached = self._responses.get(key)
            if cached is None or cached.versions != versions:
                return None
            self._responses.move_to_end(key)
            return cached

    def put(self, key: Hashable, cached: CachedResponse) -> None:
        with self._lock:
            before = self._responses.pop(key, None)
            self.size += cached.size - (before.size if before else 0)
            self._responses[key] = cached
            while self.size > self.most:
                self.size -= self._responses.popitem(last=False)[1].size


class ResponseCache:
    """The WSGI layer in front of Flask.

    `new_values` makes new values for the strings that change, by name. `is_within_limits` counts a request of a person.
    """

    def __init__(
        self,
        app: WSGIApplication,
        reader: RequestReader,
        new_values: Mapping[str, Callable[[], str]],
        is_within_limits: Callable[[str, int], bool],
    ) -> None:
        self.app, self.reader, self.new_values, self.is_within_limits = app, reader, new_values, is_within_limits
        self.store = Store(CACHE_BYTES)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        parsed = self.reader.read(environ)
        found = None if parsed is None else self.find(parsed)
        if parsed is not None and isinstance(found, FilledResponse):
            environ[AGAIN] = partial(self.find_again, parsed)
            start_response(found.status, found.headers)
            return [found.body]
        if ONLY_CACHED in environ:
            raise NotCached
        if parsed is not None and isinstance(found, CacheableRequest):
            return self.make(parsed, found, environ, start_response)
        return self.app(environ, start_response)

    def find(self, parsed: ParsedRequest, again: bool = False) -> FilledResponse | CacheableRequest | None:
        """The cached response, or what one is to be stored for. None when Flask has to answer the request itself."""
        began = time.perf_counter()
        # Before the versions: what happens in between comes by the stream once more, and nothing is missed.
        cursor = self.new_values["cursor"]() if parsed.is_document else ""
        request = parsed.cacheable(again)
        if request is None:
            return None
        cached = self.store.get(request.key, request.versions)
        if cached is None:
            return request
        if not self.is_within_limits(parsed.pace, request.user_id):
            return None
        return self.filled(cached, parsed, cursor, began)

    def find_again(self, parsed: ParsedRequest) -> FilledResponse | None:
        """The cached response to a request that this thread has asked before; None if there is none."""
        found = self.find(parsed, again=True)
        return found if isinstance(found, FilledResponse) else None

    def filled(self, cached: CachedResponse, parsed: ParsedRequest, cursor: str, began: float) -> FilledResponse:
        """A cached response with new values for the strings that change; logs it."""
        request_id = secrets.token_hex(4)
        own_headers = [("X-Request-ID", request_id)]
        if cached.tag and cached.tag in parsed.known_tags:
            response = FilledResponse("304 NOT MODIFIED", cached, b"", {}, own_headers)
        else:
            values = {name: cursor if name == "cursor" else self.new_values[name]() for name in cached.changing}
            body = cached.fill(values)
            own_headers.append(("Content-Length", str(len(body))))
            response = FilledResponse("200 OK", cached, body, values, own_headers)
        milliseconds = (time.perf_counter() - began) * 1000
        log(f"{request_id} GET {parsed.path} {response.status[:3]} {milliseconds:.1f}ms cached")
        return response

    def make(
        self,
        parsed: ParsedRequest,
        request: CacheableRequest,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Let Flask answer, and store the response."""
        environ[CACHEABLE] = True
        started: list[Any] = []

        def start(*started_with: Any) -> Callable[[bytes], object]:
            started.extend(started_with)
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
        cached = CachedResponse(request.versions, parsed.accepts_gzip, headers, whole, parts)
        if not any(name.lower() == "set-cookie" for name, _ in headers):
            self.store.put(request.key, cached)
        body = cached.fill(parts.changing)
        own_headers = [(name, value) for name, value in headers if name.lower() == "x-request-id"]
        own_headers.append(("Content-Length", str(len(body))))
        start_response(status, [*cached.headers, *own_headers])
        return [body]


def log(message: str) -> None:
    """Log a line without looking for the place in the code that logs it: that would take as long as the line."""
    if logger.isEnabledFor(logging.INFO):
        logger.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 0, message, (), None))


def no_write(_: bytes) -> None:
    """WSGI's second way to send a body, which Flask does not use."""
    raise NotImplementedError
