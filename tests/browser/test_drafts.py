"""What one types is there again: after a reload, a crash, a sign-out, and on the other device."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from .conftest import Visit, Visitor


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


def is_saving(answer: Response) -> bool:
    return answer.request.method == "PUT" and answer.url.endswith("/draft")


def types(who: Visitor, text: str) -> None:
    """Types, and waits until the server has it."""
    with who.page.expect_response(is_saving):
        field(who).press_sequentially(text)


@pytest.fixture
def ann(visit: Visit) -> Ann:
    return Ann(visit)


def test_a_reload_and_a_crash_lose_nothing(ann: Ann) -> None:
    types(ann.laptop, "The tomatoes")
    ann.laptop.page.reload()
    expect(field(ann.laptop)).to_have_value("The tomatoes")
    ready(ann.laptop)
    # Nothing reaches the server any more, and the tab goes without a word.
    ann.laptop.page.route("**/draft", lambda route: route.abort())
    field(ann.laptop).press("End")
    field(ann.laptop).press_sequentially(" are in")
    ann.laptop.page.close()
    page: Page = ann.laptop.context.new_page()
    with page.expect_response(is_saving):
        page.goto(ann.laptop.server.url + ann.path)
    expect(page.locator("#text")).to_have_value("The tomatoes are in")
    assert not ann.laptop.complaints


def test_the_other_device_has_it_too(ann: Ann) -> None:
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


def test_what_one_types_is_not_written_over(ann: Ann) -> None:
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


def test_the_list_tells_of_it(ann: Ann) -> None:
    home = ann.phone("/")
    row = home.page.locator(".chat-row", has_text="Garden")
    expect(row).to_contain_text("No messages yet")
    types(ann.laptop, "Hello **there**")
    expect(row).to_contain_text("Draft: Hello there")
    field(ann.laptop).fill("")
    expect(row).to_contain_text("No messages yet")
    expect(row).not_to_contain_text("Draft")


def test_the_list_tells_of_it_in_russian(ann: Ann) -> None:
    types(ann.laptop, "Помидоры")
    home = ann.visit(language="ru-RU").logs_in(ann.username, ("Имя пользователя", "Пароль", "Войти"))
    expect(home.page.locator(".chat-row")).to_contain_text("Черновик: Помидоры")


def test_signed_out_it_waits_for_the_next_time(ann: Ann) -> None:
    ann.laptop.page.route("**/draft", lambda route: route.abort())
    field(ann.laptop).press_sequentially("half a sent")
    other = ann.phone("/settings")
    other.presses("End all others")
    expect(ann.laptop.page).to_have_url(re.compile("/login"))
    ann.laptop.page.unroute("**/draft")
    ann.laptop.logs_in(ann.username)
    ann.laptop.opens(ann.path)
    expect(field(ann.laptop)).to_have_value("half a sent")


def test_without_scripts_it_stands_in_the_field(ann: Ann) -> None:
    types(ann.laptop, "The tomatoes are in")
    plain = ann.phone(javascript=False)
    expect(field(plain)).to_have_value("The tomatoes are in")
    plain.presses("Send")
    expect(plain.page.get_by_role("log")).to_contain_text("The tomatoes are in")
    expect(field(plain)).to_have_value("")
    expect(field(ann.laptop)).to_have_value("")
