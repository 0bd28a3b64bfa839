"""From Enter to the last of many screens: bin/bench screens [--screens 100] [--messages 100] [--rate 5]

Somebody posts by the API at a steady rate. Each of the screens is a live stream of its own, of another member of the
chat; a message is on it once its event has come and its row was filled from the event, with the pages' own template.
The screens share one core here, where people have a machine each: their own work is printed too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.listeners import NEW, Listeners
from bench.live import Crowd, post, wait
from bench.servers import LOAD_CORE, served
from chat import create_app
from config import Settings
from views.message_fields import Place, Reader, row_fields
from views.row_templates import row_template

Fill = Callable[[bytes], int]


class Screens(Listeners):
    """Streams that fill a row for each new message, and note when."""

    def __init__(self, fill: Fill) -> None:
        super().__init__()
        self.fill = fill
        # When each of the screens had a message, by the message's id, in seconds.
        self.shown: dict[int, list[float]] = {}
        self.work = 0.0

    def on_events(self, events: bytes) -> None:
        for event in events.split(b"\n\n"):
            if NEW in event:
                started = time.perf_counter()
                message_id = self.fill(event.partition(b"\ndata: ")[2])
                now = time.perf_counter()
                self.work += now - started
                self.shown.setdefault(message_id, []).append(now)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--screens", type=int, default=100)
    options.add_argument("--messages", type=int, default=100)
    options.add_argument("--rate", type=float, default=5, help="messages a second")
    asked = options.parse_args()
    if not (0 < asked.screens <= 1000 and 0 < asked.messages <= 1000 and 0.1 <= asked.rate <= 50):
        options.error("up to 1000 screens, 1000 messages and 50 a second")
    with tempfile.TemporaryDirectory() as folder:
        crowd = Crowd(Path(folder), asked.screens)
        settings = Settings.read({**crowd.environment, "ENV_FILE": os.devnull})
        with (
            create_app(settings).test_request_context(),
            served(["chat:app"], "/healthz", Path(folder) / "chat.log", **crowd.environment),
        ):
            screens = Screens(row_filler())
            for token in crowd.tokens:
                screens.open(crowd.port, token)
            wait(screens, lambda: len(screens.ready) == asked.screens)
            sent = watch(crowd, screens, asked.messages, asked.rate)
            screens.close()
    last = sorted((max(screens.shown[message_id]) - at) * 1000 for message_id, at in sent.items())
    p95 = last[int(len(last) * 0.95)]
    print(f"{asked.messages} messages, {asked.rate:g} a second, to {asked.screens} screens")
    print(f"Enter to the last screen: p50 {statistics.median(last):.1f}, p95 {p95:.1f}, longest {last[-1]:.1f} ms")
    each = screens.work / asked.messages * 1000
    print(f"of that, filling all the rows of one message: {each:.1f} ms")


def row_filler() -> Fill:
    """Fills a message's row from an event's JSON, and returns the message's id. Inside a request's context only."""
    template = row_template("message_row")
    reader = Reader(0, "en", UTC, lambda author_id: False)

    def fill(data: bytes) -> int:
        message = json.loads(data)
        place = Place(datetime.fromisoformat(message["created_at"]))
        template.fill(row_fields(message, reader, place, ()))
        return int(message["id"])

    return fill


def watch(crowd: Crowd, screens: Screens, count: int, rate: float) -> dict[int, float]:
    """Post messages until all screens have them; returns when each was sent, by its id."""
    sent: dict[int, float] = {}

    def write() -> None:
        for number in range(count):
            at = time.perf_counter()
            sent[post(crowd, crowd.seat.chat_id, f"message {number}")] = at
            time.sleep(1 / rate)

    writer = threading.Thread(target=write)
    writer.start()
    wait(screens, lambda: not writer.is_alive() and screens.deliveries >= count * len(screens.sockets))
    writer.join()
    return sent


if __name__ == "__main__":
    os.sched_setaffinity(0, LOAD_CORE)
    main()
