"""What announces new messages: title and icon, system notifications, a screen reader's live region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from .conftest import WHOLE, Visit, Visitor, launched
from .test_live import UNFOCUSED, Pair, enters, message_texts, name, row

# Notifications are the system's: the page's own calls are noted on their way there.
NOTED = """
    globalThis.notifications = [];
    const System = globalThis.Notification;
    globalThis.Notification = class extends System {
      constructor(title, options) {
        super(title, options);
        globalThis.notifications.push(this);
      }
      close() {
        super.close();
        globalThis.notifications = globalThis.notifications.filter((one) => one !== this);
      }
    };
"""
SHOWN = "globalThis.notifications.map(({ title, body, tag }) => ({ title, body, tag }))"


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The whole of it: without a window there are no notifications."""
    yield from launched(playwright, WHOLE)


def listens(who: Visitor) -> None:
    """Lets the browser show notifications, and looks elsewhere."""
    who.context.grant_permissions(["notifications"], origin=who.server.url)
    who.context.add_init_script(NOTED)
    who.context.add_init_script(UNFOCUSED)


def is_ready(page: Page) -> None:
    page.wait_for_function("() => customElements.get('chat-notifications')")


def shows(page: Page, *notifications: tuple[str, str]) -> None:
    """Waits until these notifications, title and body, stand there, and no others."""
    wanted = [list(one) for one in notifications]
    page.wait_for_function(
        "wanted => JSON.stringify(notifications.map(({ title, body }) => [title, body])) === JSON.stringify(wanted)",
        arg=wanted,
    )


def looks(page: Page, at: bool) -> None:
    page.evaluate(f"globalThis.focused = {str(at).lower()}; dispatchEvent(new Event('{'focus' if at else 'blur'}'))")


@pytest.fixture
def pair(visit: Visit) -> Pair:
    """Ann, who writes, and Bob, who has notifications on and looks elsewhere."""
    pair = Pair(visit)
    listens(pair.bob)
    pair.bob.opens("/")
    is_ready(pair.bob.page)
    return pair


def level(who: Visitor, path: str, words: str) -> None:
    who.opens(path + "/edit")
    who.page.get_by_label(words, exact=True).check()
    expect(who.page.get_by_role("status").filter(has_text="Saved.")).to_have_count(1)


def test_a_message_that_comes_in_the_background_is_notified(pair: Pair) -> None:
    pair.ann.writes("The **tomatoes** are in")
    shows(pair.bob.page, ("Garden", f"{pair.ann_name}: The tomatoes are in"))
    pair.ann.writes("All of them")
    pair.bob.page.wait_for_function("() => notifications.length === 2 && notifications[0].tag === notifications[1].tag")
    assert not pair.bob.complaints


def test_a_click_opens_the_chat_and_takes_it_back(pair: Pair) -> None:
    pair.ann.writes("hello")
    shows(pair.bob.page, ("Garden", f"{pair.ann_name}: hello"))
    pair.bob.page.evaluate("notifications[0].dispatchEvent(new Event('click'))")
    expect(pair.bob.page).to_have_url(pair.bob.server.url + pair.path)
    expect(message_texts(pair.bob)).to_have_text(["hello"])


def test_what_is_read_elsewhere_is_taken_back(pair: Pair) -> None:
    pair.ann.writes("hello")
    shows(pair.bob.page, ("Garden", f"{pair.ann_name}: hello"))
    phone = pair.bob.context.new_page()
    phone.goto(pair.bob.server.url + pair.path)
    looks(phone, True)
    shows(pair.bob.page)
    expect(pair.bob.page).to_have_title("Chats · Flask Chat")


def test_the_chat_that_one_looks_at_is_not_told_of_and_another_is(pair: Pair) -> None:
    other = pair.ann.starts("Kitchen", pair.bob_name)
    reading = pair.bob.context.new_page()
    reading.goto(pair.bob.server.url + pair.path)
    is_ready(reading)
    looks(reading, True)
    pair.ann.opens(pair.path)
    pair.ann.writes("seen at once")
    expect(reading.get_by_role("log")).to_contain_text("seen at once")
    pair.ann.opens(other)
    pair.ann.writes("Soup")
    shows(pair.bob.page, ("Kitchen", f"{pair.ann_name}: Soup"))
    assert reading.evaluate(SHOWN) == [], "the tab that does not hold the stream tells nothing"


