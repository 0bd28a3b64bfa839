"""Posts that wait for the write lock share a transaction: each fails alone, and none is answered before the commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import peewee
import pytest
from people import Person
from servers import wait_for

import models
from actions import accounts, chats, members, messages
from models import Chat, Event, Forbidden, Membership, Message, NotThere, base


class Together:
    """What several threads do while this one holds the write lock, so that they wait for it together."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.results: dict[str, Any] = {}
        self.commits = 0

    def does(self, name: str, work: Callable[[], Any]) -> None:
        """Start it, and return when it waits for its turn."""
        before = len(base._waiting)

        def run() -> None:
            try:
                self.results[name] = work()
            except Exception as error:
                self.results[name] = error
            finally:
                models.database.close()

        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()
        is_waiting = lambda: len(base._waiting) > before or name in self.results  # noqa: E731
        wait_for(is_waiting, lambda: f"{name} does not wait: {self.results}")

    def end(self) -> None:
        for thread in self.threads:
            thread.join(60)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Iterator[Together]:
    together, commit = Together(), peewee.Database.commit

    def counted(database: peewee.Database) -> None:
        together.commits += 1
        commit(database)

    monkeypatch.setattr(peewee.Database, "commit", counted)
    # However busy the machine is.
    monkeypatch.setattr(base, "BUSY_SECONDS", 60)
    yield together
    together.end()


def posts(person: Person, chat: Chat, text: str, **how: Any) -> Callable[[], Message]:
    membership = person.of(chat)
    return lambda: messages.post(membership, text, **how)


def test_waiting_posts_share_one_commit(ann: Person, bob: Person, chat: Chat, together: Together) -> None:
    with models.write():
        for number in range(8):
            together.does(str(number), posts((ann, bob)[number % 2], chat, f"No. {number}"))
    together.end()
    assert together.commits == 2  # This test's own, and the waiting ones'.
    assert {name: message.text for name, message in together.results.items()} == {
        str(number): f"No. {number}" for number in range(8)
    }
    chat = Chat.get_by_id(chat.id)
    newest = Message.select().order_by(Message.id.desc()).get()
    assert (chat.message_count, chat.last_message_id) == (8, newest.id)
    assert (ann.of(chat).unread, bob.of(chat).unread) == (4, 4)


def test_events_have_the_order_of_their_messages(ann: Person, chat: Chat, together: Together) -> None:
    with models.write():
        for number in range(8):
            together.does(str(number), posts(ann, chat, f"No. {number}"))
    together.end()
    message_ids = [
        event.message_id for event in Event.select().where(Event.type == "message.created").order_by(Event.id)
    ]
    assert message_ids == [message.id for message in Message.select().order_by(Message.id)]
    times = [message.created_at for message in Message.select().order_by(Message.id)]
    assert times == sorted(times)


def test_only_the_member_removed_meanwhile_is_refused(ann: Person, bob: Person, chat: Chat, together: Together) -> None:
    with models.write():
        together.does("before", posts(ann, chat, "before"))
        together.does("bob", posts(bob, chat, "too late"))
        together.does("after", posts(ann, chat, "after"))
        members.remove(ann.of(chat), bob.id)
    together.end()
    assert isinstance(together.results["bob"], NotThere)
    assert {message.text for message in Message.select()} == {"before", "after"}
    assert together.commits == 2


def test_what_fails_after_it_has_written_leaves_nothing(
    ann: Person, bob: Person, chat: Chat, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = chats.direct(ann.user, bob.user)[0].chat
    ann.posts(direct, "before")
    woken: list[str] = []
    monkeypatch.setattr(models.event.stream_client, "wake", lambda: woken.append("log"))
    bob_leaves, ann_posts = posts(ann, direct, "too late"), posts(ann, chat, "in the garden")
    accounts.close(bob.user, bob.password)
    woken.clear()
    with models.write():
        together.does("direct", bob_leaves)
        together.does("garden", ann_posts)
    together.end()
    assert isinstance(together.results["direct"], Forbidden)
    assert [message.text for message in Message.select()] == ["before", "in the garden"]
    assert Event.select().where(Event.type == "message.created").count() == 2
    assert models.database.execute_sql("SELECT count(*) FROM message_index").fetchone() == (2,)
    assert woken == ["log"]


def test_if_the_commit_fails_all_do(ann: Person, bob: Person, chat: Chat, together: Together) -> None:
    def makes_the_commit_fail() -> None:
        # The chat has no owner then, which SQLite refuses at the commit.
        Membership.delete().where(Membership.user == ann.user, Membership.chat == chat).execute()

    with models.write():
        together.does("bob", posts(bob, chat, "never"))
        together.does("breaks", lambda: base.write_together(makes_the_commit_fail))
    together.end()
    assert [type(error) for error in together.results.values()] == [peewee.IntegrityError] * 2
    assert Message.select().count() == 0
    assert ann.posts(chat, "the next one").id


def test_one_key_sends_one_message_for_all_waiting_requests(ann: Person, chat: Chat, together: Together) -> None:
    with models.write():
        for number in range(4):
            together.does(str(number), posts(ann, chat, "once", key="k"))
    together.end()
    assert len({message.id for message in together.results.values()}) == 1
    assert sorted(message.repeated for message in together.results.values()) == [False, True, True, True]


def test_a_login_that_ended_meanwhile_posts_nothing(ann: Person, bob: Person, chat: Chat, together: Together) -> None:
    """Each is checked as the request that it is, whichever thread makes the change."""
    anns = lambda: ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "ann's"})  # noqa: E731
    bobs = lambda: bob.api.post("/api/messages", json={"chat_id": chat.id, "text": "bob's"})  # noqa: E731
    with models.write():
        together.does("ann", anns)
        together.does("bob", bobs)
        models.Login.delete().where(models.Login.user == bob.user).execute()
    together.end()
    assert (together.results["ann"].status_code, together.results["bob"].status_code) == (201, 401)
    assert [message.text for message in Message.select()] == ["ann's"]


def test_a_post_that_waits_too_long_is_refused_and_writes_nothing(
    ann: Person, chat: Chat, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "BUSY_SECONDS", 0.01)
    with models.write():
        together.does("ann", posts(ann, chat, "never"))
        together.end()
    assert str(together.results["ann"]) == "database is locked"
    assert not base._waiting
    assert Message.select().count() == 0


def test_a_post_within_a_transaction_takes_no_others_along(ann: Person, chat: Chat, together: Together) -> None:
    """They would be answered before it is committed."""
    with pytest.raises(ZeroDivisionError), models.write():
        together.does("waits", posts(ann, chat, "waits"))
        ann.posts(chat, "undone")
        raise ZeroDivisionError
    together.end()
    assert [message.text for message in Message.select()] == ["waits"]
