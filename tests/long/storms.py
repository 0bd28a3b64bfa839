"""People do things at the same moment, again and again: no answer is a fault, and all that must hold holds.

`python -m tests.long.storms 5`: each two things alone, so many rounds. The suite has several meet at once.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from databases import ON_POSTGRES
from flask import Flask
from people import PASSWORD, Api, Browser, Person, settings_in
from PIL import Image
from werkzeug.test import TestResponse

import models
from chat import create_app
from commands.doctor import INVARIANTS
from long.alone import asked, timed
from models import Link, Login
from models import password as passwords


class Scene:
    """Ann's chat with Bob and Carol, made anew for each round; Bob has a browser, a second token, a message, a link."""

    def __init__(self, app: Flask, number: int) -> None:
        self.app = app
        names = (f"ann{number}", f"bob{number}", f"carol{number}")
        self.ann, self.bob, self.carol = people = [Person(app, name) for name in names]
        self.chat = people[0].starts("Garden", *people[1:]).id
        self.other = people[1].starts("Elsewhere").id
        self.message = self.bob.posts(models.Chat.get_by_id(self.chat), "hello").id
        self.browser = Browser(app)
        self.browser.submit("/login", username=names[1], password=PASSWORD)
        self.csrf = {"X-CSRFToken": self.browser.csrf("/settings")}
        self.login = Login.get(Login.user == self.bob.id, Login.kind == "browser").id
        self.link = f"/reset/{Link.reset_by_admin(self.bob.user).secret}"
        models.database.close()

    def page(self, path: str, **fields: str) -> TestResponse:
        """Bob's browser sends a form. A client each: one is not for several threads."""
        client = self.app.test_client()
        for name in ("chat", "chat_remembered"):
            if cookie := self.browser.client.get_cookie(name):
                client.set_cookie(name, cookie.value)
        return client.post(path, data=fields, headers=self.csrf)

    def asks(self, who: Person, method: str, path: str, **sent: Any) -> TestResponse:
        return Api(self.app, who.api.token).open(f"/api/{path}", method, json=sent or None)


def picture() -> io.BytesIO:
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), "olive").save(drawn, "PNG")
    drawn.seek(0)
    return drawn


def avatar(s: Scene) -> TestResponse:
    return Api(s.app, s.bob.api.token).put("/api/users/me/avatar", data={"file": (picture(), "me.png")})


VERBS: dict[str, Callable[[Scene], TestResponse]] = {
    "page's token": lambda s: s.page("/token"),
    "log out": lambda s: s.page("/logout"),
    "end the login": lambda s: s.asks(s.bob, "DELETE", f"users/me/logins/{s.login}"),
    "end the others": lambda s: s.asks(s.bob, "DELETE", "users/me/logins"),
    "log in": lambda s: Api(s.app).post(
        "/api/users/login", json={"username": s.bob.username, "password": PASSWORD}
    ),
    "delete the account": lambda s: s.asks(s.bob, "DELETE", "users/me", current_password=PASSWORD),
    "new password": lambda s: s.asks(
        s.bob, "PATCH", "users/me", password="another long phrase", current_password=PASSWORD
    ),
    "use the link": lambda s: Browser(s.app).submit(
        s.link, on="/login", password="a third long phrase", repeat="a third long phrase"
    ),
    "avatar": avatar,
    "post": lambda s: s.page(f"/chats/{s.chat}", text="and so on"),
    "reply": lambda s: s.asks(s.carol, "POST", "messages", chat_id=s.chat, text="yes", reply_to=s.message),
    "react": lambda s: s.asks(s.carol, "PUT", f"messages/{s.message}/reactions/👍"),
    "edit": lambda s: s.asks(s.bob, "PATCH", f"messages/{s.message}", text="hello all"),
    "draft": lambda s: s.asks(s.bob, "PUT", f"chats/{s.chat}/draft", text="I was", reply_to=s.message),
    "read": lambda s: s.asks(s.bob, "POST", f"chats/{s.chat}/read", message_id=s.message),
    "forward": lambda s: s.asks(s.bob, "POST", f"messages/{s.message}/forward", chat_id=s.other),
    "add": lambda s: s.asks(s.ann, "POST", f"chats/{s.chat}/members", username=s.bob.username),
    "role": lambda s: s.asks(s.ann, "PATCH", f"chats/{s.chat}/members/{s.bob.id}", role="owner"),
    "remove": lambda s: s.asks(s.ann, "DELETE", f"chats/{s.chat}/members/{s.bob.id}"),
    "leave": lambda s: s.page(f"/chats/{s.chat}/leave"),
    "delete the message": lambda s: s.asks(s.bob, "DELETE", f"messages/{s.message}"),
    "undo": lambda s: s.asks(s.bob, "POST", f"messages/{s.message}/restore"),
    "delete the chat": lambda s: s.asks(s.ann, "DELETE", f"chats/{s.chat}"),
    "write to": lambda s: s.asks(s.ann, "POST", f"users/{s.bob.id}/chat"),
}  # fmt: skip
ENDS = (
    "log out", "end the login", "end the others", "delete the account", "new password", "use the link", "remove",
    "leave", "delete the message", "delete the chat",
)  # fmt: skip


def at_once(scene: Scene, verbs: Iterable[str], each: int) -> dict[str, set[int]]:
    """The statuses of several verbs, each done by so many threads that begin together."""
    answers = {verb: set[int]() for verb in verbs}
    start = threading.Barrier(each * len(answers))

    def does(verb: str) -> None:
        start.wait(60)
        answers[verb].add(VERBS[verb](scene).status_code)

    threads = [threading.Thread(target=does, args=(verb,)) for verb in answers for _ in range(each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert all(200 <= status < 500 for statuses in answers.values() for status in statuses), answers
    return answers


def all_that_must_hold() -> None:
    broken = {what: models.database.execute_sql(query).fetchall() for what, query in INVARIANTS.items()}
    assert not any(broken.values()), broken
    if ON_POSTGRES:
        # It refuses rows that point nowhere, whoever connects; SQLite only from who asks for that.
        return
    for pragma, good in (("foreign_key_check", []), ("integrity_check", [("ok",)])):
        assert models.database.execute_sql(f"PRAGMA {pragma}").fetchall() == good


def main() -> None:
    passwords.hashing.rounds = 4
    with tempfile.TemporaryDirectory() as folder, timed():
        app = create_app(settings_in(Path(folder)))
        app.testing = False
        models.migrate()
        pairs = [(ending, verb) for _ in range(asked(5)) for ending in ENDS for verb in VERBS]
        for number, pair in enumerate(pairs):
            at_once(Scene(app, number), pair, 3)
        all_that_must_hold()
        print(f"{len(pairs)} times two things at once: none was a fault.")
        models.database.close()


if __name__ == "__main__":
    main()
