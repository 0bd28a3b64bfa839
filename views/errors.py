"""The pages for what went wrong, in the site's look and language."""

from __future__ import annotations

import errno
import logging
from typing import Any

from flask import g, make_response, render_template, request
from flask_babel import gettext as _
from flask_login import current_user
from peewee import DatabaseError, IntegrityError, ProgrammingError
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable, RequestEntityTooLarge
from werkzeug.wrappers import Response

from forms import translated
from models import Busy, Forbidden, Gone, Invalid, NotThere, TooLarge, TooMany

log = logging.getLogger(__name__)


def answer(error: Exception) -> Response:
    """The page for an error. A fault of ours is logged with its trace, under the number that the page tells."""
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error.get_response()
    # First of all: the words of the page are in the language of who sees it.
    seen_by = viewer()
    code, detail, retry = told(error)
    if code >= 500:
        log.error("%s %s", g.request_id, type(error).__name__, exc_info=None if retry else error)
    title, hint = said(code)
    page = render_template(
        "errors/error.html",
        code=code,
        title=title,
        words=detail or hint,
        request_id=g.request_id,
        retry=code >= 500 or code == 429,
        typed=typed(),
        # Nothing more is asked of a database that just failed.
        viewer=seen_by,
    )
    response = make_response(page, code)
    if retry:
        response.headers["Retry-After"] = str(retry)
    if isinstance(error, RequestedRangeNotSatisfiable):
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Content-Range")
    return response


def viewer() -> Any:
    """Who is signed in, as far as the database tells."""
    try:
        return current_user if current_user.is_authenticated else None
    except DatabaseError:
        g.broken = True
        return None


TYPED = ("text", "title", "usernames", "name", "about")


def typed() -> str:
    """The words that came with a form that failed: they are shown again, not lost."""
    if request.method != "POST":
        return ""
    try:
        return "\n".join(request.form[field] for field in TYPED if request.form.get(field))
    except RequestEntityTooLarge:
        return ""


def told(error: Exception) -> tuple[int, str, int]:
    """An error's status, its own words if it has any, and after how many seconds to try again (0: no matter)."""
    match error:
        case NotThere() | Gone():
            return 404, "", 0
        case Forbidden() | TooLarge():
            return (403 if isinstance(error, Forbidden) else 413), translated(error.reason), 0
        case Invalid():
            return 422, " ".join(translated(w) for said in error.errors.values() for w in said), 0
        case TooMany():
            return 429, "", error.retry_after
        case Busy():
            return 503, "", error.retry_after
        case DatabaseError() if not isinstance(error, IntegrityError | ProgrammingError):
            log.warning("%s the database: %s", g.request_id, error)
            return (507 if "full" in str(error) else 503), "", 5
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            log.warning("%s the media folder: %s", g.request_id, error)
            return (503 if error.errno == errno.EROFS else 507), "", 5
        case HTTPException():
            return error.code or 500, "", 0
    return 500, "", 0


def said(code: int) -> tuple[str, str]:
    """A title and a hint for each status that people meet."""
    pages: dict[int, tuple[str, str]] = {
        400: (
            _("That could not be read"),
            _("The form may have been open for too long. Please go back and try again."),
        ),
        401: (_("You were signed out"), _("Nothing was saved. Log in again and send it once more.")),
        403: (_("This is not yours to change"), _("You may see it, but the change needs another role.")),
        404: (
            _("There is nothing here"),
            _("Perhaps the link is old, or the page is for other people's eyes."),
        ),
        405: (_("That does not work this way"), _("Please use the buttons of the page.")),
        413: (_("That is too large"), _("Please send less, or smaller files.")),
        422: (_("That cannot be saved as it is"), _("Please go back and check what you entered.")),
        429: (
            _("A little too quick"),
            _("That was often in a short time. Please wait a moment and try again."),
        ),
        503: (
            _("One moment, please"),
            _("The server cannot save anything just now. Nothing that was sent before is lost. Please try again."),
        ),
        507: (
            _("The server's disk is full"),
            _("Nothing that was sent before is lost. The operator must make room; then it goes on by itself."),
        ),
    }
    fault = (
        _("That did not work"),
        _("The fault is ours. Nothing that was sent before is lost. Please try again in a minute."),
    )
    return pages.get(code, fault if code >= 500 else pages[400])
