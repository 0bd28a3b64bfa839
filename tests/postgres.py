"""A real Postgres for the tests: one server for the whole run, and an empty database for each test that asks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from ports import free_port

# Nothing in it outlives the run, so nothing waits for the disk, nor is written there where this folder has room.
MEMORY = Path("/dev/shm")
ROOM = 2 * 2**30
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "max_wal_size": "256MB",
    "listen_addresses": "127.0.0.1",
}
# Who runs the server where the tests run as root, which Postgres refuses.
ACCOUNT = "postgres"


class PostgresServer:
    """A server in a folder of its own, on a port of its own, for as long as the run lasts."""

    def __init__(self, password: str = "", **settings: str) -> None:
        """Without a password everybody on this machine is let in."""
        self.settings = {**SETTINGS, **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="flask-chat-postgres-", dir=self._place()))
        self.port = free_port()
        self.rights = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, ACCOUNT, ACCOUNT)
            self.rights = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []}
        self.process: subprocess.Popen[bytes] | None = None
        self.password = password
        options = ["--encoding=UTF8", "--username=chat", "--locale=C.UTF-8", "--no-sync", "--auth=trust"]
        if password:
            (self.folder / "password").write_text(password)
            if self.rights:
                shutil.chown(self.folder / "password", ACCOUNT, ACCOUNT)
            options[-1:] = ["--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}"]
        self._run("initdb", *options, "-D", str(self.folder / "data"))
        self.start()

    def _place(self) -> Path | None:
        """The folder for it; None for the one for temporary files, on a disk."""
        is_kept = self.settings["fsync"] != "off"
        return None if is_kept or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM else MEMORY

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [binary(name), *arguments], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self.rights
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        command = [binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options], cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self.rights
            )
        deadline = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postgres does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2, password=self.password or None):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it; by default at once and in order, ending all connections. SIGQUIT is as good as a crash."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)

    def remove(self) -> None:
        """Stop it and remove everything, once."""
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://chat@127.0.0.1:{self.port}/{database}"


def binary(name: str) -> str:
    """The path of one of Postgres' programs, of the newest version here."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(re.sub(r"\D", "", path.parts[4]) or 0)
    )
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeError(f"the tests need Postgres: {name} is not installed (apt-get install postgresql)")
    return path


def create_database(server_url: str, template: str = "template1", name: str = "") -> str:
    """Create a database on the server that this address names; returns its own address."""
    name = name or f"chat_{secrets.token_hex(6)}"
    base = server_url.rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        # In memory, files are copied in a sixth of the time that it takes to write them to the log, too.
        how = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {how}")  # type: ignore[call-overload]
    return f"{base}/{name}"


def drop_database(url: str) -> None:
    """Drop a database, even while somebody is connected to it."""
    base, _, name = url.rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[call-overload]


@contextlib.contextmanager
def shared_server(folder: Path) -> Iterator[str]:
    """The address of the run's server, which the first process starts and the last one removes.

    `folder` is common to all processes of the run (pytest-xdist's are several).
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder) as users:
        if not users:
            # A process of its own, since the one that starts it may not be the last.
            (folder / "address").write_text(_start(folder))
        (folder / f"user-{os.getpid()}").touch()
        address = (folder / "address").read_text()
    try:
        yield address
    finally:
        with _locked(folder):
            (folder / f"user-{os.getpid()}").unlink(missing_ok=True)
            if not list(folder.glob("user-*")):
                _end(folder)


# Kept for the life of this process: a server that this process started may outlive its use here.
started: list[PostgresServer] = []


def _start(folder: Path) -> str:
    server = PostgresServer()
    started.append(server)
    assert server.process is not None
    (folder / "server").write_text(f"{server.process.pid} {server.folder}")
    # It is not this process that waits for its end.
    server.process.returncode = 0
    return server.url("postgres")


def _end(folder: Path) -> None:
    for server in started:
        server.remove()
    pid, _, place = (folder / "server").read_text().partition(" ")
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid), signal.SIGQUIT)
    shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[list[Path]]:
    """The processes that use the server, while nobody else starts or ends it."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield list(folder.glob("user-*"))
