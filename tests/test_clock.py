"""The clock is set back, or forward: nothing lives longer for it, nobody is locked out, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask import Flask
from people import Person

import models
from actions import accounts, cleanup, drafts, members, messages
from models import Attempt, Chat, DeletedMessage, Link, Login, Message, NotThere, TooMany, message_json
from models.base import limits

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
BACK = (-1, -31, -5 * MINUTE, -2 * HOUR, -40 * DAY)
SHIFTS = (*BACK, 1, 29, 2 * HOUR)
Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the clock by so many seconds from the true time, for everything that asks for it."""
    true_ns, true = time.time_ns, time.time

    def set_by(seconds: float) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() + int(seconds * 10**9))
        monkeypatch.setattr(time, "time", lambda: true() + seconds)

    return set_by


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_draft_is_replaced_by_what_is_written_next(clock: Clock, ann: Person, chat: Chat, shift: int) -> None:
    path = f"/api/chats/{chat.id}/draft"
    assert ann.api.put(path, json={"text": "before"}).status_code == 200
    clock(shift)
    assert ann.api.put(path, json={"text": "after"}).get_json()["text"] == "after"
    assert ann.of(chat).draft_dict()["text"] == "after"
    assert ann.api.put(path, json={"text": ""}).get_json()["text"] == ""


def test_an_older_draft_still_does_not_replace_a_newer_one(ann: Person, chat: Chat) -> None:
    newer, older = models.base.now() - 1_000_000, models.base.now() - 5_000_000
    drafts.save(ann.of(chat), "newer", written_at=newer)
    assert drafts.save(ann.of(chat), "older", written_at=older)["text"] == "newer"


@pytest.mark.parametrize("shift", BACK)
def test_an_undo_does_not_outlive_its_time(clock: Clock, ann: Person, chat: Chat, shift: int) -> None:
    message = ann.posts(chat, "regretted")
    messages.delete(ann.of(chat), message.id)
    clock(shift)
    # Whatever was deleted at a future time can't be restored, and is purged by the next sweep.
    with pytest.raises(NotThere):
        messages.restore(ann.of(chat), message.id)
    DeletedMessage.prune()
    assert not DeletedMessage.select().exists()


@pytest.mark.parametrize("shift", [-10, -20, -29, 0])
def test_an_undo_ends_after_its_time_even_if_the_clock_was_set_back_within_it(
    clock: Clock, ann: Person, chat: Chat, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleanup.waiting.clear()
    clock(0)
    message = ann.posts(chat, "regretted")
    messages.delete(ann.of(chat), message.id)
    # So much later, by a clock that is set by nobody, while the other one went back by some of it.
    true = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: true() + limits.undo_seconds + 1)
    clock(limits.undo_seconds + 1 + shift)
    models.database.close_all()
    cleanup.forget(str(models.database.database))
    assert not DeletedMessage.select().exists()


@pytest.mark.parametrize("shift", SHIFTS)
def test_nobody_is_signed_out(clock: Clock, ann: Person, shift: int) -> None:
    assert ann.get("/settings").status_code == 200
    assert ann.api.get("/api/users/me").status_code == 200
    clock(shift)
    assert ann.get("/settings").status_code == 200
    assert ann.api.get("/api/users/me").status_code == 200


@pytest.mark.parametrize("shift", BACK)
def test_no_login_lives_longer_than_a_new_one_would(clock: Clock, ann: Person, shift: int) -> None:
    ann.get("/settings")
    clock(shift)
    ann.get("/settings")
    ann.api.get("/api/users/me")
    fresh = {"browser": DAY, "token": 30 * DAY}
    for login in Login.select():
        assert login.seen_at <= models.base.now()
        assert login.expires_at <= models.base.now() + fresh[login.kind] * 1_000_000
    clock(0)
    assert ann.get("/settings").status_code == (200 if shift > -DAY else 302)


@pytest.mark.parametrize("shift", BACK)
def test_a_link_does_not_live_longer(clock: Clock, app: Flask, ann: Person, shift: int) -> None:
    link = Link.reset_by_admin(ann.user)
    assert Link.alive(link.secret, "reset")
    clock(shift)
    with pytest.raises(NotThere):
        Link.alive(link.secret, "reset")
    with pytest.raises(NotThere):
        accounts.reset_password(link, "another good long one")
    assert Link.alive(Link.reset_by_admin(ann.user).secret, "reset")


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_throttle_neither_lasts_longer_nor_ends_for_good(
    clock: Clock, app: Flask, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    for _ in range(3):
        Attempt.take("x", 3, MINUTE)
    clock(shift)
    refused = 0
    for _ in range(7):
        try:
            Attempt.take("x", 3, MINUTE)
        except TooMany as error:
            assert error.retry_after <= MINUTE
            refused += 1
    # At most the limit once more.
    assert refused >= 4


@pytest.mark.parametrize("shift", BACK)
def test_throttling_follows_the_clock_after_a_jump(
    clock: Clock, ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    monkeypatch.setattr(limits, "posts_a_minute", 3)
    for number in range(3):
        ann.posts(chat, str(number))
    clock(shift)
    sent = 0
    with pytest.raises(TooMany) as held:
        for number in range(5):
            ann.posts(chat, str(number))
            sent += 1
    assert sent <= 3
    assert held.value.retry_after <= MINUTE


@pytest.mark.parametrize("shift", BACK)
def test_messages_and_people_keep_their_order(
    clock: Clock, ann: Person, bob: Person, carol: Person, chat: Chat, shift: int
) -> None:
    ids = [ann.posts(chat, "first").id]
    clock(shift)
    members.add(ann.of(chat), "carol")
    ids.append(ann.posts(chat, "second").id)
    edited = messages.edit(ann.of(chat), ids[0], "first, edited")
    assert edited.edited_at >= edited.created_at
    assert [message["id"] for message in message_json.newest(ann.of(chat), 10)] == ids
    assert ann.get(f"/chats/{chat.id}").status_code == 200
    other = ann.starts("Later", bob)
    ann.posts(other, "newest")
    assert ann.api.get("/api/chats").get_json()["items"][0]["id"] == other.id
    # Whoever came first inherits.
    members.leave(ann.of(chat))
    assert bob.of(chat).is_owner


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_key_still_sends_once(clock: Clock, ann: Person, chat: Chat, shift: int) -> None:
    first = ann.posts(chat, "once", key="k")
    clock(shift)
    for _ in range(2):
        cleanup.prune_occasionally(cleanup.EVERY)
        assert ann.posts(chat, "once", key="k").id == first.id
    assert Message.select().count() == 1
