"""Which requests may be answered from memory, and the key under which a response is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header
from werkzeug.sansio.http import parse_cookie  # Flask's; that of werkzeug.http fails on bytes that are not UTF-8

from lib.time_zones import zone_named
from models.versions import VersionsQuery

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

QUERY_MAX = 400
# All that a session contains without flash messages and other one-time values.
SESSION_KEYS = {"_user_id", "_fresh", "_id", "csrf_token"}
# Headers that pages depend on, and those that ask for something other than the whole response.
PAGE_HEADERS = ("HTTP_X_PANE", "HTTP_SEC_FETCH_DEST", "HTTP_SEC_PURPOSE")
UNUSUAL = ("HTTP_RANGE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")


class Route(NamedTuple):
    """A route whose responses may be stored: how it counts against a person's limits, and what it shows."""

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
    """What is in a Cookie header: the login's secret, the CSRF token, the time zone, whether scripts run."""

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
    """What is in a valid Bearer token."""

    secret: str
    user_id: str
    expires_at: float

    def is_valid_for(self, user_id: int) -> bool:
        return str(user_id) == self.user_id and datetime.now().timestamp() < self.expires_at


class CacheableRequest(NamedTuple):
    """A request that may be answered from memory."""

    user_id: int
    # Everything of the request that the response may depend on.
    key: Hashable
    # The versions of what the response shows.
    versions: Hashable


class ParsedRequest:
    """What the headers of a request say: who asks for what. Whether they may see it, the database decides each time."""

    def __init__(
        self,
        route: Route,
        environ: WSGIEnvironment,
        query: VersionsQuery,
        extra_key: Hashable,
        zone: tzinfo = UTC,
        token: Token | None = None,
    ) -> None:
        self.path, self.pace, self.is_shared = environ["PATH_INFO"], route.pace, route.is_shared
        self.accepts_gzip = is_gzip_accepted(environ.get("HTTP_ACCEPT_ENCODING", ""))
        self.known_tags = environ.get("HTTP_IF_NONE_MATCH", "")
        self.is_document = environ.get("HTTP_SEC_FETCH_DEST") == "document"
        self.key = (
            self.path,
            environ["QUERY_STRING"],
            environ.get("HTTP_HOST"),
            environ["wsgi.url_scheme"],
            environ.get("HTTP_ACCEPT_LANGUAGE"),
            self.accepts_gzip,
            extra_key,
        )
        # `zone`: of the days that the response shows.
        self.query, self.zone, self.token = query, zone, token

    def cacheable(self, again: bool = False) -> CacheableRequest | None:
        """The request with what it shows now; None when Flask has to answer it, to refuse it for instance.

        `again`: this thread has asked the same before.
        """
        seen = self.query.read_again() if again else self.query.read()
        if seen is None or (self.token is not None and not self.token.is_valid_for(seen.user_id)):
            return None
        key = (self.key, datetime.now(self.zone).date(), None if self.is_shared else seen.user_id)
        shown = (seen.common, seen.chat) if self.is_shared else (seen.login_id, *seen[2:])
        return CacheableRequest(seen.user_id, key, shown)


class RequestReader:
    """Reads requests. `read_session` and `read_token` verify what a cookie and an Authorization header contain."""

    def __init__(
        self, read_session: Callable[[str], Mapping[str, Any]], read_token: Callable[[str], Token | None]
    ) -> None:
        self.cookies = lru_cache(4096)(lambda header: Cookies.parse(header, read_session))
        self.token = lru_cache(4096)(read_token)

    def read(self, environ: WSGIEnvironment) -> ParsedRequest | None:
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

    def _page(self, route: Route, found: re.Match[str], environ: WSGIEnvironment) -> ParsedRequest | None:
        cookies = self.cookies(environ.get("HTTP_COOKIE", ""))
        if cookies is None or "HTTP_AUTHORIZATION" in environ:
            return None
        chat_id = int(found[1]) if route.of_chat else None
        query = VersionsQuery(cookies.secret, ("browser",), chat_id, route.shows_all_chats)
        headers = tuple(environ.get(name) for name in PAGE_HEADERS)
        return ParsedRequest(
            route, environ, query, (cookies, headers), zone=zone_named((cookies.time_zone or "UTC")[:64])
        )

    def _api(self, route: Route, found: re.Match[str], environ: WSGIEnvironment) -> ParsedRequest | None:
        token = self.token(environ.get("HTTP_AUTHORIZATION", ""))
        chat_id = chat_id_in(environ["QUERY_STRING"]) if route.of_chat else None
        if token is None or (route.of_chat and chat_id is None):
            return None
        query = VersionsQuery(token.secret, ("token", "page"), chat_id, route.shows_all_chats)
        return ParsedRequest(route, environ, query, None, token=token)


@lru_cache(256)
def is_gzip_accepted(header: str) -> bool:
    accepted = parse_accept_header(header, Accept)
    return accepted["gzip"] > 0


def chat_id_in(query: str) -> int | None:
    """The chat's id in a query; None when it is missing or unclear."""
    values = parse_qs(query, keep_blank_values=True).get("chat_id", [])
    return int(values[0]) if len(values) == 1 and re.fullmatch("[0-9]{1,18}", values[0]) else None
