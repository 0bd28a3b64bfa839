"""Direct chats: one for each pair of people."""

from __future__ import annotations

import json
import threading
from unittest.mock import ANY

import peewee
import pytest
from conftest import Queries
from people import Anyone, Person

import models
from actions import accounts, chats, members, messages
from actions import chats as chat_actions
from models import Chat, Event, Forbidden, Membership


def between(one: Person, other: Person) -> Chat:
    return chat_actions.direct(one.user, other.user)[0].chat


def listed(person: Person) -> list[int]:
    return [chat["id"] for chat in person.api.get("/api/chats").get_json()["items"]]


def test_writing_to_somebody_finds_the_same_chat_again(ann: Person, bob: Person) -> None:
    first = ann.api.post(f"/api/users/{bob.id}/chat")
    assert first.status_code == 201
    chat = first.get_json()
    assert first.headers["Location"] == f"/api/chats/{chat['id']}"
    assert (chat["kind"], chat["title"], chat["role"], chat["level"]) == ("direct", "bob", "member", "everything")
    for who, other, title in ((ann, bob, "bob"), (bob, ann, "ann")):
        again = who.api.post(f"/api/users/{other.id}/chat")
        assert (again.status_code, again.get_json()["id"], again.get_json()["title"]) == (200, chat["id"], title)
    assert Chat.select().count() == 1


