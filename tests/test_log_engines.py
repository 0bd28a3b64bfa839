"""The event log on Postgres: read like SQLite's, and in the order of commits whoever else writes."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import hypothesis.strategies as st
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from live_hosts import KEY, SharedDatabase
from servers import wait_for

import models
from lib import postgres
from lib.sqlite import sqlite3
from lib.watched_postgres import Reopening, WatchedConnection
from migrations import m0001_initial, m0011_tasks
from models import database
from stream.event_logs import logs_of
from stream.process import log as event_log
from stream.process.engine import open_log, peers_of
from stream.process.hub import Bounds, Hub, Timings
from stream.process.inbox import Batch
from stream.process.log import Event, EventLog, Position
from stream.process.log_postgres import PostgresLog
from stream.process.peers import WiredPeers
from stream.process.wire import CHANNEL, NotifyWire

PEOPLE, CHATS = (1, 2, 3), (1, 2)
TYPES = (
    "message.created", "message.updated", "chat.created", "chat.updated", "chat.deleted", "member.added",
    "member.removed", "read",
)  # fmt: skip
MESSAGE = (1, "Ωmega “quoted” \\ \n 😀", "<p>Ωmega</p>")


class BothEngines:
    """The same rows in SQLite and on Postgres."""

    def __init__(self, path: str, shared: SharedDatabase) -> None:
        self.shared, self.path = shared, path
        self.file = sqlite3.connect(path, isolation_level=None)
        tables = ("event", "membership", "message", "task")
        made = [sql for sql in (*m0001_initial.STATEMENTS, *m0011_tasks.STATEMENTS) if "CREATE TABLE" in sql]
        for sql in made:
            if any(f"TABLE {table} (" in sql for table in tables):
                self.file.execute(sql)
        self.file.execute("CREATE TABLE migration (name TEXT, applied_at INTEGER)")
        # Neither asks whether the people and chats exist.
        shared.ask("SET session_replication_role = replica")
        self.tables = tables
        self.sqlite = open_log(path, KEY)
        self.postgres = open_log(shared.url, KEY)

    def empty(self) -> None:
        for table in self.tables:
            self.file.execute(f"DELETE FROM {table}")
        self.file.execute("DELETE FROM sqlite_sequence")
        self.shared.ask(f"TRUNCATE {', '.join(self.tables)} RESTART IDENTITY CASCADE")

    def run(self, sql: str, *values: Any) -> None:
        self.file.execute(sql.replace("%s", "?"), values)
        self.shared.ask(sql, *values)

    def close(self) -> None:
        self.sqlite.close()
        self.postgres.close()
        self.file.close()


@pytest.fixture
def both(tmp_path_factory: pytest.TempPathFactory, shared: SharedDatabase) -> Iterator[BothEngines]:
    both = BothEngines(str(tmp_path_factory.mktemp("both") / "chat.db"), shared)
    yield both
    both.close()


events = st.lists(
    st.tuples(st.sampled_from(TYPES), st.sampled_from(CHATS), st.sampled_from(PEOPLE), st.booleans()), max_size=25
)
memberships = st.sets(st.tuples(st.sampled_from(CHATS), st.sampled_from(PEOPLE)))


@given(events=events, members=memberships, gone=st.sets(st.integers(1, 25)), until=st.sampled_from([0, 0, 3]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_engines_send_everyone_the_same(
    both: BothEngines,
    events: list[tuple[str, int, int, bool]],
    members: set[tuple[int, int]],
    gone: set[int],
    until: int,
) -> None:
    both.empty()
    both.run(
        "INSERT INTO message (id, chat_id, author_id, text, html, created_at) VALUES (%s, 1, 1, %s, %s, 0)", *MESSAGE
    )
    for chat, user in members:
        both.run("INSERT INTO membership (chat_id, user_id, joined_at) VALUES (%s, %s, 0)", chat, user)
    for number, (type, chat, user, has_text) in enumerate(events, 1):
        data = {"number": number, "nested": {"text": "another"}, **({"text": None} if has_text else {})}
        both.run(
            "INSERT INTO event (type, chat_id, user_id, message_id, data, created_at) VALUES (%s, %s, %s, 1, %s, %s)",
            *(type, chat, user, json.dumps(data, separators=(",", ":")), 1_000 + number),
        )
    for number in gone:
        both.run("DELETE FROM event WHERE id = %s", number)
    if until:
        both.run("INSERT INTO task (kind, subject, note, place, within, until, worker, worked_at) "
                 "VALUES ('end', 1, '', 0, 0, %s, '', 0)", until)  # fmt: skip
    logs = (both.sqlite, both.postgres)
    for log in logs:
        log.load_generation()
    with both.sqlite.snapshot(), both.postgres.snapshot():
        assert seen(both.sqlite, len(events)) == seen(both.postgres, len(events))


def seen(log: EventLog, last: int) -> list[Any]:
    """What a log says to everyone, from everywhere."""
    views: list[Any] = [sorted(log.members()), log.hidden()]
    for after in range(last + 2):
        views.append((as_json(log.after(after, 100)), log.membership_changes(after)))
        for recorded_at in (1_000 + after, 7):
            position = Position(after, recorded_at)
            views.append(log.continues_from(position, log.generation))
            start = log.start(1, log.cursors.cursor(position))
            views.append((start.needs_reset, None if start.needs_reset else start.position))
        views += (as_json(log.visible_to(user, after, 100)) for user in PEOPLE)
    return views


def as_json(events: list[Event]) -> list[Any]:
    return [event._replace(data=json.loads(event.data)) for event in events]


def test_what_is_read_on_postgres_is_one_line(both: BothEngines) -> None:
    both.run(
        "INSERT INTO message (id, chat_id, author_id, text, html, created_at) VALUES (%s, 1, 1, %s, %s, 0)", *MESSAGE
    )
    both.run("INSERT INTO event (type, chat_id, user_id, message_id, data, created_at) "
             "VALUES ('message.updated', 1, 1, 1, '{\"id\":1}', 0)")  # fmt: skip
    lines = [log.after(0, 1)[0].data for log in (both.sqlite, both.postgres)]
    assert all("\n" not in line for line in lines)
    assert json.loads(lines[1]) == {"id": 1, "text": MESSAGE[1], "html": MESSAGE[2]}


def test_more_missed_events_than_a_stream_takes_are_a_reset(both: BothEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MISSED_MAX", 3)
    both.run("INSERT INTO membership (chat_id, user_id, joined_at) VALUES (1, 1, 0)")
    for number in range(5):
        both.run("INSERT INTO event (type, chat_id, user_id, data, created_at) "
                 "VALUES ('message.created', 1, 2, '{}', %s)", 1_000 + number)  # fmt: skip
    for log in (both.sqlite, both.postgres):
        resets = [log.start(1, log.cursors.cursor(Position(after, 0))).needs_reset for after in range(6)]
        assert resets == [True, True, False, False, False, False]


@pytest.fixture
def hub(shared: SharedDatabase) -> Iterator[Hub]:
    """A hub at hand, which others on the same server reach."""
    signs = os.open(os.devnull, os.O_WRONLY)
    inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hub = Hub(
        open_log(shared.url, KEY), inbox, Bounds(10, 10), Timings(), os.getppid(), signs, peers_of(shared.url)
    )  # fmt: skip
    yield hub
    hub.close_all()
    hub.poll.close()
    hub.log.close()
    inbox.close()
    os.close(signs)


def wire_of(hub: Hub) -> NotifyWire:
    assert isinstance(hub.peers, WiredPeers)
    assert isinstance(hub.peers.wire, NotifyWire)
    return hub.peers.wire


def test_a_flood_of_notifications_is_one_look_at_the_log(
    shared: SharedDatabase, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = shared.person()
    chat = shared.chat(ann)
    looks: list[int] = []
    after = hub.log.after
    monkeypatch.setattr(hub.log, "after", lambda *where: looks.append(1) or after(*where))
    received = wire_of(hub).received
    wait_for(lambda: len(received) > 0, lambda: "not connected")
    hub.turn(hub.read_sockets(hub.poll.poll(1)), False)
    looks.clear()
    for number in range(500):
        shared.post(chat, number=number)
        shared.ask("SELECT pg_notify(%s, %s)", CHANNEL, '{"from":"another","log":true}')
    wait_for(lambda: len(received) >= 500, lambda: f"{len(received)} came")
    hub.turn(hub.read_sockets(hub.poll.poll(1)), False)
    assert len(looks) == 1
    assert hub.position.id == shared.ask("SELECT max(id) FROM event")[0][0]


def test_a_host_passes_on_only_what_its_own_workers_report(shared: SharedDatabase, hub: Hub) -> None:
    payloads: list[str] = []
    with psycopg.connect(shared.url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}".encode())
        wait_for(lambda: len(wire_of(hub).received) > 0, lambda: "not connected")
        hub.turn(hub.read_sockets(hub.poll.poll(1)), False)

        def words() -> set[str]:
            hub.turn(hub.read_sockets(hub.poll.poll(0)), False)
            payloads.extend(notify.payload for notify in listener.notifies(timeout=0))
            return {word for text in payloads for word in json.loads(text)}

        wait_for(lambda: "who" in words(), lambda: f"{payloads}")
        payloads.clear()
        shared.ask("SELECT pg_notify(%s, %s)", CHANNEL, '{"from":"another","people":[],"part":1,"of":1,"log":true}')
        wait_for(lambda: "people" in words(), lambda: f"{payloads}")
        hub.peers.pass_on(Batch(logins_ended=True))
        wait_for(lambda: "logins" in words(), lambda: f"{payloads}")
        assert [json.loads(text) for text in payloads[1:]] == [{"from": hub.peers.peers.name, "logins": True}]  # type: ignore[attr-defined]


def test_a_silent_server_is_given_up(shared: SharedDatabase) -> None:
    with closing(postgres.connect(shared.url, WatchedConnection)) as connection:
        connection.silence = 0.3  # type: ignore[attr-defined]
        # It may take long, as long as something comes.
        slow = (
            "SELECT repeat('x', 100000), CASE WHEN n % 10 = 0 THEN pg_sleep(0.1) END FROM generate_series(1, 60) AS n"
        )
        assert len(connection.execute(slow).fetchall()) == 60
        with pytest.raises(psycopg.OperationalError, match="has said nothing"):
            connection.execute("SELECT pg_sleep(60)")


def test_what_was_opened_too_late_is_closed() -> None:
    closed: list[int] = []
    may_open = False

    def connect() -> int:
        if not may_open:
            raise psycopg.OperationalError("not yet")
        return 7

    first = Reopening(connect, closed.append)
    assert first.take() is None
    may_open = True
    wait_for(lambda: first.take() == 7, lambda: "not opened")
    second = Reopening(connect, closed.append)
    second.give_up()
    wait_for(lambda: closed == [7], lambda: f"{closed}")


def test_a_log_that_was_lost_is_opened_anew_and_goes_on(shared: SharedDatabase) -> None:
    chat = shared.chat(shared.person())
    log = open_log(shared.url, KEY)
    assert isinstance(log, PostgresLog)
    position, generation = log.end(), log.generation
    shared.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = "
               "current_database()")  # fmt: skip
    with pytest.raises(psycopg.Error):
        wait_for(lambda: not log.end(), lambda: "still there")
    with pytest.raises(psycopg.Error), log.snapshot():
        pass
    shared.post(chat, text="meanwhile")
    wait_for(log.reopen_if_replaced, lambda: "not opened")
    assert not log.reopen_if_replaced()
    with log.snapshot():
        assert log.continues_from(position, generation)
        assert [json.loads(event.data) for event in log.after(position.id, 10)] == [{"text": "meanwhile"}]
    log.close()


def test_workers_read_the_log_on_connections_of_the_pool(shared: SharedDatabase) -> None:
    models.open_database(shared.url, 1)
    logs = logs_of(shared.url, KEY)
    stream = open_log(shared.url, KEY)
    try:
        for lend in (logs.kept, logs.opened, logs.kept):
            with lend() as log:
                # What a worker signs, the stream process knows.
                assert log.cursors.cursor(log.end()) == stream.cursors.cursor(stream.end())
            assert database.is_closed()
        # In a request, on the connection that it has.
        database.connect()
        with logs.kept() as log:
            assert isinstance(log, PostgresLog)
            assert log.connection is database.connection()
        assert not database.is_closed()
        # Lost, and connected anew by the next one who asks.
        shared.ask("SELECT pg_terminate_backend(%s)", database.connection().info.backend_pid)
        with pytest.raises(logs.errors), logs.opened() as log:
            log.end()
        database.close()
        with logs.opened() as log:
            assert log.end() == stream.end()
    finally:
        stream.close()
        models.database.close_all()
