"""What it costs to have each commit on the disk: posting one by one with synchronous FULL and NORMAL, in turn.

.venv/bin/python -m bench.synchronous
"""

from __future__ import annotations

import statistics
import time

import models
from actions import messages
from bench.one_chat import one_chat
from models import Membership

ROUNDS = 6
POSTS = 300


def posts_per_second(membership: Membership, mode: str) -> float:
    """How many messages a second one writer gets through."""
    models.database.execute_sql(f"PRAGMA synchronous = {mode}")
    started = time.perf_counter()
    for number in range(POSTS):
        messages.post(membership, f"message {number}")
    return POSTS / (time.perf_counter() - started)


def main() -> None:
    figures: dict[str, list[float]] = {"FULL": [], "NORMAL": []}
    with one_chat() as membership:
        for _ in range(ROUNDS):
            for mode, measured in figures.items():
                measured.append(posts_per_second(membership, mode))
    full, normal = (statistics.median(figures[mode]) for mode in ("FULL", "NORMAL"))
    print(f"FULL   {full:7.0f} posts/s  ({min(figures['FULL']):.0f} to {max(figures['FULL']):.0f})")
    print(f"NORMAL {normal:7.0f} posts/s  ({min(figures['NORMAL']):.0f} to {max(figures['NORMAL']):.0f})")
    print(f"ratio  {full / normal:.2f}")


if __name__ == "__main__":
    main()
