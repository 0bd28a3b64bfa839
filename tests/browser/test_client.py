"""Where the focus is, what stays on the screen, and what a choice says: small things that a day with it is made of."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from servers import wait_for

from lib import usernames

from .conftest import PASSWORD, Visit, Visitor, until
from .test_live import Pair, message_texts, name, row
from .test_overlays import back

LANGUAGES = pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
SCREENS = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
FIELD = {"en-GB": "Message", "ru-RU": "Сообщение"}


def in_chat(visit: Visit, language: str = "en-GB", **how: object) -> Visitor:
    ann = visit(language=language, **how).signs_up(name())
    ann.starts("Garden")
    return ann


def field(who: Visitor, language: str = "en-GB") -> Locator:
    return who.page.get_by_label(FIELD[language], exact=True)


def focused(page: Page) -> Locator:
    return page.locator(":focus")


# The focus


@pytest.mark.parametrize("letter", ["a", "Z", "7", "?", "я", "ё", "é"])
def test_a_letter_typed_anywhere_is_written_into_the_field(visit: Visit, letter: str) -> None:
    ann = in_chat(visit)
    for place in ("document.activeElement.blur()", "document.querySelector('message-list').focus()"):
        ann.page.evaluate(place)
        expect(field(ann)).not_to_be_focused()
        ann.page.keyboard.type(letter)
    if letter.isascii():
        ann.page.evaluate("document.activeElement.blur()")
        ann.page.keyboard.press(letter)
        expect(field(ann)).to_have_value(letter * 3)


@pytest.mark.parametrize("key", [" ", "Control+b", "Alt+a", "ArrowDown", "Tab", "F2", "Escape"])
def test_a_key_that_means_something_else_writes_nothing(visit: Visit, key: str) -> None:
    ann = in_chat(visit)
    ann.page.locator("message-list").focus()
    ann.page.keyboard.press(key)
    expect(field(ann)).to_have_value("")
    expect(field(ann)).not_to_be_focused()


def test_what_is_typed_into_another_field_or_a_dialog_stays_there(visit: Visit) -> None:
    ann = in_chat(visit)
    ann.page.get_by_label("Search", exact=True).press_sequentially("tea")
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type("cake")
    ann.page.locator("dialog.quick-find [name=close]").focus()
    ann.page.keyboard.type("x")
    expect(field(ann)).to_have_value("")
    expect(ann.page.get_by_label("Search", exact=True)).to_have_value("tea")


def test_words_pasted_anywhere_come_into_the_field(visit: Visit) -> None:
    ann = in_chat(visit)
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ann.page.evaluate("navigator.clipboard.writeText('from elsewhere')")
    ann.page.locator("message-list").focus()
    ann.page.keyboard.press("Control+v")
    expect(field(ann)).to_have_value("from elsewhere")


@LANGUAGES
def test_the_field_has_the_focus_after_loading_creating_and_choosing_files(visit: Visit, language: str) -> None:
    ann = in_chat(visit, language)
    expect(field(ann, language)).to_be_focused()
    ann.opens("/chats/new")
    expect(ann.page.locator("#title")).to_be_focused()
    ann.page.keyboard.type("Kitchen")
    ann.page.keyboard.press("Enter")
    expect(ann.page).to_have_url(re.compile(r"/chats/\d+$"))
    expect(field(ann, language)).to_be_focused()
    ann.page.locator("message-list").focus()
    ann.page.locator("#files").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    expect(ann.page.locator(".preview")).to_have_count(1)
    expect(field(ann, language)).to_be_focused()


def test_on_touch_no_keyboard_slides_over_the_chat(visit: Visit) -> None:
    ann = in_chat(visit, phone=True)
    expect(ann.page.locator("html[data-ready]")).to_be_attached()
    expect(field(ann)).not_to_be_focused()
    ann.page.locator("#files").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    expect(ann.page.locator(".preview")).to_have_count(1)
    expect(field(ann)).not_to_be_focused()


@pytest.mark.parametrize(
    ("path", "first"), [("/login", "username"), ("/register", "username"), ("/chats/new", "title")]
)
@SCREENS
def test_a_form_begins_at_its_first_field(visit: Visit, javascript: bool, path: str, first: str, phone: bool) -> None:
    ann = visit(javascript=javascript, phone=phone)
    if path == "/chats/new":
        ann.signs_up(name())
    ann.opens(path)
    expect(ann.page.locator(f"#{first}")).to_be_focused()


@LANGUAGES
@SCREENS
def test_register_tells_of_all_mistakes_and_begins_at_the_first(visit: Visit, language: str, phone: bool) -> None:
    taken = name()
    visit().signs_up(taken)
    ann = visit(language=language, phone=phone)
    for username, password, repeat, wrong in [
        ("", "", "", ["username", "password", "repeat"]),
        ("x", "short", "other", ["username", "password", "repeat"]),
        ("good-enough", PASSWORD, "other", ["repeat"]),
        (taken, "12345678", "other", ["username", "password", "repeat"]),
        (name(), "short", "short", ["password"]),
    ]:
        ann.opens("/register")
        for at, value in (("username", username), ("password", password), ("repeat", repeat)):
            ann.page.locator(f"#{at}").fill(value)
        ann.page.locator("main form button").click()
        expect(ann.page.locator("[aria-invalid=true]")).to_have_count(len(wrong))
        for at in wrong:
            expect(ann.page.locator(f"#{at}-error")).to_be_visible()
        expect(ann.page.locator(f"#{wrong[0]}")).to_be_focused()


@LANGUAGES
def test_the_hint_names_every_character_that_a_name_may_have(visit: Visit, language: str) -> None:
    ann = visit(language=language)
    ann.opens("/register")
    hint = ann.page.locator("#username-hint").inner_text()
    for mark in usernames.MARKS:
        assert f"“{mark}”" in hint or f"«{mark}»" in hint, (mark, hint)
        assert usernames.check(f"a{mark}b") == f"a{mark}b"


# The bars


def bars(page: Page) -> Locator:
    """The action bars that can be seen."""
    page.evaluate(
        """() => { for (const bar of document.querySelectorAll(".message-actions"))
        bar.dataset.seen = String(getComputedStyle(bar).opacity !== "0"); }"""
    )
    return page.locator(".message-actions[data-seen=true]")


def two_messages(visit: Visit) -> tuple[Visitor, Locator, Locator]:
    ann = in_chat(visit)
    ann.writes("first")
    first = ann.page.get_by_role("article").first
    first.hover()
    first.get_by_role("link", name="Reply", exact=True).click()
    ann.writes("second")
    return ann, first, ann.page.get_by_role("article").last


def moves_to(article: Locator) -> None:
    """As a hand does: over the page, not at once."""
    for place in (250, 260, 270):
        article.locator(".prose").hover(position={"x": place, "y": 5})


def test_only_one_message_action_bar_is_shown(visit: Visit) -> None:
    ann, first, second = two_messages(visit)
    page = ann.page
    first.hover()
    first.get_by_role("link", name="React", exact=True).click()
    page.get_by_role("group", name="React").get_by_role("button").first.click()
    expect(first.locator(".reaction")).to_have_count(1)
    first.locator(".reaction").click()
    moves_to(second)
    until(page, lambda: bars(page).count() == 1)
    # A click on a quotation leads to the first, while the mouse stays.
    second.locator(".quote").click()
    expect(first).to_be_focused()
    moves_to(second)
    until(page, lambda: bars(page).count() == 1)
    # By keys.
    link = first.get_by_role("link", name="React", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".reaction-choice")).to_have_count(0)
    until(page, lambda: bars(page).count() == 1)
    moves_to(second)
    until(page, lambda: bars(page).count() == 1)
    page.mouse.move(0, 0)
    page.keyboard.press("Shift")
    assert bars(page).count() <= 1


def test_what_opens_at_a_bar_covers_no_words_by_half(visit: Visit) -> None:
    ann, first, _ = two_messages(visit)
    first.hover()
    link = first.get_by_role("link", name="React", exact=True)
    link.hover()
    expect(link.locator("span")).to_be_visible()
    link.click()
    expect(ann.page.locator(".reaction-choice")).to_be_visible()
    expect(link.locator("span")).to_have_css("opacity", "0")
    ann.page.keyboard.press("Escape")
    expect(link.locator("span")).to_have_css("opacity", "1")


# The toast, the code, the way out


@LANGUAGES
@SCREENS
def test_the_undo_is_small_and_goes_when_it_is_dismissed(visit: Visit, language: str, phone: bool) -> None:
    ann = in_chat(visit, language, phone=phone)
    delete, undo, dismiss = {
        "en-GB": ("Delete message", "Undo", "Dismiss"),
        "ru-RU": ("Удалить сообщение", "Вернуть", "Скрыть"),
    }[language]
    field(ann, language).fill("gone")
    ann.page.locator(".composer-send").click()
    article = ann.page.locator("article[id]")
    expect(article).to_have_count(1)
    article.locator(".message-more" if phone else ".prose").click()
    article.get_by_role("link", name=delete, exact=True).click()
    ann.presses(delete)
    toast = ann.page.locator("undo-toast")
    expect(toast.get_by_role("button", name=undo)).to_be_visible()
    box, log = toast.bounding_box(), ann.page.locator("message-list").bounding_box()
    assert box and log
    assert box["height"] <= 48 and box["width"] <= 320
    assert box["width"] * box["height"] < 0.06 * log["width"] * log["height"]
    assert box["y"] + box["height"] <= log["y"] + 1, "it covers no message"
    expect(ann.page.locator("article.is-deleted")).to_be_visible()
    last = box_of(article)
    # Nor does it lie under the word that there is no connection.
    ann.context.set_offline(True)
    banner = ann.page.locator("live-stream")
    expect(banner).to_be_visible()
    box, above = toast.bounding_box(), banner.bounding_box()
    assert box and above
    assert box["y"] >= above["y"] + above["height"]
    toast.get_by_role("button", name=dismiss).click()
    expect(toast).to_have_count(0)
    assert box_of(article) == last


def box_of(row: Locator) -> FloatRect:
    """Where a row stands, which may be replaced by its successor just then."""
    boxes: list[FloatRect | None] = []

    def has_box() -> bool:
        boxes.append(row.bounding_box())
        return boxes[-1] is not None

    wait_for(has_box, lambda: "the row stays away")
    assert boxes[-1] is not None
    return boxes[-1]


def test_on_touch_copy_stands_beside_the_code(visit: Visit) -> None:
    ann = in_chat(visit, phone=True)
    ann.fills("Message", "```\n" + "x = 1  # and so on, as far as the line goes on and on\n" * 3 + "```")
    ann.presses("Send")
    code, copy = ann.page.locator(".code > pre"), ann.page.locator(".code > .copy")
    expect(copy).to_be_visible()
    over, under = copy.bounding_box(), code.bounding_box()
    assert over and under
    assert over["y"] >= under["y"] + under["height"]


@LANGUAGES
def test_on_a_phone_log_out_stands_apart_from_a_chats_buttons(visit: Visit, javascript: bool, language: str) -> None:
    menu, out = {"en-GB": ("Account menu", "Log out"), "ru-RU": ("Меню аккаунта", "Выйти")}[language]
    username = name()
    ann = visit(javascript=javascript, phone=True, language=language).signs_up(username)
    ann.starts("Garden")
    button = ann.page.get_by_role("button", name=out, exact=True)
    expect(button).to_be_hidden()
    expect(ann.page.get_by_role("link", name=username, exact=True)).to_be_visible()
    ann.page.get_by_role("button", name=menu, exact=True).tap()
    expect(button).to_be_visible()
    if javascript:
        back(ann.page)
        expect(button).to_be_hidden()
        ann.page.get_by_role("button", name=menu, exact=True).tap()
    button.tap()
    expect(
        ann.page.get_by_role("link", name={"en-GB": "Register", "ru-RU": "Зарегистрироваться"}[language]).first
    ).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/settings", "/search"])
@SCREENS
def test_elsewhere_log_out_is_a_button(visit: Visit, path: str, phone: bool) -> None:
    ann = visit(phone=phone).signs_up(name())
    ann.opens(path)
    ann.presses("Log out")
    expect(ann.page.get_by_role("link", name="Register").first).to_be_visible()


# Choices that are saved by themselves


@LANGUAGES
@SCREENS
def test_level_and_role_are_saved_when_they_are_chosen(visit: Visit, language: str, phone: bool) -> None:
    bob = name()
    visit().signs_up(bob)
    ann = visit(language=language, phone=phone).signs_up(name())
    path = ann.starts("Garden", bob)
    ann.opens(path + "/edit")
    saved, level, role = {
        "en-GB": ("Saved.", "Nothing", "Role of " + bob),
        "ru-RU": ("Сохранено.", "Ничего", None),
    }[language]
    ann.page.get_by_text(level, exact=True).click()
    expect(ann.page.get_by_role("status").filter(has_text=saved)).to_have_count(1)
    select = ann.page.get_by_label(role) if role else ann.page.locator(".member select")
    select.select_option("admin")
    expect(ann.page.get_by_role("status").filter(has_text=saved)).to_have_count(2)
    ann.page.reload()
    expect(ann.page.locator("input[value=nothing]")).to_be_checked()
    expect(select).to_have_value("admin")
    # The chat is not given away by arrow keys.
    button = ann.page.locator(".member auto-save button")
    expect(button).to_be_hidden()
    select.select_option("owner")
    expect(button).to_be_visible()
    ann.page.reload()
    expect(select).to_have_value("admin")


def test_without_scripts_the_buttons_save(visit: Visit) -> None:
    bob = name()
    visit().signs_up(bob)
    ann = visit(javascript=False).signs_up(name())
    path = ann.starts("Garden", bob)
    ann.opens(path + "/edit")
    ann.page.get_by_text("Nothing", exact=True).click()
    ann.presses("Apply")
    expect(ann.page.locator("input[value=nothing]")).to_be_checked()
    ann.page.get_by_label("Role of " + bob).select_option("admin")
    ann.page.get_by_role("button", name="Change role").click()
    expect(ann.page.get_by_label("Role of " + bob)).to_have_value("admin")


def test_a_choice_that_can_not_be_saved_says_so(visit: Visit) -> None:
    ann = in_chat(visit)
    ann.opens(ann.page.url.removeprefix(ann.server.url) + "/edit")
    ann.page.route("**/level", lambda route: route.abort())
    ann.page.get_by_text("Nothing", exact=True).click()
    ann.sees("Not saved. Press the button to try again.")
    ann.page.unroute("**/level")
    ann.presses("Apply")
    expect(ann.page.locator("input[value=nothing]")).to_be_checked()


@SCREENS
def test_add_member_completes_names(visit: Visit, phone: bool) -> None:
    start = name()
    bob, carol = start + "bob", start + "carol"
    for person in (bob, carol):
        visit().signs_up(person)
    ann = visit(phone=phone).signs_up(name())
    path = ann.starts("Garden", bob)
    ann.opens(path + "/edit")
    ann.page.get_by_label("Add member", exact=True).press_sequentially(start)
    # Whoever is in the chat already is not offered.
    expect(ann.page.locator("member-picker").get_by_role("option")).to_have_text([re.compile(carol)])
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_label("Add member", exact=True)).to_have_value(carol)
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".members").get_by_role("link", name=carol)).to_be_visible()


# The end of a chat


@pytest.mark.parametrize("how", ["removed", "deleted"])
@LANGUAGES
@SCREENS
def test_when_a_chat_ends_its_buttons_go_and_unsent_words_stay(
    visit: Visit, how: str, language: str, phone: bool
) -> None:
    bob_name = name()
    bob = visit(language=language, phone=phone).signs_up(bob_name)
    ann = visit().signs_up(name())
    path = ann.starts("Garden", bob_name)
    bob.opens(path)
    expect(bob.page.locator("chat-people")).to_have_text(re.compile("2"))
    field(bob, language).fill("I was about to say")
    if how == "deleted":
        ann.submits(path + "/delete")
    else:
        ann.opens(path + "/edit")
        ann.presses("Remove")
        ann.presses("Remove")
        ann.sees(f"{bob_name} was removed.")
    expect(bob.page.locator(".pane-title a:not(.back)")).to_have_count(0)
    unsent = bob.page.get_by_label({"en-GB": "Your unsent message", "ru-RU": "Неотправленное сообщение"}[language])
    expect(unsent).to_have_value("I was about to say")
    bob.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bob.page.get_by_role("button", name={"en-GB": "Copy", "ru-RU": "Копировать"}[language]).click()
    expect(
        bob.page.get_by_role("status").filter(has_text={"en-GB": "Copied", "ru-RU": "Скопировано"}[language])
    ).to_be_visible()
    assert bob.page.evaluate("navigator.clipboard.readText()") == "I was about to say"


@pytest.mark.parametrize("what", ["Leave chat", "Delete chat"])
@SCREENS
def test_leaving_and_deleting_ask_in_a_dialog_and_are_confirmed(
    visit: Visit, what: str, phone: bool, javascript: bool
) -> None:
    ann = visit(javascript=javascript, phone=phone).signs_up(name())
    path = ann.starts("Garden")
    ann.opens(path + "/edit")
    ann.presses(what)
    if javascript:
        dialog = ann.page.get_by_role("dialog")
        expect(dialog.get_by_role("heading")).to_contain_text("“Garden”?")
        expect(ann.page).to_have_url(ann.server.url + path + "/edit")
        dialog.get_by_role("link", name="Cancel").click()
        expect(dialog).to_have_count(0)
        ann.presses(what)
        dialog.get_by_role("button", name=what, exact=True).click()
    else:
        expect(ann.page.get_by_role("heading", level=1)).to_contain_text("“Garden”?")
        ann.presses(what)
    expect(ann.page).to_have_url(ann.server.url + "/")
    ann.sees("You left “Garden”." if what == "Leave chat" else "“Garden” was deleted.")
    assert not ann.complaints


# Offline


@LANGUAGES
@SCREENS
def test_offline_the_page_stays_and_says_so(visit: Visit, language: str, phone: bool) -> None:
    ann = visit(language=language, phone=phone).signs_up(name())
    ann.starts("Kitchen")
    ann.starts("Garden")
    ann.opens("/")
    row(ann, "Garden") if language == "en-GB" else None
    links = ann.page.locator("chat-list a")
    links.filter(has_text="Garden").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Garden")
    Pair.stays(ann)
    words = re.compile({"en-GB": "offline", "ru-RU": "Вы не в сети"}[language])
    ann.context.set_offline(True)
    if phone:
        ann.page.locator(".pane-title .back").click()
        expect(links.filter(has_text="Kitchen")).to_be_visible()
    links.filter(has_text="Kitchen").click()
    banner = ann.page.locator("live-stream")
    expect(banner).to_be_visible()
    expect(banner).to_have_text(words)
    # Other pages, too, and the search.
    ann.page.locator("a.me").click()
    if not phone:
        ann.page.locator("[role=search] input").first.press("Enter")
    expect(banner).to_have_text(words)
    # What was open before is there still.
    if phone:
        links.filter(has_text="Garden").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Garden")
    assert Pair.has_stayed(ann)
    ann.context.set_offline(False)
    expect(banner).to_be_hidden()
    if phone:
        ann.page.locator(".pane-title .back").click()
    links.filter(has_text="Kitchen").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Kitchen")
    assert Pair.has_stayed(ann)


def test_offline_back_to_a_chat_not_in_memory_stays_on_the_page(visit: Visit) -> None:
    ann = in_chat(visit)
    other = ann.starts("Kitchen")
    ann.writes("Soup is on")
    ann.opens("/")
    for title in ("Garden", "Kitchen"):
        row(ann, title).click()
        expect(ann.page.get_by_role("heading", level=1)).to_have_text(title)
    ann.page.reload()
    ann.context.set_offline(True)
    back(ann.page)
    expect(ann.page.locator("live-stream")).to_have_text(re.compile("offline"))
    expect(message_texts(ann)).to_have_text(["Soup is on"])
    expect(ann.page).to_have_url(ann.server.url + other)
