"""Takes pictures of the seed's history in headless Chromium: bin/pictures [FOLDER].

Without a folder, the README's into docs/pictures/. With one, every page and state there, wide and phone, light and
dark, English and Russian: to be looked at.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from servers import ROOT, Server

PASSWORD = "pictures for the readme"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SIGNED_OUT = {"landing": "/", "register": "/register", "login": "/login", "api": "/api/docs", "nothing": "/nothing"}


def main(folder: Path | None) -> None:
    """Serve a database with the seed's history and take the pictures."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        server = Server(Path(place))
        try:
            command = [sys.executable, "-m", "flask", "--app", "chat", "seed", "--password", PASSWORD]
            subprocess.run(command, cwd=ROOT, env=server.environment, check=True)
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
            if folder is None:
                for_the_readme(chromium, server, ROOT / "docs" / "pictures")
            else:
                folder.mkdir(parents=True, exist_ok=True)
                live_a_little(server)
                every_page(chromium, server, folder)
            chromium.close()
        finally:
            server.stop()


def opened(chromium: Browser, server: Server, signed_in: bool = True, **how: Any) -> Page:
    page: Page = chromium.new_context(**how).new_page()
    if signed_in:
        page.goto(f"{server.url}/login")
        page.locator("#username").fill("ann")
        page.locator("#password").fill(PASSWORD)
        page.locator(".card .button.is-primary").click()
        page.wait_for_url(f"{server.url}/")
    return page


def for_the_readme(chromium: Browser, server: Server, folder: Path) -> None:
    """One wide and light, one on a phone, dark and Russian."""
    page = opened(chromium, server, viewport={"width": 1280, "height": 800})
    page.get_by_role("link", name="Release train").click()
    page.screenshot(path=folder / "chat.png")
    page = opened(chromium, server, viewport=PHONE, color_scheme="dark", locale="ru-RU", device_scale_factor=2)
    page.goto(f"{server.url}/search?q=поход")
    page.goto(server.url + (page.locator(".result a").first.get_attribute("href") or ""))
    page.screenshot(path=folder / "phone.png")


