"""Much work is done in short transactions: how many rows one changes, what is true at once, and nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import peewee
import pytest
from flask import Flask
from people import PASSWORD, Person
from small_transactions import FEW, MANY, MOST, ChangedRows, copies, finish

import models
import search
from actions import accounts, chats, members, reactions, reading
from actions import messages as message_actions
from config import ROOT, Settings
from models import (
    Chat,
    Event,
    Login,
    Membership,
    Mention,
    Message,
    NotThere,
    Reaction,
    Revision,
    Task,
    User,
    base,
    chat_list,
    event,
    login,
    task,
)
from models.search_index import IndexQuery
from stream.process.engine import open_log

# Little fits into one transaction, and what is left is done when a test says so.
pytestmark = pytest.mark.usefixtures("small_transactions")


def test_run_many_counts_every_changed_row(ann: Person, bob: Person) -> None:
    ids = [ann.starts("Garden", bob).id for _ in range(3)]
    with models.write():
        before = models.database.changes()
        models.database.run_many("UPDATE chat SET title = ? WHERE id = ?", [("Pond", chat) for chat in ids])
        assert models.database.changes() - before == 3


def place(ann: Person, bob: Person, number: int) -> Chat:
    """A chat in which Bob is named, answered, reacted to, edited and has reacted `number` times; he is in as many."""
    chat = ann.starts("Garden", bob)
    first = bob.posts(chat, "the first of all")
    message_actions.edit(ann.of(chat), ann.posts(chat, "@bob was here").id, "so it is")
    reactions.add(ann.of(chat), first.id, "🎉")
    for index in range(number):
        message = ann.posts(chat, f"@bob, number {index}", reply_to=first.id)
    reactions.add(bob.of(chat), message.id, "🎉")
    top = "(SELECT max(id) FROM message) - n + 1"
    copies("reaction", "message_id = (SELECT max(id) FROM message)", number - 1, message_id=f"{top} - 1")
    copies("event", "type = 'message.updated' AND message_id = " + str(first.id), number)
    copies("revision", "TRUE", number)
    for index in range(number // 10):
        ann.starts(f"Other {index}", bob)
    return chat


VERBS: dict[str, Callable[[Person, Person, Chat], object]] = {
    "rename": lambda ann, bob, chat: accounts.change(bob.user, username="robert"),
    "close": lambda ann, bob, chat: accounts.close(bob.user, PASSWORD),
    "delete the chat": lambda ann, bob, chat: chats.delete(ann.of(chat)),
    "delete a message": lambda ann, bob, chat: message_actions.delete(bob.of(chat), first_of(chat)),
}


def first_of(chat: Chat) -> int:
    return int(Message.select(peewee.fn.MIN(Message.id)).where(Message.chat == chat).scalar())


@pytest.mark.parametrize("verb", VERBS)
def test_no_transaction_grows_with_what_it_is_about(
    verb: str, ann: Person, bob: Person, changed_rows: ChangedRows
) -> None:
    chat = place(ann, bob, MANY)
    changed_rows.most = 0
    VERBS[verb](ann, bob, chat)
    pieces = finish()
    assert changed_rows.most < MOST
    assert pieces > 1


@pytest.mark.parametrize("verb", VERBS)
def test_little_work_is_done_at_once(verb: str, ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "WORK_ROWS", 5_000)
    chat = place(ann, bob, FEW)
    VERBS[verb](ann, bob, chat)
    assert Task.select().count() == 0


def everything() -> str:
    """All that the database holds, but the index."""
    tables = models.database.get_tables()
    rows = [
        row
        for table in tables
        if not table.startswith("message_index")
        for row in models.database.execute_sql(f'SELECT * FROM "{table}"')
    ]
    return repr(rows)


def seen_by(person: Person, chat: Chat) -> str:
    """What somebody finds of a chat by page and API, without what they wrote into their own log."""
    shown = [person.api.get(f"/api/chats/{chat.id}").text, person.get(f"/chats/{chat.id}").text]
    address = f"/api/messages?chat_id={chat.id}&limit=100"
    while address:
        page = person.api.get(address).get_json()
        shown += [json.dumps(page)]
        shown += [
            person.api.get(f"/api/messages/{message['id']}/{what}").text
            for message in page["items"][:3]
            for what in ("history", "reactions")
        ]
        address = page["next"]
    return "".join([*shown, person.api.get("/api/chats").text, person.api.get("/api/search?q=number").text])


def test_a_closed_accounts_name_is_shown_nowhere_from_then_on_and_is_nowhere_in_the_end(
    ann: Person, person: Callable[[str], Person]
) -> None:
    bob = person("bobolink")
    chat = place(ann, bob, 1)
    for index in range(20):
        ann.posts(chat, f"@bobolink, number {index}")
    other = message_actions.post(Membership.of(ann.user, chat.id), "@BOBOLINK and @bobolink")
    ann.posts(chat, "see there", reply_to=other.id)
    message_actions.edit(ann.of(chat), other.id, "@bobolink, or so")
    reactions.add(bob.of(chat), other.id, "🎉")
    accounts.close(bob.user, PASSWORD)
    assert Task.select().count() > 2
    assert "bobolink" in everything()
    while Task.select().exists():
        shown = seen_by(ann, chat)
        assert "number" in shown and "bobolink" not in shown.casefold()
        assert Task.work()
    assert "bobolink" not in everything().casefold()
    assert "bobolink" not in seen_by(ann, chat)
    assert (Reaction.select().count(), Mention.select().count()) == (1, 0)
    assert [row.user_id for row in Membership.select()] == [ann.id]


def test_a_chat_is_not_handed_to_a_closed_account_that_is_still_in_it(ann: Person, bob: Person) -> None:
    place(ann, bob, 200)
    accounts.close(bob.user, PASSWORD)
    of_bob = Membership.select(Membership.chat).where(Membership.user == bob.id)
    chat_id = of_bob.order_by(Membership.id.desc()).scalar()
    for role in ("owner", "admin"):
        assert ann.api.patch(f"/api/chats/{chat_id}/members/{bob.id}", json={"role": role}).status_code == 404
    assert ann.api.delete(f"/api/chats/{chat_id}/members/{bob.id}").status_code == 404
    finish()
    assert Chat.get_by_id(chat_id).owner_id == ann.id
    assert [row.user_id for row in Membership.select().where(Membership.chat == chat_id)] == [ann.id]


def test_a_cursor_from_before_is_lost_while_the_log_contains_deleted_content(
    ann: Person, bob: Person, carol: Person, settings: Settings
) -> None:
    chat = place(ann, bob, 100)
    log = open_log(settings.database, b"key")
    before = log.cursors.cursor(log.end())
    ann.posts(chat, "one more")
    assert not log.start(ann.id, before).needs_reset
    accounts.close(bob.user, PASSWORD)
    after = log.cursors.cursor(log.end())
    assert log.start(ann.id, before).needs_reset
    assert not log.start(ann.id, after).needs_reset
    finish()
    assert not log.start(ann.id, before).needs_reset
    log.close()


def test_a_closed_account_is_in_no_chat_at_once(ann: Person, bob: Person) -> None:
    place(ann, bob, 200)
    accounts.close(bob.user, PASSWORD)
    left = list(Membership.select().where(Membership.user == bob.id))
    assert left
    for membership in left:
        with pytest.raises(NotThere):
            Membership.of(bob.user, membership.chat_id)
        assert [one["user"]["id"] for one in chat_list.to_dict(ann.of(membership.chat))["members"]] == [ann.id]
    finish()
    removals = Event.select().where(Event.type == "member.removed", Event.user_id == bob.id)
    assert removals.count() == removals.select(Event.chat_id).distinct().count() == 21


def test_of_a_deleted_chat_nothing_is_seen_at_once(ann: Person, bob: Person, app: Flask) -> None:
    chat = place(ann, bob, 100)
    message = first_of(chat)
    chats.delete(ann.of(chat))
    assert Message.select().where(Message.chat == chat).count() > 50
    for who in (ann, bob):
        assert who.api.get(f"/api/chats/{chat.id}").status_code == 404
        assert who.api.get(f"/api/messages/{message}").status_code == 404
        assert who.api.get("/api/search?q=number").get_json()["items"] == []
        assert chat.id not in [one["id"] for one in who.api.get("/api/chats").get_json()["items"]]
        events = Event.select().where(Event.type == "chat.deleted", Event.user_id == who.id, Event.chat_id == chat.id)
        assert json.loads(events.get().data) == {"id": chat.id, "title": "Garden"}
    assert app.test_cli_runner().invoke(args=["doctor"]).exit_code == 0
    finish()
    assert Chat.select().where(Chat.id == chat.id).count() == 0
    assert Message.select().where(Message.chat == chat.id).count() == 0
    assert Mention.select().where(Mention.chat == chat.id).count() == 0
    assert Event.select().where(Event.chat_id == chat.id, Event.message_id.is_null(False)).count() == 0
    assert (Reaction.select().count(), Revision.select().count()) == (0, 0)
    assert models.database.execute_sql("SELECT count(*) FROM message_index").fetchone() == (0,)


def test_renaming_twice_while_the_first_is_under_way(ann: Person, bob: Person) -> None:
    chat = place(ann, bob, 60)
    for name in ("robert", "rob", "bob"):
        accounts.change(bob.user, username=name)
        assert Task.work()
        assert f"@{name}, number 59" in seen_by(ann, chat)
    accounts.change(bob.user, username="bobby")
    finish()
    texts = [message.text for message in Message.select().where(Message.text.contains("number"))]
    assert texts and all(text.startswith("@bobby, number") for text in texts)
    event_data = [json.loads(event.data) for event in Event.select().where(Event.type == "message.created")]
    assert all(one["text"].startswith("@bobby") for one in event_data if "number" in one["text"])
    assert len(models.database.index.find(IndexQuery(ann.id, search.read('"bobby"'), limit=100))) == 60


def test_what_is_edited_deleted_and_forwarded_between_two_pieces_is_right(ann: Person, bob: Person) -> None:
    chat, other = place(ann, bob, 60), ann.starts("Other", bob)
    accounts.change(bob.user, username="robert")
    *_, edited, deleted, source = Message.select().where(Message.chat == chat).order_by(Message.id)
    assert all(message.text.startswith("@bob,") for message in (edited, deleted, source))
    message_actions.edit(ann.of(chat), edited.id, "@robert, it is late")
    message_actions.delete(ann.of(chat), deleted.id)
    copy = message_actions.forward(ann.of(other), source.id)
    restored = message_actions.restore(ann.of(chat), deleted.id)
    for message in (copy, restored):
        assert message.text.startswith("@robert, number")
    finish()
    for message_id in (edited.id, deleted.id, source.id, copy.id):
        message = Message.get_by_id(message_id)
        assert [message.text[start : start + length] for start, length, _ in Mention.marks(message.id)] == ["@robert"]
        assert 'href="/users/robert"' in message.html
    assert Revision.get(Revision.message == edited.id).text.startswith("@robert, number")
    accounts.change(bob.user, username="rob")
    finish()
    assert Message.get_by_id(copy.id).text.startswith("@rob, number")


def test_a_name_taken_over_while_the_first_bearer_is_being_renamed(
    ann: Person, bob: Person, person: Callable[[str], Person]
) -> None:
    chat = place(ann, bob, 60)
    accounts.change(bob.user, username="robert")
    newcomer = person("bob")
    members.add(ann.of(chat), "bob")
    assert chat_list.unread_mentions(newcomer.of(chat)) == 0
    finish()
    assert chat_list.unread_mentions(newcomer.of(chat)) == 0
    assert Mention.select().where(Mention.user == newcomer.id).count() == 0


@pytest.mark.parametrize("when", ["within a piece", "between two"])
def test_a_process_that_is_killed_leaves_nothing_out_and_does_nothing_twice(
    when: str, ann: Person, bob: Person, settings: Settings
) -> None:
    place(ann, bob, 60)
    accounts.close(bob.user, PASSWORD)
    kill = "os.kill(os.getpid(), 9)"
    program = f"""
        import os, sys
        import models
        from models import base, task
        models.open_database({settings.database_url!r})
        base.WORK_ROWS, base.WORK_SECONDS = 60, 60
        def dying(step):
            def die(work):
                step(work)
                {kill}
            return die
        if {when!r} == "within a piece":
            task.STEPS = {{kind: dying(step) for kind, step in task.STEPS.items()}}
        models.Task.work("one")
        {kill}
    """
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False)
        assert done.returncode == -9
    # Another worker's task is left alone until that worker has been silent for a while.
    Task.update(worked_at=Task.worked_at - 60_000_000).execute()
    finish()
    removals = Event.select().where(Event.type == "member.removed", Event.user_id == bob.id)
    assert removals.count() == removals.select(Event.chat_id).distinct().count() == 7
    assert {row.user_id for row in Membership.select()} == {ann.id}
    assert Mention.select().count() == 0


def test_a_task_that_keeps_failing_holds_up_nobody(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place(ann, bob, 60)
    accounts.close(bob.user, PASSWORD)

    def fails(task: Task) -> bool:
        task.place = 7
        Message.update(text="half done").execute()
        raise ValueError("no way on")

    # What hides a part of the log comes before all others.
    monkeypatch.setitem(task.STEPS, "log", fails)
    while Task.work("one"):
        pass
    left = Task.get()
    assert (left.kind, left.place) == ("log", 0)
    assert Task.select().count() == 1
    assert not Message.select().where(Message.text == "half done").exists()
    assert "no way on" in caplog.text
    assert not Task.work("two")
    # After a while it is tried again, and continues where it was.
    monkeypatch.undo()
    Task.update(worked_at=Task.worked_at - 60_000_000).execute()
    finish()


def test_what_fails_for_all_tasks_is_left_to_a_later_time(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(ann, bob, 60)
    accounts.close(bob.user, PASSWORD)
    full = peewee.OperationalError("database or disk is full")

    @contextmanager
    def refused() -> Iterator[None]:
        raise full
        yield

    monkeypatch.setattr(task, "write", refused)
    with pytest.raises(peewee.OperationalError):
        Task.work("one")


def test_a_task_is_leased_to_one_worker(ann: Person, bob: Person) -> None:
    place(ann, bob, 60)
    accounts.change(bob.user, username="robert")
    Task.delete().where(Task.kind != "names").execute()
    assert Task.work("one")
    Task.delete().where(Task.kind != "names").execute()
    assert not Task.work("two")
    assert Task.work("one")


def test_the_thread_of_a_process_does_what_is_left(
    ann: Person, bob: Person, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(ann, bob, 60)
    accounts.change(bob.user, username="robert")
    assert "pending tasks:" in app.test_cli_runner().invoke(args=["doctor"]).output
    monkeypatch.setattr(task, "PAUSE", 0)
    task.run(str(models.database.database))
    assert Task.select().count() == 0
    assert "no pending tasks" in app.test_cli_runner().invoke(args=["doctor"]).output


@pytest.mark.parametrize("to", ["the first", "the last but one"])
def test_what_comes_while_unread_is_counted_is_counted(
    to: str, ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unread is counted before the lock is held."""

    messages = [ann.posts(chat, f"number {index}") for index in range(6)] + [bob.posts(chat, "mine")]
    bob.reads(chat)
    count = reading.Counted.after

    def meanwhile(*what: Any) -> Any:
        found = count(*what)
        monkeypatch.setattr(reading.Counted, "after", count)
        ann.posts(chat, "while it is counted")
        bob.posts(chat, "mine, too")
        message_actions.delete(ann.of(chat), messages[3].id)
        return found

    monkeypatch.setattr(reading.Counted, "after", meanwhile)
    mark = messages[0] if to == "the first" else messages[5]
    reading.mark_unread(bob.of(chat), mark.id)
    after = Message.select().where(
        Message.chat == chat, Message.id >= mark.id, Message.author == ann.id, Message.deleted_at.is_null()
    )
    assert bob.of(chat).unread == after.count()


