"""People change things and look, in any order, while others look: each answer is that of a server that keeps none.

`python -m tests.long.response_cache 10000`
"""

from __future__ import annotations

import difflib
import random
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from people import PASSWORD
from servers import Server
from workers import Answer, Browser, Workers, normal, with_accounts

from long.alone import asked, timed

WORKERS, PEOPLE, CHATS = 2, 5, 3
WORDS = ("tomatoes", "beans", "peas", "rain", "spade")
EMOJI = ("%F0%9F%A5%95", "%F0%9F%91%8D")
COMPARED = ("Content-Type", "Content-Security-Policy", "Cache-Control", "Location", "Retry-After")
# Where people look: {chat} and {message} are any of those that there are or were.
PAGES = (
    *("/", "/chats/{chat}", "/chats/{chat}", "/chats/{chat}?before={message}", "/chats/{chat}?around={message}"),
    *("/chats/{chat}?newest=1", "/chats/{chat}?reply_to={message}", "/chats/{chat}/log", "/search?q={word}"),
    *("/chats/{chat}/log?since={message}", "/chats/{chat}/log?beside={message}", "/users/{name}"),
)
API = (
    *("chats", "chats/{chat}", "chats/{chat}/members", "messages?chat_id={chat}", "messages/{message}"),
    *("messages?chat_id={chat}&before={message}&limit=40", "messages?chat_id={chat}&after={message}"),
    *("search?q={word}", "find?q={word}"),
)


