"""A host like Heroku, rehearsed: the Procfile in a folder that is deleted and cloned anew between two starts."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from people import PASSWORD
from PIL import Image
from ports import free_port
from postgres import create_database
from s3 import KEY_ID, SECRET, Gate, bucket, gate, make_bucket, s3_server
from servers import ROOT, is_gone, wait_for
from streams import Reader

__all__ = ["bucket", "gate", "s3_server"]

# Longer than a writer waits for its turn.
SLOW = """
STATEMENTS = ("SELECT pg_sleep(7)", "CREATE TABLE slow (number INT)", "INSERT INTO slow VALUES (1)")
"""
FILE = secrets.token_bytes(200_000)
PERSON = {"username": "ann", "password": PASSWORD}


@dataclass
class Platform:
    """Gives an app a database, a bucket and keys by the names that Heroku and its add-ons have for them."""

    folder: Path
    config: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def clone(self) -> Path:
        """Put the code into a new folder, as a push does."""
        slug = self.folder / f"slug-{secrets.token_hex(4)}"
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for file in listed:
            if (ROOT / file).is_file() and not file.startswith(("tests/", "bench/", "docs/")):
                (slug / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / file, slug / file)
        return slug

    def environment(self, dyno: str, **more: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return {"PATH": path, "HOME": str(self.folder), "TMPDIR": str(temporary), "DYNO": dyno, **self.config, **more}

    def command(self, slug: Path, kind: str) -> list[str]:
        lines = dict(line.split(": ", 1) for line in (slug / "Procfile").read_text().splitlines())
        return ["bash", "-c", f"exec {lines[kind]}"]

    def releases(self, slug: Path) -> str:
        """Run the release phase; returns what it says."""
        done = subprocess.run(
            self.command(slug, "release"), cwd=slug, env=self.environment("release.1"),
            capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def begins(self, slug: Path, number: int = 1) -> Dyno:
        """Start a web dyno, without waiting for it."""
        port, log = free_port(), self.folder / f"web.{number}.log"
        environment = self.environment(f"web.{number}", PORT=str(port))
        with log.open("ab") as out:
            process = subprocess.Popen(
                self.command(slug, "web"), cwd=slug, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        self.processes.append(process)
        return Dyno(process, f"http://127.0.0.1:{port}", log)

    def starts(self, slug: Path) -> Dyno:
        dyno = self.begins(slug)
        wait_for(dyno.answers, dyno.log.read_text, 180)
        return dyno


@dataclass
class Dyno:
    """A web dyno, behind a router that adds where a request is from."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(requests.ConnectionError):
            return bool(requests.get(f"{self.url}/healthz", timeout=10).status_code == 200)
        return False

    def everyone(self) -> list[int]:
        """All its processes, the first one too."""
        found, waiting = [], [self.process.pid]
        while waiting:
            process = waiting.pop()
            found.append(process)
            for task in Path(f"/proc/{process}/task").glob("*/children"):
                with suppress(OSError):
                    waiting += map(int, task.read_text().split())
        return found

    def stops(self) -> int:
        """Send SIGTERM to all its processes at once, as Heroku does; returns the exit status of the first."""
        everyone = self.everyone()
        for process in everyone:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        # Heroku waits for 30 seconds.
        status = self.process.wait(30)
        assert [one for one in everyone if not is_gone(one)] == [], self.log.read_text()
        return status

    def ask(self, method: str, path: str, token: str = "", **sent: Any) -> requests.Response:
        headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", **sent.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = requests.request(method, self.url + path, headers=headers, timeout=60, **sent)
        assert answer.status_code < 400, (path, answer.status_code, answer.text)
        return answer


@pytest.fixture
def platform(tmp_path: Path, postgres_server: str, gate: Gate) -> Iterator[Platform]:
    name = f"bucketeer-{secrets.token_hex(6)}"
    make_bucket(gate, name)
    config = {
        "DATABASE_URL": create_database(postgres_server).replace("postgresql:", "postgres:"),
        "BUCKETEER_BUCKET_NAME": name,
        "BUCKETEER_AWS_REGION": "us-east-1",
        "BUCKETEER_AWS_ACCESS_KEY_ID": KEY_ID,
        "BUCKETEER_AWS_SECRET_ACCESS_KEY": SECRET,
        # Not Heroku's: the tests' store is not Amazon's.
        "S3_ENDPOINT_URL": gate.url,
        "SECRET_KEY": secrets.token_hex(32),
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "WEB_CONCURRENCY": "2",
    }
    platform = Platform(tmp_path, config)
    yield platform
    for process in platform.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (640, 480), (20, 120, 60)).save(written, "JPEG")
    return written.getvalue()


