"""What fails, as application/problem+json (RFC 9457): never a page, never a trace of the stack."""

from __future__ import annotations

import errno
import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Response, g, request
from peewee import DatabaseError, IntegrityError, ProgrammingError
from werkzeug.exceptions import HTTPException

import jobs
import models
from models import Busy, Invalid, Refused, Taken, TooMany

log = logging.getLogger(__name__)

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Problem(Exception):
    """An answer that is an error already."""

    def __init__(self, status: int, detail: str, errors: dict[str, list[str]] | None = None) -> None:
        self.status, self.detail, self.errors = status, detail, errors
        super().__init__(detail)


def problem(
    status: int, detail: str, errors: dict[str, list[str]] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """An answer of application/problem+json (RFC 9457)."""
    title = HTTPStatus(status).phrase
    told: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        told["errors"] = errors
    return Response(json.dumps(told, ensure_ascii=False), status, headers, content_type="application/problem+json")


def answer_error(error: Exception) -> Response:
    """Every error as a problem; a fault of ours is logged and tells nothing of itself."""
    match error:
        case Problem():
            return problem(error.status, error.detail, error.errors, CHALLENGE if error.status == 401 else None)
        case Refused():
            return refused(error)
        case jobs.Full():
            return refused(Busy())
        case HTTPException():
            return standard(error)
        case DatabaseError() if not isinstance(error, IntegrityError | ProgrammingError):
            return unwritten(error, "full" in str(error))
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return unwritten(error, error.errno != errno.EROFS)
    log.error("%s %s", g.get("request_id"), type(error).__name__, exc_info=error)
    return problem(500, "The fault is ours.")


def refused(error: Refused) -> Response:
    """What a verb of the models said no to."""
    match error:
        case Invalid():
            status, detail = (409, "Taken already.") if isinstance(error, Taken) else (422, "Some fields are wrong.")
            errors = {field: [str(said) for said in sentences] for field, sentences in error.errors.items()}
            return problem(status, detail, errors)
        case models.Forbidden():
            return problem(403, str(error.reason))
        case models.TooLarge():
            return problem(413, str(error.reason), {error.field: [str(error.reason)]})
        case TooMany() | Busy():
            status = 429 if isinstance(error, TooMany) else 503
            return problem(status, "Please try again later.", headers={"Retry-After": str(error.retry_after)})
        case models.Gone():
            return problem(410, "The message that this key sent was deleted.")
    return problem(404, "There is nothing here, or nothing for you.")


def unwritten(error: Exception, is_full: bool) -> Response:
    """The database or the disk did not do it: nothing was saved, and nothing acknowledged."""
    log.warning("%s the database: %s", g.get("request_id"), error)
    return problem(507 if is_full else 503, "This can't be saved just now.", headers={"Retry-After": "5"})


def standard(error: HTTPException) -> Response:
    """An error of the protocol's own, with the headers that belong to it."""
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "Content-Range")}
    if status == 401:
        # Another scheme is as good as no token (RFC 6750, 3.1).
        sent = request.headers.get("Authorization", "").lower().startswith("bearer ")
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
    detail = "There is nothing here, or nothing for you." if status == 404 else error.description
    return problem(status, detail or HTTPStatus(status).phrase, headers=headers)