class Walk:
    """Five people at a server of two workers, and at another one over the same database, which keeps nothing."""

    def __init__(self, server: Server, plain: Server, names: Iterator[str], seed: int) -> None:
        self.chance, self.names = random.Random(seed), names
        self.server = server
        self.workers, self.plain = Workers(server, WORKERS), Workers(plain, 1)
        self.people = [self.somebody() for _ in range(PEOPLE)]
        self.chats: list[int] = []
        self.messages: list[int] = []
        self.done = Counter[str]()
        for _ in range(CHATS):
            self.starts(self.people[0])

    def somebody(self) -> Browser:
        return self.signed_in(Browser(self.workers, scripts="1", time_zone="UTC"), next(self.names))

    def signed_in(self, person: Browser, username: str) -> Browser:
        """With a token and a session."""
        assert person.logs_in(username).get("/").status == 200
        return person

    def close(self) -> None:
        self.workers.close()
        self.plain.close()

    # Changes

    def changes(self) -> None:
        """Somebody does something, if they may."""
        verbs, weights = zip(*VERBS.items(), strict=True)
        [verb] = self.chance.choices(verbs, weights)
        verb(self, self.chance.choice(self.people))
        self.done[verb.__name__] += 1

    def sends(self, person: Browser, request: str, **sent: Any) -> Answer:
        """By the API. It may be refused."""
        method, path = request.split(" ")
        answer = person.send(method, f"/api/{path}", sent, self.chance.randrange(WORKERS))
        assert answer.status < 500, (request, sent, answer.status, answer.text)
        assert answer.status != 401, (request, person.username)
        return answer

    def chat(self) -> int:
        return self.chance.choice(self.chats)

    def message(self) -> int:
        """One of the last messages, mostly."""
        return self.chance.choice(self.messages[-8:] if self.chance.random() < 0.8 else self.messages)

    def other(self) -> Browser:
        return self.chance.choice(self.people)

    def text(self) -> str:
        words = self.chance.choices(WORDS, k=self.chance.randint(1, 4))
        mentioned = f"@{self.other().username} " if self.chance.random() < 0.3 else ""
        return f"{mentioned}{' '.join(words)} {self.chance.randint(1, 10**6)}"

    def starts(self, person: Browser) -> None:
        some = [other.username for other in self.chance.sample(self.people, 3) if other is not person]
        self.chats.append(self.sends(person, "POST chats", title=self.text()[:40], members=some).json["id"])
        self.posts(person, self.chats[-1])
        # Few, so that people meet in them.
        del self.chats[:-CHATS]

    def writes_to(self, person: Browser) -> None:
        chat: int = self.sends(person, f"POST users/{self.other().id}/chat").json["id"]
        self.posts(person, chat)
        self.chats[self.chance.randrange(CHATS)] = chat

    def posts(self, person: Browser, chat: int = 0) -> None:
        more = {"reply_to": self.message()} if self.messages and self.chance.random() < 0.3 else {}
        answer = self.sends(person, "POST messages", chat_id=chat or self.chat(), text=self.text(), **more)
        self.messages += [answer.json["id"]] if answer.status == 201 else []

    def edits(self, person: Browser) -> None:
        self.sends(person, f"PATCH messages/{self.message()}", text=self.text())

    def deletes(self, person: Browser) -> None:
        message = self.message()
        if self.sends(person, f"DELETE messages/{message}").status == 204 and self.chance.random() < 0.5:
            self.looks()
            self.sends(person, f"POST messages/{message}/restore")

    def forwards(self, person: Browser) -> None:
        answer = self.sends(person, f"POST messages/{self.message()}/forward", chat_id=self.chat())
        self.messages += [answer.json["id"]] if answer.status == 201 else []

    def reacts(self, person: Browser) -> None:
        method = self.chance.choice(("PUT", "PUT", "DELETE"))
        self.sends(person, f"{method} messages/{self.message()}/reactions/{self.chance.choice(EMOJI)}")

    def changes_profile(self, person: Browser) -> None:
        name = f"{person.username.partition('.')[0]}.{self.chance.randint(1, 10**6)}"
        values = {"name": self.text()[:30], "username": name, "language": "ru", "theme": "dark"}
        field = self.chance.choice(list(values))
        value = values[field] if self.chance.random() < 0.7 or field == "username" else ""
        if self.sends(person, "PATCH users/me", **{field: value}).status == 200 and field == "username":
            person.username = value

    def moves(self, person: Browser) -> None:
        person.cookies["time_zone"] = self.chance.choice(("UTC", "Asia/Kolkata", "Pacific/Kiritimati"))

    def describes(self, person: Browser) -> None:
        field = self.chance.choice(("title", "description"))
        self.sends(person, f"PATCH chats/{self.chat()}", **{field: self.text()[:40]})

    def adds(self, person: Browser) -> None:
        self.sends(person, f"POST chats/{self.chat()}/members", username=self.other().username)

    def removes(self, person: Browser) -> None:
        self.sends(person, f"DELETE chats/{self.chat()}/members/{self.other().id}")

    def appoints(self, person: Browser) -> None:
        role = self.chance.choice(("member", "admin", "admin", "owner"))
        self.sends(person, f"PATCH chats/{self.chat()}/members/{self.other().id}", role=role)

    def drafts(self, person: Browser) -> None:
        text = self.text() if self.chance.random() < 0.7 else ""
        self.sends(person, f"PUT chats/{self.chat()}/draft", text=text)

    def reads(self, person: Browser) -> None:
        self.sends(
            person, f"POST chats/{self.chat()}/{self.chance.choice(('read', 'unread'))}", message_id=self.message()
        )

    def mutes(self, person: Browser) -> None:
        level = self.chance.choice(("everything", "mentions", "nothing"))
        self.sends(person, f"PATCH chats/{self.chat()}/membership", level=level)

    def ends_chat(self, person: Browser) -> None:
        if self.sends(person, f"DELETE chats/{self.chat()}").status == 204:
            self.starts(person)

    def logs_in_again(self, person: Browser) -> None:
        """The former cookies and the former token are worth nothing."""
        former = Browser(self.workers, **person.cookies)
        former.token, former.username = person.token, person.username
        self.sends(person, "POST users/logout")
        person.submits("/logout", on="/settings")
        self.signed_in(person, person.username)
        for _ in range(2):
            self.compares(former)

    def closes_account(self, person: Browser) -> None:
        if self.sends(person, "DELETE users/me", current_password=PASSWORD).status == 204:
            self.people[self.people.index(person)] = self.somebody()
            self.compares(person)

    def opens(self, person: Browser) -> None:
        """A page without scripts, which reads it: it shows what a look that reads nothing showed just before."""
        path = f"/chats/{self.chat()}"
        person.cookies.pop("scripts")
        try:
            ahead = self.twin(person).get(path, 0, Sec_Purpose="prefetch")
            opened = person.get(path, self.chance.randrange(WORKERS))
            # Where one had read to has moved by then, and with it the list beside it.
            of_pane = [Answer(a.status, a.headers, a.text.partition("<main")[2]) for a in (opened, ahead)]
            are_the_same(person, path, *of_pane, without=r' (read|line)="\d+"')
        finally:
            person.cookies["scripts"] = "1"

    # Looks

    def looks(self) -> None:
        self.compares(self.chance.choice(self.people))

    def compares(self, person: Browser) -> None:
        """One worker's answer with that of the server that keeps nothing."""
        path = self.place()
        headers = {"X_Pane": "1"} if path.startswith("/chats") and self.chance.random() < 0.3 else {}
        plain, is_still = self.twin(person).get(path, 0, **headers), False
        while not is_still:
            cached, before = person.get(path, self.chance.randrange(WORKERS), **headers), plain
            plain = self.twin(person).get(path, 0, **headers)
            # Tasks may go on with what was changed before.
            is_still = comparable(before, "") == comparable(plain, "")
        are_the_same(person, path, cached, plain)

    def twin(self, person: Browser) -> Browser:
        """The same person at the server that keeps nothing."""
        twin = Browser(self.plain)
        twin.cookies, twin.token = person.cookies, person.token
        return twin

    def place(self) -> str:
        where = self.chance.choice((*PAGES, *(f"/api/{path}" for path in API)))
        word, name = self.chance.choice(WORDS), self.other().username
        return where.format(chat=self.chat(), message=self.message(), word=word, name=name)


