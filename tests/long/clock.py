"""The clock is set back by a day, then forward by two, while somebody listens.

`python -m tests.long.clock`
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from servers import Server, wait_for
from streams import Listener, Stream

from long.alone import served, timed

DAY = 86_400
# Python runs it before anything else, in every process of the server.
SITE = """
import datetime, os, time
real, path = time.time_ns, os.environ["CLOCK"]
def shifted():
    with open(path) as clock:
        return real() + int(clock.read()) * 10**9
time.time_ns, time.time = shifted, lambda: shifted() / 1e9
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Shifted
"""


def clock_in(folder: Path) -> dict[str, str]:
    """The environment of a server whose clock `set_clock` sets."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    set_clock(folder, 0)
    return {"PYTHONPATH": str(folder), "CLOCK": str(folder / "clock")}


def set_clock(folder: Path, seconds: int) -> None:
    """Forward from the true time, or back."""
    (folder / "new").write_text(str(seconds))
    (folder / "new").replace(folder / "clock")


def set_back_and_forth(server: Server, clock: Path) -> list[str]:
    """Returns when the messages were written, as the server saw it. The server lets nobody wait for signs of life."""
    ann, bob = Listener(server, "ann"), Listener(server, "bob")
    chat = ann.starts("Garden", bob)
    stream = bob.listens()
    cursor, sent, beats = stream.events[0].id, [], 0
    for shift in (0, -DAY, DAY):
        set_clock(clock, shift)
        for number in range(5):
            sent.append(ann.posts(chat, f"{number} at {shift}"))
        stream.gets("message.created", id=sent[-1])
        for _ in range(2):
            # Passed on once a second, whatever the clock says.
            typed = len(stream.all("typing"))
            wait_for(partial(typing_arrives, ann, chat, stream, typed), lambda: "no typing")
        stream.waits_for(partial(is_alive, beats))
        beats = stream.reader.comments
        ann.listens()
        stream.gets("presence", user_id=ann.id, online=True)
        ann.disconnects()
        stream.waits_for(lambda s: s.all("presence")[-1]["online"] is False)
    assert [data["id"] for data in stream.all("message.created")] == sent == sorted(sent)
    again = bob.listens(cursor)
    again.gets("message.created", id=sent[-1])
    assert [data["id"] for data in again.all("message.created")] == sent
    assert not stream.has_ended
    times: list[str] = [data["created_at"] for data in again.all("message.created")]
    assert times[5] < times[0] < times[10], "the clock was not set at all"
    bob.disconnects()
    return times


def typing_arrives(person: Listener, chat: int, stream: Stream, before: int) -> bool:
    """Type once; return whether the stream has more of it than before."""
    person.asks("POST", f"chats/{chat}/typing")
    return len(stream.all("typing")) > before


def is_alive(comments: int, stream: Stream) -> bool:
    """Whether the stream has sent more comments, its signs of life, than these."""
    return stream.reader.comments > comments


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, timed():
        clock = Path(folder) / "site"
        with served(STREAM_HEARTBEAT="1", PRESENCE_GRACE="0", **clock_in(clock)) as server:
            times = set_back_and_forth(server, clock)
        print(f"written at {times[4]}, {times[9]}, {times[14]}: all received once, in order")
