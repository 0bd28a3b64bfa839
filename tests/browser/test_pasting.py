"""What is pasted comes as it was meant: words as words, files as files."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Visit, Visitor
from .test_client import FIELD, LANGUAGES, SCREENS, in_chat

FILES = {"en-GB": "Files to send", "ru-RU": "Файлы для отправки"}
# What a program puts on the clipboard: words by type, files by name and type. Returns whether the browser is left to
# write the words itself.
PASTE = """([words, files]) => {
    const held = new DataTransfer();
    for (const [type, text] of Object.entries(words)) held.setData(type, text);
    for (const [name, type] of files) held.items.add(new File(["x"], name, { type }));
    const event = new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true });
    return document.activeElement.dispatchEvent(event);
}"""
# A page or a spreadsheet: the same as text, as HTML and as a picture, on the system's clipboard.
COPY = """async ([text, html]) => {
    const canvas = new OffscreenCanvas(8, 8);
    canvas.getContext("2d").fillRect(0, 0, 8, 8);
    const types = { "text/plain": new Blob([text], { type: "text/plain" }), "image/png": await canvas.convertToBlob() };
    if (html) types["text/html"] = new Blob([html], { type: "text/html" });
    if (!text) delete types["text/plain"];
    await navigator.clipboard.write([new ClipboardItem(types)]);
}"""
IMAGE = ("image.png", "image/png")
CELLS = "Tomatoes\t12\t\u00a03.50\n\tBeans\t7"
TEXTS = {
    "Word": ({"text/plain": "The beds", "text/rtf": r"{\\rtf1 The beds}", "text/html": "<p>The beds</p>"}, [IMAGE]),
    "LibreOffice without HTML": ({"text/plain": "The beds", "text/rtf": r"{\\rtf1 The beds}"}, [IMAGE]),
    "text and picture alone": ({"text/plain": "The beds"}, [IMAGE]),
    "Excel": ({"text/plain": CELLS, "text/html": "<table></table>", "text/rtf": "{}"}, [IMAGE]),
    "a name among other words": ({"text/plain": "image.png\nis the plan"}, [IMAGE]),
    "the address of a picture with its words": ({"text/plain": "see /a/image.png now"}, [IMAGE]),
    "100%": ({"text/plain": "100%"}, [IMAGE]),
}
PICTURES = {
    "a screenshot": ({}, [IMAGE]),
    "a picture of a page": ({"text/html": "<img src='https://example.com/image.png'>"}, [IMAGE]),
    "its name": ({"text/plain": "image.png"}, [IMAGE]),
    "names": ({"text/plain": "image.png\r\na b.txt\r\n"}, [IMAGE, ("a b.txt", "text/plain")]),
    "paths": ({"text/plain": "/home/ann/image.png\nC:\\Users\\ann\\a b.txt"}, [IMAGE, ("a b.txt", "text/plain")]),
    "addresses": ({"text/plain": "file:///home/ann/a%20b.txt"}, [("a b.txt", "text/plain")]),
}


def field(who: Visitor, language: str = "en-GB") -> Locator:
    return who.page.get_by_label(FIELD[language], exact=True)


def chosen(who: Visitor, language: str = "en-GB") -> Locator:
    return who.page.get_by_role("list", name=FILES[language]).get_by_role("listitem")


def pastes(who: Visitor, pasted: tuple[dict[str, str], list[tuple[str, str]]]) -> bool:
    return bool(who.page.evaluate(PASTE, [pasted[0], [list(file) for file in pasted[1]]]))


@pytest.mark.parametrize("pasted", TEXTS.values(), ids=TEXTS)
def test_words_win_over_a_picture_of_them(visit: Visit, pasted: tuple[dict[str, str], list[tuple[str, str]]]) -> None:
    ann = in_chat(visit)
    field(ann).focus()
    assert pastes(ann, pasted), "the field writes them itself"
    expect(chosen(ann)).to_have_count(0)
    # With nothing focused, too.
    ann.page.locator("message-list").focus()
    pastes(ann, pasted)
    expect(field(ann)).to_have_value(pasted[0]["text/plain"])
    expect(chosen(ann)).to_have_count(0)


@pytest.mark.parametrize("pasted", PICTURES.values(), ids=PICTURES)
def test_files_are_attached_where_the_words_are_only_their_names(
    visit: Visit, pasted: tuple[dict[str, str], list[tuple[str, str]]]
) -> None:
    ann = in_chat(visit)
    field(ann).focus()
    assert not pastes(ann, pasted)
    expect(chosen(ann)).to_have_count(len(pasted[1]))
    expect(field(ann)).to_have_value("")


@LANGUAGES
@SCREENS
def test_cells_of_a_spreadsheet_stay_apart(visit: Visit, language: str, phone: bool) -> None:
    ann = in_chat(visit, language, phone=phone)
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ann.page.evaluate(COPY, [CELLS, "<table><tr><td>Tomatoes<td>12</table>"])
    field(ann, language).focus()
    ann.page.keyboard.press("Control+v")
    expect(field(ann, language)).to_have_value(CELLS)
    expect(chosen(ann, language)).to_have_count(0)
    ann.page.locator(".composer-send").click()
    message_text = ann.page.get_by_role("article").locator(".prose")
    expect(message_text).to_have_count(1)
    expect(ann.page.locator(".is-sending")).to_have_count(0)
    assert message_text.inner_text().rstrip() == CELLS


@LANGUAGES
@SCREENS
def test_a_picture_alone_is_attached(visit: Visit, language: str, phone: bool) -> None:
    ann = in_chat(visit, language, phone=phone)
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ann.page.evaluate(COPY, ["", ""])
    field(ann, language).focus()
    ann.page.keyboard.press("Control+v")
    expect(chosen(ann, language)).to_have_count(1)
    expect(field(ann, language)).to_have_value("")
