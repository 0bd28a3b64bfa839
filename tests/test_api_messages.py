"""/api/messages: writing, the same key again, editing, paging."""

from __future__ import annotations

import pytest
from conftest import Queries
from people import Person

from actions import messages
from models import Chat, limits

MESSAGE = {
    *("id", "chat_id", "author", "text", "html", "files", "reactions", "reply_to", "forwarded_from", "mentions"),
    *("created_at", "edited_at", "preview"),
}


def test_a_message_is_posted(ann: Person, bob: Person, chat: Chat) -> None:
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
    assert set(reply["reply_to"]) == {"id", "author", "text", "deleted"}
    assert reply["reply_to"]["deleted"] is False
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


def test_pages_cover_all_messages_in_both_directions(ann: Person, bob: Person, chat: Chat) -> None:
    ids = [ann.posts(chat, f"message {number}").id for number in range(7)]
    messages.delete(ann.of(chat), ids.pop(3))
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


def test_listing_messages_requires_a_chat(ann: Person) -> None:
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
    assert len(queries) == few <= 5


def test_before_and_after_together_are_refused(ann: Person, chat: Chat) -> None:
    answer = ann.api.get(f"/api/messages?chat_id={chat.id}&before=5&after=1")
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, {"after"})


@pytest.mark.parametrize("sent", [{}, {"text": None}, {"text": 1}, {"text": "x" * 10_001}, {"text": " "}])
def test_an_invalid_edit_changes_nothing(ann: Person, chat: Chat, sent: dict[str, object]) -> None:
    message = ann.posts(chat, "before")
    answer = ann.api.patch(f"/api/messages/{message.id}", json=sent)
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, {"text"})
    assert ann.api.get(f"/api/messages/{message.id}").get_json()["text"] == "before"


def test_each_person_has_their_own_keys(ann: Person, bob: Person, chat: Chat) -> None:
    sent = {"json": {"chat_id": chat.id, "text": "hello"}, "headers": {"Idempotency-Key": "the-same"}}
    first, other = (who.api.post("/api/messages", **sent) for who in (ann, bob))
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.get_json()["id"] != other.get_json()["id"]


def test_another_chats_message_looks_like_a_missing_one(ann: Person, carol: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    answers = [
        *(carol.api.get(f"/api/messages/{number}") for number in (message.id, 987_654)),
        *(carol.api.delete(f"/api/messages/{number}") for number in (message.id, 987_654)),
        *(carol.api.get(f"/api/messages?chat_id={number}") for number in (chat.id, 987_654)),
        *(carol.api.post("/api/messages", json={"chat_id": n, "text": "x"}) for n in (chat.id, 987_654)),
        *(carol.api.patch(f"/api/messages/{n}", json={"text": "x"}) for n in (message.id, 987_654)),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1


def test_writing_is_throttled(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    monkeypatch.setattr(limits, "posts_a_minute", 3)
    answers = [ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "x"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
