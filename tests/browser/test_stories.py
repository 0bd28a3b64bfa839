"""What people do, in a real browser, with JavaScript and without."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from .conftest import PASSWORD, Visit, Visitor


def name() -> str:
    """A username that nobody had yet."""
    return "p" + "".join(secrets.choice("abcdefghkmnprstuvwxyz") for _ in range(10))


@pytest.fixture
def two(visit: Visit, javascript: bool) -> tuple[Visitor, str, Visitor, str]:
    """Two people in a browser each, and their names."""
    ann, bob = name(), name()
    return visit(javascript).registers(ann), ann, visit(javascript).registers(bob), bob


def test_register_log_out_and_log_in_again(visit: Visit, javascript: bool) -> None:
    ann = name()
    her = visit(javascript).registers(ann)
    expect(her.page.get_by_role("link", name=ann, exact=True)).to_be_visible()
    her.presses("Log out")
    her.opens("/settings")
    expect(her.page).to_have_url(her.server.url + "/login?next=%2Fsettings")
    her.fills("Username", ann)
    her.fills("Password", PASSWORD)
    her.page.get_by_label("Remember me").check()
    her.presses("Log in")
    expect(her.page).to_have_url(her.server.url + "/settings")
    assert any(cookie.get("expires", -1) > 0 for cookie in her.context.cookies())
    assert not her.complaints


def test_two_people_talk(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, _, bob, bob_name = two
    path = ann.creates("Garden", bob_name)
    ann.writes("The tomatoes are in")
    bob.opens("/")
    link = bob.page.get_by_role("link", name="Garden")
    expect(link).to_contain_text("1 unread")
    link.click()
    expect(bob.page.get_by_role("heading", name="Garden")).to_be_visible()
    expect(bob.page.get_by_role("log")).to_contain_text("The tomatoes are in")
    bob.writes("On my way")
    bob.opens("/")
    expect(bob.page.get_by_role("link", name="Garden")).not_to_contain_text("unread")
    ann.opens(path)
    expect(ann.page.get_by_role("log").get_by_role("article")).to_have_count(2)
    assert not ann.complaints + bob.complaints


def test_a_message_is_edited_and_deleted_with_a_question_first(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, _, bob, bob_name = two
    path = ann.creates("Garden", bob_name)
    ann.writes("the tomatos are in")
    article = ann.page.get_by_role("article")
    article.hover()
    article.get_by_role("link", name="Edit message").click()
    expect(ann.page.get_by_label("Message", exact=True)).to_have_value("the tomatos are in")
    ann.fills("Message", "The tomatoes are in")
    ann.presses("Save")
    expect(ann.page.get_by_role("article")).to_contain_text("edited")
    article.hover()
    article.get_by_role("link", name="Delete message").click()
    expect(ann.page.get_by_role("heading", name="Delete this message?")).to_be_visible()
    ann.presses("Delete message")
    bob.opens(path)
    expect(bob.page.get_by_role("log")).not_to_contain_text("tomatoes")
    assert not ann.complaints


def test_pictures_and_files_are_attached(two: tuple[Visitor, str, Visitor, str], tmp_path: Path) -> None:
    ann, _, bob, bob_name = two
    picture, notes = tmp_path / "грядка.png", tmp_path / "план на весну.txt"
    Image.new("RGB", (640, 480), "olive").save(picture)
    notes.write_text("carrots\n" * 100)
    path = ann.creates("Garden", bob_name)
    ann.page.get_by_label("Attach", exact=True).set_input_files([picture, notes])
    ann.fills("Message", "See here")
    ann.presses("Send")
    bob.opens(path)
    shown = bob.page.get_by_role("article").locator("img").last
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("image => image.naturalWidth") == 480
    with bob.page.expect_download() as started:
        bob.page.get_by_role("link", name="план на весну.txt").click()
    assert started.value.suggested_filename == "план на весну.txt"
    assert Path(started.value.path()).read_text() == "carrots\n" * 100


def test_members_come_go_and_are_told_apart(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, _, bob, bob_name = two
    path = ann.creates("Garden")
    ann.follows("Edit")
    ann.fills("Add member", "nobody-of-this-name")
    ann.presses("Add")
    ann.sees("No user named “nobody-of-this-name”.")
    ann.fills("Add member", bob_name)
    ann.presses("Add")
    main = ann.page.get_by_role("main")
    expect(main.get_by_role("link", name=bob_name, exact=True)).to_be_visible()
    ann.fills("Title", "Allotment")
    ann.presses("Save")
    bob.opens(path)
    expect(bob.page.get_by_role("heading", name="Allotment")).to_be_visible()
    ann.opens(path + "/edit")
    ann.page.get_by_role("button", name="Remove").or_(ann.page.get_by_role("link", name="Remove")).click()
    ann.presses("Remove")
    bob.opens(path)
    bob.sees("Page not found")


def test_the_owner_leaves_and_the_next_one_deletes(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, _, bob, bob_name = two
    path = ann.creates("Garden", bob_name)
    ann.opens(path + "/leave")
    ann.presses("Leave chat")
    ann.opens(path)
    ann.sees("Page not found")
    bob.opens(path + "/delete")
    bob.presses("Delete chat")
    expect(bob.page).to_have_url(bob.server.url + "/")
    expect(bob.page.get_by_role("link", name="Garden")).to_have_count(0)


def test_an_unknown_name_creates_nothing_and_loses_nothing(visit: Visit, javascript: bool) -> None:
    ann = visit(javascript).registers(name())
    ann.opens("/chats/new")
    ann.fills("Title", "Trip to the lake")
    ann.fills("Usernames", "karol, dave-who-is-not")
    ann.presses("Create")
    ann.sees("No user named “karol”.")
    ann.sees("No user named “dave-who-is-not”.")
    expect(ann.page.get_by_label("Title", exact=True)).to_have_value("Trip to the lake")
    ann.opens("/")
    expect(ann.page.get_by_role("link", name="Trip to the lake")).to_have_count(0)


def test_the_profile_speaks_russian_when_its_owner_does(visit: Visit, javascript: bool) -> None:
    ann = name()
    her = visit(javascript).registers(ann)
    her.follows(ann)
    her.follows("Settings")
    her.fills("Name", "Анна")
    her.fills("About", "Сажаю томаты")
    her.page.get_by_label("Language", exact=True).select_option("ru")
    her.presses("Save")
    expect(her.page.locator("html")).to_have_attribute("lang", "ru")
    her.page.get_by_role("link", name="Анна").click()
    her.sees("Сажаю томаты")


def test_search_leads_to_the_place(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, _, bob, bob_name = two
    ann.creates("Garden", bob_name)
    ann.writes("Ёлка стоит у забора")
    ann.writes("The fence is painted")
    bob.opens("/")
    bob.page.get_by_label("Search", exact=True).fill("елка")
    bob.page.keyboard.press("Enter")
    expect(bob.page.locator("mark")).to_have_text("Ёлка")
    bob.page.get_by_role("link", name="Ёлка стоит у забора").click()
    expect(bob.page.locator("article:target")).to_contain_text("Ёлка")


def test_a_reply_quotes_and_leads_back(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, _, bob, bob_name = two
    path = ann.creates("Garden", bob_name)
    ann.writes("Who has the watering can?")
    bob.opens(path)
    bob.page.get_by_role("article").hover()
    bob.page.get_by_role("article").get_by_role("link", name="Reply").click()
    bob.sees("Who has the watering can?")
    bob.writes("I have")
    quote = bob.page.get_by_role("article").last.locator(".quote")
    expect(quote).to_contain_text("Who has the watering can?")
    quote.click()
    expect(bob.page.locator("article:target")).to_contain_text("watering can")


def test_an_account_is_deleted_and_its_messages_stay(two: tuple[Visitor, str, Visitor, str]) -> None:
    ann, ann_name, bob, bob_name = two
    path = ann.creates("Garden", bob_name)
    ann.writes("Remember me by this")
    ann.opens("/settings")
    ann.presses("Delete account")
    ann.fills("Current password", PASSWORD)
    ann.presses("Delete account")
    expect(ann.page.get_by_role("link", name="Register", exact=True)).to_be_visible()
    bob.opens(path)
    expect(bob.page.get_by_role("article")).to_contain_text("Deleted user")
    expect(bob.page.get_by_role("article")).to_contain_text("Remember me by this")
    bob.opens(f"/users/{ann_name}")
    bob.sees("Page not found")


def test_a_person_is_picked_by_a_few_letters(visit: Visit) -> None:
    bob = name()
    visit().registers(bob)
    ann = visit().registers(name())
    ann.opens("/chats/new")
    ann.fills("Title", "Garden")
    ann.page.get_by_label("Usernames", exact=True).press_sequentially(bob[:5])
    expect(ann.page.get_by_role("option")).to_contain_text(bob)
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("list", name="Selected people")).to_contain_text(bob)
    ann.presses("Create")
    expect(ann.page.get_by_role("heading", name="Garden")).to_be_visible()
    ann.follows("Edit")
    expect(ann.page.get_by_role("main").get_by_role("link", name=bob, exact=True)).to_be_visible()
    assert not ann.complaints
