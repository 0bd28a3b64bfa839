"""What one types is there again: after a reload, a crash, a sign-out, and on the other device."""

from __future__ import annotations

import contextlib
import html
import re
import secrets

import pytest
from playwright.sync_api import Error, Locator, Page, Response, expect

from .conftest import INSECURE, Visit, Visitor, until


def name() -> str:
    """A username that nobody had yet."""
    return "p" + "".join(secrets.choice("abcdefghkmnprstuvwxyz") for _ in range(10))


class Ann:
    """Ann with a chat, Garden, and her laptop open at it."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.username = name()
        self.laptop = visit().signs_up(self.username)
        self.path = self.laptop.starts("Garden")
        ready(self.laptop)

    def phone(self, path: str | None = None, **how: bool) -> Visitor:
        """Her other device, at the chat."""
        phone = self.visit(**how).logs_in(self.username)
        phone.opens(path or self.path)
        if how.get("javascript", True) and path is None:
            ready(phone)
        return phone


def ready(who: Visitor) -> None:
    """Wait until the field is looked after, and the stream is there."""
    expect(who.page.locator("#text[autocomplete=off]")).to_be_visible()
    expect(who.page.locator("live-stream")).to_be_hidden()


def field(who: Visitor) -> Locator:
    return who.page.locator("#text")


def types(who: Visitor, text: str) -> None:
    """Types, and waits until the server has it: a part of it may have been saved before, on a slow machine."""

    def is_saving_all(answer: Response) -> bool:
        asked = answer.request
        return asked.method == "PUT" and answer.url.endswith("/draft") and asked.post_data_json["text"].endswith(text)

    with who.page.expect_response(is_saving_all):
        field(who).press_sequentially(text)


def crash(page: Page) -> None:
    """End the page's process: it goes without a word."""
    with page.expect_event("crash"), contextlib.suppress(Error):
        page.goto("chrome://crash")


def saved(ann: Ann) -> str:
    """What the server has of it."""
    page = ann.laptop.context.request.get(ann.laptop.server.url + ann.path).text()
    area = re.search(r'<textarea id="text"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert area, page
    return html.unescape(area[1]).removeprefix("\n")


def message_texts(who: Visitor) -> Locator:
    return who.page.get_by_role("article").locator(".prose")


def last_id(who: Visitor) -> int:
    return int(str(who.page.get_by_role("article").last.get_attribute("id")).removeprefix("message-"))


@pytest.fixture
def ann(visit: Visit) -> Ann:
    return Ann(visit)


def test_a_reload_and_a_crash_lose_nothing(ann: Ann) -> None:
    types(ann.laptop, "The tomatoes")
    ann.laptop.page.reload()
    expect(field(ann.laptop)).to_have_value("The tomatoes")
    ready(ann.laptop)
    # Nothing reaches the server any more.
    ann.laptop.page.route("**/draft", lambda route: route.abort())
    field(ann.laptop).press("End")
    field(ann.laptop).press_sequentially(" are in")
    crash(ann.laptop.page)
    assert saved(ann) == "The tomatoes"
    page: Page = ann.laptop.context.new_page()
    page.goto(ann.laptop.server.url + ann.path)
    expect(page.locator("#text")).to_have_value("The tomatoes are in")
    until(page, lambda: saved(ann) == "The tomatoes are in")
    assert not ann.laptop.complaints


def test_a_draft_appears_on_the_other_device(ann: Ann) -> None:
    phone = ann.phone()
    types(ann.laptop, "Hello from the laptop")
    expect(field(phone)).to_have_value("Hello from the laptop")
    types(phone, ", and the phone")
    expect(field(ann.laptop)).to_have_value("Hello from the laptop, and the phone")
    field(phone).press("Enter")
    expect(phone.page.get_by_role("log")).to_contain_text("and the phone")
    expect(field(ann.laptop)).to_have_value("")
    phone.page.reload()
    expect(field(phone)).to_have_value("")
    assert not ann.laptop.complaints + phone.complaints


def test_what_is_being_typed_is_not_overwritten(ann: Ann) -> None:
    phone = ann.phone()
    phone.page.route("**/draft", lambda route: route.abort())
    field(phone).press_sequentially("my own words")
    types(ann.laptop, "other words")
    # The phone has heard of it when its list would have: a chat that comes after it is there.
    ann.laptop.starts("Kitchen")
    expect(phone.page.get_by_role("navigation", name="Chats")).to_contain_text("Kitchen")
    expect(field(phone)).to_have_value("my own words")
    phone.page.unroute("**/draft")
    types(phone, " stay")
    ann.laptop.opens(ann.path)
    expect(field(ann.laptop)).to_have_value("my own words stay")


def test_the_chat_list_shows_the_draft(ann: Ann) -> None:
    home = ann.phone("/")
    row = home.page.locator(".chat-row", has_text="Garden")
    expect(row).to_contain_text("No messages yet")
    types(ann.laptop, "Hello **there**")
    expect(row).to_contain_text("Draft: Hello there")
    field(ann.laptop).fill("")
    expect(row).to_contain_text("No messages yet")
    expect(row).not_to_contain_text("Draft")


def test_the_chat_list_shows_the_draft_in_russian(ann: Ann) -> None:
    types(ann.laptop, "Помидоры")
    home = ann.visit(language="ru-RU").logs_in(ann.username, ("Имя пользователя", "Пароль", "Войти"))
    expect(home.page.locator("li.chat-row")).to_contain_text("Черновик: Помидоры")


def test_a_draft_survives_being_signed_out(ann: Ann) -> None:
    ann.laptop.page.route("**/draft", lambda route: route.abort())
    field(ann.laptop).press_sequentially("half a sent")
    other = ann.phone("/settings")
    other.presses("Sign out all others")
    expect(ann.laptop.page).to_have_url(re.compile("/login"))
    ann.laptop.page.unroute("**/draft")
    ann.laptop.logs_in(ann.username)
    ann.laptop.opens(ann.path)
    expect(field(ann.laptop)).to_have_value("half a sent")


LANGUAGES = pytest.mark.parametrize(
    "language", [("en-GB", "Reply to", "Cancel reply"), ("ru-RU", "В ответ", "Отменить ответ")], ids=["en", "ru"]
)
SCREENS = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])


