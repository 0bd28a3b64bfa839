"""Hosts on one Postgres server that is restarted, stands still, is emptied, restored or replaced by a standby."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_hosts import HostStream, LiveHost, SharedDatabase
from long import clock
from long import hosts as long_hosts
from postgres import PostgresServer, binary, create_database, drop_database
from servers import wait_for


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that a test may do anything to. What it has acknowledged outlives a crash of its own."""
    server = PostgresServer(synchronous_commit="on")
    yield server
    server.remove()


def beats(stream: HostStream, number: int) -> None:
    """Wait for so many signs of life."""
    before = stream.comments
    stream.reads_until(lambda stream: stream.comments >= before + number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_no_event_is_lost_or_doubled_when_postgres_restarts(own_postgres: PostgresServer, number: int) -> None:
    shared = SharedDatabase(create_database(own_postgres.url("postgres")))
    ann, bob = shared.person(), shared.person()
    chat = shared.chat(ann, bob)
    hosts = [LiveHost(shared.url, heartbeat=1) for _ in range(2)]
    try:
        streams = [hosts[0].listens(ann), hosts[1].listens(bob)]
        for stream, other in zip(streams, (bob, ann), strict=True):
            stream.reads_until(lambda stream, other=other: stream.online() == {other.id: True})  # type: ignore[misc]
        shared.post(chat, number=0)
        streams[0].gets("message.created", number=0)
        cursor = streams[0].last_id
        shared.post(chat, number=1)
        own_postgres.stop(number)
        for stream, host in zip(streams, hosts, strict=True):
            beats(stream, 3)
            # Somebody new is asked to come again.
            late = host.asks(ann, cursor)
            late.reads_until(lambda stream: stream.is_over)
            assert (late.retry or 0) > 0
            assert late.events == []
        own_postgres.start()
        shared.come_back()
        for count in range(2, 5):
            shared.post(chat, number=count)
        streams.append(hosts[1].listens(ann, cursor))
        for stream in streams:
            stream.gets("message.created", number=4)
        history = [{"number": count} for count in range(5)]
        assert [stream.messages for stream in streams] == [history, history, history[1:]]
        # Nobody was counted as offline because nothing could be received.
        for stream in streams:
            assert [event.data["online"] for event in stream.events if event.type == "presence"] == [True]
        hosts[0].types(chat, ann)
        streams[1].gets("typing", user_id=ann.id)
    finally:
        for host in hosts:
            host.stop()
        shared.close()


def test_heartbeats_go_on_while_postgres_is_paused(own_postgres: PostgresServer) -> None:
    shared = SharedDatabase(create_database(own_postgres.url("postgres")))
    ann = shared.person()
    chat = shared.chat(ann)
    host = LiveHost(shared.url, heartbeat=1)
    try:
        stream = host.listens(ann)
        process = host.process
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in family(own_postgres):
                os.kill(pid, number)
            if number == signal.SIGSTOP:
                beats(stream, 6)
        shared.post(chat, text="after it")
        stream.gets("message.created", text="after it")
        assert host.process == process
    finally:
        host.stop()
        shared.close()


def family(server: PostgresServer) -> list[int]:
    """All processes of a server."""
    assert server.process is not None
    master = server.process.pid
    return [master, *map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split())]


def made_anew(shared: SharedDatabase) -> None:
    shared.ask("DROP SCHEMA public CASCADE")
    shared.ask("CREATE SCHEMA public")
    shared.make_tables()


def emptied(shared: SharedDatabase) -> None:
    shared.ask("TRUNCATE event RESTART IDENTITY")


def begin_generation(shared: SharedDatabase) -> None:
    """What an action that loads much does (models/postgres.py)."""
    shared.ask("UPDATE generation SET value = value + 1")


def migrated(shared: SharedDatabase) -> None:
    shared.ask("INSERT INTO migration VALUES ('m9999_later', 0)")


def created_anew(shared: SharedDatabase) -> None:
    shared.close()
    drop_database(shared.url)
    base, _, name = shared.url.rpartition("/")
    subprocess.run([binary("createdb"), "--maintenance-db", f"{base}/postgres", name], check=True)
    shared.come_back()
    shared.make_tables()


@pytest.mark.parametrize("change", [made_anew, emptied, begin_generation, migrated, created_anew])
def test_streams_are_reset_when_the_event_log_is_replaced(
    shared: SharedDatabase, live_host: Callable[..., LiveHost], change: Callable[[SharedDatabase], None]
) -> None:
    ann = shared.person()
    chat = shared.chat(ann)
    hosts = [live_host(), live_host()]
    streams = [host.listens(ann) for host in hosts]
    for number in range(3):
        shared.post(chat, number=number)
    for stream in streams:
        stream.gets("message.created", number=2)
    cursor = streams[0].last_id
    change(shared)
    if not shared.ask('SELECT 1 FROM "user" WHERE id = %s', ann.id):
        for stream in streams:
            stream.reads_until(lambda stream: stream.is_over or "reset" in stream.types)
        ann = shared.person()
        chat = shared.chat(ann)
        streams = [host.listens(ann, cursor) for host in hosts]
    # Ids that were there before come again, or go on.
    for number in range(3, 9):
        shared.post(chat, number=number)
    streams.append(hosts[1].listens(ann, cursor))
    for stream in streams:
        stream.reads_until(lambda stream: "reset" in stream.types)
    shared.post(chat, number=9)
    for stream in streams:
        stream.gets("message.created", number=9)
        assert stream.types.count("reset") == 1
        numbers = [data["number"] for data in stream.messages]
        assert numbers == sorted(set(numbers))


