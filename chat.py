"""The app. `python chat.py` serves it; `gunicorn chat:app` does on a host."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import threading
import time
from typing import Any, cast

import flask
from flask import Flask, g, request
from flask.json.provider import DefaultJSONProvider
from flask_babel import Babel
from flask_login import current_user
from peewee import DatabaseError
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

import api
import auth
import commands
import events
import incoming
import live
import mail
import models
import supervisor
import views
from config import ConfigError, Settings
from models import password
from storage import Upload
from views import errors
from views.squeeze import MaskedCSRF, squeeze

log = logging.getLogger("flask_chat")
csrf = MaskedCSRF()

SMALL_BODY = 2**20
# The rest of a request with files: boundaries, names and the text.
AROUND_FILES = 2**20
TAKES_FILES = {
    "messages.create", "users.settings", "chats.edit", "api.create_message", "api.put_avatar", "api.put_picture",
}  # fmt: skip
UPLOADS_AT_ONCE = 4
YEAR = 365 * 86_400
# What of an address opens something by itself, also where it is asked for otherwise than it should be.
OPENS_BY_ITSELF = re.compile(r"(?<=/reset/|/email/).+", re.DOTALL)


class Id(IntegerConverter):
    """An id in an address: what 64 bits can hold, else there is no such page."""

    regex = "[0-9]{1,18}"


class App(Flask):
    """Flask, behind as many proxies as the settings name."""

    request_class = incoming.Request

    def trust(self, proxies: int) -> None:
        """Believe what this many proxies in front say of the client's address and scheme."""
        self.front = ProxyFix(self.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)

    def process_response(self, response: flask.Response) -> flask.Response:
        """Under TLS every cookie is Secure, whoever set it."""
        response = super().process_response(response)
        if request.is_secure:
            cookies = response.headers.getlist("Set-Cookie")
            response.headers.setlist("Set-Cookie", [c if "; Secure" in c else f"{c}; Secure" for c in cookies])
        return response

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.front(environ, start_response)


def create_app(settings: Settings | None = None) -> Flask:
    """The messenger, ready to answer. Raises ConfigError for a setting that is missing or bad."""
    settings = settings or Settings.read()
    app = App(__name__)
    configure(app, settings)
    models.open_database(settings.database_url)
    models.use(settings.media_dir, throttled=settings.rate_limits, event_days=settings.event_days, **settings.limits)
    password.use_key(settings.secret_key)
    mail.use(settings.mail)
    guard(app, settings)
    views.register(app)
    live.use(os.environ.get(supervisor.VARIABLE))
    events.serve(settings.database_path, settings.cursor_key, settings.threads, settings.heartbeat)
    app.register_blueprint(api.api)
    csrf.exempt(api.api)
    app.add_url_rule("/healthz", "chat.healthz", healthz)
    app.register_error_handler(Exception, answer_error)
    app.context_processor(lambda: {"csp_nonce": csp_nonce, "language": language()})
    commands.register(app)
    return app


def configure(app: App, settings: Settings) -> None:
    """What Flask and its extensions are told."""
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
        REMEMBER_COOKIE_DURATION=30 * 86_400,
        # A form that stayed open overnight still works.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=True,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        BABEL_TRANSLATION_DIRECTORIES="translations",
        PUBLIC_URL=settings.public_url,
        LOCAL_URL=commands.address(settings),
    )
    app.url_map.converters["int"] = Id
    # Else /api//users would be answered by a redirect that no error handler sees.
    app.url_map.merge_slashes = False
    cast("DefaultJSONProvider", app.json).sort_keys = False
    app.trust(settings.proxies)


def guard(app: Flask, settings: Settings) -> None:
    """What stands around every request. The order counts: who asks is known before a form's body is read."""
    app.before_request(begin)
    # Asked for first, done last: after Flask-Login has looked into the session.
    app.after_request(keep_static_apart)
    auth.init(app, settings.jwt_secret_key)
    app.before_request(bound_body)
    app.before_request(events.mark)
    app.before_request(refuse_foreign_forms)
    csrf.init_app(app)
    Babel(app, locale_selector=language)
    app.after_request(protect)
    app.after_request(note)
    app.after_request(incoming.read_off)
    # Asked for last, done first: what follows sees the page as it travels.
    app.after_request(squeeze)
    app.teardown_request(finish)


