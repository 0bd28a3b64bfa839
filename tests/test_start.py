"""Starting and stopping: real processes, in a copy of the checkout that nobody ran before."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values
from env_files import KEYS
from ports import free_port
from servers import wait_for

from lib.sqlite import sqlite3

pytestmark = pytest.mark.sqlite

ROOT = Path(__file__).resolve().parent.parent
NOT_CODE = shutil.ignore_patterns(
    ".*", "media", "*.db", "*.db-*", "__pycache__", "tests", "bench", "docs", "node_modules", "htmlcov"
)
CHAT = [sys.executable, "chat.py"]
GUNICORN = [str(Path(sys.executable).with_name("gunicorn")), "chat:app"]
FLASK = [sys.executable, "-m", "flask", "--app", "chat"]
# A system on which gunicorn can't run has no fcntl.
WITHOUT_FCNTL = [
    sys.executable,
    "-c",
    "import runpy, sys; sys.modules['fcntl'] = None; sys.path.insert(0, '.');"
    " runpy.run_path('chat.py', run_name='__main__')",
]


class Checkout:
    """The code alone, as it is cloned, with rooms beside it in which nothing should come to lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        shutil.copytree(ROOT, self.folder, ignore=NOT_CODE)
        self.outside = [folder / name for name in ("home", "tmp", "runtime")]
        for place in self.outside:
            place.mkdir()
        self.env_file = self.folder / ".env"
        self.running: list[subprocess.Popen[str]] = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def environment(self, **changed: str) -> dict[str, str]:
        home, tmp, runtime = map(str, self.outside)
        clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}
        places = {"HOME": home, "TMPDIR": tmp, "XDG_RUNTIME_DIR": runtime}
        return {**clean, **places, "PORT": str(self.port), "WEB_CONCURRENCY": "1", **changed}

    def start(self, command: list[str], **environment: str) -> subprocess.Popen[str]:
        """Start it and wait until it answers."""
        with (self.folder.parent / "out").open("w") as out:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(**environment),
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.running.append(process)
        wait_for(lambda: self.answers(process), self.output)
        return process

    def answers(self, process: subprocess.Popen[str]) -> bool:
        assert process.poll() is None, self.output()
        return self.health() == (200, {"status": "ok"})

    def health(self, host: str = "127.0.0.1") -> tuple[int, object]:
        """What /healthz says; (0, None) when nobody listens."""
        try:
            with urllib.request.urlopen(f"http://{host}:{self.port}/healthz", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None
        except OSError:
            return 0, None

    def output(self) -> str:
        return (self.folder.parent / "out").read_text()

    def refuses(self, command: list[str], **environment: str) -> str:
        """Run a command that must not come to serve; returns its one line."""
        ended = self.run(command, **environment)
        assert ended.returncode not in (0, None)
        lines = ended.stderr.strip().splitlines()
        assert len(lines) == 1, ended.stderr
        return lines[0]

    def run(self, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def keys(self) -> dict[str, str | None]:
        return dict(dotenv_values(self.env_file))

    def written_outside(self) -> list[Path]:
        return [path for place in self.outside for path in place.rglob("*")]


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    checkout = Checkout(tmp_path)
    yield checkout
    for process in checkout.running:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_fresh_checkout_serves_with_one_command_and_writes_nowhere_else(checkout: Checkout) -> None:
    before = {path.name for path in checkout.folder.iterdir()}
    process = checkout.start(CHAT)
    assert f"Flask Chat runs at {checkout.url}\n" in checkout.output()
    assert stat.S_IMODE(checkout.env_file.stat().st_mode) == 0o600
    keys = checkout.keys()
    assert set(keys) == set(KEYS)
    assert keys["SECRET_KEY"] != keys["JWT_SECRET_KEY"]
    assert checkout.health("127.0.0.2") == (0, None)
    assert stop(process) == 0
    new = {path.name for path in checkout.folder.iterdir()} - before
    assert new <= {".env", "chat.db", "chat.db-wal", "chat.db-shm", "media", "__pycache__"}
    assert checkout.written_outside() == []


def test_a_second_run_keeps_keys_and_database(checkout: Checkout) -> None:
    stop(checkout.start(CHAT))
    keys = checkout.env_file.read_bytes()
    with sqlite3.connect(checkout.folder / "chat.db") as database:
        database.execute("INSERT INTO attempt (key, count, started_at, ends_at) VALUES ('kept', 1, 1, 1)")
    database.close()
    assert stop(checkout.start(CHAT)) == 0
    assert checkout.env_file.read_bytes() == keys
    database = sqlite3.connect(checkout.folder / "chat.db")
    assert database.execute("SELECT count(*) FROM attempt").fetchone() == (1,)
    database.close()


def test_a_file_that_lacks_one_key_gets_it_added(checkout: Checkout) -> None:
    lines = f"# the site's own\nsecret_key={KEYS['SECRET_KEY']}\n"
    checkout.env_file.write_text(lines)
    stop(checkout.start(CHAT))
    assert checkout.env_file.read_text().startswith(lines)
    assert set(checkout.keys()) == {"secret_key", "JWT_SECRET_KEY"}


def test_a_lost_key_is_replaced_with_a_warning(checkout: Checkout) -> None:
    stop(checkout.start(CHAT))
    assert "passwords need the former SECRET_KEY" not in checkout.output()
    assert checkout.run([*FLASK, "create-admin", "ann", "--password", "a good long one"]).returncode == 0
    checkout.env_file.unlink()
    stop(checkout.start(CHAT))
    assert "passwords need the former SECRET_KEY" in checkout.output()


@pytest.mark.parametrize("command", [CHAT, GUNICORN, WITHOUT_FCNTL], ids=["python", "gunicorn", "threaded"])
@pytest.mark.parametrize("key", ["tiny-Key-9", "changeme" * 5], ids=["short", "example"])
def test_a_bad_key_is_refused_with_one_line(checkout: Checkout, command: list[str], key: str) -> None:
    error = checkout.refuses(command, **{**KEYS, "SECRET_KEY": key})
    assert re.search(r"\bSECRET_KEY\b", error)
    assert key not in error
    assert not checkout.env_file.exists()


def test_gunicorn_makes_no_keys_and_its_master_refuses_without_them(checkout: Checkout) -> None:
    assert "SECRET_KEY is missing" in checkout.refuses(GUNICORN)
    assert not checkout.env_file.exists()


def test_on_a_host_gunicorn_alone_serves_a_fresh_clone_to_everybody(checkout: Checkout) -> None:
    process = checkout.start(GUNICORN, RATE_LIMITS="off", **KEYS)
    assert checkout.health("127.0.0.2") == (200, {"status": "ok"})
    assert "RATE_LIMITS=off" in checkout.output()
    assert stop(process) == 0
    assert checkout.written_outside() == []


def test_the_address_can_be_chosen(checkout: Checkout) -> None:
    process = checkout.start(CHAT, HOST="0.0.0.0", **KEYS)
    assert checkout.health("127.0.0.2")[0] == 200
    assert stop(process) == 0


def test_a_request_under_way_is_answered_before_the_end(checkout: Checkout) -> None:
    process = checkout.start(GUNICORN, **KEYS)
    with socket.create_connection(("127.0.0.1", checkout.port), timeout=60) as client:
        client.sendall(b"POST /api/users/login HTTP/1.1\r\nHost: chat\r\nContent-Length: 40\r\n")
        client.sendall(b'Content-Type: application/json\r\n\r\n{"username": "ann",')
        # The worker has taken it once it answers others while this one waits.
        wait_for(lambda: checkout.health()[0] == 200, checkout.output)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: "Handling signal: term" in checkout.output(), checkout.output)
        client.sendall(b' "password": "guess"}')
        assert client.recv(65_536).startswith(b"HTTP/1.1 401")
    assert process.wait(60) == 0


def test_a_reload_keeps_serving(checkout: Checkout) -> None:
    process = checkout.start(GUNICORN, **KEYS)
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: checkout.output().count("Booting worker") == 2, checkout.output)
    wait_for(lambda: "Worker exiting" in checkout.output(), checkout.output)
    assert checkout.health()[0] == 200
    assert stop(process) == 0


