"""psycopg takes memory only where the database is Postgres."""

from __future__ import annotations

from pathlib import Path

from postgres import create_database, drop_database
from servers import Server, child

DRIVER = "psycopg_binary"


def loaded_by(server: Server) -> bool:
    """Whether a worker has loaded psycopg."""
    worker = child(server.master.pid, "gunicorn")
    return DRIVER in Path(f"/proc/{worker}/maps").read_text()


def test_a_worker_on_sqlite_does_not_load_psycopg(tmp_path: Path) -> None:
    server = Server(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / 'chat.db'}")
    try:
        assert not loaded_by(server)
    finally:
        server.stop()


def test_a_worker_on_postgres_does(tmp_path: Path, postgres_server: str) -> None:
    url = create_database(postgres_server)
    server = Server(tmp_path, DATABASE_URL=url)
    try:
        assert loaded_by(server)
    finally:
        server.stop()
        drop_database(url)