# Around a request


def begin() -> None:
    """Give the request a number and a clock."""
    g.request_id = secrets.token_hex(4)
    g.began = time.perf_counter()


def bound_body() -> None:
    """Bound the body before anything reads it: large ones only where files go, and only from people signed in."""
    if request.endpoint not in TAKES_FILES or request.method not in ("POST", "PUT"):
        return
    if request.mimetype != "multipart/form-data":
        # Of any other body all would lie in memory.
        return
    if not (current_user.is_authenticated if request.blueprint != "api" else "Authorization" in request.headers):
        return
    if request.content_length is None or request.content_length > SMALL_BODY:
        # A slow upload holds its thread: some threads stay free for everybody else (rule 25).
        if not uploads.acquire(blocking=False):
            raise models.Busy(retry_after=5)
        g.uploading = True
    request.max_content_length = models.limits.file_max * models.limits.files_max + AROUND_FILES


uploads = threading.BoundedSemaphore(UPLOADS_AT_ONCE)


def refuse_foreign_forms() -> None:
    """A form that another site sends is refused before its token is looked at (rule 12)."""
    if request.method in ("GET", "HEAD", "OPTIONS") or request.blueprint == "api":
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        flask.abort(403)


def language() -> str:
    """The own choice of who asks, by token or by session, else what the request asks for, else English."""
    chosen = "" if g.get("broken") else getattr(g.get("user") or current_user, "language", "")
    return chosen or request.accept_languages.best_match(["en", "ru"], "en")


def csp_nonce() -> str:
    """The word that lets this page's own scripts run."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def protect(response: flask.Response) -> flask.Response:
    """Headers that every answer carries (rule 14); a view that needs stricter ones has set them already."""
    script = f"'nonce-{csp_nonce()}'" if "nonce" in g else "'none'"
    policy = (
        f"default-src 'none'; script-src {script}; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
        "connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types chat"
    )
    headers = response.headers
    headers.setdefault("Content-Security-Policy", policy)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if request.endpoint not in views.assets.ENDPOINTS:
        headers.setdefault("Cache-Control", "private, no-cache")
        response.vary.update(["Cookie", "Accept-Language", "X-Pane"])
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
    return response


def keep_static_apart(response: flask.Response) -> flask.Response:
    """What is the same for everyone is not kept apart by cookie."""
    if request.endpoint in views.assets.ENDPOINTS:
        flask.session.accessed = False
    return response


def note(response: flask.Response) -> flask.Response:
    """One line a request: no query, no text, no token (rule 29)."""
    response.headers["X-Request-ID"] = g.request_id
    if isinstance(response, events.EventStream):
        # Whether it becomes a stream is known later, and not to this process.
        return response
    milliseconds = (time.perf_counter() - g.began) * 1000
    path = OPENS_BY_ITSELF.sub("<token>", request.path)
    log.info("%s %s %s %d %.0fms", g.request_id, request.method, path, response.status_code, milliseconds)
    return response


def finish(error: BaseException | None) -> None:
    """Let go of what the request held."""
    if g.pop("uploading", False):
        uploads.release()
    unkept: list[Upload] = g.pop("uploads", [])
    for upload in unkept:
        upload.discard()
    if not models.database.is_closed() and not models.database.in_transaction():
        models.database.close()


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
    if isinstance(error, SecurityError) and not request.path.startswith("/api"):
        # Asked for by a name that is not ours: there is no page of this site to show.
        return flask.Response("Bad Request\n", 400, content_type="text/plain")
    g.broken = g.get("broken", False) or isinstance(error, DatabaseError)
    if request.path.startswith("/api/") or request.path == "/api" or "Authorization" in request.headers:
        return api.answer_error(error)
    return errors.answer(error)


def __getattr__(name: str) -> Any:
    # `gunicorn chat:app` and `flask` ask for it; a test that makes its own does not pay for it.
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = create_app(commands.settings())
    except ConfigError as error:
        sys.exit(f"Flask Chat can't start: {error}")
    return globals()["app"]


if __name__ == "__main__":
    sys.exit(commands.serve())
