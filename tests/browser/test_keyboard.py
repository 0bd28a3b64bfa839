"""By the keyboard alone, at 320 pixels, at twice the size, in forced colours, without motion: on every page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from servers import Server

from . import test_everyone
from .conftest import PASSWORD, WIDE, Visit, patient
from .test_everyone import SIGNED_IN, SIGNED_OUT, Place

everything = test_everyone.place

NARROW = {"width": 320, "height": 568}
# A window of 1280 by 800, looked at twice as large.
TWICE = {"width": 640, "height": 400}
MOST_STOPS = 150

# Where the focus is, and whether somebody who looks would find it.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const box = one.getBoundingClientRect();
  const isLined = (element, pseudo) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element, pseudo);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  // A link over a whole row is marked around the row, a field within a box around the box.
  const around = [one, one.parentElement, one.parentElement?.parentElement].filter(Boolean);
  const isMarked = isLined(one, "::after") || around.some((element) => isLined(element));
  const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max(box.top + box.height / 2, 0), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  const isOnTop = Boolean(top) && [one, ...(one.labels ?? [])].some((part) => part.contains(top) || top.contains(part));
  const isInside = box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight && box.width > 0;
  return { what: one.outerHTML.slice(0, 120), isMarked, isOnTop, isInside };
}"""

# What sticks out of the window sideways, or does not fit into its own box.
CUT = """() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
  const kinds = "a, button, input, select, textarea, label, h1, h2, h3, p, img, canvas, time";
  for (const one of document.querySelectorAll(kinds)) {
    const box = one.getBoundingClientRect();
    if (!box.width || !one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (one.closest(".visually-hidden, .skip, pre, [popover]:not(:popover-open)")) continue;
    const name = `<${one.localName} class="${one.className}"> ${one.textContent.trim().slice(0, 40)}`;
    if (box.right > width + 1 || box.left < -1) found.push(`sticks out: ${name} ${box.left}–${box.right}`);
    const { display, textOverflow } = getComputedStyle(one);
    const isBox = one.matches("a, button, label") && display !== "inline" && textOverflow !== "ellipsis";
    if (isBox && one.scrollWidth > one.clientWidth + 1)
      found.push(`cut: ${name} ${one.scrollWidth} > ${one.clientWidth}`);
  }
  return found;
}"""


class Keys:
    """Somebody without a mouse, who looks where the focus is after every key."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def tabs_to(self, target: Locator, key: str = "Tab") -> None:
        """Press Tab until the target has the focus, which must be seen at every stop."""
        expect(target).to_be_visible()
        for _ in range(MOST_STOPS):
            self.page.keyboard.press(key)
            self.sees_the_focus()
            if target.evaluate("one => one === document.activeElement"):
                return
        raise AssertionError(f"{target} is not reached by {key}")

    def sees_the_focus(self) -> None:
        seen = self.page.evaluate(FOCUSED)
        if seen is not None:
            assert seen["isMarked"] and seen["isOnTop"] and seen["isInside"], seen

    def presses(self, role: Any, name: str, key: str = "Enter") -> None:
        self.tabs_to(self.page.get_by_role(role, name=name, exact=True))
        self.page.keyboard.press(key)

    def types(self, field: str, text: str) -> None:
        self.tabs_to(self.page.get_by_label(field, exact=True))
        self.page.keyboard.type(text)


@pytest.mark.parametrize("colours", ["none", "active"], ids=["usual colours", "forced colours"])
def test_from_the_login_to_the_logout_without_a_mouse(visit: Visit, server: Server, colours: str) -> None:
    username = f"keys-{colours}"
    visit().signs_up(username).starts("Garden")
    ann = visit(forced_colors=colours)
    keys = Keys(ann.page)
    ann.opens("/login")
    keys.types("Username", username)
    keys.types("Password", PASSWORD)
    keys.presses("checkbox", "Remember me", "Space")
    keys.presses("button", "Log in")
    expect(ann.page).to_have_url(f"{server.url}/")

    keys.presses("link", "Garden")
    expect(ann.page.get_by_role("heading", name="Garden")).to_be_visible()
    keys.types("Message", "written by hand")
    keys.presses("button", "Send")
    expect(ann.page.get_by_role("log")).to_contain_text("written by hand")
    expect(ann.page.locator(".is-sending")).to_have_count(0)

    keys.tabs_to(ann.page.get_by_role("searchbox", name="Search"), "Shift+Tab")
    ann.page.keyboard.type("hand")
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".result")).to_contain_text("written by hand")
    keys.tabs_to(ann.page.locator(".result a").first)

    ann.opens("/")
    keys.presses("link", "Settings")
    expect(ann.page.get_by_role("heading", name="Settings")).to_be_visible()
    keys.types("Name", "Ann of the keys")
    keys.tabs_to(ann.page.get_by_label("System", exact=True))
    ann.page.keyboard.press("ArrowRight")
    expect(ann.page.get_by_label("Light", exact=True)).to_be_checked()
    keys.presses("button", "Save")
    ann.sees("Saved.")

    keys.presses("button", "Log out")
    expect(ann.page.get_by_role("link", name="Log in")).to_be_visible()


def looked_at(everything: Place, chromium: Browser, look: Any, **how: Any) -> list[str]:
    """What `look` finds on each page, signed out and in."""
    found = []
    for pages, state in ((SIGNED_OUT, None), (SIGNED_IN, everything.state)):
        context = chromium.new_context(storage_state=state, bypass_csp=True, **how)
        page = patient(context.new_page())
        for address in pages:
            path = address.format(**everything.ids)
            page.goto(everything.server.url + path)
            found += [f"{path}: {problem}" for problem in look(page)]
        context.close()
    return found


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
@pytest.mark.parametrize("size", ["narrow", "twice"])
def test_nothing_is_cut_where_there_is_little_room(
    everything: Place, chromium: Browser, size: str, language: str
) -> None:
    how = {"viewport": NARROW} if size == "narrow" else {"viewport": TWICE, "device_scale_factor": 2}
    assert looked_at(everything, chromium, lambda page: page.evaluate(CUT), locale=language, **how) == []


def test_nothing_is_cut_where_letters_are_twice_as_large(everything: Place, chromium: Browser) -> None:
    def larger(page: Page) -> Any:
        page.add_style_tag(content="html { font-size: 200% }")
        return page.evaluate(CUT)

    assert looked_at(everything, chromium, larger, viewport={"width": 1280, "height": 800}) == []


def test_every_stop_of_every_page_is_seen(everything: Place, chromium: Browser) -> None:
    """Tab through each page as a whole."""

    def stops(page: Page) -> list[str]:
        found = []
        for _ in range(MOST_STOPS):
            page.keyboard.press("Tab")
            seen = page.evaluate(FOCUSED)
            if seen is None:
                break
            if not (seen["isMarked"] and seen["isOnTop"] and seen["isInside"]):
                found.append(str(seen))
        return found

    assert looked_at(everything, chromium, stops, viewport=WIDE) == []


def test_nothing_moves_for_who_wants_no_motion(everything: Place, chromium: Browser) -> None:
    moving = """() => document.getAnimations()
        .filter((one) => one instanceof CSSAnimation && one.timeline === document.timeline)
        .filter((one) => one.playState === "running")
        .map((one) => one.animationName)"""
    assert looked_at(everything, chromium, lambda page: page.evaluate(moving), reduced_motion="reduce") == []
