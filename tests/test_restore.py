"""A backup is put back, also under a running server: everybody loads afresh, and what comes then arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from people import Person
from servers import ROOT, Server
from streams import Listener

import models
from lib.sqlite import sqlite3
from models import Chat, Message, migration

pytestmark = pytest.mark.sqlite


def backed_up(server: Server) -> Path:
    target = server.folder / "backup.db"
    with closing(sqlite3.connect(server.folder / "chat.db")) as there, closing(sqlite3.connect(target)) as copy:
        there.backup(copy)
    return target


def by_command(server: Server, backup: Path) -> None:
    command = [sys.executable, "-m", "flask", "--app", "chat", "restore", str(backup)]
    done = subprocess.run(command, cwd=ROOT, env=server.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def by_sqlites_backup(server: Server, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as kept, closing(sqlite3.connect(server.folder / "chat.db")) as there:
        kept.backup(there)


def by_another_file(server: Server, backup: Path) -> None:
    for ending in ("-wal", "-shm"):
        (server.folder / f"chat.db{ending}").unlink(missing_ok=True)
    os.replace(backup, server.folder / "chat.db")


WAYS = [by_command, by_sqlites_backup, by_another_file]
Way = Callable[[Server, Path], None]


@pytest.fixture(params=["", "fcntl"], ids=["stream process", "threads"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(tmp_path, request.param)
    yield server
    if server.master.poll() is None:
        server.stop()


@pytest.mark.parametrize(
    # Fewer events than there were before, and more.
    ("way", "afterwards"),
    [(by_command, 1), (by_sqlites_backup, 30), (by_another_file, 1), (by_another_file, 30)],
)
def test_restoring_a_backup_resets_every_stream(place: Server, way: Way, afterwards: int) -> None:
    ann, bob = Listener(place, "ann"), Listener(place, "bob")
    chat = ann.starts("Garden", bob)
    kept = ann.posts(chat, "before the backup")
    backup = backed_up(place)
    stream = bob.listens()
    lost = [ann.posts(chat, f"{number} lost") for number in range(20)]
    stream.gets("message.created", id=lost[-1])
    cursors = [event.id for event in stream.events]
    way(place, backup)
    new = [ann.posts(chat, f"{number} after it") for number in range(afterwards)]
    # The ids of what was lost are given again.
    assert new[0] == lost[0]
    stream.waits_for(lambda s: "reset" in s.types())
    after = ann.posts(chat, "and on")
    stream.waits_for(lambda s: any(event_data["text"] == "and on" for event_data in s.all("message.created")))
    texts = [item["text"] for item in bob.asks("GET", f"messages?chat_id={chat}&limit=100")["items"]]
    assert texts == ["before the backup", *(f"{number} after it" for number in range(afterwards)), "and on"]
    assert (kept, after) == (min(kept, after), max(kept, after))
    # No cursor into the replaced log is valid; one from afterwards is.
    for cursor in (cursors[-1], cursors[len(cursors) // 2]):
        again = bob.listens(cursor)
        again.waits_for(lambda s: "reset" in s.types())
    later = bob.listens(stream.events[-1].id)
    more = ann.posts(chat, "and further on")
    later.gets("message.created", id=more)
    assert "reset" not in later.types()
    bob.disconnects()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_account_younger_than_the_backup_is_signed_out(own: Server, way: Way) -> None:
    ann = Listener(own, "ann")
    backup = backed_up(own)
    bob = Listener(own, "bob")
    stream = bob.listens()
    way(own, backup)
    stream.ends()
    bob.disconnects()
    assert ann.asks("GET", "users/me")["username"] == "ann"


def test_an_invalid_backup_changes_nothing(ann: Person, chat: Chat, tmp_path: Path) -> None:
    ann.posts(chat, "stays")
    sound = tmp_path / "sound.db"
    models.database.back_up(sound)
    torn, newer, foreign = (tmp_path / f"{name}.db" for name in ("torn", "newer", "foreign"))
    torn.write_bytes(sound.read_bytes()[:8192] + b"x" * 4096)
    newer.write_bytes(sound.read_bytes())
    with closing(sqlite3.connect(newer, isolation_level=None)) as database:
        database.execute("INSERT INTO migration (name, applied_at) VALUES ('m9999_later', 1)")
    with closing(sqlite3.connect(foreign, isolation_level=None)) as database:
        database.execute("CREATE TABLE t (x)")
    for wrong in (torn, newer, foreign):
        with pytest.raises((ValueError, sqlite3.Error)):
            models.database.restore(wrong, migration.migrations())
    assert [message.text for message in Message.select()] == ["stays"]


def test_the_replaced_database_is_kept(ann: Person, chat: Chat, tmp_path: Path) -> None:
    ann.posts(chat, "then")
    backup = tmp_path / "backup.db"
    models.database.back_up(backup)
    ann.posts(chat, "now")
    kept = models.database.restore(backup, migration.migrations())
    assert [message.text for message in Message.select()] == ["then"]
    assert models.pending() == []
    with closing(sqlite3.connect(kept)) as before:
        assert before.execute("SELECT text FROM message ORDER BY id").fetchall() == [("then",), ("now",)]
