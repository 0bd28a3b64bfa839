"""How often one may try: whoever tries too often is held, and nobody else with them (rule 9)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import bcrypt
import pytest
from flask import Flask
from people import PASSWORD, Api, Browser, Person
from werkzeug.test import TestResponse

import auth
from lib import jobs, mailer
from models import Attempt, Chat, limits, message
from models import password as passwords

NEW = "another long phrase"
WRONG = "not this one"
HERE, ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture(autouse=True)
def throttled(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", True)


def signs_in(app: Flask, password: str = PASSWORD, username: str = "ann", **how: object) -> TestResponse:
    return Api(app).post("/api/users/login", json={"username": username, "password": password}, **how)


def another_login(app: Flask) -> Api:
    return Api(app, signs_in(app).get_json()["token"])


GUESSES: dict[str, Callable[[Api, str], TestResponse]] = {
    "password": lambda api, old: api.patch("/api/users/me", json={"password": NEW, "current_password": old}),
    "name": lambda api, old: api.patch("/api/users/me", json={"name": "x", "current_password": old}),
    "e-mail": lambda api, old: api.put("/api/users/me/email", json={"email": "", "current_password": old}),
    "account": lambda api, old: api.delete("/api/users/me", json={"current_password": old}),
}


@pytest.mark.parametrize("what", GUESSES)
@pytest.mark.parametrize("held", GUESSES)
def test_a_stolen_token_does_not_lock_out_the_owner(app: Flask, ann: Person, held: str, what: str) -> None:
    stolen = another_login(app)
    for _ in range(auth.WRONG_PASSWORDS):
        assert GUESSES[held](stolen, WRONG).status_code == 422
    # All guesses of a login are counted together, and the right one comes too late.
    refused = GUESSES[what](stolen, PASSWORD)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert GUESSES[what](ann.api, PASSWORD).status_code in (200, 204)


def test_a_stolen_browser_gets_no_extra_guesses_from_its_page_tokens(app: Flask, ann: Person) -> None:
    stolen = Browser(app)
    stolen.submit("/login", username="ann", password=PASSWORD)
    csrf = {"X-CSRFToken": stolen.csrf("/settings")}
    for number in range(auth.WRONG_PASSWORDS + 1):
        token = stolen.client.post("/token", headers=csrf).get_json()["token"]
        expected = 422 if number < auth.WRONG_PASSWORDS else 429
        assert GUESSES["password"](Api(app, token), WRONG).status_code == expected
    sent = {"current_password": WRONG, "password": NEW}
    assert stolen.submit("/settings/password", on="/settings", **sent).status_code == 429
    assert (
        ann.browser.submit("/settings/password", on="/settings", **{**sent, "current_password": PASSWORD}).status_code
        == 302
    )


def test_renaming_by_a_stolen_token_does_not_keep_people_from_their_name(
    app: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(auth.THROTTLES, "rename", (2, 3600))
    stolen = another_login(app)
    names = ["stupid", "stupider", "stupidest"]
    answers = [stolen.patch("/api/users/me", json={"username": name}).status_code for name in names]
    assert answers == [200, 200, 429]
    assert ann.api.patch("/api/users/me", json={"username": "ann"}).status_code == 200


# Everything that is throttled, by each of its routes; `number` makes each request different.
HELD: dict[str, tuple[str, Callable[[Person, Chat, int, int], TestResponse]]] = {
    "a chat, by token": ("chats", lambda p, c, m, number: p.api.post("/api/chats", json={"title": "More"})),
    "a chat, by page": ("chats", lambda p, c, m, number: p.browser.submit("/chats/new", title="More")),
    "a direct chat, by token": ("chats", lambda p, c, m, number: p.api.post(f"/api/users/{p.id}/chat")),
    "a direct chat, by page": ("chats", lambda p, c, m, number: p.browser.submit("/users/ann/chat", on="/settings")),
    "a reaction, by token": ("reactions", lambda p, c, m, number: p.api.put(f"/api/messages/{m}/reactions/👍")),
    "none, by token": ("reactions", lambda p, c, m, number: p.api.delete(f"/api/messages/{m}/reactions/👍")),
    "a reaction, by page": (
        "reactions",
        lambda p, c, m, number: p.browser.submit(f"/chats/{c.id}/messages/{m}/reactions", give="👍"),
    ),
    "an edit, by token": (
        "edits",
        lambda p, c, m, number: p.api.patch(f"/api/messages/{m}", json={"text": f"{number}"}),
    ),
    "an edit, by page": (
        "edits",
        lambda p, c, m, number: p.browser.submit(f"/chats/{c.id}/messages/{m}/edit", text=f"{number}"),
    ),
    "a name, by token": (
        "rename",
        lambda p, c, m, number: p.api.patch("/api/users/me", json={"username": f"ann{number}"}),
    ),
    "a name, by page": ("rename", lambda p, c, m, number: p.browser.submit("/settings", username=f"ann{number}")),
    "an account, by page": (
        "register",
        lambda p, c, m, number: Browser(p.app).submit(
            "/register", username=f"guest{number}", password=PASSWORD, repeat=PASSWORD
        ),
    ),
    "an account, by the API": (
        "register",
        lambda p, c, m, number: Api(p.app).post(
            "/api/users", json={"username": f"guest{number}", "password": PASSWORD}
        ),
    ),
}


@pytest.mark.parametrize("route", HELD)
def test_whoever_does_it_too_often_is_throttled_on_pages_and_api(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    what, does = HELD[route]
    message = ann.posts(chat, "hello").id
    monkeypatch.setitem(auth.THROTTLES, what, (2, 3600))
    assert [does(ann, chat, message, number).status_code < 400 for number in range(2)] == [True, True]
    refused = does(ann, chat, message, 2)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0


def test_a_token_without_the_password_does_not_use_up_the_email_limit(
    app: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An address where no server listens: whether an e-mail is sent does not matter here.
    mailer.configure({"host": "127.0.0.1", "port": 9, "sender": "chat@example.org", "security": "none"})
    monkeypatch.setitem(auth.THROTTLES, "confirmations", (1, 3600))
    stolen, sent = another_login(app), {"email": "ann@example.org"}
    for _ in range(3):
        assert stolen.put("/api/users/me/email", json={**sent, "current_password": WRONG}).status_code == 422
    assert ann.api.put("/api/users/me/email", json={**sent, "current_password": PASSWORD}).status_code == 200
    jobs.background.jobs.join()
    mailer.configure(None)


def test_a_program_with_an_old_password_does_not_lock_out_others_at_its_address(app: Flask, ann: Person) -> None:
    for _ in range(auth.WRONG_PASSWORDS_FROM_ONE_ADDRESS + auth.WRONG_PASSWORDS):
        assert signs_in(app, WRONG, "stale.program").status_code in (401, 429)
    assert signs_in(app).status_code == 200


class HeldHashing:
    """bcrypt, which works once somebody opens it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.threads: list[threading.Thread] = []
        self.order: list[int] = []
        compare = bcrypt.checkpw

        def compared(password: bytes, kept: bytes) -> bool:
            self.opened.wait(60)
            return compare(password, kept)

        monkeypatch.setattr(bcrypt, "checkpw", compared)

    def arrives(self, act: Callable[[], TestResponse], answers: list[TestResponse]) -> None:
        """Send a request; return once it has an answer or a place in the queue."""
        before = len(answers) + jobs.pool.job_counts.total()
        thread = threading.Thread(target=lambda: answers.append(act()))
        thread.start()
        self.threads.append(thread)
        while len(answers) + jobs.pool.job_counts.total() == before:
            thread.join(0.005)

    def release(self) -> None:
        self.opened.set()
        for thread in self.threads:
            thread.join(60)


