"""Somebody who is removed and brought in again and again, while others write: nothing comes after a removal.

`python -m tests.long.removals 1000`
"""

from __future__ import annotations

import threading

from servers import Server, wait_for
from streams import Listener, ReceivedEvent, Stream

from long.alone import asked, served, timed
from long.cuts import Writer


def removed_again_and_again(server: Server, rounds: int, tag: str) -> int:
    """Returns how many events of the chat came while they were a member."""
    ann, bob, cleo = (Listener(server, f"{tag}.{name}") for name in ("ann", "bob", "cleo"))
    chat, elsewhere = ann.starts("Garden", cleo), ann.starts("Elsewhere", bob)
    stop = threading.Event()
    writers = [Writer(person, [chat], stop) for person in (ann, cleo)]
    stream = bob.listens()
    for writer in writers:
        writer.start()
    try:
        for number in range(rounds):
            cursor, known = stream.reader.last_id, len(stream.reader.events)
            ann.asks("POST", f"chats/{chat}/members", username=bob.username)
            if number % 2:
                reach(stream, "message.created", known, chat_id=chat)
            ann.asks("DELETE", f"chats/{chat}/members/{bob.id}")
            end = ann.posts(elsewhere, f"round {number}")
            reach(stream, "message.created", known, id=end)
            if number % 10 == 0:
                resumed(bob, cursor, chat, end)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not [writer.error for writer in writers if writer.error]
    assert not stream.has_ended
    bob.disconnects()
    return len(seen_inside(stream.events, chat, bob.id))


def reach(stream: Stream, type: str, known: int, **data: object) -> None:
    """Wait for an event among those after the first `known`."""
    wait_for(
        lambda: any(
            event.type == type and data.items() <= event.data.items() for event in stream.reader.events[known:]
        ),
        lambda: f"no {type} {data} after {stream.reader.events[-1]}; ended: {stream.has_ended}",
    )


def resumed(person: Listener, cursor: str | None, chat: int, end: int) -> None:
    """Who comes back after the removal with a cursor from before gets the removal alone."""
    again = person.listens(cursor)
    reach(again, "message.created", 0, id=end)
    assert [event.type for event in again.logged if concerns(event, chat)] == ["member.removed"]
    again.close()


def concerns(event: ReceivedEvent, chat: int) -> bool:
    return chat in (event.data.get("chat_id"), event.data["id"] if event.type.startswith("chat.") else None)


def seen_inside(events: list[ReceivedEvent], chat: int, user: int) -> list[ReceivedEvent]:
    """A chat's events, each of which came between an entry and the next removal.

    If somebody was added and removed again before it was sent, only the removal is sent.
    """
    is_inside, seen = False, []
    for event in events:
        if not event.is_logged or not concerns(event, chat):
            continue
        is_own_removal = event.type == "member.removed" and event.data["user"]["id"] == user
        is_inside = is_inside or event.type == "chat.created"
        assert is_inside or is_own_removal, event
        seen.append(event)
        is_inside = is_inside and not is_own_removal
    assert not is_inside
    return seen


if __name__ == "__main__":
    with served() as server, timed():
        rounds = asked(1000)
        seen = removed_again_and_again(server, rounds, "removed")
        print(f"{rounds} removals while two others wrote: {seen} events of the chat, none after a removal")
