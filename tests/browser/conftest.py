"""A real browser on a real server."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from servers import Server

PASSWORD = "correct horse battery"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# No test waits so long; a busy machine may.
PATIENCE = 30_000

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


# The shell is the same engine without the window around it, which takes a third of the time.
SHELL, WHOLE = ("chromium-headless-shell", "chromium"), ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-sandbox",
]


def launched(playwright: Playwright, known: tuple[str, ...]) -> Iterator[Browser]:
    """Debian's Chromium, the first that there is, that asks nothing of the network of its own accord."""
    program = next((path for path in map(shutil.which, known) if path), None)
    assert program, f"no Chromium: apt-get install {known[0]}"
    browser = playwright.chromium.launch(executable_path=program, args=QUIET)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    yield from launched(playwright, (*SHELL, *WHOLE))


Visit = Callable[..., "Visitor"]


class Visitor:
    """Somebody at a browser, who finds things by what they are called."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.context = context
        self.server = server
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def note(self, message: Any) -> None:
        """What the browser complains of: scripts that fail, policies that are broken; not an answer like 404."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def opens(self, path: str) -> None:
        self.page.goto(self.server.url + path)

    def fills(self, field: str, value: str) -> None:
        self.page.get_by_label(field, exact=True).fill(value)

    def presses(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def follows(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).click()

    def sees(self, words: str) -> None:
        expect(self.page.locator("body")).to_contain_text(words)

    def submits(self, path: str, **fields: str) -> str:
        """Sends a page's form, as the browser would but without drawing the page; returns the path it leads to."""
        asks = self.context.request
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', asks.get(self.server.url + path).text())
        assert token, f"no form on {path}"
        answer = asks.post(self.server.url + path, form={"csrf_token": token[1], **fields})
        assert answer.ok, answer.text()
        return answer.url.removeprefix(self.server.url)

    def signs_up(self, username: str) -> Visitor:
        """An account, without looking at any page."""
        assert self.submits("/register", username=username, password=PASSWORD, repeat=PASSWORD) == "/"
        return self

    def starts(self, title: str, *usernames: str) -> str:
        """A chat, which opens; returns its path."""
        path = self.submits("/chats/new", title=title, usernames=" ".join(usernames))
        self.opens(path)
        return path

    def registers(self, username: str) -> Visitor:
        self.opens("/register")
        self.fills("Username", username)
        self.fills("Password", PASSWORD)
        self.fills("Repeat password", PASSWORD)
        self.presses("Register")
        expect(self.page).to_have_url(self.server.url + "/")
        return self

    def logs_in(self, username: str, fields: tuple[str, str, str] = ("Username", "Password", "Log in")) -> Visitor:
        self.opens("/login")
        self.fills(fields[0], username)
        self.fills(fields[1], PASSWORD)
        self.presses(fields[2])
        expect(self.page).to_have_url(self.server.url + "/")
        return self

    def creates(self, title: str, *usernames: str) -> str:
        """A chat, by the page for it; returns its path."""
        self.opens("/chats/new")
        # In this order the list of people has closed before it could cover the button.
        self.page.get_by_label("Usernames", exact=True).fill(", ".join(usernames))
        self.fills("Title", title)
        self.presses("Create")
        expect(self.page).to_have_url(re.compile(r"/chats/\d+$"))
        return self.page.url.removeprefix(self.server.url)

    def writes(self, text: str) -> None:
        self.fills("Message", text)
        self.presses("Send")
        expect(self.page.get_by_role("log")).to_contain_text(text)
        # With scripts it stands there before it has arrived.
        expect(self.page.locator(".is-sending")).to_have_count(0)


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Visit]:
    """Open a browser of one's own: `visit(javascript=False)`, `visit(phone=True)`, `visit(language="ru-RU")`."""
    contexts: list[BrowserContext] = []

    def opened(
        javascript: bool = True, phone: bool = False, language: str = "en-GB", theme: str = "light", **how: Any
    ) -> Visitor:
        context = chromium.new_context(
            java_script_enabled=javascript,
            viewport=PHONE if phone else WIDE,
            has_touch=phone,
            is_mobile=phone,
            locale=language,
            color_scheme=theme,
            **how,
        )
        contexts.append(context)
        return Visitor(context, server)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
