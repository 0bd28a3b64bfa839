"""What comes in while somebody is at it changes only what is different: clicks, menus, selected text go on."""

from __future__ import annotations

import random
import re

import pytest
from playwright.sync_api import Locator, Route, expect

from .conftest import Visit, Visitor, until
from .test_live import Pair, message_texts, name, row
from .test_message_actions import acts, message, reactions

REMEMBER = """row => {
    globalThis.before = [row, ...row.querySelectorAll("*")];
    getSelection().selectAllChildren(row.querySelector(".prose > p"));
}"""
UPDATED = """async (pairs) => {
    const { updateInPlace } = await import("update-in-place");
    const { parseHtml } = await import("server");
    const differing = ([old, fresh]) => {
        const [shown, wanted] = [parseHtml(`<div>${old}</div>`), parseHtml(`<div>${fresh}</div>`)];
        const copy = wanted.cloneNode(true);
        updateInPlace(shown.firstChild, wanted.firstChild);
        return !shown.isEqualNode(copy);
    };
    return pairs.filter(differing);
}"""


@pytest.fixture
def pair(visit: Visit) -> Pair:
    return Pair(visit)


def held_down(who: Visitor, button: Locator) -> None:
    """Begin a click."""
    button.hover()
    who.page.mouse.down()


def thumbs_up(who: Visitor, text: str) -> None:
    acts(who, text, "React")
    who.page.get_by_role("group", name="React").get_by_role("button", name="thumbs up").click()


def test_somebody_elses_reaction_leaves_the_rest_of_a_message_alone(visit: Visit) -> None:
    ann, bob_name = visit().signs_up(name()), name()
    bob = visit(phone=True).signs_up(bob_name)
    path = ann.starts("Garden", bob_name)
    ann.fills("Message", "The tomatoes are in\n\n```\nwater(tomatoes)\n```")
    ann.presses("Send")
    bob.opens(path)
    article = message(bob, "tomatoes")
    expect(article.locator(".copy")).to_have_count(1)
    article.get_by_role("button", name="Message actions").tap()
    menu = article.get_by_role("button", name="Mark as unread")
    expect(menu).to_be_visible()
    article.evaluate(REMEMBER)
    thumbs_up(ann, "tomatoes")
    expect(article.locator(".reaction")).to_have_text(re.compile("1"))
    assert bob.page.evaluate("before.every((node) => node.isConnected)")
    assert bob.page.evaluate("getSelection().toString()") == "The tomatoes are in"
    menu.tap()
    expect(bob.page.locator(".unread-line + article")).to_contain_text("tomatoes")
    assert not bob.complaints


def test_a_click_goes_on_while_its_message_changes(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    thumbs_up(pair.ann, "tomatoes")
    thumb = reactions(pair.bob, "tomatoes")
    held_down(pair.bob, thumb)
    acts(pair.ann, "tomatoes", "Edit message")
    pair.ann.fills("Message", "The potatoes are in")
    pair.ann.presses("Save")
    expect(message_texts(pair.bob)).to_have_text(["The potatoes are in"])
    pair.bob.page.mouse.up()
    expect(reactions(pair.ann, "potatoes")).to_have_text(re.compile(" 2$"))


def test_a_click_never_goes_to_what_has_taken_the_place_of_its_button(pair: Pair) -> None:
    pair.ann.writes("The tomatoes are in")
    thumbs_up(pair.ann, "tomatoes")
    acts(pair.bob, "tomatoes", "React")
    pair.bob.page.get_by_role("group", name="React").get_by_role("button", name="party popper").click()
    own, other = reactions(pair.ann, "tomatoes").first, reactions(pair.bob, "tomatoes").first
    expect(reactions(pair.bob, "tomatoes")).to_have_count(2)
    held_down(pair.bob, other)
    own.click()
    expect(other).to_have_attribute("value", "🎉")
    pair.bob.page.mouse.up()
    expect(other).to_have_attribute("aria-pressed", "true")


def test_a_chat_opens_while_its_row_changes(pair: Pair) -> None:
    pair.bob.opens("/")
    held_down(pair.bob, row(pair.bob, "Garden"))
    pair.ann.writes("The tomatoes are in")
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread")
    pair.bob.page.mouse.up()
    expect(pair.bob.page).to_have_url(pair.bob.server.url + pair.path)


def test_a_found_chat_opens_while_more_is_found(pair: Pair) -> None:
    asked: list[Route] = []
    pair.bob.opens("/")
    pair.ann.writes("The garden needs water")
    pair.bob.page.route("**/api/find?*", lambda route: asked.append(route))
    pair.bob.page.keyboard.press("Control+k")
    pair.bob.page.get_by_role("combobox").fill("garden")
    options = pair.bob.page.get_by_role("dialog").get_by_role("option")
    until(pair.bob.page, lambda: asked)
    held_down(pair.bob, options.first)
    asked[0].continue_()
    expect(options).to_have_count(2)
    pair.bob.page.mouse.up()
    expect(pair.bob.page).to_have_url(pair.bob.server.url + pair.path)


def rendering(chance: random.Random, depth: int = 3) -> str:
    """Any HTML, of few kinds of elements, so that two renderings have much in common."""
    parts = []
    for _ in range(chance.randrange(5)):
        inside = rendering(chance, depth - 1) if depth else ""
        link = f'<a href="/{chance.randrange(3)}">{chance.randrange(3)}</a>'
        attributes = chance.choice(["", ' class="one"', " hidden"])
        box = chance.choice([f"<b{attributes}>{inside}</b>", f"<ul><li{attributes}>{inside}</li></ul>"])
        parts.append(chance.choice([" ", "word", link, box]))
    return "".join(parts)


def test_any_rendering_becomes_any_other(visit: Visit) -> None:
    ann = visit(bypass_csp=True).signs_up(name())
    ann.starts("Garden")
    chance = random.Random(1)
    assert ann.page.evaluate(UPDATED, [[rendering(chance), rendering(chance)] for _ in range(500)]) == []
