"""More streams than there may be: those beyond the limit are refused, and nobody else notices.

`python -m tests.long.crowd 20000`: half of them are let in.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter

import requests
from servers import Server
from streams import Listener, connected, head_of

from long.alone import asked, served, spread, timed

A_PERSON = 1000


def too_many(server: Server, streams: int, most: int, each: int, tag: str) -> tuple[Counter[int], list[float]]:
    """Returns how often which status was the answer, and how long a page took meanwhile, in seconds."""
    people = [Listener(server, f"{tag}{number}") for number in range(-(-most // each))]
    chat = people[0].starts("Garden", *people[1:])
    statuses, pages, over = Counter[int](), list[float](), threading.Event()

    def reads_pages() -> None:
        with requests.Session() as session:
            while not over.is_set():
                began = time.monotonic()
                assert session.get(f"{server.url}/login", timeout=60).status_code == 200
                pages.append(time.monotonic() - began)
                time.sleep(0.05)

    reader = threading.Thread(target=reads_pages)
    reader.start()
    listening: list[socket.socket] = []
    try:
        for number in range(streams):
            listening.append(connected(server.port, people[number // each % len(people)].headers()))
            status, headers, _ = head_of(listening[-1])
            statuses[status] += 1
            if status == 503:
                assert int(headers["Retry-After"]) > 0
                listening.pop().close()
    finally:
        over.set()
        reader.join()
    message = people[0].posts(chat, "for all of them")
    for sock in listening:
        some = b""
        while f'"id":{message},'.encode() not in some:
            came = sock.recv(65_536)
            assert came
            some += came
        sock.close()
    return statuses, pages


if __name__ == "__main__":
    streams = asked(20_000)
    with served(STREAMS_MAX=str(streams // 2), STREAMS_A_PERSON=str(A_PERSON)) as server, timed():
        statuses, pages = too_many(server, streams, streams // 2, A_PERSON, "crowd")
        print(f"{streams} streams asked for, {streams // 2} allowed: {dict(statuses)}; a page took {spread(pages)}")
        assert statuses == {200: streams // 2, 503: streams - streams // 2}
