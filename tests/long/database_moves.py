"""The database moves to Postgres and back, killed again and again while people write in between: nothing is lost.

`python -m tests.long.database_moves 20`: so many kills in each direction, with 100,000 messages.
"""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg
from installations import Installation, contents, environment, leave, moved
from postgres import PostgresServer, create_database
from servers import ROOT
from test_database_move_stopped import write_more

import models
from actions import loading
from actions.database_move import side
from long.alone import asked, timed

MESSAGES = 100_000


def fill(installation: Installation) -> None:
    """Add many messages, each with the event that a post of it would have had."""
    chat, people = installation.chat.id, [installation.ann.id, installation.bob.id, installation.carol.id]
    words = Path(__file__).read_text().split()
    lines = (
        json.dumps({"chat_id": chat, "author_id": random.choice(people), "text": " ".join(random.choices(words, k=12))})
        for _ in range(MESSAGES)
    )
    loading.load(io.BytesIO("\n".join(lines).encode()))
    models.database.execute_sql(
        """
        INSERT INTO event (type, chat_id, user_id, message_id, data, created_at)
        SELECT 'message.created', chat_id, author_id, id, json_object('id', id, 'text', text, 'html', html), created_at
        FROM message
        """
    )


def kill_in(seconds: float, installation: Installation, source: str, target: str) -> bool:
    """Begin or continue the move, and kill it after a while. Returns whether it is unfinished."""
    word = "move-to-sqlite" if target.startswith("sqlite") else "move-to-postgres"
    command = [sys.executable, "-m", "flask", "--app", "chat", word, target.removeprefix("sqlite:///")]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(installation.settings, source), stdout=subprocess.DEVNULL
    )
    try:
        assert process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with closing(side(source)) as here, closing(side(target)) as there:
        return here.moved_to() is None or "move" in there.table_names()


def move_killed(installation: Installation, source: str, target: str, kills: int) -> None:
    """Move, killed so many times at random moments, with changes in between."""
    longest, left = 60.0, kills
    while left:
        with installation.opened(source).test_request_context():
            write_more(installation, time.time_ns())
        leave()
        began = time.monotonic()
        if kill_in(random.uniform(1, longest), installation, source, target):
            left -= 1
            continue
        # It was quicker: another one begins, with less time.
        longest = min(longest, time.monotonic() - began)
        check(source, target)
        moved(installation.opened(source), "reopen-database")
        leave()
        if target.startswith("sqlite"):
            for ending in ("", "-wal", "-shm"):
                Path(target.removeprefix("sqlite:///") + ending).unlink(missing_ok=True)
        else:
            with psycopg.connect(target, autocommit=True) as database:
                database.execute("DROP SCHEMA public CASCADE")
                database.execute("CREATE SCHEMA public")
    assert not kill_in(600, installation, source, target)
    check(source, target)


def check(source: str, target: str) -> None:
    here, there = contents(source), contents(target)
    different = [table for table in here if here[table] != there[table]]
    assert not different, different


if __name__ == "__main__":
    kills = asked(20)
    server = PostgresServer(fsync="on", synchronous_commit="on")
    try:
        with tempfile.TemporaryDirectory() as folder, timed():
            installation = Installation(Path(folder))
            fill(installation)
            here, there = installation.settings.database_url, create_database(server.url("postgres"))
            move_killed(installation, here, there, kills)
            move_killed(installation, there, f"sqlite:///{folder}/back.db", kills)
            print(f"killed {kills} times each way with {MESSAGES:,} messages: all rows of all tables are the same")
    finally:
        server.remove()