def events_of(dyno: Dyno, token: str, text: str, cursor: str = "") -> list[str]:
    """The texts of the messages that a stream brings, up to this one."""
    headers = {"Last-Event-ID": cursor} if cursor else {}
    reader = Reader()
    with dyno.ask("GET", "/api/events", token, headers=headers, stream=True) as stream:
        some = stream.iter_content(1)
        texts: list[str] = []
        while text not in texts:
            reader.take(next(some))
            texts = [event.data["text"] for event in reader.events if event.type == "message.created"]
    return texts


def test_accounts_messages_and_files_outlive_the_disk(platform: Platform) -> None:
    slug = platform.clone()
    assert "Applied migration" in platform.releases(slug)
    files = {path for path in slug.rglob("*") if "__pycache__" not in path.parts}
    dyno = platform.starts(slug)
    dyno.ask("POST", "/api/users", json=PERSON)
    token = dyno.ask("POST", "/api/users/login", json=PERSON).json()["token"]
    assert dyno.ask("GET", "/api/users/me/logins", token).json()["items"][0]["address"] == "192.0.2.7"
    chat = dyno.ask("POST", "/api/chats", token, json={"title": "Garden"}).json()["id"]
    form = {"chat_id": chat, "text": "two files"}
    sent = [("files", ("a.bin", FILE)), ("files", ("b.jpg", picture()))]
    message = dyno.ask("POST", "/api/messages", token, data=form, files=sent).json()
    shown = dyno.ask("GET", message["files"][1]["thumbnail_url"], token).content

    assert dyno.stops() == 0
    assert {path for path in slug.rglob("*") if "__pycache__" not in path.parts} == files
    shutil.rmtree(slug)

    slug = platform.clone()
    assert platform.releases(slug) == "The database is up to date.\n"
    dyno = platform.starts(slug)
    assert dyno.ask("GET", "/api/users/me", token).json()["username"] == "ann"
    dyno.ask("POST", "/api/users/login", json=PERSON)
    kept = dyno.ask("GET", f"/api/messages?chat_id={chat}", token).json()["items"]
    assert [(one["id"], one["text"]) for one in kept] == [(message["id"], "two files")]
    assert dyno.ask("GET", message["files"][0]["url"], token).content == FILE
    assert dyno.ask("GET", message["files"][1]["thumbnail_url"], token).content == shown
    assert dyno.stops() == 0


def test_a_stream_goes_on_where_it_was_before_the_dyno_was_replaced(platform: Platform) -> None:
    slug = platform.clone()
    platform.releases(slug)
    dyno = platform.starts(slug)
    dyno.ask("POST", "/api/users", json=PERSON)
    token = dyno.ask("POST", "/api/users/login", json=PERSON).json()["token"]
    chat = dyno.ask("POST", "/api/chats", token, json={"title": "Garden"}).json()["id"]
    reader = Reader()
    with dyno.ask("GET", "/api/events", token, stream=True) as stream:
        some = stream.iter_content(1)
        while reader.last_id is None:
            reader.take(next(some))
        for text in ("seen", "missed"):
            dyno.ask("POST", "/api/messages", token, json={"chat_id": chat, "text": text})
            while text == "seen" and not any(event.type == "message.created" for event in reader.events):
                reader.take(next(some))
        assert reader.last_id
        assert dyno.stops() == 0
    shutil.rmtree(slug)

    dyno = platform.starts(platform.clone())
    dyno.ask("POST", "/api/messages", token, json={"chat_id": chat, "text": "new"})
    assert events_of(dyno, token, "new", reader.last_id) == ["missed", "new"]
    assert dyno.stops() == 0


def test_when_several_start_at_once_one_migrates_and_the_others_wait(platform: Platform) -> None:
    platform.config["WEB_CONCURRENCY"] = "1"
    slug = platform.clone()
    (slug / "migrations/m9999_slow.py").write_text(SLOW)
    dynos = [platform.begins(slug, number) for number in (1, 2, 3)]
    for dyno in dynos:
        wait_for(dyno.answers, dyno.log.read_text, 180)
    applied = [dyno.log.read_text().count("Applied migration m9999_slow.") for dyno in dynos]
    assert sorted(applied) == [0, 0, 1]
    with psycopg.connect(platform.config["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM slow").fetchone() == (1,)
    dynos[0].ask("POST", "/api/users", json=PERSON)
    token = dynos[1].ask("POST", "/api/users/login", json=PERSON).json()["token"]
    assert dynos[2].ask("GET", "/api/users/me", token).json()["username"] == "ann"
    assert [dyno.stops() for dyno in dynos] == [0, 0, 0]
