"""/api/openapi.json and /api/docs: what programs and people can read before they call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from people import Anyone, Person

from models import limits

OPEN = {"POST /api/users", "POST /api/users/login"}


@pytest.fixture
def document(anyone: Anyone) -> dict[str, Any]:
    answer = anyone.api.get("/api/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    document: dict[str, Any] = answer.get_json()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    used = set(references(document))
    assert used
    assert used <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def test_names_of_operations_are_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_all_but_two_operations_ask_for_a_token(document: dict[str, Any]) -> None:
    assert {name for name, operation in operations(document) if operation["security"] == []} == OPEN
    for name, operation in operations(document):
        if name not in OPEN:
            assert operation["security"] == [{"token": []}]
            assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_error_is_a_problem_and_every_body_can_be_wrong(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert set(answer["content"]) == {"application/problem+json"}, (name, status)
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(operation["responses"]), name
        if "{" in name:
            assert "404" in operation["responses"], name


def test_a_throttled_answer_has_a_retry_after(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        for status in ("429", "503"):
            if status in operation["responses"]:
                assert "Retry-After" in operation["responses"][status]["headers"]


def test_created_rows_have_a_location(document: dict[str, Any]) -> None:
    for path in ("/api/users", "/api/chats", "/api/messages"):
        assert "Location" in document["paths"][path]["post"]["responses"]["201"]["headers"]


def test_forms_with_files_are_described(document: dict[str, Any]) -> None:
    message = document["paths"]["/api/messages"]["post"]
    assert set(message["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    form = message["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"chat_id", "text", "reply_to", "draft", "files"}
    assert (form["properties"]["files"]["type"], form["required"]) == ("array", ["chat_id"])
    assert [parameter["name"] for parameter in message["parameters"]] == ["Idempotency-Key"]
    avatar = document["paths"]["/api/users/me/avatar"]["put"]
    assert set(avatar["requestBody"]["content"]) == {"multipart/form-data"}
    assert avatar["requestBody"]["content"]["multipart/form-data"]["schema"]["required"] == ["file"]
    assert avatar["parameters"] == []


def test_a_body_takes_no_field_that_is_not_named(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {"content": {}})["content"].items():
            schema = content["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert schema["additionalProperties"] is False, (name, kind)


def test_what_a_change_leaves_out_has_no_usual_value(document: dict[str, Any]) -> None:
    changes = document["components"]["schemas"]["UserChanges"]
    assert "required" not in changes
    assert all("default" not in field for field in changes["properties"].values())


def test_the_document_shows_the_durations_that_are_set(anyone: Anyone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 12)
    document = anyone.api.get("/api/openapi.json").get_json()
    assert "12 seconds" in document["paths"]["/api/messages/{message_id}/restore"]["post"]["summary"]
    texts = [operation["summary"] for _, operation in operations(document)]
    texts += [schema.get("description", "") for schema in document["components"]["schemas"].values()]
    assert not [text for text in texts if "{" in text]


def test_the_limits_are_shown_as_they_are_set(anyone: Anyone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "title_max", 41)
    shapes = anyone.api.get("/api/openapi.json").get_json()["components"]["schemas"]
    assert shapes["NewChat"]["properties"]["title"]["description"] == "1 to 41 characters"
    assert shapes["NewUser"]["properties"]["username"]["description"].startswith(
        "3 to 32 characters: letters of one alphabet"
    )
    assert "description" not in shapes["Credentials"]["properties"]["username"]
    assert "description" not in shapes["Chat"]["properties"]["title"]


def test_the_page_names_every_operation_and_every_object(anyone: Anyone, document: dict[str, Any]) -> None:
    page = anyone.api.get("/api/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    for name, operation in operations(document):
        assert f"<code>{name}</code>" in page.text
        assert operation["summary"] in page.text.replace("&#39;", "'")
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text
    ids = re.findall(r'\bid="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))


def test_both_are_open_and_take_no_other_method(ann: Person, anyone: Anyone) -> None:
    for path in ("/api/openapi.json", "/api/docs"):
        assert anyone.api.get(path).status_code == ann.api.get(path).status_code == 200
        refused = anyone.api.post(path)
        assert (refused.status_code, refused.content_type) == (405, "application/problem+json")
        assert "GET" in refused.headers["Allow"]