def test_without_scripts_sending_clears_the_draft_on_every_device(ann: Ann) -> None:
    types(ann.laptop, "The tomatoes")
    plain = ann.phone(javascript=False)
    field(plain).fill("The tomatoes are in")
    plain.presses("Send")
    expect(field(plain)).to_have_value("")
    expect(field(ann.laptop)).to_have_value("")
    ann.laptop.page.reload()
    expect(field(ann.laptop)).to_have_value("")
    assert not ann.laptop.complaints


def test_without_scripts_a_page_from_before_leaves_a_newer_draft_alone(ann: Ann) -> None:
    plain = ann.phone(javascript=False)
    types(ann.laptop, "begun meanwhile")
    field(plain).fill("Good morning")
    plain.presses("Send")
    expect(plain.page.get_by_role("log")).to_contain_text("Good morning")
    expect(field(plain)).to_have_value("begun meanwhile")
    expect(field(ann.laptop)).to_have_value("begun meanwhile")


@LANGUAGES
@SCREENS
def test_without_scripts_a_draft_shows_what_it_replies_to(
    ann: Ann, language: tuple[str, str, str], phone: bool
) -> None:
    locale, words, cancel = language
    ann.laptop.writes("Are they **in**?")
    ann.laptop.opens(ann.path + "?reply_to=" + str(last_id(ann.laptop)))
    ready(ann.laptop)
    types(ann.laptop, "They are")
    labels = ("Username", "Password", "Log in") if locale == "en-GB" else ("Имя пользователя", "Пароль", "Войти")
    plain = ann.visit(javascript=False, phone=phone, language=locale).logs_in(ann.username, labels)
    plain.opens(ann.path)
    strip = plain.page.locator("form > .composer-box > .composer-reply")
    expect(strip).to_contain_text(words)
    expect(strip).to_contain_text("Are they in?")
    plain.page.get_by_role("link", name=cancel, exact=True).click()
    expect(strip).to_have_count(0)
    expect(field(plain)).to_have_value("They are")
    plain.page.go_back()
    plain.page.locator(".composer-send").click()
    expect(plain.page.get_by_role("article").last.locator(".quote")).to_contain_text("Are they in?")
    expect(field(plain)).to_have_value("")
    expect(strip).to_have_count(0)


