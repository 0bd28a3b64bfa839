"""Back closes what lies on top, and nothing else; the browser's history stays as it was."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from .conftest import Visit, Visitor
from .test_live import Pair, name, row

Opens = Callable[[Page], Locator]


def picture(page: Page) -> Locator:
    page.locator("a.thumb").first.click()
    return page.locator("dialog.picture-box")


def emoji(page: Page) -> Locator:
    page.get_by_role("button", name="Emoji", exact=True).click()
    return page.locator("emoji-picker:popover-open")


def finder(page: Page) -> Locator:
    page.keyboard.press("Control+k")
    return page.locator("dialog.quick-find[open]")


def action(page: Page, what: str) -> None:
    article = page.get_by_role("article").first
    if page.evaluate("matchMedia('(hover: none)').matches"):
        article.get_by_role("button", name="Message actions").tap()
    else:
        article.hover()
    article.get_by_role("link", name=what, exact=True).click()


def question(page: Page) -> Locator:
    action(page, "Delete message")
    return page.get_by_role("dialog", name="Delete this message?")


def forward(page: Page) -> Locator:
    action(page, "Forward")
    return page.locator("dialog.is-page")


def reaction(page: Page) -> Locator:
    action(page, "React")
    return page.locator(".reaction-choice:popover-open")


def sheet(page: Page) -> Locator:
    page.get_by_role("article").first.get_by_role("button", name="Message actions").tap()
    return page.locator(".message-actions:popover-open")


ALL: list[Opens] = [picture, emoji, finder, question, forward, reaction]
EACH = pytest.mark.parametrize(
    ("opens", "phone"),
    [(opens, phone) for phone in (False, True) for opens in ALL] + [(sheet, True)],
    ids=lambda it: getattr(it, "__name__", "touch" if it else "desktop"),
)


def in_chat(visit: Visit, phone: bool = False) -> Visitor:
    """Somebody who came from the list into a chat with a picture."""
    ann = visit(phone=phone).signs_up(name())
    ann.starts("Kitchen")
    ann.starts("Garden")
    drawn = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(drawn, "PNG")
    file = {"name": "green.png", "mimeType": "image/png", "buffer": drawn.getvalue()}
    ann.page.get_by_label("Attach", exact=True).set_input_files([file])
    ann.writes("Look at this")
    expect(ann.page.locator("a.thumb img")).to_be_visible()
    ann.opens("/")
    row(ann, "Garden").click()
    is_in(ann, "Garden")
    Pair.stays(ann)
    return ann


def is_in(who: Visitor, title: str) -> None:
    expect(who.page).to_have_url(re.compile(r"/chats/\d+$"))
    expect(who.page.get_by_role("heading", level=1)).to_have_text(title)


def is_on_list(who: Visitor) -> None:
    expect(who.page).to_have_url(who.server.url + "/")
    expect(row(who, "Garden")).to_be_visible()


# A popover's toggle event comes a moment after it is shown.
HAS_ENTRIES = """() => {
    const overlays = document.querySelectorAll("dialog:modal, [popover]:popover-open").length;
    return (history.state?.overlays ?? 0) === overlays;
}"""


def back(page: Page) -> None:
    """Press Back, which waits for no load, once each open overlay has its history entry."""
    page.wait_for_function(HAS_ENTRIES)
    page.evaluate("() => void setTimeout(() => history.back())")  # the page may be gone before it has answered


def ahead(page: Page) -> None:
    page.evaluate("() => void setTimeout(() => history.forward())")


def length(page: Page) -> int:
    return int(page.evaluate("history.length"))


@EACH
def test_back_closes_what_is_open_then_the_chat(visit: Visit, opens: Opens, phone: bool) -> None:
    ann = in_chat(visit, phone)
    expect(opens(ann.page)).to_be_visible()
    back(ann.page)
    expect(ann.page.locator("dialog:modal, [popover]:popover-open")).to_have_count(0)
    is_in(ann, "Garden")
    back(ann.page)
    is_on_list(ann)
    # And Forward leads to the chat again, without what was open.
    ahead(ann.page)
    is_in(ann, "Garden")
    expect(ann.page.locator("dialog:modal, [popover]:popover-open")).to_have_count(0)
    assert Pair.has_stayed(ann)
    assert not ann.complaints


@EACH
def test_escape_closes_it_and_leaves_no_trace_in_the_history(visit: Visit, opens: Opens, phone: bool) -> None:
    ann = in_chat(visit, phone)
    before = length(ann.page)
    for _ in range(3):
        expect(opens(ann.page)).to_be_visible()
        ann.page.keyboard.press("Escape")
        expect(ann.page.locator("dialog:modal, [popover]:popover-open")).to_have_count(0)
    assert length(ann.page) <= before + 1
    ann.page.wait_for_function("() => !history.state?.overlays")
    back(ann.page)
    is_on_list(ann)


def test_one_over_the_other_closes_one_by_one(visit: Visit) -> None:
    ann = in_chat(visit)
    dialog = picture(ann.page)
    expect(dialog).to_be_visible()
    over = finder(ann.page)
    expect(over).to_be_visible()
    back(ann.page)
    expect(over).to_have_count(0)
    expect(dialog).to_be_visible()
    over = finder(ann.page)
    expect(over).to_be_visible()
    back(ann.page)
    expect(over).to_have_count(0)
    back(ann.page)
    expect(dialog).to_have_count(0)
    is_in(ann, "Garden")
    back(ann.page)
    is_on_list(ann)


@pytest.mark.parametrize("is_known", [True, False], ids=["kept in memory", "fetched"])
def test_a_way_out_of_the_finder_takes_its_place(visit: Visit, is_known: bool) -> None:
    ann = in_chat(visit)
    if is_known:
        row(ann, "Kitchen").click()
        is_in(ann, "Kitchen")
        row(ann, "Garden").click()
        is_in(ann, "Garden")
    before = length(ann.page)
    expect(finder(ann.page)).to_be_visible()
    ann.page.keyboard.type("kit")
    ann.page.keyboard.press("Enter")
    is_in(ann, "Kitchen")
    assert length(ann.page) == before + 1
    back(ann.page)
    is_in(ann, "Garden")
    ahead(ann.page)
    is_in(ann, "Kitchen")
    assert Pair.has_stayed(ann)


def test_a_page_that_the_finder_leads_to_takes_its_place(visit: Visit) -> None:
    ann = in_chat(visit)
    before = length(ann.page)
    expect(finder(ann.page)).to_be_visible()
    ann.page.keyboard.type("xyzzy")
    expect(ann.page.locator("dialog.quick-find").get_by_role("status")).to_have_text("No results")
    ann.page.keyboard.press("Enter")
    expect(ann.page).to_have_url(re.compile("/search"))
    assert length(ann.page) == before + 1
    back(ann.page)
    is_in(ann, "Garden")
    ahead(ann.page)
    expect(ann.page).to_have_url(re.compile("/search"))


def test_loaded_anew_nothing_is_open_and_back_leads_back(visit: Visit) -> None:
    ann = in_chat(visit)
    expect(picture(ann.page)).to_be_visible()
    ann.page.reload()
    is_in(ann, "Garden")
    expect(ann.page.locator("dialog:modal")).to_have_count(0)
    ann.page.wait_for_function("() => !history.state?.overlays")
    back(ann.page)
    is_on_list(ann)
