"""The app. `python chat.py` serves it; `gunicorn chat:app` does on a host."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import MutableMapping
from datetime import timedelta
from functools import partial
from typing import Any

import flask
from flask import Flask, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_babel import Babel, force_locale, gettext
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from itsdangerous import BadSignature
from peewee import DatabaseError
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.routing import IntegerConverter

import api
import auth
import commands
import models
import views
from actions import emails
from api.fast_json import FastJson
from cache.requests import RequestReader
from cache.responses import CACHEABLE, PARTS, Parts, ResponseCache
from commands import serving, start
from config import ConfigError, Settings
from lib import logs, mailer, private, uploads
from lib.compression import compress
from lib.limits import REMEMBERED_DAYS
from lib.origin import Origin, is_host
from lib.storage import Upload
from models import outcomes, password
from models.base import media
from models.user import LANGUAGES
from stream import client as stream_client
from stream import endpoint as stream_endpoint
from stream import supervisor
from views import errors

logger = logging.getLogger("flask_chat")
csrf = CSRFProtect()

SMALL_BODY = 2**20
# The rest of a request with files: boundaries, names and the text.
AROUND_FILES = 2**20
TAKES_FILES = {
    "messages.create", "users.settings", "chats.edit", "api.create_message", "api.put_avatar", "api.put_picture",
}  # fmt: skip
UPLOADS_AT_ONCE = 4
YEAR = 365 * 86_400
HEALTH = "/healthz"
# The secret of a one-time link in a path, also of a malformed one. It is never logged.
LINK_SECRET = re.compile(r"(?<=/reset/|/email/).+", re.DOTALL)
# Usernames stay out of the log, which keeps them when an account is closed.
USERNAME = re.compile(r"(?<=^/users/)[^/]+")


# Of scripts, styles and pictures of the interface, which load nothing themselves. A first load has a dozen of them.
ASSET_POLICY = (
    "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


class Id(IntegerConverter):
    """An id in an address: what 64 bits can hold, else there is no such page."""

    regex = "[0-9]{1,18}"


class Environment(flask.templating.Environment):
    """Flask's, but each template has a plain dict of globals.

    Jinja's ChainMap is for globals that change later, and its comparisons took a tenth of the time of a page.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class App(Flask):
    """Flask, behind as many proxies as the settings name."""

    request_class = uploads.Request
    json_provider_class = FastJson
    jinja_environment = Environment

    def put_in_front(self, layer: Any, proxies: int) -> None:
        """Pass requests through a WSGI layer, and believe this many proxies about the client's address and scheme."""
        self.front = Origin(layer, proxies)

    def create_url_adapter(self, request: flask.Request | None) -> Any:
        """Raises SecurityError where `Host` names no host: Werkzeug would fail over it, here or later."""
        if request is not None and not is_host(request.environ.get("HTTP_HOST", "localhost")):
            raise SecurityError("The Host header names no host.")
        if request is not None and request.path == HEALTH:
            # Who looks after a server asks it by its address, whatever names TRUSTED_HOSTS has for people.
            return self.url_map.bind_to_environ(request.environ)
        return super().create_url_adapter(request)

    def process_response(self, response: flask.Response) -> flask.Response:
        """Under TLS every cookie is Secure, whoever set it."""
        response = super().process_response(response)
        if request.is_secure:
            cookies = response.headers.getlist("Set-Cookie")
            response.headers.setlist("Set-Cookie", [c if "; Secure" in c else f"{c}; Secure" for c in cookies])
        return response

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.front(environ, start_response)


class Sessions(SecureCookieSessionInterface):
    """Flask's, but for the cookie's own date: how old a session may be stands in its login's row (rule 6).

    Once the clock was set back that date is in the future, and nobody would be signed in.
    """

    def open_session(self, app: Flask, request: flask.Request) -> SecureCookieSession:
        return self.read(app, request.cookies.get(self.get_cookie_name(app), ""))

    def read(self, app: Flask, cookie: str) -> SecureCookieSession:
        """The session in a cookie; an empty one when its signature is wrong."""
        serializer = self.get_signing_serializer(app) if cookie else None
        try:
            return self.session_class(serializer.loads(cookie) if serializer else None)
        except BadSignature:
            return self.session_class()


