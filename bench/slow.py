"""What others wait for while 500 clients send slowly or nothing, with gunicorn's own threaded worker and with ours."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import crowd
from bench.pages import get, page
from bench.servers import ROOT, free_port, served

SLOW = 500
DRIPPING = 16
PATIENCE = 5.0
# Of each kind of request; a server that leaves so many without an answer is not asked any more.
REQUESTS, GIVE_UP = 300, 6
HALF = b"GET / HTTP/1.1\r\nHost: chat\r\nX-Slow: "
BODY = b"POST /login HTTP/1.1\r\nHost: chat\r\nContent-Length: 1000\r\n\r\n"
WORKERS = {"gthread": "--worker-class gthread", "ours": ""}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    port = options.parse_args().attack
    if port:
        attack(port)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder))
    return 0


def attack(port: int) -> None:
    """Be 500 slow clients until the end: 16 drip a head or a body, 100 say nothing, the others half a head."""
    beginnings = [(HALF, BODY)[number % 2] for number in range(DRIPPING)] + [b""] * 100
    beginnings += [HALF] * (SLOW - len(beginnings))
    sockets = [opened(port, words) for words in beginnings]
    print("all there", flush=True)
    ended = select.poll()
    while True:
        time.sleep(0.5)
        for number, sock in enumerate(sockets):
            with contextlib.suppress(OSError):
                if number < DRIPPING:
                    sock.send(b"x")
                ended.register(sock, select.POLLIN)
                closed = ended.poll(0)
                ended.unregister(sock)
                if not closed:
                    continue
            # The server ended it: it comes again.
            sock.close()
            with contextlib.suppress(OSError):
                sockets[number] = opened(port, beginnings[number])


def opened(port: int, words: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 30)
    sock.sendall(words)
    return sock


def measure(folder: Path) -> None:
    secret_key = secrets.token_hex(32)
    database = folder / "chat.db"
    large, _ = crowd.settle(database, folder / "media", secret_key)
    print(f"{'worker':10}{'slow':>6}  {'request':12}{'p50 ms':>9}{'p99 ms':>9}{'longest':>9}{'failed':>12}")
    for name, arguments in WORKERS.items():
        port = free_port()
        environment = {
            "HOST": "127.0.0.1", "PORT": str(port), "SECRET_KEY": secret_key, "JWT_SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": f"sqlite:///{database}", "MEDIA_DIR": str(folder / "media"), "RATE_LIMITS": "off",
            "WEB_CONCURRENCY": "2", "TRUSTED_HOSTS": "", "PROXY_COUNT": "0", "GUNICORN_CMD_ARGS": arguments,
        }  # fmt: skip
        with served(["chat:app"], "/healthz", folder / f"{name}.log", **environment):
            cookie = crowd.cookies(port)[0]
            requests = {"/healthz": get("/healthz"), "a chat": page(f"/chats/{large}", cookie)}
            ask(port, requests["a chat"], 100)
            report(name, 0, port, requests)
            command = [sys.executable, "-m", "bench.slow", "--attack", str(port)]
            attackers = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
            try:
                assert attackers.stdout is not None
                attackers.stdout.readline()
                report(name, SLOW, port, requests)
            finally:
                attackers.kill()
                attackers.wait()


def report(name: str, slow: int, port: int, requests: dict[str, bytes]) -> None:
    for what, request in requests.items():
        times, failed, total = ask(port, request, REQUESTS)
        at = [1000 * times[min(len(times) - 1, int(len(times) * share))] if times else 0 for share in (0.5, 0.99, 1)]
        figures = "".join(f"{figure:9.1f}" if times else f"{'-':>9}" for figure in at)
        print(f"{name:10}{slow:6}  {what:12}{figures}{failed:6} of {total}", flush=True)


def ask(port: int, request: bytes, count: int) -> tuple[list[float], int, int]:
    """The seconds that each answer took, on a connection of its own; how many failed, and of how many."""
    times: list[float] = []
    failed = 0
    for number in range(count):
        began = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
                sock.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                answer = b"".join(iter(lambda: sock.recv(2**18), b""))
        except OSError:
            answer = b""
        if answer.startswith(b"HTTP/1.1 200 "):
            times.append(time.perf_counter() - began)
        else:
            failed += 1
        if failed == GIVE_UP:
            return sorted(times), failed, number + 1
    return sorted(times), failed, count


if __name__ == "__main__":
    sys.exit(main())
