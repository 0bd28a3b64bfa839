"""Authentication and throttling: sessions for pages, JWT for the API."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import jwt
from flask import Flask, Response, current_app, g, has_app_context, has_request_context, redirect, request, session
from flask_login import LoginManager, current_user, login_required, login_url, login_user, logout_user
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from actions import accounts
from cache.requests import Token
from lib import origin, usernames
from lib.pacing import Buckets, InFlight
from models import Attempt, Busy, Forbidden, Login, NotThere, TooMany, User, check_logins_by, limits, words
from models import password as passwords
from models.base import HOUR_SECONDS, SECOND_MICROSECONDS

__all__ = [
    "authenticate",
    "current_login",
    "current_user",
    "init",
    "is_safe_path",
    "issue_token",
    "limit_password_attempts",
    "listener_required",
    "login_required",
    "network",
    "public_url",
    "requesting_user",
    "session_or_token_required",
    "sign_in",
    "sign_out",
    "throttle",
    "throttle_confirmation",
    "token_required",
]

ALGORITHM = "HS256"
# How many tokens a worker verifies only once: that takes as long as two queries.
TOKENS_REMEMBERED = 1_000
# The kinds of logins that a token stands for.
TOKENS = ("token", "page")
ATTEMPTS_SECONDS = 15 * 60
# Limits as (attempts, seconds).
THROTTLES = {
    "register": (200, HOUR_SECONDS),
    "chats": (60, 60),
    "reactions": (240, 60),
    # Each edit writes a revision and an event.
    "edits": (240, 60),
    # Each rename rewrites every message that mentions the person.
    "rename": (20, HOUR_SECONDS),
    "forgotten": (20, HOUR_SECONDS),
    # Each sends an e-mail to an address that may be a stranger's.
    "confirmations": (6, HOUR_SECONDS),
    "confirmations_network": (20, HOUR_SECONDS),
}
WRONG_PASSWORDS = 10
WRONG_PASSWORDS_FROM_ONE_ADDRESS = 100
# Excludes paths that a browser would resolve to another site (rule 11).
SAFE_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")

# Requests that one person, or one address that is not signed in, may send to a worker: (a minute, burst). These bound a
# worker's load, so each worker counts for itself.
PACES = {
    # Every change, read marks, drafts, "is typing" and short tokens included.
    "change": (600, 200),
    # The slowest endpoints.
    "costly": (240, 60),
    "look": (1200, 400),
}
COSTLY = {
    "api.search", "api.find_everything", "api.message_history", "api.list_chats", "api.list_messages",
    "search.index", "messages.history",
}  # fmt: skip
# Files are many on a page and cheap; streams have their own limit.
UNPACED = {"static", "assets.stylesheet", "assets.script", "api.listen", "chat.healthz"}
# A browser opens six connections.
AT_ONCE_MIN = 6
buckets, in_flight = Buckets(), InFlight()

P = ParamSpec("P")
R = TypeVar("R")

login_manager = LoginManager()
login_manager.login_view = "sessions.login"
login_manager.login_message = None
# Each login has its own row; a changed address or browser alone proves nothing.
login_manager.session_protection = None


def init(app: Flask, jwt_key: str, threads: int) -> None:
    """Set up authentication. One person may occupy half of the `threads`."""
    app.config["JWT_KEY"] = jwt_key
    app.config["AT_ONCE"] = max(AT_ONCE_MIN, threads // 2)
    app.before_request(admit_session)
    app.teardown_request(release)
    login_manager.user_loader(user_by_session)
    login_manager.unauthorized_handler(redirect_to_login)
    login_manager.init_app(app)
    check_logins_by(check_login)
    passwords.limit_per_client(lambda: network() if has_request_context() else "")


def check_login() -> None:
    """Raise SignedOut when this request's login has ended since it was loaded."""
    if has_app_context() and "login" in g:
        Login.check_alive(g.login.id)


# Sessions


def user_by_session(secret: str) -> User | None:
    """Load the user of a session or remember cookie; both hold a login's secret."""
    # The error page for a broken database must not query it again.
    login = None if g.get("broken") else Login.by_secret(secret, ["browser"])
    if login is None:
        return None
    g.login = login
    user = login.user
    user.login_secret = secret
    return user


def redirect_to_login() -> AnyResponse:
    """Redirect to the login page. A form with text gets 401 instead, so that the text is not lost."""
    if request.method == "POST" and request.form.get("text"):
        raise Unauthorized
    return redirect(login_url("sessions.login", request.url))


def current_login() -> Login:
    """The login of this request. Raises Unauthorized when there is none."""
    if not current_user.is_authenticated or not hasattr(g, "login"):
        raise Unauthorized
    login: Login = g.login
    return login


