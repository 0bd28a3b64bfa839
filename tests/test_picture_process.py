"""The picture process beside a real server: it takes the cost away from the worker, and lives no longer than it."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from people import PASSWORD
from servers import Server, child, is_gone, wait_for

from bench import picture_bombs as bombs

MB = 2**20


class Sender:
    """Somebody with a chat on a real server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.token = ""
        account = {"username": "sender", "password": PASSWORD}
        self.asks("/api/users", json.dumps(account).encode())
        self.token = self.asks("/api/users/login", json.dumps(account).encode())[1]["token"]
        self.chat = self.asks("/api/chats", b'{"title": "Garden"}')[1]["id"]

    def asks(self, path: str, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.token}"}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        status_and_body = answer.status, json.loads(answer.read())
        connection.close()
        return status_and_body

    def sends(self, picture: bytes) -> tuple[int, Any]:
        head = (
            f'--b\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{self.chat}\r\n'
            '--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
        ).encode()
        return self.asks("/api/messages", head + picture + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")


@pytest.fixture(scope="module")
def sender(server: Server) -> Sender:
    return Sender(server)


def worker_of(server: Server) -> int:
    return child(server.master.pid, "gunicorn")


def process_of(worker: int) -> int:
    return child(worker, "limited_process")


def peak(process: int) -> int:
    """The most memory that it had at once, in bytes (proc(5))."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize("bomb", bombs.OF_PARTS, ids=lambda bomb: bomb.__name__)
def test_no_picture_costs_the_worker_memory(sender: Sender, bomb: Callable[[], bytes]) -> None:
    assert sender.sends(bombs.drawn("PNG"))[0] == 201
    worker = worker_of(sender.server)
    before = peak(worker)
    status, body = sender.sends(bomb())
    assert status in (201, 422), body
    assert worker_of(sender.server) == worker
    assert peak(worker) - before < 64 * MB
    assert peak(process_of(worker)) < 700 * MB
    status, body = sender.sends(bombs.drawn("PNG"))
    assert (status, body["files"][0]["width"]) == (201, 64)


@pytest.mark.parametrize("by", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_worker_and_the_next_one_has_its_own(own: Server, by: int) -> None:
    sender = Sender(own)
    assert sender.sends(bombs.drawn("PNG"))[0] == 201
    worker = worker_of(own)
    process = process_of(worker)
    assert process
    os.kill(own.master.pid if by == signal.SIGHUP else worker, by)
    wait_for(lambda: is_gone(worker) and is_gone(process), lambda: own.log.read_text())
    wait_for(own.answers, lambda: own.log.read_text())
    assert sender.sends(bombs.drawn("PNG"))[0] == 201
    assert process_of(worker_of(own)) != process
    assert own.stop() == 0


def test_a_process_killed_at_work_is_replaced_and_the_sender_asked_to_retry(own: Server) -> None:
    sender = Sender(own)
    assert sender.sends(bombs.drawn("PNG"))[0] == 201
    process = process_of(worker_of(own))
    os.kill(process, signal.SIGSTOP)
    os.kill(process, signal.SIGKILL)
    wait_for(lambda: is_gone(process), lambda: "it lives")
    statuses = [sender.sends(bombs.drawn("PNG"))[0] for _ in range(2)]
    assert statuses[-1] == 201
    assert set(statuses) <= {201, 503}
