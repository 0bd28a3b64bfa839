"""/api/messages and /api/search."""

from __future__ import annotations

import pytest
from conftest import Queries
from people import Person

from models import Chat

MESSAGE = {"id", "chat_id", "author", "text", "html", "files", "reply_to", "created_at", "edited_at"}


def test_a_message_is_written(ann: Person, bob: Person, chat: Chat) -> None:
    answer = ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "The **tomatoes** are in\nall of them"})
    assert answer.status_code == 201
    message = answer.get_json()
    assert set(message) == MESSAGE
    assert message["author"]["username"] == "ann"
    assert message["html"] == "<p>The <strong>tomatoes</strong> are in<br>\nall of them</p>"
    assert (message["files"], message["reply_to"], message["edited_at"]) == ([], None, None)
    assert answer.headers["Location"] == f"/api/messages/{message['id']}"
    assert bob.api.get(answer.headers["Location"]).get_json() == message


def test_a_reply_holds_what_it_replies_to(ann: Person, bob: Person, chat: Chat) -> None:
    first = ann.posts(chat, "word " * 100)
    reply = bob.api.post("/api/messages", json={"chat_id": chat.id, "text": "yes", "reply_to": first.id}).get_json()
    assert set(reply["reply_to"]) == {"id", "author", "text"}
    assert (reply["reply_to"]["id"], reply["reply_to"]["author"]["username"]) == (first.id, "ann")
    assert len(reply["reply_to"]["text"]) <= 140
    for wrong in (987_654, 0, "1", 1.5, True):
        sent = {"chat_id": chat.id, "text": "yes", "reply_to": wrong}
        answer = bob.api.post("/api/messages", json=sent)
        assert answer.status_code == 422
        assert set(answer.get_json()["errors"]) == {"reply_to"}


def test_the_same_key_sends_once(ann: Person, chat: Chat) -> None:
    def send(text: str, key: str = "k-1") -> tuple[int, dict[str, object]]:
        sent = {"chat_id": chat.id, "text": text}
        answer = ann.api.post("/api/messages", json=sent, headers={"Idempotency-Key": key})
        return answer.status_code, answer.get_json()

    (first, message), (second, again) = send("once"), send("once")
    assert (first, second) == (201, 200)
    assert again == message
    status, problem = send("otherwise")
    assert status == 422
    assert problem["errors"]
    assert ann.api.delete(f"/api/messages/{message['id']}").status_code == 204
    assert send("once")[0] == 410
    for key in ("", "x" * 256, "sp ace"):
        assert send("once", key)[0] == 422


def test_wrong_messages_are_refused_by_field(ann: Person, chat: Chat) -> None:
    for sent, fields in (
        ({"chat_id": chat.id}, {"text"}),
        ({"chat_id": chat.id, "text": ""}, {"text"}),
        ({"chat_id": chat.id, "text": " \n "}, {"text"}),
        ({"chat_id": chat.id, "text": "x" * 10_001}, {"text"}),
        ({"chat_id": chat.id, "text": None}, {"text"}),
        ({"chat_id": chat.id, "text": ["x"]}, {"text"}),
        ({"chat_id": chat.id, "text": "\ud800"}, {"text"}),
        ({"text": "x"}, {"chat_id"}),
        ({"chat_id": str(chat.id), "text": "x"}, {"chat_id"}),
        ({"chat_id": 2**64, "text": "x"}, {"chat_id"}),
        ({"chat_id": chat.id, "text": "x", "author_id": 2, "html": "<b>"}, {"author_id", "html"}),
    ):
        answer = ann.api.post("/api/messages", json=sent)
        assert answer.status_code == 422, sent
        assert set(answer.get_json()["errors"]) == fields
    assert ann.api.get(f"/api/messages?chat_id={chat.id}").get_json()["items"] == []


def test_editing_and_deleting(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "tomatos")
    where = f"/api/messages/{message.id}"
    edited = ann.api.patch(where, json={"text": "tomatoes"}).get_json()
    assert (edited["text"], edited["html"]) == ("tomatoes", "<p>tomatoes</p>")
    assert edited["edited_at"] > edited["created_at"]
    assert bob.api.patch(where, json={"text": "mine"}).status_code == 403
    assert bob.api.delete(where).status_code == 403
    assert ann.api.patch(where, json={"text": ""}).status_code == 422
    assert ann.api.delete(where).status_code == 204
    for answer in (ann.api.get(where), ann.api.patch(where, json={"text": "again"}), ann.api.delete(where)):
        assert answer.status_code == 404


