"""The settings at a real browser: a picture is cropped, theme and language count at once, logins end elsewhere."""

from __future__ import annotations

import io
import secrets

import pytest
import requests
from PIL import Image
from playwright.sync_api import Locator, expect

from .conftest import Visit, Visitor, until

RED, GREEN, BLUE = (220, 30, 30), (30, 160, 60), (30, 60, 220)

# The words beside a picture's field: to choose one, that there is none, to choose another.
CHOOSE = {
    "en-GB": ("Choose a picture", "None chosen", "Choose another picture"),
    "ru-RU": ("Выбрать изображение", "Не выбрано", "Выбрать другое изображение"),
}


def name() -> str:
    """A username that nobody had yet."""
    return "s" + "".join(secrets.choice("abcdefghkmnprstuvwxyz") for _ in range(10))


def stripes(turned: bool = False, size: tuple[int, int] = (900, 300)) -> bytes:
    """Red, green and blue side by side; `turned` lies on its side, and its EXIF says how it stands."""
    picture = Image.new("RGB", size)
    third = size[0] // 3
    for place, colour in enumerate((RED, GREEN, BLUE)):
        picture.paste(colour, (place * third, 0, (place + 1) * third, size[1]))
    exif = Image.Exif()
    if turned:
        # 6: the picture is to be turned by a quarter clockwise to be seen upright.
        exif[0x0112] = 6
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    drawn = io.BytesIO()
    picture.save(drawn, "JPEG", quality=95, exif=exif)
    return drawn.getvalue()


def chooses(who: Visitor, picture: bytes, kind: str = "image/jpeg") -> None:
    file = {"name": "me.jpg", "mimeType": kind, "buffer": picture}
    who.page.get_by_label("Avatar", exact=True).set_input_files([file])


def saves(who: Visitor) -> None:
    who.presses("Save")
    who.sees("Saved.")


def avatar(who: Visitor) -> Image.Image:
    """The picture as everyone gets it."""
    address = who.page.locator(".avatar-field .avatar img").get_attribute("src")
    cookies = {cookie["name"]: cookie["value"] for cookie in who.context.cookies()}
    answer = requests.get(f"{who.server.url}{address}", cookies=cookies, timeout=60)
    assert answer.status_code == 200
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def is_like(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 25 for a, b in zip(pixel, colour, strict=True))


