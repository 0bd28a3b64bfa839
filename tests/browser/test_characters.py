"""The browser cuts a text where people see an end of a character, as the server does."""

from __future__ import annotations

import itertools

from playwright.sync_api import expect

from lib.characters import GRAPHEME

from .conftest import Visit
from .test_live import name

PIECES = [
    "🇩🇪",
    "🇫🇷",
    "👨‍👩‍👧‍👦",
    "👍🏽",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "𝒳",
    "e\u0301",
    "5\ufe0f\u20e3",
    "a",
]
CUT = """async (texts) => {
    const { characters, truncate } = await import("text");
    const beginnings = (text) => Array.from({ length: text.length + 2 }, (_, most) => truncate(text, most));
    return texts.map((text) => [characters(text), beginnings(text)]);
}"""


def units(text: str) -> int:
    """Its length as the browser counts."""
    return len(text.encode("utf-16-le")) // 2


def test_flags_families_and_pairs_of_surrogates_stay_whole(visit: Visit) -> None:
    # The page's policy lets only the page import a module that it has not loaded yet.
    ann = visit(bypass_csp=True).signs_up(name())
    ann.starts("Garden")
    texts = ["".join(pieces) for pieces in itertools.product(PIECES, repeat=2)] + ["🇩🇪🇫🇷" * 10, "👨‍👩‍👧‍👦" * 20]
    for text, (characters, beginnings) in zip(texts, ann.page.evaluate(CUT, texts), strict=True):
        whole = GRAPHEME.findall(text)
        assert characters == whole
        ends = list(itertools.accumulate(whole, initial=""))
        for most, shown in enumerate(beginnings):
            assert shown == max((end for end in ends if units(end) <= most), key=units)
    assert not ann.complaints


def test_a_long_text_from_right_to_left_begins_at_the_right_of_its_row(visit: Visit) -> None:
    ann = visit().signs_up(name())
    ann.starts("Garden")
    ann.writes("مرحبا بكم في الحديقة " * 12)
    last_message = ann.page.locator(".chat-row > p:not([hidden]) > bdi")
    expect(last_message).to_be_visible()
    shown = last_message.evaluate("""(text) => {
        const box = text.getBoundingClientRect();
        const first = new Range();
        first.setStart(text.firstChild, 0);
        first.setEnd(text.firstChild, 1);
        const { left, right } = first.getBoundingClientRect();
        const isCut = text.scrollWidth > text.clientWidth;
        return [isCut, left >= box.left && right <= box.right + 1, getComputedStyle(text).direction];
    }""")
    assert shown == [True, True, "rtl"]
