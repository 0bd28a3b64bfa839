"""What one person may ask of a worker: so often, and so much at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from people import Anyone, Person

import auth
from lib.pacing import KEYS_MAX, Buckets, InFlight
from models import Chat, limits


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(limits, "throttled", True)
    monkeypatch.setattr(auth, "buckets", Buckets(lambda: 0.0))
    monkeypatch.setattr(auth, "in_flight", InFlight())
    monkeypatch.setattr(auth, "PACES", {"change": (60, 5), "costly": (60, 3), "look": (60, 8)})
    yield


@given(st.lists(st.floats(0, 100), max_size=60))
def test_however_one_asks_one_gets_the_burst_and_the_pace_and_no_more(pauses: list[float]) -> None:
    now = 0.0
    buckets = Buckets(lambda: now)
    taken = 0
    for pause in pauses:
        now += pause
        taken += buckets.take("ann", 30, 10) == 0
    assert taken <= 10 + now / 2 + 1e-6
    now += buckets.take("ann", 30, 10)
    assert buckets.take("ann", 30, 10) == 0 or not pauses


def test_no_more_keys_are_kept_than_there_is_room_for() -> None:
    buckets = Buckets(lambda: 0.0)
    for number in range(KEYS_MAX + 100):
        buckets.take(number, 60, 1)
    assert len(buckets._left) == KEYS_MAX


@pytest.mark.parametrize(
    ("method", "path", "burst"),
    [
        ("POST", "/api/chats/{}/read", 5), ("POST", "/api/chats/{}/unread", 5), ("PATCH", "/api/chats/{}", 5),
        ("POST", "/api/chats/{}/typing", 5), ("PUT", "/api/chats/{}/draft", 5), ("PATCH", "/api/users/me", 5),
        ("GET", "/api/search?q=word", 3), ("GET", "/api/find?q=word", 3), ("GET", "/api/chats", 3),
        ("GET", "/api/chats/{}", 8), ("GET", "/api/users", 8),
    ],
)  # fmt: skip
def test_a_throttled_client_gets_a_retry_after(
    method: str, path: str, burst: int, ann: Person, bob: Person, chat: Chat, paced: None
) -> None:
    answers = [ann.api.open(path.format(chat.id), method) for _ in range(burst + 1)]
    assert 429 not in [answer.status_code for answer in answers[:-1]]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) == 1
    assert answers[-1].content_type == "application/problem+json"
    assert bob.api.open(path.format(chat.id), method).status_code != 429


def test_pages_count_too_and_files_do_not(ann: Person, anyone: Anyone, chat: Chat, paced: None) -> None:
    assert [ann.get(f"/chats/{chat.id}").status_code for _ in range(9)] == [200] * 8 + [429]
    assert {ann.get("/files/1/thumbnail").status_code for _ in range(20)} == {404}


def test_what_is_under_way_is_bounded_and_over_when_it_is(app: Flask, ann: Person, chat: Chat, paced: None) -> None:
    assert app.config["AT_ONCE"] == auth.AT_ONCE_MIN
    for _ in range(auth.AT_ONCE_MIN - 1):
        assert auth.in_flight.enter(ann.id, auth.AT_ONCE_MIN)
    assert [ann.api.get("/api/users/me").status_code for _ in range(3)] == [200] * 3
    assert auth.in_flight.enter(ann.id, auth.AT_ONCE_MIN)
    refused = ann.api.get("/api/users/me")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    auth.in_flight.leave(ann.id)
    assert ann.api.get("/api/users/me").status_code == 200