def is_all(picture: Image.Image, colour: tuple[int, int, int]) -> bool:
    side = picture.width
    return all(is_like(picture.getpixel((x, side // 2)), colour) for x in (8, side // 2, side - 9))


@pytest.fixture
def ann(visit: Visit) -> Visitor:
    ann = visit().signs_up(name())
    ann.opens("/settings")
    return ann


def stage(who: Visitor) -> Locator:
    return who.page.get_by_role("application", name="Crop area")


# The picture


def test_without_scripts_the_middle_is_taken(visit: Visit) -> None:
    ann = visit(javascript=False).signs_up(name())
    ann.opens("/settings")
    expect(ann.page.get_by_label("Zoom")).to_be_hidden()
    expect(ann.page.locator("file-field .button")).to_be_hidden()
    expect(ann.page.locator("file-field input")).to_have_css("opacity", "1")
    chooses(ann, stripes())
    saves(ann)
    assert avatar(ann).size == (256, 256)
    assert is_all(avatar(ann), GREEN)


def test_a_picture_that_nobody_touches_is_its_middle(ann: Visitor) -> None:
    chooses(ann, stripes())
    expect(stage(ann)).to_be_visible()
    saves(ann)
    assert is_all(avatar(ann), GREEN)
    assert ann.complaints == []


def test_a_picture_is_moved_with_the_arrow_keys(ann: Visitor) -> None:
    chooses(ann, stripes())
    expect(stage(ann)).to_be_visible()
    ann.page.get_by_label("Avatar", exact=True).focus()
    ann.page.keyboard.press("Tab")
    expect(stage(ann)).to_be_focused()
    for _ in range(8):
        ann.page.keyboard.press("Shift+ArrowLeft")
    saves(ann)
    assert is_all(avatar(ann), RED)


def test_a_picture_is_dragged_and_never_out_of_its_frame(ann: Visitor) -> None:
    chooses(ann, stripes())
    stage(ann).scroll_into_view_if_needed()
    box = stage(ann).bounding_box()
    assert box
    for _ in range(2):
        ann.page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 50)
        ann.page.mouse.down()
        ann.page.mouse.move(box["x"] - 400, box["y"] - 300, steps=5)
        ann.page.mouse.up()
    saves(ann)
    assert is_all(avatar(ann), BLUE)


@pytest.mark.parametrize("way", ["keys", "range", "wheel"])
def test_zoom_comes_nearer(ann: Visitor, way: str) -> None:
    """All three stripes fill the square at first, nearer the middle one alone."""
    chooses(ann, stripes(size=(600, 600)))
    expect(stage(ann)).to_be_visible()
    if way == "range":
        ann.page.get_by_label("Zoom").fill("4")
    elif way == "keys":
        stage(ann).focus()
        for _ in range(15):
            ann.page.keyboard.press("+")
    else:
        stage(ann).hover()
        for _ in range(15):
            ann.page.mouse.wheel(0, -100)
    until(ann.page, lambda: float(ann.page.get_by_label("Zoom").input_value()) > 3)
    saves(ann)
    assert is_all(avatar(ann), GREEN)


def test_two_fingers_zoom(visit: Visit) -> None:
    ann = visit(phone=True).signs_up(name())
    ann.opens("/settings")
    chooses(ann, stripes())
    stage(ann).scroll_into_view_if_needed()
    box = stage(ann).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = ann.context.new_cdp_session(ann.page)

    def fingers(kind: str, *apart: int) -> None:
        points = [{"x": x + sign * way, "y": y, "id": at} for way in apart for at, sign in enumerate((-1, 1))]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 30)
    for way in (50, 70, 90):
        fingers("touchMove", way)
    fingers("touchEnd")
    until(ann.page, lambda: float(ann.page.get_by_label("Zoom").input_value()) > 2)


def test_a_picture_that_lies_on_its_side_is_cropped_upright(ann: Visitor) -> None:
    chooses(ann, stripes(turned=True))
    expect(stage(ann)).to_be_visible()
    stage(ann).focus()
    for _ in range(8):
        ann.page.keyboard.press("Shift+ArrowLeft")
    saves(ann)
    assert is_all(avatar(ann), RED)


def test_a_chosen_picture_is_given_up(ann: Visitor) -> None:
    chooses(ann, stripes())
    expect(ann.page.locator(".avatar-field canvas")).to_be_visible()
    ann.presses("Choose another picture")
    expect(stage(ann)).to_be_hidden()
    expect(ann.page.get_by_label("Avatar", exact=True)).to_be_focused()
    saves(ann)
    expect(ann.page.locator(".avatar-field .avatar")).to_have_text(
        (ann.page.locator(".me-name").text_content() or "")[:2].upper()
    )


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
@pytest.mark.parametrize("language", CHOOSE)
def test_a_file_is_chosen_in_the_words_of_the_page(visit: Visit, language: str, phone: bool) -> None:
    choose, none, discard = CHOOSE[language]
    ann = visit(language=language, phone=phone).signs_up(name())
    for path in ("/settings", f"{ann.starts('Garden')}/edit"):
        ann.opens(path)
        field, shown = ann.page.locator("file-field"), ann.page.locator("file-field .file-name")
        expect(field.locator(".button")).to_have_text(choose)
        expect(shown).to_have_text(none)
        expect(field.locator("input")).to_have_css("opacity", "0")
        for at in (field.locator(".button"), shown):
            with ann.page.expect_file_chooser() as chooser:
                at.click(force=True)  # what is really there is the field over it
        chooser.value.set_files([{"name": "me.jpg", "mimeType": "image/jpeg", "buffer": stripes()}])
        expect(shown).to_have_text("me.jpg")
        if path == "/settings":
            ann.presses(discard)
            expect(shown).to_have_text(none)


def test_the_server_reports_an_invalid_picture(ann: Visitor) -> None:
    chooses(ann, b"no picture at all")
    ann.presses("Save")
    ann.sees("This file can’t be shown as a picture")


def test_a_picture_is_removed(ann: Visitor) -> None:
    chooses(ann, stripes())
    saves(ann)
    ann.presses("Remove picture")
    ann.sees("Picture removed.")
    expect(ann.page.locator(".avatar-field img")).to_have_count(0)
    expect(ann.page.get_by_role("button", name="Remove picture")).to_have_count(0)


# Theme and language


def test_a_theme_counts_as_soon_as_it_is_chosen(ann: Visitor) -> None:
    ann.page.get_by_label("Dark", exact=True).check()
    expect(ann.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(ann.page.get_by_role("region", name="Appearance").get_by_role("status")).to_contain_text("Saved.")
    ann.opens("/")
    expect(ann.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_language_is_kept_at_once_and_leaves_what_is_typed_alone(ann: Visitor) -> None:
    ann.fills("Name", "Half typ")
    ann.page.get_by_label("Language", exact=True).select_option("ru")
    expect(ann.page.get_by_label("Name", exact=True)).to_have_value("Half typ")
    ann.follows("Показать страницу по-русски")
    expect(ann.page.get_by_role("heading", name="Настройки")).to_be_visible()
    ann.page.get_by_label("Язык", exact=True).select_option("en")
    ann.follows("Show the page in English")
    expect(ann.page.get_by_role("heading", name="Settings")).to_be_visible()


def test_without_scripts_theme_and_language_are_saved(visit: Visit) -> None:
    ann = visit(javascript=False).signs_up(name())
    ann.opens("/settings")
    ann.page.get_by_label("Dark", exact=True).check()
    ann.page.get_by_label("Language", exact=True).select_option("ru")
    ann.presses("Save")
    ann.sees("Сохранено.")
    expect(ann.page.locator("html")).to_have_attribute("data-theme", "dark")


# Logins


def test_a_login_is_ended_from_another_place(visit: Visit, javascript: bool) -> None:
    who = name()
    phone = visit(phone=True).signs_up(who)
    ann = visit(javascript=javascript).logs_in(who)
    ann.opens("/settings")
    expect(ann.page.get_by_text("This device")).to_have_count(1)
    ann.presses("Sign out")
    expect(ann.page.get_by_role("button", name="Sign out", exact=True)).to_have_count(0)
    phone.opens("/settings")
    expect(phone.page).to_have_url(f"{phone.server.url}/login?next=%2Fsettings")
