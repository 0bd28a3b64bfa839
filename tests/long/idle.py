"""Readers that stop reading: they are dropped, and what waits for them is bounded.

`python -m tests.long.idle 500`
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from servers import Server, child, wait_for
from streams import Listener, connected, connections_of, head_of

from long.alone import asked, served, timed

# What may wait for one stream, in the stream process; and what comes with it for a moment.
EACH = 2 * 64 * 1024


class Held(NamedTuple):
    """What was sent until all had been dropped, and the most that was held for them, in bytes."""

    messages: int
    resident: int
    kernel: int


def left_unread(server: Server, readers: int, tag: str) -> Held:
    """So many stop reading after the first bytes; one reads on and gets everything."""
    ann, bob = Listener(server, f"{tag}.ann"), Listener(server, f"{tag}.bob")
    chat = ann.starts("Garden", bob)
    quick = ann.listens()
    process = child(server.master.pid, "stream")
    others = connections_of(process)
    idle = []
    for _ in range(readers):
        idle.append(connected(server.port, bob.headers(), buffer=2048))
        assert head_of(idle[-1])[0] == 200
    wait_for(lambda: connections_of(process) == readers + others, lambda: "not all are in")
    before, in_kernel = resident(process), kernel()
    most, most_in_kernel, sent = before, in_kernel, 0
    while connections_of(process) > others:
        assert sent < 2000, f"{connections_of(process)} are still in"
        ann.posts(chat, "long " * 1900)
        sent += 1
        most, most_in_kernel = max(most, resident(process)), max(most_in_kernel, kernel())
    quick.waits_for(lambda s: len(s.all("message.created")) == sent)
    for sock in idle:
        sock.close()
    ann.disconnects()
    return Held(sent, most - before, most_in_kernel - in_kernel)


def resident(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def kernel() -> int:
    """What all TCP connections of this machine hold: pages of 4 KiB (proc(5), sockstat)."""
    tcp = next(line.split() for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return 4096 * int(tcp[tcp.index("mem") + 1])


if __name__ == "__main__":
    readers = asked(500)
    with served(STREAMS_A_PERSON=str(readers)) as server, timed():
        held = left_unread(server, readers, "idle")
        print(
            f"{readers} readers that stopped were dropped within {held.messages} messages; held for them: "
            f"{held.resident / 2**20:.0f} MB by the stream process, {held.kernel / 2**20:.0f} MB by the kernel"
        )
        assert held.resident <= readers * EACH
