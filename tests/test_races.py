"""Nothing is written because of what was true a moment before: who comes second is answered as who comes later is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from long import passwords
from meanwhile import Meanwhile
from people import PASSWORD, Api, Browser, Person
from servers import Server
from test_permissions import API, PAGES, PEOPLE, World, ask, world
from werkzeug.test import TestResponse

import models
from actions import accounts
from lib import mailer
from models import Chat, Link, Login, Message, NotThere, User, limits

__all__ = ["world"]

OWNERS, THIEFS = "the owner's new phrase", "the thief's new phrase"


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    return Meanwhile(monkeypatch)


def contents(without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """All that the tables hold."""
    tables = [row[0] for row in models.database.execute_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: models.database.execute_sql(f'SELECT * FROM "{table}"').fetchall()
        for table in tables
        if table not in without
    }


# Passwords: the owner and a thief, who knows the old one and has a login of their own


class Two:
    """One account, its owner, and a thief with a token and a browser."""

    def __init__(self, app: Flask) -> None:
        # In the tests all come from one address; nothing is throttled.
        self.app = app
        self.owner = Person(app, "ann")
        assert self.owner.browser
        User.update(email="ann@example.org").where(User.id == self.owner.id).execute()
        self.token = self.signed_in(PASSWORD).get_json()["token"]
        self.browser = Browser(app)
        self.browser.submit("/login", username="ann", password=PASSWORD)

    def signed_in(self, password: str) -> TestResponse:
        return Api(self.app).post("/api/users/login", json={"username": "ann", "password": password})

    @property
    def api(self) -> Api:
        return Api(self.app, self.token)


def changes(two: Two) -> bool:
    sent = {"password": OWNERS, "current_password": PASSWORD}
    return two.owner.api.patch("/api/users/me", json=sent).status_code == 200


def changes_on_the_page(two: Two) -> bool:
    answer = two.owner.browser.submit("/settings/password", on="/settings", current_password=PASSWORD, password=OWNERS)
    return answer.status_code == 302


def uses_a_link(two: Two) -> bool:
    path = f"/reset/{Link.reset_by_admin(two.owner.user).secret}"
    models.database.close()
    return Browser(two.app).submit(path, password=OWNERS, repeat=OWNERS).status_code == 302


def asks_the_operator(two: Two) -> bool:
    done = two.app.test_cli_runner().invoke(args=["reset-password", "ann", "--password", OWNERS])
    models.database.close()
    return done.exit_code == 0


def deletes(two: Two) -> bool:
    return two.owner.api.delete("/api/users/me", json={"current_password": PASSWORD}).status_code == 204


OWNER = (changes, changes_on_the_page, uses_a_link, asks_the_operator, deletes)
# What the thief does with the old password, and what the answer to a wrong one is.
THIEF: dict[str, tuple[int, Callable[[Two, str], TestResponse]]] = {
    "password": (422, lambda two, old: two.api.patch("/api/users/me", json=with_new(old))),
    "password and name": (422, lambda two, old: two.api.patch("/api/users/me", json={"name": "x", **with_new(old)})),
    "name, with the password": (
        422, lambda two, old: two.api.patch("/api/users/me", json={"name": "x", "current_password": old})
    ),
    "account": (422, lambda two, old: two.api.delete("/api/users/me", json={"current_password": old})),
    "e-mail": (422, lambda two, old: two.api.put("/api/users/me/email", json={"email": "", "current_password": old})),
    "another e-mail": (
        422,
        lambda two, old: two.api.put("/api/users/me/email", json={"email": "evil@x.org", "current_password": old}),
    ),
    "token": (401, lambda two, old: two.signed_in(old)),
    "password, on the page": (
        422,
        lambda two, old: two.browser.client.post("/settings/password", data=with_new(old)),
    ),
    "account, on the page": (
        422, lambda two, old: two.browser.client.post("/settings/delete", data={"current_password": old})
    ),
    "e-mail, on the page": (
        422,
        lambda two, old: two.browser.client.post("/settings/email", data={"email": "", "current_password": old}),
    ),
    "another e-mail, on the page": (
        422,
        lambda two, old: two.browser.client.post(
            "/settings/email", data={"email": "evil@x.org", "current_password": old}
        ),
    ),
    "login, on the page": (
        422,
        lambda two, old: Browser(two.app).client.post("/login", data={"username": "ann", "password": old}),
    ),
}  # fmt: skip


def with_new(old: str) -> dict[str, str]:
    return {"password": THIEFS, "current_password": old}


@pytest.fixture
def two(app: Flask) -> Iterator[Two]:
    two = Two(app)
    # Forged forms are tests/test_sessions.py's matter.
    app.config["WTF_CSRF_ENABLED"] = False
    mailer.configure({"host": "127.0.0.1", "port": 9, "sender": "chat@example.org", "security": "none"})
    yield two
    mailer.configure(None)


def complaint(answer: TestResponse) -> str:
    """What is told to be wrong."""
    if answer.is_json:
        return answer.text
    found = re.search("Wrong password|Wrong username or password", answer.text)
    assert found, answer.text
    return found[0]


@pytest.mark.parametrize("how", OWNER)
@pytest.mark.parametrize("what", THIEF)
def test_of_two_with_the_old_password_the_first_to_commit_wins(
    two: Two, meanwhile: Meanwhile, what: str, how: Callable[[Two], bool]
) -> None:
    status, act = THIEF[what]
    wrong = act(two, "not this one")
    meanwhile.after_a_password(lambda: how(two))
    answer = act(two, PASSWORD)
    assert meanwhile.happened and meanwhile.result is True
    assert answer.status_code == wrong.status_code == status
    assert complaint(answer) == complaint(wrong)
    assert accounts.authenticate("ann", THIEFS) is None
    if how is deletes:
        assert User.get_by_id(two.owner.id).deleted_at is not None
        assert not Login.select().exists()
    else:
        user = accounts.authenticate("ann", OWNERS)
        assert user is not None and (user.name, user.email) == ("", "ann@example.org")
    assert not Link.select().exists()
    assert two.api.get("/api/users/me").status_code == 401


def test_a_link_by_email_works_only_while_the_address_is_the_same(two: Two, meanwhile: Meanwhile) -> None:
    """Who gave up a mailbox, since it was lost, has no link sent there by a request of a moment before."""
    user = User.get_by_id(two.owner.id)
    meanwhile.before_a_write("UPDATE \"user\" SET email = 'new@example.org'")
    with pytest.raises(NotThere):
        Link.reset_by_email(user)
    assert meanwhile.happened and not Link.select().exists()


@pytest.mark.parametrize("purpose", ["reset_by_admin", "reset_by_email"])
def test_a_closed_account_gets_no_link(two: Two, meanwhile: Meanwhile, purpose: str) -> None:
    user = User.get_by_id(two.owner.id)
    meanwhile.before_a_write('UPDATE "user" SET deleted_at = 1')
    with pytest.raises(NotThere):
        getattr(Link, purpose)(user)
    assert not Link.select().exists()


def test_a_former_administrator_makes_no_link(ann: Person, bob: Person, meanwhile: Meanwhile) -> None:
    User.update(is_admin=True).where(User.id == ann.id).execute()
    meanwhile.before_a_write('UPDATE "user" SET is_admin = FALSE')
    assert ann.api.post(f"/api/users/{bob.id}/reset-link").status_code == 403
    assert meanwhile.happened and not Link.select().exists()


def test_a_pages_token_needs_its_login_and_no_password(two: Two, meanwhile: Meanwhile) -> None:
    """Another tab of the same browser has just changed the password: this login lives on."""
    meanwhile.before_a_write("UPDATE \"user\" SET password = 'another'")
    assert two.browser.client.post("/token").status_code == 200
    assert meanwhile.happened


# A login that ends while its request is under way

# What a login has no part in (a link is enough for itself), what is not written, and the end of the login itself.
FOR_ANYONE = {
    "POST /register", "POST /login", "POST /logout", "POST /forgotten", "POST /settings/email", "POST /reset/{reset}",
    "POST /api/users", "POST /api/users/login", "POST /api/users/logout", "POST /api/chats/{chat}/typing",
}  # fmt: skip
DONE = ("200", "201", "204", "302")
CHANGES = {
    line: next((role for role, status in zip(PEOPLE[:-1], got.split(), strict=False) if status in DONE), "")
    for line, got in {**PAGES, **API}.items()
    if not line.startswith("GET") and line not in FOR_ANYONE
}
# Only an administrator of the place may; nobody of the table is one.
ADMINS = [line for line, role in CHANGES.items() if not role]


def test_every_change_is_in_the_list() -> None:
    assert sorted(ADMINS) == ["POST /api/users/{person}/reset-link", "POST /users/{username}/reset-link"]


@pytest.mark.sqlite
@pytest.mark.parametrize("line", [line for line in CHANGES if line not in ADMINS])
def test_a_login_that_ended_meanwhile_changes_nothing(world: World, meanwhile: Meanwhile, line: str) -> None:
    world.reset()
    before = contents(without=("session",))
    meanwhile.before_a_write("DELETE FROM session")
    assert ask(world, line, CHANGES[line]) == 401
    assert meanwhile.happened
    assert contents(without=("session",)) == before
    assert not Login.select().exists()


# A member who is removed, or has another role, or whose chat is gone, while their request is under way

IN_CHAT = [line for line in CHANGES if "{chat}" in line or "{message}" in line or line == "POST /api/messages"]
OF_ADMINS = [line for line in IN_CHAT if {**PAGES, **API}[line].split()[2] == "403"]
REMOVED = (
    "DELETE FROM membership WHERE user_id = {user} AND chat_id = {chat}",
    "UPDATE chat SET member_count = member_count - 1 WHERE id = {chat}",
)
# Another owns it from now on: the database wants one who is in it.
DEMOTED = (
    "UPDATE chat SET owner_id = {target} WHERE id = {chat}",
    "UPDATE membership SET is_admin = 0 WHERE user_id = {user} AND chat_id = {chat}",
)
CHAT_GONE = ("DELETE FROM chat WHERE id = {chat}",)


def done_meanwhile(world: World, meanwhile: Meanwhile, line: str, statements: tuple[str, ...]) -> int:
    """The status of a request in the midst of which something was committed; nothing else may have changed."""
    world.reset()
    role = CHANGES[line]
    ids = {**world.ids, "user": world.people[role].id}
    given = [statement.format(**ids) for statement in statements]
    if role == "owner" and statements is REMOVED:
        given.insert(0, DEMOTED[0].format(**ids))
    kept: dict[str, Any] = {}
    meanwhile.before_a_write(*given)
    act = meanwhile.act
    assert act is not None

    def then_look() -> None:
        act()
        kept.update(contents())

    meanwhile.act = then_look
    status = ask(world, line, role)
    assert meanwhile.happened
    assert contents() == kept
    return status


@pytest.mark.sqlite
@pytest.mark.parametrize("line", IN_CHAT)
@pytest.mark.parametrize("statements", [REMOVED, CHAT_GONE], ids=["removed", "deleted"])
def test_a_member_removed_meanwhile_changes_nothing(
    world: World, meanwhile: Meanwhile, line: str, statements: tuple[str, ...]
) -> None:
    status = done_meanwhile(world, meanwhile, line, statements)
    # "Too late", says the page, which leads to the chat.
    assert status == (302 if line.startswith("POST") and line.endswith("/restore") and "/api" not in line else 404)


@pytest.mark.sqlite
@pytest.mark.parametrize("line", OF_ADMINS)
def test_a_role_lost_meanwhile_changes_nothing(world: World, meanwhile: Meanwhile, line: str) -> None:
    assert done_meanwhile(world, meanwhile, line, DEMOTED) == 403


# What a message rests on


def test_what_is_answered_and_deleted_meanwhile_is_not_quoted(
    ann: Person, bob: Person, chat: Chat, meanwhile: Meanwhile
) -> None:
    first = bob.posts(chat, "the secret sentence")
    meanwhile.before_a_write(f"UPDATE message SET text = '', html = '', deleted_at = 1 WHERE id = {first.id}")
    answer = ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "re", "reply_to": first.id})
    assert meanwhile.happened
    assert answer.status_code == 422 and set(answer.get_json()["errors"]) == {"reply_to"}
    assert Message.select().count() == 1


@pytest.mark.parametrize("what", ["post", "forward"])
def test_the_pace_is_kept_also_by_many_at_once(
    ann: Person, chat: Chat, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    first = ann.posts(chat, "one")
    monkeypatch.setattr(limits, "posts_a_minute", 2)
    monkeypatch.setattr(limits, "throttled", True)
    meanwhile.before_a_write(
        "INSERT INTO message (chat_id, author_id, text, html, created_at) "
        f"SELECT chat_id, author_id, 'two', 'two', created_at FROM message WHERE id = {first.id}"
    )
    sent = {"chat_id": chat.id, "text": "three"} if what == "post" else {"chat_id": chat.id}
    path = "/api/messages" if what == "post" else f"/api/messages/{first.id}/forward"
    assert ann.api.post(path, json=sent).status_code == 429
    assert meanwhile.happened and Message.select().count() == 2


# The long proof (tests/long), as short as a test may be


@pytest.mark.parametrize("race", passwords.RACES)
def test_against_a_real_server_one_of_the_two_wins(server: Server, race: Any) -> None:
    won = passwords.raced(server, race, 1, race.__name__.replace("_", ".")[-16:])
    assert won.total() == 1
