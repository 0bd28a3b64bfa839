"""A message is sent once, and nothing is lost by sending it again."""

from __future__ import annotations

import threading

import pytest
from people import Person

import models
from actions import messages
from models import Chat, Gone, Invalid, Message, NotThere, SentKey, TooMany, limits


def test_the_same_key_sends_once(ann: Person, chat: Chat) -> None:
    first = ann.posts(chat, "once", key="k")
    again = ann.posts(chat, "once", key="k")
    assert (again.id, again.repeated, first.repeated) == (first.id, True, False)
    assert Message.select().count() == 1


def test_each_person_has_their_own_keys(ann: Person, bob: Person, chat: Chat) -> None:
    assert ann.posts(chat, "hello", key="k").id != bob.posts(chat, "hello", key="k").id


def test_the_same_key_with_another_body_is_refused(ann: Person, chat: Chat) -> None:
    ann.posts(chat, "once", key="k")
    with pytest.raises(Invalid) as refused:
        ann.posts(chat, "otherwise", key="k")
    assert "Idempotency-Key" in refused.value.errors


def test_a_key_of_a_deleted_message_raises_gone(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "once", key="k")
    messages.delete(ann.of(chat), message.id)
    with pytest.raises(Gone):
        ann.posts(chat, "once", key="k")


def test_eight_at_once_with_one_key_send_one_message(ann: Person, chat: Chat) -> None:
    sent: list[int] = []
    start = threading.Barrier(8)
    membership = ann.of(chat)

    def send() -> None:
        # No thread may hold a connection here: there are fewer than threads.
        start.wait()
        sent.append(messages.post(membership, "once", key="k").id)
        models.database.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 8
    assert len(set(sent)) == 1
    assert Message.select().count() == 1


def test_expired_keys_are_deleted(ann: Person, chat: Chat) -> None:
    ann.posts(chat, "once", key="k")
    time_of_a_key = limits.key_days * 86_400_000_000
    SentKey.update(created_at=models.now() - time_of_a_key + 60_000_000).execute()
    assert SentKey.prune() == 0
    SentKey.update(created_at=models.now() - time_of_a_key - 60_000_000).execute()
    assert SentKey.prune() == 1


def test_a_removed_member_can_not_post(ann: Person, bob: Person, chat: Chat) -> None:
    membership = bob.of(chat)
    ann.removes(bob, chat)
    with pytest.raises(NotThere):
        messages.post(membership, "still here?")
    assert Message.select().count() == 0


def test_too_many_messages_a_minute_are_refused(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    monkeypatch.setattr(limits, "posts_a_minute", 3)
    for number in range(3):
        ann.posts(chat, f"message {number}")
    with pytest.raises(TooMany) as held:
        ann.posts(chat, "one too many")
    assert 1 <= held.value.retry_after <= 61


def test_a_reply_quotes_a_message_of_the_same_chat_only(ann: Person, chat: Chat) -> None:
    elsewhere = ann.posts(ann.starts("Elsewhere"), "not here")
    with pytest.raises(Invalid) as refused:
        ann.posts(chat, "what?", reply_to=elsewhere.id)
    assert "reply_to" in refused.value.errors


def test_empty_and_overlong_texts_are_refused(ann: Person, chat: Chat) -> None:
    for text in ("", "  \n\t ", "x" * 10_001):
        with pytest.raises(Invalid) as refused:
            ann.posts(chat, text)
        assert "text" in refused.value.errors
    assert ann.posts(chat, "x" * 10_000).id
