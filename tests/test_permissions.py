"""Who gets which answer where: each kind of person at every route, a line a route (rule 1).

The table is held against the app's own map of addresses: a route without a line fails.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from background import end_background_work
from databases import Snapshot
from flask import Flask
from flask.testing import FlaskClient
from people import PASSWORD, Anyone, Person, settings_in
from PIL import Image

import models
from actions import accounts, chats, members
from chat import create_app
from models import Chat, File, Membership

NAMES = ("ann", "bob", "carol", "dave", "erin")
PEOPLE = ("owner", "admin", "member", "former", "stranger", "signed_out")

# What each of PEOPLE gets. {chat}, {message} and {file} are the member's own; {target} is another plain member.
PAGES = {
    "GET /": "200 200 200 200 200 200",
    "GET /register": "302 302 302 302 302 200",
    "POST /register": "302 302 302 302 302 422",
    "GET /login": "302 302 302 302 302 200",
    "POST /login": "302 302 302 302 302 422",
    "GET /logout": "302 302 302 302 302 302",
    "POST /logout": "302 302 302 302 302 302",
    "POST /token": "200 200 200 200 200 302",
    "GET /chats/new": "200 200 200 200 200 302",
    "POST /chats/new": "302 302 302 302 302 302",
    "GET /chats/{chat}": "200 200 200 404 404 302",
    "POST /chats/{chat}": "302 302 302 404 404 401",
    "GET /chats/{chat}/log": "200 200 200 404 404 302",
    "GET /chats/{chat}/heading": "200 200 200 404 404 302",
    "GET /chats/{chat}/files": "200 200 200 404 404 302",
    "POST /chats/{chat}/read": "204 204 204 404 404 302",
    "GET /chats/rows": "200 200 200 200 200 302",
    "GET /chats/{chat}/edit": "200 200 200 404 404 302",
    "POST /chats/{chat}/edit": "302 302 403 404 404 302",
    "POST /chats/{chat}/members": "302 302 302 404 404 302",
    "POST /chats/{chat}/members/{target}/role": "302 403 403 404 404 302",
    "GET /chats/{chat}/members/{target}/remove": "200 200 403 404 404 302",
    "POST /chats/{chat}/members/{target}/remove": "302 302 403 404 404 302",
    "GET /chats/{chat}/leave": "200 200 200 404 404 302",
    "POST /chats/{chat}/leave": "302 302 302 404 404 302",
    "GET /chats/{chat}/delete": "200 403 403 404 404 302",
    "POST /chats/{chat}/delete": "302 403 403 404 404 302",
    "GET /chats/{chat}/messages/{message}/edit": "403 403 200 404 404 302",
    "POST /chats/{chat}/messages/{message}/edit": "403 403 302 404 404 401",
    "GET /chats/{chat}/messages/{message}/delete": "200 200 200 404 404 302",
    "POST /chats/{chat}/messages/{message}/delete": "302 302 302 404 404 302",
    "POST /chats/{chat}/level": "302 302 302 404 404 302",
    "POST /users/{username}/chat": "302 302 302 302 302 302",
    "GET /chats/{chat}/messages/{message}/history": "200 200 200 404 404 302",
    "GET /chats/{chat}/messages/{message}/reactions": "200 200 200 404 404 302",
    "POST /chats/{chat}/messages/{message}/reactions": "302 302 302 404 404 302",
    "GET /chats/{chat}/messages/{message}/forward": "200 200 200 404 404 302",
    "POST /chats/{chat}/messages/{message}/forward": "302 302 302 404 404 302",
    "POST /chats/{chat}/unread": "302 302 302 404 404 302",
    "POST /chats/{chat}/messages/{message}/restore": "302 302 302 404 404 302",
    "GET /users/{username}": "200 200 200 200 200 302",
    "POST /users/{username}/reset-link": "403 403 403 403 403 302",
    "GET /reset/{reset}": "200 200 200 200 200 200",
    "POST /reset/{reset}": "302 302 302 302 302 302",
    "GET /settings": "200 200 200 200 200 302",
    "POST /settings": "302 302 302 302 302 302",
    "POST /settings/avatar/remove": "302 302 302 302 302 302",
    "POST /settings/password": "302 302 302 302 302 302",
    "GET /settings/email": "404 404 404 404 404 302",
    "POST /settings/email": "404 404 404 404 404 302",
    "GET /email/{confirm}": "404 404 200 404 404 302",
    "POST /email/{confirm}": "404 404 302 404 404 302",
    "GET /forgotten": "404 404 404 404 404 404",
    "POST /forgotten": "404 404 404 404 404 404",
    "GET /settings/delete": "200 200 200 200 200 302",
    "POST /settings/delete": "302 302 302 302 302 302",
    "POST /settings/sessions/{login}/end": "404 404 302 404 404 302",
    "POST /settings/sessions/end-others": "302 302 302 302 302 302",
    "GET /search": "200 200 200 200 200 302",
    "GET /files/{file}": "200 200 200 404 404 302",
    "GET /files/{file}/display": "200 200 200 404 404 302",
    "GET /files/{file}/thumbnail": "200 200 200 404 404 302",
    "GET /chats/{chat}/picture/{picture}": "200 200 200 404 404 302",
    "GET /emoji": "200 200 200 200 200 302",
    "GET /avatars/{person}/{version}": "200 200 200 200 200 302",
    "GET /healthz": "200 200 200 200 200 200",
}
API = {
    "POST /api/users": "201 201 201 201 201 201",
    "POST /api/users/login": "200 200 200 200 200 200",
    "POST /api/users/logout": "204 204 204 204 204 401",
    "GET /api/users": "200 200 200 200 200 401",
    "GET /api/users/me": "200 200 200 200 200 401",
    "PATCH /api/users/me": "200 200 200 200 200 401",
    "DELETE /api/users/me": "204 204 204 204 204 401",
    "GET /api/users/me/email": "200 200 200 200 200 401",
    "PUT /api/users/me/email": "200 200 200 200 200 401",
    "PUT /api/users/me/avatar": "200 200 200 200 200 401",
    "DELETE /api/users/me/avatar": "204 204 204 204 204 401",
    "GET /api/users/me/logins": "200 200 200 200 200 401",
    "DELETE /api/users/me/logins": "204 204 204 204 204 401",
    "DELETE /api/users/me/logins/{login}": "404 404 204 404 404 401",
    "GET /api/users/{person}": "200 200 200 200 200 401",
    "PATCH /api/users/{person}": "403 403 200 403 403 401",
    "POST /api/users/{person}/chat": "201 201 201 201 201 401",
    "POST /api/users/{person}/reset-link": "403 403 403 403 403 401",
    "GET /api/chats": "200 200 200 200 200 401",
    "POST /api/chats": "201 201 201 201 201 401",
    "GET /api/chats/{chat}": "200 200 200 404 404 401",
    "PATCH /api/chats/{chat}": "200 200 403 404 404 401",
    "DELETE /api/chats/{chat}": "204 403 403 404 404 401",
    "PUT /api/chats/{chat}/picture": "200 200 403 404 404 401",
    "DELETE /api/chats/{chat}/picture": "204 204 403 404 404 401",
    "PATCH /api/chats/{chat}/membership": "200 200 200 404 404 401",
    "GET /api/chats/{chat}/members": "200 200 200 404 404 401",
    "POST /api/chats/{chat}/members": "201 201 201 404 404 401",
    "PATCH /api/chats/{chat}/members/{target}": "200 403 403 404 404 401",
    "DELETE /api/chats/{chat}/members/{target}": "204 204 403 404 404 401",
    "GET /api/chats/{chat}/files": "200 200 200 404 404 401",
    "POST /api/chats/{chat}/read": "204 204 204 404 404 401",
    "POST /api/chats/{chat}/unread": "204 204 204 404 404 401",
    "GET /api/chats/{chat}/draft": "200 200 200 404 404 401",
    "PUT /api/chats/{chat}/draft": "200 200 200 404 404 401",
    "DELETE /api/chats/{chat}/draft": "204 204 204 404 404 401",
    "POST /api/chats/{chat}/typing": "204 204 204 404 404 401",
    "GET /api/messages": "200 200 200 404 404 401",
    "POST /api/messages": "201 201 201 404 404 401",
    "GET /api/messages/{message}": "200 200 200 404 404 401",
    "PATCH /api/messages/{message}": "403 403 200 404 404 401",
    "DELETE /api/messages/{message}": "204 204 204 404 404 401",
    "POST /api/messages/{message}/forward": "201 201 201 404 404 401",
    "GET /api/messages/{message}/history": "200 200 200 404 404 401",
    "GET /api/messages/{message}/reactions": "200 200 200 404 404 401",
    "PUT /api/messages/{message}/reactions/{emoji}": "200 200 200 404 404 401",
    "DELETE /api/messages/{message}/reactions/{emoji}": "200 200 200 404 404 401",
    "POST /api/messages/{message}/restore": "200 200 200 404 404 401",
    "GET /api/search": "200 200 200 200 200 401",
    "GET /api/find": "200 200 200 200 200 401",
    "GET /api/events": "200 200 200 200 200 401",
    "GET /api/openapi.json": "200 200 200 200 200 200",
    "GET /api/docs": "200 200 200 200 200 200",
}
# What is sent: a page's form fields, a program's JSON.
SENT: dict[str, dict[str, Any]] = {
    "POST /chats/new": {"title": "Reading club", "usernames": "erin2"},
    "POST /chats/{chat}": {"text": "hello", "key": "k1"},
    "POST /chats/{chat}/edit": {"title": "Another title"},
    "POST /chats/{chat}/read": {"message_id": "{message}"},
    "POST /chats/{chat}/level": {"level": "nothing"},
    "POST /chats/{chat}/members": {"username": "erin2"},
    "POST /chats/{chat}/members/{target}/role": {"role": "admin"},
    "POST /chats/{chat}/messages/{message}/edit": {"text": "said better"},
    "POST /chats/{chat}/messages/{message}/reactions": {"give": "👍"},
    "POST /chats/{chat}/messages/{message}/forward": {"chat": "{chat}", "key": "k2"},
    "POST /chats/{chat}/unread": {"message_id": "{message}"},
    "POST /settings": {"name": "A name", "about": "", "language": "", "theme": ""},
    "POST /settings/password": {"current_password": PASSWORD, "password": "another long phrase"},
    "POST /reset/{reset}": {"password": "another long phrase", "repeat": "another long phrase"},
    "POST /settings/delete": {"current_password": PASSWORD},
    "GET /search": {"q": "tomatoes"},
    "POST /api/users": {"username": "newcomer", "password": PASSWORD},
    "POST /api/users/login": {"username": "ann", "password": PASSWORD},
    "PATCH /api/users/me": {"name": "A name"},
    "DELETE /api/users/me": {"current_password": PASSWORD},
    "PUT /api/users/me/email": {"email": "", "current_password": PASSWORD},
    "PATCH /api/users/{person}": {"name": "A name"},
    "POST /api/chats": {"title": "Reading club", "members": ["erin2"]},
    "PATCH /api/chats/{chat}": {"title": "Another title"},
    "PATCH /api/chats/{chat}/membership": {"level": "nothing"},
    "POST /api/chats/{chat}/members": {"username": "erin2"},
    "PATCH /api/chats/{chat}/members/{target}": {"role": "admin"},
    "POST /api/chats/{chat}/read": {"message_id": "{message}"},
    "POST /api/chats/{chat}/unread": {"message_id": "{message}"},
    "POST /api/messages/{message}/forward": {"chat_id": "{chat}"},
    "PUT /api/chats/{chat}/draft": {"text": "hello"},
    "GET /api/messages": {"chat_id": "{chat}"},
    "POST /api/messages": {"chat_id": "{chat}", "text": "hello"},
    "PATCH /api/messages/{message}": {"text": "said better"},
    "GET /api/search": {"q": "tomatoes"},
    "GET /api/find": {"q": "tomatoes"},
}
SENDS_A_PICTURE = {"PUT /api/users/me/avatar", "PUT /api/chats/{chat}/picture"}
# Open to everyone alike, with nobody's data in it.
STATIC = {"static", "assets.stylesheet", "assets.script"}


@dataclass
class World:
    app: Flask
    people: dict[str, Any]
    ids: dict[str, Any]
    snapshot: Snapshot
    media: Path

    def browser(self, role: str) -> FlaskClient:
        """A browser signed in as somebody, however the one before has left."""
        client = self.app.test_client()
        kept = self.people[role].browser.client.get_cookie("chat")
        if kept is not None:
            client.set_cookie("chat", kept.value)
        return client

    def reset(self) -> None:
        """Everything as it was: no request of another line has happened."""
        end_background_work()
        self.snapshot.restore()
        shutil.rmtree(self.media)
        shutil.copytree(self.media.with_name("media-copy"), self.media)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    app = create_app(settings_in(folder))
    models.migrate()
    people = {role: Person(app, name) for role, name in zip(PEOPLE, NAMES, strict=False)}
    Person(app, "erin2")
    ids = furnished(app, people, Person(app, "frank"))
    for somebody in people.values():
        # Signed in now, so that the copy below knows of it.
        assert somebody.browser
    # Forged forms are tests/test_sessions.py's matter; here everybody has the form that they send.
    app.config["WTF_CSRF_ENABLED"] = False
    end_background_work()
    snapshot = Snapshot(folder)
    shutil.copytree(folder / "media", folder / "media-copy")
    people_and_nobody = {**people, "signed_out": Anyone(app)}
    yield World(app, people_and_nobody, ids, snapshot, folder / "media")
    models.database.close_all()


def furnished(app: Flask, people: dict[str, Person], target: Person) -> dict[str, Any]:
    """A chat with everybody in their role, and a message with a picture in it; returns what things are called."""
    owner, member = people["owner"], people["member"]
    chat = owner.starts("Garden", *(people[role] for role in ("admin", "member", "former")), target)
    members.set_role(owner.of(chat), people["admin"].id, "admin")
    with app.test_request_context():
        message = member.posts(chat, "The tomatoes are in", files=[picture()])
        accounts.set_avatar(member.user, picture())
        chats.set_picture(owner.of(chat), picture())
    owner.removes(people["former"], chat)
    token = models.Login.get(models.Login.user == member.user, models.Login.kind == "token")
    return {
        "chat": chat.id,
        "message": message.id,
        "file": File.get(File.message == message).id,
        "target": target.id,
        "person": member.id,
        "username": member.username,
        "picture": owner.of(chat).chat.picture_url.rsplit("/", 1)[1],
        "version": member.user.avatar_url.rsplit("/", 1)[1],
        "login": token.id,
        "emoji": "👍",
        "confirm": models.Link.for_confirmation(member.user, "carol@example.org", PASSWORD).secret,
        "reset": models.Link.reset_by_admin(member.user).secret,
    }


def picture() -> Any:
    """An uploaded picture."""
    upload = models.base.media.store.receive("tomatoes.png", "image/png", 2**20)
    Image.new("RGB", (80, 60), "tomato").save(upload, "PNG")
    return upload


def filled(value: Any, ids: dict[str, Any], number: bool) -> Any:
    """A sent value with its ids; in JSON an id is a number."""
    if isinstance(value, str) and value.startswith("{"):
        return ids[value[1:-1]] if number else str(ids[value[1:-1]])
    return value


def ask(world: World, line: str, role: str) -> int:
    """The status that one kind of person gets."""
    method, address = line.split(" ")
    api = address.startswith("/api")
    path = address.format(**world.ids)
    if api and "{person}" in address and method == "PATCH":
        path = f"/api/users/{world.ids['person']}"
    who = world.people[role]
    client = who.api if api else world.browser(role)
    fields = {name: filled(value, world.ids, api) for name, value in SENT.get(line, {}).items()}
    how: dict[str, Any] = {}
    if method == "GET":
        how["query_string"] = fields
    elif line in SENDS_A_PICTURE:
        how["data"] = {"file": (io.BytesIO(png()), "me.png")}
    elif api:
        how["json"] = fields if fields else None
    else:
        how["data"] = fields
    how = {name: value for name, value in how.items() if value is not None}
    with client.open(path, method=method, **how) as answer:
        return int(answer.status_code)


def png() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 40), "olive").save(drawn, "PNG")
    return drawn.getvalue()


@pytest.mark.parametrize("line", [*PAGES, *API])
def test_each_kind_of_person_gets_their_answer(world: World, line: str) -> None:
    expected = {**PAGES, **API}[line].split()
    got = []
    for role in PEOPLE:
        world.reset()
        got.append(str(ask(world, line, role)))
    assert dict(zip(PEOPLE, got, strict=True)) == dict(zip(PEOPLE, expected, strict=True))


def test_every_route_of_the_app_has_its_line(world: World) -> None:
    """The names in an address differ; what counts is where ids stand and the methods."""

    def shape(line: str) -> str:
        import re

        return re.sub(r"[{<][^}>]*[}>]", "*", line)

    lines = {shape(line) for line in [*PAGES, *API]}
    routes = {
        shape(f"{method} {rule.rule}")
        for rule in world.app.url_map.iter_rules()
        if rule.endpoint not in STATIC
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes - lines == set(), "routes without a line"
    assert lines - routes == set(), "lines without a route"


def test_a_chat_that_is_not_ones_own_looks_like_none(world: World) -> None:
    world.reset()
    stranger, chat = world.browser("stranger"), world.ids["chat"]
    for path in ("/chats/{}", "/chats/{}/edit", "/chats/{}/leave"):
        there, none = (stranger.get(path.format(number)) for number in (chat, 987_654))
        assert there.status_code == none.status_code == 404
        assert without_number(there.text) == without_number(none.text)
    api = [world.people["stranger"].api.get(f"/api/chats/{number}") for number in (chat, 987_654)]
    assert api[0].get_json() == api[1].get_json()


def without_number(page: str) -> str:
    return re.sub(r"<code>[0-9a-f]+</code>|csrf[^>]*>|nonce=\"[^\"]+\"|value=\"[^\"]+\"", "", page)


def test_the_people_have_the_roles_of_the_table(world: World) -> None:
    world.reset()
    chat = Chat.get_by_id(world.ids["chat"])
    roles = {m.user.username: m.role for m in Membership.of(world.people["owner"].user, chat.id).members()}
    assert roles == {"ann": "owner", "bob": "admin", "carol": "member", "frank": "member"}
