"""/api/chats/<id>/members: list, add, remove, roles."""

from __future__ import annotations

from typing import Any

import pytest
from people import Anyone, Person

from actions import members
from models import Chat, User, write

MEMBER = {"user", "role", "joined_at"}
USER = {"id", "username", "name", "about", "avatar_url", "created_at"}


def roles(who: Person, chat: Chat) -> dict[str, str]:
    listed = who.api.get(f"/api/chats/{chat.id}/members").get_json()["items"]
    return {member["user"]["username"]: member["role"] for member in listed}


def test_the_members_are_listed_owner_first_then_admins(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    members.add(ann.of(chat), "carol")
    members.set_role(ann.of(chat), carol.id, "admin")
    answer = bob.api.get(f"/api/chats/{chat.id}/members")
    page = answer.get_json()
    assert answer.status_code == 200
    assert (set(page), page["next"]) == ({"items", "next"}, None)
    assert [(m["user"]["username"], m["role"]) for m in page["items"]] == [
        ("ann", "owner"),
        ("carol", "admin"),
        ("bob", "member"),
    ]
    assert all(set(member) == MEMBER and set(member["user"]) == USER for member in page["items"])
    assert all(member["joined_at"].endswith("Z") for member in page["items"])


def test_somebody_new_is_answered_as_the_member_they_are(bob: Person, carol: Person, chat: Chat) -> None:
    answer = bob.api.post(f"/api/chats/{chat.id}/members", json={"username": "CAROL"})
    assert answer.status_code == 201
    member = answer.get_json()
    assert set(member) == MEMBER
    assert (member["user"]["id"], member["role"]) == (carol.id, "member")


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ({}, 422, "username"),
        ({"username": "nobody"}, 422, "username"),
        ({"username": ""}, 422, "username"),
        ({"username": 7}, 422, "username"),
        ({"username": None}, 422, "username"),
        ({"username": "\ud800"}, 422, "username"),
        ({"username": "bob"}, 409, "username"),
        ({"username": "ann"}, 409, "username"),
        ({"username": "carol", "role": "king"}, 422, "role"),
        ({"username": "carol", "role": None}, 422, "role"),
        ({"username": "carol", "user_id": 3}, 422, "user_id"),
    ],
)
def test_a_member_that_can_not_be_added_is_refused_by_field(
    ann: Person, carol: Person, chat: Chat, sent: dict[str, Any], status: int, field: str
) -> None:
    answer = ann.api.post(f"/api/chats/{chat.id}/members", json=sent)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert set(answer.get_json()["errors"]) == {field}
    assert set(roles(ann, chat)) == {"ann", "bob"}


def test_handing_over_makes_the_giver_an_admin(ann: Person, bob: Person, chat: Chat) -> None:
    answer = ann.api.patch(f"/api/chats/{chat.id}/members/{bob.id}", json={"role": "owner"})
    assert (answer.status_code, set(answer.get_json())) == (200, MEMBER)
    assert roles(ann, chat) == {"bob": "owner", "ann": "admin"}
    assert ann.api.patch(f"/api/chats/{chat.id}/members/{bob.id}", json={"role": "member"}).status_code == 403


@pytest.mark.parametrize("sent", [{}, {"role": "king"}, {"role": ""}, {"role": None}, {"role": "admin", "user": 1}])
def test_a_role_is_one_of_three(ann: Person, bob: Person, chat: Chat, sent: dict[str, Any]) -> None:
    answer = ann.api.patch(f"/api/chats/{chat.id}/members/{bob.id}", json=sent)
    assert answer.status_code == 422
    assert len(answer.get_json()["errors"]) == 1
    assert roles(ann, chat)["bob"] == "member"


def test_an_owner_stays_owner_until_somebody_else_is(ann: Person, chat: Chat) -> None:
    answer = ann.api.patch(f"/api/chats/{chat.id}/members/{ann.id}", json={"role": "member"})
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, {"role"})
    assert roles(ann, chat)["ann"] == "owner"


