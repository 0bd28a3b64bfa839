"""What people do with a message: react, look at its history, mark it as unread, forward it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from .conftest import Visit, Visitor, until
from .test_live import Pair, message_texts, name, row

THUMB, PARTY = "👍", "🎉"


@pytest.fixture
def pair(visit: Visit) -> Pair:
    return Pair(visit)


def message(who: Visitor, text: str) -> Locator:
    return who.page.get_by_role("article").filter(has_text=text)


def reactions(who: Visitor, text: str) -> Locator:
    return message(who, text).get_by_role("list", name="Reactions").get_by_role("button")


def acts(who: Visitor, text: str, what: str, role: str = "link") -> None:
    """Press one of a message's actions, with the mouse."""
    article = message(who, text)
    article.hover()
    article.get_by_role(role, name=what, exact=True).click()


def test_a_reaction_is_two_presses_away_and_comes_to_the_other(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    expect(message_texts(pair.bob)).to_have_text(["The tomatoes are in"])
    acts(pair.bob, "tomatoes", "React")
    pair.bob.page.get_by_role("group", name="React").get_by_role("button", name="party popper").click()
    bob_reaction, ann_reaction = reactions(pair.bob, "tomatoes"), reactions(pair.ann, "tomatoes")
    expect(bob_reaction).to_have_text(re.compile(f"{PARTY}.* 1"))
    expect(bob_reaction).to_have_attribute("aria-pressed", "true")
    expect(ann_reaction).to_have_attribute("aria-pressed", "false")
    expect(ann_reaction).to_have_attribute("title", pair.bob_name)
    ann_reaction.click()
    expect(bob_reaction).to_have_text(re.compile(f"{PARTY}.* 2"))
    expect(bob_reaction).to_have_attribute("title", f"{pair.bob_name}, {pair.ann_name}")
    ann_reaction.click()
    bob_reaction.click()
    expect(bob_reaction).to_have_count(0)
    expect(ann_reaction).to_have_count(0)
    assert pair.has_stayed(pair.ann) and pair.has_stayed(pair.bob)
    assert not pair.ann.complaints + pair.bob.complaints


def test_a_reaction_by_keys_keeps_the_focus(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    link = message(pair.ann, "tomatoes").get_by_role("link", name="React", exact=True)
    link.focus()
    link.press("Enter")
    choice = pair.ann.page.get_by_role("group", name="React")
    expect(choice.get_by_role("button").first).to_be_focused()
    pair.ann.page.keyboard.press("ArrowRight")
    pair.ann.page.keyboard.press("ArrowLeft")
    pair.ann.page.keyboard.press("Enter")
    expect(choice).to_have_count(0)
    button = reactions(pair.ann, "tomatoes")
    button.focus()
    acts(pair.bob, "tomatoes", "React")
    pair.bob.page.get_by_role("group", name="React").get_by_role("button", name="thumbs up").click()
    # The row was drawn anew by what Bob did.
    expect(button).to_have_text(re.compile(f"{THUMB}.* 2"))
    expect(button).to_be_focused()
    pair.ann.page.keyboard.press("Enter")
    expect(button).to_have_text(re.compile(f"{THUMB}.* 1"))
    expect(button).to_have_attribute("aria-pressed", "false")
    acts(pair.ann, "tomatoes", "React")
    pair.ann.page.keyboard.press("Escape")
    expect(choice).to_have_count(0)


def test_what_the_server_does_not_take_is_put_back(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    pair.ann.page.route("**/api/messages/*/reactions/*", lambda route: route.fulfill(status=503, body="{}"))
    acts(pair.ann, "tomatoes", "React")
    pair.ann.page.get_by_role("group", name="React").get_by_role("button", name="thumbs up").click()
    expect(pair.ann.page.get_by_text("Something went wrong. Try again.")).to_be_visible()
    expect(reactions(pair.ann, "tomatoes")).to_have_count(0)


def test_a_reaction_is_shown_before_the_server_answers(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    held: list[Route] = []
    pair.ann.page.route("**/api/messages/*/reactions/*", lambda route: held.append(route))
    acts(pair.ann, "tomatoes", "React")
    pair.ann.page.get_by_role("group", name="React").get_by_role("button", name="thumbs up").click()
    expect(reactions(pair.ann, "tomatoes")).to_have_attribute("aria-pressed", "true")
    until(pair.ann.page, lambda: held)
    held[0].continue_()
    expect(reactions(pair.bob, "tomatoes")).to_have_text(re.compile(f"{THUMB}.* 1"))


def test_who_reacted_is_a_press_further(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    choice = pair.ann.page.get_by_role("group", name="React")
    acts(pair.ann, "tomatoes", "React")
    expect(choice.get_by_role("button", name="Who reacted")).to_be_hidden()
    choice.get_by_role("button", name="thumbs up").click()
    acts(pair.bob, "tomatoes", "React")
    pair.bob.page.get_by_role("group", name="React").get_by_role("button", name="party popper").click()
    expect(reactions(pair.ann, "tomatoes")).to_have_count(2)
    acts(pair.ann, "tomatoes", "React")
    choice.get_by_role("button", name="Who reacted").click()
    dialog = pair.ann.page.get_by_role("dialog", name="Reactions")
    expect(dialog.get_by_role("heading", level=2)).to_have_text([f"{THUMB} thumbs up", f"{PARTY} party popper"])
    expect(dialog.get_by_role("link")).to_have_text([pair.ann_name, pair.bob_name])
    pair.ann.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert not pair.ann.complaints


def test_edited_shows_what_was_said_before(pair: Pair) -> None:
    pair.ann.writes("the tomatos are in")
    acts(pair.ann, "tomatos", "Edit message")
    pair.ann.fills("Message", "The tomatoes are in")
    pair.ann.presses("Save")
    expect(message_texts(pair.bob)).to_have_text(["The tomatoes are in"])
    message(pair.bob, "tomatoes").get_by_role("link", name="edited").click()
    history = pair.bob.page.get_by_role("dialog", name="Message history")
    expect(history.get_by_role("article").locator(".prose")).to_have_text(["The tomatoes are in", "the tomatos are in"])
    history.get_by_role("button", name="Close").click()
    expect(history).to_have_count(0)
    assert pair.has_stayed(pair.bob)
    assert not pair.bob.complaints


def test_marked_as_unread_it_stays_so_until_the_chat_is_opened_anew(pair: Pair) -> None:
    for text in ("one", "two", "three"):
        pair.ann.writes(text)
    expect(message_texts(pair.bob)).to_have_text(["one", "two", "three"])
    expect(row(pair.bob, "Garden")).not_to_contain_text("unread")
    other = pair.bob.context.new_page()
    other.goto(pair.bob.server.url + "/")
    elsewhere = other.get_by_role("link", name=re.compile("^Garden"))
    pair.bob.page.bring_to_front()
    acts(pair.bob, "two", "Mark as unread", "button")
    expect(row(pair.bob, "Garden")).to_contain_text("2 unread")
    expect(elsewhere).to_contain_text("2 unread")
    expect(pair.bob.page).to_have_title(re.compile(r"^\(2\) "))
    line = pair.bob.page.locator(".unread-line + article")
    expect(line).to_contain_text("two")
    # He looks at it all the while, and something comes in.
    pair.ann.writes("four")
    expect(message_texts(pair.bob)).to_have_text(["one", "two", "three", "four"])
    expect(row(pair.bob, "Garden")).to_contain_text("3 unread")
    assert pair.has_stayed(pair.bob)
    pair.bob.opens(pair.path)
    expect(line).to_contain_text("two")
    expect(row(pair.bob, "Garden")).not_to_contain_text("unread")
    expect(elsewhere).not_to_contain_text("unread")


def test_who_writes_has_read(pair: Pair) -> None:
    pair.ann.writes("one")
    expect(message_texts(pair.bob)).to_have_text(["one"])
    acts(pair.bob, "one", "Mark as unread", "button")
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread")
    pair.bob.writes("on my way")
    expect(row(pair.bob, "Garden")).not_to_contain_text("unread")
    assert pair.has_stayed(pair.bob)


def test_a_message_is_forwarded_in_a_dialog(pair: Pair) -> None:
    kitchen = pair.bob.starts("Kitchen", pair.ann_name)
    pair.bob.starts("Attic")
    pair.bob.opens(pair.path)
    pair.stays(pair.bob)
    pair.ann.writes("The tomatoes are in")
    expect(message_texts(pair.bob)).to_have_text(["The tomatoes are in"])
    acts(pair.bob, "tomatoes", "Forward")
    dialog = pair.bob.page.get_by_role("dialog", name="Forward message")
    expect(dialog.get_by_role("radio")).to_have_count(3)
    dialog.get_by_label("Filter").fill("kit")
    expect(dialog.get_by_role("radio")).to_have_count(1)
    dialog.get_by_label("Filter").press("Enter")
    dialog.get_by_label("Comment").fill("Soup?")
    dialog.get_by_role("button", name="Forward", exact=True).click()
    expect(dialog).to_have_count(0)
    toast = pair.bob.page.locator(".toast")
    expect(toast).to_contain_text("Forwarded to Kitchen")
    assert pair.has_stayed(pair.bob)
    toast.get_by_role("link", name="Open").click()
    expect(pair.bob.page).to_have_url(pair.bob.server.url + kitchen)
    expect(message_texts(pair.bob)).to_have_text(["Soup?", "The tomatoes are in"])
    expect(message(pair.bob, "tomatoes")).to_contain_text(f"Forwarded from {pair.ann_name}")
    assert not pair.bob.complaints


def test_message_actions_on_touch_in_russian(visit: Visit) -> None:
    ann, bob_name = visit().signs_up(name()), name()
    visit().signs_up(bob_name)
    bob = visit(phone=True, language="ru-RU")
    bob.logs_in(bob_name, ("Имя пользователя", "Пароль", "Войти"))
    path = ann.starts("Огород", bob_name)
    ann.writes("Помидоры созрели")
    bob.opens(path)
    article = message(bob, "Помидоры")
    article.get_by_role("button", name="Действия с сообщением").tap()
    article.get_by_role("link", name="Поставить реакцию", exact=True).tap()
    bob.page.get_by_role("group", name="Поставить реакцию").get_by_role("button", name="большой палец вверх").tap()
    button = article.get_by_role("list", name="Реакции").get_by_role("button")
    expect(button).to_have_text(re.compile(f"{THUMB}.*большой палец вверх 1"))
    # What the stream brings draws the row anew just then.
    box = until(bob.page, button.bounding_box)
    assert box["height"] >= 44 and box["width"] >= 44
    button.tap()
    expect(button).to_have_count(0)
    article.get_by_role("button", name="Действия с сообщением").tap()
    article.get_by_role("button", name="Пометить непрочитанным").tap()
    expect(bob.page.locator(".unread-line + article")).to_contain_text("Помидоры")
    article.get_by_role("button", name="Действия с сообщением").tap()
    article.get_by_role("link", name="Переслать").tap()
    dialog = bob.page.get_by_role("dialog", name="Переслать сообщение")
    dialog.get_by_text("Огород").tap()
    dialog.get_by_role("button", name="Переслать").tap()
    expect(bob.page.locator(".toast")).to_contain_text("Переслано в чат «Огород»")
    expect(message_texts(bob)).to_have_text(["Помидоры созрели", "Помидоры созрели"])
    assert not bob.complaints


def test_without_a_script_all_of_it_is_pages_and_buttons(visit: Visit) -> None:
    bob_name = name()
    ann, bob = visit().signs_up(name()), visit(javascript=False).signs_up(bob_name)
    path = ann.starts("Garden", bob_name)
    ann.writes("The tomatoes are in")
    bob.opens(path)
    acts(bob, "tomatoes", "React")
    bob.presses("party popper")
    expect(reactions(bob, "tomatoes")).to_have_text(re.compile(f"{PARTY}.* 1"))
    reactions(bob, "tomatoes").click()
    expect(reactions(bob, "tomatoes")).to_have_count(0)
    acts(bob, "tomatoes", "Forward")
    bob.page.get_by_text("Garden").click()
    bob.fills("Comment", "Look")
    bob.presses("Forward")
    expect(message_texts(bob)).to_have_text(["The tomatoes are in", "Look", "The tomatoes are in"])
    article = bob.page.get_by_role("article").first
    article.hover()
    article.get_by_role("button", name="Mark as unread").click()
    expect(bob.page).to_have_url(bob.server.url + "/")
    expect(bob.page.get_by_role("link", name=re.compile("^Garden"))).to_contain_text("1 unread")
