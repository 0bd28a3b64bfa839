"""Pages: what they show, what they cost, what they carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from conftest import Queries
from flask import Flask
from people import PASSWORD, Anyone, Person

import models
from actions import accounts, members, messages
from chat import create_app
from config import Settings
from lib.sqlite import sqlite3
from models import Chat, User, chat_list


def test_registering_signs_in(anyone: Anyone) -> None:
    answer = anyone.browser.submit("/register", username="ann", password=PASSWORD, repeat=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    page = anyone.browser.get("/").text
    assert ">ann<" in page
    assert "Add Chat" in page


def test_a_refused_registration_keeps_everything_but_the_passwords(anyone: Anyone, ann: Person) -> None:
    for fields, error in (
        ({"username": "ann", "password": PASSWORD, "repeat": PASSWORD}, "This username is taken. Choose another one."),
        ({"username": "new.one", "password": PASSWORD, "repeat": "otherwise"}, "don’t match"),
        ({"username": "new.one", "password": "password123", "repeat": "password123"}, "too common"),
        ({"username": "x", "password": PASSWORD, "repeat": PASSWORD}, "Use at least 3 characters."),
    ):
        answer = anyone.browser.submit("/register", **fields)
        assert answer.status_code == 422
        assert error in answer.text
        assert f'value="{fields["username"]}"' in answer.text
        assert fields["password"] not in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert User.select().count() == 1


def test_a_chat_page_costs_at_most_seven_queries(
    ann: Person, bob: Person, carol: Person, chat: Chat, queries: Queries, person: Callable[[str], Person]
) -> None:
    """Whatever the number of messages, chats and members, for owner, admin and member, wherever in the log."""
    others = [person(name) for name in ("dave", "erin", "frank")]
    for other in others:
        members.add(ann.of(chat), other.username)
    members.set_role(ann.of(chat), bob.id, "admin")
    first = ann.posts(chat, "hello")
    for number in range(100):
        (ann, bob)[number % 2].posts(chat, f"message {number}", reply_to=first.id)
    for number in range(15):
        ann.posts(ann.starts(f"Chat {number}", bob, *others), "hi")
    for who in (ann, bob, others[0]):
        who.reads(chat)
        who.get("/")
        for query in (
            "",
            f"?reply_to={first.id + 99}",
            f"?before={first.id + 50}",
            f"?after={first.id + 50}",
            f"?around={first.id + 50}",
        ):
            with queries:
                answer = who.get(f"/chats/{chat.id}{query}")
            assert answer.status_code == 200
            assert len(queries) <= 7, (who.username, query, queries.asked)
        with queries:
            who.get(f"/chats/{chat.id}?reply_to={first.id}")
        assert len(queries) <= 10, "a message to reply to that is not on the page is looked up, with all that is its"
    ann.posts(chat, "news")
    with queries:
        bob.get(f"/chats/{chat.id}")
    assert len(queries) <= 16, "moving the read position counts first, then looks again and writes in a transaction"


def test_the_list_of_chats_costs_at_most_four_queries(ann: Person, bob: Person, queries: Queries) -> None:
    for number in range(30):
        ann.posts(ann.starts(f"Chat {number}", bob), "hi")
    bob.get("/")
    with queries:
        assert bob.sees("/").count("1 unread") == 30
    assert len(queries) <= 4


def test_links_lead_to_older_and_newer_messages(ann: Person, bob: Person, chat: Chat) -> None:
    ids = [ann.posts(chat, f"message {number}").id for number in range(95)]
    bob.reads(chat)
    seen: list[int] = []
    address: str | None = f"/chats/{chat.id}"
    while address:
        page = bob.get(address).text
        shown = [int(number) for number in re.findall(r'<article[^>]* id="message-(\d+)"', page)]
        assert shown == sorted(shown)
        seen = shown + seen
        found = re.search(r'href="([^"]*\?before=\d+[^"]*)"[^>]*>Older messages', page)
        address = found[1] if found else None
    assert seen == ids
    middle = bob.get(f"/chats/{chat.id}?around={ids[47]}").text
    assert [int(number) for number in re.findall(r'<article[^>]* id="message-(\d+)"', middle)] == ids[7:88]
    assert "Older messages" in middle
    assert "Newer messages" in middle


def shown_on(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<article[^>]* id="message-(\d+)"', page)]


@pytest.mark.parametrize("count", [1, 39, 40, 41, 60, 230])
def test_a_chat_opens_where_reading_stopped_and_is_read_as_far_as_it_was_shown(
    ann: Person, bob: Person, chat: Chat, count: int
) -> None:
    ann.posts(chat, "read")
    bob.reads(chat)
    ids = [ann.posts(chat, f"message {number}").id for number in range(count)]
    page = bob.sees(f"/chats/{chat.id}")
    opened = re.search(
        r'id="unread"><noscript><i tabindex="-1" autofocus>.*?<article[^>]* id="message-(\d+)"', page, re.DOTALL
    )
    assert opened
    assert opened[1] == str(ids[0])
    # Without scripts a page is read as a whole; what is not on it, is not.
    is_whole = count <= 40
    assert (shown_on(page)[-1] == ids[-1]) is is_whole
    assert bob.of(chat).unread == (0 if is_whole else count)
    if not is_whole:
        link = re.search(r'<a class="jump" href="([^"]+)">.*Jump to newest', page)
        assert link
        assert shown_on(bob.get(link[1]).text) == ids[-40:]
        assert bob.of(chat).unread == 0


def test_page_by_page_all_that_was_unread_is_read(ann: Person, bob: Person, chat: Chat) -> None:
    ids = [ann.posts(chat, f"message {number}").id for number in range(130)]
    seen: list[int] = []
    address: str | None = f"/chats/{chat.id}"
    while address:
        assert bob.of(chat).unread == 130
        page = bob.get(address).text
        seen += shown_on(page)
        found = re.search(r'href="([^"]*\?after=\d+[^"]*)"[^>]*>Newer messages', page)
        address = found[1] if found else None
    assert seen == ids
    assert bob.of(chat).unread == 0


def test_what_is_deleted_or_ones_own_hides_nothing_that_is_unread(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "read")
    bob.reads(chat)
    first = ann.posts(chat, "unread").id
    for message in [ann.posts(chat, f"message {number}") for number in range(60)]:
        messages.delete(ann.of(chat), message.id)
    page = bob.sees(f"/chats/{chat.id}")
    assert first in shown_on(page)
    assert 'id="unread"' in page


def test_the_end_of_a_chat_links_to_what_was_unread(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "read")
    bob.reads(chat)
    first, *_ = [ann.posts(chat, f"message {number}").id for number in range(60)]
    page = bob.sees(f"/chats/{chat.id}?newest=1")
    assert 'id="unread"' not in page
    link = re.search(r'<a class="jump is-up" href="([^"]+)#unread"[^>]*>.*60 new messages', page)
    assert link
    # By now it is read; the address knows where that began.
    assert bob.of(chat).unread == 0
    there = bob.sees(link[1].replace("&amp;", "&"))
    assert re.search(r'id="unread".*?<article[^>]* id="message-(\d+)"', there, re.DOTALL)[1] == str(first)  # type: ignore[index]


def test_the_message_that_an_address_names_has_the_focus_without_a_fragment(
    ann: Person, bob: Person, chat: Chat
) -> None:
    ids = [ann.posts(chat, f"message {number}").id for number in range(60)]
    messages.delete(ann.of(chat), ids[9])
    for number in (0, 9, 30, 59):
        page = bob.sees(f"/chats/{chat.id}?around={ids[number]}")
        assert re.findall(r'id="message-(\d+)" tabindex="-1" autofocus', page) == [str(ids[number])]
        assert (
            page.count("autofocus") - page.count('name="close" autofocus') - page.count('value="cancel" autofocus') == 1
        )
    assert "is-target" not in bob.sees(f"/chats/{chat.id}?newest=1")
    assert "is-target" not in bob.sees(f"/chats/{chat.id}/log?around={ids[30]}&line={ids[30]}")


def test_opening_a_chat_reads_it_but_only_when_somebody_looks(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "hello")
    for headers in (
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Dest": "iframe"},
    ):
        bob.browser.get(f"/chats/{chat.id}", headers=headers)
        assert bob.of(chat).unread == 1
    page = bob.sees(f"/chats/{chat.id}")
    assert 'id="unread"' in page
    assert bob.of(chat).unread == 0
    assert 'id="unread"' not in bob.sees(f"/chats/{chat.id}")


def test_scripts_report_what_was_read(ann: Person, bob: Person, chat: Chat) -> None:
    first, second = ann.posts(chat, "one"), ann.posts(chat, "two")
    bob.browser.client.set_cookie("scripts", "on")
    page = bob.sees(f"/chats/{chat.id}")
    assert bob.of(chat).unread == 2
    assert 'id="unread"' in page and 'read="0"' in page
    token = bob.browser.csrf("/chats/new")
    for message, unread in ((first, 1), (second, 0), (first, 0)):
        answer = bob.browser.client.post(f"/chats/{chat.id}/read", data={"csrf_token": token, "message_id": message.id})
        assert (answer.status_code, bob.of(chat).unread) == (204, unread)
    assert 'id="unread"' not in bob.sees(f"/chats/{chat.id}")
    assert bob.browser.client.post(f"/chats/{chat.id}/read", data={"csrf_token": token}).status_code == 422


def test_a_live_page_gets_only_the_open_pane(ann: Person, chat: Chat, queries: Queries) -> None:
    ann.posts(chat, "hello")
    ann.get("/")
    with queries:
        pane = ann.browser.get(f"/chats/{chat.id}", headers={"X-Pane": "1"})
    assert len(queries) <= 6
    assert "X-Pane" in pane.headers["Vary"]
    assert "<title>Garden · Flask Chat</title>" in pane.text and "hello" in pane.text
    for elsewhere in ("<script", "<live-stream", "chat-list", "Log out"):
        assert elsewhere not in pane.text


def test_pressing_send_twice_sends_once(ann: Person, chat: Chat) -> None:
    page = ann.get(f"/chats/{chat.id}").text
    key = re.search(r'name="key"[^>]*value="([^"]+)"', page)
    assert key
    for _ in range(2):
        assert ann.browser.submit(f"/chats/{chat.id}", text="once", key=key[1]).status_code == 302
    assert Chat.get_by_id(chat.id).message_count == 1
    # Back at the page that has sent already, with other words.
    assert ann.browser.submit(f"/chats/{chat.id}", text="another", key=key[1]).status_code == 302
    assert Chat.get_by_id(chat.id).message_count == 2


def test_a_text_that_is_too_long_is_shown_again_in_full(ann: Person, chat: Chat) -> None:
    text = "much to say " * 900
    answer = ann.browser.submit(f"/chats/{chat.id}", text=text)
    assert answer.status_code == 422
    assert text.strip() in answer.text
    assert "Use 10000 characters or fewer." in answer.text


@pytest.mark.sqlite
def test_a_text_survives_a_database_that_takes_no_writing(
    ann: Person, chat: Chat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ann.browser.csrf(f"/chats/{chat.id}")
    monkeypatch.setattr(models.database.obj, "_timeout", 0)  # type: ignore[attr-defined]
    models.database.close_all()
    holder = sqlite3.connect(settings.database_url.partition(":///")[2], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        answer = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": token, "text": "hard won words"})
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert answer.status_code == 503
    assert "hard won words" in answer.text
    again = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": token, "text": "hard won words"})
    assert again.status_code == 302


def test_a_text_survives_a_session_that_ended(ann: Person, chat: Chat) -> None:
    token = ann.browser.csrf(f"/chats/{chat.id}")
    models.Login.delete().execute()
    answer = ann.browser.client.post(f"/chats/{chat.id}", data={"csrf_token": token, "text": "hard won words"})
    assert "hard won words" in answer.text
    assert f"/login?next=/chats/{chat.id}" in answer.text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Page not found"), ("ru,en;q=0.5", "Страница не найдена"), ("de", "Page not found")]
)
def test_error_pages_speak_the_readers_language(anyone: Anyone, language: str, words: str) -> None:
    answer = anyone.browser.get("/nothing", headers={"Accept-Language": language})
    assert answer.status_code == 404
    assert words in answer.text
    assert "topbar" in answer.text


def test_the_accounts_language_and_theme_win(ann: Person) -> None:
    accounts.change(ann.user, language="ru", theme="dark")
    page = ann.browser.get("/settings", headers={"Accept-Language": "en"}).text
    assert '<html lang="ru" data-theme="dark">' in page
    assert "Настройки" in page


def test_the_page_of_a_bug_shows_only_its_number(
    ann: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(chat_list, "load", broken)
    answer = ann.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    number = re.search(r"<code>([0-9a-f]+)</code>", answer.text)
    assert number and number[1] == answer.headers["X-Request-ID"]
    assert number[1] in caplog.text


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/api/chats", "/healthz", "/static/icons.svg"])
def test_every_response_has_security_headers(anyone: Anyone, path: str) -> None:
    with anyone.browser.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    for rule in (
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


def test_under_tls_cookies_are_secure_and_hsts_is_sent(anyone: Anyone, ann: Person) -> None:
    page = anyone.browser.get("/login", base_url="https://localhost").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    answer = anyone.browser.client.post(
        "/login",
        data={"csrf_token": token[1], "username": "ann", "password": PASSWORD, "remember": "y"},
        base_url="https://localhost",
        headers={"Referer": "https://localhost/login"},
    )
    assert answer.status_code == 302
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) >= 2
    assert all("; Secure" in c and "; HttpOnly" in c and "SameSite=Lax" in c for c in cookies)
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_static_files_are_kept_for_ever_under_a_hash_of_their_content(anyone: Anyone) -> None:
    page = anyone.browser.get("/").text
    addresses = re.findall(r'(?:href|src)="(/(?:styles|static)/[^"#]+)"', page)
    assert len(addresses) >= 2
    for address in addresses:
        with anyone.browser.get(address) as answer:
            assert answer.status_code == 200
            assert "max-age=31536000" in answer.headers["Cache-Control"]
            assert "Cookie" not in answer.headers.get("Vary", "")


@pytest.mark.parametrize("path", ["/static/nope", "/static/nope.css", "/static/js", "/static/favicon.svg"])
def test_no_shared_cache_keeps_the_page_of_an_error_under_a_static_address(ann: Person, path: str) -> None:
    """It names who is signed in, and holds a token for their forms."""
    with ann.browser.get(path, headers={"Range": "bytes=9999999-"}) as answer:
        assert answer.status_code in (404, 416)
        assert ann.username in answer.text
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in answer.headers["Vary"]


def test_hostile_text_is_escaped_everywhere(ann: Person, bob: Person) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    accounts.change(bob.user, name=bad, about=bad)
    chat = ann.starts(bad[:100], bob)
    message = bob.posts(chat, bad)
    ann.posts(chat, "reply", reply_to=message.id)
    for path in (
        "/",
        f"/chats/{chat.id}",
        f"/chats/{chat.id}/edit",
        "/users/bob",
        "/search?q=script",
        f"/search?q={bad}",
    ):
        page = ann.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_log_line_does_not_contain_the_query(ann: Person, chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ann.get("/search?q=sensitive-words")
    ann.browser.submit(f"/chats/{chat.id}", text="sensitive-words")
    assert "sensitive-words" not in caplog.text
    assert re.search(r"[0-9a-f]{8} GET /search 200 \d+ms", caplog.text)
    assert ann.api.token and ann.api.token not in caplog.text


def test_trusted_hosts_are_enforced_except_for_the_health_check(settings: Settings) -> None:
    app: Flask = create_app(replace(settings, trusted_hosts=("chat.example",)))
    models.migrate()
    assert app.test_client().get("/login", base_url="http://chat.example").status_code == 200
    assert app.test_client().get("/login", base_url="http://evil.example").status_code == 400
    # A load balancer or a container's health check asks an address.
    assert app.test_client().get("/healthz", base_url="http://10.0.0.7:8080").status_code == 200
    models.database.close_all()


def test_the_theme_of_the_system_is_one_of_three(ann: Person) -> None:
    assert re.findall(r'name="theme" value="(\w*)"', ann.get("/settings").text) == ["", "light", "dark"]
