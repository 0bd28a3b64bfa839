"""/api/search: what is found, by whom, and how pages of it lead on."""

from __future__ import annotations

from datetime import UTC

import pytest
from people import Anyone, Person

import search
from actions import messages
from models import Chat
from search import matching

HIT = {
    "id", "chat_id", "author", "text", "html", "files", "reactions", "forwarded_from", "mentions", "reply_to",
    "created_at", "edited_at", "preview", "snippet",
}  # fmt: skip


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


def test_a_snippet_shows_a_mention_as_its_reader_sees_it(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "@bob the **second** draft")
    for path in ("/api/search?q=draft", "/api/find?q=draft"):
        answer = ann.api.get(path).get_json()
        hits = answer["items"] if "items" in answer else answer["messages"]
        assert [hit["snippet"] for hit in hits] == ["@bob the second <mark>draft</mark>"]
    assert "@bob the second <mark>draft</mark>" in ann.sees("/search?q=draft")


def test_search_hits_carry_a_snippet_and_lead_on(ann: Person, chat: Chat) -> None:
    for number in range(3):
        ann.posts(chat, f"{'lead ' * 60} <needle> {number} {'tail ' * 60}")
    page = ann.api.get("/api/search?q=needle&limit=2").get_json()
    hit = page["items"][0]
    assert set(hit) == HIT
    assert "&lt;<mark>needle</mark>&gt;" in hit["snippet"]
    assert len(hit["snippet"]) < 300
    rest = ann.api.get(page["next"]).get_json()
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert ann.api.get("/api/search").status_code == ann.api.get("/api/search?q=").status_code == 422


SHOWN = [
    ("**bold needle** and *leaning*, ~~struck~~, `code`", "bold <mark>needle</mark> and leaning, struck, code"),
    ("see [the **needle** page](https://example.com/a)", "see the <mark>needle</mark> page"),
    ("> the needle\n\n- one\n- two", "the <mark>needle</mark> one two"),
    ("```python\nneedle = 1\n```", "<mark>needle</mark> = 1"),
    ("2*3*4 needle >_< <b>&lt;", "2*3*4 <mark>needle</mark> &gt;_&lt; &lt;b&gt;&amp;lt;"),
    ("read [the docs](https://needle.example)", "read the docs (https://<mark>needle</mark>.example)"),
    ("https://needle.example", "https://<mark>needle</mark>.example"),
]


@pytest.mark.parametrize(("written", "shown"), SHOWN, ids=[written for written, _ in SHOWN])
def test_a_snippet_reads_as_the_message_does(ann: Person, chat: Chat, written: str, shown: str) -> None:
    message = ann.posts(chat, written)
    (hit,) = ann.api.get("/api/search?q=needle").get_json()["items"]
    assert (hit["snippet"], hit["text"]) == (shown, written)
    assert ann.api.get("/api/find?q=needle").get_json()["messages"][0]["snippet"] == shown
    assert f'<p><a href="{message.url}">{shown}</a></p>' in ann.get("/search?q=needle").text


@pytest.mark.parametrize(
    "q", ['"', "*", "a OR", "NEAR(", "text:", "'; DROP TABLE user", "^", "-word", "\x00", "(" * 500]
)
def test_no_question_is_an_operator(ann: Person, chat: Chat, q: str) -> None:
    assert ann.api.get("/api/search", query_string={"q": q}).status_code == 200


def test_edited_and_deleted_messages_are_found_as_they_are_now(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "before")
    messages.edit(ann.of(chat), message.id, "afterwards")
    assert (found(ann, "before"), found(ann, "afterwards")) == ([], ["afterwards"])
    messages.delete(ann.of(chat), message.id)
    assert found(ann, "afterwards") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%09", "q"),
        ("q=" + "x" * 1001, "q"),
        ("q=x&limit=0", "limit"),
        ("q=x&limit=101", "limit"),
        ("q=x&limit=many", "limit"),
        ("q=x&before=-1", "before"),
        ("q=x&before=9223372036854775808", "before"),
        ("q=x&chat_id=0", "chat_id"),
        ("q=x&chat_id=one", "chat_id"),
        ("q=x&author=" + "x" * 101, "author"),
    ],
)
def test_a_wrong_question_names_what_is_wrong(ann: Person, query: str, field: str) -> None:
    answer = ann.api.get(f"/api/search?{query}")
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {field}


def test_the_next_page_keeps_the_question(ann: Person, bob: Person, chat: Chat) -> None:
    for number in range(5):
        (ann if number % 2 else bob).posts(chat, f"слово & знак {number}")
    seen, address = [], f"/api/search?q=слово+%26+знак&author=bob&chat_id={chat.id}&limit=1"
    while address:
        page = ann.api.get(address).get_json()
        seen += [hit["text"] for hit in page["items"]]
        address = page["next"]
        assert address is None or address.startswith("/api/search?")
    assert seen == [f"слово & знак {number}" for number in (4, 2, 0)]


def test_only_people_who_signed_in_may_search(anyone: Anyone) -> None:
    assert anyone.api.get("/api/search?q=x").status_code == 401


def test_a_missing_chat_looks_like_one_of_others(carol: Person, chat: Chat) -> None:
    answers = [carol.api.get(f"/api/search?q=x&chat_id={number}") for number in (chat.id, 987_654)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].data == answers[1].data


@pytest.mark.parametrize("before", ["a ", "needles ", "n e ", "é"])
def test_an_excerpt_folds_a_little_of_a_text_however_long_it_is(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    question = search.read("needle", UTC)
    folded: list[int] = []
    known = matching.tokens
    monkeypatch.setattr(matching, "tokens", lambda line: folded.append(len(line)) or known(line))
    shown = matching.snippet(before * 3_000 + " the Needle is here", question)
    assert "<mark>" in shown or before == "é"
    assert sum(folded) <= matching.PLACES_TRIED * matching.PIECE