def test_a_pair_that_writes_to_each_other_at_once_has_one_chat(ann: Person, bob: Person) -> None:
    start, opened = threading.Barrier(8), []

    def write_to(one: Person, other: Person) -> None:
        start.wait()
        membership, is_new = chat_actions.direct(one.user, other.user)
        opened.append((membership.chat_id, is_new))
        models.database.close()

    pairs = [(ann, bob), (bob, ann)] * 4
    threads = [threading.Thread(target=write_to, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({chat_id for chat_id, _ in opened}) == 1
    assert sorted(is_new for _, is_new in opened) == [False] * 7 + [True]


def test_the_database_itself_keeps_to_one_chat_a_pair(ann: Person, bob: Person) -> None:
    chat = between(ann, bob)
    with pytest.raises(peewee.IntegrityError):
        Chat.create(title="", owner_id=ann.id, low_id=chat.low_id, high_id=chat.high_id, created_at=1)
    with pytest.raises(peewee.IntegrityError):
        Chat.update(high_id=None).where(Chat.id == chat.id).execute()


def test_a_direct_chat_with_nobody_is_404_and_one_without_login_401(ann: Person, bob: Person, anyone: Anyone) -> None:
    assert ann.api.post("/api/users/987654/chat").status_code == 404
    assert anyone.api.post(f"/api/users/{bob.id}/chat").status_code == 401
    accounts.close(bob.user, bob.password)
    assert ann.api.post(f"/api/users/{bob.id}/chat").status_code == 404
    assert Chat.select().count() == 0


def test_each_sees_the_other_ones_name_and_picture(ann: Person, bob: Person, carol: Person) -> None:
    chat = between(ann, bob)
    ann.posts(chat, "hello")
    accounts.change(bob.user, name="Bob Stone")
    for page in (ann.get("/").text, ann.get(f"/chats/{chat.id}").text, ann.get(f"/chats/{chat.id}/edit").text):
        assert "Bob Stone" in page
    assert "<h1>Bob Stone</h1>" in ann.get(f"/chats/{chat.id}").text
    assert "<h1>ann</h1>" in bob.get(f"/chats/{chat.id}").text
    assert ann.api.get(f"/api/chats/{chat.id}").get_json()["title"] == "Bob Stone"
    assert carol.get(f"/chats/{chat.id}").status_code == 404
    assert carol.api.get(f"/api/chats/{chat.id}").status_code == 404


def test_the_other_one_finds_it_in_the_list_once_something_is_written(ann: Person, bob: Person) -> None:
    chat = between(ann, bob)
    assert (listed(ann), listed(bob)) == ([chat.id], [])
    message = ann.posts(chat, "hello")
    assert listed(bob) == [chat.id]
    assert bob.of(chat).unread == 1
    messages.delete(ann.of(chat), message.id)
    assert listed(bob) == [chat.id]


def test_it_has_no_title_no_roles_no_more_people_and_no_end(ann: Person, bob: Person, carol: Person) -> None:
    chat = between(ann, bob)
    message = bob.posts(chat, "mine to delete")
    where = f"/api/chats/{chat.id}"
    for who, other in ((ann, bob), (bob, ann)):
        for answer in (
            who.api.patch(where, json={"title": "Ours"}),
            who.api.patch(where, json={"description": "Ours"}),
            who.api.delete(where),
            who.api.post(f"{where}/members", json={"username": "carol"}),
            who.api.patch(f"{where}/members/{other.id}", json={"role": "admin"}),
            who.api.delete(f"{where}/members/{other.id}"),
            who.api.delete(f"{where}/members/{who.id}"),
            who.api.delete(f"{where}/picture"),
        ):
            assert answer.status_code == 403, (answer.request.path, answer.text)
            assert answer.get_json()["detail"]
        for path in ("leave", "delete"):
            assert who.get(f"/chats/{chat.id}/{path}").status_code == 403
        edit = who.get(f"/chats/{chat.id}/edit").text
        assert "Apply" in edit
        assert other.username in edit
        for words in ("Leave chat", "Delete chat", "Add member", 'name="title"', "Remove"):
            assert words not in edit
    assert ann.api.delete(f"/api/messages/{message.id}").status_code == 403
    assert [member["role"] for member in ann.api.get(where).get_json()["members"]] == ["member", "member"]


def test_nobody_is_taken_out_of_a_direct_chat_by_the_models_either(ann: Person, bob: Person) -> None:
    chat = between(ann, bob)
    with pytest.raises(Forbidden):
        members.leave(ann.of(chat))
    with pytest.raises(Forbidden):
        chats.delete(ann.of(chat))
    assert Membership.select().where(Membership.chat == chat).count() == 2


@pytest.mark.parametrize("closes", ["ann", "bob"])
def test_a_closed_account_leaves_the_chat_to_the_other(ann: Person, bob: Person, closes: str) -> None:
    chat = between(ann, bob)
    ann.posts(chat, "from ann")
    bob.posts(chat, "from bob")
    closed, stays = (ann, bob) if closes == "ann" else (bob, ann)
    accounts.close(closed.user, closed.password)
    page = stays.get(f"/chats/{chat.id}").text
    assert "from ann" in page and "from bob" in page
    assert "<h1>Deleted user</h1>" in page
    assert "This account was deleted" in page
    chat_json = stays.api.get(f"/api/chats/{chat.id}").get_json()
    assert (chat_json["title"], chat_json["picture_url"], chat_json["role"]) == ("Deleted user", None, "member")
    assert "<chat-composer" not in page
    answer = stays.api.post("/api/messages", json={"chat_id": chat.id, "text": "hello?"})
    assert (answer.status_code, "deleted" in answer.get_json()["detail"]) == (403, True)
    accounts.close(stays.user, stays.password)
    assert Chat.select().count() == 0


def test_writing_to_oneself_keeps_it(ann: Person, bob: Person) -> None:
    answer = ann.api.post(f"/api/users/{ann.id}/chat")
    assert (answer.status_code, answer.get_json()["title"]) == (201, "Saved messages")
    chat = Chat.get_by_id(answer.get_json()["id"])
    ann.posts(chat, "buy nails")
    assert ann.of(chat).unread == 0
    assert [member["user"]["username"] for member in answer.get_json()["members"]] == ["ann"]
    assert ann.api.post(f"/api/users/{ann.id}/chat").get_json()["id"] == chat.id
    assert "Only you can see this" in ann.get(f"/chats/{chat.id}").text
    assert bob.get(f"/chats/{chat.id}").status_code == 404


def test_a_button_on_the_profile_leads_there(ann: Person, bob: Person) -> None:
    profile = ann.get("/users/bob").text
    assert 'action="/users/bob/chat"' in profile
    first = ann.browser.submit("/users/bob/chat", on="/users/bob")
    second = ann.browser.submit("/users/bob/chat", on="/users/bob")
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    assert ann.get(first.headers["Location"]).status_code == 200
    assert ann.browser.client.post("/users/bob/chat").status_code == 400, "a forged form"
    assert ann.get("/users/bob/chat").status_code == 405
    assert "Saved messages" in ann.get("/users/ann").text


def test_a_chat_with_one_other_member_is_a_group_still(ann: Person, bob: Person) -> None:
    made = ann.api.post("/api/chats", json={"title": "Garden", "members": ["bob"]}).get_json()
    assert made["kind"] == "group"
    assert ann.api.post(f"/api/users/{bob.id}/chat").get_json()["id"] != made["id"]
    shared = ann.get("/users/bob").text.split("Chats in common")[1]
    assert shared.count('class="chat-row"') == 1, "the direct chat is behind the button"


def test_both_get_the_same_events(ann: Person, bob: Person) -> None:
    chat = between(ann, bob)
    event_data = [event.data for event in Event.select().where(Event.type == "chat.created", Event.chat_id == chat.id)]
    assert len(event_data) == 2
    assert len(set(event_data)) == 1
    created = json.loads(event_data[0])
    assert [user["username"] for user in created.pop("users")] == ["ann", "bob"]
    assert created == {
        "id": chat.id,
        "title": "",
        "kind": "direct",
        "user_ids": sorted([ann.id, bob.id]),
        "opened_by": ann.id,
        "created_at": ANY,
        "role": "member",
        "level": "everything",
        "unread": 0,
        "unread_mentions": 0,
        "last_message": None,
        "last_read_id": None,
    }


def test_search_names_the_other_one(ann: Person, bob: Person) -> None:
    ann.posts(between(ann, bob), "the tomatoes are in")
    assert "ann</b> in bob" in ann.get("/search?q=tomatoes").text
    assert "ann</b> in ann" in bob.get("/search?q=tomatoes").text


def test_russian_words_where_the_models_name_a_chat(ann: Person, bob: Person) -> None:
    accounts.change(ann.user, language="ru")
    chat, own = between(ann, bob), between(ann, ann)
    ann.posts(chat, "hello")
    accounts.close(bob.user, bob.password)
    assert "<h1>Удалённый пользователь</h1>" in ann.get(f"/chats/{chat.id}").text
    assert "<h1>Избранное</h1>" in ann.get(f"/chats/{own.id}").text


def test_direct_chats_cost_no_more_queries(ann: Person, bob: Person, carol: Person, queries: Queries) -> None:
    for other in (bob, carol, ann):
        ann.posts(between(ann, other), "hi")
    chat = between(ann, bob)
    for path, most in (("/", 4), (f"/chats/{chat.id}", 7)):
        ann.get(path)
        with queries:
            assert ann.get(path).status_code == 200
        assert len(queries) <= most, queries.asked
