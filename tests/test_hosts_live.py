"""The live stream of several hosts on one Postgres server: two stream processes, and streams on both."""

from __future__ import annotations

import random
from collections.abc import Callable

from live_hosts import LiveHost, SharedDatabase, Writer


def test_what_many_write_on_either_host_arrives_on_both_once_and_in_order(
    shared: SharedDatabase, live_host: Callable[..., LiveHost]
) -> None:
    ann = shared.person()
    chat = shared.chat(ann)
    hosts = [live_host(), live_host()]
    streams = [one.listens(ann) for one in hosts for _ in range(2)]
    writers = [Writer(shared.url, hosts[number % 2], chat, f"writer {number}", 100) for number in range(6)]
    for writer in writers:
        writer.start()
    for stream in streams:
        stream.reads_until(lambda stream: len(stream.messages) >= 600)
    for writer in writers:
        writer.join()
        assert writer.error is None
    history = shared.messages()
    assert len(history) == 600
    for stream in streams:
        assert stream.messages == history


def test_a_stream_that_continues_on_another_host_misses_nothing(
    shared: SharedDatabase, live_host: Callable[..., LiveHost]
) -> None:
    ann, bob = shared.person(), shared.person()
    chat = shared.chat(ann, bob)
    hosts = [live_host(), live_host()]
    cursor = hosts[0].listens(ann).events[0].id
    writers = [Writer(shared.url, hosts[number], chat, f"writer {number}", 300) for number in range(2)]
    for writer in writers:
        writer.start()
    got: list[object] = []
    chance = random.Random(1)
    cuts = 0
    while len(got) < 600:
        stream = hosts[cuts % 2].asks(ann, cursor)
        enough = chance.randint(1, 40)
        stream.reads_until(lambda stream: len(got) + len(stream.messages) >= 600 or len(stream.messages) >= enough)  # noqa: B023
        assert "reset" not in stream.types
        got += stream.messages
        cursor = stream.last_id or cursor
        stream.close()
        cuts += 1
    for writer in writers:
        writer.join()
        assert writer.error is None
    assert got == shared.messages()
    assert cuts > 10


def test_a_cursor_of_a_host_holds_at_another(shared: SharedDatabase, live_host: Callable[..., LiveHost]) -> None:
    ann = shared.person()
    chat = shared.chat(ann)
    one, other = live_host(), live_host()
    cursor = one.listens(ann).events[0].id
    shared.post(chat, text="first")
    stream = other.listens(ann, cursor)
    stream.gets("message.created", text="first")
    # And one of a host that is a little ahead: nothing was missed there.
    ahead = stream.events[-1].id
    late = one.listens(ann, ahead)
    shared.post(chat, text="second")
    late.gets("message.created", text="second")
    assert [data["text"] for data in late.messages] == ["second"]


def test_typing_is_shown_on_every_host(shared: SharedDatabase, live_host: Callable[..., LiveHost]) -> None:
    ann, bob, carol = (shared.person() for _ in range(3))
    chat, other = shared.chat(ann, bob), shared.chat(bob, carol)
    one, two = live_host(), live_host()
    wait_for_presence(shared, one, two)
    here, there, stranger = one.listens(ann), two.listens(ann), two.listens(carol)
    one.types(chat, bob)
    for stream in (here, there):
        stream.gets("typing", chat_id=chat, user_id=bob.id)
    two.types(other, bob)
    stranger.gets("typing", chat_id=other, user_id=bob.id)
    assert [event.data["chat_id"] for event in stranger.events if event.type == "typing"] == [other]
    # Only members are shown as typing, whichever host reports it.
    two.types(chat, carol)
    two.types(chat, bob)
    here.reads_until(lambda stream: stream.types.count("typing") >= 2)
    assert {event.data["user_id"] for event in here.events if event.type == "typing"} == {bob.id}


def wait_for_presence(shared: SharedDatabase, one: LiveHost, two: LiveHost) -> None:
    """Wait until each of two hosts knows of a person with a stream on the other."""
    people = [shared.person(), shared.person()]
    shared.chat(*people)
    here, there = one.listens(people[0]), two.listens(people[1])
    here.reads_until(lambda stream: stream.online() == {people[1].id: True})
    there.reads_until(lambda stream: stream.online() == {people[0].id: True})


def test_presence_is_known_on_every_host(shared: SharedDatabase, live_host: Callable[..., LiveHost]) -> None:
    ann, bob, carol = (shared.person() for _ in range(3))
    shared.chat(ann, bob)
    one, two = live_host(), live_host()
    anns = one.listens(ann)
    bobs = two.listens(bob)
    anns.reads_until(lambda stream: stream.online() == {bob.id: True})
    bobs.reads_until(lambda stream: stream.online() == {ann.id: True})
    # Told as soon as one connects, and of nobody else.
    again = two.listens(ann)
    again.reads_until(lambda stream: stream.online() == {bob.id: True})
    third = one.listens(bob)
    third.reads_until(lambda stream: stream.online() == {ann.id: True})
    carols = two.listens(carol)
    # On two hosts: online until both streams have ended.
    bobs.close()
    again.close()
    third.close()
    anns.reads_until(lambda stream: stream.online() == {bob.id: False})
    assert [event.data["online"] for event in anns.events if event.type == "presence"] == [True, False]
    assert carols.online() == {}


def test_a_host_that_stops_takes_its_people_along(shared: SharedDatabase, live_host: Callable[..., LiveHost]) -> None:
    ann, bob = shared.person(), shared.person()
    shared.chat(ann, bob)
    one, two = live_host(), live_host()
    anns = one.listens(ann)
    two.listens(bob)
    anns.reads_until(lambda stream: stream.online() == {bob.id: True})
    two.stop()
    anns.reads_until(lambda stream: stream.online() == {bob.id: False})
    three = live_host()
    three.listens(bob)
    anns.reads_until(lambda stream: stream.online() == {bob.id: True})


def test_a_login_that_ends_on_a_host_ends_its_streams_on_others(
    shared: SharedDatabase, live_host: Callable[..., LiveHost]
) -> None:
    ann = shared.person()
    one, two = live_host(), live_host()
    wait_for_presence(shared, one, two)
    stream = two.listens(ann)
    shared.ask("DELETE FROM session WHERE id = %s", ann.login)
    one.channel.notify(b"logins")
    stream.reads_until(lambda stream: stream.is_over)
