"""What a person waits for: a real browser with its processor slowed four times, over a slow network, on a real server.

bin/bench person [--rounds 20] [--processor 4] [--latency 150] [--kilobits 1600]

From the key or the click to the frame that shows it, as the page's own clock has it. Network and processor are slowed
by Chromium itself (its DevTools protocol); the defaults are what Lighthouse takes for a phone: 150 ms, 1.6 Mbit/s.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import secrets
import shutil
import statistics
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Page, sync_playwright

import models
from actions import chats as chat_actions
from bench import crowd
from bench.listeners import Listeners
from bench.servers import free_port, served
from models import User

QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 30_000  # ms
OTHERS = 98  # who listens besides the two at their browsers
MISSED = 30

# Notes when a key or button goes down, on the clock that all pages of a machine share; a page load doesn't lose it.
BEGIN = """
for (const type of ["keydown", "pointerdown", "paste"])
  addEventListener(type, () => sessionStorage.setItem("started", performance.timeOrigin + performance.now()), true);
"""
NOW = "performance.timeOrigin + performance.now()"


@dataclass
class Slow:
    """How slow the browser's machine and network are."""

    processor: float
    latency: float  # ms, there and back
    kilobits: float  # per second
    sessions: dict[Page, CDPSession] = field(default_factory=dict)

    def holds(self, page: Page, offline: bool = False) -> None:
        """Slow a page down; `offline` takes the network away."""
        devtools = self.sessions.get(page)
        if devtools is None:
            devtools = self.sessions[page] = page.context.new_cdp_session(page)
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": self.processor})
            devtools.send("Network.enable")
        bytes_a_second = self.kilobits * 1000 / 8
        conditions = {"latency": self.latency, "downloadThroughput": bytes_a_second, "uploadThroughput": bytes_a_second}
        devtools.send("Network.emulateNetworkConditions", {"offline": offline, **conditions})


@dataclass
class Scene:
    """A server with 50 people and 20 chats, a chat of its own for this measure, and who sits at a browser."""

    chromium: Browser
    # The server's process.
    master: int
    port: int
    slow: Slow
    garden: int
    rounds: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sits(self, username: str, slow: bool = True, context: BrowserContext | None = None) -> Page:
        """Somebody who is logged in."""
        context = context or self.chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        context.add_init_script(BEGIN)
        page: Page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{self.url}/login")
        page.get_by_label("Username", exact=True).fill(username)
        page.get_by_label("Password", exact=True).fill(crowd.PASSWORD)
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url(f"{self.url}/")
        if slow:
            self.slow.holds(page)
        return page

    def opens(self, page: Page, path: str) -> None:
        page.goto(self.url + path)
        page.wait_for_load_state("networkidle" if "events" in path else "load")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--processor", type=float, default=4)
    options.add_argument("--latency", type=float, default=150, help="milliseconds there and back")
    options.add_argument("--kilobits", type=float, default=1600)
    options.add_argument("--only", default="", help="a part of a moment's name")
    args = options.parse_args()
    if not 3 <= args.rounds <= 200:
        options.error("3 to 200 rounds")
    slow = Slow(args.processor, args.latency, args.kilobits)
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder), slow, args.rounds) as scene:
        print(f"processor {slow.processor:g} times slower, {slow.latency:g} ms, {slow.kilobits:g} kbit/s")
        print(f"{'moment':48}  {'p50 ms':>8}  {'p95 ms':>8}  goal")
        for moment, goal in MOMENTS.items():
            if args.only not in (moment.__doc__ or ""):
                continue
            for part, took in moment(scene).items():
                p50, p95 = statistics.median(took), sorted(took)[int(len(took) * 0.95) - (len(took) > 1)]
                print(f"{part:48}  {p50:8.0f}  {p95:8.0f}  {goal}", flush=True)


