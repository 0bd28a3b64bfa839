"""Who forgot the password comes back by email, in a real browser and over real SMTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from mailbox import Mailbox, open_mailbox

import pytest
from playwright.sync_api import Browser, expect
from servers import Server

from .conftest import PASSWORD, PHONE, WIDE, Visit, patient
from .test_everyone import AXE

NEW = "another long phrase"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Iterator[Server]:
    """A server that writes emails; its own address stands in them."""
    server = Server(
        tmp_path_factory.mktemp("emails"),
        SMTP_URL=f"smtp+plain://127.0.0.1:{box.port}",
        SMTP_FROM="Flask Chat <chat@example.org>",
        PUBLIC_URL="https://chat.example.org",
    )
    yield server
    server.stop()


def link(box: Mailbox, number: int) -> str:
    """The path in an email, the first being 1."""
    found = re.search(r"https://chat\.example\.org(/\S+)", box.wait_for_emails(number)[number - 1].get_content())
    assert found
    return found[1]


def test_who_forgot_the_password_comes_back_by_email(visit: Visit, box: Mailbox, javascript: bool) -> None:
    box.emails.clear()
    username = f"forgetful-{javascript}".lower()
    ann = visit(javascript=javascript).signs_up(username)
    ann.opens("/settings")
    ann.follows("Add email")
    ann.fills("Email", f"{username}@example.org")
    ann.fills("Current password", PASSWORD)
    ann.presses("Save")
    ann.sees(f"We’ve sent a link to {username}@example.org")
    ann.opens(link(box, 1))
    ann.presses("Confirm")
    ann.sees("Email confirmed.")

    elsewhere = visit(javascript=javascript)
    elsewhere.opens("/login")
    elsewhere.follows("Forgot your password?")
    elsewhere.fills("Email", f"{username}@example.org")
    elsewhere.presses("Send link")
    elsewhere.sees("a link to set a new password")
    elsewhere.opens(link(box, 2))
    elsewhere.fills("New password", NEW)
    elsewhere.fills("Repeat password", NEW)
    elsewhere.presses("Change password")
    expect(elsewhere.page.get_by_role("link", name=username)).to_be_visible()
    elsewhere.opens(link(box, 2))
    elsewhere.sees("This link no longer works")
    if not javascript:
        ann.opens("/settings")
    # With scripts the page goes there by itself.
    expect(ann.page).to_have_url(re.compile("/login"))
    assert elsewhere.complaints == []


def test_password_reset_in_russian(visit: Visit, box: Mailbox) -> None:
    box.emails.clear()
    ann = visit(language="ru-RU")
    ann.opens("/register")
    for field, value in (("Имя пользователя", "забывчивая"), ("Пароль", PASSWORD), ("Повторите пароль", PASSWORD)):
        ann.fills(field, value)
    ann.page.locator(".card .button.is-primary").click()
    ann.opens("/settings/email")
    ann.fills("Почта", "olga@example.org")
    ann.fills("Текущий пароль", PASSWORD)
    ann.presses("Сохранить")
    ann.opens(link(box, 1))
    assert box.emails[0]["Subject"] == "Подтвердите почту"
    ann.presses("Подтвердить")
    elsewhere = visit(language="ru-RU")
    elsewhere.opens("/forgotten")
    elsewhere.fills("Почта", "olga@example.org")
    elsewhere.presses("Отправить ссылку")
    elsewhere.opens(link(box, 2))
    assert box.emails[1]["Subject"] == "Сброс пароля Flask Chat"
    elsewhere.fills("Новый пароль", NEW)
    elsewhere.fills("Повторите пароль", NEW)
    elsewhere.presses("Сменить пароль")
    expect(elsewhere.page.get_by_role("link", name="забывчивая")).to_be_visible()


@pytest.mark.parametrize(("theme", "language"), [("light", "ru-RU"), ("dark", "en-GB")])
def test_axe_finds_nothing_on_these_pages(
    visit: Visit, box: Mailbox, chromium: Browser, server: Server, theme: str, language: str
) -> None:
    box.emails.clear()
    username = f"axe-{theme}-{language}".lower()
    ann = visit().signs_up(username)
    ann.opens("/settings/email")
    ann.fills("Email", "axe@example.org")
    ann.fills("Current password", PASSWORD)
    ann.presses("Save")
    confirm = link(box, 1)
    found = []
    for viewport in (WIDE, PHONE):
        for state, paths in (
            (None, ["/login", "/forgotten", "/reset/over"]),
            (ann.context.storage_state(), ["/settings", "/settings/email", confirm, "/email/over"]),
        ):
            context = chromium.new_context(
                viewport=viewport, color_scheme=theme, locale=language, storage_state=state, bypass_csp=True
            )
            page = patient(context.new_page())
            for path in paths:
                page.goto(server.url + path)
                page.evaluate(AXE)
                result = page.evaluate("axe.run({resultTypes: ['violations']})")
                found += [f"{path}: {one['id']} {one['nodes'][0]['target']}" for one in result["violations"]]
            context.close()
    assert found == []
