"""What was once a hole, held shut."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from people import PASSWORD, Anyone, Person
from PIL import Image
from servers import Server

import models
from actions import accounts, chats, members
from chat import create_app
from config import Settings
from lib import richtext
from models import Chat, Login, Membership, NotThere, SentKey, User, limits
from models import password as passwords

PILE = "a" + "\u0301" * 80_000 + "\u0323" * 80_000


def test_a_pile_of_combining_marks_is_refused_at_once(ann: Person, anyone: Anyone, chat: Chat) -> None:
    """To bring it into normal form would take minutes: it is never tried."""
    sent = {"username": "zed", "password": PASSWORD, "name": PILE}
    assert anyone.api.post("/api/users", json=sent).status_code == 422
    assert anyone.api.post("/api/users", json={"username": PILE, "password": PASSWORD}).status_code == 422
    assert anyone.api.post("/api/users/login", json={"username": PILE, "password": PASSWORD}).status_code == 401
    assert ann.api.post("/api/chats", json={"title": PILE}).status_code == 422
    assert ann.api.post(f"/api/chats/{chat.id}/members", json={"username": PILE}).status_code == 422
    files = {"chat_id": str(chat.id), "files": [(io.BytesIO(b"x"), PILE + ".txt")]}
    assert ann.api.post("/api/messages", data=files).status_code == 413
    files = {"chat_id": str(chat.id), "files": [(io.BytesIO(b"x"), PILE[:3_000] + ".txt")]}
    assert ann.api.post("/api/messages", data=files).get_json()["files"][0]["name"].endswith(".txt")


def test_only_a_form_with_files_may_be_large(ann: Person, chat: Chat) -> None:
    token = ann.browser.csrf(f"/chats/{chat.id}")
    answer = ann.browser.client.post(
        f"/chats/{chat.id}",
        data=b"csrf_token=" + token.encode() + b"&text=" + b"x" * 2**21,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 413


def test_a_truncated_animation_is_a_plain_file(ann: Person, chat: Chat) -> None:
    frames = [Image.effect_noise((200, 200), 50 + n).convert("P") for n in range(4)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:], duration=50)
    broken = moving.getvalue()[: len(moving.getvalue()) * 2 // 3]
    answer = ann.api.post("/api/messages", data={"chat_id": str(chat.id), "files": [(io.BytesIO(broken), "a.gif")]})
    assert answer.status_code == 201
    answer = ann.api.put("/api/users/me/avatar", data={"file": (io.BytesIO(broken), "a.gif")})
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/login", "username"),
        ("/login", "password"),
        ("/register", "username"),
        ("/chats/new", "title"),
        ("/chats/new", "usernames"),
        ("/chats/{}", "text"),
        ("/chats/{}", "reply_to"),
        ("/chats/{}", "key"),
        ("/chats/{}/edit", "title"),
        ("/settings", "name"),
        ("/settings/password", "current_password"),
        ("/settings/delete", "current_password"),
    ],
)
def test_a_file_in_place_of_a_text_is_no_text(ann: Person, anyone: Anyone, chat: Chat, path: str, field: str) -> None:
    browser = anyone.browser if path in ("/login", "/register") else ann.browser
    page = "/login" if path in ("/login", "/register") else "/settings"
    fields = {field: (io.BytesIO(b"x"), "x.txt")}
    answer = browser.submit(path.format(chat.id), on=page, **fields)
    assert answer.status_code in (302, 422)


def test_a_database_out_of_order_is_reported_on_every_page(app: Flask, ann: Person) -> None:
    assert ann.get("/settings").status_code == 200
    models.database.execute_sql("ALTER TABLE session RENAME TO session_gone")
    for path in ("/", "/settings", "/nothing", "/login"):
        answer = ann.get(path)
        assert answer.status_code in (404, 503), path
        assert "topbar" in answer.text
        assert "Content-Security-Policy" in answer.headers
    models.database.execute_sql("ALTER TABLE session_gone RENAME TO session")
    assert ann.get("/settings").status_code == 200


def test_no_hash_is_made_while_others_wait_to_write(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bool] = []
    hashed, matches = passwords.hashed, passwords.matches

    def watched(work: Any) -> Any:
        def run(*values: Any) -> Any:
            made.append(models.database.in_transaction())
            return work(*values)

        return run

    monkeypatch.setattr(passwords, "hashed", watched(hashed))
    monkeypatch.setattr(passwords, "matches", watched(matches))
    changed = {"password": "another long phrase", "current_password": PASSWORD, "name": "Ann"}
    assert ann.api.patch("/api/users/me", json=changed).status_code == 200
    assert made and not any(made)


def test_a_login_that_was_under_way_does_not_outlive_a_new_password(ann: Person) -> None:
    checked = accounts.authenticate("ann", PASSWORD)
    assert checked is not None
    accounts.change(ann.user, "another long phrase", PASSWORD)
    with pytest.raises(NotThere):
        Login.open(checked, "token")


def test_a_closed_account_can_change_nothing(ann: Person, bob: Person, chat: Chat) -> None:
    before = User.find(bob.id)
    accounts.close(bob.user, PASSWORD)
    with pytest.raises(NotThere):
        accounts.change(before, name="Bob again", username="bobby")
    with pytest.raises(NotThere):
        accounts.remove_avatar(before)
    with pytest.raises(NotThere):
        chats.start(before, "From beyond")
    with pytest.raises(models.Invalid):
        members.add(ann.of(chat), "bob")
    row = User.get_by_id(bob.id)
    assert (row.name, row.username, row.username_key) == ("", "", None)
    assert not Membership.select().where(Membership.user == bob.id).exists()


def test_closing_while_being_added_leaves_no_ghost(ann: Person, bob: Person) -> None:
    for number in range(8):
        chat = ann.starts(f"Chat {number}")
        name = f"guest{chr(97 + number)}"
        guest = accounts.register(name, PASSWORD)
        start = threading.Barrier(2)

        def add(chat: Chat = chat, name: str = name, start: threading.Barrier = start) -> None:
            membership = ann.of(chat)
            start.wait()
            try:
                members.add(membership, name)
            except models.Invalid:
                return
            finally:
                models.database.close()

        def close(guest: User = guest, start: threading.Barrier = start) -> None:
            start.wait()
            accounts.close(guest, PASSWORD)
            models.database.close()

        threads = [threading.Thread(target=work) for work in (add, close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not Membership.select().where(Membership.user == guest.id).exists()


def test_a_text_too_long_is_not_rendered_first(ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    message = ann.posts(chat, "short")

    monkeypatch.setattr(richtext, "render", lambda text: pytest.fail("rendered"))
    answer = ann.api.patch(f"/api/messages/{message.id}", json={"text": "[" * 1_000_000})
    assert answer.status_code in (413, 422)


@pytest.mark.parametrize(
    ("first", "second"),
    [("BOB", "ΒΟΒ"), ("ANNA", "ΑΝΝΑ"), ("NIKO", "ΝΙΚΟ"), ("bob", "b0b"), ("louis", "Iouis"), ("modern", "modem")],
)
def test_names_that_look_alike_in_any_case_are_one(anyone: Anyone, first: str, second: str) -> None:
    statuses = [
        anyone.api.post("/api/users", json={"username": name, "password": PASSWORD}).status_code
        for name in (first, second)
    ]
    assert statuses == [201, 409]


def test_a_renamed_persons_old_name_is_free_again(ann: Person, anyone: Anyone) -> None:
    accounts.change(ann.user, username="annie")
    assert anyone.api.post("/api/users", json={"username": "ann", "password": PASSWORD}).status_code == 201
    assert anyone.api.post("/api/users", json={"username": "ANNIE", "password": PASSWORD}).status_code == 409


def test_an_ipv6_network_is_throttled_as_one_address(
    anyone: Anyone, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    sent = {"username": "ann", "password": "not this one"}
    statuses = [
        anyone.api.post("/api/users/login", json=sent, environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{n}"}).status_code
        for n in range(1, 12)
    ]
    assert statuses == [401] * 10 + [429]
    other = {"REMOTE_ADDR": "2001:db8:1:3::1"}
    assert anyone.api.post("/api/users/login", json=sent, environ_base=other).status_code == 401


@pytest.mark.parametrize(("proxies", "counted"), [(0, [401] * 10 + [429]), (1, [401] * 11)])
def test_as_many_proxies_are_trusted_as_configured(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, proxies: int, counted: list[int]
) -> None:
    app = create_app(replace(settings, proxies=proxies, rate_limits=True))
    models.migrate()
    accounts.register("ann", PASSWORD)
    client = app.test_client()
    statuses = []
    for number in range(11):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        sent = {"username": "ann", "password": "not this one"}
        statuses.append(client.post("/api/users/login", json=sent, headers=headers).status_code)
    assert statuses == counted
    models.database.close_all()


def test_a_key_that_the_page_did_not_give_is_not_kept(ann: Person, chat: Chat) -> None:
    assert ann.browser.submit(f"/chats/{chat.id}", text="hello", key="k" * 10_000).status_code == 302
    assert SentKey.select().count() == 0


def test_a_forms_token_does_not_outlive_the_login(ann: Person) -> None:
    before = ann.browser.csrf("/settings")
    ann.browser.submit("/logout", on="/settings")
    ann.browser.submit("/login", username="ann", password=PASSWORD)
    answer = ann.browser.client.post("/chats/new", data={"csrf_token": before, "title": "x"})
    assert answer.status_code == 400


def test_several_ranges_at_once_give_the_whole(ann: Person, chat: Chat) -> None:
    sent = {"chat_id": str(chat.id), "files": [(io.BytesIO(b"0123456789"), "a.txt")]}
    url = ann.api.post("/api/messages", data=sent).get_json()["files"][0]["url"]
    with ann.api.get(url, headers={"Range": "bytes=0-1,4-5"}) as whole:
        assert (whole.status_code, whole.data) == (200, b"0123456789")


def test_a_body_that_is_malformed_or_too_large_breaks_nothing(server: Server) -> None:
    url = f"{server.url}/api/users/login"
    with requests.Session() as session:
        for _ in range(20):
            answer = session.post(url, data=b" " * 3_000_000, headers={"Content-Type": "application/json"}, timeout=60)
            assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
            assert session.get(f"{server.url}/healthz", timeout=60).status_code == 200
    head = b"POST /api/users/login HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n"
    for rest in (b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", b"Content-Length: 50\r\n\r\n{}"):
        with socket.create_connection(("127.0.0.1", server.port), 60) as sock:
            sock.sendall(head + rest)
            sock.shutdown(socket.SHUT_WR)
            response = b"".join(iter(lambda: sock.recv(4096), b""))
        assert response.startswith(b"HTTP/1.1 400 "), response
        assert b"application/problem+json" in response


def ids_of_messages(server: Server, headers: dict[str, str], chat: int) -> list[int]:
    found: list[int] = []
    address: str | None = f"/api/messages?chat_id={chat}&limit=100&after=0"
    while address:
        page = requests.get(server.url + address, headers=headers, timeout=60).json()
        found += [message["id"] for message in page["items"]]
        address = page["next"]
    return found


def test_a_worker_killed_while_posting_loses_no_acknowledged_message(server: Server) -> None:
    """kill -9 in the middle of writing, several times: what was answered 201 is there, once."""
    account = {"username": "writer", "password": PASSWORD}
    requests.post(f"{server.url}/api/users", json=account, timeout=60)
    token = requests.post(f"{server.url}/api/users/login", json=account, timeout=60).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    chat = requests.post(f"{server.url}/api/chats", json={"title": "Log"}, headers=headers, timeout=60).json()["id"]
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                sent = {"chat_id": chat, "text": "hello"}
                answer = requests.post(f"{server.url}/api/messages", json=sent, headers=headers, timeout=60)
            except requests.RequestException:
                continue
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for round_ in range(1, 4):
        while len(acknowledged) < round_ * 15:
            stop.wait(0.01)
        children = Path(f"/proc/{server.master.pid}/task/{server.master.pid}/children").read_text().split()
        workers = [int(pid) for pid in children if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(workers[0], signal.SIGKILL)
    stop.set()
    for writer in writers:
        writer.join()
    found = ids_of_messages(server, headers, chat)
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