def test_a_busy_port_is_reported_in_one_line(checkout: Checkout) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", checkout.port))
        busy.listen()
        assert f"port {checkout.port}" in checkout.refuses(CHAT, **KEYS)


@pytest.mark.parametrize("command", [CHAT, GUNICORN], ids=["python", "gunicorn"])
def test_a_folder_that_cannot_be_used_is_reported_in_one_line(checkout: Checkout, command: list[str]) -> None:
    in_the_way = checkout.folder.parent / "file"
    in_the_way.write_text("not a folder, nor a database, for it is longer than its head\n" * 20)
    for changed in (
        {"DATABASE_URL": f"sqlite:///{in_the_way}/chat.db"},
        {"DATABASE_URL": f"sqlite:///{in_the_way}"},
        {"MEDIA_DIR": f"{in_the_way}/media"},
    ):
        error = checkout.refuses(quiet(command), **KEYS, **changed)
        assert str(in_the_way) in error


def quiet(command: list[str]) -> list[str]:
    """gunicorn without the lines that say what it is about to do."""
    return [*command, "--log-level", "error"] if command is GUNICORN else command


def test_without_gunicorn_threads_serve_and_a_line_is_printed(checkout: Checkout) -> None:
    process = checkout.start(WITHOUT_FCNTL, RATE_LIMITS="off")
    assert "gunicorn does not run on this system" in checkout.output()
    assert "RATE_LIMITS=off" in checkout.output()
    process.terminate()
    process.wait(60)


def test_flask_init_makes_keys_and_database(checkout: Checkout) -> None:
    ended = checkout.run([*FLASK, "init"])
    assert ended.returncode == 0, ended.stderr
    assert set(checkout.keys()) == set(KEYS)
    again = checkout.run([*FLASK, "init"])
    assert "up to date" in again.stdout
    assert checkout.run([*FLASK, "doctor"]).returncode == 0
    assert checkout.written_outside() == []


def test_a_flask_command_without_keys_ends_with_one_line(checkout: Checkout) -> None:
    assert "SECRET_KEY is missing" in checkout.refuses([*FLASK, "doctor"])


@pytest.mark.parametrize("command", [CHAT, GUNICORN, [*FLASK, "migrate"], [*FLASK, "init"]], ids=" ".join)
def test_on_a_disk_that_is_wiped_it_starts_nothing_and_writes_nothing(checkout: Checkout, command: list[str]) -> None:
    before = sorted(path.name for path in checkout.folder.iterdir())
    line = checkout.refuses(command, DYNO="web.1")
    assert line.startswith("Flask Chat can't start: Heroku: the disk is wiped at every restart, so set SECRET_KEY, ")
    assert sorted(path.name for path in checkout.folder.iterdir() if path.name != "__pycache__") == before
    assert checkout.written_outside() == []
