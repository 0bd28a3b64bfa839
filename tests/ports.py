"""Ports for the servers that tests start."""

from __future__ import annotations

import itertools
import os
import random
import re
import socket

# Below the ephemeral ports, so that no outgoing connection takes a server's port while the server restarts.
FIRST, LAST = 11_000, 32_000
# Each worker of pytest-xdist has ports of its own: between a choice and the server's bind, nobody else chooses it.
WORKERS = 32
WORKER = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % WORKERS

_candidates = itertools.cycle(range(FIRST + WORKER, LAST, WORKERS))
# Runs in parallel start at different ports.
for _ in range(random.SystemRandom().randrange((LAST - FIRST) // WORKERS)):
    next(_candidates)


def free_port() -> int:
    """A port of this machine that nobody listens on; a different one each time, until all have been given.

    Raises RuntimeError when all are taken.
    """
    for port in itertools.islice(_candidates, (LAST - FIRST) // WORKERS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"no free port of {FIRST} to {LAST}")