def live_a_little(server: Server) -> None:
    """What the seed's history has not: reactions, an edit, a mention, a direct chat, a picture of a chat."""
    tokens = {}
    for who in ("ann", "bob"):
        body = {"username": who, "password": PASSWORD}
        tokens[who] = requests.post(f"{server.url}/api/users/login", json=body, timeout=60).json()["token"]

    def ask(who: str, method: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {tokens[who]}"}
        answer = requests.request(method, f"{server.url}/api/{path}", json=body or None, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    chat = next(one for one in ask("ann", "GET", "chats")["items"] if "bob" in str(one["members"]))
    me = ask("ann", "GET", "users/me")
    direct = ask("bob", "POST", f"users/{me['id']}/chat")
    ask("bob", "POST", "messages", chat_id=direct["id"], text="Between us: well done")
    # The newest activity last: this chat stands first in the list.
    text = "@ann the **second** draft is in, see `draft.md`:\n\n```python\nprint('ready')\n```"
    message = ask("bob", "POST", "messages", chat_id=chat["id"], text=text.replace("second", "first"))
    ask("bob", "PATCH", f"messages/{message['id']}", text=text)
    for who, emoji in (("ann", "👍"), ("bob", "👍"), ("bob", "🎉")):
        ask(who, "PUT", f"messages/{message['id']}/reactions/{quote(emoji)}")
    answer = ask("ann", "POST", "messages", chat_id=chat["id"], text="Reading it now", reply_to=message["id"])
    ask("bob", "POST", f"messages/{answer['id']}/forward", chat_id=chat["id"])


def every_page(chromium: Browser, server: Server, folder: Path) -> None:
    """All pages in all looks."""
    for size, viewport in (("wide", WIDE), ("phone", PHONE)):
        for theme in ("light", "dark"):
            for language in ("en-GB", "ru-RU"):
                how = {"viewport": viewport, "color_scheme": theme, "locale": language}
                if size == "phone":
                    how |= {"is_mobile": True, "has_touch": True}
                look = f"{size}-{theme}-{language[:2]}"
                page = opened(chromium, server, signed_in=False, **how)
                for name, path in SIGNED_OUT.items():
                    shot(page, server, path, folder / f"{look}-{name}.png")
                page = opened(chromium, server, **how)
                for name, path in signed_in_pages(page).items():
                    shot(page, server, path, folder / f"{look}-{name}.png")
                for name, reach in STATES.items():
                    page.goto(server.url + CHAT[0])
                    page.wait_for_timeout(500)
                    reach(page)
                    page.wait_for_timeout(500)
                    page.screenshot(path=folder / f"{look}-state-{name}.png")


CHAT = [""]


def row(page: Page) -> Locator:
    """A message with reactions."""
    return page.locator("article:has(.reactions)").last


def act(page: Page, what: str) -> None:
    row(page).hover()
    if page.locator(".message-more").last.is_visible():
        row(page).locator(".message-more").click()
    row(page).locator(f"[data-action={what}]").click()


def edit_last(page: Page) -> None:
    page.locator("#text").press("ArrowUp")


# What scripts show in the open chat, by the name of its picture.
STATES: dict[str, Callable[[Page], Any]] = {
    "actions": lambda page: (
        row(page).hover(),
        page.locator(".message-more").last.is_visible() and row(page).locator(".message-more").click(),
    ),
    "react": lambda page: act(page, "react"),
    "forward": lambda page: act(page, "forward"),
    "edit": edit_last,
    "find": lambda page: (page.keyboard.press("Control+k"), page.keyboard.type("re")),
    "emoji": lambda page: page.locator("button[name=emoji]").click(),
    "mention": lambda page: page.locator("#text").press_sequentially("@b"),
    "file": lambda page: page.locator("input[type=file]").set_input_files(str(ROOT / "docs" / "pictures" / "chat.png")),
    "offline": lambda page: page.context.set_offline(True),
}


def signed_in_pages(page: Page) -> dict[str, str]:
    """The addresses of pages, as the list of chats leads to them."""
    first, second = (page.locator(".chat-row a").nth(n).get_attribute("href") or "" for n in (0, 1))
    page.goto(page.url.rstrip("/") + first)
    message = (
        (page.locator(".message-actions a[href*=reply_to]").first.get_attribute("href") or "")
        .partition("=")[2]
        .partition("#")[0]
    )
    own = page.locator(".message-actions[data-own] a[href$='/edit']").last
    edit = own.get_attribute("href") or "" if own.count() else ""
    CHAT[0] = first
    reacted = (page.locator("a[data-action=history]").last.get_attribute("href") or "").removesuffix("/history")
    return {
        "files": f"{second}/files",
        "pictures": f"{second}/files?kind=pictures",
        **{name: f"{reacted}/{name}" for name in ("history", "reactions", "forward")},
        "direct": page.locator(".chat-row[data-kind=direct] a").first.get_attribute("href") or "",
        "chats": "/",
        "chat": first,
        "chat-2": second,
        "reply": f"{first}?reply_to={message}#text",
        "edit": f"{first}/edit",
        "leave": f"{first}/leave",
        "delete": f"{first}/delete",
        "message-edit": edit,
        "message-delete": edit.replace("/edit", "/delete"),
        "new": "/chats/new",
        "profile": "/users/bob",
        "own-profile": "/users/ann",
        "settings": "/settings",
        "goodbye": "/settings/delete",
        "search": "/search?q=the",
        "search-nothing": "/search?q=nothing-like-this",
    }


def shot(page: Page, server: Server, path: str, picture: Path) -> None:
    if path:
        page.goto(server.url + path)
        page.screenshot(path=picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
