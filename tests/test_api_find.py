"""/api/find: chats, people and messages for what is being typed."""

from __future__ import annotations

from typing import Any

import pytest
from people import Anyone, Person

import search
from actions import accounts
from actions import chats as chat_actions
from models import Chat


def find(who: Person, q: str, **more: object) -> dict[str, Any]:
    answer = who.api.get("/api/find", query_string={"q": q, **more})
    assert answer.status_code == 200, answer.text
    results: dict[str, Any] = answer.get_json()
    return results


def names(results: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    return (
        [chat["title"] for chat in results["chats"]],
        [person["username"] for person in results["people"]],
        [message["text"] for message in results["messages"]],
    )


def test_a_few_letters_find_chats_people_and_messages(ann: Person, bob: Person, chat: Chat) -> None:
    bobs = ann.starts("Bobsleigh", bob)
    ann.posts(chat, "ask bob about it")
    results = find(ann, "bo")
    assert names(results) == (["Bobsleigh"], ["bob"], ["ask bob about it"])
    assert results["chats"][0] == {"id": bobs.id, "title": "Bobsleigh", "url": f"/chats/{bobs.id}"}
    assert results["people"][0]["url"] == "/users/bob"
    message = results["messages"][0]
    assert message["snippet"] == "ask <mark>bob</mark> about it"
    assert (message["chat_title"], message["author"]["username"]) == ("Garden", "ann")
    assert message["url"].startswith(f"/chats/{chat.id}?around=")


def test_a_chat_is_found_by_the_beginnings_of_its_words(ann: Person, bob: Person) -> None:
    ann.starts("Ёлки и Garden party", bob)
    for q in ("ел", "ЁЛКИ", "garden ел", "пар", "par gar"):
        assert names(find(ann, q))[0] == ([] if q == "пар" else ["Ёлки и Garden party"]), q


def test_people_are_found_by_username_and_name(ann: Person, bob: Person) -> None:
    accounts.change(bob.user, name="Анна Петрова")
    assert names(find(ann, "ан"))[1] == ["bob"]
    assert names(find(ann, "@BO"))[1] == ["bob"]


def test_only_members_find_a_chat(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    ann.posts(chat, "garden gate")
    assert names(find(carol, "garden")) == ([], [], [])
    assert names(find(bob, "garden")) == (["Garden"], [], ["garden gate"])
    ann.removes(bob, chat)
    assert names(find(bob, "garden")) == ([], [], [])


def test_so_many_of_each_and_no_more(ann: Person, bob: Person) -> None:
    for number in range(4):
        ann.posts(ann.starts(f"Word {number}", bob), f"word {number}")
    results = find(ann, "word", limit=3)
    assert names(results) == (["Word 3", "Word 2", "Word 1"], [], ["word 3", "word 2", "word 1"])


def test_filters_and_their_hints_come_along(ann: Person, chat: Chat) -> None:
    ann.posts(chat, "tomatoes")
    assert names(find(ann, "от:ann"))[2] == ["tomatoes"]
    assert find(ann, "from:nobody")["hints"] == ["No user named “nobody”."]
    assert names(find(ann, "after:yesterday", zone="Europe/Moscow"))[2] == ["tomatoes"]
    assert find(ann, "after:yesterday", zone="../etc/passwd")["hints"] == []


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=x&limit=0", "q=x&limit=21", "q=" + "x" * 1001])
def test_a_wrong_question_is_refused(ann: Person, query: str) -> None:
    assert ann.api.get(f"/api/find?{query}").status_code == 422


def test_only_people_who_signed_in_may_find(anyone: Anyone) -> None:
    assert anyone.api.get("/api/find?q=x").status_code == 401


def test_what_has_no_title_of_its_own_is_called_in_ones_language(ann: Person) -> None:
    chat_actions.direct(ann.user, ann.user)
    assert names(find(ann, "sav"))[0] == ["Saved messages"]
    accounts.change(ann.user, language="ru")
    assert names(find(ann, "избр"))[0] == ["Избранное"]
    ann.posts(chat_actions.direct(ann.user, ann.user)[0].chat, "tomatoes")
    assert find(ann, "tomatoes")["messages"][0]["chat_title"] == "Избранное"
    assert "tomatoes" in ann.get("/search?q=tomat in:избранное").text


def test_a_question_looks_at_each_title_once_however_long_it_is(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3 s of the processor for one request, in 2,700 chats: each title was folded for each word and filter."""
    for number in range(30):
        ann.starts(f"Small chat {number}", bob)
    folded: list[str] = []
    real = search.fold
    monkeypatch.setattr(search, "fold", lambda text: folded.append(text) or real(text))
    for word in ("in:s ", "in:{} ", "small ", "{} ", "в:{} from:{} "):
        q = "".join(word.format(number, number) for number in range(300))[:1000]
        folded.clear()
        find(ann, q)
        assert sum(text.startswith("Small chat") for text in folded) <= 2 * 30, q


def test_of_very_many_filters_the_first_count(ann: Person, bob: Person) -> None:
    question = search.read("".join(f"in:c{number} from:p{number} " for number in range(70)))
    assert question.titles == tuple(f"c{number}" for number in range(search.WORDS_MAX))
    assert question.authors == tuple(f"p{number}" for number in range(search.WORDS_MAX))
    assert search.read("in:a in:b in:a").titles == ("a", "b")