def test_an_unchanged_text_is_no_edit(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the same")
    assert ann.api.patch(f"/api/messages/{message.id}", json={"text": "the same"}).get_json()["edited_at"] is None


def test_pages_lead_through_all_messages_in_both_directions(ann: Person, bob: Person, chat: Chat) -> None:
    ids = [ann.posts(chat, f"message {number}").id for number in range(7)]
    ann.of(chat).delete_message(ids.pop(3))
    back, address = [], f"/api/messages?chat_id={chat.id}&limit=2"
    while address:
        page = bob.api.get(address).get_json()
        assert [m["id"] for m in page["items"]] == sorted(m["id"] for m in page["items"])
        back = [m["id"] for m in page["items"]] + back
        address = page["next"]
    forth, address = [], f"/api/messages?chat_id={chat.id}&limit=2&after=0"
    while address:
        page = bob.api.get(address).get_json()
        forth += [m["id"] for m in page["items"]]
        address = page["next"]
    assert back == forth == ids
    assert [
        m["id"] for m in bob.api.get(f"/api/messages?chat_id={chat.id}&before={ids[2]}").get_json()["items"]
    ] == ids[:2]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=-1",
        "before=x",
        "after=1.5",
        "before=1&after=1",
        "before=99999999999999999999",
    ],
)
def test_wrong_queries_are_refused(ann: Person, chat: Chat, query: str) -> None:
    assert ann.api.get(f"/api/messages?chat_id={chat.id}&{query}").status_code == 422


def test_messages_need_their_chat(ann: Person) -> None:
    assert set(ann.api.get("/api/messages").get_json()["errors"]) == {"chat_id"}


def test_a_page_of_messages_costs_the_same_however_long(ann: Person, bob: Person, chat: Chat, queries: Queries) -> None:
    first = ann.posts(chat, "hello")
    for number in range(60):
        (ann if number % 2 else bob).posts(chat, f"message {number}", reply_to=first.id)
    with queries:
        ann.api.get(f"/api/messages?chat_id={chat.id}&limit=2")
    few = len(queries)
    with queries:
        ann.api.get(f"/api/messages?chat_id={chat.id}&limit=60")
    assert len(queries) == few <= 4


def found(who: Person, q: str, **more: object) -> list[str]:
    answer = who.api.get("/api/search", query_string={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [hit["text"] for hit in answer.get_json()["items"]]


def test_search_knows_no_case_and_no_yo(ann: Person, chat: Chat) -> None:
    ann.posts(chat, "Ёлка у ЗАБОРА")
    ann.posts(chat, "Straße nach Köln")
    for q in ("ёлка", "ЕЛКА", "забора", "забо", "елка забора"):
        assert found(ann, q) == ["Ёлка у ЗАБОРА"], q
    assert found(ann, "STRASSE") == ["Straße nach Köln"]
    assert found(ann, "nothing") == found(ann, "!!!") == []


def test_search_sees_ones_own_chats_only(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    ann.posts(chat, "tomatoes")
    assert found(bob, "tomatoes") == ["tomatoes"]
    assert found(carol, "tomatoes") == []
    assert carol.api.get(f"/api/search?q=tomatoes&chat_id={chat.id}").status_code == 404
    ann.removes(bob, chat)
    assert found(bob, "tomatoes") == []


def test_search_narrows_by_chat_author_and_place(ann: Person, bob: Person, chat: Chat) -> None:
    other = ann.starts("Other", bob)
    ids = [who.posts(where, f"word {n}").id for n, (who, where) in enumerate([(ann, chat), (bob, chat), (ann, other)])]
    assert found(ann, "word") == ["word 2", "word 1", "word 0"]
    assert found(ann, "word", chat_id=chat.id) == ["word 1", "word 0"]
    assert found(ann, "word", author="BOB") == ["word 1"]
    assert found(ann, "word", author="nobody") == []
    assert found(ann, "word", before=ids[1]) == ["word 0"]


def test_search_hits_carry_a_snippet_and_lead_on(ann: Person, chat: Chat) -> None:
    for number in range(3):
        ann.posts(chat, f"{'lead ' * 60} <needle> {number} {'tail ' * 60}")
    page = ann.api.get("/api/search?q=needle&limit=2").get_json()
    hit = page["items"][0]
    assert set(hit) == MESSAGE | {"snippet"}
    assert "&lt;<mark>needle</mark>&gt;" in hit["snippet"]
    assert len(hit["snippet"]) < 300
    rest = ann.api.get(page["next"]).get_json()
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert ann.api.get("/api/search").status_code == ann.api.get("/api/search?q=").status_code == 422


@pytest.mark.parametrize(
    "q", ['"', "*", "a OR", "NEAR(", "text:", "'; DROP TABLE user", "^", "-word", "\x00", "(" * 500]
)
def test_no_question_is_an_operator(ann: Person, chat: Chat, q: str) -> None:
    assert ann.api.get("/api/search", query_string={"q": q}).status_code == 200


def test_edited_and_deleted_messages_are_found_as_they_are_now(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "before")
    ann.of(chat).edit(message.id, "afterwards")
    assert (found(ann, "before"), found(ann, "afterwards")) == ([], ["afterwards"])
    ann.of(chat).delete_message(message.id)
    assert found(ann, "afterwards") == []
