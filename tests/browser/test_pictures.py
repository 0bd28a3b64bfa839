"""Looking at pictures: over the page, one after the other, by mouse, keys and finger."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from .conftest import Visit, Visitor
from .test_live import name

DISPLAY = re.compile(r"/files/\d+/display$")


def png(colour: str, size: tuple[int, int] = (640, 480)) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, colour).save(drawn, "PNG")
    return drawn.getvalue()


def sends(who: Visitor, *names: str) -> None:
    before = who.page.locator("article[id]").count()
    files = [{"name": one, "mimeType": "image/png", "buffer": png(one.split(".")[0])} for one in names]
    who.page.get_by_label("Attach", exact=True).set_input_files(files)
    who.presses("Send")
    expect(who.page.locator("article[id]")).to_have_count(before + 1)
    expect(who.page.locator(".is-sending")).to_have_count(0)


def box_of(who: Visitor) -> Locator:
    return who.page.get_by_role("dialog", name="Picture")


def shows(who: Visitor, words: str, place: str) -> None:
    expect(box_of(who).get_by_role("img", name=words)).to_have_attribute("src", DISPLAY)
    expect(box_of(who)).to_contain_text(place)


def test_a_picture_opens_over_the_page_and_keys_lead_on(visit: Visit) -> None:
    ann = visit().signs_up(name())
    path = ann.starts("Garden")
    sends(ann, "red.png")
    sends(ann, "green.png", "blue.png")
    thumb = ann.page.get_by_role("link", name="green.png")
    thumb.click()
    shows(ann, "green.png", "2 of 3")
    ann.page.keyboard.press("ArrowRight")
    shows(ann, "blue.png", "3 of 3")
    expect(box_of(ann).get_by_role("button", name="Next picture")).to_be_hidden()
    ann.page.keyboard.press("ArrowRight")
    ann.page.keyboard.press("Home")
    shows(ann, "red.png", "1 of 3")
    # The focus stays inside.
    for _ in range(8):
        ann.page.keyboard.press("Tab")
        assert ann.page.evaluate("document.activeElement.matches('body, dialog *')")
    with ann.page.expect_download() as started:
        box_of(ann).get_by_role("link", name="Download").click()
    assert started.value.suggested_filename == "red.png"
    ann.page.keyboard.press("Escape")
    expect(box_of(ann)).to_have_count(0)
    expect(thumb).to_be_focused()
    thumb.press("Enter")
    box_of(ann).get_by_role("button", name="Close").click()
    expect(box_of(ann)).to_have_count(0)
    expect(ann.page).to_have_url(ann.server.url + path)
    assert not ann.complaints


def test_the_page_of_pictures_opens_the_viewer_too(visit: Visit) -> None:
    ann = visit().signs_up(name())
    ann.starts("Garden")
    sends(ann, "red.png", "green.png")
    ann.follows("Pictures and files")
    ann.page.get_by_role("list", name="Pictures").get_by_role("link", name="green.png").click()
    expect(box_of(ann)).to_contain_text("1 of 2")
    box_of(ann).get_by_role("button", name="Next picture").click()
    shows(ann, "red.png", "2 of 2")


def test_a_finger_swipes(visit: Visit) -> None:
    ann = visit(phone=True).signs_up(name())
    ann.starts("Garden")
    sends(ann, "red.png", "green.png")
    ann.page.get_by_role("link", name="red.png").tap()
    expect(box_of(ann)).to_contain_text("1 of 2")
    swipe = """(box, [x, y]) => {
        const touch = (x, y) => new Touch({identifier: 1, target: box, clientX: x, clientY: y});
        const start = touch(200, 300);
        box.dispatchEvent(new TouchEvent("touchstart", {touches: [start], changedTouches: [start]}));
        box.dispatchEvent(new TouchEvent("touchend", {touches: [], changedTouches: [touch(200 + x, 300 + y)]}));
    }"""
    box_of(ann).evaluate(swipe, [-120, 5])
    expect(box_of(ann)).to_contain_text("2 of 2")
    box_of(ann).evaluate(swipe, [120, 5])
    expect(box_of(ann)).to_contain_text("1 of 2")
    box_of(ann).evaluate(swipe, [5, 200])
    expect(box_of(ann)).to_have_count(0)


@pytest.mark.parametrize("without", ["scripts", "the module"])
def test_without_its_script_the_link_opens_the_picture(visit: Visit, without: str) -> None:
    ann = visit().signs_up(name())
    path = ann.starts("Garden")
    sends(ann, "red.png")
    her = visit(javascript=False, storage_state=ann.context.storage_state()) if without == "scripts" else ann
    her.page.route("**/picture-box.js*", lambda route: route.abort())
    her.opens(path)
    her.page.get_by_role("link", name="red.png").click()
    expect(her.page).to_have_url(DISPLAY)
