"""Which requests may be answered from memory, and the key under which an answer is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_cookie

from lib.time_zones import zone_named
from models import versions
from models.versions import Versions

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

QUERY_MAX = 400
# All that a session contains without flash messages and other one-time values.
SESSION_KEYS = {"_user_id", "_fresh", "_id", "csrf_token"}
# Headers that pages depend on, and those that ask for something other than the whole answer.
PAGE_HEADERS = ("HTTP_X_PANE", "HTTP_SEC_FETCH_DEST", "HTTP_SEC_PURPOSE")
UNUSUAL = ("HTTP_RANGE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")


class Route(NamedTuple):
    """A route whose answers may be kept: how it counts against a person's limits, and what it shows."""

    path: re.Pattern[str]
    pace: str
    # Whether it shows one chat, named by the path, or by `chat_id` in the query.
    of_chat: bool = False
    # Whether it shows something of all of a person's chats: the list beside a chat, or what a search finds.
    shows_all_chats: bool = False
    # Whether it is the same for all members of the chat.
    is_shared: bool = False


PAGES = (
    Route(re.compile(r"/"), "look", shows_all_chats=True),
    Route(re.compile(r"/chats/([0-9]{1,18})"), "look", of_chat=True, shows_all_chats=True),
    Route(re.compile(r"/chats/([0-9]{1,18})/log"), "look", of_chat=True),
    Route(re.compile(r"/search"), "costly", shows_all_chats=True),
)
API = (
    Route(re.compile(r"/api/messages"), "costly", of_chat=True, is_shared=True),
    Route(re.compile(r"/api/chats"), "costly", shows_all_chats=True),
    Route(re.compile(r"/api/search"), "costly", shows_all_chats=True),
)


class Cookies(NamedTuple):
    """What a Cookie header says: the login's secret, the CSRF token, the time zone, whether scripts run."""

    secret: str
    csrf_token: str
    time_zone: str | None
    has_scripts: bool

    @classmethod
    def parse(cls, header: str, read_session: Callable[[str], Mapping[str, Any]]) -> Cookies | None:
        """None without a session, and for one with flash messages or other one-time values."""
        cookies = parse_cookie(header)
        session = read_session(cookies.get("chat", ""))
        if not {"_user_id", "csrf_token"} <= session.keys() <= SESSION_KEYS:
            return None
        return cls(session["_user_id"], session["csrf_token"], cookies.get("time_zone"), "scripts" in cookies)


class Token(NamedTuple):
    """What a valid Bearer token says."""

    secret: str
    user_id: str
    expires_at: float


class CacheableRequest(NamedTuple):
    """A request that may be answered from memory."""

    user_id: int
    pace: str
    # Everything of the request that the answer may depend on.
    key: Hashable
    # The versions of what the answer shows.
    versions: Hashable
    accepts_gzip: bool


class RequestReader:
    """Reads requests. `read_session` and `read_token` verify what a cookie and an Authorization header contain."""

    def __init__(
        self, read_session: Callable[[str], Mapping[str, Any]], read_token: Callable[[str], Token | None]
    ) -> None:
        self.cookies = lru_cache(4096)(lambda header: Cookies.parse(header, read_session))
        self.token = lru_cache(4096)(read_token)

    def read(self, environ: WSGIEnvironment) -> CacheableRequest | None:
        """The request; None for everything that Flask has to answer."""
        if environ["REQUEST_METHOD"] != "GET" or len(environ["QUERY_STRING"]) > QUERY_MAX:
            return None
        if environ.get("CONTENT_LENGTH", "0") not in ("", "0") or any(name in environ for name in UNUSUAL):
            return None
        path = environ["PATH_INFO"]
        read = self._api if path.startswith("/api/") else self._page
        for route in API if path.startswith("/api/") else PAGES:
            if found := route.path.fullmatch(path):
                return read(route, found, environ)
        return None

    def _page(self, route: Route, found: re.Match[str], environ: WSGIEnvironment) -> CacheableRequest | None:
        cookies = self.cookies(environ.get("HTTP_COOKIE", ""))
        if cookies is None or "HTTP_AUTHORIZATION" in environ:
            return None
        seen = versions.read(
            cookies.secret, ("browser",), int(found[1]) if route.of_chat else None, route.shows_all_chats
        )
        if seen is None:
            return None
        today = datetime.now(zone_named((cookies.time_zone or "UTC")[:64])).date()
        headers = tuple(environ.get(name) for name in PAGE_HEADERS)
        return cacheable(route, environ, seen, (cookies, today, headers))

    def _api(self, route: Route, found: re.Match[str], environ: WSGIEnvironment) -> CacheableRequest | None:
        token = self.token(environ.get("HTTP_AUTHORIZATION", ""))
        chat_id = chat_id_in(environ["QUERY_STRING"]) if route.of_chat else None
        if token is None or (route.of_chat and chat_id is None):
            return None
        seen = versions.read(token.secret, ("token", "page"), chat_id, route.shows_all_chats)
        if seen is None or str(seen.user_id) != token.user_id or datetime.now().timestamp() >= token.expires_at:
            return None
        return cacheable(route, environ, seen, datetime.now(UTC).date())


def cacheable(route: Route, environ: WSGIEnvironment, seen: Versions, extra_key: Hashable) -> CacheableRequest:
    """The request, when its answer also depends on `extra_key`."""
    accepts_gzip = is_gzip_accepted(environ.get("HTTP_ACCEPT_ENCODING", ""))
    key = (
        environ["PATH_INFO"],
        environ["QUERY_STRING"],
        environ.get("HTTP_HOST"),
        environ["wsgi.url_scheme"],
        environ.get("HTTP_ACCEPT_LANGUAGE"),
        accepts_gzip,
        extra_key,
        None if route.is_shared else seen.user_id,
    )
    shown = (seen.common, seen.chat) if route.is_shared else (seen.login_id, *seen[2:])
    return CacheableRequest(seen.user_id, route.pace, key, shown, accepts_gzip)


@lru_cache(256)
def is_gzip_accepted(header: str) -> bool:
    accepted = parse_accept_header(header, Accept)
    return accepted["gzip"] > 0


def chat_id_in(query: str) -> int | None:
    """The chat's id in a query; None when it is missing or unclear."""
    values = parse_qs(query, keep_blank_values=True).get("chat_id", [])
    return int(values[0]) if len(values) == 1 and re.fullmatch("[0-9]{1,18}", values[0]) else None
