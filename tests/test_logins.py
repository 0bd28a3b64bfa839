"""Where one is signed in: the list of it, on the page and by the API, and the end of it there."""

from __future__ import annotations

import pytest
from flask import Flask
from people import PASSWORD, Browser, Person
from streams import Listeners

from models import Login

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
LOGIN = {"id", "kind", "device", "address", "created_at", "seen_at", "current"}


def signed_in_with(app: Flask, person: Person, agent: str) -> Browser:
    browser = Browser(app)
    browser.client.environ_base["HTTP_USER_AGENT"] = agent
    browser.submit("/login", username=person.username, password=PASSWORD, remember="y")
    return browser


def test_the_list_begins_with_the_login_that_asks(app: Flask, ann: Person) -> None:
    signed_in_with(app, ann, FIREFOX)
    items = ann.api.get("/api/users/me/logins").get_json()["items"]
    assert [set(login) for login in items] == [LOGIN, LOGIN]
    assert [(login["kind"], login["current"]) for login in items] == [("token", True), ("browser", False)]
    assert items[1]["device"] == "Firefox on Windows"
    assert items[1]["address"] == "127.0.0.1"


def test_the_page_begins_with_this_one_too(app: Flask, ann: Person) -> None:
    assert ann.browser
    signed_in_with(app, ann, FIREFOX)
    page = ann.get("/settings").text
    assert page.index("This device") < page.index("Firefox on Windows")
    assert page.count("This device") == 1


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/18 Safari/605", "Safari on macOS"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605 CriOS/140 Safari/604", "Chrome on iPad"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("python-requests/2.34.2", "python-requests"),
        ("", ""),
    ],
)
def test_a_login_is_recognized_by_its_device(app: Flask, ann: Person, agent: str, device: str) -> None:
    signed_in_with(app, ann, agent)
    login = Login.select().where(Login.kind == "browser").get()
    assert login.label == device


def test_ending_a_login_elsewhere_ends_its_cookies_and_tokens(app: Flask, ann: Person) -> None:
    stolen = signed_in_with(app, ann, FIREFOX)
    csrf = stolen.csrf("/settings")
    bearer = stolen.client.post("/token", headers={"X-CSRFToken": csrf}).get_json()["token"]
    (there,) = [login for login in ann.api.get("/api/users/me/logins").get_json()["items"] if not login["current"]]
    assert ann.api.delete(f"/api/users/me/logins/{there['id']}").status_code == 204
    assert stolen.get("/settings").status_code == 302
    stolen.client.delete_cookie("chat")
    assert stolen.get("/settings").status_code == 302
    assert ann.api.get("/api/users/me", headers={"Authorization": f"Bearer {bearer}"}).status_code == 401
    assert ann.api.delete(f"/api/users/me/logins/{there['id']}").status_code == 404


def test_all_others_end_at_once_but_not_the_session_of_the_page_that_asks(app: Flask, ann: Person) -> None:
    other = signed_in_with(app, ann, FIREFOX)
    bearer = ann.browser.client.post("/token", headers={"X-CSRFToken": ann.browser.csrf("/settings")}).get_json()
    pages = {"Authorization": f"Bearer {bearer['token']}"}
    assert [login["current"] for login in ann.api.get("/api/users/me/logins", headers=pages).get_json()["items"]] == [
        True, False, False,
    ]  # fmt: skip
    assert ann.api.delete("/api/users/me/logins", headers=pages).status_code == 204
    assert other.get("/settings").status_code == 302
    assert ann.api.get("/api/users/me").status_code == 401
    assert ann.get("/settings").status_code == 200
    assert ann.api.get("/api/users/me", headers=pages).status_code == 200


def test_somebody_elses_login_is_not_found_by_the_api(ann: Person, bob: Person) -> None:
    row = Login.get(Login.user == bob.id)
    assert ann.api.delete(f"/api/users/me/logins/{row.id}").status_code == 404
    assert bob.api.get("/api/users/me").status_code == 200


def test_the_streams_of_logins_that_were_ended_end(listeners: Listeners) -> None:
    ann = listeners("ann")
    stream = ann.listens()
    here = ann.token
    ann.token = ann.signs_in()
    kept = ann.listens()
    ann.asks("DELETE", "users/me/logins")
    stream.ends()
    assert ann.token != here
    assert not kept.has_ended
