"""For everyone: axe finds nothing on any page, in both themes and both languages, wide and phone."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, Route, expect
from servers import Server

from .conftest import PASSWORD, PHONE, WIDE, Visitor, patient, until

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
SIGNED_OUT = ["/", "/register", "/login", "/api/docs", "/nothing-here"]
SIGNED_IN = [
    "/",
    "/chats/new",
    "{chat}",
    "{chat}?reply_to={message}",
    "{empty}",
    "{direct}",
    "{direct}/edit",
    "{chat}/edit",
    "{chat}/files",
    "{chat}/files?kind=pictures",
    "{empty}/files",
    "{chat}/leave",
    "{chat}/delete",
    "{chat}/members/{bob}/remove",
    "{chat}/messages/{message}/edit",
    "{chat}/messages/{message}/delete",
    "{chat}/messages/{message}/reactions",
    "{chat}/messages/{message}/history",
    "{chat}/messages/{message}/forward",
    "/users/axe-bob",
    "/users/axe-ann",
    "/settings",
    "/settings/delete",
    "/search?q=tomatoes",
    "/search?q=nothing-like-this",
    "/nothing-here",
]


@dataclass
class Place:
    server: Server
    state: Any
    ids: dict[str, str]


@pytest.fixture(scope="module")
def place(chromium: Browser, server: Server) -> Place:
    """Ann, signed in, with a chat that shows what a chat can show."""
    for other in ("axe-bob",):
        context = chromium.new_context()
        Visitor(context, server).signs_up(other)
        context.close()
    context = chromium.new_context(viewport=WIDE)
    ann = Visitor(context, server).signs_up("axe-ann")
    chat = ann.starts("Garden", "axe-bob")
    ann.writes("The tomatoes are in")
    first = ann.page.get_by_role("article").first
    first.hover()
    first.get_by_role("link", name="React", exact=True).click()
    ann.page.get_by_role("group", name="React").get_by_role("button", name="thumbs up").click()
    expect(first.get_by_role("list", name="Reactions")).to_be_visible()
    ann.fills(
        "Message", "A list:\n\n- one\n- two\n\n> quoted\n\n```python\nprint('code')\n```\n\n[link](https://example.org)"
    )
    ann.presses("Send")
    expect(ann.page.get_by_role("article")).to_have_count(2)
    ann.page.get_by_label("Attach", exact=True).set_input_files(
        [
            {"name": "a.png", "mimeType": "image/png", "buffer": png()},
            {"name": "план.txt", "mimeType": "text/plain", "buffer": b"plan"},
        ]
    )
    ann.presses("Send")
    expect(ann.page.get_by_role("article")).to_have_count(3)
    message = ann.page.get_by_role("article").first.get_attribute("id") or ""
    empty = ann.starts("Empty")
    ann.opens(chat + "/edit")
    remove = ann.page.locator("[href$='/remove'], [action$='/remove'], [formaction$='/remove']").first
    where = remove.get_attribute("href") or remove.get_attribute("action") or remove.get_attribute("formaction") or ""
    ids = {"chat": chat, "empty": empty, "message": message.removeprefix("message-"), "bob": where.split("/")[-2]}
    ann.opens("/users/axe-bob")
    ann.presses("Message")
    expect(ann.page).to_have_url(re.compile(r"/chats/\d+"))
    ids["direct"] = ann.page.url.removeprefix(server.url).partition("#")[0]
    ann.opens(chat + "/edit")
    ann.fills("Description", "Who waters when, and what grows where")
    ann.presses("Save")
    state = context.storage_state()
    context.close()
    return Place(server, state, ids)


def png() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (320, 200), "olive").save(drawn, "PNG")
    return drawn.getvalue()


@pytest.mark.parametrize(
    # Every two of them together once.
    ("theme", "language", "size"),
    [("light", "en-GB", "wide"), ("light", "ru-RU", "phone"), ("dark", "en-GB", "phone"), ("dark", "ru-RU", "wide")],
)
def test_axe_finds_nothing(place: Place, chromium: Browser, theme: str, language: str, size: str) -> None:
    found = []
    for pages, state in ((SIGNED_OUT, None), (SIGNED_IN, place.state)):
        context = chromium.new_context(
            viewport=PHONE if size == "phone" else WIDE,
            has_touch=size == "phone",
            is_mobile=size == "phone",
            color_scheme=theme,
            locale=language,
            storage_state=state,
            bypass_csp=True,
        )
        page = patient(context.new_page())
        for address in pages:
            path = address.format(**place.ids)
            page.goto(place.server.url + path)
            page.evaluate(AXE)
            result = page.evaluate("axe.run({resultTypes: ['violations']})")
            found += [
                f"{path}: {violation['id']} {node['target']} {node.get('failureSummary', '')}"
                for violation in result["violations"]
                for node in violation["nodes"]
            ]
            wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            if wide:
                found.append(f"{path}: wider than its window")
        context.close()
    assert found == []


def test_the_first_load_is_light(place: Place, chromium: Browser) -> None:
    """All that a fresh browser asks for to show a chat with 50 varied messages, as it travels."""
    varied = [
        "Fine.",
        "A longer one, " * 12,
        "```python\nprint('code')\n```",
        "- one\n- two",
        "**bold** https://example.org",
    ]
    api, account = f"{place.server.url}/api", {"username": "axe-ann", "password": PASSWORD}
    token = requests.post(f"{api}/users/login", json=account, timeout=60).json()["token"]
    for number in range(47):
        body = {"chat_id": int(place.ids["chat"].split("/")[-1]), "text": f"{number}: {varied[number % len(varied)]}"}
        answer = requests.post(f"{api}/messages", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 201
    # As one comes in by a link: with a login, and nothing kept from before.
    fresh = chromium.new_context(storage_state=place.state, viewport=WIDE)
    page = patient(fresh.new_page())
    cdp = fresh.new_cdp_session(page)
    cdp.send("Network.enable")
    asked: dict[str, str] = {}
    kinds: dict[str, str] = {}
    sizes: dict[str, float] = {}
    cdp.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    cdp.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    cdp.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    # The stream is the last thing that a page needs; what is loaded once it answers counts by its size only.
    streams: list[Route] = []
    page.route("**/api/events*", lambda route: streams.append(route))
    page.goto(place.server.url + place.ids["chat"])
    until(page, lambda: streams and len(sizes) == len(asked) - 1)
    assert len(asked) <= 12, asked
    streams[0].continue_()
    later = {"chat-notifications", "chat-announcer", "notifications", "notification-policy"}
    until(page, lambda: later <= {re.sub(r".*/|\.js.*", "", asked[request]) for request in sizes})
    total: dict[str, float] = {}
    for request, size in sizes.items():
        total[kinds[request]] = total.get(kinds[request], 0) + size
    assert 0 < total["Script"] <= 45_000
    assert 0 < total["Stylesheet"] <= 15_000
    assert 0 < total["Document"] <= 25_000
    fresh.close()


def test_the_keyboard_alone_is_enough(place: Place, chromium: Browser) -> None:
    context = chromium.new_context(storage_state=place.state, viewport=WIDE)
    page = patient(context.new_page())
    page.goto(place.server.url + place.ids["chat"])
    # One is in the field already; from elsewhere the first stop leads there.
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.locator(".skip").focus()
    expect(page.locator(":focus")).to_contain_text("Skip to message field")
    page.keyboard.press("Enter")
    page.keyboard.type("written without a mouse")
    for name in ("Emoji", "Send"):
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_accessible_name(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("written without a mouse")
    context.close()
