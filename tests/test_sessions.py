"""Logging in, staying in, getting out; and forms that nobody else can send."""

from __future__ import annotations

import time

import pytest
from flask import Flask
from people import PASSWORD, Anyone, Browser, Person

from models import Chat, Login, limits


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/settings", "/settings"),
        ("/search?q=x", "/search?q=x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/ok\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
        ("chats/1", "/"),
    ],
)
def test_after_logging_in_the_redirect_stays_on_this_site(anyone: Anyone, ann: Person, path: str, leads: str) -> None:
    how = {"how": {"query_string": {"next": path}}}
    answer = anyone.browser.submit("/login", username="ann", password=PASSWORD, **how)
    assert answer.status_code == 302
    assert answer.headers["Location"] == leads


def test_signed_out_every_page_redirects_to_the_login_whether_it_exists_or_not(anyone: Anyone, chat: Chat) -> None:
    for path in ("/settings", f"/chats/{chat.id}", "/chats/987654", "/users/ann", "/users/nobody", "/search"):
        answer = anyone.browser.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"] == "/login?next=" + path.replace("/", "%2F")


def test_a_wrong_password_and_an_unknown_name_look_the_same(anyone: Anyone, ann: Person) -> None:
    answers = [
        anyone.browser.submit("/login", username=name, password="not this one") for name in ("ann", "nobody-here")
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all("Wrong username or password" in answer.text for answer in answers)
    assert "not this one" not in answers[0].text


def test_a_copied_cookie_is_invalid_after_logging_out(app: Flask, ann: Person) -> None:
    for remember in ({}, {"remember": "y"}):
        browser = Browser(app)
        browser.submit("/login", username="ann", password=PASSWORD, **remember)
        copied = {name: browser.client.get_cookie(name) for name in ("chat", "chat_remembered")}
        assert browser.get("/settings").status_code == 200
        assert browser.submit("/logout", on="/settings").status_code == 302
        thief = app.test_client()
        for name, cookie in copied.items():
            if cookie is not None:
                thief.set_cookie(name, cookie.value)
        assert thief.get("/settings").status_code == 302


def test_a_remembered_login_outlives_the_browser(app: Flask, ann: Person) -> None:
    browser = Browser(app)
    browser.submit("/login", username="ann", password=PASSWORD, remember="y")
    kept = browser.client.get_cookie("chat_remembered")
    assert kept is not None
    later = app.test_client()
    later.set_cookie("chat_remembered", kept.value)
    assert later.get("/settings").status_code == 200


def test_logging_in_gives_a_new_session(app: Flask, ann: Person) -> None:
    browser = Browser(app)
    browser.submit("/login", username="ann", password=PASSWORD)
    first = Login.select().where(Login.kind == "browser").order_by(Login.id.desc()).get()
    browser.submit("/logout", on="/settings")
    browser.submit("/login", username="ann", password=PASSWORD)
    assert not Login.select().where(Login.id == first.id).exists()


def test_a_get_does_not_log_out(ann: Person) -> None:
    assert ann.get("/logout").status_code == 302
    assert ann.get("/settings").status_code == 200


def test_a_session_expires_unless_it_is_used(app: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ann.get("/settings").status_code == 200
    start, hour = time.time_ns(), 3600 * 10**9
    for hours, status in ((20, 200), (40, 200), (65, 302)):
        monkeypatch.setattr(time, "time_ns", lambda hours=hours: start + hours * hour)
        assert ann.get("/settings").status_code == status


def test_logins_are_listed_and_ended(app: Flask, ann: Person) -> None:
    phone = Browser(app)
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone; CPU) AppleWebKit Version/18 Safari/605"
    phone.submit("/login", username="ann", password=PASSWORD)
    page = ann.get("/settings").text
    assert "Safari on iPhone" in page
    assert "This device" in page
    row = Login.select().where(Login.user_agent.contains("iPhone")).get()
    assert ann.browser.submit(f"/settings/sessions/{row.id}/end", on="/settings").status_code == 302
    assert phone.get("/settings").status_code == 302
    assert ann.browser.submit("/settings/sessions/end-others", on="/settings").status_code == 302
    assert ann.api.get("/api/users/me").status_code == 401
    assert ann.get("/settings").status_code == 200


def test_somebody_elses_login_is_not_found(ann: Person, bob: Person) -> None:
    row = Login.select().where(Login.user == bob.id).get()
    assert ann.browser.submit(f"/settings/sessions/{row.id}/end", on="/settings").status_code == 404
    assert bob.api.get("/api/users/me").status_code == 200


def test_a_pages_token_ends_with_its_session(ann: Person) -> None:
    answer = ann.browser.client.post("/token", headers={"X-CSRFToken": ann.browser.csrf("/chats/new")})
    assert answer.status_code == 200
    bearer = {"Authorization": f"Bearer {answer.get_json()['token']}"}
    assert ann.api.get("/api/users/me", headers=bearer).status_code == 200
    assert ann.browser.client.post("/token").status_code == 400
    ann.browser.submit("/logout", on="/settings")
    assert ann.api.get("/api/users/me", headers=bearer).status_code == 401


FORMS = [
    "/logout",
    "/chats/new",
    "/chats/{}",
    "/chats/{}/edit",
    "/chats/{}/delete",
    "/chats/{}/leave",
    "/chats/{}/members",
    "/settings",
    "/settings/avatar/remove",
    "/settings/password",
    "/settings/delete",
    "/settings/sessions/end-others",
    "/token",
]


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_token_or_from_elsewhere_does_nothing(ann: Person, chat: Chat, path: str) -> None:
    path = path.format(chat.id)
    fields = {"text": "forged", "title": "forged", "username": "carol", "current_password": PASSWORD}
    assert ann.browser.client.post(path, data=fields).status_code == 400
    assert ann.browser.client.post(path, data={**fields, "csrf_token": "made.up.here"}).status_code == 400
    good = {**fields, "csrf_token": ann.browser.csrf("/settings")}
    for site in ("cross-site", "same-site"):
        assert ann.browser.client.post(path, data=good, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert ann.get("/settings").status_code == 200
    assert Chat.get_by_id(chat.id).message_count == 0


def test_a_form_that_stayed_open_overnight_still_works(
    ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ann.browser.csrf(f"/chats/{chat.id}")
    later = time.time() + 14 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    answer = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": token, "text": "morning"})
    assert answer.status_code == 302


def test_guessing_on_the_page_is_throttled_and_the_page_shows_it(
    anyone: Anyone, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    for _ in range(10):
        assert anyone.browser.submit("/login", username="ann", password="not this one").status_code == 422
    held = anyone.browser.submit("/login", username="ann", password=PASSWORD)
    assert held.status_code == 429
    assert int(held.headers["Retry-After"]) > 0
    assert 'value="ann"' in held.text
    elsewhere = {"how": {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}}
    assert anyone.browser.submit("/login", username="ann", password=PASSWORD, **elsewhere).status_code == 302
