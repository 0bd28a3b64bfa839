"""A forgotten password: a link that opens once, handed over by the operator or an administrator."""

from __future__ import annotations

import re
import time

import pytest
from flask import Flask
from people import PASSWORD, Anyone, Browser, Person

from actions import accounts
from models import Link, Login, NotThere, User

NEW = "another long phrase"


@pytest.fixture
def admin(app: Flask) -> Person:
    """An administrator."""
    root = Person(app, "root")
    User.update(is_admin=True).where(User.id == root.id).execute()
    return root


def link_for(app: Flask, username: str) -> str:
    """The path of a link that the operator asks for."""
    done = app.test_cli_runner().invoke(args=["reset-link", username])
    assert done.exit_code == 0, done.output
    found = re.match(r"http://127\.0\.0\.1:8080(/reset/[\w-]{43})\n", done.output)
    assert found, done.output
    return found[1]


def chooses(browser: Browser, path: str, password: str = NEW, repeat: str | None = None) -> int:
    answer = browser.submit(path, password=password, repeat=password if repeat is None else repeat)
    return answer.status_code


def test_a_forgotten_password_is_replaced_and_its_owner_signed_in(app: Flask, ann: Person, anyone: Anyone) -> None:
    path = link_for(app, "ann")
    page = anyone.browser.get(path).text
    assert ">ann</strong>" in page
    for name in ("New password", "Repeat password", "Change password"):
        assert name in page
    assert chooses(anyone.browser, path) == 302
    assert "ann" in anyone.browser.get("/settings").text
    assert accounts.authenticate("ann", NEW)
    assert accounts.authenticate("ann", PASSWORD) is None


def test_a_new_password_by_link_ends_everything_else(app: Flask, ann: Person, anyone: Anyone) -> None:
    assert ann.get("/settings").status_code == 200
    other = Link.reset_by_admin(ann.user)
    assert chooses(anyone.browser, link_for(app, "ann")) == 302
    assert ann.get("/settings").status_code == 302
    assert ann.api.get("/api/users/me").status_code == 401
    assert Login.select().where(Login.user == ann.id).count() == 1
    with pytest.raises(NotThere):
        Link.alive(other.secret, "reset")


def test_opening_a_link_does_not_use_it_up(app: Flask, ann: Person, anyone: Anyone) -> None:
    path = link_for(app, "ann")
    for _ in range(3):
        assert anyone.browser.get(path).status_code == 200
    assert chooses(anyone.browser, path, "short") == 422
    assert chooses(anyone.browser, path, NEW, "not the same phrase") == 422
    assert chooses(anyone.browser, path) == 302


def test_a_link_works_once(app: Flask, ann: Person, anyone: Anyone) -> None:
    path = link_for(app, "ann")
    fields = {"csrf_token": anyone.browser.csrf(path), "password": NEW, "repeat": NEW}
    assert anyone.browser.client.post(path, data=fields).status_code == 302
    again = Browser(app)
    answer = again.get(path)
    assert answer.status_code == 404
    assert "This link no longer works" in answer.text
    assert again.submit(path, on="/login", password=PASSWORD, repeat=PASSWORD).status_code == 404
    assert accounts.authenticate("ann", NEW)


def test_of_two_simultaneous_uses_of_a_link_one_succeeds(ann: Person) -> None:
    secret = Link.reset_by_admin(ann.user).secret
    first, second = Link.alive(secret, "reset"), Link.alive(secret, "reset")
    accounts.reset_password(first, NEW)
    with pytest.raises(NotThere):
        accounts.reset_password(second, "a third long phrase")
    assert accounts.authenticate("ann", NEW)


@pytest.mark.parametrize(("hours", "status"), [(23.9, 200), (24.1, 404)])
def test_a_link_expires_after_a_day(
    app: Flask, ann: Person, anyone: Anyone, monkeypatch: pytest.MonkeyPatch, hours: float, status: int
) -> None:
    path = link_for(app, "ann")
    later = time.time_ns() + int(hours * 3600 * 10**9)
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert anyone.browser.get(path).status_code == status