def sign_in(user: User, remember: bool = False) -> None:
    """Open a login for this browser, and end the one it had before."""
    if current_user.is_authenticated:
        sign_out()
    # Against session fixation: a CSRF token planted before the login becomes invalid.
    session.clear()
    # Here already, so that the pages that follow set no cookie (cache/responses.py).
    session["csrf_token"] = secrets.token_hex(20)
    login = open_login(user, "browser", remember=remember)
    g.login = login
    user.login_secret = login.secret
    login_user(user, remember=remember)


def open_login(user: User, kind: str, **how: Any) -> Login:
    """Open a login for the request's browser and address. Raises Unauthorized when the account changed meanwhile."""
    try:
        return Login.open(user, kind, request.user_agent.string, address(), **how)
    except NotThere as gone:
        raise Unauthorized from gone


def sign_out() -> None:
    """End this browser's login. Copies of its cookies become invalid."""
    current_login().close()
    # The rest of the request runs without a login.
    del g.login
    session.clear()
    logout_user()


# Tokens


def issue_token(user: User, kind: str = "token", parent: Login | None = None) -> tuple[str, int]:
    """Issue a signed token. Returns it and its expiry in microseconds; it also ends when its login's row is deleted."""
    login = open_login(user, kind, parent=parent)
    claims = {
        "sub": str(user.id),
        "jti": login.secret,
        "iat": login.created_at // SECOND_MICROSECONDS,
        "exp": login.expires_at // SECOND_MICROSECONDS,
    }
    return jwt.encode(claims, current_app.config["JWT_KEY"], algorithm=ALGORITHM), login.expires_at


def token_claims() -> dict[str, Any]:
    """The claims of the request's Bearer token. Raises Unauthorized."""
    return claims_of(request.headers.get("Authorization", ""), str(current_app.config["JWT_KEY"]))


def claims_of(authorization: str, jwt_key: str) -> dict[str, Any]:
    """The claims of the Bearer token in an Authorization header. Raises Unauthorized (RFC 6750)."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("A Bearer token is needed.")
    try:
        claims = verified_claims(token.strip(), jwt_key)
        if int(claims["exp"]) <= time.time():
            raise jwt.ExpiredSignatureError
    except jwt.InvalidTokenError as error:
        raise Unauthorized("This token is not valid.") from error
    return claims


@lru_cache(TOKENS_REMEMBERED)
def verified_claims(token: str, key: str) -> dict[str, Any]:
    """The claims of a token, once its signature is verified. The caller must check whether it has expired."""
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        # Tokens issued before the clock was set back stay valid.
        options={"require": ["exp", "iat", "sub", "jti"], "strict_aud": True, "verify_iat": False},
    )
    return claims


def read_token(app: Flask, authorization: str) -> Token | None:
    """What is in the Bearer token of an Authorization header; None when it is not valid."""
    try:
        claims = claims_of(authorization, app.config["JWT_KEY"])
    except Unauthorized:
        return None
    return Token(str(claims["jti"]), claims["sub"], claims["exp"])


def user_by_token() -> User:
    """The user of the request's Bearer token. Raises Unauthorized."""
    claims = token_claims()
    login = Login.by_secret(str(claims["jti"]), TOKENS)
    if login is None or claims["sub"] != str(login.user_id):
        raise Unauthorized("This token is not valid.")
    g.login = login
    admit(int(login.user_id))
    return login.user


def token_required(handler: Callable[P, R]) -> Callable[P, R]:
    """Require a valid token; sets `g.user` and `g.login`."""

    @wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        g.user = user_by_token()
        return handler(*args, **kwargs)

    return wrapped


def session_or_token_required(view: Callable[P, Any]) -> Callable[P, Any]:
    """Require a token or a session; sets `g.user`. A browser without a session is redirected to the login page."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Response | AnyResponse:
        if "Authorization" in request.headers:
            g.user = user_by_token()
        elif current_user.is_authenticated:
            g.user = current_user._get_current_object()
        else:
            return redirect_to_login()
        response: AnyResponse = view(*args, **kwargs)
        return response

    return wrapped


def listener_required(handler: Callable[P, R]) -> Callable[P, R]:
    """Require a token, or a session and a same-origin request; for the live stream only (rule 12).

    A browser's EventSource can't send a token. Sets `g.listener` to the ids of the user and the login, and loads no
    rows: after a restart all clients reconnect at once.
    """

    @wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        is_ours = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        if "Authorization" not in request.headers and is_ours and current_user.is_authenticated:
            g.listener = current_login().user_id, current_login().id
        else:
            g.listener = listener_by_token()
        return handler(*args, **kwargs)

    return wrapped


def listener_by_token() -> tuple[int, int]:
    """The ids of the Bearer token's user and login. Raises Unauthorized."""
    claims = token_claims()
    known = Login.find_ids(str(claims["jti"]), TOKENS)
    if known is not None and claims["sub"] == str(known[1]):
        return known[1], known[0]
    return int(user_by_token().id), int(g.login.id)


