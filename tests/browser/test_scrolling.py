"""Up and down a long chat: nothing jumps, nothing is missing, and one finds where reading stopped."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import expect
from servers import Server

from .conftest import PASSWORD, Visit, Visitor
from .test_live import name, row, said


class Long:
    """Bob's chat with Ann, who has a lot to say; Ann is a program."""

    def __init__(self, server: Server, visit: Visit, javascript: bool = True, **how: Any) -> None:
        self.server = server
        self.bob_name, ann_name = name(), name()
        self.bob = visit(javascript, **how).signs_up(self.bob_name)
        account = {"username": ann_name, "password": PASSWORD}
        requests.post(f"{server.url}/api/users", json=account, timeout=60).raise_for_status()
        token = requests.post(f"{server.url}/api/users/login", json=account, timeout=60).json()["token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.chat = self.asks("chats", title="Garden", members=[self.bob_name])["id"]
        self.path = f"/chats/{self.chat}"

    def asks(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.server.url}/api/{path}", json=body, headers=self.headers, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def says(self, *numbers: int) -> list[int]:
        return [self.asks("messages", chat_id=self.chat, text=f"message {number}")["id"] for number in numbers]

    def has_all(self, first: int, last: int) -> None:
        """Every message from one to another stands there once, in order."""
        expect(said(self.bob)).to_have_text([f"message {number}" for number in range(first, last + 1)])


@pytest.fixture
def long(server: Server, visit: Visit) -> Long:
    return Long(server, visit)


def log_of(who: Visitor) -> Any:
    return who.page.get_by_role("log")


def scrolls(who: Visitor, pixels: int) -> None:
    """With the wheel over the log; below 0 is up."""
    log_of(who).hover()
    who.page.mouse.wheel(0, pixels)


def place_of(who: Visitor, text: str) -> float:
    return float(said(who).get_by_text(text, exact=True).evaluate("row => row.getBoundingClientRect().top"))


def test_older_messages_come_by_themselves_and_nothing_jumps(long: Long) -> None:
    long.says(*range(130))
    bob = long.bob
    bob.opens(long.path)
    expect(said(bob)).to_have_count(40)
    bob.page.evaluate("globalThis.stayed = true")
    # Reading further up while more comes in above: what is on screen stays where it is.
    log = log_of(bob)
    log.evaluate("log => log.scrollTop = 750 - (log.scrollHeight - log.clientHeight)")
    before = place_of(bob, "message 120")
    log.evaluate("log => log.scrollTop -= 300")
    expect(said(bob)).not_to_have_count(40)
    assert abs(place_of(bob, "message 120") - before - 300) < 4
    for _ in range(12):
        scrolls(bob, -3000)
        if said(bob).count() == 130:
            break
        bob.page.wait_for_function(
            "n => document.querySelectorAll('chat-log article').length > n", arg=said(bob).count()
        )
    long.has_all(0, 129)
    expect(bob.page.get_by_role("link", name="Older messages")).to_have_count(0)
    # One day, one line; and what goes on goes on over the seam.
    expect(bob.page.locator(".day")).to_have_count(1)
    expect(bob.page.locator("article:not(.is-continued)")).to_have_count(1)
    assert bob.page.evaluate("globalThis.stayed")
    assert not bob.complaints


def test_the_link_to_older_messages_brings_them_here(long: Long) -> None:
    long.says(*range(50))
    long.bob.opens(long.path)
    long.bob.page.get_by_role("link", name="Older messages").press("Enter")
    long.has_all(0, 49)
    expect(long.bob.page).to_have_url(long.server.url + long.path)


def test_a_page_of_older_messages_stays_as_it_is(long: Long) -> None:
    ids = long.says(*range(85))
    bob = long.bob
    bob.opens(f"{long.path}?before={ids[45]}")
    long.has_all(5, 44)
    long.says(85)
    expect(bob.page.locator(".chat-row").first).to_contain_text("message 85")
    long.has_all(5, 44)
    assert not bob.complaints


def test_without_scripts_links_lead_up_and_down(server: Server, visit: Visit) -> None:
    long = Long(server, visit, javascript=False)
    long.says(*range(50))
    long.bob.opens(long.path)
    long.bob.page.get_by_role("link", name="Older messages").click()
    long.has_all(0, 9)
    long.bob.page.get_by_role("link", name="Newer messages").click()
    long.has_all(10, 49)


def test_a_permalink_opens_amid_its_neighbours_and_leads_on_to_now(long: Long) -> None:
    ids = long.says(*range(200))
    bob = long.bob
    bob.opens(f"{long.path}?around={ids[100]}#message-{ids[100]}")
    expect(said(bob).get_by_text("message 100", exact=True)).to_be_in_viewport()
    colour = bob.page.locator(f"#message-{ids[100]}").evaluate("row => getComputedStyle(row).backgroundColor")
    assert colour != "rgba(0, 0, 0, 0)"
    # What comes in the meantime stands at the end, not in the middle.
    long.says(200)
    expect(row(bob, "Garden")).to_be_visible()
    for _ in range(12):
        place, shown = place_of(bob, "message 140"), said(bob).count()
        scrolls(bob, 3000)
        if not bob.page.locator("chat-log[newer]").count():
            break
        bob.page.wait_for_function("n => document.querySelectorAll('chat-log article').length > n", arg=shown)
        assert place_of(bob, "message 140") <= place
    expect(bob.page.locator("chat-log[newer]")).to_have_count(0)
    expect(said(bob).last).to_have_text("message 200")
    long.says(201)
    expect(said(bob).last).to_have_text("message 201")
    expect(bob.page.get_by_role("link", name="Newer messages")).to_have_count(0)


def test_a_chat_opens_where_reading_stopped(long: Long) -> None:
    long.says(*range(10))
    bob = long.bob
    bob.opens(long.path)
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    bob.opens("/settings")
    long.says(*range(10, 45))
    bob.opens(long.path)
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    expect(bob.page.locator(".unread-line + article")).to_contain_text("message 10")
    expect(said(bob).last).not_to_be_in_viewport()
    # What was on screen is read, and no more.
    expect(row(bob, "Garden")).to_contain_text("unread")
    newest = bob.page.get_by_role("link", name="Jump to newest")
    expect(newest).to_contain_text(re.compile(r"\d+$"))
    newest.click()
    expect(said(bob).last).to_be_in_viewport()
    expect(newest).to_be_hidden()
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    up = bob.page.get_by_role("link", name="35 new messages")
    up.click()
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    expect(up).to_be_hidden()


def test_after_a_day_away_what_was_new_is_one_click_away(long: Long) -> None:
    long.says(*range(10))
    bob = long.bob
    bob.opens(long.path)
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    bob.opens("/settings")
    long.says(*range(10, 120))
    bob.opens(long.path)
    expect(said(bob).last).to_have_text("message 119")
    bob.page.get_by_role("link", name="110 new messages").click()
    expect(bob.page.locator(".unread-line + article")).to_contain_text("message 10")
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    bob.page.go_back()
    expect(said(bob).last).to_have_text("message 119")


def test_what_comes_while_one_reads_further_up_is_counted(long: Long) -> None:
    long.says(*range(40))
    bob = long.bob
    bob.opens(long.path)
    log_of(bob).evaluate("log => log.scrollTop = 0")
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    log_of(bob).evaluate("log => log.scrollTop = -300")
    newest = bob.page.get_by_role("link", name="Jump to newest")
    expect(newest).to_be_visible()
    place = place_of(bob, "message 20")
    long.says(40, 41, 42)
    expect(newest).to_contain_text("3")
    assert abs(place_of(bob, "message 20") - place) < 2
    newest.click()
    expect(said(bob).last).to_have_text("message 42")
    expect(newest).to_be_hidden()
    expect(row(bob, "Garden")).not_to_contain_text("unread")
