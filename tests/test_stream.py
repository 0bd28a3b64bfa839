"""The stream process from within, at the moments that can't be met from outside at will."""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from people import Person
from streams import Reader

from actions import chats, members
from config import Settings
from models import Chat, Login
from stream import client as stream_client
from stream import endpoint as stream_endpoint
from stream.process import connection, hub, inbox
from stream.process.engine import open_log
from stream.process.hub import Bounds, Hub, Timings
from stream.process.inbox import Batch, Inbox, NewStream
from stream.process.people import ChatMembers, Presence, Typing


class Listening(Reader):
    """Somebody's end of a stream that the hub at hand owns."""

    def __init__(self, hub: Hub, person: Person, cursor: str | None = None, buffer: int = 0) -> None:
        super().__init__()
        self.hub, (self.sock, server_end) = hub, socket.socketpair()
        self.sock.setblocking(False)
        login = Login.get(Login.user == person.id)
        hub.turn(Batch(new_streams=[NewStream(server_end, person.id, login.id, cursor, b"")]), False)
        if buffer:
            server_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)

    def received_types(self) -> list[str]:
        """Everything that came so far, by type."""
        try:
            while some := self.sock.recv(65_536):
                self.take(some.partition(b"\r\n\r\n")[2] or some if b"HTTP/1.1" in some else some)
        except BlockingIOError:
            pass
        return [event.type for event in self.events]

    def read_until_closed(self) -> None:
        while some := self.sock.recv(65_536):
            self.take(some.partition(b"\r\n\r\n")[2])

    @property
    def is_over(self) -> bool:
        self.sock.setblocking(False)
        try:
            while self.sock.recv(65_536):
                pass
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        return True


@pytest.fixture
def running(app: Flask, settings: Settings) -> Iterator[Callable[..., Hub]]:
    """Start a hub over the app's database, as it is by then."""
    hubs: list[Hub] = []
    signs = os.open(os.devnull, os.O_WRONLY)

    def start(heartbeat: int = 15, grace: float = 30.0, **bounds: int) -> Hub:
        inbox_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log = open_log(settings.database, settings.cursor_key)
        bound = Bounds(**{"streams": 100, "streams_per_person": 10, **bounds})
        hubs.append(Hub(log, inbox_socket, bound, Timings(heartbeat, grace), os.getppid(), signs))
        return hubs[-1]

    yield start
    for one in hubs:
        one.close_all()
        one.inbox.socket.close()
        one.poll.close()
        one.log.close()
    os.close(signs)


WAKE = Batch(is_wake=True)