def test_ones_own_words_from_elsewhere_are_no_news(pair: Pair, visit: Visit) -> None:
    phone = visit().logs_in(pair.bob_name)
    phone.opens(pair.path)
    phone.writes("from the phone")
    phone.opens("/")
    expect(pair.bob.page.locator(".chat-row").first).to_contain_text("You: from the phone")
    pair.ann.writes("for the end")
    shows(pair.bob.page, ("Garden", f"{pair.ann_name}: for the end"))


def test_a_muted_chat_counts_in_grey_and_makes_no_noise(pair: Pair) -> None:
    other = pair.ann.starts("Kitchen", pair.bob_name)
    # In another tab: the first one hears of it.
    second = Visitor(pair.bob.context, pair.bob.server)
    level(second, pair.path, "Nothing")
    expect(pair.bob.page.locator(".chat-row[data-level=nothing]")).to_have_count(1)
    second.page.close()
    pair.ann.opens(pair.path)
    pair.ann.writes("psst")
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread")
    expect(pair.bob.page.locator(".badge.is-muted")).to_have_text("1")
    pair.ann.opens(other)
    pair.ann.writes("Soup")
    shows(pair.bob.page, ("Kitchen", f"{pair.ann_name}: Soup"))
    expect(pair.bob.page).to_have_title("(1) Chats · Flask Chat")


def test_at_mentions_an_answer_to_oneself_is_told(pair: Pair) -> None:
    level(pair.bob, pair.path, "Mentions")
    pair.bob.opens(pair.path)
    looks(pair.bob.page, True)
    pair.bob.writes("Who has the seeds?")
    pair.bob.opens("/")
    is_ready(pair.bob.page)
    pair.ann.writes("Nice weather")
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread")
    article = pair.ann.page.get_by_role("article").filter(has_text="Who has the seeds?")
    article.hover()
    article.get_by_role("link", name="Reply", exact=True).click()
    pair.ann.writes("I do")
    shows(pair.bob.page, ("Garden", f"{pair.ann_name}: I do"))


def test_a_direct_chat_is_told_of_by_the_persons_name(pair: Pair) -> None:
    pair.ann.opens(f"/users/{pair.bob_name}")
    pair.ann.presses("Message")
    expect(pair.ann.page.get_by_role("heading", name=pair.bob_name)).to_be_visible()
    expect(row(pair.bob, pair.ann_name)).to_have_count(0)
    pair.ann.writes("just us")
    shows(pair.bob.page, (pair.ann_name, "just us"))
    expect(row(pair.bob, pair.ann_name)).to_contain_text("1 unread")


def test_it_is_switched_on_by_a_button_and_off_in_the_settings(visit: Visit) -> None:
    bob_name = name()
    ann, bob = visit().signs_up(name()), visit()
    bob.context.add_init_script(NOTED)
    bob.context.add_init_script(UNFOCUSED)
    # Nobody was asked yet; the browser's own question is answered with yes.
    bob.context.add_init_script("""
        let given = localStorage.getItem("given") ?? "default";
        Object.defineProperty(Notification, "permission", { get: () => given });
        Notification.requestPermission = async () => localStorage.setItem("given", given = "granted");
    """)
    bob.context.grant_permissions(["notifications"], origin=bob.server.url)
    bob.signs_up(bob_name).opens("/")
    button = bob.page.get_by_role("button", name="Turn on notifications", exact=True)
    button.click()
    expect(button).to_be_hidden()
    ann.starts("Garden", bob_name)
    ann.writes("hello")
    shows(bob.page, ("Garden", f"{ann.page.locator('.me-name').text_content()}: hello"))
    bob.opens("/settings")
    bob.presses("Turn off in this browser")
    expect(bob.page.get_by_role("button", name="Turn on in this browser")).to_be_focused()
    is_ready(bob.page)
    ann.writes("again")
    expect(row(bob, "Garden")).to_contain_text("2 unread")
    assert bob.page.evaluate(SHOWN) == []
    assert not bob.complaints


