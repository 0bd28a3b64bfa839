"""SIGTERM while many listen.

`python -m tests.long.stops 1000`
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from servers import Server
from streams import Listener, connected, head_of

from long.alone import asked, timed


def main() -> None:
    streams = asked(1000)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), STREAMS_A_PERSON="1000")
        people = [Listener(server, f"stop{number}") for number in range(-(-streams // 1000))]
        listening = [connected(server.port, people[number // 1000].headers()) for number in range(streams)]
        for sock in listening:
            assert head_of(sock)[0] == 200
        began = time.monotonic()
        status = server.stop()
        took = time.monotonic() - began
        asked_again = 0
        for sock in listening:
            rest = b""
            while some := sock.recv(65_536):
                rest += some
            asked_again += b"retry: " in rest[-40:]
            sock.close()
    print(f"SIGTERM with {streams} streams: exit {status} after {took:.2f} s, {asked_again} were asked to reconnect")
    assert status == 0
    assert took < 5
    assert asked_again == streams


if __name__ == "__main__":
    with timed():
        main()
