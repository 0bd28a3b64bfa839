"""Errors as application/problem+json (RFC 9457): never HTML, never a stack trace."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException, Unauthorized

import models
from lib import jobs
from models import outcomes

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Problem(HTTPException):
    """An error with its status, detail and field errors."""

    def __init__(self, status: int, detail: str, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.code, self.status, self.detail, self.errors = status, status, detail, errors


def problem(
    status: int, detail: str, errors: dict[str, list[str]] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Build an application/problem+json response (RFC 9457)."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = errors
    return Response(json.dumps(body, ensure_ascii=False), status, headers, content_type="application/problem+json")


def answer_error(error: Exception) -> Response:
    """Turn any error into a problem; an internal one reveals nothing."""
    match error:
        case Problem():
            return problem(error.status, error.detail, error.errors, CHALLENGE if error.status == 401 else None)
        case models.SignedOut():
            return http_problem(Unauthorized("This token is not valid."))
        case HTTPException():
            return http_problem(error)
    status, retry_after = outcomes.of(error)
    headers = {"Retry-After": str(retry_after)} if retry_after else None
    return problem(status, detail(error, status), errors(error), headers)


def errors(error: Exception) -> dict[str, list[str]] | None:
    """Return the errors by field."""
    match error:
        case models.Invalid():
            return {field: [str(sentence) for sentence in sentences] for field, sentences in error.errors.items()}
        case models.TooLarge():
            return {error.field: [str(error.reason)]}
    return None


def detail(error: Exception, status: int) -> str:
    """Describe the error in a sentence."""
    match error:
        case models.Forbidden() | models.TooLarge():
            return str(error.reason)
        case models.Gone():
            return "The message that this key sent was deleted."
        case models.TooMany() | models.Busy() | jobs.Full():
            return "Please try again later."
    return DETAILS.get(status, "The fault is ours.")


DETAILS = {
    404: "There is nothing here, or nothing for you.",
    409: "Taken already.",
    422: "Some fields are wrong.",
    503: "This can't be saved just now.",
    507: "The server's disk is full.",
}


def http_problem(error: HTTPException) -> Response:
    """Turn an HTTP error into a problem, with the headers that belong to it."""
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "Content-Range")}
    if status == 401:
        # Another scheme counts as no token (RFC 6750, 3.1).
        sent = request.headers.get("Authorization", "").lower().startswith("bearer ")
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
    text = DETAILS[404] if status == 404 else error.description
    return problem(status, text or HTTPStatus(status).phrase, headers=headers)
