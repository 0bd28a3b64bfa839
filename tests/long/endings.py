"""Logins that end while their streams are open: by logout, by a new password, with the account.

`python -m tests.long.endings 1000`: so many logouts, a twentieth as many of the others, which bcrypt makes slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from people import PASSWORD
from servers import Server
from streams import Listener

from long.alone import asked, served, spread, timed

PASSWORDS = (PASSWORD, "another good phrase")


def by_logout(server: Server, rounds: int, tag: str) -> list[float]:
    """Seconds from the server's answer to the end of the stream; a stream of another login stays."""
    person = Listener(server, f"{tag}.out")
    chat, first = person.starts("Alone"), person.token
    kept = person.listens()
    took = []
    for _ in range(rounds):
        person.token = person.has_another_login()
        took.append(until_the_end(person, lambda: person.asks("POST", "users/logout")))
        person.token = first
    message = person.posts(chat, "still here")
    kept.gets("message.created", id=message)
    person.disconnects()
    return took


def by_password(server: Server, rounds: int, tag: str) -> list[float]:
    person = Listener(server, f"{tag}.word")
    took = []
    for number in range(rounds):
        old, new = PASSWORDS[number % 2], PASSWORDS[(number + 1) % 2]
        first, other = person.token, person.has_another_login()

        def change(token: str = first, old: str = old, new: str = new) -> None:
            person.token = token
            person.asks("PATCH", "users/me", password=new, current_password=old)

        person.token = other
        took.append(until_the_end(person, change))
    return took


def by_account(server: Server, rounds: int, tag: str) -> list[float]:
    took = []
    for number in range(rounds):
        person = Listener(server, f"{tag}.gone{number}")
        took.append(until_the_end(person, lambda: person.asks("DELETE", "users/me", current_password=PASSWORD)))  # noqa: B023
    return took


def until_the_end(person: Listener, ends: Callable[[], object]) -> float:
    stream = person.listens()
    ends()
    answered = time.monotonic()
    stream.ends()
    stream.close()
    person.open.remove(stream)
    return max(0.0, stream.ended_at - answered)


if __name__ == "__main__":
    with served() as server, timed():
        rounds = asked(1000)
        for way, count in ((by_logout, rounds), (by_password, rounds // 20), (by_account, rounds // 20)):
            took = way(server, count, "end")
            print(f"{way.__name__}: {count} streams ended after their login, {spread(took)} after the answer")
            assert max(took) < 1.0