def test_the_title_and_the_icon_say_how_much_is_unread_on_every_page(pair: Pair) -> None:
    pair.ann.writes("one")
    pair.ann.writes("two")
    bob = pair.bob.page
    icon = bob.locator("link[rel=icon]")
    expect(bob).to_have_title("(2) Chats · Flask Chat")
    expect(icon).to_have_attribute("href", re.compile("favicon-unread"))
    for path, title in (("/settings", "Settings"), ("/chats/new", "New chat"), ("/search", "Search")):
        pair.bob.opens(path)
        expect(bob).to_have_title(f"(2) {title} · Flask Chat")
    reading = pair.bob.context.new_page()
    reading.goto(pair.bob.server.url + pair.path)
    looks(reading, True)
    for page, title in ((reading, "Garden"), (bob, "Search")):
        expect(page).to_have_title(f"{title} · Flask Chat")
    expect(icon).to_have_attribute("href", re.compile(r"favicon\.svg"))
    pair.ann.opens(pair.path + "/edit")
    pair.ann.fills("Title", "Beds")
    pair.ann.fills("Description", "and seeds")
    pair.ann.presses("Save")
    expect(reading).to_have_title("Beds · Flask Chat")
    expect(reading.locator(".chat-description")).to_have_text("and seeds")


SWARM = """([chat_id, username]) => {
    for (const n of [0, 1, 2, 3, 4]) {
      const message = {
        id: 1e6 + n, chat_id, author: { id: 1e6, name: "", username, avatar_url: null },
        text: `${n}`, html: `<p>${n}</p>`, preview: `${n}`, created_at: new Date().toISOString(), edited_at: null,
        files: [], reactions: [], mentions: [], reply_to: null, forwarded_from: null,
      };
      const event = new CustomEvent("message.created", { bubbles: true, detail: message });
      document.querySelector("live-stream").dispatchEvent(event);
    }
}"""
LANGUAGES: dict[str, dict[str, Any]] = {
    "en-GB": {"many": "New messages: 5", "button": "Turn on notifications", "title": "Saved messages"},
    "ru-RU": {"many": "Новых сообщений: 5", "button": "Уведомлять", "title": "Избранное"},
}


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_a_screen_reader_is_told_of_new_messages_alone(visit: Visit, language: str) -> None:
    ann_name, bob_name, words = name(), name(), LANGUAGES[language]
    ann, bob = visit().signs_up(ann_name), visit(language=language)
    visit().signs_up(bob_name)
    fields = ("Имя пользователя", "Пароль", "Войти") if language == "ru-RU" else ("Username", "Password", "Log in")
    bob.logs_in(bob_name, fields)
    path = ann.starts("Garden", bob_name)
    ann.writes("before")
    bob.opens(path)
    expect(bob.page.get_by_role("button", name=words["button"], exact=True)).to_have_count(1)
    bob.page.wait_for_function("() => customElements.get('chat-announcer')")
    voice = bob.page.locator("chat-announcer")
    expect(bob.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    assert voice.text_content() == ""
    ann.writes("The **tomatoes** are in")
    expect(voice).to_have_text(f"{ann_name}: The tomatoes are in")
    # Five at once, as after a tunnel: they are counted, and the last one is said.
    bob.page.evaluate(SWARM, [int(path.split("/")[-1]), ann_name])
    expect(voice.locator("p")).to_have_text([words["many"], f"{ann_name}: 4"])


def test_ones_own_words_are_not_read_aloud(pair: Pair) -> None:
    pair.bob.opens(pair.path)
    pair.bob.page.wait_for_function("() => customElements.get('chat-announcer')")
    enters(pair.bob, "mine")
    expect(message_texts(pair.ann)).to_have_text(["mine"])
    pair.ann.writes("theirs")
    expect(pair.bob.page.locator("chat-announcer")).to_have_text(f"{pair.ann_name}: theirs")


def test_a_level_and_a_direct_chat_need_no_script(visit: Visit) -> None:
    bob_name = name()
    visit().signs_up(bob_name)
    ann = visit(javascript=False).signs_up(name())
    ann.opens(f"/users/{bob_name}")
    ann.presses("Message")
    ann.fills("Message", "hello")
    ann.presses("Send")
    ann.follows("Edit")
    ann.page.get_by_label("Nothing", exact=True).check()
    ann.presses("Apply")
    expect(ann.page.get_by_label("Nothing", exact=True)).to_be_checked()
    expect(ann.page.get_by_label("Mentions", exact=True)).to_have_count(0)
    path = ann.starts("Garden", bob_name)
    ann.opens(path + "/edit")
    ann.fills("Description", "Beds and seeds")
    ann.presses("Save")
    ann.sees("Beds and seeds")
