"""Recognizing emoji and naming them, with Unicode's list from the library `emoji`."""

from __future__ import annotations

from functools import cache

import emoji

# In code points. The longest emoji of today has ten.
LONGEST = 16
VARIATION = "\ufe0f"


@cache
def _whole() -> dict[str, str]:
    """Every emoji in its full form, keyed by its form without variation selectors, in which keyboards differ."""
    full = emoji.STATUS["fully_qualified"]
    return {sign.replace(VARIATION, ""): sign for sign, data in emoji.EMOJI_DATA.items() if data["status"] == full}


def single(text: str) -> str | None:
    """The full form of a text that is a single emoji; None for other texts."""
    return _whole().get(text.replace(VARIATION, "")) if len(text) <= LONGEST else None


@cache
def name_of(sign: str, language: str) -> str:
    """The name of an emoji, such as “party popper”; the emoji itself if it has no name."""
    named: str = emoji.demojize(sign, language=language if language in emoji.LANGUAGES else "en", delimiters=("", ""))
    return named.replace("_", " ")
