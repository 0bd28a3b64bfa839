"""People as the tests know them: with a browser, and with a token for the API."""

from __future__ import annotations

import os
import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Any

from databases import databases
from flask import Flask
from flask.testing import FlaskClient
from peewee import fn
from werkzeug.test import TestResponse

from actions import accounts, chats, members, messages, reading
from config import Settings
from lib import usernames
from models import Chat, Membership, Message, User, database
from models.user import Claim

PASSWORD = "correct horse battery"


def settings_in(folder: Path, database_url: str = "") -> Settings:
    """The settings of a messenger with everything in one folder, and nothing throttled."""
    return Settings(
        secret_key=secrets.token_hex(32),
        jwt_secret_key=secrets.token_hex(32),
        database_url=database_url or databases.url_in(folder),
        media_dir=folder / "media",
        host="127.0.0.1",
        rate_limits=False,
        trusted_hosts=(),
        limits={},
        response_cache=os.environ.get("RESPONSE_CACHE") != "off",
    )


def with_former_name(username: str) -> User:
    """Somebody who has a name since before it was no longer given out."""
    with database.atomic():
        user = accounts.register(f"now{secrets.token_hex(6)}", PASSWORD)
        User.update(username=username, username_key=usernames.key(username)).where(User.id == user.id).execute()
        Claim.delete().where(Claim.user == user.id).execute()
        user = User.get_by_id(user.id)
        Claim.take(user, is_own=True)
    return user


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


def without_templates(page: str) -> str:
    """What a page shows: without the templates that scripts fill."""
    return re.sub(r"<template.*?</template>", "", page, flags=re.DOTALL)


class Person:
    """Somebody with an account, a browser signed in and a token for the API."""

    def __init__(self, app: Flask, username: str) -> None:
        self.app = app
        self.username = username
        self.password = PASSWORD
        self.user = accounts.register(username, PASSWORD)
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
        return chats.start(self.user, title, [other.username for other in others]).chat

    def of(self, chat: Chat) -> Membership:
        return Membership.of(self.user, chat.id)

    def posts(self, chat: Chat, text: str, **how: Any) -> Message:
        return messages.post(self.of(chat), text, **how)

    def reads(self, chat: Chat) -> None:
        """Everything that is there."""
        reading.read(self.of(chat), Message.select(fn.MAX(Message.id)).where(Message.chat == chat).scalar())

    def removes(self, other: Person, chat: Chat) -> None:
        members.remove(self.of(chat), other.id)

    def get(self, path: str) -> TestResponse:
        return self.browser.get(path)

    def sees(self, path: str) -> str:
        """What a page shows."""
        return without_templates(self.get(path).text)


class Anyone:
    """Nobody in particular: not signed in anywhere."""

    def __init__(self, app: Flask) -> None:
        self.api = Api(app)
        self.browser = Browser(app)