def requesting_user() -> User:
    """The user who requests a file, by token or by session."""
    user: User = g.user
    return user


def public_url(path: str) -> str:
    """The absolute URL of a path. Raises Forbidden when the site's public name is unknown.

    The name comes from PUBLIC_URL. Without it the request's Host header counts if it can be trusted: one of
    TRUSTED_HOSTS, or this machine or network. Behind a proxy it can't.
    """
    config = current_app.config
    is_known = not config["PROXY_COUNT"] and (config["TRUSTED_HOSTS"] or origin.is_local(request.host))
    if not config["PUBLIC_URL"] and not is_known:
        raise Forbidden(words("Reset links don’t work yet: the server administrator must set PUBLIC_URL."))
    return str(config["PUBLIC_URL"] or request.host_url.rstrip("/")) + path


# Throttling


def authenticate(username: str, password: str) -> User | None:
    """The account with this name and password, else None. Raises TooMany, Busy.

    Attempts are counted per name and address, and per address, so the owner can still log in from elsewhere (rule 9).
    """
    by_name = f"login:{usernames.key(username)[:64]}:{network()}"
    from_address = f"logins:{network()}"
    # A name without attempts left uses up none of its address.
    attempts = (by_name, WRONG_PASSWORDS), (from_address, WRONG_PASSWORDS_FROM_ONE_ADDRESS)
    with count_attempts(*attempts):
        user = accounts.authenticate(username, password)
    if user is not None:
        Attempt.clear(by_name)
        Attempt.give_back(from_address)
    return user


def limit_password_attempts() -> AbstractContextManager[None]:
    """Limit guesses at the current user's own password, for example in a browser left open.

    Counted by login: a stolen login does not lock the owner out elsewhere, and can't get another login without the
    password. Raises TooMany, Busy.
    """
    return count_attempts((f"password:{requester()}", WRONG_PASSWORDS))


@contextmanager
def count_attempts(*attempts: tuple[str, int]) -> Iterator[None]:
    """Count a password attempt under these keys, unless it is refused before it is checked. Raises TooMany."""
    counted: list[str] = []
    with passwords.place():
        try:
            for key, limit in attempts:
                Attempt.take(key, limit, ATTEMPTS_SECONDS)
                counted.append(key)
            yield
        except (Busy, TooMany):
            for key in counted:
                Attempt.give_back(key)
            raise


def throttle(what: str, key: str | None = None) -> None:
    """Count an attempt at `what` under `key`, by default the requester. Raises TooMany."""
    limit, seconds = THROTTLES[what]
    Attempt.take(f"{what}:{key or requester()}", limit, seconds)


def requester() -> str:
    """The requester's key for throttles: the login (a stolen one uses up none of the owner's), else the address."""
    login: Login | None = g.get("login")
    return network() if login is None else f"{login.user_id}:{login.root_id}"


def throttle_confirmation(user: User) -> None:
    """Count an e-mail to an address that the account has not confirmed yet. Raises TooMany.

    Call it after the password check, so that a stolen login uses up none of the owner's attempts.
    """
    throttle("confirmations", str(user.id))
    throttle("confirmations_network", network())


def admit_session() -> None:
    """Admit a request by session or without login; user_by_token() admits one with a token."""
    if is_paced() and "Authorization" not in request.headers:
        admit(int(current_user.id) if current_user.is_authenticated else network())


def is_paced() -> bool:
    return limits.throttled and request.endpoint not in UNPACED and request.blueprint != "files"


def admit(who: int | str) -> None:
    """Count a request. Raises TooMany when it exceeds the requester's limit per minute or at once in this worker."""
    if not is_paced() or "admitted" in g:
        return
    pace = "costly" if request.endpoint in COSTLY else "look" if request.method in ("GET", "HEAD") else "change"
    if wait := buckets.take((pace, who), *PACES[pace]):
        raise TooMany(wait)
    if not in_flight.enter(who, current_app.config["AT_ONCE"]):
        raise TooMany(1)
    g.admitted = who


def is_within_limits(pace: str, user_id: int) -> bool:
    """Count a request that is answered from memory. Returns whether it is within its person's limits."""
    return not limits.throttled or not buckets.take((pace, user_id), *PACES[pace])


def release(error: BaseException | None) -> None:
    """Stop counting a request as in flight."""
    if (who := g.pop("admitted", None)) is not None:
        in_flight.leave(who)


def address() -> str:
    """The request's address, as reported by the configured proxies."""
    return request.remote_addr or ""


def network() -> str:
    """The address as throttles count it: for IPv6 the /64, which one household or server has."""
    return origin.network(address())


def is_safe_path(path: str | None) -> bool:
    """Whether a path leads to a page of this site."""
    return bool(path and SAFE_PATH.fullmatch(path))
