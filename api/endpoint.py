"""The decorator that declares what a route takes and returns, to validate requests and to document it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from api import json_body, openapi
from api.problems import Problem
from auth import token_required
from lib.storage import Upload

api = Blueprint("api", __name__, url_prefix="/api")

NOTHING = ("", 204)
JSON_MAX = 2**20
api.add_app_template_filter(openapi.shape)
KEY = re.compile(r"[\x21-\x7e]{1,255}")

P = ParamSpec("P")
R = TypeVar("R")


def endpoint(
    answer: openapi.Answer,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    form: type[BaseModel] | None = None,
    files: str | None = None,
    keyed: bool = False,
    other_answers: tuple[openapi.Answer, ...] = (),
    errors: tuple[int, ...] = (),
    is_public: bool = False,
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Declare what a route takes and returns: requests are validated here, and the OpenAPI document uses it.

    `body` is a JSON body, `form` what takes its place in a multipart one, `files` the name of its file field; the
    handler gets them as `body` and `query`. `keyed` routes take an Idempotency-Key, `is_public` ones need no token.

    Only for the document: `answer` is the usual one, `other_answers` are further successful ones, such as 200 when the
    row existed already, and `errors` the error statuses beyond those that follow from the other arguments.
    """

    def declare(handler: Callable[..., R]) -> Callable[..., R]:
        @wraps(handler)
        def wrapped(**values: Any) -> R:
            if query is not None:
                values["query"] = validate(query, request.args.to_dict())
            if body is not None or form is not None:
                values["body"] = read_body(body, form, files)
            return handler(**values)

        operation = openapi.Operation(answer, body, query, form, files, keyed, other_answers, errors, is_public)
        guarded = wrapped if is_public else token_required(wrapped)
        openapi.describe(guarded, operation)
        return guarded

    return declare


# Requests


def read_body(body: type[BaseModel] | None, form: type[BaseModel] | None, files: str | None) -> BaseModel:
    """Read and validate the body by its content type."""
    if form is not None and request.mimetype == "multipart/form-data":
        return validate_form(form, files)
    if body is None:
        raise UnsupportedMediaType("The body must be multipart/form-data.")
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType("The body must be application/json in UTF-8.")
    # Set on the stream, since a chunked body has no length beforehand; uploads have a higher limit.
    request.max_content_length = JSON_MAX
    raw = request.get_data(cache=False)
    if len(raw) < (request.content_length or 0):
        raise BadRequest("The body is cut short.")
    # Such a body is truncated silently; only a further read raises.
    request.stream.read(1)
    try:
        return validate(body, json_body.read_json(raw))
    except json_body.Malformed as error:
        raise BadRequest(str(error)) from error


def validate(shape: type[BaseModel], values: Any) -> BaseModel:
    """Validate against a model. Raises a 422 Problem that names each wrong field."""
    if not isinstance(values, dict):
        raise Problem(422, "The body must be an object.", {"body": ["Must be an object."]})
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise Problem(422, "Some fields are wrong.", json_body.field_errors(error.errors(include_url=False))) from error


def validate_form(shape: type[BaseModel], files: str | None) -> BaseModel:
    if not request.form and not request.files:
        # Werkzeug parses nothing from a body that is truncated or has no boundary.
        raise BadRequest("The body is not multipart/form-data, or is cut short.")
    wrong = {name: ["There is no such field."] for name in set(request.files) - {files}}
    if files == "file" and not request.files.getlist(files):
        # A route for one file takes nothing else.
        wrong |= {name: ["There is no such field."] for name in request.form} | {files: ["This field is required."]}
    if wrong:
        raise Problem(422, "Some fields are wrong.", wrong)
    return validate(shape, request.form.to_dict())


def uploads(field: str) -> list[Upload]:
    """Return the uploaded files, on disk already. An empty file field has neither name nor bytes."""
    if request.mimetype != "multipart/form-data":
        return []
    sent = [(file.filename, file.stream) for file in request.files.getlist(field)]
    return [stream for name, stream in sent if isinstance(stream, Upload) and (name or stream.size)]


def idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise Problem(422, "Some fields are wrong.", {"Idempotency-Key": ["1 to 255 visible ASCII characters."]})
    return key


# Responses


def paginate(items: list[Any], limit: int, cursor: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Build a page of a list from one item more than it shows."""
    if len(items) <= limit:
        return {"items": items, "next": None}
    query = {**request.args.to_dict(), **cursor()}
    return {"items": items[:limit], "next": f"{request.path}?{urlencode(query)}"}
