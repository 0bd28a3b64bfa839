"""Days and times on a page that stays open: they are right at any moment, and in the words of the server."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Locator, Route, expect

from views import clock

from .conftest import Visit, Visitor, until
from .test_live import name

WORDS = {"en-GB": ("Today", "Yesterday"), "ru-RU": ("Сегодня", "Вчера")}
FORMATS = {
    "short": clock.short,
    "day": lambda micros: clock.day_name(clock.day_of(micros)),
    "point": clock.point,
}
ZONES = ("Europe/Moscow", "America/Juneau", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe")


def days_of(who: Visitor) -> Locator:
    return who.page.locator(".message-list .day")


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("zone", ZONES)
def test_a_page_says_days_as_the_server_does(visit: Visit, app: Flask, language: str, zone: str) -> None:
    # The page's policy lets only the page import a module that it has not loaded yet.
    who = visit(language=language, timezone_id=zone, bypass_csp=True).signs_up(name())
    who.opens("/")
    now = datetime.now(ZoneInfo(zone))
    times = [
        now - timedelta(days=days, hours=hours) for days in (0, 1, 2, 5, 6, 7, 30, 100, 200, 400) for hours in (0, 1)
    ]
    asked = [[way, when.isoformat()] for way in ("short", "day", "point") for when in times]
    formatted = who.page.evaluate(
        "async (asked) => { const {formatted} = await import('days'); return asked.map((one) => formatted(...one)); }",
        asked,
    )
    with app.test_request_context("/", headers={"Cookie": f"time_zone={zone}", "Accept-Language": language}):
        assert formatted == [FORMATS[way](round(datetime.fromisoformat(when).timestamp() * 1e6)) for way, when in asked]


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_over_midnight_today_becomes_yesterday(visit: Visit, language: str, phone: bool) -> None:
    today, yesterday = WORDS[language]
    who = visit(language=language, phone=phone, timezone_id="Asia/Kathmandu").signs_up(name())
    path = who.starts("Garden")
    send(who, "before midnight")
    expect(who.page.locator("article[id]")).to_have_count(1)
    who.page.clock.install()
    who.opens(path)
    expect(days_of(who)).to_have_text([today])
    row = who.page.locator("chat-list time")
    expect(row).to_have_text(re.compile(r"^\d\d:\d\d$"))
    who.page.clock.fast_forward(24 * 3_600_000)
    expect(days_of(who)).to_have_text([yesterday])
    expect(row).not_to_have_text(re.compile(r"^\d\d:\d\d$"))
    # What is written now begins the new day.
    who.page.route("**/api/messages", lambda route: route.abort())
    send(who, "after midnight")
    expect(days_of(who)).to_have_text([yesterday, today])
    who.page.clock.fast_forward(24 * 3_600_000)
    expect(days_of(who).first).to_have_text(re.compile(r", \d+ \S+$"))
    expect(days_of(who).last).to_have_text(yesterday)


def send(who: Visitor, text: str) -> None:
    who.page.locator("chat-composer textarea").fill(text)
    who.page.locator(".composer-send").click()


@pytest.mark.parametrize("language", WORDS)
def test_the_first_message_of_a_chat_stands_under_its_day(visit: Visit, language: str) -> None:
    today = WORDS[language][0]
    ann_name, bob_name = name(), name()
    ann, bob = visit(language=language).signs_up(ann_name), visit(language=language).signs_up(bob_name)
    path = ann.starts("Garden", bob_name)
    bob.opens(path)
    held: list[Route] = []
    ann.page.route("**/api/messages", lambda route: held.append(route))
    send(ann, "hello")
    # On its way, arrived, and on the other's page.
    expect(ann.page.locator(".is-sending")).to_have_count(1)
    expect(days_of(ann)).to_have_text([today])
    expect(days_of(bob)).to_have_count(0)
    until(ann.page, lambda: held)
    held[0].continue_()
    expect(ann.page.locator("article[id]")).to_have_count(1)
    expect(ann.page.locator(".is-sending")).to_have_count(0)
    expect(days_of(ann)).to_have_text([today])
    expect(days_of(bob)).to_have_text([today])
    assert ann.page.locator(".message-column > :first-child.day").count() == 1
    assert not ann.complaints


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "touch"])
def test_nothing_moves_when_a_message_arrives_or_somebody_types(visit: Visit, phone: bool) -> None:
    ann_name, bob_name = name(), name()
    ann, bob = visit(phone=phone).signs_up(ann_name), visit().signs_up(bob_name)
    path = ann.starts("Garden", bob_name)
    held: list[Route] = []
    ann.page.route("**/api/messages", lambda route: held.append(route))
    for count, text in enumerate(("first", "second " * 40, "third"), start=1):
        send(ann, text)
        pending = ann.page.locator(".is-sending .prose")
        expect(pending).to_have_text(text.strip())
        until(ann.page, lambda: held)
        before = pending.bounding_box()
        held.pop().continue_()
        expect(ann.page.locator("article[id]")).to_have_count(count)
        expect(ann.page.locator(".is-sending")).to_have_count(0)
        after = ann.page.locator("article[id] .prose").last.bounding_box()
        assert before
        assert after
        assert abs(before["y"] - after["y"]) < 1
        assert abs(before["x"] - after["x"]) < 1
    bob.opens(path)
    expect(ann.page.locator("chat-people")).to_have_text("· 2 online")
    before = ann.page.locator("article[id] .prose").last.bounding_box()
    bob.page.get_by_label("Message", exact=True).press_sequentially("Well")
    typing = ann.page.get_by_text(f"{bob_name} is typing…")
    expect(typing).to_be_visible()
    assert ann.page.locator("article[id] .prose").last.bounding_box() == before
