"""Takes pictures of the seed's history in headless Chromium: bin/pictures [FOLDER].

Without a folder, the README's into docs/pictures/. With one, every page there, wide and phone, light and dark,
English and Russian: to be looked at.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
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
    return {
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
