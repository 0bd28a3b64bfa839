"""The live stream on a real server: its bounds, what breaks, what does not last, and doing without its process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from servers import Server, child, is_gone, wait_for
from streams import Listener, Listeners, changed, connected, head_of

# Bounds


def test_one_person_and_one_server_have_so_many_streams(tmp_path: Path) -> None:
    server = Server(tmp_path, STREAMS_A_PERSON="2", STREAMS_MAX="3")
    ann, bob = Listener(server, "ann"), Listener(server, "bob")
    streams = [ann.listens(), ann.listens()]
    refused(server, ann, 429)
    streams.append(bob.listens())
    refused(server, bob, 503)
    # Open streams get everything all the same, and pages load for everyone.
    message = bob.posts(ann.starts("Garden", bob), "still here")
    for stream in streams:
        stream.gets("message.created", id=message)
    for path in ("/healthz", "/login"):
        assert requests.get(f"{server.url}{path}", timeout=60).status_code == 200
    streams[0].close()
    wait_for(lambda: is_let_in(ann), lambda: "still no room")
    assert server.stop() == 0
    for stream in streams:
        stream.close()


def log_lines(server: Server, words: str) -> list[str]:
    """The lines of the log with these words in them."""
    return [line for line in server.log.read_text().splitlines() if words in line]


def is_let_in(listener: Listener) -> bool:
    with connected(listener.server.port, listener.headers()) as sock:
        return head_of(sock)[0] == 200


def refused(server: Server, listener: Listener, status: int) -> None:
    answer = requests.get(f"{server.url}/api/events", headers=listener.headers(), timeout=60)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["status"] == status
    # The log has one line about it, and that is true.
    line = f"{answer.headers['X-Request-ID']} GET /api/events"
    wait_for(lambda: log_lines(server, line) != [], lambda: f"not logged: {line}")
    assert [f" {line} {status} " in log_line for log_line in log_lines(server, line)] == [True]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# What breaks


def test_a_killed_worker_cuts_no_stream(own: Server) -> None:
    ann = Listener(own, "ann")
    chat = ann.starts("Garden")
    stream = ann.listens()
    os.kill(child(own.master.pid, "gunicorn"), signal.SIGKILL)
    wait_for(own.answers, lambda: "no new worker")
    message = ann.posts(chat, "still here")
    stream.gets("message.created", id=message)
    assert not stream.has_ended
    ann.disconnects()


def test_a_killed_stream_process_comes_again_and_nothing_is_lost(own: Server) -> None:
    ann = Listener(own, "ann")
    chat = ann.starts("Garden")
    stream = ann.listens()
    first = ann.posts(chat, "first")
    stream.gets("message.created", id=first)
    old = child(own.master.pid, "stream")
    os.kill(old, signal.SIGKILL)
    stream.ends()
    second = ann.posts(chat, "second")
    again = ann.listens(stream.reader.last_id)
    again.gets("message.created", id=second)
    assert [event.data["id"] for event in again.logged] == [second]
    assert child(own.master.pid, "stream") not in (0, old)
    third = ann.posts(chat, "third")
    again.gets("message.created", id=third)
    ann.disconnects()


def test_a_stuck_stream_process_holds_up_no_page(own: Server) -> None:
    ann = Listener(own, "ann")
    chat = ann.starts("Garden")
    stream = ann.listens()
    stuck = child(own.master.pid, "stream")
    os.kill(stuck, signal.SIGSTOP)
    waiting = [connected(own.port, ann.headers()) for _ in range(16)]
    messages = [ann.posts(chat, f"number {number}") for number in range(16)]
    os.kill(stuck, signal.SIGCONT)
    stream.gets("message.created", id=messages[-1])
    assert [event.data["id"] for event in stream.logged] == messages
    # Each of those who came meanwhile is in, or was asked to come again.
    for sock in waiting:
        status, headers, body = head_of(sock)
        assert (status, headers["Content-Type"]) == (200, "text/event-stream")
        while b"retry: " not in body:
            body += sock.recv(4096)
        sock.close()
    ann.disconnects()


def test_a_killed_master_leaves_nobody_behind(own: Server) -> None:
    ann = Listener(own, "ann")
    stream = ann.listens()
    streaming = child(own.master.pid, "stream")
    worker = child(own.master.pid, "gunicorn")
    own.master.kill()
    own.master.wait()
    stream.ends()
    ann.disconnects()
    wait_for(lambda: is_gone(streaming) and is_gone(worker), lambda: "an orphan")


def test_a_reload_keeps_every_stream(own: Server) -> None:
    ann = Listener(own, "ann")
    chat = ann.starts("Garden")
    streams = [ann.listens() for _ in range(10)]
    old, streaming = child(own.master.pid, "gunicorn"), child(own.master.pid, "stream")
    own.master.send_signal(signal.SIGHUP)
    wait_for(lambda: is_gone(old) and own.answers(), lambda: "the old worker stays")
    message = ann.posts(chat, "after the reload")
    for stream in streams:
        stream.gets("message.created", id=message)
    assert child(own.master.pid, "stream") == streaming
    late = ann.listens()
    late.gets("message.created", id=ann.posts(chat, "to the new one too"))
    ann.disconnects()


def test_at_the_end_every_stream_is_asked_to_come_again(tmp_path: Path) -> None:
    server = Server(tmp_path, STREAMS_A_PERSON="1000")
    ann = Listener(server, "ann")
    streams = [ann.listens() for _ in range(200)]
    for stream in streams:
        stream.reader.retry = None
    assert server.stop() == 0
    for stream in streams:
        stream.ends()
    assert all(stream.reader.retry for stream in streams)
    ann.disconnects()


# What does not last


def test_typing_is_sent_to_the_others_at_most_once_a_second_and_not_again(listeners: Listeners) -> None:
    ann, bob, dave = listeners("ann"), listeners("bob"), listeners("dave")
    chat = ann.starts("Garden", bob)
    streams = [person.listens() for person in (ann, bob, dave)]
    cursor = streams[1].events[0].id
    for _ in range(5):
        assert ann.asks("POST", f"chats/{chat}/typing") is None
    streams[1].gets("typing", chat_id=chat, user_id=ann.id)
    end = ann.posts(chat, "said")
    streams[1].gets("message.created", id=end)
    streams[0].gets("message.created", id=end)
    assert len(streams[1].all("typing")) < 5
    assert streams[0].all("typing") == streams[2].all("typing") == []
    again = bob.listens(cursor)
    again.gets("message.created", id=end)
    assert again.all("typing") == []


def test_presence_is_sent_to_people_who_share_a_chat(listeners: Listeners) -> None:
    gina, hugo, ida = listeners("gina"), listeners("hugo"), listeners("ida")
    gina.starts("Garden", hugo)
    first = gina.listens()
    hugo.listens()
    first.gets("presence", user_id=hugo.id, online=True)
    # Who comes later learns who is there.
    late = gina.listens()
    late.gets("presence", user_id=hugo.id, online=True)
    # Another stream, or one that comes again at once, is no news.
    hugo.disconnects()
    hugo.listens()
    stranger = ida.listens()
    # Who is brought in learns it then, and is learned of.
    chat = gina.starts("Kitchen", ida)
    stranger.gets("presence", user_id=gina.id, online=True)
    first.gets("presence", user_id=ida.id, online=True)
    first.gets("chat.created", id=chat)
    assert first.all("presence").count({"user_id": hugo.id, "online": True}) == 1
    assert {"user_id": hugo.id, "online": True} not in stranger.all("presence")
    assert all(event.id for event in first.events)


@pytest.fixture(scope="module")
def brisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets nobody wait for signs of life, nor for signs of absence."""
    server = Server(tmp_path_factory.mktemp("brisk"), STREAM_HEARTBEAT="1", PRESENCE_GRACE="0")
    yield server
    server.stop()


