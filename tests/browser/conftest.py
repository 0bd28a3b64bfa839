"""A real browser on a real server."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from servers import Server

PASSWORD = "correct horse battery"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# No test waits so long; a busy machine may.
PATIENCE = 30_000

expect.set_options(timeout=PATIENCE)

# What browsers leave out over plain http; on this machine's own address they have it all.
INSECURE = """
for (const [object, name] of [[globalThis, "isSecureContext"], [crypto, "randomUUID"], [Navigator.prototype, "locks"]])
    Object.defineProperty(object, name, { value: undefined })
"""


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


# A live page before it listens to everything (static/js/chat-pages.js).
BUSY = "html:has(script[type=importmap]):not([data-ready])"
POLLING = 20  # ms
# Both are functions: an expression would be evaluated anew in the page, whose policy forbids that.
# Parsed to its end, and listening: of a page that is there in part one can't say yet whether it has scripts.
READY = f"() => document.readyState !== 'loading' && !document.querySelector('{BUSY}')"
# The browser gives up going elsewhere when the history goes back for what has closed (static/js/navigation.js).
CLOSED = "() => (history.state?.overlays ?? 0) <= document.querySelectorAll('dialog:modal, :popover-open').length"


def patient(page: Page) -> Page:
    """The same page, on which nothing is done before it says that it is ready: no click and no key gets lost.

    Who has gone to a page, waits for it too, unless they wait for less (`wait_until`); what was closed before has gone.
    """
    page.add_locator_handler(page.locator(BUSY), lambda: None)

    def once_ready(act: Callable[..., None]) -> Callable[..., None]:
        def acted(*args: Any, **how: Any) -> None:
            page.wait_for_function(READY, polling=POLLING, timeout=PATIENCE)
            act(*args, **how)

        return acted

    def until_ready(go: Callable[..., Any]) -> Callable[..., Any]:
        def gone(*args: Any, **how: Any) -> Any:
            page.wait_for_function(CLOSED, polling=POLLING, timeout=PATIENCE)
            answer = go(*args, **how)
            if "wait_until" not in how:
                page.wait_for_function(READY, polling=POLLING, timeout=PATIENCE)
            return answer

        return gone

    for device, acts in ((page.keyboard, ("press", "type", "insert_text", "down")), (page.mouse, ("down", "wheel"))):
        for act in acts:
            setattr(device, act, once_ready(getattr(device, act)))
    for way in ("goto", "reload", "go_back", "go_forward"):
        setattr(page, way, until_ready(getattr(page, way)))
    return page


def until(page: Page, condition: Callable[[], Any]) -> Any:
    """Let the browser go on until something is so that no page shows; what it is then."""
    end = time.monotonic() + PATIENCE / 1000
    while not (found := condition()):
        assert time.monotonic() < end, "it never came"
        page.wait_for_timeout(10)
    return found


def tab_shows(who: Visitor, page: Page, title: str) -> None:
    """A new tab has this heading, asked by the protocol.

    Playwright misses what a new tab shows if the answer comes before it has attached itself.
    """
    tab = who.context.new_cdp_session(page)
    heading = {"expression": "document.querySelector('h1')?.textContent.trim()"}
    until(who.page, lambda: tab.send("Runtime.evaluate", heading)["result"].get("value") == title)


def fill(field: Locator, value: str) -> None:
    """Type into a field once no dialog stands before it, where what is typed would be lost."""
    reachable = "field => [...document.querySelectorAll('dialog:modal')].every((dialog) => dialog.contains(field))"
    field.page.wait_for_function(reachable, arg=field.element_handle(), polling=POLLING, timeout=PATIENCE)
    field.fill(value)


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
        # pytest shows what is printed with a test that fails. What a page that was left no longer waits for fails too.
        context.on("requestfailed", lambda asked: print("Failed:", asked.failure, asked.method, asked.url))

    def note(self, message: Any) -> None:
        """What the browser complains of: scripts that fail, policies that are broken; not an answer like 404."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)
            print("Console:", message.text)

    def opens(self, path: str) -> None:
        self.page.goto(self.server.url + path)

    def fills(self, field: str, value: str) -> None:
        fill(self.page.get_by_label(field, exact=True), value)

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
        # With scripts it stands there before it has arrived, with its signs.
        shown = re.escape(text).replace(r"\ ", " ").replace(r"\*", r"\*?")
        expect(self.page.get_by_role("log")).to_contain_text(re.compile(shown) if "*" in text else text)
        expect(self.page.locator(".is-sending")).to_have_count(0)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def visit(chromium: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Visit]:
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
        if javascript:
            context.on("page", patient)
        return Visitor(context, server)

    yield opened
    for context in contexts:
        # pytest shows what is printed with a test that fails: what is on each page, values of fields too.
        for page in context.pages if request.node.stash.get(FAILED, False) else ():
            with contextlib.suppress(PlaywrightError):
                print(f"{page.url}:\n{page.locator('body').aria_snapshot(timeout=5000)}")
        context.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