def test_a_message_from_just_before_a_removal_is_not_shown_after_it(
    running: Callable[..., Hub], ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were committed when the hub looked: the removal holds, however much of the log is read at once."""
    for batch in (1000, 2):
        monkeypatch.setattr(hub, "EVENTS_AT_ONCE", batch)
        here = running()
        bobs, anns = Listening(here, bob), Listening(here, ann)
        ann.posts(chat, "for those who stay")
        chats.describe(ann.of(chat), f"Kitchen {batch}")
        ann.posts(chat, "for those who stay, too")
        ann.removes(bob, chat)
        here.turn(WAKE, False)
        assert bobs.received_types()[-1] == "member.removed"
        assert "message.created" not in bobs.received_types()
        assert anns.received_types().count("message.created") == 2
        members.add(ann.of(chat), "bob")
        ann.posts(chat, "welcome back")
        here.turn(WAKE, False)
        assert bobs.received_types()[-1] == "message.created"
        for one in (bobs, anns):
            one.sock.close()


def test_what_waits_for_a_slow_reader_is_thrown_away_when_they_are_removed(
    running: Callable[..., Hub], ann: Person, bob: Person, chat: Chat
) -> None:
    here = running()
    slow = Listening(here, bob, buffer=2048)
    for _ in range(4):
        ann.posts(chat, "long " * 1500)
        here.turn(WAKE, False)
    (stream,) = here.by_user[bob.id]
    assert 0 < stream.size <= connection.WAITING_MAX
    ann.removes(bob, chat)
    here.turn(WAKE, False)
    assert bob.id not in here.by_user
    assert slow.is_over
    slow.sock.close()


def test_a_client_that_reads_nothing_is_dropped(running: Callable[..., Hub], ann: Person, chat: Chat) -> None:
    here = running(heartbeat=1)
    stuck, slow = Listening(here, ann, buffer=2048), Listening(here, ann, buffer=2048)
    while not all(stream.rest for stream in here.by_user[ann.id]):
        ann.posts(chat, "long " * 1500)
        here.turn(WAKE, False)
    here.tick()
    slow.received_types()
    here.turn(here.read_sockets(here.poll.poll(1)), False)
    here.tick()
    assert stuck.is_over
    assert not slow.is_over
    for one in (stuck, slow):
        one.sock.close()


def test_a_stream_is_no_place_to_talk(running: Callable[..., Hub], ann: Person) -> None:
    here = running()
    talker, leaver = Listening(here, ann), Listening(here, ann)
    leaver.sock.close()
    here.read_sockets(here.poll.poll(1))
    assert len(here.by_user[ann.id]) == 1
    for _ in range(connection.READ_MAX // 4096 + 1):
        talker.sock.send(b"x" * 4096)
        here.read_sockets(here.poll.poll(1))
    assert talker.is_over
    assert here.streams == {}
    talker.sock.close()


def test_a_database_that_fails_for_a_moment_costs_nothing(
    running: Callable[..., Hub], ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = running()
    anns = Listening(here, ann)
    ann.posts(chat, "first")

    def fails(*_: object) -> None:
        raise here.log.errors[0]("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(here.log, "after", fails)
        bobs = Listening(here, bob)
        bobs.read_until_closed()
        assert bobs.retry, "they are to come again"
        here.turn(WAKE, False)
        assert anns.received_types() == ["hello"]
    here.turn(Batch(), True)
    assert anns.received_types() == ["hello", "message.created"]
    for one in (anns, bobs):
        one.sock.close()


def test_a_login_that_ended_unheard_is_seen_at_the_next_tick(
    running: Callable[..., Hub], ann: Person, bob: Person, chat: Chat
) -> None:
    """Also when something else woke the hub between the end and the tick."""
    here = running()
    bobs = Listening(here, bob)
    here.turn(Batch(), True)
    Login.delete().where(Login.user == bob.id).execute()
    ann.posts(chat, "meanwhile")
    here.turn(WAKE, False)
    here.turn(Batch(), True)
    assert bobs.is_over
    bobs.sock.close()


def test_only_the_server_itself_is_listened_to(running: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    sender, inbox_socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    box = Inbox(inbox_socket)
    client, handed = socket.socketpair()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [handed.fileno()]))]
    message = b'stream {"user": 1, "login": 1, "cursor": null, "line": "GET", "began": 0}\n'
    with sender, inbox_socket, client, handed:
        sender.sendmsg([message], rights)
        batch = box.empty()
        assert len(batch.new_streams) == 1
        batch.new_streams[0].sock.close()
        # Messages that no worker sends, and valid ones of another user.
        for others in (b"stranger", b"stream {}", b"stream", b"typing x"):
            sender.sendmsg([others], rights)
            assert box.empty().new_streams == box.empty().typing == []
        monkeypatch.setattr(inbox.os, "getuid", lambda: 12345)
        monkeypatch.setattr(inbox, "ROOT", -1)
        sender.sendmsg([message], rights)
        batch = box.empty()
        assert (batch.new_streams, batch.is_wake) == ([], False)


def test_nobody_waits_long_for_a_stuck_stream_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_client, "WAIT_SECONDS", 0.05)
    client, handed = socket.socketpair()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox_socket, client, handed:
        name = f"flask-chat-test-{os.getpid()}"
        inbox_socket.bind(f"\0{name}")
        channel = stream_client.Channel(name)
        sent = 0
        while channel.send_connection(handed, b"stream"):
            sent += 1
        assert sent > 0
        channel.notify(b"log")
        for _ in range(stream_client.WAITING_AT_ONCE):
            channel.waiting.acquire()
        monkeypatch.setattr(stream_client, "TURN_SECONDS", 0.05)
        assert not channel.send_connection(handed, b"stream")
        channel.close()
    assert not stream_client.Channel(None).send_connection(handed, b"stream")


def test_people_and_presence() -> None:
    people = ChatMembers([(1, 10), (1, 11), (2, 10), (2, 12)])
    assert people.contacts(10) == {11, 12}
    people.remove(2, 12)
    people.remove(2, 12)
    assert people.contacts(12) == set()
    for user_id in range(100, 200):
        people.add(1, user_id)
    assert people.small_chat_members(1) == set()
    presence = Presence(30.0)
    assert presence.connect(10)
    presence.disconnect(10, 0.0)
    assert not presence.connect(10)
    assert presence.expire(30.0) == []
    presence.disconnect(10, 0.0)
    assert presence.expire(29.0) == []
    assert presence.expire(30.0) == [10]
    assert presence.online == set()
    typing = Typing()
    assert typing.is_due(1, 10, 5.0)
    assert not typing.is_due(1, 10, 5.9)
    typing.forget(5.9)
    assert typing.is_due(1, 11, 5.9)
    assert typing.is_due(1, 10, 6.0)


def test_threads_serve_a_stream_until_the_worker_stops(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([True, True, False])
    monkeypatch.setattr(stream_endpoint.setup, "is_serving", lambda: next(looks))
    monkeypatch.setattr(stream_endpoint, "POLL_SECONDS", 0)
    monkeypatch.setattr(stream_endpoint.setup, "heartbeat", 0)
    monkeypatch.setattr(stream_endpoint, "EVENTS_AT_ONCE", 2)
    reader = Reader()
    with ann.api.get("/api/events?last_event_id=none") as answer:
        chunks = answer.iter_encoded()
        reader.take(next(chunks))
        reader.take(next(chunks))
        sent = [bob.posts(chat, f"number {number}").id for number in range(5)]
        for chunk in chunks:
            reader.take(chunk)
    assert [event.type for event in reader.events] == ["hello", "reset", *["message.created"] * 5]
    assert [event.data["id"] for event in reader.events[2:]] == sent
    assert reader.comments > 0
    assert stream_endpoint.setup.slots.acquire(blocking=False), "the slot is free again"
    stream_endpoint.setup.slots.release()