def test_people_who_went_offline_are_sent_as_such(brisk: Server) -> None:
    gina, hugo = Listener(brisk, "gina"), Listener(brisk, "hugo")
    gina.starts("Garden", hugo)
    stream = gina.listens()
    hugo.listens()
    stream.gets("presence", user_id=hugo.id, online=True)
    hugo.disconnects()
    stream.gets("presence", user_id=hugo.id, online=False)
    gina.disconnects()


def test_people_without_a_common_chat_no_longer_see_each_other(listeners: Listeners) -> None:
    kurt, lena, mia = listeners("kurt"), listeners("lena"), listeners("mia")
    garden, kitchen = kurt.starts("Garden", lena, mia), kurt.starts("Kitchen", lena)
    kurts, lenas, mias = (person.listens() for person in (kurt, lena, mia))
    for stream, others in ((kurts, (lena, mia)), (lenas, (kurt, mia)), (mias, (kurt, lena))):
        for other in others:
            stream.gets("presence", user_id=other.id, online=True)
    kurt.asks("DELETE", f"chats/{garden}/members/{lena.id}")
    # The Kitchen is left to Kurt and Lena.
    mias.gets("presence", user_id=lena.id, online=False)
    lenas.gets("presence", user_id=mia.id, online=False)
    # A person's events of a chat end with their own removal from it.
    lenas.gets("member.removed", chat_id=garden)
    kurt.posts(kitchen, "still here")
    lenas.gets("message.created", text="still here")
    kurts.gets("message.created", text="still here")
    assert lenas.types()[-2:] == ["member.removed", "message.created"]
    assert [data for data in lenas.all("presence") if not data["online"]] == [{"user_id": mia.id, "online": False}]
    assert not [data for data in kurts.all("presence") if not data["online"]]
    kurt.asks("DELETE", f"chats/{kitchen}")
    kurts.gets("presence", user_id=lena.id, online=False)
    lenas.gets("chat.deleted", id=kitchen)
    assert lenas.all("presence")[-1] == {"user_id": kurt.id, "online": False}


