"""Whether the time that others' requests take tells who has an account here.

`python -m bench.oracles 150`: so many tries of each kind, known and unknown by turns of chance. An AUC of 0.5 is what
guessing gives; with 150 of each, chance alone strays by 0.07 (two standard errors).
"""

from __future__ import annotations

import json
import random
import re
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from bench.servers import free_port, served
from lib.sqlite import sqlite3

PASSWORD = "correct horse battery"
# How many requests after a forgotten password are looked at, one after the other.
AFTER = 4


def auc(known: list[float], unknown: list[float]) -> float:
    """How often a known one took longer than an unknown one."""
    wins = sum((k > u) + (k == u) / 2 for k in known for u in unknown)
    return wins / (len(known) * len(unknown))


def print_comparison(name: str, known: list[float], unknown: list[float]) -> None:
    middle = [sorted(times)[len(times) // 2] * 1000 for times in (known, unknown)]
    print(f"{name:28} AUC {auc(known, unknown):.2f}, medians {middle[0]:.2f} and {middle[1]:.2f} ms", flush=True)


class Client:
    def __init__(self, url: str) -> None:
        self.url = url
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def asks(self, path: str, data: bytes | None = None, kind: str = "application/x-www-form-urlencoded") -> float:
        """Seconds until the whole answer is there."""
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind})
        began = time.perf_counter()
        try:
            with self.opener.open(request, timeout=60) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.read()
        return time.perf_counter() - began

    def sends(self, path: str, **body: str) -> float:
        return self.asks(path, json.dumps(body).encode(), "application/json")

    def csrf(self, path: str) -> str:
        page = self.opener.open(self.url + path).read().decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found
        return found[1]


def compared(rounds: int, act: Callable[[bool], list[float]]) -> tuple[list[list[float]], list[list[float]]]:
    """What was measured with known and with unknown ones, in an order of chance."""
    kinds = [True, False] * rounds
    random.Random(7).shuffle(kinds)
    found: tuple[list[list[float]], list[list[float]]] = [], []
    for known in kinds:
        found[not known].append(act(known))
    return found


def forgotten(client: Client, known: bool) -> list[float]:
    """The answer itself, and the requests that follow at once."""
    email = "ann@example.org" if known else f"{secrets.token_hex(2)}@example.org"
    fields = {"csrf_token": client.csrf("/forgotten"), "email": email}
    times = [client.asks("/forgotten", urllib.parse.urlencode(fields).encode())]
    times += [client.asks("/healthz") for _ in range(AFTER)]
    # Until the thread that writes letters has nothing to do any more.
    time.sleep(0.1)
    return times


def wrong_login(client: Client, known: bool) -> list[float]:
    return [client.sends("/api/users/login", username="ann" if known else "nobody", password="not this one")]


def main(rounds: int) -> None:
    mail = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    mail.start()
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        environment = {
            "HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1", "RATE_LIMITS": "off",
            "SECRET_KEY": secrets.token_hex(32), "JWT_SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": f"sqlite:///{folder / 'chat.db'}", "MEDIA_DIR": str(folder / "media"),
            "SMTP_URL": f"smtp+plain://127.0.0.1:{mail.port}", "SMTP_FROM": "chat@example.org",
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
        }  # fmt: skip
        with served(["chat:app"], "/healthz", folder / "log", **environment):
            client = Client(environment["PUBLIC_URL"])
            client.sends("/api/users", username="ann", password=PASSWORD)
            with sqlite3.connect(folder / "chat.db", timeout=30) as database:
                database.execute("UPDATE user SET email = 'ann@example.org'")
            known, unknown = compared(rounds, lambda known: forgotten(client, known))
            for place, what in enumerate(["the answer", *(f"request {n + 1} after it" for n in range(AFTER))]):
                print_comparison(
                    f"forgotten: {what}", [times[place] for times in known], [times[place] for times in unknown]
                )
            print_comparison("forgotten: all after it", [sum(t[1:]) for t in known], [sum(t[1:]) for t in unknown])
            known, unknown = compared(rounds // 3, lambda known: wrong_login(client, known))
            print_comparison("login", [times[0] for times in known], [times[0] for times in unknown])
    mail.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150)
