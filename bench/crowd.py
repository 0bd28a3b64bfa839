"""What is measured over: 50 people, 20 chats, one of them with 2,000 messages."""

from __future__ import annotations

import http.client
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import models
from actions import accounts, chats, loading, messages
from models import Chat, Membership, User, password

PEOPLE = 50
CHATS = 20
MESSAGES = 2_000
SIGNED_IN = 8
PASSWORD = "quite a long one for a measure"
COMMON = "release"
SAID = """
    about after again agreed already always another answer apart around before bring build change check
    clear close coffee count day draft early evening fast field file find first friday garden good half
    here idea keep last late leave letter list long maybe minute morning move name need never next night
    note number often open order page paper part place plan point quick quiet read ready right room same
    second seems short small soon start still story street table talk think thursday time today together
    tomorrow train under until update wait week window word work write yesterday картинка погода вечером
    завтра встреча готово
"""
WORDS = SAID.split()


def settle(database: Path, media: Path, secret_key: str, count: int = MESSAGES) -> tuple[int, list[int]]:
    """Make everybody and everything; returns the large chat's id and the ids of its `count` messages."""
    chance = random.Random(2)
    password.use_key(secret_key)
    # Signing in is not what is measured here.
    password.hashing.rounds = 4
    models.open_database(f"sqlite:///{database}")
    models.use(media, throttled=False)
    models.migrate()
    with models.write():
        people = [accounts.register(f"person{number:02}", PASSWORD) for number in range(PEOPLE)]
        names = [str(person.username) for person in people]
        large = chats.start(people[0], "Everybody", names).chat
        for number in range(1, CHATS):
            some = [people[0], *chance.sample(people[1:], 11)]
            chat = chats.start(some[0], f"Chat {number}", [str(person.username) for person in some]).chat
            talk(chance, chat, some, 30)
    loading.load(talked(chance, large, people, count))
    ids = models.database.execute_sql("SELECT id FROM message WHERE chat_id = ? ORDER BY id", (large.id,))
    found = [message_id for (message_id,) in ids]
    models.database.close()
    return int(large.id), found


def talk(chance: random.Random, chat: Chat, people: list[User], count: int) -> None:
    """Let people write."""
    seats = [Membership.of(person, chat.id) for person in people]
    for text in texts(chance, count):
        messages.post(chance.choice(seats), text)


def talked(chance: random.Random, chat: Chat, people: list[User], count: int) -> Iterator[bytes]:
    """What they wrote earlier, as lines for `flask load`."""
    ids = [person.id for person in people]
    for text in texts(chance, count):
        yield json.dumps({"chat_id": chat.id, "author_id": chance.choice(ids), "text": text}).encode()


def texts(chance: random.Random, count: int) -> Iterator[str]:
    """Messages; every third has the common word."""
    for number in range(count):
        words = chance.choices(WORDS, k=chance.randint(4, 24))
        if number % 3 == 0:
            words.insert(len(words) // 2, COMMON)
        yield f"No. {number}: {' '.join(words)}."


def counted(database: Path, beginning: str) -> tuple[int, int]:
    """How many messages begin so, and how many of them a search finds."""
    models.open_database(f"sqlite:///{database}")
    posted = models.database.execute_sql("SELECT id FROM message WHERE text LIKE ? || '%'", (beginning,)).fetchall()
    ids = {row[0] for row in posted}
    indexed = models.database.execute_sql("SELECT rowid FROM message_index WHERE rowid >= ?", (min(ids, default=0),))
    found = {row[0] for row in indexed}
    models.database.close()
    return len(ids), len(ids & found)


def cookies(port: int) -> list[bytes]:
    """The session cookies of several people who logged in on the page."""
    return [log_in(port, f"person{number:02}") for number in range(SIGNED_IN)]


def log_in(port: int, username: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/login")
    form = connection.getresponse()
    token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', form.read())
    before = cookie_of(form)
    if token is None or not before:
        raise RuntimeError("the login page has no form")
    fields = {"csrf_token": token[1].decode(), "username": username, "password": PASSWORD}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": before}
    connection.request("POST", "/login", urlencode(fields), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (302, 303):
        raise RuntimeError(f"{username} was not let in: {answer.status}")
    return cookie_of(answer).encode()


def cookie_of(answer: http.client.HTTPResponse) -> str:
    return "; ".join(value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie", []))


def tokens(port: int) -> list[bytes]:
    """The API tokens of several people."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    got = []
    for number in range(SIGNED_IN):
        body = json.dumps({"username": f"person{number:02}", "password": PASSWORD})
        connection.request("POST", "/api/users/login", body, {"Content-Type": "application/json"})
        got.append(json.load(connection.getresponse())["token"].encode())
    return got
