"""What can't be sent says so, with the reason, and holds nothing else up."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .conftest import Visit, Visitor, until
from .test_live import enters, name

WORDS = {
    "en-GB": ("Not sent. Too large for this server.", "Not sent. The server rejected it (error {}).", "Message"),
    "ru-RU": (
        "Не отправлено. Сервер не принимает такие большие сообщения.",
        "Не отправлено. Сервер отклонил сообщение (ошибка {}).",
        "Сообщение",
    ),
}
REMOVE_FIRST = {
    "en-GB": ("Attach", "Send", "Not sent. Remove the marked files first."),
    "ru-RU": ("Прикрепить", "Отправить", "Не отправлено. Сначала уберите отмеченные файлы."),
}
# What Safari tells of the Enter that ends a composition: no `isComposing` any more, but the key is 229.
SAFARI = """field => field.dispatchEvent(new KeyboardEvent("keydown",
    {key: "Enter", code: "Enter", keyCode: 229, which: 229, bubbles: true, cancelable: true}))"""
ENDS = """field => field.dispatchEvent(new KeyboardEvent("keydown",
    {key: "Enter", code: "Enter", isComposing: true, bubbles: true, cancelable: true}))"""


def sent_messages(who: Visitor) -> Locator:
    """What has been sent."""
    return who.page.get_by_role("log").locator("article:not(.is-failed, .is-sending) .prose")


def alone(visit: Visit, language: str = "en-GB", **how: object) -> Visitor:
    """Somebody in a chat of their own, which is open."""
    ann = visit(language=language, **how).signs_up(name())
    ann.starts("Garden")
    return ann


def refuses_once(who: Visitor, address: str, status: int) -> None:
    """The proxy's own page, once; then everything goes through."""
    left = [status]

    def answer(route: Route) -> None:
        if left:
            route.fulfill(status=left.pop(), content_type="text/html", body="<h1>No</h1>")
        else:
            route.continue_()

    who.page.route(address, answer)


@pytest.mark.parametrize("status", [400, 403, 404, 413, 418, 451])
@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_a_proxys_refusal_is_said_and_the_next_message_goes(visit: Visit, status: int, language: str) -> None:
    ann = alone(visit, language)
    large, refused, field = WORDS[language]
    refuses_once(ann, "**/api/messages", status)
    for text in ("too much", "short"):
        ann.page.get_by_label(field, exact=True).fill(text)
        ann.page.get_by_label(field, exact=True).press("Enter")
    failed = ann.page.locator(".is-failed")
    expect(failed).to_contain_text(large if status == 413 else refused.format(status))
    expect(sent_messages(ann)).to_have_text(["short"])
    failed.get_by_role("button").first.click()
    expect(sent_messages(ann)).to_have_text(["short", "too much"])


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_a_refused_upload_is_reported_and_the_next_message_goes(visit: Visit, phone: bool) -> None:
    ann = alone(visit, phone=phone)
    refuses_once(ann, "**/api/messages", 413)
    ann.page.get_by_label("Attach", exact=True).set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}
    )
    ann.presses("Send")
    expect(ann.page.locator(".is-failed")).to_contain_text(WORDS["en-GB"][0])
    ann.writes("short")


def test_a_refused_token_request_is_reported(visit: Visit) -> None:
    ann = alone(visit)
    ann.page.reload()
    # Drafts and the notice of typing ask for a token as well.
    ann.page.route("**/token", lambda route: route.fulfill(status=403, content_type="text/html", body="<h1>No</h1>"))
    enters(ann, "first")
    expect(ann.page.locator(".is-failed")).to_contain_text("(error 403)")
    ann.page.unroute("**/token")
    enters(ann, "second")
    expect(sent_messages(ann)).to_have_text(["second"])


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503])
def test_what_may_pass_later_is_sent_again(visit: Visit, status: int) -> None:
    ann = alone(visit)
    refuses_once(ann, "**/api/messages", status)
    enters(ann, "patience")
    expect(sent_messages(ann)).to_have_text(["patience"])


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_eleven_files_are_not_sent_and_the_page_says_why(visit: Visit, phone: bool, language: str) -> None:
    ann = alone(visit, language, phone=phone)
    attach, send, words = REMOVE_FIRST[language]
    files = [{"name": f"{number}.txt", "mimeType": "text/plain", "buffer": b"x"} for number in range(11)]
    ann.page.get_by_label(attach, exact=True).set_input_files(files)
    ann.presses(send)
    alert = ann.page.get_by_role("alert").filter(has_text=words)
    expect(alert).to_be_visible()
    expect(ann.page.locator(".preview.is-failed button")).to_be_focused()
    ann.page.locator(".preview.is-failed button").click()
    expect(alert).to_have_count(0)
    ann.presses(send)
    expect(ann.page.get_by_role("log").get_by_role("link", name="9.txt")).to_be_visible()


