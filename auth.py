"""Who is asking: sessions for pages, JWT for the API, and how often one may try."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address, ip_network
from typing import Any, ParamSpec, TypeVar

import jwt
from flask import Flask, Response, current_app, g, redirect, request, session
from flask_login import LoginManager, current_user, login_required, login_url, login_user, logout_user
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as AnyResponse

import names
from models import Attempt, Login, NotThere, User

__all__ = [
    "authenticate",
    "current_login",
    "current_user",
    "init",
    "is_safe_path",
    "issue_token",
    "listener_required",
    "login_required",
    "public",
    "reader",
    "session_or_token_required",
    "sign_in",
    "sign_out",
    "throttle",
    "token_required",
]

ALGORITHM = "HS256"
# The kinds of logins that a token stands for.
TOKENS = ("token", "page")
QUARTER = 15 * 60
# How often in how many seconds.
THROTTLES = {
    "register": (200, 3600),
    "chats": (60, 60),
    "reactions": (240, 60),
    # Each keeps the text before it, and tells the new one.
    "edits": (240, 60),
    # Each writes anew every message that mentions the person.
    "rename": (20, 3600),
    "password": (10, QUARTER),
    "forgotten": (20, 3600),
}
WRONG_PASSWORDS = 10
WRONG_PASSWORDS_FROM_ONE_ADDRESS = 100
# No browser's address bar would make of it what the server sees as a path of this site (rule 11).
SAFE_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")

P = ParamSpec("P")
R = TypeVar("R")

login_manager = LoginManager()
login_manager.login_view = "sessions.login"
login_manager.login_message = None
# Each login is a row of its own; a changed address or browser alone says nothing.
login_manager.session_protection = None


def init(app: Flask, jwt_key: str) -> None:
    """Let the app know who is asking."""
    app.config["JWT_KEY"] = jwt_key
    login_manager.user_loader(user_by_session)
    login_manager.unauthorized_handler(lead_to_login)
    login_manager.init_app(app)


# Sessions


def user_by_session(secret: str) -> User | None:
    """The person behind a session or remember cookie, which both hold a login's secret."""
    # A page that tells of a database out of order asks it nothing more.
    login = None if g.get("broken") else Login.by_secret(secret, ["browser"])
    if login is None:
        return None
    g.login = login
    user = login.user
    user.login_secret = secret
    return user


def lead_to_login() -> AnyResponse:
    """To the login page and back; but what somebody wrote while their session ended is not thrown away."""
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
    """Open a login for this browser; one that it had before ends."""
    if current_user.is_authenticated:
        sign_out()
    # Nothing of the time before: a form's token that somebody planted is worth nothing now.
    session.clear()
    login = opened(user, "browser", remember=remember)
    g.login = login
    user.login_secret = login.secret
    login_user(user, remember=remember)


def opened(user: User, kind: str, **how: Any) -> Login:
    """A login from where the request came. Raises Unauthorized when the account has changed since it was asked."""
    try:
        return Login.open(user, kind, request.user_agent.string, address(), **how)
    except NotThere as gone:
        raise Unauthorized from gone


def sign_out() -> None:
    """End this browser's login; a copy of its cookies is dead from now on."""
    current_login().close()
    session.clear()
    logout_user()


# Tokens


def issue_token(user: User, kind: str = "token", parent: Login | None = None) -> tuple[str, int]:
    """A signed token and the moment it ends at, in microseconds. It dies earlier with its login's row."""
    login = opened(user, kind, parent=parent)
    claims = {
        "sub": str(user.id),
        "jti": login.secret,
        "iat": login.created_at // 1_000_000,
        "exp": login.expires_at // 1_000_000,
    }
    return jwt.encode(claims, jwt_key(), algorithm=ALGORITHM), login.expires_at