def test_in_a_large_chat_presence_and_typing_are_not_sent(own: Server) -> None:
    ann, bob = Listener(own, "ann"), Listener(own, "bob")
    crowd = 'INSERT INTO "user" (username, username_key, created_at) '
    crowd += "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) "
    crowd += "SELECT 'crowd' || i, 'crowd' || i, 1 FROM n"
    changed(own, crowd)
    names = [f"crowd{number}" for number in range(1, 100)]
    chat = ann.asks("POST", "chats", title="Square", members=["bob", *names])["id"]
    streams = [ann.listens(), bob.listens()]
    ann.asks("POST", f"chats/{chat}/typing")
    end = ann.posts(chat, "said")
    for stream in streams:
        stream.gets("message.created", id=end)
        assert {event.type for event in stream.events} == {"hello", "message.created"}
    # One less, and they are a hundred.
    ann.asks("DELETE", f"chats/{chat}/members/{bob.id + 1}")
    ann.asks("POST", f"chats/{chat}/typing")
    streams[1].gets("typing", chat_id=chat, user_id=ann.id)
    for person in (ann, bob):
        person.disconnects()


def test_a_comment_comes_when_nothing_else_does(brisk: Server) -> None:
    ann = Listener(brisk, "ann")
    stream = ann.listens()
    stream.waits_for(lambda s: s.reader.comments >= 2)
    assert stream.types() == ["hello"]
    ann.disconnects()


# Without the stream process


@pytest.fixture
def threaded(tmp_path: Path) -> Iterator[Server]:
    """A server on a system without gunicorn: Werkzeug's threads, and nobody to hand a connection to."""
    server = Server(tmp_path, without="fcntl", THREADS="4")
    yield server
    server.stop()


def test_threads_serve_the_same_stream(threaded: Server) -> None:
    ann, bob = Listener(threaded, "ann"), Listener(threaded, "bob")
    chat = ann.starts("Garden", bob)
    stream = bob.listens()
    cursor = stream.events[0].id
    sent = [ann.posts(chat, f"number {number}") for number in range(5)]
    stream.gets("message.created", id=sent[-1])
    again = bob.listens(stream.logged[2].id)
    again.gets("message.created", id=sent[-1])
    assert [event.data["id"] for event in again.logged] == sent[3:]
    # Half of the threads are taken: one more gets what it missed, and reconnects.
    third = bob.listens(cursor)
    third.ends()
    assert [event.data["id"] for event in third.logged] == sent
    assert third.reader.retry
    assert bob.listens("none").types()[:2] == ["hello", "reset"]
    ann.asks("DELETE", f"chats/{chat}/members/{bob.id}")
    ann.posts(chat, "not for Bob")
    again.gets("member.removed", chat_id=chat)
    assert again.types()[-1] == "member.removed"
    assert bob.asks("POST", "users/logout") is None
    stream.ends()
    again.ends()
    bob.disconnects()
