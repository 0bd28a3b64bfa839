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

import models
from actions import accounts, chats, members, reactions, reading, redaction
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
    task,
)
from stream.process.log import EventLog

MANY, FEW = 100, 10
# Rows of one transaction, whatever it is about; the index's own tables count as well.
MOST = 400


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little fits into one transaction, and what is left is done when a test says so."""
    monkeypatch.setattr(base, "WORK_ROWS", 60)
    monkeypatch.setattr(base, "DELETED_AT_ONCE", 20)
    monkeypatch.setattr(redaction, "AT_ONCE", 20)
    monkeypatch.setattr(task, "schedule", lambda: None)


def finish() -> int:
    """Do all that is left; how many pieces it was."""
    pieces = 0
    while Task.work():
        pieces += 1
    assert Task.select().count() == 0
    return pieces


class Changed:
    """The most rows that one transaction changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = 0
        begin, commit = peewee.SqliteDatabase.begin, peewee.SqliteDatabase.commit
        self.before = 0

        def begun(database: Any, *how: Any) -> None:
            begin(database, *how)
            self.before = database.connection().total_changes

        def committed(database: Any) -> None:
            commit(database)
            self.most = max(self.most, database.connection().total_changes - self.before)

        monkeypatch.setattr(peewee.SqliteDatabase, "begin", begun)
        monkeypatch.setattr(peewee.SqliteDatabase, "commit", committed)


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Changed:
    return Changed(monkeypatch)


def copies(table: str, chosen: str, number: int, **other: str) -> None:
    """Write a row of a table many times over; `other` says what of it is another value, in SQL over `n`."""
    columns = [row[1] for row in models.database.execute_sql(f"PRAGMA table_info({table})") if row[1] != "id"]
    values = ", ".join(other.get(column, column) for column in columns)
    models.database.execute_sql(
        f"WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < {number}) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}, count WHERE {chosen}"
    )


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
    copies("revision", "1", number)
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
def test_no_transaction_grows_with_what_it_is_about(verb: str, ann: Person, bob: Person, changed: Changed) -> None:
    chat = place(ann, bob, MANY)
    changed.most = 0
    VERBS[verb](ann, bob, chat)
    pieces = finish()
    assert changed.most < MOST
    assert pieces > 1


@pytest.mark.parametrize("verb", VERBS)
def test_little_work_is_done_at_once(verb: str, ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "WORK_ROWS", 5_000)
    chat = place(ann, bob, FEW)
    VERBS[verb](ann, bob, chat)
    assert Task.select().count() == 0


