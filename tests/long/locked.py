"""The database is locked by another program while eight write and three listen.

`python -m tests.long.locked 10`: for so many seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import requests
from servers import Server
from streams import Listener, Stream, rows

from lib.sqlite import sqlite3
from long.alone import asked, served, timed
from long.kills import THE_END, Follower, Insistent, compare


def locked_while(server: Server, is_on: Callable[[Stream], bool], tag: str) -> tuple[int, int]:
    """Returns how many messages were acknowledged, and how many tries were refused while it was locked."""
    people = [Listener(server, f"{tag}{number}") for number in range(8)]
    chat = people[0].starts("Garden", *people[1:])
    (start,) = rows(server, "SELECT seq FROM sqlite_sequence WHERE name = 'event'")[0]
    stop = threading.Event()
    followers, writers = (
        [Follower(person) for person in people[:3]],
        [Insistent(person, chat, stop) for person in people],
    )
    stream = people[0].listens()
    for thread in (*followers, *writers):
        thread.start()
    stream.waits_for(lambda s: len(s.all("message.created")) >= len(writers))
    with closing(sqlite3.connect(server.folder / "chat.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        before = sum(len(writer.acknowledged) for writer in writers)
        while is_on(stream):
            # Who only reads is not held up.
            for path, status in (("/healthz", 200), ("/api/users/me", 200)):
                answer = requests.get(f"{server.url}{path}", headers=people[1].headers(), timeout=60)
                assert answer.status_code == status, answer.text
        assert sum(len(writer.acknowledged) for writer in writers) <= before + len(writers)
        other.execute("ROLLBACK")
    people[0].posts(chat, "unlocked")
    stop.set()
    for writer in writers:
        writer.join()
    people[0].posts(chat, THE_END)
    for follower in followers:
        follower.join(120)
    assert not [thread.error for thread in (*writers, *followers) if thread.error]
    compare(server, start, writers, followers)
    assert not stream.has_ended
    assert [follower.connections for follower in followers] == [1, 1, 1], "a stream was cut"
    people[0].disconnects()
    return sum(len(w.acknowledged) for w in writers), sum(w.refused for w in writers)


if __name__ == "__main__":
    with served() as server, timed():
        seconds = asked(10)
        ends: list[float] = []

        def is_on(_: Stream) -> bool:
            if not ends:
                ends.append(time.monotonic() + seconds)
            return time.monotonic() < ends[0]

        acknowledged, refused = locked_while(server, is_on, "locked")
        print(
            f"locked for {seconds} s: no stream cut, {refused} tries refused (503), "
            f"{acknowledged} messages acknowledged, each stored once and received once, in order"
        )