def test_a_cancelled_reply_stays_cancelled(ann: Ann) -> None:
    ann.laptop.writes("Are they in?")
    ann.laptop.opens(ann.path + "?reply_to=" + str(last_id(ann.laptop)))
    ready(ann.laptop)
    types(ann.laptop, "They are")
    ann.laptop.opens(ann.path)
    ready(ann.laptop)
    strip = ann.laptop.page.locator(".composer-reply")
    expect(strip).to_have_count(1)
    with ann.laptop.page.expect_response(lambda answer: answer.url.endswith("/draft")):
        ann.laptop.follows("Cancel reply")
    ann.laptop.page.reload()
    expect(field(ann.laptop)).to_have_value("They are")
    expect(strip).to_have_count(0)


@SCREENS
def test_over_plain_http_sending_clears_the_draft(ann: Ann, phone: bool) -> None:
    """No locks and no keys of the browser's own: the form goes by itself, while a save is on its way."""
    device = ann.visit(phone=phone).logs_in(ann.username)
    device.context.add_init_script(INSECURE)
    device.opens(ann.path)
    ready(device)
    types(device, "The tomatoes")
    field(device).press_sequentially(" are in")
    device.page.locator(".composer-send").click()
    expect(message_texts(device)).to_have_text(["The tomatoes are in"])
    expect(field(device)).to_have_value("")
    device.page.reload()
    ready(device)
    expect(field(device)).to_have_value("")
    expect(field(ann.laptop)).to_have_value("")
    # What is said elsewhere comes live there, too.
    ann.laptop.writes("and the beans")
    expect(message_texts(device)).to_have_text(["The tomatoes are in", "and the beans"])
    assert not device.complaints


def test_over_plain_http_a_message_that_did_not_arrive_is_still_there(ann: Ann) -> None:
    ann.laptop.context.add_init_script(INSECURE)
    ann.laptop.opens(ann.path)
    ready(ann.laptop)
    ann.laptop.page.route("**/draft", lambda route: route.abort())
    field(ann.laptop).press_sequentially("The tomatoes")
    ann.laptop.page.route(ann.laptop.server.url + ann.path, lambda route: route.fulfill(status=502, body="Bad gateway"))
    ann.laptop.page.locator(".composer-send").click()
    expect(ann.laptop.page.locator("body")).to_have_text("Bad gateway")
    ann.laptop.page.unroute(ann.laptop.server.url + ann.path)
    ann.laptop.opens(ann.path)
    expect(field(ann.laptop)).to_have_value("The tomatoes")


def test_a_message_sent_before_its_last_letters_were_saved_leaves_no_draft(ann: Ann) -> None:
    """The tab is closed at once, and what the server holds is less than what was sent."""
    types(ann.laptop, "The tomatoes")
    ann.laptop.page.route("**/draft", lambda route: route.abort())
    field(ann.laptop).press_sequentially(" are in")
    with ann.laptop.page.expect_response(lambda answer: answer.url.endswith("/api/messages")):
        field(ann.laptop).press("Enter")
    ann.laptop.page.close()
    expect(field(ann.phone(javascript=False))).to_have_value("")


def test_a_chat_that_comes_back_from_memory_knows_what_was_sent_elsewhere(ann: Ann) -> None:
    types(ann.laptop, "Hello")
    phone = ann.phone()
    kitchen = phone.starts("Kitchen")
    ann.laptop.page.get_by_role("navigation", name="Chats").get_by_role("link", name="Kitchen").click()
    expect(ann.laptop.page).to_have_url(re.compile(kitchen))
    phone.opens(ann.path)
    ready(phone)
    field(phone).press("Enter")
    expect(message_texts(phone)).to_have_text(["Hello"])
    ann.laptop.page.go_back()
    expect(message_texts(ann.laptop)).to_have_text(["Hello"])
    expect(field(ann.laptop)).to_have_value("")


def test_without_scripts_the_draft_is_in_the_field(ann: Ann) -> None:
    types(ann.laptop, "The tomatoes are in")
    plain = ann.phone(javascript=False)
    expect(field(plain)).to_have_value("The tomatoes are in")
    plain.presses("Send")
    expect(plain.page.get_by_role("log")).to_contain_text("The tomatoes are in")
    expect(field(plain)).to_have_value("")
    expect(field(ann.laptop)).to_have_value("")