def test_an_admin_removes_plain_members_only(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    members.add(ann.of(chat), "carol")
    for admin in (bob, carol):
        members.set_role(ann.of(chat), admin.id, "admin")
    assert bob.api.delete(f"/api/chats/{chat.id}/members/{carol.id}").status_code == 403
    members.set_role(ann.of(chat), carol.id, "member")
    assert carol.api.delete(f"/api/chats/{chat.id}/members/{bob.id}").status_code == 403
    assert bob.api.delete(f"/api/chats/{chat.id}/members/{carol.id}").status_code == 204


def test_an_owner_who_leaves_has_a_successor_and_the_last_member_ends_the_chat(
    ann: Person, bob: Person, chat: Chat
) -> None:
    assert ann.api.delete(f"/api/chats/{chat.id}/members/{ann.id}").status_code == 204
    assert roles(bob, chat) == {"bob": "owner"}
    assert bob.api.delete(f"/api/chats/{chat.id}/members/{bob.id}").status_code == 204
    assert bob.api.get(f"/api/chats/{chat.id}").status_code == 404
    assert bob.api.get("/api/chats").get_json()["items"] == []


def test_a_missing_member_looks_like_a_missing_chat(ann: Person, carol: Person, chat: Chat) -> None:
    tried = [
        ann.api.delete(f"/api/chats/{chat.id}/members/{carol.id}"),
        ann.api.delete(f"/api/chats/{chat.id}/members/987654"),
        ann.api.patch(f"/api/chats/{chat.id}/members/{carol.id}", json={"role": "admin"}),
        carol.api.delete(f"/api/chats/{chat.id}/members/{ann.id}"),
        carol.api.get(f"/api/chats/{chat.id}/members"),
        carol.api.post(f"/api/chats/{chat.id}/members", json={"username": "carol"}),
        ann.api.get("/api/chats/987654/members"),
    ]
    assert {answer.status_code for answer in tried} == {404}
    assert len({answer.data for answer in tried}) == 1


def test_nobody_without_a_token_sees_or_changes_members(anyone: Anyone, ann: Person, bob: Person, chat: Chat) -> None:
    where = f"/api/chats/{chat.id}/members"
    for answer in (
        anyone.api.get(where),
        anyone.api.post(where, json={"username": "carol"}),
        anyone.api.patch(f"{where}/{bob.id}", json={"role": "admin"}),
        anyone.api.delete(f"{where}/{bob.id}"),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert roles(ann, chat) == {"ann": "owner", "bob": "member"}


def test_a_large_chat_names_its_first_members_and_lists_all_page_by_page(ann: Person, bob: Person) -> None:
    people = [User.create(username=f"p{number}", username_key=f"p{number}", created_at=1) for number in range(150)]
    with write():
        chats = [ann.starts(f"Chat {number}", bob) for number in range(60)]
        for chat in chats:
            members.insert(chat, people)
    large = chats[-1]
    members.set_role(ann.of(large), people[120].id, "admin")
    shown = bob.api.get(f"/api/chats/{large.id}").get_json()
    assert shown["member_count"] == 152
    assert len(shown["members"]) == 100
    listed, address = [], f"/api/chats/{large.id}/members?limit=50"
    while address:
        page = bob.api.get(address).get_json()
        assert len(page["items"]) <= 50
        listed, address = listed + page["items"], page["next"]
    assert [member["user"]["username"] for member in listed[:3]] == ["ann", "p120", "bob"]
    assert len({member["user"]["id"] for member in listed}) == len(listed) == 152
    assert listed[:100] == shown["members"]
    several = bob.api.get("/api/chats").get_json()["items"]
    assert len(several) == 60
    assert {chat["member_count"] for chat in several} == {152}
    assert sum(len(chat["members"]) for chat in several) <= 4_000
    assert [chat["members"][1]["user"]["username"] for chat in several[:2]].count("p120") == 1
    assert bob.api.get(f"/api/chats/{large.id}/members?after=nonsense").status_code == 422
    edit = bob.get(f"/chats/{large.id}/edit").get_data(as_text=True)
    assert edit.count("/users/p") == 98
    assert "More members" in edit


def test_the_number_of_members_is_right_whoever_joins_and_leaves(
    ann: Person, bob: Person, carol: Person, chat: Chat
) -> None:
    def count() -> int:
        chat_json = ann.api.get(f"/api/chats/{chat.id}").get_json()
        assert chat_json["member_count"] == len(chat_json["members"])
        return int(chat_json["member_count"])

    assert count() == 2
    ann.api.post(f"/api/chats/{chat.id}/members", json={"username": "carol"})
    assert count() == 3
    carol.api.delete(f"/api/chats/{chat.id}/members/{carol.id}")
    assert count() == 2
    ann.removes(bob, chat)
    assert count() == 1
