"""Emoji are found by name and picked with keys, mouse or finger, in English and in Russian."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Visit, Visitor


def name() -> str:
    """A username that nobody had yet."""
    return "p" + "".join(secrets.choice("abcdefghkmnprstuvwxyz") for _ in range(10))


@pytest.fixture
def ann(visit: Visit) -> Visitor:
    """Ann in a chat of her own."""
    visitor = visit().signs_up(name())
    visitor.starts("Garden")
    return visitor


def field(who: Visitor) -> Locator:
    return who.page.locator("#text")


def picker(who: Visitor) -> Locator:
    return who.page.get_by_role("dialog", name="Emoji", exact=True)


def test_the_picker_finds_by_name_and_writes_where_the_caret_is(ann: Visitor) -> None:
    field(ann).fill("Ripe  today")
    field(ann).press("Home")
    for _ in range(5):
        field(ann).press("ArrowRight")
    ann.presses("Emoji")
    finding = picker(ann).get_by_role("searchbox", name="Search emoji")
    expect(finding).to_be_focused()
    finding.fill("tomato")
    finding.press("Enter")
    expect(field(ann)).to_have_value("Ripe 🍅 today")
    expect(field(ann)).to_be_focused()
    expect(picker(ann)).to_be_hidden()
    assert not ann.complaints


def test_arrows_lead_through_the_grid(ann: Visitor) -> None:
    ann.presses("Emoji")
    finding = picker(ann).get_by_role("searchbox")
    finding.press("ArrowDown")
    first = picker(ann).get_by_role("button", name="grinning face", exact=True)
    expect(first).to_be_focused()
    first.press("ArrowRight")
    second = picker(ann).get_by_role("button", name="grinning face with big eyes", exact=True)
    expect(second).to_be_focused()
    second.press("ArrowDown")
    ann.page.keyboard.press("ArrowUp")
    expect(second).to_be_focused()
    second.press("ArrowUp")
    expect(finding).to_be_focused()
    finding.press("ArrowDown")
    ann.page.keyboard.press("Enter")
    expect(field(ann)).to_have_value("😀")


def test_escape_closes_it_and_nothing_is_written(ann: Visitor) -> None:
    ann.presses("Emoji")
    expect(picker(ann)).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(picker(ann)).to_be_hidden()
    expect(field(ann)).to_be_focused()
    expect(field(ann)).to_have_value("")


def test_what_was_used_stands_first_the_next_time(ann: Visitor) -> None:
    ann.presses("Emoji")
    picker(ann).get_by_role("searchbox").fill("party")
    picker(ann).get_by_role("button", name="party popper", exact=True).click()
    ann.page.reload()
    expect(field(ann)).to_have_value("🎉")
    ann.presses("Emoji")
    recent = picker(ann).get_by_role("group", name="Recently used")
    expect(recent.get_by_role("button")).to_have_text(["🎉"])
    picker(ann).get_by_role("button", name="Flags", exact=True).click()
    picker(ann).get_by_role("button", name="portugal", exact=True).click()
    expect(field(ann)).to_have_value("🎉🇵🇹")


def test_a_finger_picks_from_a_sheet_and_no_keyboard_comes(visit: Visit) -> None:
    ann = visit(phone=True).signs_up(name())
    ann.starts("Garden")
    ann.page.get_by_role("button", name="Emoji", exact=True).tap()
    expect(picker(ann)).to_be_visible()
    expect(picker(ann).get_by_role("searchbox")).not_to_be_focused()
    target = picker(ann).get_by_role("button", name="winking face", exact=True)
    box = target.bounding_box()
    assert box and box["height"] >= 44 and box["width"] >= 44, box
    target.tap()
    expect(field(ann)).to_have_value("😉")


def test_russian_words_find_them(visit: Visit) -> None:
    username = name()
    path = visit().signs_up(username).starts("Garden")
    ann = visit(language="ru-RU").logs_in(username, ("Имя пользователя", "Пароль", "Войти"))
    ann.opens(path)
    ann.presses("Эмодзи")
    dialog = ann.page.get_by_role("dialog", name="Эмодзи", exact=True)
    dialog.get_by_role("searchbox", name="Поиск эмодзи").fill("помид")
    expect(dialog.get_by_role("button", name="помидор", exact=True)).to_be_visible()
    dialog.get_by_role("searchbox").press("Enter")
    expect(field(ann)).to_have_value("🍅")


def test_a_name_between_colons_is_completed(ann: Visitor) -> None:
    field(ann).press_sequentially("Ripe :toma")
    offered = ann.page.get_by_role("listbox", name="Emoji")
    expect(offered.get_by_role("option").first).to_contain_text(":tomato:")
    field(ann).press("Enter")
    expect(field(ann)).to_have_value("Ripe 🍅")
    # A whole name needs no list.
    field(ann).press_sequentially(" :+1:")
    expect(field(ann)).to_have_value("Ripe 🍅 👍️".replace("\ufe0f", ""))
    field(ann).press("Enter")
    expect(ann.page.get_by_role("log")).to_contain_text("Ripe 🍅 👍")
    assert not ann.complaints


def test_colons_in_times_and_code_offer_nothing(ann: Visitor) -> None:
    field(ann).press_sequentially(":fire")
    expect(ann.page.get_by_role("option")).not_to_have_count(0)
    for text in ("at 10:30am", "`:fire", "http://fire", "x:fire"):
        field(ann).fill("")
        field(ann).press_sequentially(text)
        expect(ann.page.get_by_role("option")).to_have_count(0)


def test_russian_names_complete_too(visit: Visit) -> None:
    username = name()
    path = visit().signs_up(username).starts("Garden")
    ann = visit(language="ru-RU").logs_in(username, ("Имя пользователя", "Пароль", "Войти"))
    ann.opens(path)
    field(ann).press_sequentially(":помид")
    expect(ann.page.get_by_role("listbox", name="Эмодзи").get_by_role("option")).to_contain_text([":помидор:"])
    field(ann).press("Tab")
    expect(field(ann)).to_have_value("🍅")
    field(ann).press_sequentially(" :heart")
    expect(ann.page.get_by_role("option").first).to_contain_text(":heart:")
