"""Error pages."""

from __future__ import annotations

from typing import Any

from flask import g, make_response, render_template, request
from flask_babel import gettext as _
from flask_login import current_user
from peewee import DatabaseError
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response

from models import Forbidden, Invalid, TooLarge, outcomes
from views.forms import translated


def answer(error: Exception) -> Response:
    """Render the page for an error; an internal one shows the request id under which it was logged."""
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error.get_response()
    # First, since the page's language depends on it.
    seen_by = viewer()
    code, retry = outcomes.of(error)
    title, hint = title_and_hint(code)
    page = render_template(
        "errors/error.html",
        code=code,
        title=title,
        words=detail(error) or hint,
        request_id=g.request_id,
        retry=code >= 500 or code == 429,
        typed=typed(),
        # Passed in, so that a failed database is not queried again.
        viewer=seen_by,
    )
    response = make_response(page, code)
    if retry:
        response.headers["Retry-After"] = str(retry)
    if isinstance(error, RequestedRangeNotSatisfiable):
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Content-Range")
    return response


def viewer() -> Any:
    """Return the signed-in user; None if the database fails."""
    try:
        return current_user if current_user.is_authenticated else None
    except DatabaseError:
        g.broken = True
        return None


TEXT_FIELDS = ("text", "title", "usernames", "name", "about")


def typed() -> str:
    """Return the text of a failed form, so that it can be shown again."""
    if request.method != "POST":
        return ""
    try:
        return "\n".join(request.form[field] for field in TEXT_FIELDS if request.form.get(field))
    except (HTTPException, OSError):
        # The body itself failed: too large, truncated, or the disk is full.
        return ""


def detail(error: Exception) -> str:
    """Return the text of an error that brings its own."""
    match error:
        case Forbidden() | TooLarge():
            return str(translated(error.reason))
        case Invalid():
            return " ".join(translated(words) for sentences in error.errors.values() for words in sentences)
    return ""


def title_and_hint(code: int) -> tuple[str, str]:
    """Return the title and hint of a status."""
    pages: dict[int, tuple[str, str]] = {
        400: (
            _("Couldn’t process the request"),
            _("The page may have been open for too long. Go back and try again."),
        ),
        401: (_("You’ve been signed out"), _("Nothing was saved. Log in and send it again.")),
        403: (_("You can’t change this"), _("Your role here doesn’t allow this change.")),
        404: (
            _("Page not found"),
            _("The link may be old, or you don’t have access."),
        ),
        405: (_("That doesn’t work here"), _("Go back and use the buttons on the page.")),
        413: (_("That’s too large"), _("Send less text or smaller files.")),
        422: (_("Couldn’t save"), _("Go back and check what you entered.")),
        429: (
            _("Slow down a little"),
            _("You’re doing this too often. Wait a moment and try again."),
        ),
        503: (
            _("One moment, please"),
            _("The server can’t save anything right now. Everything you sent before is safe. Try again in a moment."),
        ),
        507: (
            _("The server’s disk is full"),
            _("Everything you sent before is safe. You can go on once the server administrator frees up space."),
        ),
    }
    pages |= {409: pages[422], 410: pages[404]}
    fault = (
        _("Something went wrong"),
        _("It’s our fault. Everything you sent before is safe. Try again in a minute."),
    )
    return pages.get(code, fault if code >= 500 else pages[400])