VERBS: dict[Callable[[Walk, Browser], None], int] = {
    Walk.posts: 12, Walk.edits: 8, Walk.deletes: 5, Walk.forwards: 3, Walk.reacts: 8, Walk.changes_profile: 6,
    Walk.moves: 1, Walk.describes: 3, Walk.adds: 6, Walk.removes: 3, Walk.appoints: 3, Walk.drafts: 4, Walk.reads: 6,
    Walk.mutes: 2, Walk.writes_to: 1, Walk.starts: 1, Walk.ends_chat: 1, Walk.logs_in_again: 1, Walk.closes_account: 1,
    Walk.opens: 6,
}  # fmt: skip


def are_the_same(person: Browser, path: str, cached: Answer, plain: Answer, without: str = "") -> None:
    cached_text, plain_text = (comparable(answer, without) for answer in (cached, plain))
    if cached_text != plain_text:
        lines = difflib.unified_diff(
            plain_text.split("\n"), cached_text.split("\n"), "plain", "cached", n=0, lineterm=""
        )
        raise AssertionError(f"{path} for {person.username}:\n" + "\n".join(line[:500] for line in lines))


def comparable(answer: Answer, without: str) -> str:
    """What has to be the same of two answers."""
    headers = [f"{name}: {answer.headers[name]}" for name in COMPARED]
    vary = sorted(re.split(", *", answer.headers.get("Vary", "")))
    whole = normal("\n".join([str(answer.status), *headers, *vary, answer.text.replace("><", ">\n<")]))
    return re.sub(without, "", whole) if without else whole


class Watcher(threading.Thread):
    """Looks at the same pages all the time, so that answers are made while things change."""

    def __init__(self, walk: Walk, seed: int) -> None:
        super().__init__()
        self.walk, self.chance = walk, random.Random(seed)
        self.is_over = threading.Event()
        self.looked = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        workers = Workers(self.walk.server, WORKERS)
        try:
            while not self.is_over.wait(0.02):
                self.looks(workers)
        except BaseException as error:
            self.error = error
        finally:
            workers.close()

    def looks(self, workers: Workers) -> None:
        person = self.chance.choice(list(self.walk.people))
        copy = Browser(workers, **person.cookies | {"scripts": "1"})
        copy.token = person.token
        chat = self.chance.choice(list(self.walk.chats))
        for path in ("/", f"/chats/{chat}", f"/api/messages?chat_id={chat}", "/api/chats"):
            for answer in copy.ask_all(path):
                assert answer.status < 500, (path, answer.text)
                self.looked += 1


def walked(walk: Walk, steps: int) -> int:
    """Changes and looks, so many of both together; returns how many looks there were beside them."""
    watcher = Watcher(walk, seed=steps)
    watcher.start()
    try:
        for _ in range(steps):
            if walk.chance.random() < 0.4:
                walk.changes()
            else:
                walk.looks()
    finally:
        watcher.is_over.set()
        watcher.join()
    assert watcher.error is None, watcher.error
    return watcher.looked


@contextmanager
def two_servers(folder: Path, people: int) -> Iterator[tuple[Server, Server, Iterator[str]]]:
    """One of two workers, one that keeps nothing, and names of people who have an account."""
    names = [f"person{number}" for number in range(people)]
    server = with_accounts(folder / "cached", dict.fromkeys(names, ""), WEB_CONCURRENCY=str(WORKERS))
    same = {name: server.environment[name] for name in ("SECRET_KEY", "JWT_SECRET_KEY", "DATABASE_URL", "MEDIA_DIR")}
    try:
        (folder / "plain").mkdir()
        plain = Server(folder / "plain", RESPONSE_CACHE="off", **same)
        try:
            yield server, plain, iter(names)
        finally:
            plain.stop()
    finally:
        server.stop()


if __name__ == "__main__":
    steps = asked(10_000)
    with tempfile.TemporaryDirectory() as folder, timed(), two_servers(Path(folder), PEOPLE + steps // 50) as servers:
        walk = Walk(*servers, seed=steps)
        beside = walked(walk, steps)
        walk.close()
        print(f"{sum(walk.done.values())} changes in {steps} steps, and {beside} looks beside them: no answer was old")
        print(dict(walk.done))