def test_many_right_logins_at_once_leave_room_for_others(
    app: Flask, ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing, many, other = HeldHashing(monkeypatch), [], []
    for _ in range(40):
        hashing.arrives(lambda: signs_in(app, environ_base=HERE), many)
    assert len(many) == 40 - passwords.AT_ONCE
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in many} == {(429, "1")}
    hashing.arrives(lambda: signs_in(app, username="bob", environ_base=ELSEWHERE), other)
    hashing.release()
    assert [answer.status_code for answer in many].count(200) == passwords.AT_ONCE
    assert [answer.status_code for answer in other] == [200]
    # None of those who were refused was counted as a wrong password.
    assert not Attempt.select().where(Attempt.count > 0).exists()


@pytest.mark.parametrize("what", GUESSES)
def test_unchecked_attempts_are_not_counted(
    app: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(jobs, "pool", jobs.Pool())
    monkeypatch.setattr(jobs.pool, "slots", threading.BoundedSemaphore(1))
    jobs.pool.slots.acquire()
    for _ in range(auth.WRONG_PASSWORDS + 1):
        assert GUESSES[what](ann.api, PASSWORD).status_code == 503
        assert signs_in(app).status_code == 503
    jobs.pool.slots.release()
    assert signs_in(app).status_code == 200
    assert GUESSES[what](ann.api, PASSWORD).status_code in (200, 204)
    jobs.pool.executor.shutdown()


def test_without_rate_limits_nobody_is_throttled(app: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", False)
    hashing, many = HeldHashing(monkeypatch), []
    for _ in range(passwords.AT_ONCE * 3):
        hashing.arrives(lambda: signs_in(app), many)
    assert not many
    hashing.release()
    assert {answer.status_code for answer in many} == {200}


LONG = "long " * 500
WRITES: dict[str, Callable[[Person, Chat, int, int], TestResponse]] = {
    "a message": lambda p, c, m, number: p.api.post("/api/messages", json={"chat_id": c.id, "text": LONG}),
    "by page": lambda p, c, m, number: p.browser.submit(f"/chats/{c.id}", text=LONG),
    "an edit": lambda p, c, m, number: p.api.patch(f"/api/messages/{m}", json={"text": f"{LONG}{number}"}),
    "a forward": lambda p, c, m, number: p.api.post(f"/api/messages/{m}/forward", json={"chat_id": c.id}),
}


@pytest.mark.parametrize("how", WRITES)
def test_long_texts_are_limited_per_person_and_minute(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # The first one counts as well.
    monkeypatch.setattr(message, "LONG_A_MINUTE", 3)
    first = ann.posts(chat, LONG).id
    for number in range(2):
        assert WRITES[how](ann, chat, first, number).status_code in (200, 201, 302)
    held = WRITES[how](ann, chat, first, 3)
    assert held.status_code == 429 and int(held.headers["Retry-After"]) > 0
    assert ann.posts(chat, "a short one").id
    assert bob.posts(chat, LONG).id
