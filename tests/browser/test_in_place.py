"""What is done without leaving the chat: files, edits, answers, deletions and their undo."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Route, expect

from .conftest import PASSWORD, Visit, Visitor, tab_shows, until
from .test_everyone import AXE
from .test_live import Pair, enters, message_texts, name, problem

WORDS = {
    "en-GB": ("Edit message", "Message", "Save", "Delete message", "Undo", "Reply", "edited"),
    "ru-RU": (
        "Изменить сообщение",
        "Сообщение",
        "Сохранить",
        "Удалить сообщение",
        "Вернуть",
        "Ответить",
        "изменено",
    ),
}
# As a person does it who holds files over the page: the browser's own events, in its order.
DROP = """([selector, files, last]) => {
    const held = new DataTransfer();
    for (const [name, type, size] of files) held.items.add(new File([new Uint8Array(size)], name, { type }));
    const over = document.querySelector(selector);
    for (const type of ["dragenter", "dragover", last]) {
        over.dispatchEvent(new DragEvent(type, { dataTransfer: held, bubbles: true, cancelable: true }));
    }
}"""
PASTE = """(files) => {
    const held = new DataTransfer();
    for (const [name, type, size] of files) held.items.add(new File([new Uint8Array(size)], name, { type }));
    const event = new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true });
    (document.activeElement ?? document.body).dispatchEvent(event);
}"""


def field(who: Visitor, label: str = "Message") -> Locator:
    return who.page.get_by_label(label, exact=True)


def article(who: Visitor, words: str) -> Locator:
    return who.page.get_by_role("article").filter(has_text=words)


def does(who: Visitor, words: str, action: str) -> None:
    """One of the actions of a message: with a mouse on the bar, with a finger on the sheet."""
    row = article(who, words)
    more = row.locator(".message-more")
    if more.is_visible():
        more.click()
    else:
        row.hover()
    row.get_by_role("link", name=action, exact=True).click()


def previews(who: Visitor) -> Locator:
    return who.page.get_by_role("list", name="Files to send").get_by_role("listitem")


def picture(name: str = "bed.png") -> Any:
    drawn = io.BytesIO()
    Image.new("RGB", (320, 200), "olive").save(drawn, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": drawn.getvalue()}


@pytest.fixture
def pair(visit: Visit) -> Pair:
    return Pair(visit)


# Files


def test_files_are_pasted_dropped_and_shown_before_they_go(pair: Pair) -> None:
    bob = pair.bob
    field(bob).fill("See here")
    field(bob).focus()
    bob.page.evaluate(PASTE, [["plan.txt", "text/plain", 2048]])
    expect(previews(bob)).to_have_count(1)
    expect(previews(bob)).to_contain_text("plan.txt")
    expect(previews(bob)).to_contain_text("2 KB")
    # Anywhere on the chat; what was chosen before stays.
    bob.page.evaluate(DROP, [".message-list", [["a.txt", "text/plain", 1], ["b.txt", "text/plain", 1]], "dragover"])
    expect(bob.page.get_by_text("Drop files here to attach them")).to_be_visible()
    bob.page.evaluate(DROP, [".message-list", [["a.txt", "text/plain", 1], ["b.txt", "text/plain", 1]], "drop"])
    expect(bob.page.get_by_text("Drop files here to attach them")).to_be_hidden()
    expect(previews(bob)).to_have_count(3)
    bob.page.get_by_label("Attach", exact=True).set_input_files([picture()])
    expect(previews(bob)).to_have_count(4)
    thumbnail = previews(bob).last.locator("img")
    expect(thumbnail).to_have_js_property("naturalWidth", 320)
    expect(bob.page.locator(".composer [role=status]")).to_have_text("Files to send: 4")
    field(bob).press("Enter")
    for words in ("plan.txt", "a.txt", "b.txt"):
        expect(pair.ann.page.get_by_role("log").get_by_role("link", name=words)).to_be_visible()
    expect(pair.ann.page.get_by_role("article").locator(".thumb img")).to_be_visible()
    expect(previews(bob)).to_have_count(0)
    expect(pair.ann.page.get_by_role("article")).to_have_count(1)
    assert pair.has_stayed(bob) and not bob.complaints


def test_files_dropped_beside_the_chat_do_not_take_the_page_away(pair: Pair) -> None:
    dropped = """() => {
        const held = new DataTransfer();
        held.items.add(new File(["x"], "a.txt"));
        const drop = new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true });
        return !document.querySelector(".sidebar").dispatchEvent(drop);
    }"""
    assert pair.bob.page.evaluate(dropped), "the browser would show the file"
    expect(previews(pair.bob)).to_have_count(0)


def test_the_keyboard_takes_files_away_again(pair: Pair) -> None:
    bob = pair.bob
    bob.page.get_by_label("Attach", exact=True).set_input_files([picture("one.png"), picture("two.png")])
    expect(previews(bob)).to_have_count(2)
    bob.page.get_by_role("button", name="Remove one.png").focus()
    bob.page.keyboard.press("Enter")
    expect(previews(bob)).to_have_count(1)
    expect(bob.page.get_by_role("button", name="Remove two.png")).to_be_focused()
    bob.page.keyboard.press("Enter")
    expect(previews(bob)).to_have_count(0)
    expect(field(bob)).to_be_focused()


def test_what_is_too_large_or_too_much_is_told_at_once_beside_the_rest(pair: Pair) -> None:
    bob = pair.bob
    bob.page.locator("chat-composer").evaluate("composer => composer.setAttribute('max-file-size', 1000)")
    field(bob).focus()
    files = [["film.mov", "video/quicktime", 1001], *([f"{number}.txt", "text/plain", 1] for number in range(11))]
    bob.page.evaluate(PASTE, files)
    expect(previews(bob)).to_have_count(12)
    expect(previews(bob).first).to_contain_text("Larger than 25 MB")
    expect(previews(bob).last).to_contain_text("More than 10 files")
    status = bob.page.locator(".composer [role=status]")
    expect(status).to_contain_text("film.mov: Larger than 25 MB")
    expect(status).to_contain_text("Files to send: 10")
    # Room for one more.
    bob.page.get_by_role("button", name="Remove 0.txt").click()
    expect(previews(bob).last).not_to_contain_text("More than")
    # Nothing goes while something of it can't, and what it is has the focus.
    enters(bob, "the rest")
    expect(bob.page.get_by_role("button", name="Remove film.mov")).to_be_focused()
    expect(field(bob)).to_have_value("the rest")
    expect(previews(bob)).to_have_count(11)
    bob.page.keyboard.press("Enter")
    expect(previews(bob)).to_have_count(10)
    field(bob).press("Enter")
    expect(pair.ann.page.get_by_role("article").locator(".file")).to_have_count(10)
    expect(pair.ann.page.get_by_role("log")).not_to_contain_text("film.mov")
    expect(pair.ann.page.get_by_role("log")).to_contain_text("10.txt")


def slowly(who: Visitor, kilobytes: int = 200) -> Any:
    """A network that takes its time to send."""
    session = who.context.new_cdp_session(who.page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": kilobytes * 1024}
    session.send("Network.emulateNetworkConditions", slow)
    return session


def at_full_speed(session: Any) -> None:
    fast = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", fast)


def attaches(who: Visitor, tmp_path: Path, size: int) -> None:
    large = tmp_path / "film.bin"
    large.write_bytes(bytes(size))
    who.page.get_by_label("Attach", exact=True).set_input_files([large])
    expect(previews(who)).to_contain_text("film.bin")


def test_an_upload_shows_how_far_it_is_and_can_be_cancelled(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair.ann, pair.bob
    ann.writes("Any news?")
    does(bob, "Any news?", "Reply")
    attaches(bob, tmp_path, 8 * 2**20)
    slow = slowly(bob)
    enters(bob, "A film")
    row = bob.page.locator(".is-sending")
    progress = row.get_by_role("progressbar", name="Upload progress")
    expect(progress).to_be_visible()
    expect(progress).not_to_have_js_property("value", 0)
    field(bob).fill("written meanwhile")
    row.get_by_role("button", name="Cancel", exact=True).click()
    expect(row).to_have_count(0)
    # Everything is back in the field, before what was written meanwhile.
    expect(field(bob)).to_have_value("A film\n\nwritten meanwhile")
    expect(field(bob)).to_be_focused()
    expect(previews(bob)).to_contain_text("film.bin")
    expect(bob.page.locator(".composer-reply")).to_contain_text("Any news?")
    at_full_speed(slow)
    field(bob).press("Enter")
    expect(ann.page.get_by_role("link", name="film.bin")).to_have_count(1)
    expect(bob.page.get_by_role("link", name="film.bin")).to_be_visible()
    expect(ann.page.get_by_role("article")).to_have_count(2)
    expect(ann.page.get_by_role("article").last.locator(".quote")).to_contain_text("Any news?")
    assert not bob.complaints


def test_an_upload_goes_on_after_a_reload(pair: Pair, tmp_path: Path) -> None:
    bob = pair.bob
    attaches(bob, tmp_path, 4 * 2**20)
    slow = slowly(bob)
    enters(bob, "A film")
    expect(bob.page.locator(".is-sending").get_by_role("progressbar")).to_be_visible()
    bob.page.reload()
    at_full_speed(slow)
    expect(pair.ann.page.get_by_role("link", name="film.bin")).to_be_visible()
    expect(bob.page.get_by_role("link", name="film.bin")).to_be_visible()
    expect(pair.ann.page.get_by_role("article")).to_have_count(1)
    expect(bob.page.locator("article:not([id])")).to_have_count(0)


def test_what_was_refused_comes_back_into_the_field_to_be_changed(pair: Pair) -> None:
    enters(pair.bob, "x" * 10_001)
    failed = pair.bob.page.locator(".is-failed")
    failed.get_by_role("button", name="Change", exact=True).click()
    expect(failed).to_have_count(0)
    expect(field(pair.bob)).to_have_value("x" * 10_001)
    enters(pair.bob, "short")
    expect(message_texts(pair.ann)).to_have_text(["short"])


def test_where_the_browser_keeps_nothing_the_form_goes_by_itself(visit: Visit) -> None:
    """A page over plain http of a local network: no locks, no keys made up by the browser."""
    ann = visit().signs_up(name())
    ann.context.add_init_script("Object.defineProperty(globalThis, 'isSecureContext', { value: false })")
    ann.context.add_init_script("Object.defineProperty(crypto, 'randomUUID', { value: undefined })")
    ann.starts("Garden")
    ann.writes("one")
    does(ann, "one", "Reply")
    ann.page.get_by_label("Attach", exact=True).set_input_files([picture()])
    enters(ann, "two")
    last = ann.page.get_by_role("article").last
    expect(last.locator(".thumb img")).to_be_visible()
    expect(last.locator(".quote")).to_contain_text("one")
    assert not ann.complaints


# Editing


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
@pytest.mark.parametrize("language", list(WORDS))
def test_a_message_is_edited_and_deleted_where_it_stands(visit: Visit, language: str, phone: bool) -> None:
    edit, label, save, delete, undo, _, edited = WORDS[language]
    username = name()
    visit().signs_up(username)
    ann = visit(language=language, phone=phone)
    ann.opens("/login")
    ann.page.locator("#username").fill(username)
    ann.page.locator("#password").fill(PASSWORD)
    ann.page.locator(".card .button.is-primary").click()
    expect(ann.page).to_have_url(ann.server.url + "/")
    ann.opens("/chats/new")
    ann.page.locator("#title").fill("Garden")
    ann.page.locator(".pane .button.is-primary, .card .button.is-primary").last.click()
    expect(ann.page).to_have_url(re.compile(r"/chats/\d+$"))
    Pair.stays(ann)
    field(ann, label).fill("the tomatos are in")
    ann.page.locator(".composer-send").click()
    expect(ann.page.locator("article[id]")).to_have_count(1)
    does(ann, "tomatos", edit)
    expect(field(ann, label)).to_have_value("the tomatos are in")
    expect(field(ann, label)).to_be_focused()
    field(ann, label).fill("The tomatoes are in")
    ann.presses(save)
    expect(message_texts(ann)).to_have_text(["The tomatoes are in"])
    expect(ann.page.get_by_role("article")).to_contain_text(edited)
    expect(ann.page.locator("message-editor")).to_have_count(0)
    does(ann, "tomatoes", delete)
    expect(ann.page.get_by_role("dialog")).to_contain_text("The tomatoes are in")
    ann.presses(delete)
    expect(ann.page.get_by_role("dialog")).to_have_count(0)
    expect(ann.page.locator("article")).to_have_class(re.compile("is-deleted"))
    ann.page.get_by_role("status").get_by_role("button", name=undo, exact=True).click()
    expect(message_texts(ann)).to_have_text(["The tomatoes are in"])
    expect(ann.page.locator("undo-toast")).to_have_count(0)
    assert Pair.has_stayed(ann) and not ann.complaints


def test_the_keyboard_edits_the_last_own_message(pair: Pair) -> None:
    ann, bob = pair.ann, pair.bob
    ann.writes("one")
    ann.writes("two")
    bob.writes("three")
    field(ann).focus()
    ann.page.keyboard.press("ArrowUp")
    expect(field(ann)).to_have_value("two")
    expect(field(ann)).to_be_focused()
    # Of two fields each has its own name.
    expect(field(ann, "New message")).to_be_visible()
    ann.page.keyboard.press("End")
    ann.page.keyboard.type(" and")
    ann.page.keyboard.press("Shift+Enter")
    ann.page.keyboard.type("a half")
    ann.page.keyboard.press("Enter")
    expect(message_texts(bob)).to_contain_text(["one", "two and\na half", "three"], use_inner_text=True)
    expect(field(ann)).to_be_focused()
    expect(field(ann)).to_have_value("")
    # Esc leaves everything as it was.
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.type("not this")
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("message-editor")).to_have_count(0)
    expect(message_texts(ann).nth(1)).to_contain_text("two and")
    expect(field(ann)).to_be_focused()
    # With something written already the key is the field's own.
    field(ann).fill("words")
    ann.page.keyboard.press("ArrowUp")
    expect(ann.page.locator("message-editor")).to_have_count(0)
    assert pair.has_stayed(ann) and not ann.complaints


def test_no_key_is_lost_while_the_editor_opens(pair: Pair) -> None:
    ann, held = pair.ann, []
    ann.writes("**one** two")
    article(ann, "one").hover()

    # A network that brings nothing meanwhile, and takes its time with the first change.
    def carry(route: Route) -> None:
        if route.request.method == "GET":
            route.abort()
        elif route.request.method == "PATCH" and not held:
            held.append(route)
        else:
            route.continue_()

    ann.page.route("**/api/**", carry)
    answered: list[Any] = []
    ann.page.on("response", lambda answer: answer.request.method == "PATCH" and answered.append(answer))
    field(ann).focus()
    # One after the other, without a look at the screen.
    for mark in "!?":
        for key in ("ArrowUp", "End", mark, "Enter"):
            ann.page.keyboard.press(key)
    until(ann.page, lambda: held)
    # Time for the second change to overtake the first one, which it does not.
    ann.page.wait_for_timeout(500)
    held[0].continue_()
    until(ann.page, lambda: len(answered) == 2)
    pair.bob.opens(pair.path)
    expect(message_texts(pair.bob)).to_have_text(["one two!?"])
    expect(message_texts(ann)).to_have_text(["one two!?"])
    expect(ann.page.locator("message-editor")).to_have_count(0)
    expect(field(ann)).to_have_value("")


def test_who_came_by_the_keyboard_is_led_back_to_where_they_were(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    link = article(ann, "one").get_by_role("link", name="Edit message")
    link.focus()
    ann.page.keyboard.press("Enter")
    expect(field(ann)).to_be_focused()
    ann.page.keyboard.press("Escape")
    expect(link).to_be_focused()
    article(ann, "one").get_by_role("link", name="Delete message").focus()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    ann.page.keyboard.press("Escape")
    expect(article(ann, "one").get_by_role("link", name="Delete message")).to_be_focused()
    expect(ann.page.get_by_role("dialog")).to_have_count(0)


def test_an_edit_that_fails_keeps_the_words(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    answers: list[Any] = [lambda route: route.abort(), lambda route: problem(route, 422, text=["Not these words."])]

    def fail(route: Route) -> None:
        if route.request.method == "PATCH" and answers:
            answers.pop(0)(route)
        else:
            route.continue_()

    ann.page.route("**/api/messages/*", fail)
    field(ann).press("ArrowUp")
    field(ann).fill("one and a half")
    ann.presses("Save")
    alert = ann.page.get_by_role("alert")
    expect(alert).to_contain_text("Not saved: can’t reach the server.")
    expect(field(ann)).to_have_value("one and a half")
    ann.presses("Save")
    expect(alert).to_contain_text("Not these words.")
    expect(field(ann)).to_have_value("one and a half")
    ann.presses("Save")
    expect(message_texts(pair.bob)).to_have_text(["one and a half"])
    expect(ann.page.locator("message-editor")).to_have_count(0)


def test_what_happens_to_a_message_while_it_is_edited_is_told(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    second = Visitor(ann.context, ann.server)
    second.opens(pair.path)
    field(ann).press("ArrowUp")
    field(ann).fill("one and a half")
    field(second).press("ArrowUp")
    field(second).fill("one and a quarter")
    second.presses("Save")
    alert = ann.page.get_by_role("alert")
    expect(alert).to_contain_text("This message was edited elsewhere.")
    expect(field(ann)).to_have_value("one and a half")
    expect(field(ann)).to_be_focused()
    does(second, "one and a quarter", "Delete message")
    second.presses("Delete message")
    expect(alert).to_contain_text("This message has been deleted.")
    expect(field(ann)).to_have_value("one and a half")
    expect(ann.page.get_by_role("article").locator(".message-actions")).to_have_count(0)
    second.presses("Undo")
    expect(ann.page.get_by_role("article").locator(".message-actions")).to_have_count(1)
    ann.presses("Save")
    expect(message_texts(pair.bob)).to_have_text(["one and a half"])


def test_an_edit_survives_a_page_in_between(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    field(ann).press("ArrowUp")
    field(ann).fill("one and a half")
    ann.opens("/")
    ann.opens(pair.path)
    field(ann).press("ArrowUp")
    expect(field(ann)).to_have_value("one and a half")
    ann.page.keyboard.press("Escape")
    field(ann).press("ArrowUp")
    expect(field(ann)).to_have_value("one")


def test_with_a_key_held_the_link_is_a_mere_link(pair: Pair) -> None:
    pair.ann.writes("one")
    article(pair.ann, "one").hover()
    with pair.ann.context.expect_page() as opened:
        article(pair.ann, "one").get_by_role("link", name="Edit message").click(modifiers=["Control"])
    tab_shows(pair.ann, opened.value, "Edit message")


# Deleting


def test_a_deletion_is_undone_on_every_screen(pair: Pair) -> None:
    ann, bob = pair.ann, pair.bob
    ann.writes("The tomatoes are in")
    does(bob, "The tomatoes", "Reply")
    enters(bob, "All of them?")
    quote = ann.page.get_by_role("article").last.locator(".quote")
    expect(quote).to_contain_text("The tomatoes are in")
    first = ann.page.get_by_role("article").first
    first.hover()
    first.get_by_role("link", name="Delete message").click()
    ann.presses("Delete message")
    for one in (ann, bob):
        expect(one.page.get_by_role("article").first).to_contain_text("This message was deleted")
        expect(one.page.get_by_role("article").last.locator(".quote")).to_contain_text("This message was deleted")
    expect(bob.page.get_by_role("button", name="Undo")).to_have_count(0)
    ann.presses("Undo")
    for one in (ann, bob):
        expect(message_texts(one)).to_have_text(["The tomatoes are in", "All of them?"])
        expect(one.page.get_by_role("article").last.locator(".quote")).to_contain_text("The tomatoes are in")
    assert pair.has_stayed(ann) and pair.has_stayed(bob)


def test_a_deletion_is_undone_without_scripts(visit: Visit) -> None:
    ann = visit(javascript=False).signs_up(name())
    path = ann.starts("Garden")
    ann.writes("The tomatoes are in")
    ann.page.get_by_role("article").hover()
    ann.page.get_by_role("article").get_by_role("link", name="Delete message").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Delete this message?")
    ann.presses("Delete message")
    expect(ann.page.get_by_role("status").filter(has_text="Message deleted")).to_be_visible()
    expect(ann.page.get_by_role("article")).to_contain_text("This message was deleted")
    ann.presses("Undo")
    expect(ann.page.get_by_role("article")).to_contain_text("The tomatoes are in")
    ann.opens(path)
    expect(ann.page.get_by_role("button", name="Undo")).to_have_count(0)


def test_undo_after_the_time_limit_says_so(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    ann.page.route("**/restore", lambda route: problem(route, 404))
    does(ann, "one", "Delete message")
    ann.presses("Delete message")
    ann.presses("Undo")
    expect(ann.page.get_by_role("status").filter(has_text="Too late")).to_be_visible()
    expect(ann.page.locator("undo-toast")).to_have_count(0)


def test_the_undo_toast_disappears_by_itself(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    ann.page.locator("template.undo").evaluate("t => t.content.querySelector('undo-toast').setAttribute('seconds', 1)")
    does(ann, "one", "Delete message")
    ann.presses("Delete message")
    expect(ann.page.get_by_role("article")).to_contain_text("This message was deleted")
    expect(ann.page.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_deletion_that_fails_is_told_in_the_question(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    ann.page.route("**/api/messages/*", lambda route: problem(route, 503))
    does(ann, "one", "Delete message")
    ann.presses("Delete message")
    expect(ann.page.get_by_role("alert")).to_contain_text("Something went wrong.")
    ann.page.unroute("**/api/messages/*")
    ann.presses("Delete message")
    expect(ann.page.get_by_role("article")).to_contain_text("This message was deleted")


# Answering


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_a_reply_keeps_what_was_written_and_can_be_dropped(visit: Visit, phone: bool) -> None:
    ann = visit(phone=phone).signs_up(name())
    ann.starts("Garden")
    ann.writes("Who has the watering can?")
    Pair.stays(ann)
    field(ann).fill("I have")
    strip = ann.page.locator(".composer-reply")
    does(ann, "watering can", "Reply")
    expect(strip).to_contain_text("Who has the watering can?")
    expect(field(ann)).to_have_value("I have")
    expect(field(ann)).to_be_focused()
    field(ann).press("Escape")
    expect(strip).to_have_count(0)
    expect(field(ann)).to_have_value("I have")
    does(ann, "watering can", "Reply")
    strip.get_by_role("link", name="Cancel reply").click()
    expect(strip).to_have_count(0)
    expect(field(ann)).to_have_value("I have")
    does(ann, "watering can", "Reply")
    ann.presses("Send")
    expect(ann.page.locator("article[id]").last.locator(".quote")).to_contain_text("Who has the watering can?")
    expect(strip).to_have_count(0)
    assert Pair.has_stayed(ann) and not ann.complaints


def test_dropping_a_reply_of_a_page_drops_its_address_too(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("one")
    number = (ann.page.get_by_role("article").get_attribute("id") or "").removeprefix("message-")
    ann.opens(f"{pair.path}?reply_to={number}")
    ann.page.get_by_role("link", name="Cancel reply").click()
    expect(ann.page.locator(".composer-reply")).to_have_count(0)
    expect(ann.page).to_have_url(ann.server.url + pair.path)


def test_a_quotation_leads_to_the_original_and_back(pair: Pair) -> None:
    ann = pair.ann
    ann.writes("Who has the watering can?")
    for number in range(3):
        ann.writes(f"{number}\n\n" * 20)
    first, last = ann.page.get_by_role("article").first, ann.page.get_by_role("article").last
    ann.page.get_by_role("log").evaluate("log => log.scrollTop = -log.scrollHeight")
    does(ann, "watering can", "Reply")
    enters(ann, "I have")
    expect(last).to_contain_text("I have")
    expect(last).to_be_in_viewport()
    expect(first).not_to_be_in_viewport()
    last.locator(".quote").click()
    expect(first).to_be_in_viewport()
    expect(ann.page.locator("article:target")).to_contain_text("watering can")
    expect(first).to_be_focused()
    ann.page.get_by_role("link", name="Back to the reply").click()
    expect(last).to_be_in_viewport()
    expect(ann.page.get_by_role("link", name="Back to the reply")).to_have_count(0)
    assert pair.has_stayed(ann) and not ann.complaints


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_is_done_in_place(visit: Visit, theme: str, phone: bool) -> None:
    ann = visit(phone=phone, theme=theme, bypass_csp=True).signs_up(name())
    ann.starts("Garden")
    ann.writes("Who has the watering can?")
    ann.page.evaluate(AXE)
    found: dict[str, Any] = {}

    def look(state: str) -> None:
        # What is still coming in is seen through.
        ann.page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => 0)))")
        result = ann.page.evaluate("axe.run({resultTypes: ['violations']})")
        wide = ann.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        found[state] = [f"{one['id']} {[n['target'] for n in one['nodes']]}" for one in result["violations"]]
        found[state] += ["wider than its window"] if wide else []

    does(ann, "watering can", "Edit message")
    expect(field(ann)).to_be_focused()
    look("editor")
    ann.page.keyboard.press("Escape")
    does(ann, "watering can", "Reply")
    ann.page.locator("chat-composer").evaluate("composer => composer.setAttribute('max-file-size', 5000)")
    large = {"name": "film.mov", "mimeType": "video/quicktime", "buffer": bytes(5001)}
    ann.page.get_by_label("Attach", exact=True).set_input_files([picture(), large])
    expect(previews(ann)).to_have_count(2)
    look("answer and previews")
    does(ann, "watering can", "Delete message")
    expect(ann.page.get_by_role("dialog")).to_be_visible()
    look("question")
    ann.presses("Delete message")
    expect(ann.page.get_by_role("button", name="Undo")).to_be_visible()
    look("undo")
    assert found == {"editor": [], "answer and previews": [], "question": [], "undo": []}
