"""The OpenAPI 3.1 document, built from what the routes declare."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import requests, responses
from lib.limits import RESET_LINK_HOURS
from models import limits
from models.chat_list import NAMED_IN_CHAT

VERSION = "0.1.0"
ABOUT = (
    "Errors are application/problem+json (RFC 9457). Times are UTC. "
    "A list's “next” is the address of its next page, or null."
)
# Any request may get these.
ALWAYS = (400, 503)
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Answer:
    """A status, and the model of the body."""

    status: int
    shape: type[BaseModel] | None = None
    has_location: bool = False
    # The media type, if it is not JSON.
    type: str | None = None


@dataclass(frozen=True)
class Operation:
    """What a route takes and returns."""

    answer: Answer
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    files: str | None = None
    keyed: bool = False
    other_answers: tuple[Answer, ...] = ()
    errors: tuple[int, ...] = ()
    is_public: bool = False
    resumed: bool = False


operations: dict[Callable[..., Any], Operation] = {}


def describe(handler: Callable[..., Any], operation: Operation) -> None:
    """Register what a handler declares."""
    operations[handler] = operation


def document() -> dict[str, Any]:
    """Build the document of the current app."""
    shapes = {shape for operation in operations.values() for shape in shapes_of(operation)} | {responses.Problem}
    references, definitions = models_json_schema(
        [(shape, mode_of(shape)) for shape in sorted(shapes, key=lambda shape: shape.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    reference: dict[Any, Any] = {shape: schema for (shape, _), schema in references.items()}
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = operations.get(current_app.view_functions[rule.endpoint])
        if operation is None:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = PARAMETER.sub(r"{\2}", rule.rule)
            handler = current_app.view_functions[rule.endpoint]
            paths.setdefault(path, {})[method.lower()] = operation_object(rule, handler, operation, reference)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Flask Chat",
            "version": VERSION,
            "description": ABOUT,
        },
        "paths": paths,
        "components": {
            "schemas": {name: with_lengths(schema) for name, schema in definitions.get("$defs", {}).items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def with_lengths(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the configured lengths to a request's schema.

    In words: they are counted after cleaning, so that a longer one with blanks around it may be right.
    """
    if "description" in schema:
        schema["description"] = with_facts(schema["description"])
    takes_anything = schema.get("title") == requests.Credentials.__name__
    for field, (least, most) in lengths().items():
        if field in schema["properties"] and schema.get("additionalProperties") is False and not takes_anything:
            schema["properties"][field]["description"] = f"{least} to {most:,} characters{RULES.get(field, '')}"
    return schema


def with_facts(text: str) -> str:
    """Fill in a description's placeholders with the current limits."""
    return text.format(undo_seconds=limits.undo_seconds, link_hours=RESET_LINK_HOURS, members_named=NAMED_IN_CHAT)


RULES = {"username": ": letters of one alphabet and digits; “.”, “_” and “-” between them, one at a time"}


def lengths() -> dict[str, tuple[int, int]]:
    return {
        "username": (limits.username_min, limits.username_max),
        "password": (limits.password_min, limits.password_max),
        "name": (0, limits.name_max),
        "about": (0, limits.about_max),
        "title": (1, limits.title_max),
        "description": (0, limits.description_max),
        "text": (0, limits.message_max),
    }


def shapes_of(operation: Operation) -> list[type[BaseModel]]:
    answers = [answer.shape for answer in (operation.answer, *operation.other_answers)]
    return [shape for shape in (operation.body, *answers) if shape is not None]


def mode_of(shape: type[BaseModel]) -> Any:
    """Requests may leave out fields with a default; responses have all."""
    return "validation" if issubclass(shape, requests.Body) else "serialization"