def test_a_link_ends_when_the_password_changes_or_the_account_is_deleted(
    app: Flask, ann: Person, bob: Person, anyone: Anyone
) -> None:
    anns, bobs = link_for(app, "ann"), link_for(app, "bob")
    accounts.change(ann.user, NEW, PASSWORD)
    accounts.close(bob.user, PASSWORD)
    for path in (anns, bobs, "/reset/made-up", "/reset/" + "x" * 43):
        assert anyone.browser.get(path).status_code == 404


def test_the_secret_is_stored_nowhere(
    app: Flask, ann: Person, anyone: Anyone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = link_for(app, "ann")
    secret = path.rpartition("/")[2]
    answer = anyone.browser.get(path)
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "GET /reset/<token> 200" in caplog.text
    assert secret not in caplog.text
    assert Link.select(Link.secret_hash).scalar() != secret


def test_an_administrator_makes_a_link_that_is_shown_once(admin: Person, ann: Person, anyone: Anyone) -> None:
    assert "Password reset link" in admin.get("/users/ann").text
    assert "Password reset link" not in admin.get("/users/root").text
    shown = admin.browser.submit("/users/ann/reset-link", on="/users/ann")
    found = re.search(r"http://localhost(/reset/[\w-]{43})", shown.text)
    assert found
    assert shown.headers["Cache-Control"] == "no-store"
    assert chooses(anyone.browser, found[1]) == 302
    assert accounts.authenticate("ann", NEW)


def test_nobody_else_makes_links(admin: Person, ann: Person, bob: Person) -> None:
    assert "Password reset link" not in ann.get("/users/bob").text
    assert ann.browser.submit("/users/bob/reset-link", on="/settings").status_code == 403
    assert ann.api.post(f"/api/users/{bob.id}/reset-link").status_code == 403
    assert admin.browser.submit("/users/root/reset-link", on="/settings").status_code == 403
    assert admin.api.post(f"/api/users/{admin.id}/reset-link").status_code == 403
    assert admin.api.post("/api/users/987654/reset-link").status_code == 404
    assert not Link.select().exists()


def test_an_administrator_makes_a_link_by_the_api(admin: Person, ann: Person, anyone: Anyone) -> None:
    answer = admin.api.post(f"/api/users/{ann.id}/reset-link")
    assert answer.status_code == 201
    body = answer.get_json()
    assert set(body) == {"url", "expires_at"}
    assert chooses(anyone.browser, body["url"].removeprefix("http://localhost")) == 302


def test_a_link_signs_its_own_account_in_whoever_was_signed_in(app: Flask, ann: Person, bob: Person) -> None:
    assert chooses(bob.browser, link_for(app, "ann")) == 302
    assert "/users/ann" in bob.get("/").text
    assert Login.select().where(Login.user == bob.id, Login.kind == "browser").count() == 0


def test_a_link_to_an_address_opens_no_new_password(ann: Person, anyone: Anyone) -> None:
    path = f"/reset/{Link.for_confirmation(ann.user, 'ann@example.org', PASSWORD).secret}"
    assert anyone.browser.get(path).status_code == 404
    assert anyone.browser.submit(path, on="/login", password=NEW, repeat=NEW).status_code == 404
    assert accounts.authenticate("ann", PASSWORD)
    # Nor does the other one make an address anybody's.
    path = f"/email/{Link.reset_by_admin(ann.user).secret}"
    assert ann.get(path).status_code == 404
    assert ann.browser.submit(path, on="/settings").status_code == 404


def test_no_link_is_made_for_an_unknown_account(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["reset-link", "nobody"])
    assert (done.exit_code, done.output) == (1, "Error: no such account.\n")


@pytest.mark.parametrize("asked", ["GET /reset/{}/", "GET /x/reset/{}", "PUT /reset/{}", "GET /email/{}/x"])
def test_other_requests_for_a_link_do_not_log_it_either(
    ann: Person, anyone: Anyone, asked: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = Link.reset_by_admin(ann.user).secret
    method, path = asked.format(secret).split(" ")
    with caplog.at_level("INFO"):
        assert anyone.browser.client.open(path, method=method).status_code in (400, 404, 405)
    assert f" {method} " in caplog.text and secret not in caplog.text
