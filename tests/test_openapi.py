"""The API's document says what the API does: schemathesis walks it against a running server."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from people import PASSWORD, Anyone
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from servers import Server

EXAMPLES = 12


def test_the_document_is_open_to_everyone_and_complete(app: Flask, anyone: Anyone) -> None:
    document = anyone.api.get("/api/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    told = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    routes = {
        f"{method} {rule.rule.replace('<int:', '{').replace('>', '}')}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and rule.endpoint not in ("api.document", "api.docs")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == routes


def test_every_operation_says_in_a_sentence_what_it_does(anyone: Anyone) -> None:
    document = anyone.api.get("/api/openapi.json").get_json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"].endswith("."), (method, path)


def test_the_page_to_read_it_needs_nothing_from_outside(anyone: Anyone) -> None:
    page = anyone.api.get("/api/docs")
    assert page.status_code == 200
    assert "POST /api/messages" in page.text
    assert all(address.startswith("/") for address in re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', page.text))


def asked(server: Server, method: str, path: str, body: Any, token: str = "") -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    told = json.loads(answer.read() or "null")
    connection.close()
    return told


@pytest.mark.parametrize("part", ["users", "chats", "messages", "search"])
def test_the_server_keeps_to_its_document(server: Server, part: str) -> None:
    """Right and wrong input alike: no 5xx, only statuses, types and shapes that the document names."""
    account = {"username": f"walker-{part}", "password": PASSWORD}
    asked(server, "POST", "/api/users", account)
    document = asked(server, "GET", "/api/openapi.json", None)
    # What ends the walker's own account or token is tried by hand elsewhere.
    document["paths"]["/api/users/me"].pop("delete", None)
    document["paths"].pop("/api/users/logout")
    document["paths"] = {path: told for path, told in document["paths"].items() if path.startswith(f"/api/{part}")}
    # Every request brings a good token; what a bad one does is asked elsewhere.
    document["components"].pop("securitySchemes")
    for methods in document["paths"].values():
        for told in methods.values():
            told.pop("security")
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    walked = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        bearer = asked(server, "POST", "/api/users/login", account)["token"]

        has_input = bool(operation.body or operation.query or operation.path_parameters)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if has_input else (GenerationMode.POSITIVE,):
            walk(operation.as_strategy(generation_mode=mode), {"Authorization": f"Bearer {bearer}"})
        walked += 1
    assert walked == sum(len(methods) for methods in document["paths"].values())


def walk(cases: Any, headers: dict[str, str]) -> None:
    """Send some cases of one operation, the same ones in every run, and hold the answers to the document."""

    @bounded(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Any) -> None:
        response = case.call(headers=headers)
        # gunicorn itself refuses a request line of over 8,190 bytes, before there is an API.
        if response.status_code != 414:
            # A title may fit the document and be blank all the same: the rules of the words are the models'.
            case.validate_response(response, headers=headers, excluded_checks=[positive_data_acceptance])

    send()
