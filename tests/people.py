"""People as the tests know them: with a browser, and with a token for the API."""

from __future__ import annotations

import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from peewee import fn
from werkzeug.test import TestResponse

from config import Settings
from models import Chat, Membership, Message, User

PASSWORD = "correct horse battery"


def settings_in(folder: Path) -> Settings:
    """The settings of a messenger with everything in one folder, and nothing throttled."""
    return Settings(
        secret_key=secrets.token_hex(32),
        jwt_secret_key=secrets.token_hex(32),
        database_url=f"sqlite:///{folder / 'chat.db'}",
        media_dir=folder / "media",
        host="127.0.0.1",
        port=8080,
        rate_limits=False,
        trusted_hosts=(),
        proxies=0,
        limits={},
        event_days=30,
    )


class Api:
    """A client of the REST API, with a token or without."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self.client = app.test_client(use_cookies=False)
        self.token = token

    def open(self, path: str, method: str = "GET", **how: Any) -> TestResponse:
        headers = dict(how.pop("headers", None) or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.client.open(path, method=method, headers=headers, **how)

    def get(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "GET", **how)

    def post(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "POST", **how)

    def patch(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "PATCH", **how)

    def put(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "PUT", **how)

    def delete(self, path: str, **how: Any) -> TestResponse:
        return self.open(path, "DELETE", **how)


class Browser:
    """A browser with cookies and no JavaScript: it opens pages and submits the forms that stand on them."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **how: Any) -> TestResponse:
        return self.client.get(path, **how)

    def csrf(self, page: str) -> str:
        """The CSRF token that stands on a page."""
        found = re.search(r'name="csrf[_-]token"[^>]*(?:content|value)="([^"]+)"', self.get(page).text)
        assert found, f"no form on {page}"
        return found[1]

    def submit(self, path: str, *, on: str | None = None, **fields: Any) -> TestResponse:
        """Fill in the form that stands on a page (its own address, or `on`) and send it to `path`."""
        how = fields.pop("how", {})
        return self.client.post(path, data={"csrf_token": self.csrf(on or path), **fields}, **how)


class Person:
    """Somebody with an account, a browser signed in and a token for the API."""

    def __init__(self, app: Flask, username: str) -> None:
        self.app = app
        self.username = username
        self.password = PASSWORD
        self.user = User.register(username, PASSWORD)
        self.id: int = self.user.id
        self.api = Api(app)
        signed_in = self.api.post("/api/users/login", json={"username": username, "password": PASSWORD})
        self.api.token = signed_in.get_json()["token"]

    @cached_property
    def browser(self) -> Browser:
        """A browser of theirs, signed in."""
        browser = Browser(self.app)
        answer = browser.submit("/login", username=self.username, password=PASSWORD)
        assert answer.status_code == 302, answer.text
        return browser

    def starts(self, title: str, *others: Person) -> Chat:
        return Chat.start(self.user, title, [other.username for other in others]).chat

    def of(self, chat: Chat) -> Membership:
        return Membership.of(self.user, chat.id)

    def posts(self, chat: Chat, text: str, **how: Any) -> Message:
        return self.of(chat).post(text, **how)

    def reads(self, chat: Chat) -> None:
        """Everything that is there."""
        self.of(chat).read(Message.select(fn.MAX(Message.id)).where(Message.chat == chat).scalar())

    def removes(self, other: Person, chat: Chat) -> None:
        self.of(chat).remove(other.id)

    def get(self, path: str) -> TestResponse:
        return self.browser.get(path)


class Anyone:
    """Nobody in particular: not signed in anywhere."""

    def __init__(self, app: Flask) -> None:
        self.api = Api(app)
        self.browser = Browser(app)
