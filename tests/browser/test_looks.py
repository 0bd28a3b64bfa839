"""What one sees: pictures in their proportions, directions of writing, and a layout without holes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from servers import Server

from .conftest import Visit
from .test_live import message_texts, name
from .test_pictures import png
from .test_scrolling import Long

SIZES = [(1080, 1920), (1920, 1080), (640, 480), (50, 40), (1, 30_000), (30_000, 1), (1, 1), (800, 820)]


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found
    return dict(found)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_a_picture_keeps_its_proportions_and_can_be_pressed(visit: Visit, phone: bool) -> None:
    ann = visit(phone=phone).signs_up(name())
    path = ann.starts("Garden")
    held: list[Any] = []
    for width, height in SIZES:
        file = {"name": f"{width}x{height}.png", "mimeType": "image/png", "buffer": png("green", (width, height))}
        ann.page.get_by_label("Attach", exact=True).set_input_files([file])
        ann.presses("Send")
        expect(ann.page.get_by_role("link", name=file["name"])).to_have_count(1)
    # Not there yet.
    ann.page.route("**/thumbnail*", lambda route: held.append(route))
    ann.page.goto(ann.server.url + path, wait_until="domcontentloaded")
    before = [box(ann.page.get_by_role("link", name=f"{width}x{height}.png")) for width, height in SIZES]
    ann.page.unroute("**/thumbnail*")
    ann.opens(path)
    for (width, height), reserved in zip(SIZES, before, strict=True):
        link = ann.page.get_by_role("link", name=f"{width}x{height}.png")
        link.scroll_into_view_if_needed()
        expect(link.locator("img")).to_have_js_property("complete", True)
        shown, area = box(link.locator("img")), box(link)
        assert shown["width"] <= 320
        assert shown["height"] <= 420
        if min(width, height) > 9:
            assert abs(shown["width"] / shown["height"] - width / height) < 0.02 * width / height
        assert min(area["width"], area["height"]) >= 44
        # Nothing moves when it comes, but for the part of a pixel by which both sides can't be whole.
        assert all(abs(area[side] - reserved[side]) < 1 for side in ("width", "height"))
    ann.page.get_by_role("link", name="1x30000.png").click()
    expect(ann.page.get_by_role("dialog", name="Picture")).to_be_visible()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_several_pictures_stand_in_rows_of_equal_squares(visit: Visit, phone: bool) -> None:
    ann = visit(phone=phone).signs_up(name())
    ann.starts("Garden")
    files = [
        {"name": f"{width}x{height}.png", "mimeType": "image/png", "buffer": png("green", (width, height))}
        for width, height in [(1080, 1920), (1920, 1080), (1, 30_000), (50, 40), (640, 640)]
    ]
    ann.page.get_by_label("Attach", exact=True).set_input_files(files)
    ann.presses("Send")
    pictures = ann.page.get_by_role("article").locator("a.thumb img")
    expect(pictures).to_have_count(5)
    squares = [box(picture) for picture in pictures.all()]
    rows: dict[float, list[float]] = {}
    for square in squares:
        assert abs(square["width"] - squares[0]["width"]) < 1
        assert abs(square["width"] - square["height"]) < 1
        assert square["width"] >= 100
        rows.setdefault(round(square["y"]), []).append(square["x"])
    # As many in each row as it has room for, one under the other.
    first, *others = rows.values()
    assert len(first) >= 2
    assert all(row == first[: len(row)] for row in others)
    assert all(len(row) == len(first) for row in others[:-1])
    log = box(ann.page.get_by_role("log"))
    assert max(square["x"] + square["width"] for square in squares) <= log["x"] + log["width"]


ARABIC = "مرحبا يا أصدقاء"


def direction(of: Locator) -> str:
    """On which side its words begin, as one sees it."""
    return str(
        of.evaluate("""one => {
            const range = new Range(); range.selectNodeContents(one);
            const words = range.getBoundingClientRect(), room = one.getBoundingClientRect();
            return room.right - words.right < words.left - room.left ? "right" : "left";
        }""")
    )


def test_what_is_written_from_right_to_left_is_shown_so(visit: Visit) -> None:
    ann = visit().signs_up(name())
    path = ann.starts(ARABIC)
    field = ann.page.get_by_label("Message", exact=True)
    field.fill(ARABIC)
    expect(field).to_have_css("direction", "rtl")
    field.fill("hello")
    expect(field).to_have_css("direction", "ltr")
    field.fill(f"{ARABIC}\n\n- {ARABIC}\n- {ARABIC}\n\n> {ARABIC}")
    field.press("Enter")
    expect(message_texts(ann)).to_have_count(1)
    for part in ("ul", "blockquote"):
        expect(message_texts(ann).locator(part)).to_have_css("direction", "rtl")
    assert direction(message_texts(ann).locator("p").first) == "right"
    # The bullets, too, stand at the side where reading begins.
    item, column = box(message_texts(ann).locator("li").first), box(message_texts(ann))
    assert item["x"] + item["width"] < column["x"] + column["width"] - 8
    ann.page.get_by_role("link", name="Reply").evaluate("link => link.click()")
    assert direction(ann.page.locator(".composer-reply p > span")) in ("left", "right")
    expect(ann.page.locator(".composer-reply p > span")).to_have_css("unicode-bidi", "plaintext")
    ann.opens(f"/search?q={ARABIC.split()[0]}")
    hit = ann.page.locator(".result > p > a").first
    expect(hit).to_be_visible()
    expect(hit).to_have_css("unicode-bidi", "plaintext")
    expect(ann.page.get_by_label("Search", exact=True)).to_have_css("direction", "rtl")
    ann.opens(path)
    ann.page.get_by_role("link", name="Edit message").evaluate("link => link.click()")
    expect(ann.page.locator(".message-editor textarea")).to_have_css("direction", "rtl")


def left(of: Locator) -> float:
    return box(of)["x"]


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_lists_stand_in_line_and_the_gear_stays(visit: Visit, language: str) -> None:
    ann_name, bob_name = name(), name()
    ann, bob = visit(language=language).signs_up(ann_name), visit().signs_up(bob_name)
    ann.starts("Garden", bob_name)
    assert bob
    gear = ann.page.locator(".topbar-start > .icon-button")
    ann.opens("/settings")
    assert left(ann.page.locator(".session").first) == left(ann.page.locator(".sessions"))
    assert left(ann.page.locator(".session > .icon").first) == left(ann.page.locator("#sessions .panel-body"))
    for path in (f"/users/{bob_name}", f"/users/{ann_name}", "/settings", "/search", "/chats/new"):
        ann.opens(path)
        expect(gear).to_be_visible()
    ann.opens(f"/users/{bob_name}")
    assert left(ann.page.locator("#h-shared")) == left(ann.page.locator(".panel .chat-row .avatar"))


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_the_heading_of_the_list_and_its_buttons_fit_on_one_line(visit: Visit, language: str, phone: bool) -> None:
    ann = visit(language=language, phone=phone).signs_up(name())
    ann.opens("/")
    offer = ann.page.locator("chat-notifications button")
    # What the browser of a test allows already is not offered.
    offer.evaluate("button => button.hidden = false")
    head = ann.page.locator(".list-head").first
    heights = "head => [...head.querySelectorAll('h1, h2, button, a')].map((part) => part.offsetHeight)"
    before = head.evaluate(heights)
    head.evaluate("head => head.style.whiteSpace = 'nowrap'")
    assert head.evaluate(heights) == before
    assert head.evaluate("head => head.scrollWidth <= head.clientWidth")


def test_ones_own_profile_leads_to_the_settings_once(visit: Visit) -> None:
    for phone in (False, True):
        ann_name = name()
        ann = visit(phone=phone).signs_up(ann_name)
        ann.opens(f"/users/{ann_name}")
        ann.follows("Settings")
        expect(ann.page.get_by_role("heading", name="Settings")).to_be_visible()


def test_the_search_page_has_no_hole_beside_it(visit: Visit, javascript: bool) -> None:
    ann = visit(javascript).signs_up(name())
    ann.opens("/settings")
    field, head = box(ann.page.locator(".sidebar .search-field")), box(ann.page.locator(".list-head"))
    ann.opens("/search")
    if not javascript:
        assert box(ann.page.locator(".list-head"))["y"] <= head["y"]
        return
    assert box(ann.page.locator(".find-again > button")) == field
    assert box(ann.page.locator(".list-head")) == head
    ann.page.locator(".find-again > button").click()
    dialog = ann.page.get_by_role("dialog", name="Quick find")
    expect(dialog).to_be_visible()
    # There is one cross in it, the dialog's: where a browser has its own, a click leaves the words.
    words = dialog.get_by_role("combobox")
    words.fill("garden")
    room = box(words)
    words.click(position={"x": room["width"] - 20, "y": room["height"] / 2})
    expect(words).to_have_value("garden")


def test_a_renamed_chat_is_called_so_in_its_field(visit: Visit) -> None:
    ann_name, bob_name = name(), name()
    ann, bob = visit().signs_up(ann_name), visit().signs_up(bob_name)
    path = ann.starts("Garden", bob_name)
    bob.opens(path)
    expect(bob.page.locator("chat-people")).to_have_text("· 2 online")
    ann.submits(f"{path}/edit", title="Orchard", description="")
    expect(bob.page.get_by_role("heading", level=1)).to_have_text("Orchard")
    expect(bob.page.get_by_label("Message", exact=True)).to_have_attribute("placeholder", "Write to Orchard")
    expect(bob.page.get_by_role("log")).to_contain_text("Write the first message in Orchard")


def test_a_long_list_shows_the_open_chat(server: Server, visit: Visit) -> None:
    long = Long(server, visit)
    for number in range(30):
        long.asks("chats", title=f"Bed {number}", members=[long.bob_name])
    long.bob.opens(long.path)
    expect(long.bob.page.locator(".chat-row a[aria-current]")).to_be_in_viewport()


def test_beside_a_new_chat_an_empty_list_says_so(visit: Visit) -> None:
    for language, words in (("en-GB", "No chats yet"), ("ru-RU", "Чатов пока нет")):
        ann = visit(language=language).signs_up(name())
        ann.opens("/chats/new")
        expect(ann.page.locator(".sidebar")).to_contain_text(words)


@pytest.mark.parametrize("path", ["/", "the chat"])
def test_a_list_says_so_when_its_last_chat_is_gone(visit: Visit, path: str) -> None:
    ann_name, bob_name = name(), name()
    ann, bob = visit().signs_up(ann_name), visit().signs_up(bob_name)
    chat = ann.starts("Garden", bob_name)
    bob.opens(chat if path == "the chat" else path)
    words = bob.page.get_by_text("No chats yet")
    expect(words).to_have_count(0)
    ann.submits(f"{chat}/delete")
    expect(words).to_be_visible()
    # And is a list again with the next one.
    ann.starts("Kitchen", bob_name)
    expect(bob.page.locator("li.chat-row")).to_have_count(1)
    expect(words).to_have_count(0)
    assert not bob.complaints


def size(of: Locator) -> float:
    return float(of.evaluate("one => parseFloat(getComputedStyle(one).fontSize)"))


def test_a_title_is_larger_than_the_names_below_it(visit: Visit) -> None:
    for how in ({}, {"phone": True}):
        ann = visit(**how).signs_up(name())
        ann.starts("Garden")
        ann.writes("hello")
        author: Any = ann.page.locator("article .message-author")
        assert size(ann.page.locator(".pane-title h1")) > size(author)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_last_message_does_not_fade_under_the_field(visit: Visit, phone: bool, javascript: bool) -> None:
    ann = visit(phone=phone, javascript=javascript).signs_up(name())
    path = ann.starts("Garden")
    for number in range(3):
        ann.submits(path, text="\n".join(f"{number}.{line}" for line in range(20)))
    ann.opens(path)
    last = ann.page.get_by_role("article").last
    expect(last).to_be_in_viewport()
    composer = ann.page.locator("form.composer")
    ann.page.locator(".message-list").evaluate("log => log.scrollTo(0, log.scrollHeight)")
    fades = composer.evaluate("form => parseFloat(getComputedStyle(form, '::before').blockSize)")
    end = box(last.locator(".prose"))
    assert end["y"] + end["height"] <= box(composer)["y"] - fades


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_without_scripts_files_are_chosen_by_a_button_like_others(visit: Visit, language: str) -> None:
    ann = visit(javascript=False, language=language).signs_up(name())
    ann.starts("Garden")
    style = (
        "input => ['borderStyle', 'fontWeight'].map(name => getComputedStyle(input, '::file-selector-button')[name])"
    )
    assert ann.page.locator("#files").evaluate(style) == ["none", "500"]


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_the_head_of_a_narrow_list_breaks_no_words(visit: Visit, language: str) -> None:
    ann = visit(language=language).signs_up(name())
    ann.opens("/settings")
    head = ann.page.locator(".list-head")
    button = head.locator("chat-notifications button")
    button.evaluate("button => button.hidden = false")  # a browser without windows denies notifications
    for width in (768, 900, 1024, 1151, 1152, 1440):
        ann.page.set_viewport_size({"width": width, "height": 600})
        assert head.evaluate("head => head.scrollWidth <= head.clientWidth"), width
        assert button.evaluate("button => button.offsetHeight === button.parentElement.nextElementSibling.offsetHeight")
