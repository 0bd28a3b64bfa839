"""What happens on the screen by itself: two people, a live page each, and a network that comes and goes."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from servers import Server

from .conftest import INSECURE, Visit, Visitor, fill, until

UNFOCUSED = "globalThis.focused = false; Document.prototype.hasFocus = () => globalThis.focused;"


def name() -> str:
    """A username that nobody had yet."""
    return "p" + "".join(secrets.choice("abcdefghkmnprstuvwxyz") for _ in range(10))


class Pair:
    """Ann and Bob, both in the chat Garden, which is open before each of them."""

    def __init__(self, visit: Visit) -> None:
        self.ann_name, self.bob_name = name(), name()
        self.ann, self.bob = visit().signs_up(self.ann_name), visit().signs_up(self.bob_name)
        self.path = self.ann.starts("Garden", self.bob_name)
        self.bob.opens(self.path)
        self.stays(self.ann), self.stays(self.bob)
        # Who sees the other online is connected.
        for one in (self.ann, self.bob):
            expect(one.page.locator("chat-people")).to_have_text("· 2 online")

    @staticmethod
    def stays(who: Visitor) -> None:
        """Mark the page, to know whether it was loaded again."""
        who.page.evaluate("globalThis.stayed = true")

    @staticmethod
    def has_stayed(who: Visitor) -> bool:
        return bool(who.page.evaluate("globalThis.stayed === true"))


@pytest.fixture
def pair(visit: Visit) -> Pair:
    return Pair(visit)


def enters(who: Visitor, text: str) -> None:
    """Types and presses Enter."""
    field = who.page.get_by_label("Message", exact=True)
    fill(field, text)
    field.press("Enter")


def message_texts(who: Visitor) -> Locator:
    return who.page.get_by_role("log").locator("article .prose")


def row(who: Visitor, title: str) -> Locator:
    return who.page.get_by_role("navigation", name="Chats").get_by_role("link", name=re.compile(f"^{title}"))


def problem(route: Route, status: int, **errors: list[str]) -> None:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": "Not now.", "errors": errors}
    route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(body))


def test_enter_sends_and_the_other_person_sees_it(pair: Pair) -> None:
    enters(pair.ann, "The tomatoes are in")
    expect(pair.ann.page.get_by_label("Message", exact=True)).to_have_value("")
    expect(message_texts(pair.bob)).to_have_text(["The tomatoes are in"])
    enters(pair.bob, "On my way")
    enters(pair.bob, "with a basket")
    expect(message_texts(pair.ann)).to_have_text(["The tomatoes are in", "On my way", "with a basket"])
    # As the server draws it: the second of two in a row has no head.
    expect(pair.ann.page.get_by_role("article").last).to_have_class(re.compile("is-continued"))
    expect(pair.ann.page.locator("article:not([id])")).to_have_count(0)
    assert pair.has_stayed(pair.ann) and pair.has_stayed(pair.bob)
    assert not pair.ann.complaints + pair.bob.complaints


def test_shift_and_enter_breaks_the_line(pair: Pair) -> None:
    field = pair.ann.page.get_by_label("Message", exact=True)
    field.fill("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    expect(field).to_have_value("one\ntwo")
    field.press("Enter")
    expect(message_texts(pair.bob)).to_contain_text(["one"])
    expect(message_texts(pair.bob)).to_contain_text(["two"])


def test_files_are_sent_with_the_message(pair: Pair, tmp_path: Path) -> None:
    notes = tmp_path / "план.txt"
    notes.write_text("carrots")
    pair.ann.page.get_by_label("Attach", exact=True).set_input_files([notes])
    expect(pair.ann.page.get_by_role("list", name="Files to send")).to_contain_text("план.txt")
    enters(pair.ann, "See here")
    expect(pair.bob.page.get_by_role("log").get_by_role("link", name="план.txt")).to_be_visible()
    expect(pair.ann.page.get_by_role("log").get_by_role("link", name="план.txt")).to_be_visible()
    expect(pair.ann.page.get_by_role("list", name="Files to send")).to_have_count(0)


def test_edits_and_deletions_appear_in_place(pair: Pair) -> None:
    pair.ann.writes("the tomatos are in")
    pair.ann.writes("and the beans")
    article = pair.ann.page.get_by_role("article").first
    article.hover()
    article.get_by_role("link", name="Edit message").click()
    pair.ann.fills("Message", "The tomatoes are in")
    pair.ann.presses("Save")
    expect(message_texts(pair.bob)).to_have_text(["The tomatoes are in", "and the beans"])
    expect(pair.bob.page.get_by_role("article").first).to_contain_text("edited")
    article.hover()
    article.get_by_role("link", name="Delete message").click()
    pair.ann.presses("Delete message")
    expect(message_texts(pair.bob)).to_have_text(["and the beans"])
    expect(pair.bob.page.get_by_role("article").first).to_contain_text("This message was deleted")
    # What goes on from a deleted message stands on its own.
    expect(pair.bob.page.get_by_role("article").last).not_to_have_class(re.compile("is-continued"))
    assert pair.has_stayed(pair.bob)


def test_the_chat_list_moves_chats_up_and_counts_unread(pair: Pair) -> None:
    other = pair.ann.starts("Kitchen", pair.bob_name)
    pair.bob.opens("/")
    titles = pair.bob.page.locator(".chat-row > a")
    expect(titles).to_contain_text(["Kitchen", "Garden"])
    expect(pair.bob.page).to_have_title("Chats · Flask Chat")
    pair.stays(pair.bob)
    pair.ann.opens(pair.path)
    pair.ann.writes("The tomatoes are in")
    expect(titles).to_contain_text(["Garden", "Kitchen"])
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread")
    expect(pair.bob.page.locator(".chat-row").first).to_contain_text("The tomatoes are in")
    expect(pair.bob.page).to_have_title("(1) Chats · Flask Chat")
    pair.ann.opens(other)
    pair.ann.writes("Soup")
    expect(pair.bob.page).to_have_title("(2) Chats · Flask Chat")
    # Read in another tab.
    reading = pair.bob.context.new_page()
    reading.goto(pair.bob.server.url + other)
    expect(row(pair.bob, "Kitchen")).not_to_contain_text("unread")
    expect(pair.bob.page).to_have_title("(1) Chats · Flask Chat")
    assert pair.has_stayed(pair.bob)


def test_new_renamed_and_deleted_chats_update_the_list(pair: Pair) -> None:
    path = pair.ann.starts("Kitchen", pair.bob_name)
    expect(row(pair.bob, "Kitchen")).to_be_visible()
    pair.ann.opens(path + "/edit")
    pair.ann.fills("Title", "Canteen")
    pair.ann.presses("Save")
    expect(row(pair.bob, "Canteen")).to_be_visible()
    pair.ann.opens(path + "/delete")
    pair.ann.presses("Delete chat")
    expect(row(pair.bob, "Canteen")).to_have_count(0)
    assert pair.has_stayed(pair.bob)


def test_a_first_chat_appears_on_an_empty_page(visit: Visit) -> None:
    bob_name = name()
    ann, bob = visit().signs_up(name()), visit().signs_up(bob_name)
    bob.opens("/")
    bob.sees("No chats yet")
    ann.starts("Garden", bob_name)
    expect(row(bob, "Garden")).to_be_visible()
    expect(bob.page.locator("body")).not_to_contain_text("No chats yet")


def test_going_offline_and_back_loses_and_repeats_nothing(pair: Pair) -> None:
    pair.ann.writes("before")
    expect(message_texts(pair.bob)).to_have_text(["before"])
    connection = pair.bob.page.get_by_text("You’re offline.")
    pair.bob.context.set_offline(True)
    expect(connection).to_be_visible()
    for text in ("one", "two", "three"):
        pair.ann.writes(text)
    enters(pair.bob, "from the tunnel")
    expect(pair.bob.page.locator(".is-sending")).to_contain_text("from the tunnel")
    pair.bob.context.set_offline(False)
    expect(message_texts(pair.bob)).to_have_text(["before", "one", "two", "three", "from the tunnel"])
    expect(connection).to_be_hidden()
    expect(pair.bob.page.locator(".is-sending")).to_have_count(0)
    expect(message_texts(pair.ann)).to_have_text(["before", "one", "two", "three", "from the tunnel"])
    assert pair.has_stayed(pair.bob)


@pytest.mark.parametrize("scrolled_up", [False, True], ids=["at the end", "among older ones"])
def test_what_was_missed_is_laid_out_together_and_keeps_the_place(pair: Pair, scrolled_up: bool) -> None:
    for number in range(3):
        pair.ann.writes(f"{number}\n\n" * 30)
    log, page = pair.bob.page.get_by_role("log"), pair.bob.page
    expect(message_texts(pair.bob)).to_have_count(3)
    if scrolled_up:
        log.evaluate("log => log.scrollTop = -600")
    place = "log => log.querySelectorAll('article')[1].getBoundingClientRect().top"
    before = log.evaluate(place)
    devtools = pair.bob.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def layouts() -> int:
        counters = devtools.send("Performance.getMetrics")["metrics"]
        return next(int(counter["value"]) for counter in counters if counter["name"] == "LayoutCount")

    pair.bob.context.set_offline(True)
    expect(page.get_by_text("You’re offline.")).to_be_visible()
    missed = [f"missed {number}" for number in range(40)]
    for text in missed:
        pair.ann.submits(pair.path, text=text)
    laid_out = layouts()
    pair.bob.context.set_offline(False)
    page.wait_for_function("count => document.querySelectorAll('message-list article').length === count", arg=43)
    assert layouts() - laid_out < len(missed)
    assert message_texts(pair.bob).all_inner_texts()[3:] == missed
    if scrolled_up:
        assert abs(log.evaluate(place) - before) < 2
        expect(page.locator(".unread-line + article")).to_contain_text("missed 0")
    else:
        expect(message_texts(pair.bob).last).to_be_in_viewport()
        expect(page.locator(".unread-line")).to_have_count(0)


def test_two_tabs_share_one_stream_and_hand_it_on(pair: Pair) -> None:
    listeners: list[Page] = []
    pair.bob.context.on("request", lambda asked: "/api/events" in asked.url and listeners.append(asked.frame.page))
    first, second = pair.bob.page, pair.bob.context.new_page()
    second.goto(pair.bob.server.url + pair.path)
    expect(second.locator("chat-people")).to_have_text("· 2 online")
    pair.ann.writes("to both")
    for tab in (first, second):
        expect(tab.locator("article .prose")).to_have_text(["to both"])
    assert second not in listeners
    first.close()
    pair.ann.writes("to the other")
    expect(second.locator("article .prose")).to_have_text(["to both", "to the other"])
    assert second in listeners


# A browser without a window looks at all its tabs at once: this one is behind others until told otherwise.
BEHIND = """
globalThis.isBehind = true;
Object.defineProperty(Document.prototype, "visibilityState", { get: () => (isBehind ? "hidden" : "visible") });
"""


def looked_at(who: Visitor, visible: bool) -> None:
    script = "behind => { globalThis.isBehind = behind; document.dispatchEvent(new Event('visibilitychange')); }"
    who.page.evaluate(script, not visible)


def test_over_plain_http_a_tab_has_a_stream_while_it_is_visible(pair: Pair) -> None:
    """Without locks each tab has its own, and a browser opens six connections to a server and no more."""
    ann, bob = pair.ann, pair.bob
    began, ended = [], []
    for event, events in (("request", began), ("requestfailed", ended)):
        bob.page.on(event, lambda asked, events=events: "/api/events" in asked.url and events.append(asked))
    bob.context.add_init_script(INSECURE + BEHIND)
    bob.page.reload()
    began.clear(), ended.clear()
    bob.page.reload()  # opened behind others
    assert not began
    for number in range(2):
        looked_at(bob, True)
        ann.writes(f"{number} seen")
        expect(message_texts(bob).last).to_have_text(f"{number} seen")
        looked_at(bob, False)
        until(bob.page, lambda count=number + 1: len(ended) == count)
        ann.writes(f"{number} unseen")
    looked_at(bob, True)
    expect(message_texts(bob)).to_have_text(["0 seen", "0 unseen", "1 seen", "1 unseen"])
    assert len(began) == 3
    assert not bob.complaints


def test_what_was_written_while_the_server_was_down_is_sent_in_order(pair: Pair, server: Server) -> None:
    server.stop()
    texts = [f"message {number}" for number in range(5)]
    for text in texts:
        enters(pair.bob, text)
    expect(pair.bob.page.locator(".is-sending .prose")).to_have_text(texts)
    expect(pair.bob.page.get_by_text("Reconnecting…")).to_be_visible()
    # The tab is closed: only the browser knows them now.
    pair.bob.page.close()
    server.start()
    pair.bob.page = pair.bob.context.new_page()
    pair.bob.opens("/")
    expect(message_texts(pair.ann)).to_have_text(texts)
    pair.bob.opens(pair.path)
    expect(message_texts(pair.bob)).to_have_text(texts)
    expect(pair.bob.page.locator(".is-sending")).to_have_count(0)


def test_a_lost_response_sends_nothing_twice(pair: Pair) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        if len(lost) < 2:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    pair.bob.page.route("**/api/messages", lose)
    enters(pair.bob, "once")
    enters(pair.bob, "then this")
    expect(message_texts(pair.ann)).to_have_text(["once", "then this"])
    expect(message_texts(pair.bob)).to_have_text(["once", "then this"])
    expect(pair.bob.page.locator("article:not([id])")).to_have_count(0)
    assert lost == [201, 200]


def test_a_busy_server_is_retried(pair: Pair) -> None:
    answers = [503, 429, 500]

    def refuse(route: Route) -> None:
        problem(route, answers.pop()) if answers else route.continue_()

    pair.bob.page.route("**/api/messages", refuse)
    enters(pair.bob, "patience")
    expect(message_texts(pair.ann)).to_have_text(["patience"])
    assert not answers


def test_a_refused_message_waits_for_retry_or_discard(pair: Pair) -> None:
    refused: list[bool] = []

    def refuse(route: Route) -> None:
        if len(refused) < 2:
            refused.append(True)
            problem(route, 422, text=["Not these words."])
        else:
            route.continue_()

    pair.bob.page.route("**/api/messages", refuse)
    enters(pair.bob, "wrong")
    failed = pair.bob.page.locator(".is-failed")
    expect(failed).to_contain_text("Not sent. Not these words.")
    expect(failed.get_by_role("status")).to_be_visible()
    # It survives a reload, and holds nothing else up.
    pair.bob.page.reload()
    failed.get_by_role("button", name="Discard", exact=True).click()
    expect(failed).to_have_count(0)
    enters(pair.bob, "again")
    failed.get_by_role("button", name="Retry", exact=True).click()
    expect(message_texts(pair.ann)).to_have_text(["again"])
    expect(message_texts(pair.bob)).to_have_text(["again"])


def test_a_text_that_is_too_long_is_refused_with_the_reason(pair: Pair) -> None:
    enters(pair.bob, "x" * 10_001)
    expect(pair.bob.page.locator(".is-failed")).to_contain_text("Use 10000 characters or fewer.")
    enters(pair.bob, "short")
    expect(message_texts(pair.ann)).to_have_text(["short"])


def test_only_what_was_looked_at_counts_as_read(pair: Pair) -> None:
    pair.bob.context.add_init_script(UNFOCUSED)
    pair.bob.opens(pair.path)
    pair.ann.writes("unseen")
    expect(message_texts(pair.bob)).to_have_text(["unseen"])
    expect(row(pair.bob, "Garden")).to_contain_text("1 unread")
    expect(pair.bob.page.locator(".unread-line + article")).to_contain_text("unseen")
    pair.ann.writes("unseen, too")
    expect(row(pair.bob, "Garden")).to_contain_text("2 unread")
    expect(pair.bob.page.locator(".unread-line")).to_have_count(1)
    expect(pair.bob.page.locator(".unread-line + article")).to_contain_text("unseen")
    pair.bob.page.evaluate("globalThis.focused = true; dispatchEvent(new Event('focus'))")
    expect(row(pair.bob, "Garden")).not_to_contain_text("unread")
    pair.ann.writes("seen at once")
    expect(message_texts(pair.bob)).to_have_count(3)
    expect(row(pair.bob, "Garden")).not_to_contain_text("unread")


def test_new_messages_do_not_scroll_a_reader_of_older_ones(pair: Pair) -> None:
    for number in range(3):
        pair.ann.writes(f"{number}\n\n" * 30)
    log = pair.bob.page.get_by_role("log")
    expect(message_texts(pair.bob)).to_have_count(3)
    log.evaluate("log => log.scrollTop = -600")
    place = "log => log.querySelectorAll('article')[1].getBoundingClientRect().top"
    before = log.evaluate(place)
    pair.ann.writes("news")
    expect(message_texts(pair.bob)).to_have_count(4)
    assert abs(log.evaluate(place) - before) < 2
    pair.bob.page.get_by_role("link", name="Jump to newest").click()
    expect(message_texts(pair.bob).last).to_be_in_viewport()


def test_typing_is_shown_and_disappears(pair: Pair) -> None:
    pair.bob.page.get_by_label("Message", exact=True).press_sequentially("well")
    line = pair.ann.page.get_by_text(f"{pair.bob_name} is typing…")
    expect(line).to_be_visible()
    expect(line).to_be_hidden()
    # At once, so that no second word of it comes after the message.
    pair.bob.page.get_by_label("Message", exact=True).fill("well, then")
    expect(line).to_be_visible()
    pair.bob.page.keyboard.press("Enter")
    expect(message_texts(pair.ann)).to_have_text(["well, then"])
    # What is sent is typed no more: it goes with the same event, and waits for no time to run out.
    assert line.is_hidden()


def test_a_removed_member_sees_that_they_were_removed(pair: Pair) -> None:
    enters(pair.ann, "before")
    expect(message_texts(pair.bob)).to_have_text(["before"])
    pair.ann.opens(pair.path + "/edit")
    pair.ann.page.get_by_role("button", name="Remove").or_(pair.ann.page.get_by_role("link", name="Remove")).click()
    pair.ann.presses("Remove")
    pair.bob.sees("You’re no longer in this chat")
    expect(pair.bob.page.get_by_label("Message", exact=True)).to_have_count(0)
    expect(row(pair.bob, "Garden")).to_have_count(0)
    expect(pair.bob.page.get_by_role("log")).not_to_contain_text("before")
    pair.bob.page.get_by_role("alert").get_by_role("link", name="All chats").click()
    expect(pair.bob.page).to_have_url(pair.bob.server.url + "/")


def test_signing_out_in_one_tab_signs_out_all(pair: Pair) -> None:
    second = pair.bob.context.new_page()
    second.goto(pair.bob.server.url + "/")
    second.get_by_role("button", name="Log out").click()
    expect(pair.bob.page).to_have_url(re.compile("/login"))


def test_presence_and_typing_are_shown_in_russian(visit: Visit) -> None:
    bob_name = name()
    ann = visit().signs_up(name())
    bob = visit(language="ru-RU")
    bob.opens("/register")
    for field, value in (("Имя пользователя", bob_name), ("Пароль", "correct horse battery")):
        bob.fills(field, value)
    bob.fills("Повторите пароль", "correct horse battery")
    bob.presses("Зарегистрироваться")
    expect(bob.page).to_have_url(bob.server.url + "/")
    bob.opens(ann.starts("Garden", bob_name))
    expect(bob.page.locator("chat-people")).to_have_text("· 2 в сети")
    ann.page.get_by_label("Message", exact=True).press_sequentially("hm")
    expect(bob.page.get_by_text("печатает…")).to_be_visible()
