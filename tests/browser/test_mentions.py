"""“@” offers who is in the chat; who is mentioned sees it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Visit, Visitor
from .test_live import Pair, row


@pytest.fixture
def pair(visit: Visit) -> Pair:
    return Pair(visit)


def field(who: Visitor) -> Locator:
    return who.page.locator("#text")


def offered(who: Visitor) -> Locator:
    return who.page.get_by_role("option")


def test_keys_complete_a_name_and_the_other_sees_it(pair: Pair) -> None:
    pair.bob.opens("/")
    expect(row(pair.bob, "Garden")).to_be_visible()
    field(pair.ann).press_sequentially("Look here, @")
    expect(pair.ann.page.get_by_role("listbox", name="People")).to_be_visible()
    expect(offered(pair.ann)).to_contain_text([f"@{pair.bob_name}"])
    field(pair.ann).press_sequentially(pair.bob_name[:4].upper())
    expect(offered(pair.ann)).to_have_attribute("aria-selected", "true")
    active = field(pair.ann).get_attribute("aria-activedescendant")
    assert active and pair.ann.page.locator(f"#{active}").get_attribute("role") == "option"
    field(pair.ann).press("Enter")
    expect(field(pair.ann)).to_have_value(f"Look here, @{pair.bob_name} ")
    expect(offered(pair.ann)).to_have_count(0)
    field(pair.ann).press_sequentially("please")
    field(pair.ann).press("Enter")
    mention = pair.ann.page.get_by_role("log").get_by_role("link", name=f"@{pair.bob_name}")
    expect(mention).to_have_attribute("href", f"/users/{pair.bob_name}")
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread, you were mentioned")
    expect(pair.bob.page.locator(".badge")).to_have_text("@ 1")
    pair.bob.opens(pair.path)
    expect(pair.bob.page.locator("[data-mentioned]")).to_have_count(1)
    expect(row(pair.bob, "Garden")).not_to_contain_text("mentioned")
    assert not pair.ann.complaints + pair.bob.complaints


def test_escape_closes_the_list_and_enter_sends_then(pair: Pair) -> None:
    field(pair.ann).press_sequentially("@p")
    expect(offered(pair.ann)).not_to_have_count(0)
    field(pair.ann).press("Escape")
    expect(offered(pair.ann)).to_have_count(0)
    field(pair.ann).press_sequentially("s")
    expect(offered(pair.ann)).to_have_count(0)
    field(pair.ann).press("Enter")
    expect(pair.ann.page.get_by_role("log")).to_contain_text("@ps")
    expect(field(pair.ann)).to_have_value("")


def test_arrows_wrap_around_and_a_click_accepts(pair: Pair, visit: Visit) -> None:
    carol = visit().signs_up(f"{pair.bob_name}x")
    pair.ann.opens(pair.path + "/edit")
    pair.ann.fills("Add member", f"{pair.bob_name}x")
    pair.ann.presses("Add")
    pair.ann.opens(pair.path)
    field(pair.ann).press_sequentially(f"@{pair.bob_name}")
    expect(offered(pair.ann)).to_have_count(2)
    expect(offered(pair.ann).first).to_have_attribute("aria-selected", "true")
    field(pair.ann).press("ArrowDown")
    expect(offered(pair.ann).last).to_have_attribute("aria-selected", "true")
    field(pair.ann).press("ArrowDown")
    expect(offered(pair.ann).first).to_have_attribute("aria-selected", "true")
    field(pair.ann).press("ArrowUp")
    expect(offered(pair.ann).last).to_have_attribute("aria-selected", "true")
    offered(pair.ann).last.click()
    expect(field(pair.ann)).to_have_value(f"@{pair.bob_name}x ")
    expect(field(pair.ann)).to_be_focused()
    assert carol.complaints == []


def test_a_finger_takes_a_name(pair: Pair, visit: Visit) -> None:
    ann = visit(phone=True).logs_in(pair.ann_name)
    ann.opens(pair.path)
    field(ann).tap()
    ann.page.keyboard.type("@")
    target = offered(ann).first
    expect(target).to_be_visible()
    box = target.bounding_box()
    assert box and box["height"] >= 44, box
    target.tap()
    expect(field(ann)).to_have_value(f"@{pair.bob_name} ")
    expect(field(ann)).to_be_focused()


def test_without_scripts_a_typed_name_is_a_mention(pair: Pair, visit: Visit) -> None:
    ann = visit(javascript=False).logs_in(pair.ann_name)
    ann.opens(pair.path)
    ann.fills("Message", f"Hello @{pair.bob_name}")
    ann.presses("Send")
    expect(ann.page.get_by_role("log").get_by_role("link", name=re.compile(pair.bob_name))).to_be_visible()
