"""One chat after the other, without a page load: at once where it was open before, and never behind."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from .conftest import Visit, Visitor, tab_shows
from .test_live import Pair, enters, message_texts, name, row


class Two(Pair):
    """Ann and Bob in two chats; Bob has Garden open."""

    def __init__(self, visit: Visit, **how: object) -> None:
        self.ann_name, self.bob_name = name(), name()
        self.ann = visit().signs_up(self.ann_name)
        self.bob = visit(**how).signs_up(self.bob_name)
        self.kitchen = self.ann.starts("Kitchen", self.bob_name)
        self.ann.writes("Soup is on")
        self.path = self.ann.starts("Garden", self.bob_name)
        self.ann.writes("The tomatoes are in")
        self.bob.opens(self.path)
        self.stays(self.ann), self.stays(self.bob)
        expect(self.bob.page.locator("chat-people")).to_have_text("· 2 online")


@pytest.fixture
def two(visit: Visit) -> Two:
    return Two(visit)


def is_open(who: Visitor, title: str) -> None:
    expect(who.page.get_by_role("main").get_by_role("heading", level=1)).to_have_text(title)
    expect(who.page).to_have_title(re.compile(rf"^(\(\d+\) )?{title} · Flask Chat$"))


def test_a_chat_opens_without_a_page_load_and_back_and_forward_lead_on(two: Two) -> None:
    bob = two.bob
    row(bob, "Kitchen").click()
    is_open(bob, "Kitchen")
    expect(bob.page).to_have_url(bob.server.url + two.kitchen)
    expect(message_texts(bob)).to_have_text(["Soup is on"])
    expect(row(bob, "Kitchen")).to_have_attribute("aria-current", "page")
    expect(row(bob, "Garden")).not_to_have_attribute("aria-current", "page")
    expect(bob.page.locator("chat-people")).to_have_text("· 2 online")
    expect(bob.page.get_by_label("Message", exact=True)).to_be_focused()
    expect(bob.page.locator("chat-pages")).to_have_text("Kitchen · Flask Chat")
    bob.page.go_back()
    is_open(bob, "Garden")
    expect(message_texts(bob)).to_have_text(["The tomatoes are in"])
    bob.page.go_forward()
    is_open(bob, "Kitchen")
    # It is a live page as any other.
    enters(bob, "I am hungry")
    two.ann.opens(two.kitchen)
    expect(message_texts(two.ann)).to_have_text(["Soup is on", "I am hungry"])
    two.ann.writes("Come then")
    expect(message_texts(bob)).to_have_text(["Soup is on", "I am hungry", "Come then"])
    assert two.has_stayed(bob)
    assert not bob.complaints


def test_a_chat_from_memory_shows_what_changed_meanwhile(two: Two) -> None:
    bob, ann = two.bob, two.ann
    ann.writes("and the beans")
    expect(message_texts(bob)).to_have_count(2)
    row(bob, "Kitchen").click()
    is_open(bob, "Kitchen")
    article = ann.page.get_by_role("article").first
    article.hover()
    article.get_by_role("link", name="Edit message").click()
    ann.fills("Message", "The tomatoes are red")
    ann.presses("Save")
    article = ann.page.get_by_role("article").last
    article.hover()
    article.get_by_role("link", name="Delete message").click()
    ann.presses("Delete message")
    expect(article).to_contain_text("This message was deleted")
    ann.writes("and the peas")
    expect(row(bob, "Garden")).to_contain_text("1 unread")
    asked: list[str] = []
    bob.page.on("request", lambda request: asked.append(request.url.removeprefix(bob.server.url)))
    row(bob, "Garden").click()
    is_open(bob, "Garden")
    expect(message_texts(bob)).to_have_text(["The tomatoes are red", "and the peas"])
    expect(bob.page.get_by_role("article").nth(1)).to_contain_text("This message was deleted")
    expect(row(bob, "Garden")).not_to_contain_text("unread")
    # It came out of memory: the events had told what is new.
    assert two.path not in asked
    assert not any("/log" in path for path in asked)
    assert two.has_stayed(bob)


def test_unsent_words_and_the_place_are_kept(two: Two) -> None:
    bob = two.bob
    for number in range(3):
        two.ann.writes(f"{number}\n\n" * 40)
    expect(message_texts(bob)).to_have_count(4)
    log = bob.page.get_by_role("log")
    log.evaluate("log => log.scrollTop = -700")
    bob.fills("Message", "I wanted to say")
    row(bob, "Kitchen").click()
    is_open(bob, "Kitchen")
    expect(bob.page.get_by_label("Message", exact=True)).to_have_value("")
    row(bob, "Garden").click()
    is_open(bob, "Garden")
    expect(bob.page.get_by_label("Message", exact=True)).to_have_value("I wanted to say")
    assert abs(log.evaluate("log => log.scrollTop") + 700) < 2


def test_a_link_to_a_message_shows_it_also_when_others_were_missed(two: Two) -> None:
    bob = two.bob
    for number in range(3):
        two.ann.writes(f"{number}\n\n" * 30)
    expect(message_texts(bob)).to_have_count(4)
    first = bob.page.locator("message-list article[id]").first
    fragment = f"{two.path}#{first.get_attribute('id')}"
    row(bob, "Kitchen").click()
    is_open(bob, "Kitchen")
    two.ann.writes("news")
    expect(row(bob, "Garden")).to_contain_text("1 unread")
    bob.page.locator(".message-column").evaluate(
        "(column, href) => column.append(Object.assign(document.createElement('a'), {href, textContent: 'There'}))",
        fragment,
    )
    bob.follows("There")
    is_open(bob, "Garden")
    expect(message_texts(bob)).to_have_count(5)
    expect(first).to_be_in_viewport()
    expect(message_texts(bob).last).not_to_be_in_viewport()


def test_a_chat_that_one_was_removed_from_leaves_the_memory(two: Two) -> None:
    bob, ann = two.bob, two.ann
    row(bob, "Kitchen").click()
    is_open(bob, "Kitchen")
    ann.opens(two.path + "/edit")
    ann.presses("Remove")
    ann.presses("Remove")
    expect(row(bob, "Garden")).to_have_count(0)
    bob.page.go_back()
    bob.sees("Page not found")
    expect(bob.page.locator("body")).not_to_contain_text("The tomatoes are in")


def test_a_renamed_chat_comes_back_under_its_new_name(two: Two) -> None:
    row(two.bob, "Kitchen").click()
    is_open(two.bob, "Kitchen")
    two.ann.opens(two.path + "/edit")
    two.ann.fills("Title", "Allotment")
    two.ann.presses("Save")
    row(two.bob, "Allotment").click()
    is_open(two.bob, "Allotment")
    assert two.has_stayed(two.bob)


def test_who_comes_and_goes_is_told_above_the_log(two: Two, visit: Visit) -> None:
    carol = name()
    visit().signs_up(carol)
    names = two.bob.page.locator(".pane-title p")
    two.ann.opens(two.path + "/edit")
    two.ann.fills("Add member", carol)
    two.ann.page.get_by_label("Title", exact=True).focus()
    two.ann.presses("Add")
    expect(names).to_contain_text(carol)
    two.ann.opens(two.path + "/leave")
    two.ann.presses("Leave chat")
    expect(names).not_to_contain_text(two.ann_name)
    assert two.has_stayed(two.bob)


def test_after_logging_out_nothing_stands_in_memory(two: Two) -> None:
    bob = two.bob
    row(bob, "Kitchen").click()
    is_open(bob, "Kitchen")
    bob.presses("Log out")
    expect(bob.page.get_by_role("link", name="Register").first).to_be_visible()
    bob.page.go_back()
    expect(bob.page).to_have_url(re.compile("/login"))


def test_what_can_not_be_fetched_leaves_the_page_as_it_is(two: Two) -> None:
    def break_off(route: Route) -> None:
        route.abort()

    two.bob.page.route(f"**{two.kitchen}", break_off)
    row(two.bob, "Kitchen").click()
    expect(two.bob.page.locator("live-stream")).to_contain_text("offline")
    is_open(two.bob, "Garden")
    expect(row(two.bob, "Garden")).to_have_attribute("aria-current", "page")
    two.bob.page.unroute(f"**{two.kitchen}")
    row(two.bob, "Kitchen").click()
    is_open(two.bob, "Kitchen")
    assert two.has_stayed(two.bob)


def test_what_is_refused_is_a_page_as_any_other(two: Two) -> None:
    two.bob.page.route(
        f"**{two.kitchen}",
        lambda route: route.fulfill(status=404) if "x-pane" in route.request.headers else route.continue_(),
    )
    row(two.bob, "Kitchen").click()
    is_open(two.bob, "Kitchen")
    assert not two.has_stayed(two.bob)


@pytest.mark.parametrize("keys", [["Control"], ["Shift"]])
def test_a_new_tab_is_a_new_tab(two: Two, keys: list[str]) -> None:
    with two.bob.context.expect_page() as opened:
        row(two.bob, "Kitchen").click(modifiers=keys)
    tab_shows(two.bob, opened.value, "Kitchen")
    is_open(two.bob, "Garden")


def test_on_a_phone_the_list_and_a_chat_take_turns(visit: Visit) -> None:
    two = Two(visit, phone=True)
    bob = two.bob
    bob.page.get_by_role("link", name="All chats").tap()
    expect(bob.page).to_have_title("(1) Chats · Flask Chat")
    expect(bob.page.get_by_role("heading", level=1)).to_have_text("Chats")
    row(bob, "Kitchen").tap()
    is_open(bob, "Kitchen")
    # No keyboard slides over it.
    expect(bob.page.get_by_role("heading", level=1)).to_be_focused()
    expect(bob.page.get_by_role("navigation", name="Chats")).to_be_hidden()
    bob.page.get_by_role("link", name="All chats").tap()
    expect(row(bob, "Garden")).to_be_visible()
    expect(bob.page.get_by_role("main")).to_have_count(1)
    row(bob, "Garden").tap()
    is_open(bob, "Garden")
    bob.page.go_back()
    expect(row(bob, "Kitchen")).to_be_visible()
    expect(bob.page.get_by_role("heading", level=1)).to_have_text("Chats")
    assert two.has_stayed(bob)
    assert not bob.complaints


def test_code_is_copied_at_a_press(two: Two) -> None:
    bob = two.bob
    bob.context.grant_permissions(["clipboard-read", "clipboard-write"])
    enters(two.ann, "```python\nfor bed in garden:\n    bed.water()\n```")
    code = bob.page.locator(".code")
    expect(code).to_have_count(1)
    code.get_by_role("button", name="Copy").click()
    expect(bob.page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
    assert bob.page.evaluate("navigator.clipboard.readText()") == "for bed in garden:\n    bed.water()"


def test_a_tab_that_slept_with_the_stream_holds_nobody_up(two: Two) -> None:
    """The first tab holds the stream, and stops answering as a sleeping one does."""
    first = two.bob
    first.page.evaluate("BroadcastChannel.prototype.postMessage = () => {}")
    second = first.context.new_page()
    second.goto(first.server.url + two.path)
    expect(second.get_by_role("log")).to_contain_text("The tomatoes are in")
    second.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(second.locator("chat-people")).to_have_text("· 2 online")
    two.ann.writes("Awake?")
    expect(second.get_by_role("log")).to_contain_text("Awake?")
