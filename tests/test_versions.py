"""The versions of what somebody sees, read again without the query as long as nothing has changed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from people import PASSWORD, Person

import models
from actions import accounts, members, messages, reactions
from lib.sqlite import sqlite3
from models import Chat, Login
from models.base import DAY_MICROSECONDS, MINUTE_MICROSECONDS, database
from models.timing import clock
from models.versions import VersionsQuery

Change = Callable[[Person, Person, Chat], object]
CHANGES: dict[str, Change] = {
    "nothing": lambda ann, bob, chat: None,
    "a message": lambda ann, bob, chat: ann.posts(chat, "news"),
    "a reaction": lambda ann, bob, chat: reactions.add(bob.of(chat), ann.posts(chat, "fine").id, "👍"),
    "an edit": lambda ann, bob, chat: messages.edit(ann.of(chat), ann.posts(chat, "nwes").id, "news"),
    "what was read": lambda ann, bob, chat: (ann.posts(chat, "read me"), bob.reads(chat)),
    "another chat": lambda ann, bob, chat: ann.starts("Kitchen", bob),
    "a name": lambda ann, bob, chat: accounts.change(ann.user, name=f"Ann {random.random()}"),
    "minutes": lambda ann, bob, chat: setattr(clock, "offset", clock.offset + MINUTE_MICROSECONDS),
    "the clock set back": lambda ann, bob, chat: setattr(clock, "offset", clock.offset - 3 * MINUTE_MICROSECONDS),
    "another program": lambda ann, bob, chat: by_another_program(),
}
ENDS: dict[str, Change] = {
    "logged out": lambda ann, bob, chat: Login.delete().where(Login.user == bob.id).execute(),
    "removed": lambda ann, bob, chat: members.remove(ann.of(chat), bob.id),
    "closed": lambda ann, bob, chat: accounts.close(bob.user, PASSWORD),
    "expired": lambda ann, bob, chat: setattr(clock, "offset", clock.offset + 400 * DAY_MICROSECONDS),
}


def by_another_program() -> None:
    """A change that this process learns of from the database alone."""
    with sqlite3.connect(database.path, isolation_level=None) as connection:
        connection.execute("UPDATE common_version SET value = value + 1")
    connection.close()


@pytest.fixture(autouse=True)
def reset_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "offset", 0)


def query_of(bob: Person, chat: Chat, secret: str = "") -> VersionsQuery:
    secret = secret or Login.open(bob.user, "browser").secret
    return VersionsQuery(secret, ("browser",), chat.id, shows_all_chats=True)


@pytest.mark.sqlite
def test_the_query_runs_once_until_something_changes(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = query_of(bob, chat)
    asked: list[str] = []
    read_only_query = database.read_only_query
    monkeypatch.setattr(
        models.sqlite.SqliteDatabase,
        "read_only_query",
        lambda _, sql, values: (asked.append(sql), read_only_query(sql, values))[1],
    )

    def queries() -> int:
        asked.clear()
        found = [query.read_again() for _ in range(3)]
        assert found[0] is not None and found[0] == found[1] == found[2]
        return sum("FROM session" in sql for sql in asked)

    assert queries() == 1
    assert queries() == 0
    ann.posts(chat, "news")
    assert queries() == 1
    by_another_program()
    assert queries() == 1
    clock.offset += 6 * MINUTE_MICROSECONDS
    assert [query.read_again() for _ in range(2)] == [None, None], "the last-seen time is due"


@pytest.mark.sqlite
@pytest.mark.parametrize("seed", range(5))
def test_read_again_equals_read_after_random_changes(ann: Person, bob: Person, chat: Chat, seed: int) -> None:
    chance = random.Random(seed)
    query, other = (query_of(bob, chat, secret) for secret in [Login.open(bob.user, "browser").secret] * 2)
    for _ in range(40):
        name = chance.choice(list(CHANGES))
        CHANGES[name](ann, bob, chat)
        for _ in range(chance.randrange(3)):
            assert query.read_again() == other.read(), name


@pytest.mark.parametrize("how", ENDS)
def test_read_again_finds_nothing_once_access_ended(ann: Person, bob: Person, chat: Chat, how: str) -> None:
    query = query_of(bob, chat)
    assert query.read_again() == query.read_again() is not None
    ENDS[how](ann, bob, chat)
    assert query.read_again() is None


@pytest.mark.sqlite
def test_a_replaced_database_file_is_queried_again(ann: Person, bob: Person, chat: Chat) -> None:
    query = query_of(bob, chat)
    copy = database.path.with_name("copy.db")
    database.back_up(copy)
    ann.posts(chat, "not in the copy")
    seen = query.read_again()
    for ending in ("-wal", "-shm"):
        database.path.with_name(database.path.name + ending).unlink(missing_ok=True)
    copy.replace(database.path)
    assert query.read_again() not in (None, seen)


@pytest.mark.sqlite
def test_a_failed_query_leaves_no_connection_open(ann: Person) -> None:
    def fails() -> object:
        state = database.read_state()
        assert state is not None
        assert database.read_only_query("SELECT * FROM missing", ()) == []
        return state

    fails()
    before = len(os.listdir("/proc/self/fd"))
    states = [fails() for _ in range(20)]
    assert len(os.listdir("/proc/self/fd")) <= before
    assert len(set(states)) == 20