def create_app(settings: Settings | None = None) -> Flask:
    """The messenger, ready to answer. Raises ConfigError for a setting that is missing or bad."""
    logs.install()
    settings = settings or Settings.read()
    private.restrict_umask()
    app = App(__name__)
    configure(app, settings)
    models.open_database(settings.database_url, settings.database_connections)
    models.use(
        settings.media_dir,
        # Some threads stay free for everybody else (rule 25).
        bucket=settings.bucket and {**settings.bucket, "at_once": max(1, settings.threads - 2)},
        pictures_at_once=max(1, settings.threads // 2),
        throttled=settings.rate_limits,
        **settings.limits,
    )
    password.use_key(settings.secret_key)
    mailer.configure(settings.mail)
    emails.use(lambda language, sentence: translate(app, language, sentence), settings.public_url or "")
    guard(app, settings)
    views.register(app)
    stream_client.use(os.environ.get(supervisor.VARIABLE))
    stream_endpoint.serve(settings.database, settings.cursor_key, settings.threads, settings.heartbeat)
    app.register_blueprint(api.api)
    csrf.exempt(api.api)
    app.add_url_rule(HEALTH, "chat.healthz", healthz)
    app.register_error_handler(Exception, answer_error)
    app.context_processor(lambda: {"csp_nonce": csp_nonce, "language": language()})
    commands.register(app)
    return app


def configure(app: App, settings: Settings) -> None:
    """Configure Flask and its extensions."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=SMALL_BODY,
        MAX_FORM_MEMORY_SIZE=SMALL_BODY,
        MAX_FORM_PARTS=200,
        SEND_FILE_MAX_AGE_DEFAULT=YEAR,
        SESSION_COOKIE_NAME="chat",
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_NAME="chat_remembered",
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_DURATION=timedelta(days=REMEMBERED_DAYS),
        # A form that stayed open overnight still works.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=True,
        RECEIVE_UPLOAD=receive_upload,
        UPLOADS=threading.BoundedSemaphore(min(UPLOADS_AT_ONCE, max(1, settings.threads // 2))),
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        BABEL_TRANSLATION_DIRECTORIES="translations",
        PUBLIC_URL=settings.public_url,
        LOCAL_URL=serving.address(settings),
        PROXY_COUNT=settings.proxies,
    )
    app.url_map.converters["int"] = Id
    app.session_interface = Sessions()
    # Else /api//users would be answered by a redirect that no error handler sees.
    app.url_map.merge_slashes = False
    app.put_in_front(response_cache(app) if settings.response_cache else app.wsgi_app, settings.proxies)


def response_cache(app: App) -> ResponseCache:
    """The cache of responses, in front of the app."""
    new_values = {"nonce": new_secret, "key": new_secret, "cursor": stream_endpoint.cursor}
    return ResponseCache(
        app.wsgi_app,
        RequestReader(partial(Sessions().read, app), partial(auth.read_token, app)),
        new_values,
        auth.is_within_limits,
    )


def new_secret() -> str:
    return secrets.token_urlsafe(16)


def receive_upload(name: str, content_type: str) -> Upload:
    """Where an uploaded file is written to."""
    return media.store.receive(name, content_type, models.limits.file_max)


def guard(app: Flask, settings: Settings) -> None:
    """Register what runs around each request. The order counts: who asks is known before a form's body is read."""
    app.before_request(start_request)
    # What is registered first runs last: after Flask-Login has looked into the session.
    app.after_request(leave_session_out_of_static)
    auth.init(app, settings.jwt_secret_key, settings.threads)
    app.before_request(limit_body)
    app.before_request(stream_endpoint.mark)
    app.before_request(refuse_foreign_forms)
    csrf.init_app(app)
    # The log of requests has a line for a form without a token already.
    logging.getLogger("flask_wtf.csrf").setLevel(logging.WARNING)
    Babel(app, locale_selector=language)
    app.after_request(set_security_headers)
    app.after_request(log_request)
    # What is registered last runs first: the others see the response as it is sent.
    app.after_request(compress_unless_cached)
    app.teardown_request(end_request)


# Around a request


def start_request() -> None:
    """Give the request an id, and note when it began."""
    g.request_id = secrets.token_hex(4)
    g.began = time.perf_counter()
    models.database.reopen_replaced()
    if isinstance(request.routing_exception, SecurityError):
        # Before anything else: without a host there are no addresses, so no page can be made.
        raise request.routing_exception


def limit_body() -> None:
    """Limit the body's size before it is read: large ones only where files go, and only from people signed in."""
    if request.endpoint not in TAKES_FILES or request.method not in ("POST", "PUT"):
        return
    if request.mimetype != "multipart/form-data":
        # Of any other body all would lie in memory.
        return
    if not (current_user.is_authenticated if request.blueprint != "api" else "Authorization" in request.headers):
        return
    if request.content_length is None or request.content_length > SMALL_BODY:
        # A slow upload holds its thread: some threads stay free for everybody else (rule 25).
        if not flask.current_app.config["UPLOADS"].acquire(blocking=False):
            raise models.Busy(retry_after=5)
        g.uploading = True
    request.max_content_length = models.limits.file_max * models.limits.files_max + AROUND_FILES


def refuse_foreign_forms() -> None:
    """Refuse a form that another site sends, whatever its token (rule 12, docs/decisions/0034)."""
    if request.method in ("GET", "HEAD", "OPTIONS") or request.blueprint == "api":
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        flask.abort(403)


def language() -> str:
    """The language that the user has chosen, else the best match of Accept-Language, else the default."""
    chosen = "" if g.get("broken") else getattr(g.get("user") or current_user, "language", "")
    return chosen or request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])


