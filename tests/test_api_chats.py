"""/api/chats: chats, members, reading."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Queries
from people import Person

from models import Chat

CHAT = {"id", "title", "created_at", "role", "members", "member_count", "unread", "last_message", "last_read_id"}
CHAT |= {"kind", "description", "picture_url", "level", "unread_mentions", "draft"}


def test_a_chat_is_created_with_people(ann: Person, bob: Person, carol: Person) -> None:
    answer = ann.api.post("/api/chats", json={"title": "  Garden ", "members": ["bob", "CAROL", "ann", "bob"]})
    assert answer.status_code == 201
    chat = answer.get_json()
    assert set(chat) == CHAT
    assert (chat["title"], chat["role"], chat["unread"], chat["last_message"]) == ("Garden", "owner", 0, None)
    assert [(m["user"]["username"], m["role"]) for m in chat["members"]] == [
        ("ann", "owner"),
        ("bob", "member"),
        ("carol", "member"),
    ]
    assert all(set(member) == {"user", "role", "joined_at"} for member in chat["members"])
    assert answer.headers["Location"] == f"/api/chats/{chat['id']}"


def test_unknown_people_are_all_named_and_nothing_is_created(ann: Person, bob: Person) -> None:
    answer = ann.api.post("/api/chats", json={"title": "Garden", "members": ["bob", "karol", "dave"]})
    assert answer.status_code == 422
    error_text = " ".join(answer.get_json()["errors"]["members"])
    assert "karol" in error_text and "dave" in error_text and "bob" not in error_text
    assert Chat.select().count() == 0


@pytest.mark.parametrize("title", ["", "   ", "x" * 101, "\u202e\u200b"])
def test_a_title_has_1_to_100_characters(ann: Person, chat: Chat, title: str) -> None:
    for answer in (
        ann.api.post("/api/chats", json={"title": title}),
        ann.api.patch(f"/api/chats/{chat.id}", json={"title": title}),
    ):
        assert answer.status_code == 422
        assert set(answer.get_json()["errors"]) == {"title"}


def test_the_list_is_by_activity_with_unread_and_the_last_message(ann: Person, bob: Person) -> None:
    first, second = ann.starts("First", bob), ann.starts("Second", bob)
    assert [c["title"] for c in bob.api.get("/api/chats").get_json()["items"]] == ["Second", "First"]
    ann.posts(first, "up again")
    items = bob.api.get("/api/chats").get_json()["items"]
    assert [(c["id"], c["unread"]) for c in items] == [(first.id, 1), (second.id, 0)]
    assert items[0]["last_message"]["text"] == "up again"


def test_the_list_of_chats_has_pages(ann: Person) -> None:
    for number in range(5):
        ann.starts(f"Chat {number}")
    seen, address = [], "/api/chats?limit=2"
    while address:
        page = ann.api.get(address).get_json()
        seen += [chat["title"] for chat in page["items"]]
        address = page["next"]
    assert seen == [f"Chat {number}" for number in (4, 3, 2, 1, 0)]


def test_the_list_costs_the_same_however_many_chats(
    ann: Person, bob: Person, person: Callable[[str], Person], queries: Queries
) -> None:
    ann.starts("One", bob)
    with queries:
        ann.api.get("/api/chats")
    few = len(queries)
    others = [person(f"member{chr(97 + number)}") for number in range(5)]
    for number in range(12):
        chat = ann.starts(f"Chat {number}", *others)
        ann.posts(chat, "hello")
    with queries:
        ann.api.get("/api/chats")
    assert len(queries) <= few + 2


def test_members_are_added_and_removed(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}/members"
    added = bob.api.post(where, json={"username": "carol"})
    assert (added.status_code, added.get_json()["role"]) == (201, "member")
    assert bob.api.post(where, json={"username": "carol"}).status_code == 409
    assert bob.api.post(where, json={"username": "nobody"}).status_code == 422
    assert bob.api.post(where, json={"username": "carol", "role": "king"}).status_code == 422
    assert ann.api.patch(f"{where}/{bob.id}", json={"role": "admin"}).get_json()["role"] == "admin"
    assert bob.api.delete(f"{where}/{carol.id}").status_code == 204
    assert carol.api.get(f"/api/chats/{chat.id}").status_code == 404
    assert bob.api.delete(f"{where}/{ann.id}").status_code == 403
    assert bob.api.delete(f"{where}/{carol.id}").status_code == 404
    assert bob.api.delete(f"{where}/{bob.id}").status_code == 204
    assert bob.api.get(where).status_code == 404


def test_only_the_owner_gives_roles(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}/members"
    assert bob.api.post(where, json={"username": "carol", "role": "admin"}).status_code == 403
    assert ann.api.post(where, json={"username": "carol", "role": "admin"}).get_json()["role"] == "admin"
    assert ann.api.patch(f"{where}/{carol.id}", json={"role": "owner"}).get_json()["role"] == "owner"
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["role"] == "admin"


def test_the_read_position_only_moves_forwards(ann: Person, bob: Person, chat: Chat) -> None:
    first, second = ann.posts(chat, "one"), ann.posts(chat, "two")
    where = f"/api/chats/{chat.id}"
    assert bob.api.get(where).get_json()["last_read_id"] is None
    for message, left in ((first, 1), (second, 0), (first, 0)):
        assert bob.api.post(f"{where}/read", json={"message_id": message.id}).status_code == 204
        assert bob.api.get(where).get_json()["unread"] == left
    assert bob.api.get(where).get_json()["last_read_id"] == second.id
    assert bob.api.post(f"{where}/read", json={"message_id": 987_654}).status_code == 422
    assert bob.api.post(f"{where}/read", json={}).status_code == 422


def test_a_deleted_chat_disappears_for_everyone(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    assert bob.api.delete(f"/api/chats/{chat.id}").status_code == 403
    assert ann.api.delete(f"/api/chats/{chat.id}").status_code == 204
    for path in (f"/api/chats/{chat.id}", f"/api/messages/{message.id}", f"/api/messages?chat_id={chat.id}"):
        assert bob.api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "title"),
        ({"title": None}, "title"),
        ({"title": ["Garden"]}, "title"),
        ({"title": "Garden", "members": "bob"}, "members"),
        ({"title": "Garden", "members": ["bob", 7]}, "members"),
        ({"title": "Garden", "members": ["bob", ""]}, "members"),
        ({"title": "Garden", "members": None}, "members"),
        ({"title": "Garden", "members": ["\ud800"]}, "members"),
        ({"title": "Garden", "members": ["bob"] * 1001}, "members"),
        ({"title": "Garden", "owner": "bob"}, "owner"),
    ],
)
def test_an_invalid_chat_names_the_field(ann: Person, bob: Person, sent: dict[str, object], field: str) -> None:
    answer = ann.api.post("/api/chats", json=sent)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {field}
    assert Chat.select().count() == 0


def test_only_the_owner_and_admins_rename_a_chat(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}"
    answer = ann.api.patch(where, json={"title": " Kitchen  garden "})
    assert (answer.status_code, set(answer.get_json())) == (200, CHAT)
    assert bob.api.get(where).get_json()["title"] == "Kitchen garden"
    assert bob.api.patch(where, json={"title": "Bob's"}).status_code == 403
    assert carol.api.patch(where, json={"title": "Carol's"}).status_code == 404
    assert set(ann.api.patch(where, json={}).get_json()["errors"]) == {"title"}
    assert set(ann.api.patch(where, json={"title": "x", "role": "member"}).get_json()["errors"]) == {"role"}
    assert ann.api.get(where).get_json()["title"] == "Kitchen garden"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=-1", "before=x"])
def test_an_invalid_query_for_chats_names_the_field(ann: Person, query: str) -> None:
    answer = ann.api.get(f"/api/chats?{query}")
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {query.partition("=")[0]}


@pytest.mark.parametrize("message_id", [None, "1", 0, -1, 1.5, True, 2**63])
def test_read_refuses_what_is_no_id_of_a_message(bob: Person, chat: Chat, message_id: object) -> None:
    answer = bob.api.post(f"/api/chats/{chat.id}/read", json={"message_id": message_id})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"message_id"}


def test_ones_own_messages_are_never_unread(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "one")
    bob.posts(chat, "two")
    assert [who.api.get(f"/api/chats/{chat.id}").get_json()["unread"] for who in (ann, bob)] == [1, 1]
