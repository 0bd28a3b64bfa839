"""What comes live stands there as it does after a reload, and no page asks the server for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Request, Response, Route, expect
from servers import Server

from lib.sqlite import sqlite3

from .conftest import Visit, Visitor, until
from .test_live import name

# Calls the API as the page's own scripts do.
CALL = """async ([method, path, body, files]) => {
    const { api } = await import("server");
    const form = new FormData();
    for (const [key, value] of Object.entries(body ?? {})) form.append(key, value);
    for (const [name, width, height] of files ?? []) {
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        canvas.getContext("2d").fillRect(0, 0, width / 2, height);
        const file = width ? await new Promise((done) => canvas.toBlob(done)) : new Blob(["x".repeat(10_752)]);
        form.append("files", file, name);
    }
    const answer = await api(method, path, files ? form : body);
    return answer.status === 204 ? null : answer.json();
}"""
# Elements with their attributes and texts, without the white space between them.
TREES = """selector => {
    const tree = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\\s+/g, " ").trim();
        const attributes = [...node.attributes].map(({ name, value }) =>
            name === "people" ? name + JSON.stringify(Object.entries(JSON.parse(value))) : `${name}=${value}`);
        const children = node.localName === "chat-people" ? [] : [...node.childNodes].map(tree).filter(Boolean);
        return `<${[node.localName, ...attributes.sort()].join(" ")}>${children.join("")}</>`;
    };
    return [...document.querySelectorAll(selector)].map(tree);
}"""
ROWS = ".message-column > :not(#older, #newest)"
LIST = "chat-list > ul > *"
HEADING = ".pane-title > *"
# A page shows forty, of which the first continues none.
SHOWN = 35
YESTERDAY = "UPDATE message SET created_at = created_at - 86400000000"

LONG = "The **tomatoes** are in.\n\n" + "They are red and round. " * 80
MARKDOWN = (
    "# Beds\n\n- one\n- two\n\n> quoted\n\n```python\nwater(tomatoes)\n```\n\n~~gone~~ `code` https://example.org"
)


@dataclass
class Member:
    visitor: Visitor
    username: str
    chat: int

    def calls(self, method: str, path: str, body: Any = None, files: Any = None) -> Any:
        return self.visitor.page.evaluate(CALL, [method, f"/api/{path}", body, files])

    def posts(self, text: str = "", files: Any = None, **more: Any) -> int:
        return int(self.calls("POST", "messages", {"chat_id": self.chat, "text": text, **more}, files)["id"])

    def trees(self, selector: str) -> list[str]:
        found: list[str] = self.visitor.page.evaluate(TREES, selector)
        return found

    @property
    def unread(self) -> int:
        return sum(chat["unread"] for chat in self.calls("GET", "chats")["items"])


@dataclass
class Chat:
    server: Server
    ann: Member
    bob: Member

    @property
    def both(self) -> Iterator[Member]:
        yield from (self.ann, self.bob)

    def execute(self, sql: str) -> None:
        connection = sqlite3.connect(str(self.server.folder / "chat.db"), timeout=30)
        connection.execute(sql)
        connection.commit()
        connection.close()

    def opens(self) -> None:
        for member in self.both:
            member.visitor.opens(f"/chats/{member.chat}")

    def have_seen(self, text: str) -> None:
        for member in self.both:
            expect(member.visitor.page.get_by_role("log")).to_contain_text(text)

    def is_same_after_a_reload(self, *selectors: str) -> None:
        """Both pages, when everything was read."""
        for member in self.both:
            until(member.visitor.page, lambda member=member: member.unread == 0)
            expect(member.visitor.page.locator("chat-list .badge")).to_have_count(0)
            live = {selector: member.trees(selector) for selector in selectors}
            member.visitor.page.reload()
            for selector in selectors:
                assert live[selector][-SHOWN:] == member.trees(selector)[-SHOWN:], f"{member.username}: {selector}"
            assert not member.visitor.complaints


@pytest.fixture(params=["en-GB", "ru-RU"])
def chat(visit: Visit, server: Server, request: pytest.FixtureRequest) -> Chat:
    names = name(), name()
    ann, bob = (visit(language=request.param).signs_up(username) for username in names)
    path = ann.starts("Garden", names[1])
    bob.opens(path)
    number = int(path.rpartition("/")[2])
    return Chat(server, Member(ann, names[0], number), Member(bob, names[1], number))


def reacts(who: Member, message: int, sign: str) -> None:
    who.calls("PUT", f"messages/{message}/reactions/{sign}")


def all_kinds(chat: Chat, first: int) -> None:
    """Messages of every kind, on pages that are open."""
    ann, bob = chat.ann, chat.bob
    ann.posts("The tomatoes are in")
    quoted = ann.posts("and the beans")
    ann.posts(MARKDOWN)
    bob.posts(f"@{ann.username}, שלום עולם", reply_to=quoted)
    bob.posts("not on this page", reply_to=first)
    ann.posts(LONG)
    edited = ann.posts("before the edit")
    ann.posts("after it")
    ann.calls("PATCH", f"messages/{edited}", {"text": f"**after** the edit, @{bob.username}"})
    ann.calls("PATCH", f"messages/{quoted}", {"text": "and the *red* beans"})
    gone, followed = bob.posts("to be deleted"), bob.posts("continued no more")
    bob.posts("of something gone", reply_to=gone)
    bob.calls("DELETE", f"messages/{gone}")
    back = ann.posts("to be restored")
    ann.posts("after what is restored")
    ann.calls("DELETE", f"messages/{back}")
    ann.calls("POST", f"messages/{back}/restore")
    for sign in ("👍", "🎉"):
        reacts(ann, followed, sign)
        reacts(bob, followed, sign)
    bob.calls("DELETE", f"messages/{followed}/reactions/🎉")
    bob.calls("POST", f"messages/{quoted}/forward", {"chat_id": chat.bob.chat, "text": "look"})
    ann.posts(files=[["one.png", 641, 300]])
    ann.posts("two", files=[["one.png", 30, 30], ["two.png", 500, 900], ["notes.tar.gz", 0, 0]])
    ann.posts(files=[[".profile", 0, 0]])


def test_every_kind_of_message_comes_as_it_stands_after_a_reload(chat: Chat) -> None:
    first = chat.ann.posts("of yesterday")
    for number in range(45):
        chat.ann.posts(f"of today, {number}")
    chat.execute(f"{YESTERDAY} WHERE chat_id = {chat.ann.chat}")
    chat.opens()
    all_kinds(chat, first)
    field = chat.ann.visitor.page.locator("textarea#text")
    field.fill("for the *end*")
    field.press("Enter")
    chat.have_seen("for the end")
    chat.is_same_after_a_reload(ROWS, LIST, HEADING)


def test_no_page_asks_for_what_an_event_tells(chat: Chat, visit: Visit) -> None:
    """Of two pages, one shows the chat and the other another one."""
    ann, bob, carol = chat.ann, chat.bob, name()
    visit().signs_up(carol)
    kitchen = ann.calls("POST", "chats", {"title": "Kitchen", "members": [bob.username]})["id"]
    first = ann.posts("the first of all")
    chat.opens()
    bob.visitor.opens(f"/chats/{kitchen}")
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.method == "GET" and request.resource_type != "image" and "/api/events" not in request.url:
            asked.append(request.url)

    for member in chat.both:
        member.calls("GET", "chats")
        member.visitor.page.on("request", note)
    all_kinds(chat, first)
    ann.calls("POST", f"chats/{chat.ann.chat}/typing")
    ann.calls("POST", f"chats/{chat.ann.chat}/members", {"username": carol})
    ann.calls("PATCH", f"chats/{chat.ann.chat}", {"title": "Kitchen garden", "description": "beds"})
    bob.calls("PATCH", f"chats/{chat.ann.chat}/membership", {"level": "nothing"})
    bob_id = bob.visitor.page.locator("live-stream").get_attribute("user")
    direct = ann.calls("POST", f"users/{bob_id}/chat")["id"]
    ann.calls("POST", "messages", {"chat_id": direct, "text": "just us"})
    for member in chat.both:
        listed = member.visitor.page.locator("chat-list > ul > li")
        expect(listed.nth(0)).to_contain_text("just us")
        expect(listed.nth(1)).to_contain_text("Kitchen garden")
    expect(ann.visitor.page.locator(".pane-title")).to_contain_text(carol)
    expect(ann.visitor.page.locator("h1")).to_have_text("Kitchen garden")
    assert asked == []
    # It is what the server would have answered.
    for member in chat.both:
        live = member.trees(LIST)
        member.visitor.page.reload()
        assert live == member.trees(LIST)
    assert not ann.visitor.complaints + bob.visitor.complaints


def test_the_row_of_ones_own_message_is_the_same_from_the_first_moment(chat: Chat) -> None:
    page = chat.ann.visitor.page
    chat.opens()
    held: list[Route] = []
    page.route("**/api/messages", lambda route: held.append(route))
    field = page.locator("textarea#text")
    for text in ("plain", "with *signs*"):
        field.fill(text)
        field.press("Enter")
        pending = page.locator("article.is-sending")
        expect(pending.locator(".prose")).to_have_text(text)
        expect(pending.locator(".message-author")).to_have_text(chat.ann.username)
        pending.evaluate("row => { row.remembered = true; row.querySelector('.prose').remembered = true; }")
        until(page, lambda: held)
        held.pop().continue_()
        expect(page.locator("article.is-sending")).to_have_count(0)
        row = page.locator("article[id]").last
        expect(row.locator(".prose")).to_have_text(text.replace("*", ""))
        assert row.evaluate("row => row.remembered && row.querySelector('.prose').remembered")
    chat.have_seen("with signs")
    chat.is_same_after_a_reload(ROWS, LIST)


def test_a_message_made_unread_gets_the_line_and_the_list_its_marks(chat: Chat) -> None:
    bob, page = chat.bob, chat.bob.visitor.page
    chat.ann.posts("one")
    second = chat.ann.posts(f"two, @{bob.username}")
    chat.ann.posts("three")
    chat.opens()
    until(page, lambda: bob.unread == 0)
    bob.calls("POST", f"chats/{bob.chat}/unread", {"message_id": second})
    line = page.locator(".unread-line + article")
    expect(line).to_have_id(f"message-{second}")
    expect(page.locator("chat-list .badge")).to_have_text("@ 2")
    live = [bob.trees(selector) for selector in (LIST, f"#message-{second}")]
    chat.ann.calls("DELETE", f"messages/{second}")
    expect(page.locator("chat-list .badge")).to_have_text("1")
    chat.ann.calls("POST", f"messages/{second}/restore")
    expect(page.locator("chat-list .badge")).to_have_text("@ 2")
    assert live == [bob.trees(selector) for selector in (LIST, f"#message-{second}")]
    chat.ann.calls("PATCH", f"messages/{second}", {"text": "two"})
    expect(page.locator("chat-list .badge")).to_have_text("2")


def test_the_scripts_of_a_first_visit_are_small(visit: Visit) -> None:
    ann = visit().signs_up(name())
    loaded: list[Response] = []
    ann.page.on("response", lambda response: loaded.append(response))
    ann.starts("Garden")
    # The last ones, which the page loads once it is connected.
    ann.page.wait_for_function("() => customElements.get('chat-announcer') && customElements.get('chat-notifications')")
    sizes = [one.request.sizes()["responseBodySize"] for one in loaded if one.request.resource_type == "script"]
    assert 20_000 < sum(sizes) <= 45 * 1024


def test_a_new_role_shows_at_once_whose_messages_one_may_delete(chat: Chat) -> None:
    ann, bob = chat.ann, chat.bob
    by_ann, by_bob = ann.posts("by ann"), bob.posts("by bob")
    chat.opens()
    rows = bob.visitor.page.locator(f"#message-{by_ann}, #message-{by_bob}")
    delete = rows.get_by_role("link", name="Delete message").or_(rows.get_by_role("link", name="Удалить сообщение"))
    expect(delete).to_have_count(1)
    bob_id = bob.visitor.page.locator("live-stream").get_attribute("user")
    rows.first.evaluate("row => row.remembered = true")
    for role, count in (("admin", 1), ("owner", 2), ("admin", 1)):
        who = ann if bob.calls("GET", f"chats/{bob.chat}")["role"] != "owner" else bob
        target = bob_id if who is ann else ann.visitor.page.locator("live-stream").get_attribute("user")
        who.calls("PATCH", f"chats/{chat.ann.chat}/members/{target}", {"role": role if who is ann else "owner"})
        expect(delete).to_have_count(count)
    assert rows.first.evaluate("row => row.remembered")
    # The unread line depends on what was read before.
    chat.is_same_after_a_reload(".message-column > article")


def test_after_missed_events_the_list_has_no_chat_that_was_left(chat: Chat) -> None:
    ann, bob = chat.ann, chat.bob
    left = ann.calls("POST", "chats", {"title": "Shed", "members": [bob.username]})["id"]
    chat.opens()
    page = bob.visitor.page
    expect(page.locator(f'chat-list [data-chat="{left}"]')).to_have_count(1)
    bob_id = page.locator("live-stream").get_attribute("user")
    # The page does not hear of it.
    page.evaluate("addEventListener('member.removed', (event) => event.stopImmediatePropagation(), true)")
    ann.calls("DELETE", f"chats/{left}/members/{bob_id}")
    until(page, lambda: len(bob.calls("GET", "chats")["items"]) == 1)
    ann.posts("still here")
    chat.have_seen("still here")
    expect(page.locator(f'chat-list [data-chat="{left}"]')).to_have_count(1)
    page.evaluate("document.dispatchEvent(new CustomEvent('reset', {detail: {}}))")
    expect(page.locator(f'chat-list [data-chat="{left}"]')).to_have_count(0)
    expect(page.locator("chat-list > ul > li")).to_have_count(1)
    assert not bob.visitor.complaints
