"""The messenger as it is really served."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from databases import databases
from ports import free_port

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """The messenger as it is served: gunicorn on a free port, over a database of its own."""

    def __init__(self, folder: Path, without: str = "", **environment: str) -> None:
        """`without` a module: as on a system that lacks it, where `python chat.py` serves by other means."""
        self.folder = folder
        missing = f"import runpy, sys; sys.modules['{without}'] = None; sys.path.insert(0, '.'); "
        run = ["-c", missing + "runpy.run_path('chat.py', run_name='__main__')"]
        self.command = [sys.executable, *(run if without else ["-m", "gunicorn", "chat:app"])]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "SECRET_KEY": secrets.token_hex(32),
            "JWT_SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": databases.url_in(folder),
            "MEDIA_DIR": str(folder / "media"),
            "RATE_LIMITS": "off",
            "WEB_CONCURRENCY": "1",
            **environment,
        }
        self.start()

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.master = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self.answers, lambda: f"no answer; its log:\n{self.log.read_text()}", 180)

    def answers(self) -> bool:
        """Whether it is up. Raises when it ended instead."""
        assert self.master.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        if self.master.poll() is None:
            self.master.send_signal(signal.SIGTERM)
        return self.master.wait(30)


def wait_for(condition: Callable[[], bool], complaint: Callable[[], str], seconds: float = 60) -> None:
    """Ask again and again until it is so; the bound is generous, for a busy machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, complaint()
        time.sleep(0.05)


def child(master: int, what: str) -> int:
    """The process that a master started, by a word of its command."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            continue
        if parent == master and what in command:
            return int(entry.name)
    return 0


def is_gone(process: int) -> bool:
    """Whether it runs no more: not there, or waiting to be collected."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
