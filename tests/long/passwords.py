"""The owner of an account acts, and a thief with the old password does 0.05 to 0.2 s later: the first to commit wins.

`python -m tests.long.passwords 200`: so many rounds of each race, at bcrypt's real cost.
"""

from __future__ import annotations

import http.cookiejar
import json
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

from databases import rows_of
from people import PASSWORD
from servers import Server

from long.alone import asked, served, timed

SOONEST, LATEST = 0.05, 0.2
# Every so often the password that should hold is tried, too; else the answers show it.
TRIED_EVERY = 10


class Account:
    """An account that two people know the password of."""

    def __init__(self, server: Server, username: str) -> None:
        self.server, self.username, self.password, self.number = server, username, PASSWORD, 0
        status, user = self.asks("POST", "users", username=username, password=PASSWORD)
        assert status == 201, user
        self.id = user["id"]
        self.owner = self.signs_in()

    def asks(self, method: str, path: str, token: str = "", **body: Any) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.server.url}/api/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def signs_in(self) -> str:
        status, body = self.asks("POST", "users/login", username=self.username, password=self.password)
        assert status == 200, body
        return str(body["token"])

    def opens(self, password: str) -> bool:
        return self.asks("POST", "users/login", username=self.username, password=password)[0] == 200

    def changes(self, token: str, new: str) -> int:
        return self.asks("PATCH", "users/me", token, password=new, current_password=self.password)[0]

    def deletes(self, token: str) -> int:
        return self.asks("DELETE", "users/me", token, current_password=self.password)[0]

    def link(self) -> Callable[[str], int]:
        """A page with a new password's fields, open already; what it gives sends them."""
        status, body = self.asks("POST", f"users/{self.id}/reset-link", administrator(self.server))
        assert status == 201, body
        page = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.open(body["url"]).read().decode())
        assert found

        def sends(new: str) -> int:
            fields = {"csrf_token": found[1], "password": new, "repeat": new}
            try:
                with page.open(body["url"], urllib.parse.urlencode(fields).encode(), timeout=60) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                return error.code

        return sends


administrators: dict[str, str] = {}


def administrator(server: Server) -> str:
    """The token of somebody who makes links for others."""
    if server.url not in administrators:
        root = Account(server, "administrator")
        with rows_of(server.database_url) as run:
            run('UPDATE "user" SET is_admin = TRUE WHERE id = ?', root.id)
        administrators[server.url] = root.owner
    return administrators[server.url]


# Each takes an account, the thief's token and the two new passwords; it gives what the owner and the thief do.
Acts = tuple[Callable[[], int], Callable[[], int]]


def change(account: Account, thief: str, new: str, stolen: str) -> Acts:
    return lambda: account.changes(account.owner, new), lambda: account.changes(thief, stolen)


def link(account: Account, thief: str, new: str, stolen: str) -> Acts:
    sends = account.link()
    return lambda: sends(new), lambda: account.changes(thief, stolen)


def deletion_by_the_thief(account: Account, thief: str, new: str, stolen: str) -> Acts:
    return lambda: account.changes(account.owner, new), lambda: account.deletes(thief)


def deletion_by_the_owner(account: Account, thief: str, new: str, stolen: str) -> Acts:
    return lambda: account.deletes(account.owner), lambda: account.changes(thief, stolen)


RACES = (change, link, deletion_by_the_thief, deletion_by_the_owner)


def raced(server: Server, race: Callable[[Account, str, str, str], Acts], rounds: int, tag: str) -> Counter[str]:
    """How often who won. Raises AssertionError when both were answered that they had."""
    chance, won, account = random.Random(tag), Counter[str](), None
    for number in range(rounds):
        account = account or Account(server, f"{tag}.{number}")
        new, stolen = f"the owner's phrase {number}", f"the thief's phrase {number}"
        owner, thief = race(account, account.signs_in(), new, stolen)
        answers = at_once(owner, thief, chance.uniform(SOONEST, LATEST))
        successes = [status < 300 for status in answers]
        assert sum(successes) == 1, f"round {number}: {answers}"
        assert max(answers) in (401, 404, 422), f"round {number}: {answers}"
        won["owner" if successes[0] else "thief"] += 1
        if race in (deletion_by_the_owner, deletion_by_the_thief) and successes[race is deletion_by_the_thief]:
            assert not account.opens(new) and not account.opens(stolen)
            account = None
            continue
        account.password, other = (new, stolen) if successes[0] else (stolen, new)
        if number % TRIED_EVERY == 0:
            assert account.opens(account.password) and not account.opens(other)
        if race is link or not successes[0]:
            account.owner = account.signs_in()
    return won


def at_once(owner: Callable[[], int], thief: Callable[[], int], later: float) -> tuple[int, int]:
    """The two answers; the thief begins so many seconds later."""
    answers = [0, 0]

    def acts() -> None:
        answers[0] = owner()

    first = threading.Thread(target=acts)
    first.start()
    time.sleep(later)
    answers[1] = thief()
    first.join()
    return answers[0], answers[1]


if __name__ == "__main__":
    with served() as server, timed():
        rounds = asked(200)
        for race in RACES:
            won = raced(server, race, rounds, race.__name__.replace("deletion_by_the_", "gone.").replace("_", "."))
            print(f"{race.__name__}: {rounds} rounds, 0 lost; first was {dict(won)}", flush=True)
