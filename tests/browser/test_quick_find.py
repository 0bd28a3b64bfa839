"""Ctrl+K: chats, people and messages by a few letters, with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Visit, Visitor, until
from .test_everyone import AXE


def finder(page: Page) -> Locator:
    return page.locator("dialog.quick-find")


def options(page: Page) -> Locator:
    return finder(page).get_by_role("option")


def active(page: Page) -> Locator:
    return finder(page).locator("[role=option][aria-selected=true]")


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)
        if key == "Control+k":
            expect(finder(page).get_by_role("combobox")).to_be_focused()


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    return {}


@pytest.fixture
def ann(visit: Visit, names: dict[str, str]) -> Visitor:
    """Ann in English, with two chats and a word in one of them; made once for the file."""
    ann = visit()
    if not names:
        visit().signs_up("kfind-bob")
        ann.signs_up("kfind-ann")
        names["club"] = ann.starts("Reading Club")
        names["garden"] = ann.starts("Ёлки и Garden", "kfind-bob")
        ann.writes("we were running with собаками")
        ann.writes("nothing of that kind")
    else:
        ann.logs_in("kfind-ann")
    return ann


def test_ctrl_k_goes_to_a_chat_by_the_keyboard_alone(ann: Visitor, names: dict[str, str]) -> None:
    page = ann.page
    ann.opens("/")
    keys(page, "Control+k")
    field = finder(page).get_by_role("combobox")
    expect(options(page)).to_have_count(2)
    page.keyboard.type("clu")
    expect(options(page).filter(has_text="Reading Club")).to_have_count(1)
    expect(active(page)).to_contain_text("Reading Club")
    expect(field).to_have_attribute("aria-activedescendant", active(page).get_attribute("id") or "none")
    keys(page, "Enter")
    expect(page).to_have_url(re.compile(names["club"] + "$"))
    assert ann.complaints == []


def test_no_key_is_lost_while_the_finder_is_loaded(ann: Visitor, names: dict[str, str]) -> None:
    page, held = ann.page, []
    ann.opens("/chats/" + names["club"].rpartition("/")[2])
    page.route("**/quick-find.js*", lambda route: held.append(route))
    page.get_by_label("Message", exact=True).focus()
    keys(page, "Control+k")
    page.keyboard.type("garden")
    expect(finder(page).get_by_role("combobox")).to_have_value("garden")
    expect(page.locator("chat-composer textarea")).to_have_value("")
    until(page, lambda: held)
    held[0].continue_()
    expect(options(page)).to_have_text(re.compile("Ёлки и Garden"))


@pytest.mark.parametrize("comes", [True, False], ids=["comes late", "never comes"])
def test_enter_waits_for_the_finder_too(ann: Visitor, names: dict[str, str], comes: bool) -> None:
    page, held = ann.page, []
    ann.opens(names["garden"])
    page.route("**/quick-find.js*", lambda route: held.append(route))
    keys(page, "Control+k")
    page.keyboard.type("clu")
    keys(page, "Enter")
    until(page, lambda: held)
    if comes:
        held[0].continue_()
        expect(page).to_have_url(re.compile(names["club"] + "$"))
    else:
        held[0].abort()
        expect(page).to_have_url(re.compile(r"/search\?q=clu$"))


def test_a_listed_chat_is_there_before_the_server_says_anything(ann: Visitor, names: dict[str, str]) -> None:
    page = ann.page
    ann.opens("/")
    page.route("**/api/find*", lambda route: None)
    keys(page, "Control+k")
    page.keyboard.type("елк")
    expect(options(page)).to_have_text(re.compile("Ёлки и Garden"))
    keys(page, "Enter")
    expect(page).to_have_url(re.compile(names["garden"] + "$"))


def test_ctrl_k_finds_a_message_by_another_form_and_leads_to_its_place(ann: Visitor) -> None:
    page = ann.page
    ann.opens("/settings")
    keys(page, "Control+k")
    page.keyboard.type("runs собака")
    expect(finder(page).locator("mark")).to_have_text(["running", "собаками"])
    expect(finder(page).get_by_role("status")).to_have_text("Results: 1")
    keys(page, "Enter")
    expect(page).to_have_url(re.compile(r"around=(\d+)#message-\1$"))
    expect(page.locator("article:target")).to_contain_text("собаками")


def test_ctrl_k_finds_people_and_says_when_there_is_nothing(ann: Visitor) -> None:
    page = ann.page
    ann.opens("/")
    keys(page, "Control+k")
    page.keyboard.type("kfind-b")
    group = finder(page).get_by_role("group", name="People")
    expect(group.get_by_role("option")).to_contain_text("kfind-bob")
    finder(page).get_by_role("combobox").fill("from:nobody-like-this")
    expect(finder(page).get_by_role("status")).to_have_text("No user named “nobody-like-this”.")
    expect(options(page)).to_have_count(0)
    finder(page).get_by_role("combobox").fill("kfind-b")
    expect(group.get_by_role("option")).to_have_count(1)
    keys(page, "ArrowUp", "ArrowUp", "Escape")
    expect(finder(page)).to_be_hidden()
    keys(page, "Control+k")
    expect(options(page)).not_to_have_count(0)
    page.keyboard.type("kfind-b")
    expect(group.get_by_role("option")).to_have_count(1)
    keys(page, "Enter")
    expect(page).to_have_url(re.compile("/users/kfind-bob$"))


def test_enter_with_nothing_chosen_leads_to_the_search_page(ann: Visitor) -> None:
    page = ann.page
    ann.opens("/")
    keys(page, "Control+k")
    page.keyboard.type("собака")
    expect(active(page)).to_contain_text("собаками")
    keys(page, "ArrowUp", "Enter")
    expect(page).to_have_url(re.compile(r"/search\?q="))
    expect(page.locator(".result mark")).to_have_text("собаками")


def test_enter_before_anything_is_found_opens_what_comes_first(ann: Visitor) -> None:
    page, held = ann.page, []
    ann.opens("/")
    page.route("**/api/find*", lambda route: held.append(route))
    keys(page, "Control+k")
    page.keyboard.type("собака")
    keys(page, "Enter")
    until(page, lambda: held)
    held[0].continue_()
    expect(page.locator("article:target")).to_contain_text("собаками")


def test_enter_in_an_empty_field_does_nothing(ann: Visitor) -> None:
    page, asked = ann.page, []
    ann.opens("/")
    keys(page, "Control+k")
    expect(options(page)).to_have_count(2)
    expect(active(page)).to_have_count(0)
    page.on("request", lambda request: asked.append(request.url) if request.is_navigation_request() else None)
    keys(page, "Enter")
    page.keyboard.type("  ")
    keys(page, "Enter")
    page.keyboard.type("nothing-is-called-so")
    expect(finder(page).get_by_role("status")).to_have_text("No results")
    assert asked == []
    # What was chosen by hand is not taken away by what is found later.
    finder(page).get_by_role("combobox").fill("kfind")
    expect(options(page)).not_to_have_count(0)
    expect(options(page).first).to_have_attribute("aria-selected", "true")


def test_the_finder_speaks_russian_and_knows_the_key_in_its_layout(ann: Visitor, visit: Visit) -> None:
    there = visit(language="ru-RU")
    there.logs_in("kfind-ann", ("Имя пользователя", "Пароль", "Войти"))
    page = there.page
    expect(page.locator("chat-list")).to_be_visible()
    press = (
        "document.dispatchEvent(new KeyboardEvent('keydown', {code: 'KeyK', key: 'л', ctrlKey: true, bubbles: true}))"
    )
    page.evaluate(press)
    expect(finder(page)).to_be_visible()
    page.keyboard.type("собак от:меня")
    expect(finder(page).get_by_role("group", name="Сообщения").get_by_role("option")).to_have_count(1)
    expect(finder(page).get_by_role("status")).to_have_text("Найдено: 1")
    keys(page, "Enter")
    expect(page.locator("article:target")).to_contain_text("собаками")
    assert there.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_a_button_opens_it_over_the_whole_screen(ann: Visitor, visit: Visit, theme: str) -> None:
    there = visit(phone=True, theme=theme, bypass_csp=True)
    there.logs_in("kfind-ann")
    there.presses("Quick find")
    box = finder(there.page).bounding_box()
    assert box is not None and (round(box["width"]), round(box["height"])) == (390, 844)
    there.page.keyboard.type("собака")
    expect(options(there.page)).to_have_count(1)
    there.page.evaluate(AXE)
    found = there.page.evaluate("axe.run(document.querySelector('dialog'), {resultTypes: ['violations']})")
    assert [violation["id"] for violation in found["violations"]] == []
    there.presses("Close")
    expect(finder(there.page)).to_be_hidden()


def test_without_a_script_the_field_leads_to_the_search_page(ann: Visitor, visit: Visit) -> None:
    there = visit(javascript=False)
    there.logs_in("kfind-ann")
    expect(there.page.get_by_role("button", name="Quick find")).to_be_hidden()
    there.fills("Search", "собака")
    there.page.get_by_label("Search", exact=True).press("Enter")
    expect(there.page.locator(".result mark")).to_have_text("собаками")


def test_on_the_search_page_results_come_while_one_types(ann: Visitor) -> None:
    page = ann.page
    ann.opens("/search")
    page.get_by_label("Search", exact=True).press_sequentially("собак")
    expect(page.locator(".result mark")).to_have_text("собаками")
    expect(page).to_have_url(re.compile(r"/search\?q=%D1%81%D0%BE%D0%B1%D0%B0%D0%BA&"))
    page.get_by_label("Author", exact=True).fill("kfind-bob")
    expect(page.locator(".result")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="No results for “собак”")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("heading", name="No results for “собак”")).to_be_visible()
    assert ann.complaints == []
