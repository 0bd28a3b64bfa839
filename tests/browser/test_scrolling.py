"""Up and down a long chat: nothing jumps, nothing is missing, and one finds where reading stopped."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import expect
from servers import Server

from .conftest import PASSWORD, Visit, Visitor, until
from .test_live import message_texts, name, row


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

    def unread_of_bob(self) -> int:
        """As the server counts it."""
        page = self.bob.context.request.get(f"{self.server.url}/chats/rows").text()
        found = re.search(rf'data-chat="{self.chat}"[^>]*data-unread="(\d+)"', page)
        assert found
        return int(found[1])

    def has_all(self, first: int, last: int) -> None:
        """Every message from one to another stands there once, in order."""
        expect(message_texts(self.bob)).to_have_text([f"message {number}" for number in range(first, last + 1)])


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
    return float(message_texts(who).get_by_text(text, exact=True).evaluate("row => row.getBoundingClientRect().top"))


def test_older_messages_come_by_themselves_and_nothing_jumps(long: Long) -> None:
    long.says(*range(130))
    bob = long.bob
    bob.opens(f"{long.path}?newest=1")
    expect(message_texts(bob)).to_have_count(40)
    bob.page.evaluate("globalThis.stayed = true")
    # Reading further up while more comes in above: what is on screen stays where it is.
    log = log_of(bob)
    log.evaluate("log => log.scrollTop = 750 - (log.scrollHeight - log.clientHeight)")
    before = place_of(bob, "message 120")
    log.evaluate("log => log.scrollTop -= 300")
    expect(message_texts(bob)).not_to_have_count(40)
    assert abs(place_of(bob, "message 120") - before - 300) < 4
    for _ in range(12):
        scrolls(bob, -3000)
        count = message_texts(bob).count()
        if count == 130:
            break
        bob.page.wait_for_function("n => document.querySelectorAll('message-list article').length > n", arg=count)
    long.has_all(0, 129)
    expect(bob.page.get_by_role("link", name="Older messages")).to_have_count(0)
    # One day, one line; and what goes on goes on over the seam.
    expect(bob.page.locator(".day")).to_have_count(1)
    expect(bob.page.locator("article:not(.is-continued)")).to_have_count(1)
    assert bob.page.evaluate("globalThis.stayed")
    assert not bob.complaints


def test_the_link_to_older_messages_brings_them_here(long: Long) -> None:
    long.says(*range(50))
    long.bob.opens(f"{long.path}?newest=1")
    long.bob.page.get_by_role("link", name="Older messages").press("Enter")
    long.has_all(0, 49)
    expect(long.bob.page).to_have_url(f"{long.server.url}{long.path}?newest=1")


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
    long.bob.opens(f"{long.path}?newest=1")
    long.bob.page.get_by_role("link", name="Older messages").click()
    long.has_all(0, 9)
    long.bob.page.get_by_role("link", name="Newer messages").click()
    long.has_all(10, 49)


def test_a_permalink_opens_amid_its_neighbours_and_leads_on_to_now(long: Long) -> None:
    ids = long.says(*range(200))
    bob = long.bob
    bob.opens(f"{long.path}?around={ids[100]}#message-{ids[100]}")
    expect(message_texts(bob).get_by_text("message 100", exact=True)).to_be_in_viewport()
    colour = bob.page.locator(f"#message-{ids[100]}").evaluate("row => getComputedStyle(row).backgroundColor")
    assert colour != "rgba(0, 0, 0, 0)"
    # What comes in the meantime stands at the end, not in the middle.
    long.says(200)
    expect(row(bob, "Garden")).to_be_visible()
    for _ in range(12):
        place, shown = place_of(bob, "message 140"), message_texts(bob).count()
        scrolls(bob, 3000)
        if not bob.page.locator("message-list[newer]").count():
            break
        bob.page.wait_for_function("n => document.querySelectorAll('message-list article').length > n", arg=shown)
        assert place_of(bob, "message 140") <= place
    expect(bob.page.locator("message-list[newer]")).to_have_count(0)
    expect(message_texts(bob).last).to_have_text("message 200")
    long.says(201)
    expect(message_texts(bob).last).to_have_text("message 201")
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
    expect(message_texts(bob).last).not_to_be_in_viewport()
    # What was on screen is read, and no more.
    expect(row(bob, "Garden")).to_contain_text("unread")
    newest = bob.page.get_by_role("link", name="Jump to newest")
    expect(newest).to_contain_text(re.compile(r"\d+$"))
    newest.click()
    expect(message_texts(bob).last).to_be_in_viewport()
    expect(newest).to_be_hidden()
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    up = bob.page.get_by_role("link", name="35 new messages")
    up.click()
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    expect(up).to_be_hidden()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_after_a_day_away_a_chat_opens_where_reading_stopped(
    server: Server, visit: Visit, javascript: bool, phone: bool
) -> None:
    long = Long(server, visit, javascript, phone=phone)
    long.says(*range(10))
    bob = long.bob
    bob.opens(long.path)
    bob.opens("/settings" if javascript else "/")
    long.says(*range(10, 240))
    bob.opens(long.path)
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    expect(bob.page.locator(".unread-line + article")).to_contain_text("message 10")
    expect(message_texts(bob).get_by_text("message 10", exact=True)).to_be_in_viewport()
    expect(message_texts(bob).get_by_text("message 239", exact=True)).to_have_count(0)
    # The end is one click away, and so is the way back; the bar above the log covers nothing of it.
    bob.page.get_by_role("link", name="Jump to newest").click()
    expect(message_texts(bob).last).to_have_text("message 239")
    expect(message_texts(bob).last).to_be_in_viewport()
    up = bob.page.get_by_role("link", name="230 new messages")
    expect(up).to_be_visible()
    bar, log = up.bounding_box(), log_of(bob).bounding_box()
    assert bar
    assert log
    assert bar["y"] + bar["height"] <= log["y"] + 1
    assert bar["x"] - log["x"] >= 8
    assert log["x"] + log["width"] - bar["x"] - bar["width"] >= 8
    up.click()
    expect(bob.page.locator(".unread-line + article")).to_contain_text("message 10")
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    assert not bob.complaints


def test_what_nobody_has_seen_stays_unread(long: Long) -> None:
    long.says(*range(10))
    bob = long.bob
    bob.opens(long.path)
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    bob.opens("/settings")
    long.says(*range(10, 240))
    with bob.page.expect_response(re.compile("/read$")) as response:
        row(bob, "Garden").click()
    assert response.value.ok
    expect(bob.page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    unread = long.unread_of_bob()
    assert 190 < unread < 230, "what was on screen, and no more"
    # What is sent stands at the end, which comes with it.
    bob.writes("here I am")
    expect(message_texts(bob).last).to_have_text("here I am")
    expect(message_texts(bob).last).to_be_in_viewport()
    expect(bob.page).to_have_url(long.server.url + long.path)
    assert not bob.complaints


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_the_way_to_the_newest_counts_what_is_not_on_the_page_too(server: Server, visit: Visit, phone: bool) -> None:
    long = Long(server, visit, phone=phone)
    long.says(*range(240))
    bob = long.bob
    bob.opens(long.path)
    badge = bob.page.get_by_role("link", name="Jump to newest").locator(".badge")
    until(bob.page, lambda: badge.text_content() == str(long.unread_of_bob()))
    assert message_texts(bob).count() < long.unread_of_bob() < 240
    # Also of what comes now.
    long.says(240)
    until(bob.page, lambda: badge.text_content() == str(long.unread_of_bob()))
    assert not bob.complaints


def test_a_reset_in_the_middle_of_what_is_unread_keeps_the_place(long: Long) -> None:
    ids = long.says(*range(240))
    bob = long.bob
    bob.opens(long.path)
    expect(message_texts(bob).get_by_text("message 0", exact=True)).to_be_in_viewport()
    top = log_of(bob).evaluate("list => list.scrollTop")
    scrolls(bob, 300)
    bob.page.wait_for_function("top => document.querySelector('message-list').scrollTop > top + 299", arg=top)
    place = place_of(bob, "message 10")
    bob.page.locator(f"#message-{ids[10]}").evaluate("row => row.dataset.old = 1")
    bob.page.evaluate("document.dispatchEvent(new CustomEvent('reset', {detail: {}}))")
    expect(bob.page.locator("article[data-old]")).to_have_count(0)
    expect(message_texts(bob).get_by_text("message 10", exact=True)).to_be_in_viewport()
    assert abs(place_of(bob, "message 10") - place) < 60
    expect(message_texts(bob).get_by_text("message 239", exact=True)).to_have_count(0)


@pytest.mark.parametrize("fragment", [False, True], ids=["without a fragment", "with its fragment"])
def test_a_permalink_shows_its_message_through_the_login_too(
    server: Server, visit: Visit, javascript: bool, fragment: bool
) -> None:
    long = Long(server, visit, javascript)
    ids = long.says(*range(120))
    who = visit(javascript)
    who.opens(f"{long.path}?around={ids[50]}" + f"#message-{ids[50]}" * fragment)
    who.fills("Username", long.bob_name)
    who.fills("Password", PASSWORD)
    who.presses("Log in")
    shown(who, ids[50])
    who.opens(f"{long.path}?around={ids[60]}" + f"#message-{ids[60]}" * fragment)
    shown(who, ids[60])
    assert not who.complaints


def shown(who: Visitor, message: int) -> None:
    """It is on screen, and marked as the one that was meant."""
    place = who.page.locator(f"#message-{message}")
    expect(place).to_be_in_viewport()
    expect(place).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")


def test_a_permalink_without_a_fragment_opens_in_the_page(long: Long) -> None:
    ids = long.says(*range(120))
    bob = long.bob
    bob.opens("/")
    bob.page.evaluate("globalThis.stayed = true")
    there = (
        "document.querySelector('.pane').append(Object.assign(document.createElement('a'), {id: 'there', href: at}))"
    )
    bob.page.evaluate(f"at => {there}", f"{long.path}?around={ids[40]}")
    bob.page.locator("#there").evaluate("link => link.append('there')")
    bob.page.locator("#there").click()
    shown(bob, ids[40])
    assert bob.page.evaluate("globalThis.stayed")


def test_a_fragment_alone_finds_its_message_further_up(long: Long) -> None:
    ids = long.says(*range(120))
    long.bob.opens(f"{long.path}?newest=1")
    long.bob.opens(f"{long.path}#message-{ids[30]}")
    shown(long.bob, ids[30])


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
    expect(message_texts(bob).last).to_have_text("message 42")
    expect(newest).to_be_hidden()
    expect(row(bob, "Garden")).not_to_contain_text("unread")
