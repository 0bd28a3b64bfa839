"""A page of a chat holds fewer messages where their HTML is long, and the next page continues where it ended."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import Person

from models import Chat, Membership, Message
from views import message_list
from views.message_list import MessagePage

ROOM, LENGTH, COUNT = 1_000, 5, 24
LENGTHS = st.lists(st.sampled_from([0, 10, 200, 400, 600, 5_000]), min_size=COUNT, max_size=COUNT)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_list, "PAGE_HTML_MAX", ROOM)
    monkeypatch.setattr(message_list, "PAGE_SIZE", LENGTH)


@pytest.fixture
def open_at(app: Flask, ann: Person, small_pages: None) -> Callable[[Membership, str], MessagePage]:
    """What a page shows under an address; it holds what it has room for."""

    def opened(membership: Membership, query: str) -> MessagePage:
        with app.test_request_context(f"/?{query}"):
            since = re.fullmatch(r"since=(\d+)", query)
            shown = MessagePage.since(membership, int(since[1])) if since else MessagePage.from_query(membership)
        parts = [shown.messages]
        if around := re.fullmatch(r"around=(\d+)", query):
            at = int(around[1])
            parts = [
                [one for one in shown.messages if one["id"] < at],
                [one for one in shown.messages if one["id"] > at],
            ]
        for part in parts:
            assert len(part) <= LENGTH
            assert len(part) <= message_list.PAGE_SIZE_MIN or sum(len(one["html"]) for one in part) <= ROOM // len(
                parts
            )
        return shown

    return opened


@given(lengths=LENGTHS, start=st.integers(0, COUNT - 1))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_follow_one_another_without_a_hole(
    open_at: Callable[[Membership, str], MessagePage], ann: Person, chat: Chat, lengths: list[int], start: int
) -> None:
    for _ in range(COUNT - Message.select().count()):
        ann.posts(chat, "word")
    ids = [row.id for row in Message.select(Message.id).order_by(Message.id)]
    for message_id, length in zip(ids, lengths, strict=True):
        Message.update(html="x" * length).where(Message.id == message_id).execute()
    membership = ann.of(chat)
    newest, middle = open_at(membership, ""), open_at(membership, f"around={ids[start]}")
    assert not newest.newer
    assert ids[start] in middle.ids

    def follow(page: MessagePage, way: str) -> list[int]:
        seen = [one["id"] for one in page.messages]
        while page.older if way == "before" else page.newer:
            page = open_at(membership, f"{way}={seen[0] if way == 'before' else seen[-1]}")
            more = [one["id"] for one in page.messages]
            assert more
            assert page.newer if way == "before" else page.older
            seen = more + seen if way == "before" else seen + more
        return seen

    assert follow(newest, "before") == ids
    assert follow(middle, "before") == ids[: ids.index(middle.last_id) + 1]
    assert follow(middle, "after") == ids[ids.index(middle.messages[0]["id"]) :]

    # A live page asks for a message that it has and what stands beside it.
    known, seen = ids[0], [ids[0]]
    while (page := open_at(membership, f"since={known}")).newer:
        assert page.last_id > known
        seen += [one["id"] for one in page.messages if one["id"] > known]
        known = page.last_id
    assert seen + [one["id"] for one in page.messages if one["id"] > known] == ids
    first = ids[-1]
    while (page := open_at(membership, f"before={first + 1}")).older:
        assert page.messages[0]["id"] < first
        first = page.messages[0]["id"]
    assert page.messages[0]["id"] == ids[0]


def test_the_costliest_page_has_its_bound(ann: Person, chat: Chat) -> None:
    longest = ann.posts(chat, "😀 " + "http://a.b " * 900)
    ids = [ann.posts(chat, "word").id for _ in range(2 * message_list.PAGE_SIZE + 3)]
    Message.update(html=longest.html).execute()
    address = f"/chats/{chat.id}?around={ids[message_list.PAGE_SIZE + 1]}"
    ann.get(address)
    tracemalloc.start()
    page = ann.get(address).text
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 2**20
    listed = [int(number) for number in re.findall(r'<article[^>]* id="message-(\d+)"', page)]
    assert all(later == one + 1 for one, later in pairwise(listed))
    assert f"before={listed[0]}" in page
    assert f"after={listed[-1]}" in page