def translate(app: App, language: str, sentence: models.Words) -> str:
    """A sentence in a language, outside of any request."""
    with app.app_context(), force_locale(language):
        return str(gettext(sentence.message, **sentence.params))


def csp_nonce() -> str:
    """The nonce that lets this page's own scripts run."""
    if "nonce" not in g:
        g.nonce = new_secret()
    return str(g.nonce)


def page_policy() -> str:
    """What a page may load: its own scripts alone run."""
    script = f"'nonce-{csp_nonce()}'" if "nonce" in g else "'none'"
    if "import_map" in g:
        script += f" {g.import_map.source}"
    return (
        f"default-src 'none'; script-src {script}; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
        "connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types chat"
    )


def set_security_headers(response: flask.Response) -> flask.Response:
    """Set the headers that every response has (rule 14); a view that needs stricter ones has set them already."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", ASSET_POLICY if is_same_for_all(response) else page_policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if is_same_for_all(response):
        # Their addresses change with their content, and a cached one would show the id of a former request.
        for name in ("Content-Disposition", "Last-Modified", "X-Request-ID"):
            headers.pop(name, None)
    else:
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "private, no-cache")
        response.vary.update(["Cookie", "Accept-Language", "X-Pane"])
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
    return response


def compress_unless_cached(response: flask.Response) -> flask.Response:
    """Compress a response; what will be cached is compressed with that, in pieces."""
    if CACHEABLE not in request.environ or response.status_code != 200 or g.get("uncacheable"):
        return compress(response)
    response.vary.add("Accept-Encoding")
    changing = {name: str(g.get(name, "")) for name in ("nonce", "key", "cursor")}
    request.environ[PARTS] = Parts(changing, (str(g.get("csrf_token", "")),))
    return response


def leave_session_out_of_static(response: flask.Response) -> flask.Response:
    """Let caches share what is the same for everyone: it doesn't vary by cookie."""
    if is_same_for_all(response):
        flask.session.accessed = False
    return response


def is_same_for_all(response: flask.Response) -> bool:
    """Whether caches may keep a response for others. An error page names who is signed in, on these addresses, too."""
    return request.endpoint in views.assets.ENDPOINTS and response.status_code in (200, 206, 304)


def log_request(response: flask.Response) -> flask.Response:
    """Log one line per request: no query, no text, no token (rule 29)."""
    response.headers["X-Request-ID"] = g.request_id
    if isinstance(response, stream_endpoint.EventStream):
        # Whether it becomes a stream is known later, and not to this process.
        return response
    milliseconds = (time.perf_counter() - g.began) * 1000
    path = USERNAME.sub("<username>", LINK_SECRET.sub("<token>", request.path))
    logger.info("%s %s %s %d %.0fms", g.request_id, request.method, path, response.status_code, milliseconds)
    return response


def end_request(error: BaseException | None) -> None:
    """Release what the request held."""
    if g.pop("uploading", False):
        flask.current_app.config["UPLOADS"].release()
    unused: list[Upload] = g.pop("uploads", [])
    for upload in unused:
        upload.discard()
    models.database.end_request(is_sound=not g.get("broken"))


def healthz() -> tuple[dict[str, str], int]:
    """Whether the database answers."""
    if models.migration.answers():
        return {"status": "ok"}, 200
    return {"status": "the database does not answer"}, 503


def answer_error(error: Exception) -> Any:
    """Every error, as problem+json for programs and as a page for people."""
    if type(error).__module__ == "gunicorn.http.errors":
        # The server's own reader of bodies: a chunk of no length, or an end before the end.
        error = BadRequest("The body is malformed or cut short.")
    g.broken = g.get("broken", False) or isinstance(error, DatabaseError)
    note_error(error)
    if request.path.startswith("/api/") or request.path == "/api" or "Authorization" in request.headers:
        return api.answer_error(error)
    if isinstance(error, SecurityError):
        # The Host header is not this site's: there is no page to show.
        return flask.Response("Bad Request\n", 400, content_type="text/plain")
    return errors.answer(error)


def note_error(error: Exception) -> None:
    """Log a bug with its traceback, under the request's id; trouble of the machine in one line."""
    found = outcomes.of(error)
    if found.is_ours:
        logger.error("%s %s", g.request_id, type(error).__name__, exc_info=error)
    elif found.status >= 500:
        logger.warning("%s %s: %s", g.request_id, type(error).__name__, error)


def __getattr__(name: str) -> Any:
    # `gunicorn chat:app` and `flask` ask for it; a test that makes its own does not pay for it.
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = create_app(start.read_settings())
    except ConfigError as error:
        sys.exit(f"Flask Chat can't start: {error}")
    return globals()["app"]


if __name__ == "__main__":
    sys.exit(serving.serve())