@contextmanager
def playing(folder: Path, slow: Slow, rounds: int) -> Iterator[Scene]:
    """The scene, while the block lasts."""
    secret_key, port, database = secrets.token_hex(32), free_port(), folder / "chat.db"
    crowd.settle(database, folder / "media", secret_key)
    models.open_database(f"sqlite:///{database}")
    with models.write():
        people = [str(user.username) for user in User.select().where(User.username.startswith("person"))]
        garden = chat_actions.start(User.get(User.username == people[0]), "Garden", people).chat
        crowd.talk(random.Random(3), garden, [User.get(User.username == name) for name in people], 30)
    models.database.close()
    environment = {
        "HOST": "127.0.0.1", "PORT": str(port), "SECRET_KEY": secret_key, "JWT_SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": f"sqlite:///{database}", "MEDIA_DIR": str(folder / "media"), "RATE_LIMITS": "off",
        "WEB_CONCURRENCY": "1", "TRUSTED_HOSTS": "", "PROXY_COUNT": "0", "STREAMS_A_PERSON": "200",
    }  # fmt: skip
    with (
        served(["chat:app"], "/healthz", folder / "chat.log", **environment) as server,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        yield Scene(chromium, server.pid, port, slow, int(garden.id), rounds)
        chromium.close()


def took(page: Page, act: Callable[[], Any], shown: str, start_page: Page | None = None) -> float:
    """Milliseconds from a key or button to the frame in which `shown`, a JavaScript condition, holds.

    The page itself looks, from before the act on: what this program takes to ask it is no part of the time.
    """
    assert not page.evaluate(shown), f"shown before anything was done: {shown}"
    page.evaluate(f"() => {{ globalThis.shownAt = {LOOKING % shown} }}")
    act()
    end = shown_at(page, shown)
    started = (start_page or page).evaluate("Number(sessionStorage.getItem('started'))")
    return float(end) - float(started)


# A promise of the time of the frame in which a condition holds.
LOOKING = f"""new Promise((resolve, reject) => {{
    const end = performance.now() + {PATIENCE};
    const look = () => {{
        if (%s) resolve({NOW});
        else if (performance.now() > end) reject(new Error("not shown"));
        else requestAnimationFrame(look);
    }};
    look();
}})"""


def shown_at(page: Page, shown: str) -> float:
    """When the frame came in which a condition held; a page load in between is part of it."""
    for _ in range(5):
        try:
            return float(page.evaluate(f"() => globalThis.shownAt ?? {LOOKING % shown}"))
        except Error as error:
            if "context was destroyed" not in str(error):
                raise
    raise RuntimeError(f"the page loads again and again, waiting for {shown}")


def shows_text(text: str) -> str:
    """A condition: the last message on the screen is this."""
    last = "[...document.querySelectorAll('message-list .message .prose')].at(-1)?.textContent.trim()"
    return f"{last} === {json.dumps(text)}"


def types(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)


def own_message(scene: Scene) -> dict[str, list[float]]:
    """own message on the screen"""
    page = scene.sits("person00")
    scene.opens(page, f"/chats/{scene.garden}")
    times = []
    for number in range(scene.rounds):
        types(page, f"own {number}")
        times.append(took(page, lambda: page.keyboard.press("Enter"), shows_text(f"own {number}")))
    page.context.close()
    return {"own message on the screen": times}


def to_the_other(scene: Scene) -> dict[str, list[float]]:
    """sender's Enter to receiver's screen"""
    sender, receiver = scene.sits("person00"), scene.sits("person01")
    listeners = Listeners()
    for token in listening(scene):
        listeners.open(scene.port, token)
    listeners.read(lambda: len(listeners.ready) == OTHERS, 60)
    for page in (sender, receiver):
        scene.opens(page, f"/chats/{scene.garden}?newest=1")
    times = []
    for number in range(scene.rounds):
        types(sender, f"hello {number}")
        times.append(took(receiver, lambda: sender.keyboard.press("Enter"), shows_text(f"hello {number}"), sender))
        listeners.read(lambda: True, 1)
    listeners.close()
    for page in (sender, receiver):
        page.context.close()
    return {f"sender's Enter to receiver's screen, {OTHERS + 2} listen": times}


def listening(scene: Scene) -> list[str]:
    """Tokens of people in the chat, several each."""
    some = [token.decode() for token in crowd.tokens(scene.port)]
    return [some[number % len(some)] for number in range(OTHERS)]


def another_chat(scene: Scene) -> dict[str, list[float]]:
    """another chat"""
    page = scene.sits("person00")
    scene.opens(page, f"/chats/{scene.garden}")
    page.wait_for_timeout(1000)
    new: list[float] = []
    seen: list[float] = []
    for titles, times in ((range(1, scene.rounds), new), (range(1, scene.rounds), seen)):
        for number in titles:
            title = f"Chat {1 + number % (crowd.CHATS - 1)}"
            row = page.locator(".chat-row > a", has_text=re.compile(f"^{title}\\b(?! ?\\d)")).first
            row.scroll_into_view_if_needed()
            shown = (
                f"document.querySelector('.pane-title h1')?.textContent.trim() === {json.dumps(title)}"
                " && document.querySelector('message-list article')"
            )
            times.append(took(page, row.click, shown))
    page.context.close()
    return {"another chat, not seen before": new[: crowd.CHATS - 1], "another chat, seen before": seen}


def finding(scene: Scene) -> dict[str, list[float]]:
    """find a chat, a word"""
    page = scene.sits("person00")
    scene.opens(page, f"/chats/{scene.garden}")
    page.wait_for_timeout(1000)
    found = "[...document.querySelectorAll('quick-find dialog[open] [role=option]')]"
    chats: list[float] = []
    words: list[float] = []
    for _ in range(min(scene.rounds, 10)):
        page.keyboard.press("Control+k")
        field = page.locator("quick-find dialog[open] input")
        field.fill("cha")
        page.wait_for_timeout(500)
        # The fourth key tells one chat from all others.
        field.press_sequentially("t 1")
        chats.append(took(page, lambda: page.keyboard.type("7"), f"/Chat 17/.test({found}[0]?.textContent)"))
        # With one letter many words are found, with the second those alone that begin so.
        field.fill("w")
        page.wait_for_timeout(1000)
        marks = f"{found}.flatMap((one) => [...one.querySelectorAll('mark')])"
        only_new_marks = f"((marks) => marks.length && marks.every((mark) => /^wa/.test(mark.textContent)))({marks})"
        words.append(took(page, lambda: page.keyboard.type("a"), only_new_marks))
        page.keyboard.press("Escape")
    page.context.close()
    return {"a chat, by four keys": chats, "a word, in its place": words}


def pasted(scene: Scene) -> dict[str, list[float]]:
    """a pasted picture's preview"""
    page, times = scene.sits("person00"), []
    scene.opens(page, f"/chats/{scene.garden}")
    page.wait_for_timeout(500)
    paste = """() => new Promise((done) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 800 });
        canvas.getContext("2d").fillRect(10, 10, 400, 400);
        canvas.toBlob((blob) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], "pasted.png", { type: "image/png" }));
            const field = document.querySelector("chat-composer textarea");
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
            done();
        });
    })"""
    for number in range(min(scene.rounds, 9)):
        shown = f"[...document.querySelectorAll('.previews img')].filter((one) => one.complete).length > {number}"
        times.append(took(page, lambda: page.evaluate(paste), shown))
    page.context.close()
    return {"a pasted picture's preview": times}


def what_was_new(scene: Scene) -> dict[str, list[float]]:
    """what was new, after a day away"""
    times = []
    for number in range(2, 2 + min(scene.rounds, 20)):
        page = scene.sits(f"person{number:02}")
        page.wait_for_timeout(500)
        row = page.locator(".chat-row > a", has_text="Garden").first
        place = "document.querySelector('.unread-line')?.getBoundingClientRect()"
        shown = f"((at) => at && at.top >= 0 && at.bottom <= innerHeight)({place})"
        times.append(took(page, row.click, shown))
        page.context.close()
    return {"what was new, after a day away": times}


def back_again(scene: Scene) -> dict[str, list[float]]:
    """Wi-Fi back"""
    page, times = scene.sits("person00"), []
    (token,) = {listening(scene)[1]}
    scene.opens(page, f"/chats/{scene.garden}")
    for number in range(min(scene.rounds, 5)):
        scene.slow.holds(page, offline=True)
        page.locator("live-stream").wait_for()
        for one in range(MISSED):
            post(scene, token, f"missed {number}, {one}")
        shown = shows_text(f"missed {number}, {MISSED - 1}")
        page.wait_for_timeout(3000)
        assert not page.evaluate(shown)
        started = page.evaluate(NOW)
        scene.slow.holds(page)
        times.append(shown_at(page, shown) - float(started))
        texts = page.locator("message-list article .prose").all_inner_texts()
        shown_texts = [text for text in texts if text.startswith(f"missed {number},")]
        assert shown_texts == [f"missed {number}, {one}" for one in range(MISSED)], shown_texts
    page.context.close()
    return {f"Wi-Fi back, {MISSED} missed": times}


def post(scene: Scene, token: str, text: str) -> None:
    body = json.dumps({"chat_id": scene.garden, "text": text}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{scene.url}/api/messages", body, headers), timeout=30).read()


# What was new comes first: what the others write would be new, too.
MOMENTS: dict[Callable[[Scene], dict[str, list[float]]], str] = {
    what_was_new: "300",
    own_message: "50",
    to_the_other: "p95 150",
    another_chat: "300 new, 100 seen",
    finding: "100; 200",
    pasted: "100",
    back_again: "2000",
}

if __name__ == "__main__":
    main()