def operation_object(
    rule: Any, handler: Callable[..., Any], operation: Operation, reference: dict[type[BaseModel], Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint.partition(".")[2],
        "summary": with_facts((inspect.getdoc(handler) or "").partition("\n")[0]),
        "tags": [rule.rule.split("/")[2]],
        "parameters": [*path_parameters(rule.rule), *query_parameters(operation)],
        "responses": describe_responses(operation, reference, path_parameters(rule.rule)),
        "security": [] if operation.is_public else [{"token": []}],
    }
    if operation.keyed:
        described["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key sends once.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )
    if operation.resumed:
        cursor = {"description": "Where to go on: the id of the last event that came.", "schema": {"type": "string"}}
        described["parameters"].append({"name": "Last-Event-ID", "in": "header", **cursor})
        described["parameters"].append({"name": "last_event_id", "in": "query", **cursor})
    content = request_content(operation, reference)
    if content:
        described["requestBody"] = {"required": True, "content": content}
    return described


def path_parameters(rule: str) -> list[dict[str, Any]]:
    word = {"type": "string", "minLength": 1}
    number = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": number if kind == "int" else word}
        for kind, name in PARAMETER.findall(rule)
    ]


def query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": without_null(field)}
        for name, field in schema["properties"].items()
    ]


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Remove null from the schema of a query or form value, which is present or not."""
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    plain = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title")}
    if schema.get("default") is not None:
        plain["default"] = schema["default"]
    return {**plain, **(choices[0] if choices else {})}


def request_content(operation: Operation, reference: dict[type[BaseModel], Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.body is not None:
        content["application/json"] = {"schema": reference[operation.body]}
    if operation.form is not None and operation.files is not None:
        content["multipart/form-data"] = {"schema": form_of(operation.form, operation.files, operation.body is None)}
    return content


def form_of(form: type[BaseModel], files: str, is_one: bool) -> dict[str, Any]:
    """Build a multipart schema: the fields, and one required file or any number."""
    one = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema = form.model_json_schema()
    fields = {name: without_null(field) for name, field in schema.get("properties", {}).items()}
    fields[files] = one if is_one else {"type": "array", "items": one}
    required = [*schema.get("required", []), *([files] if is_one else [])]
    return with_lengths({"type": "object", "properties": fields, "required": required, "additionalProperties": False})


def describe_responses(
    operation: Operation, reference: dict[type[BaseModel], Any], path: list[dict[str, Any]]
) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for answer in (operation.answer, *operation.other_answers):
        response: dict[str, Any] = {"description": HTTPStatus(answer.status).phrase}
        if answer.shape is not None:
            response["content"] = {"application/json": {"schema": reference[answer.shape]}}
        elif answer.type is not None:
            response["content"] = {answer.type: {"schema": {"type": "string"}}}
        if answer.has_location:
            response["headers"] = header("Location", "Where it can be asked for.")
        described[str(answer.status)] = response
    takes_words = any(parameter["schema"]["type"] == "string" for parameter in path)
    errors = {*ALWAYS, *operation.errors}
    if not operation.is_public:
        # Requests with a token are throttled.
        errors |= {401, 429}
    if operation.body or operation.query or operation.form or takes_words:
        errors.add(422)
    if operation.body or operation.form:
        errors |= {413, 415, 507}
    if path:
        errors.add(404)
    problem = {"application/problem+json": {"schema": reference[responses.Problem]}}
    for status in sorted(errors):
        described[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": problem,
            **HEADERS.get(status, {}),
        }
    return described


def header(name: str, description: str) -> dict[str, Any]:
    return {name: {"description": description, "schema": {"type": "string"}}}


AGAIN = {"headers": header("Retry-After", "After how many seconds to try again.")}
# Headers of errors.
HEADERS = {401: {"headers": header("WWW-Authenticate", "Bearer.")}, 429: AGAIN, 503: AGAIN}


def shape(schema: dict[str, Any]) -> str:
    """Describe a schema briefly for people: `list of Message`, `text or null`, `number 1 to 100`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(shape(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(f"“{value}”" for value in schema["enum"])
    kind = WORDS.get(str(schema.get("type")), str(schema.get("type", "anything")))
    if kind == "list":
        return f"list of {shape(schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        return "form with " + ", ".join(schema["properties"])
    if schema.get("format") == "date-time":
        return "time"
    if "description" in schema:
        return f"{kind}, {schema['description']}"
    most = schema.get("maximum")
    return f"{kind} {schema.get('minimum', 0)} to {most}" if most is not None and most < 2**53 else kind


WORDS = {"string": "text", "integer": "number", "boolean": "true or false", "array": "list"}