def test_an_old_dump_that_is_restored_makes_everyone_load_afresh(
    shared: SharedDatabase, live_host: Callable[..., LiveHost], tmp_path: Path
) -> None:
    ann = shared.person()
    chat = shared.chat(ann)
    hosts = [live_host(), live_host()]
    streams = [host.listens(ann) for host in hosts]
    shared.post(chat, text="in the dump")
    dump = tmp_path / "dump"
    subprocess.run([binary("pg_dump"), "--clean", "--if-exists", "-f", str(dump), shared.url], check=True)
    shared.post(chat, text="lost with it")
    for stream in streams:
        stream.gets("message.created", text="lost with it")
    cursor = streams[0].last_id
    subprocess.run(
        [binary("psql"), "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(dump), shared.url],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shared.post(chat, text="after it")
    for stream in (*streams, hosts[1].listens(ann, cursor)):
        stream.reads_until(lambda stream: "reset" in stream.types)
    shared.post(chat, text="and later")
    for stream in streams:
        stream.gets("message.created", text="and later")
        texts = [data["text"] for data in stream.messages]
        assert texts[:2] == ["in the dump", "lost with it"]
        assert texts[2:] in (["and later"], ["after it", "and later"])


def become_standby(server: PostgresServer, copy: Path) -> None:
    """Start again from a copy of the data, as a standby."""
    data = server.folder / "data"
    server.stop()
    shutil.rmtree(data)
    copy.rename(data)
    (data / "standby.signal").touch()
    server.start()


def post_to_all(shared: SharedDatabase, chat: int, streams: list[HostStream], *posts: dict[str, object]) -> None:
    """Post, and wait until every stream has the last message."""
    for data in posts:
        shared.post(chat, **data)
    for stream in streams:
        stream.gets("message.created", **posts[-1])


def test_a_standby_that_takes_over_makes_everyone_load_afresh(own_postgres: PostgresServer) -> None:
    """Also when it lags behind, and its next events get the ids of those that were lost."""
    shared = SharedDatabase(create_database(own_postgres.url("postgres")))
    ann = shared.person()
    chat = shared.chat(ann)
    hosts = [LiveHost(shared.url, heartbeat=1) for _ in range(2)]
    data, copy = own_postgres.folder / "data", own_postgres.folder / "copy"
    try:
        streams = [host.listens(ann) for host in hosts]
        post_to_all(shared, chat, streams, {"text": "copied"})
        early = streams[0].last_id
        own_postgres.stop()
        subprocess.run(["cp", "-a", str(data), str(copy)], check=True)
        own_postgres.start()
        shared.come_back()
        post_to_all(shared, chat, streams, *({"number": number} for number in range(3)))
        late = streams[0].last_id
        become_standby(own_postgres, copy)
        shared.come_back()
        # As long as it is a standby, it is as good as none.
        for stream, host in zip(streams, hosts, strict=True):
            beats(stream, 2)
            host.asks(ann).reads_until(lambda stream: stream.is_over)
        shared.ask("SELECT pg_promote()")
        for number in range(5):
            shared.post(chat, again=number)
        for stream in streams:
            stream.reads_until(lambda stream: "reset" in stream.types)
        for cursor in (early, late):
            hosts[0].listens(ann, cursor).reads_until(lambda stream: "reset" in stream.types)
        post_to_all(shared, chat, streams, {"text": "the end"})
        assert [stream.types.count("reset") for stream in streams] == [1, 1]
    finally:
        for host in hosts:
            host.stop()
        shared.close()


def test_a_login_ends_by_the_databases_clock(
    shared: SharedDatabase,
    live_host: Callable[..., LiveHost],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in clock.clock_in(tmp_path / "site").items():
        monkeypatch.setenv(name, value)
    ann, bob = shared.person(), shared.person()
    chat = shared.chat(ann, bob)
    # Ann's login has an hour left, Bob's has ended; a host whose clock is wrong by a day either way knows that.
    shared.ask("UPDATE session SET expires_at = expires_at - %s WHERE id = %s", 2 * 3_600 * 10**6, bob.login)
    for days in (-1, 1):
        clock.set_clock(tmp_path / "site", days * 86_400)
        host = live_host(heartbeat=1)
        anns, bobs = host.listens(ann), host.asks(bob)
        bobs.reads_until(lambda stream: stream.is_over)
        beats(anns, 2)
        shared.post(chat, days=days)
        anns.gets("message.created", days=days)
        wait_for(lambda host=host: host.process > 0, lambda: "gone")  # type: ignore[misc]


def test_no_event_is_lost_or_doubled_by_cuts_kills_and_restarts(tmp_path: Path) -> None:
    with long_hosts.two_hosts(tmp_path) as (postgres, hosts):
        acknowledged, compared = long_hosts.cut_killed_and_restarted(postgres, hosts, cuts=120, readers=4, writers=3)
    assert acknowledged > 0
    assert compared >= 4 * acknowledged
