"""What it costs to have each commit on the disk: posting one by one with synchronous FULL and NORMAL, in turn.

.venv/bin/python bench/synchronous.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import models
from actions import accounts, chats, messages
from models import Membership
from models import password as passwords

ROUNDS = 6
POSTS = 300


def posts_a_second(membership: Membership, mode: str) -> float:
    """How many messages a second one writer gets through."""
    models.database.execute_sql(f"PRAGMA synchronous = {mode}")
    started = time.perf_counter()
    for number in range(POSTS):
        messages.post(membership, f"message {number}")
    return POSTS / (time.perf_counter() - started)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        models.open_database(f"sqlite:///{folder}/chat.db")
        models.use(Path(folder) / "media", throttled=False)
        passwords.hashing.rounds = 4
        models.migrate()
        mine = chats.start(accounts.register("ann", "correct horse battery"), "Garden")
        figures: dict[str, list[float]] = {"FULL": [], "NORMAL": []}
        for _ in range(ROUNDS):
            for mode, measured in figures.items():
                measured.append(posts_a_second(mine, mode))
        models.database.close()
    full, normal = (statistics.median(figures[mode]) for mode in ("FULL", "NORMAL"))
    print(f"FULL   {full:7.0f} posts/s  ({min(figures['FULL']):.0f} to {max(figures['FULL']):.0f})")
    print(f"NORMAL {normal:7.0f} posts/s  ({min(figures['NORMAL']):.0f} to {max(figures['NORMAL']):.0f})")
    print(f"ratio  {full / normal:.2f}")


if __name__ == "__main__":
    main()
