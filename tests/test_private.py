"""Nobody else on the machine may read what the program writes."""

from __future__ import annotations

import os
import stat
from io import BytesIO
from pathlib import Path

import pytest
import requests
from people import Person
from PIL import Image
from servers import Server
from streams import Listener
from test_start import CHAT, FLASK, KEYS, Checkout, stop

import models
from lib import private
from models import Chat

pytestmark = pytest.mark.sqlite


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture(autouse=True)
def careless() -> None:
    """As a shell is set up: what is made is for everybody to read."""
    os.umask(0o022)


def open_ones(folder: Path) -> list[str]:
    """What others may read, write or go into, at any depth."""
    found = [path for path in folder.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    return sorted(str(path.relative_to(folder)) for path in found)


def posts_a_picture(server: Server) -> None:
    picture = BytesIO()
    Image.new("RGB", (900, 700), "teal").save(picture, "PNG")
    ann = Listener(server, "ann")
    sent = requests.post(
        f"{server.url}/api/messages",
        data={"chat_id": str(ann.starts("Garden")), "text": "look"},
        files=[("files", ("a.png", picture.getvalue())), ("files", ("b.txt", b"words"))],
        headers={"Authorization": f"Bearer {ann.token}"},
        timeout=60,
    )
    assert sent.status_code == 201, sent.text


def test_only_the_owner_can_read_what_a_server_creates(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        posts_a_picture(server)
        made = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len([path for path in made if "media" in path.parts]) == 4
        assert {"chat.db", "chat.db-wal", "chat.db-shm"} <= {path.name for path in made}
        assert open_ones(tmp_path) == ["server.log"]
    finally:
        server.stop()


def test_a_start_makes_readable_files_private(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        posts_a_picture(server)
        server.stop()
        (tmp_path / "chat.db.before-m0001_initial").touch()
        (tmp_path / "another.db").touch()
        for path in tmp_path.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        server.start()
        assert open_ones(tmp_path) == ["another.db", "server.log"]
    finally:
        server.stop()


def test_a_folder_of_media_that_holds_more_stays_as_open_as_it_was(tmp_path: Path) -> None:
    for path in ("media/ab", "media/incoming", "media/lost+found", "media/abc"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "media/ab/cd").touch()
    (tmp_path / "media/incoming/ef").touch()
    (tmp_path / "elsewhere").touch()
    (tmp_path / "media/ab/link").symlink_to(tmp_path / "elsewhere")
    private.restrict(private.store_files(tmp_path / "media"))
    # A link has no mode of its own, and its target is not the app's.
    assert set(open_ones(tmp_path)) == {"elsewhere", "media", "media/lost+found", "media/abc", "media/ab/link"}


def test_python_chat_py_and_the_commands_write_for_their_owner_alone(checkout: Checkout) -> None:
    checkout.env_file.write_text("".join(f"{name}={key}\n" for name, key in KEYS.items()))
    assert checkout.run([*FLASK, "init"]).returncode == 0
    database = checkout.folder / "chat.db"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    database.chmod(0o644)
    stop(checkout.start(CHAT))
    for path in (database, checkout.env_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((checkout.folder / "media").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_copy_before_a_migration_is_no_more_open_than_the_database(
    ann: Person, chat: Chat, tmp_path: Path, mode: int
) -> None:
    ann.posts(chat, "hello")
    models.database.path.chmod(mode)
    os.umask(0)
    models.database.back_up(tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    models.database.close()
