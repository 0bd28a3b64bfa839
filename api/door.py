"""How a route of the API is written: what it takes and gives is said beside it, checked, and documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

import openapi
import schemas
from api.problems import Problem
from auth import token_required
from storage import Upload

api = Blueprint("api", __name__, url_prefix="/api")

A = openapi.Answer
NOTHING = ("", 204)
JSON_MAX = 2**20
api.add_app_template_filter(openapi.shape)
KEY = re.compile(r"[\x21-\x7e]{1,255}")

P = ParamSpec("P")
R = TypeVar("R")


def speaks(
    answer: openapi.Answer,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    form: type[BaseModel] | None = None,
    files: str | None = None,
    keyed: bool = False,
    also: tuple[openapi.Answer, ...] = (),
    errors: tuple[int, ...] = (),
    open_to_all: bool = False,
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Say what a route takes and gives: it is checked here, and the document is made from it.

    `body` is a JSON body, `form` what takes its place in a multipart one, `files` the name of its file field; the
    handler gets them as `body` and `query`. `keyed` routes take an Idempotency-Key.
    """

    def declare(handler: Callable[..., R]) -> Callable[..., R]:
        @wraps(handler)
        def wrapped(**values: Any) -> R:
            if query is not None:
                values["query"] = checked(query, request.args.to_dict())
            if body is not None or form is not None:
                values["body"] = received(body, form, files)
            return handler(**values)

        operation = openapi.Operation(answer, body, query, form, files, keyed, also, errors, open_to_all)
        guarded = wrapped if open_to_all else token_required(wrapped)
        openapi.describe(guarded, operation)
        return guarded

    return declare


# What comes in


def received(body: type[BaseModel] | None, form: type[BaseModel] | None, files: str | None) -> BaseModel:
    """The body in the shape that its content type calls for."""
    if form is not None and request.mimetype == "multipart/form-data":
        return checked_form(form, files)
    if body is None:
        raise UnsupportedMediaType("The body must be multipart/form-data.")
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType("The body must be application/json in UTF-8.")
    # Told to the stream, since a chunked body gives no length beforehand; where files go the bound is wider.
    request.max_content_length = JSON_MAX
    raw = request.get_data(cache=False)
    if len(raw) < (request.content_length or 0):
        raise BadRequest("The body is cut short.")
    # Such a body is cut at the bound in silence; only who reads on is told that there was more.
    request.stream.read(1)
    try:
        return checked(body, schemas.read_json(raw))
    except schemas.Malformed as error:
        raise BadRequest(str(error)) from error


def checked(shape: type[BaseModel], values: Any) -> BaseModel:
    """The values in their shape. Raises Invalid, each field named."""
    if not isinstance(values, dict):
        raise Problem(422, "The body must be an object.", {"body": ["Must be an object."]})
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise Problem(422, "Some fields are wrong.", schemas.complaints(error.errors(include_url=False))) from error


def checked_form(shape: type[BaseModel], files: str | None) -> BaseModel:
    if not request.form and not request.files:
        # Werkzeug's parser gives nothing for a body that is cut short or has no boundary.
        raise BadRequest("The body is not multipart/form-data, or is cut short.")
    unknown = set(request.files) - {files}
    if unknown:
        raise Problem(422, "Some fields are wrong.", {name: ["There is no such field."] for name in unknown})
    return checked(shape, request.form.to_dict())


def uploads(field: str) -> list[Upload]:
    """The files of a multipart body, on disk already. A file field left empty comes without name and bytes."""
    sent = [(file.filename, file.stream) for file in request.files.getlist(field)]
    return [stream for name, stream in sent if isinstance(stream, Upload) and (name or stream.size)]


def idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise Problem(422, "Some fields are wrong.", {"Idempotency-Key": ["1 to 255 visible ASCII characters."]})
    return key


# What goes out


def listing(items: list[Any], limit: int, cursor: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A page of a list, made from one item more than it shows."""
    if len(items) <= limit:
        return {"items": items, "next": None}
    kept = {**request.args.to_dict(), **cursor()}
    return {"items": items[:limit], "next": f"{request.path}?{urlencode(kept)}"}