def claims_of_token() -> dict[str, Any]:
    """What the request's Bearer token says, when it is one of ours. Raises Unauthorized (RFC 6750)."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("A Bearer token is needed.")
    try:
        claims: dict[str, Any] = jwt.decode(
            token.strip(),
            jwt_key(),
            algorithms=[ALGORITHM],
            # A clock that was set back must not void the tokens of the time before.
            options={"require": ["exp", "iat", "sub", "jti"], "strict_aud": True, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise Unauthorized("This token is not valid.") from error
    return claims


def user_by_token() -> User:
    """The person behind the request's Bearer token. Raises Unauthorized."""
    claims = claims_of_token()
    login = Login.by_secret(str(claims["jti"]), TOKENS)
    if login is None or claims["sub"] != str(login.user_id):
        raise Unauthorized("This token is not valid.")
    g.login = login
    return login.user


def jwt_key() -> str:
    return str(current_app.config["JWT_KEY"])


def token_required(handler: Callable[P, R]) -> Callable[P, R]:
    """Let in only who brings a living token; `g.user` and `g.login` are theirs."""

    @wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        g.user = user_by_token()
        return handler(*args, **kwargs)

    return wrapped


def session_or_token_required(view: Callable[P, Any]) -> Callable[P, Any]:
    """Let in by token when one is sent, else by session; a browser without one is led to the login page."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Response | AnyResponse:
        if "Authorization" in request.headers:
            g.user = user_by_token()
        elif current_user.is_authenticated:
            g.user = current_user._get_current_object()
        else:
            return lead_to_login()
        seen: AnyResponse = view(*args, **kwargs)
        return seen

    return wrapped


def listener_required(handler: Callable[P, R]) -> Callable[P, R]:
    """Let in by token, else by the session of one of this site's own pages; for the live stream alone (rule 12).

    A browser's EventSource can send no token. `g.listener` are the ids of the person and of their login: when a
    server comes back all listeners come at once, so nothing is loaded that a stream does not need.
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
    """The ids of the person behind the request's Bearer token and of their login. Raises Unauthorized."""
    claims = claims_of_token()
    known = Login.glimpsed(str(claims["jti"]), TOKENS)
    if known is not None and claims["sub"] == str(known[1]):
        return known[1], known[0]
    return int(user_by_token().id), int(g.login.id)


def reader() -> User:
    """Who asks for a file, by token or by session."""
    user: User = g.user
    return user


def public(path: str) -> str:
    """A path of this site as an address to hand over, by the name that the operator set, else by which it was asked."""
    base: str = current_app.config["PUBLIC_URL"] or request.host_url.rstrip("/")
    return base + path


# How often


def authenticate(username: str, password: str) -> User | None:
    """The account that a name and password open, else None. Raises TooMany.

    Counted for a name from one address, and for an address: the true owner gets in from elsewhere (rule 9).
    """
    own = f"login:{names.key(username)[:64]}:{network()}"
    everybody = f"logins:{network()}"
    Attempt.take(everybody, WRONG_PASSWORDS_FROM_ONE_ADDRESS, QUARTER)
    Attempt.take(own, WRONG_PASSWORDS, QUARTER)
    user = User.check(username, password)
    if user is not None:
        Attempt.clear(own)
        Attempt.give_back(everybody)
    return user


def throttle(what: str, key: str | None = None) -> None:
    """Count one try of `what` by `key`, else by the asking address. Raises TooMany."""
    limit, seconds = THROTTLES[what]
    Attempt.take(f"{what}:{key or network()}", limit, seconds)


def address() -> str:
    """Where the request came from, as far as the configured proxies tell."""
    return request.remote_addr or ""


def network() -> str:
    """The address as throttles count it: of IPv6 the /64, which is what one household or server has."""
    try:
        came_from = ip_address(address())
    except ValueError:
        return address()
    return str(ip_network((came_from, 64), strict=False)) if came_from.version == 6 else str(came_from)


def is_safe_path(path: str | None) -> bool:
    """Whether a path leads to a page of this site and nowhere else."""
    return bool(path and SAFE_PATH.fullmatch(path))