def test_who_sends_before_the_previews_are_shown_gets_to_the_refused_file_as_well(visit: Visit) -> None:
    ann = alone(visit)
    held: list[Route] = []
    ann.page.route("**/file-previews.js*", lambda route: held.append(route))
    files = [{"name": f"{number}.txt", "mimeType": "text/plain", "buffer": b"x"} for number in range(11)]
    ann.page.get_by_label("Attach", exact=True).set_input_files(files)
    ann.presses("Send")
    expect(ann.page.get_by_role("alert").filter(has_text=REMOVE_FIRST["en-GB"][2])).to_be_visible()
    for route in until(ann.page, lambda: held):
        route.continue_()
    expect(ann.page.locator(".preview.is-failed button")).to_be_focused()


def test_a_file_that_is_too_large_is_not_sent_and_the_page_says_why(visit: Visit, tmp_path: Path) -> None:
    ann = alone(visit)
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(26 * 1024 * 1024)
    ann.page.get_by_label("Attach", exact=True).set_input_files([large])
    ann.presses("Send")
    expect(ann.page.get_by_role("alert").filter(has_text=REMOVE_FIRST["en-GB"][2])).to_be_visible()


# Where Enter means something, and whether it has done it.


def in_composer(page: Page) -> tuple[Locator, Locator]:
    field = page.get_by_label("Message", exact=True)
    field.fill("かな")
    return field, page.locator("article .prose", has_text="かな")


def in_editor(page: Page) -> tuple[Locator, Locator]:
    page.get_by_label("Message", exact=True).press("ArrowUp")
    field = page.locator("message-editor textarea")
    field.fill("かな")
    return field, page.locator("article .prose", has_text="かな")


def in_completion(page: Page) -> tuple[Locator, Locator]:
    field = page.get_by_label("Message", exact=True)
    field.press_sequentially(":party")
    expect(page.locator("word-completion [role=option]").first).to_be_visible()
    return field, page.locator("word-completion .options[hidden]")


def in_picker(page: Page) -> tuple[Locator, Locator]:
    page.get_by_role("button", name="Emoji", exact=True).click()
    field = page.locator("emoji-picker input")
    field.fill("party")
    return field, page.locator("emoji-picker:not(:popover-open)")


def in_finder(page: Page) -> tuple[Locator, Locator]:
    page.keyboard.press("Control+k")
    field = page.locator("dialog.quick-find").get_by_role("combobox")
    field.fill("Garden")
    expect(page.locator("dialog.quick-find [role=option]")).to_have_count(1)
    return field, page.locator("dialog.quick-find:not([open])")


@pytest.mark.parametrize("opens", [in_composer, in_editor, in_completion, in_picker, in_finder])
def test_enter_that_ends_a_composition_does_nothing_else(visit: Visit, opens: object) -> None:
    assert callable(opens)
    ann = alone(visit)
    ann.writes("first")
    field, done = opens(ann.page)
    for event in (SAFARI, ENDS):
        assert field.evaluate(event)
        expect(done).to_have_count(0)
    field.press("Enter")
    expect(done).to_have_count(1)


def test_enter_that_ends_a_composition_adds_no_member(visit: Visit) -> None:
    ann = visit().signs_up(name())
    ann.opens("/chats/new")
    field = ann.page.get_by_label("Usernames", exact=True)
    field.fill("かな")
    for event in (SAFARI, ENDS):
        assert field.evaluate(event)
        expect(ann.page.locator(".chip")).to_have_count(0)
    field.press("Enter")
    expect(ann.page.locator(".chip")).to_have_count(1)