def test_of_very_many_logins_the_longest_unseen_end(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "LOGINS_MAX", 5)
    opened = [Login.open(ann.user, "token") for _ in range(8)]
    assert [one.id for one in Login.select().order_by(Login.id)] == [one.id for one in opened[3:]]


def test_the_row_in_the_place_of_a_deleted_chats_members_is_nobody(ann: Person, bob: Person, anyone: Any) -> None:
    chats.delete(ann.of(place(ann, bob, 60)))
    assert User.select().where(User.id == 0).exists()
    for address in ("/api/users/0", "/api/users?q="):
        response = ann.api.get(address)
        assert response.status_code == 404 or all(one["id"] for one in response.get_json()["items"])
    assert anyone.api.post("/api/users/login", json={"username": "", "password": ""}).status_code in (401, 422)


def test_however_slow_the_machine_is_a_piece_is_done_in_each_transaction(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ann.starts("Garden", bob)
    for number in range(5):
        ann.posts(chat, f"@bob {number}")
    monkeypatch.setattr(base, "WORK_SECONDS", 0.0)
    bob.api.patch("/api/users/me", json={"username": "robert"})
    assert finish() < 100
    assert Message.select().where(Message.text.contains("@bob ")).count() == 0


def test_old_events_go_piece_by_piece(ann: Person, bob: Person) -> None:
    chat = ann.starts("Garden", bob)
    message = ann.posts(chat, "hello")
    copies("event", f"message_id = {message.id}", MANY)
    Event.update(created_at=0).execute()
    Event.prune()
    assert Event.select().count() > 0
    assert finish() > 0
    assert Event.select().count() == 0


def test_long_old_events_go_a_few_at_a_time(ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ann.starts("Garden", bob)
    for _ in range(FEW):
        ann.posts(chat, "hello")
    monkeypatch.setattr(event, "CHARACTERS_AT_ONCE", 1)
    Event.update(created_at=0).execute()
    Event.prune()
    assert finish() >= FEW
    assert Event.select().count() == 0


def test_events_about_a_closed_account_are_rewritten_one_by_one(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ann.starts("Garden", bob)
    for number in range(FEW):
        message = bob.posts(chat, "hello")
        message_actions.edit(bob.of(chat), message.id, f"hello {number}")
    monkeypatch.setattr(base, "WORK_SECONDS", 0.0)
    accounts.close(bob.user, PASSWORD)
    # Both events of each message are by bob.
    assert finish() > 2 * FEW
    assert not Event.select().where(Event.data.contains('"bob"')).exists()