def everything() -> str:
    """All that the database holds, but the index."""
    tables = [row[0] for row in models.database.execute_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
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


def test_the_log_is_not_told_while_it_holds_what_is_hidden(
    ann: Person, bob: Person, carol: Person, settings: Settings
) -> None:
    chat = place(ann, bob, 100)
    log = EventLog(settings.database_path, b"key")
    before = log.cursors.cursor(log.end())
    ann.posts(chat, "one more")
    assert not log.start(ann.id, before).is_lost
    accounts.close(bob.user, PASSWORD)
    after = log.cursors.cursor(log.end())
    assert log.start(ann.id, before).is_lost
    assert not log.start(ann.id, after).is_lost
    finish()
    assert not log.start(ann.id, before).is_lost
    log.close()


def test_a_closed_account_is_in_no_chat_at_once(ann: Person, bob: Person) -> None:
    place(ann, bob, 200)
    accounts.close(bob.user, PASSWORD)
    left = list(Membership.select().where(Membership.user == bob.id))
    assert left
    for theirs in left:
        with pytest.raises(NotThere):
            Membership.of(bob.user, theirs.chat_id)
        assert [one["user"]["id"] for one in chat_list.to_dict(ann.of(theirs.chat))["members"]] == [ann.id]
    finish()
    gone = Event.select().where(Event.type == "member.removed", Event.user_id == bob.id)
    assert gone.count() == gone.select(Event.chat_id).distinct().count() == 21


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
        told = Event.select().where(Event.type == "chat.deleted", Event.user_id == who.id, Event.chat_id == chat.id)
        assert json.loads(told.get().data) == {"id": chat.id, "title": "Garden"}
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
    told = [json.loads(event.data) for event in Event.select().where(Event.type == "message.created")]
    assert all(one["text"].startswith("@bobby") for one in told if "number" in one["text"])
    found = models.database.execute_sql("SELECT count(*) FROM message_index WHERE message_index MATCH 'bobby'")
    assert found.fetchone() == (60,)


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
    # Somebody else's work is left alone until that one has not been heard of for a while.
    Task.update(worked_at=Task.worked_at - 60_000_000).execute()
    finish()
    gone = Event.select().where(Event.type == "member.removed", Event.user_id == bob.id)
    assert gone.count() == gone.select(Event.chat_id).distinct().count() == 7
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
    # After a while it is tried again, and goes on where it was.
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


def test_two_workers_are_not_at_the_same_task(ann: Person, bob: Person) -> None:
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
    from models import login

    monkeypatch.setattr(login, "LOGINS_MAX", 5)
    opened = [Login.open(ann.user, "token") for _ in range(8)]
    assert [one.id for one in Login.select().order_by(Login.id)] == [one.id for one in opened[3:]]


def test_the_row_in_the_place_of_a_deleted_chats_members_is_nobody(ann: Person, bob: Person, anyone: Any) -> None:
    chats.delete(ann.of(place(ann, bob, 60)))
    assert User.select().where(User.id == 0).exists()
    for address in ("/api/users/0", "/api/users?q="):
        told = ann.api.get(address)
        assert told.status_code == 404 or all(one["id"] for one in told.get_json()["items"])
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


def test_no_message_merges_large_pieces_of_the_search_index_at_once(ann: Person, bob: Person, changed: Changed) -> None:
    """As FTS5 would by itself, with every sixteenth piece of a level."""
    chat = ann.starts("Garden", bob)
    models.database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('pgsz', 64)")
    for piece in range(3):
        words = (" ".join(f"w{piece}x{number}x{word}" for word in range(10)) for number in range(300))
        rows = [(1_000 * (piece + 1) + number, text) for number, text in enumerate(words)]
        with models.write():
            models.database.connection().executemany("INSERT INTO message_index (rowid, text) VALUES (?, ?)", rows)
    most = []
    for _ in range(20):
        changed.most = 0
        ann.posts(chat, "one more")
        most.append(changed.most)
    assert max(most) < 5 * MOST, most


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


def test_the_words_of_a_long_message_are_indexed_anew_after_an_edit(ann: Person, bob: Person, changed: Changed) -> None:
    chat = ann.starts("Garden", bob)
    message = ann.posts(chat, "before " + " ".join(f"w{number}" for number in range(500)))
    changed.most = 0
    message_actions.edit(ann.of(chat), message.id, "after")
    assert changed.most < FEW
    # Merging, removing, adding.
    assert finish() == 3
    assert [hits(ann, word) for word in ("before", "w123", "after")] == [[], [], [message.id]]


def test_a_long_message_that_is_deleted_is_found_no_more_while_its_words_are_there(ann: Person, bob: Person) -> None:
    chat = ann.starts("Garden", bob)
    message = ann.posts(chat, "before " + " ".join(f"w{number}" for number in range(500)))
    assert hits(ann, "before") == [message.id]
    message_actions.delete(ann.of(chat), message.id)
    assert hits(ann, "before") == []
    indexed = "SELECT count(*) FROM message_index WHERE message_index MATCH 'before'"
    assert models.database.execute_sql(indexed).fetchone() == (1,)
    finish()
    assert models.database.execute_sql(indexed).fetchone() == (0,)


def hits(person: Person, words: str) -> list[int]:
    found = person.api.get("/api/search", query_string={"q": words}).get_json()
    return [message["id"] for message in found["items"]]


def test_long_messages_of_a_deleted_chat_go_one_by_one(ann: Person, bob: Person) -> None:
    chat = ann.starts("Garden", bob)
    for number in range(5):
        ann.posts(chat, " ".join(f"w{number}x{word}" for word in range(400)))
    chats.delete(ann.of(chat))
    assert finish() >= 4
    assert Message.select().count() == 0


def test_what_was_told_of_a_closed_account_is_looked_through_one_by_one(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ann.starts("Garden", bob)
    for number in range(FEW):
        message = bob.posts(chat, "hello")
        message_actions.edit(bob.of(chat), message.id, f"hello {number}")
    monkeypatch.setattr(base, "WORK_SECONDS", 0.0)
    accounts.close(bob.user, PASSWORD)
    # Both of each message were told by bob.
    assert finish() > 2 * FEW
    assert not Event.select().where(Event.data.contains('"bob"')).exists()


def segments() -> int:
    """How many segments the search index has."""
    found = models.database.execute_sql("SELECT count(DISTINCT segid) FROM message_index_idx").fetchone()
    return int(found[0])


@pytest.mark.parametrize("how", ["delete", "edit", "end"])
def test_segments_of_the_index_are_merged_before_many_words_are_taken_out(
    app: Flask, ann: Person, chat: Chat, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [ann.posts(chat, " ".join(f"word{number}x{word}" for word in range(400))) for number in range(30)]
    before = segments()
    assert before > 15
    seen: list[int] = []
    kind = "chat" if how == "end" else "indexed"

    def do(step: task.Step) -> task.Step:
        return lambda job: seen.append(segments()) or step(job)  # type: ignore[func-returns-value]

    if how == "delete":
        message_actions.delete(ann.of(chat), sent[3].id)
    elif how == "edit":
        message_actions.edit(ann.of(chat), sent[3].id, "short")
    else:
        chats.delete(ann.of(chat))
    monkeypatch.setitem(task.STEPS, kind, do(task.STEPS[kind]))
    finish()
    assert seen
    assert max(seen) < 8
    assert models.database.execute_sql(
        "SELECT count(*) FROM message_index WHERE message_index MATCH 'word3x7'"
    ).fetchone() == (0,)
