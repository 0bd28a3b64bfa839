"""A cache of answers: what this worker has answered before, it answers again as long as nothing in it has changed.

1. Only GET requests of a few routes (requests.py) by somebody signed in are answered here. All others, and unusual
   ones, go to Flask.
2. Each request runs one query (models/versions.py). It checks that the login is alive and the person in the chat, and
   reads the versions of what the answer shows. This happens before the answer is made, so an answer may be newer than
   its versions, but never older. A request that the loop has answered before, byte for byte, runs it only if somebody
   has committed something since it last did.
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
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from answers.requests import CacheableRequest, ParsedRequest, RequestReader
from lib.gzip_pieces import GzipPieces

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger("flask_chat")

# In a request's environment: that its answer may be kept, and, from Flask, the Parts of the answer.
KEEPING, PARTS = "answers.keeping", "answers.parts"
# The caller wants a kept answer or none.
ONLY_KEPT = "answers.only_kept"
# With a kept answer: a function that gives the next one to the same request, for the same thread.
AGAIN = "answers.again"
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

    def __init__(self, versions: Hashable, accepts_gzip: bool, headers: Headers, whole: bytes, parts: Parts) -> None:
        self.versions = versions
        self.is_gzip = accepts_gzip and len(whole) >= COMPRESSED_FROM
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


class Answer(NamedTuple):
    """A kept answer with values for the strings that change, and the headers of its own."""

    status: str
    kept: Kept
    body: bytes
    values: Mapping[str, str]
    own_headers: Headers

    @property
    def headers(self) -> Headers:
        """The headers for WSGI."""
        nonce = self.kept.changing.get("nonce")
        filled = [
            (name, value.replace(nonce, self.values["nonce"]) if nonce else value) for name, value in self.kept.headers
        ]
        return filled + self.own_headers

    @property
    def header_lines(self) -> str:
        """The headers as lines of a response."""
        lines = self.kept.header_lines
        if nonce := self.kept.changing.get("nonce"):
            lines = lines.replace(nonce, self.values["nonce"])
        return lines + "".join([f"{name}: {value}\r\n" for name, value in self.own_headers])


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
        parsed = self.reader.read(environ)
        found = None if parsed is None else self.find(parsed)
        if parsed is not None and isinstance(found, Answer):
            environ[AGAIN] = partial(self.find_again, parsed)
            start_response(found.status, found.headers)
            return [found.body]
        if ONLY_KEPT in environ:
            raise NotKept
        if parsed is not None and isinstance(found, CacheableRequest):
            return self.make(parsed, found, environ, start_response)
        return self.app(environ, start_response)

    def find(self, parsed: ParsedRequest, again: bool = False) -> Answer | CacheableRequest | None:
        """The kept answer, or what an answer is to be kept for. None when Flask has to answer the request itself."""
        began = time.perf_counter()
        # Before the versions: what happens in between comes by the stream once more, and nothing is missed.
        cursor = self.fresh["cursor"]() if parsed.is_document else ""
        request = parsed.cacheable(again)
        if request is None:
            return None
        kept = self.store.get(request.key, request.versions)
        if kept is None:
            return request
        if not self.is_within_limits(parsed.pace, request.user_id):
            return None
        return self.filled(kept, parsed, cursor, began)

    def find_again(self, parsed: ParsedRequest) -> Answer | None:
        """The kept answer to a request that this thread has asked before; None if there is none."""
        found = self.find(parsed, again=True)
        return found if isinstance(found, Answer) else None

    def filled(self, kept: Kept, parsed: ParsedRequest, cursor: str, began: float) -> Answer:
        """A kept answer with new values for the strings that change; logs it."""
        request_id = secrets.token_hex(4)
        own_headers = [("X-Request-ID", request_id)]
        if kept.tag and kept.tag in parsed.known_tags:
            answer = Answer("304 NOT MODIFIED", kept, b"", {}, own_headers)
        else:
            values = {name: cursor if name == "cursor" else self.fresh[name]() for name in kept.changing}
            body = kept.fill(values)
            own_headers.append(("Content-Length", str(len(body))))
            answer = Answer("200 OK", kept, body, values, own_headers)
        milliseconds = (time.perf_counter() - began) * 1000
        log(f"{request_id} GET {parsed.path} {answer.status[:3]} {milliseconds:.1f}ms kept")
        return answer

    def make(
        self,
        parsed: ParsedRequest,
        request: CacheableRequest,
        environ: WSGIEnvironment,
        start_response: StartResponse,
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
        kept = Kept(request.versions, parsed.accepts_gzip, headers, whole, parts)
        if not any(name.lower() == "set-cookie" for name, _ in headers):
            self.store.put(request.key, kept)
        body = kept.fill(parts.changing)
        own_headers = [(name, value) for name, value in headers if name.lower() == "x-request-id"]
        own_headers.append(("Content-Length", str(len(body))))
        start_response(status, [*kept.headers, *own_headers])
        return [body]


def log(message: str) -> None:
    """Log a line without looking for the place in the code that logs it: that would take as long as the line."""
    if logger.isEnabledFor(logging.INFO):
        logger.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 0, message, (), None))


def no_write(_: bytes) -> None:
    """WSGI's second way to send a body, which Flask does not use."""
    raise NotImplementedError
