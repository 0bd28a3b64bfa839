"""Every operation of the document at its work: called with things that are there, it answers in the shape it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from databases import rows_of
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from people import PASSWORD
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance
from servers import Server

EXAMPLES = 6
LETTERS = {"type": "string", "pattern": "^[a-z]{12,20}$"}
# Random bytes are no picture; tests/test_api_files.py sends a true one.
NEVER_RIGHT_BY_CHANCE = {"PUT /api/users/me/avatar", "PUT /api/chats/{chat_id}/picture"}


class Walker:
    """Somebody with a chat of their own in which there is something of everything."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.username = name
        self.token = ""
        self.id = self.asks("POST", "users", username=name, password=PASSWORD)["id"]
        self.token = self.asks("POST", "users/login", username=name, password=PASSWORD)["token"]

    def asks(self, method: str, path: str, **sent: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.request(method, f"{self.url}/api/{path}", json=sent or None, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def things(self, guest: Walker, newcomer: Walker) -> dict[str, Any]:
        """Which value a field, parameter or part of an address can have, so that it names something that is there."""
        chat = self.asks("POST", "chats", title="Garden", members=[guest.username])["id"]
        first = self.asks("POST", "messages", chat_id=chat, text="The tomatoes are in")["id"]
        reply = self.asks("POST", "messages", chat_id=chat, text="All the tomatoes?", reply_to=first)["id"]
        name = self.asks("GET", "users/me")["username"]
        self.asks("POST", "users/login", username=name, password=PASSWORD)
        elsewhere = [login["id"] for login in self.asks("GET", "users/me/logins")["items"] if not login["current"]]
        return {
            "login_id": {"enum": elsewhere},
            "chat_id": {"enum": [chat]},
            "message_id": {"enum": [first, reply]},
            "reply_to": {"enum": [first, None]},
            "user_id": {"enum": [guest.id]},
            "author": {"enum": [self.username]},
            "username": {"enum": [newcomer.username]},
            "current_password": {"enum": [PASSWORD]},
            "emoji": {"enum": ["🍅", "❤️"]},
            "email": {"enum": [""]},
            "q": {"enum": ["tomatoes"]},
            "title": LETTERS,
            "text": LETTERS,
        }


# What some operations need otherwise than the rest.
OTHERWISE: dict[str, dict[str, Any]] = {
    "POST /api/users": {"username": LETTERS, "password": LETTERS},
    "POST /api/users/login": {"password": {"enum": [PASSWORD]}},
    "PATCH /api/users/me": {"username": LETTERS, "password": LETTERS},
    "PATCH /api/users/{user_id}": {"username": LETTERS, "password": LETTERS},
    "GET /api/users": {"q": {"enum": ["walk", "GUE", ""]}},
}


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[tuple[Walker, Walker, Walker]]:
    yield Walker(server.url, "walker"), Walker(server.url, "guest"), Walker(server.url, "newcomer")


OPERATIONS = """
POST /api/users
POST /api/users/login
POST /api/users/logout
GET /api/users
GET /api/users/me
GET /api/users/{user_id}
PATCH /api/users/me
PATCH /api/users/{user_id}
POST /api/users/{user_id}/reset-link
GET /api/users/me/logins
DELETE /api/users/me/logins
DELETE /api/users/me/logins/{login_id}
GET /api/users/me/email
PUT /api/users/me/email
PUT /api/users/me/avatar
DELETE /api/users/me/avatar
DELETE /api/users/me
POST /api/users/{user_id}/chat
GET /api/chats
POST /api/chats
GET /api/chats/{chat_id}
PATCH /api/chats/{chat_id}
DELETE /api/chats/{chat_id}
PUT /api/chats/{chat_id}/picture
DELETE /api/chats/{chat_id}/picture
PATCH /api/chats/{chat_id}/membership
GET /api/chats/{chat_id}/members
POST /api/chats/{chat_id}/members
PATCH /api/chats/{chat_id}/members/{user_id}
DELETE /api/chats/{chat_id}/members/{user_id}
GET /api/chats/{chat_id}/files
POST /api/chats/{chat_id}/read
GET /api/chats/{chat_id}/draft
PUT /api/chats/{chat_id}/draft
DELETE /api/chats/{chat_id}/draft
POST /api/chats/{chat_id}/typing
POST /api/chats/{chat_id}/unread
GET /api/messages
POST /api/messages
GET /api/messages/{message_id}
PATCH /api/messages/{message_id}
DELETE /api/messages/{message_id}
POST /api/messages/{message_id}/forward
GET /api/messages/{message_id}/history
GET /api/messages/{message_id}/reactions
PUT /api/messages/{message_id}/reactions/{emoji}
DELETE /api/messages/{message_id}/reactions/{emoji}
POST /api/messages/{message_id}/restore
GET /api/search
GET /api/find
""".strip().splitlines()
FOR_ADMINISTRATORS = {"POST /api/users/{user_id}/reset-link"}
# It does not end; tests/test_live.py listens to it.
ENDLESS = {"GET /api/events"}


def test_every_operation_of_the_document_is_walked(server: Server) -> None:
    paths = requests.get(f"{server.url}/api/openapi.json", timeout=60).json()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == {
        *OPERATIONS,
        *ENDLESS,
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_answers_in_its_documented_shape(
    server: Server, people: tuple[Walker, Walker, Walker], operation: str
) -> None:
    walker, guest, newcomer = people
    method, path = operation.split(" ")
    if operation in ("POST /api/users/logout", "DELETE /api/users/me"):
        walker = Walker(server.url, f"leaver.{method.lower()}")
    things = {**walker.things(guest, newcomer), **OTHERWISE.get(operation, {})}
    if operation == "PATCH /api/users/{user_id}":
        things["user_id"] = {"enum": [walker.id]}
    document = requests.get(f"{server.url}/api/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(narrowed(document, path, method.lower(), things))
    schema.config.update(base_url=server.url)
    (described,) = (result.ok() for result in schema.get_all_operations())
    if operation in FOR_ADMINISTRATORS:
        with rows_of(server.database_url) as run:
            run('UPDATE "user" SET is_admin = TRUE WHERE id = ?', walker.id)
    statuses = walk(described, {"Authorization": f"Bearer {walker.token}"})
    promised = {int(status) for status in document["paths"][path][method.lower()]["responses"] if status < "300"}
    assert statuses & promised or operation in NEVER_RIGHT_BY_CHANCE, statuses


@pytest.mark.parametrize("part", ["users", "chats", "messages", "search", "find"])
def test_wrong_input_is_answered_as_documented(server: Server, part: str) -> None:
    """No 5xx, and only statuses, types and shapes that the document names."""
    walker = Walker(server.url, f"wrong-{part}")
    document = requests.get(f"{server.url}/api/openapi.json", timeout=60).json()
    document["paths"].pop("/api/users/logout")
    document["paths"] = {
        path: path_item for path, path_item in document["paths"].items() if path.startswith(f"/api/{part}")
    }
    document["components"].pop("securitySchemes")
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security")
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    for described in (result.ok() for result in schema.get_all_operations()):
        if described.body or described.query or described.path_parameters:
            statuses = walk(described, {"Authorization": f"Bearer {walker.token}"}, GenerationMode.NEGATIVE)
            assert all(status >= 400 for status in statuses), (described.label, statuses)


def narrowed(document: dict[str, Any], path: str, method: str, things: dict[str, Any]) -> dict[str, Any]:
    """The document with one operation, its values such as are there. A token comes with every request."""
    operation = document["paths"][path][method]
    operation.pop("security")
    for parameter in operation["parameters"]:
        parameter["schema"] = things.get(parameter["name"], parameter["schema"])
    # With the form, half of the cases would be of it.
    operation.get("requestBody", {"content": {}})["content"].pop(
        "multipart/form-data" if method == "post" else "", None
    )
    for shape in document["components"]["schemas"].values():
        # Only what comes in refuses the unknown.
        if shape.get("additionalProperties") is False:
            shape["properties"].update({name: things[name] for name in shape["properties"] if name in things})
            if "members" in shape["properties"]:
                shape["properties"]["members"]["items"] = things["username"]
            if "current_password" in shape["properties"] and "password" in shape["properties"]:
                # A new password would end this token; tests/test_api_users.py changes one.
                del shape["properties"]["password"]
    components = {"schemas": document["components"]["schemas"]}
    return {**document, "paths": {path: {method: operation}}, "components": components}


def has_only_unknown_parameters(case: Any) -> bool:
    phase_data = case.meta.phase.data
    mutations = getattr(phase_data, "mutations", ()) or ()
    return bool(mutations) and all(
        mutation.parameter_location == ParameterLocation.QUERY and set(mutation.keywords) == {"additionalProperties"}
        for mutation in mutations
    )


def walk(operation: Any, headers: dict[str, str], mode: GenerationMode = GenerationMode.POSITIVE) -> set[int]:
    """Call an operation with some right or wrong cases, the same in every run; returns what it answered with."""
    statuses: set[int] = set()

    @bounded(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        if mode == GenerationMode.NEGATIVE and has_only_unknown_parameters(case):
            return  # in an address what is not known is passed over; in a body it is refused
        response = case.call(headers=headers)
        statuses.add(response.status_code)
        if response.status_code == 414:
            return  # gunicorn's own word, of a request line of over 8,190 bytes: there is no API yet
        # What was right may be taken, deleted or left by the call before.
        case.validate_response(response, headers=headers, excluded_checks=[positive_data_acceptance])

    call()
    return statuses
