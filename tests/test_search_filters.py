"""The words of a question that narrow it: who, where, when, with a file; in English and Russian."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

import pytest
from background import finish_tasks
from flask import Flask
from hypothesis import example, given, settings
from hypothesis import strategies as st
from people import Person

import models
import search
from actions import accounts, messages, searching
from models import Chat, Message, message_page
from models.base import media
from views import clock


def answer(who: Person, q: str, **more: object) -> dict[str, object]:
    response = who.api.get("/api/search", query_string={"q": q, **more})
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.get_json()
    return body


def found(who: Person, q: str, **more: object) -> set[str]:
    return {hit["text"] for hit in answer(who, q, **more)["items"]}  # type: ignore[attr-defined]


def written_on(message: Message, when: datetime) -> None:
    """As if it had been written then."""
    Message.update(created_at=int(when.timestamp() * 1_000_000)).where(Message.id == message.id).execute()
    message_page.load(Message.id == message.id, newest_first=True, limit=1)[0].update_index(0)


def note(name: str) -> Any:
    upload = media.store.receive(name, "text/plain", 2**20)
    upload.write(b"words")
    return upload


@pytest.fixture
def talk(ann: Person, bob: Person, chat: Chat) -> Chat:
    """Ann and Bob in the chat Garden and in Allotment Club."""
    club = ann.starts("Allotment Club", bob)
    ann.posts(chat, "tomatoes by ann")
    bob.posts(chat, "tomatoes by bob")
    bob.posts(club, "tomatoes at the club")
    return club


@pytest.mark.parametrize(
    "q", ["from:bob tomatoes", "tomatoes FROM:BOB", "от:bob tomatoes", "From:@bob помидоры tomato"]
)
def test_from_finds_what_a_person_wrote(ann: Person, talk: Chat, q: str) -> None:
    everything = {"tomatoes by bob", "tomatoes at the club"}
    assert found(ann, q) == (set() if "помидоры" in q else everything)


def test_one_asks_for_ones_own_and_for_several_people(ann: Person, talk: Chat) -> None:
    assert found(ann, "tomatoes from:me") == found(ann, "от:меня") == {"tomatoes by ann"}
    assert len(found(ann, "tomatoes from:ann from:bob")) == 3
    assert found(ann, "tomatoes from:ann", author="bob") == set()


def test_from_takes_the_displayed_name(ann: Person, bob: Person, talk: Chat) -> None:
    accounts.change(bob.user, name="Боб Ёлкин")
    assert found(ann, 'tomatoes from:"боб елкин"') == {"tomatoes by bob", "tomatoes at the club"}


@pytest.mark.parametrize(
    ("q", "hits"),
    [
        ("tomatoes in:garden", 2), ("in:GARD", 2), ('in:"allotment club" tomatoes', 1), ("в:club", 1), ('в:"nt cl"', 1),
        ("in:garden in:club", 3), ("in:garden from:bob", 1),
    ],
)  # fmt: skip
def test_in_takes_a_chats_title_or_a_part_of_it(ann: Person, talk: Chat, q: str, hits: int) -> None:
    assert len(found(ann, q)) == hits


def test_the_title_of_a_chat_that_one_is_not_in_is_unknown(carol: Person, ann: Person, talk: Chat) -> None:
    carol.starts("Kitchen")
    answered = [answer(carol, f"in:{title}") for title in ("Garden", "Nowhere")]
    assert answered[0] == {"items": [], "next": None, "hints": ["You have no chat named “Garden”."]}
    assert str(answered[0]).replace("Garden", "Nowhere") == str(answered[1])


@pytest.mark.parametrize(
    ("q", "texts"),
    [
        ("before:2026-02-01", {"in January"}),
        ("до:01.02.2026", {"in January"}),
        ("before:2026-01-31", set()),
        ("after:2026-01-31", {"in March"}),
        ("после:2026-01-30 in", {"in January", "in March"}),
        ("after:2026-01-31 before:2026-03-05", set()),
        ("after:2026-01 before:2027", {"in March"}),
        ("before:2026", set()),
        ("after:2025 before:2026-04", {"in January", "in March"}),
        ("after:2026 in", set()),
    ],
)  # fmt: skip
def test_before_and_after_take_a_day(ann: Person, chat: Chat, q: str, texts: set[str]) -> None:
    written_on(ann.posts(chat, "in January"), datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    written_on(ann.posts(chat, "in March"), datetime(2026, 3, 5, tzinfo=UTC))
    assert found(ann, q) == texts


def test_today_is_after_yesterday_and_not_before_today(ann: Person, chat: Chat) -> None:
    ann.posts(chat, "just now")
    assert found(ann, "after:yesterday") == found(ann, "после:вчера now") == {"just now"}
    assert found(ann, "before:today") == found(ann, "до:сегодня") == set()


def test_a_day_begins_where_the_reader_is(ann: Person, chat: Chat) -> None:
    written_on(ann.posts(chat, "late"), datetime(2026, 1, 31, 21, 30, tzinfo=UTC))
    moscow = timezone(timedelta(hours=3))
    by_zone = {
        zone: searching.find(ann.user, "before:2026-02-01", searching.SearchFilters(), zone) for zone in (UTC, moscow)
    }
    assert {zone: len(results.messages) for zone, results in by_zone.items()} == {UTC: 1, moscow: 0}


@given(st.sampled_from(sorted(available_timezones())), st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 30)))
@settings(deadline=None, max_examples=300)
@example("Europe/Moscow", datetime(2026, 1, 31, 21, 15))
@example("Europe/Paris", datetime(2026, 1, 31, 22, 30))
@example("America/Juneau", datetime(2026, 2, 1, 8, 45))
@example("America/Havana", datetime(2026, 11, 1, 4, 30))
@example("Africa/Cairo", datetime(2026, 4, 23, 22, 0))
@example("Pacific/Apia", datetime(2011, 12, 31, 9, 0))
def test_every_moment_is_within_the_day_that_the_page_shows_it_on(zone: str, utc: datetime) -> None:
    """In all zones, and around changes of the clock."""
    written = utc.replace(tzinfo=UTC)
    app = Flask(__name__)
    with app.test_request_context(headers={"Cookie": f"time_zone={zone}"}):
        here, day = clock.zone(), clock.day_of(int(written.timestamp()) * 1_000_000)
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    question = search.read(f"after:{before} before:{after}", here)
    assert question.since is not None and question.until is not None
    assert question.since <= written < question.until


def test_today_is_the_readers(ann: Person, chat: Chat) -> None:
    ann.posts(chat, "just now")
    for zone in ("America/Juneau", "Europe/Moscow", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Adak"):
        with ann.app.test_request_context(headers={"Cookie": f"time_zone={zone}"}):
            results = searching.find(ann.user, "after:yesterday", searching.SearchFilters(), clock.zone())
            assert [message["text"] for message in results.messages] == ["just now"], zone


def test_one_asks_for_messages_with_a_file_and_by_its_name(ann: Person, chat: Chat) -> None:
    with ann.app.test_request_context():
        ann.posts(chat, "see here", files=[note("отчёты.txt")])
    ann.posts(chat, "see nothing")
    for q in ("has:file", "есть:файл see", "отчет", "Отчёты.txt has:files"):
        assert found(ann, q) == {"see here"}, q


@pytest.mark.parametrize(
    ("q", "hint"),
    [
        ("tomatoes from:nobody", "No user named “nobody”."),
        ("in:Nowhere", "You have no chat named “Nowhere”."),
        ("before:someday tomatoes", "“someday” isn’t a date. Write it like this: 2026-01-31."),
        ("after:2026-02-31", "“2026-02-31” isn’t a date. Write it like this: 2026-01-31."),
        ("has:wings", "The only filter of this kind is has:file."),
    ],
)
def test_unknown_names_find_nothing_with_a_hint(ann: Person, talk: Chat, q: str, hint: str) -> None:
    assert answer(ann, q) == {"items": [], "next": None, "hints": [hint]}


def test_the_hint_is_in_the_readers_language(ann: Person, talk: Chat) -> None:
    page = ann.browser.get("/search?q=от:никто", headers={"Accept-Language": "ru"}).text
    assert "No user named" not in page


@pytest.mark.parametrize("q", ["http://from:bob", "re:tomatoes", 'say:"tomatoes by"', '"from:bob"', "tomatoes from:"])
def test_unknown_filters_are_words(ann: Person, talk: Chat, q: str) -> None:
    question = search.read(q)
    assert question.authors == ()
    assert question.terms


def test_a_filtered_search_has_pages(ann: Person, chat: Chat) -> None:
    for number in range(5):
        ann.posts(chat, f"собака {number}")
    seen, address = [], "/api/search?q=from:me+собаки&limit=2"
    while address:
        page = ann.api.get(address).get_json()
        seen += [hit["snippet"] for hit in page["items"]]
        address = page["next"]
    assert seen == [f"<mark>собака</mark> {number}" for number in (4, 3, 2, 1, 0)]


def test_no_filter_finds_messages_of_other_chats(
    ann: Person, bob: Person, carol: Person, talk: Chat, chat: Chat
) -> None:
    every = ["tomatoes", "from:ann", "from:bob", "in:garden", "before:2099-01-01", "after:2000-01-01", "томаты"]
    assert {q: found(carol, q) for q in every} == {q: set() for q in every}
    ann.removes(bob, chat)
    assert found(bob, "tomatoes") == found(bob, "after:2000") == {"tomatoes at the club"}


def test_forms_and_facts_of_a_deleted_message_are_deleted(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "собаками")
    messages.edit(ann.of(chat), message.id, "кошками")
    assert (found(ann, "собака"), found(ann, "кошка")) == (set(), {"кошками"})
    messages.delete(ann.of(chat), message.id)
    assert found(ann, "кошка") == found(ann, "from:ann") == set()
    assert models.database.execute_sql("SELECT count(*) FROM message_index").fetchone() == (0,)


def test_a_rebuilt_index_finds_the_same(ann: Person, bob: Person, talk: Chat, chat: Chat) -> None:
    edited, deleted, long, _ = (ann.posts(chat, text) for text in ("carrots", "gone", "long " * 500, "plum trees"))
    bob.posts(chat, "", files=[note("parsley.txt")])
    messages.edit(ann.of(chat), edited.id, "edited carrots")
    messages.edit(ann.of(chat), long.id, "short")
    messages.delete(ann.of(chat), deleted.id)
    finish_tasks()
    asked = ["tomatoes", "carrot", "gone", "long", "short", "plum tre", '"trees plum"', "pars has:file", "from:bob"]

    def hits() -> list[list[int]]:
        found = [searching.find(ann.user, q, searching.SearchFilters()).messages for q in asked]
        return [[message["id"] for message in messages] for messages in found]

    before = hits()
    assert list(map(len, before)) == [3, 1, 0, 0, 1, 1, 0, 1, 3]
    models.database.execute_sql("DELETE FROM message_index")
    assert not any(hits())
    assert models.index.fill() == 7
    assert hits() == before


@pytest.mark.parametrize(
    "q",
    [
        'from:"', "in:*", "from:a'b", 'in:"a" OR text:"b"', "before:99999999999", "after:٢٠٢٦-٠١-٠١", "from:\x00",
        "in:🙂", "facts:c1", "text:tomatoes", "{text}:a", '"' * 999, "from:" * 200, "a-" * 400, "🙂🙂 🙂",
        "before:0000-00-00", "before:2026-13", "до:", "has:", 'есть:""', "c1 a1 f y2026",
    ],
)  # fmt: skip
def test_no_query_fails_or_reveals_other_chats(ann: Person, carol: Person, talk: Chat, q: str) -> None:
    for who in (ann, carol):
        response = who.api.get("/api/search", query_string={"q": q})
        assert response.status_code in (200, 422)
        assert who.get(f"/search?q={quote(q, errors='replace')}").status_code == 200
    assert found(carol, "c1 a1") == set()


def test_a_very_long_query_is_answered(ann: Person, talk: Chat) -> None:
    assert ann.api.get("/api/search", query_string={"q": "x" * 10_000}).status_code == 422
    assert ann.get("/search?q=" + "tomatoes+" * 1_100).status_code == 200


def test_searching_many_chats_finds_the_same(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "CHATS_NAMED", 2)
    for number in range(4):
        ann.posts(ann.starts(f"Room {number}"), f"word {number}")
    assert len(found(ann, "word")) == 4
    assert found(ann, "words in:3") == {"word 3"}
    assert len(found(ann, "in:room word")) == 4
