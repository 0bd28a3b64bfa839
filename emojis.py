"""Which characters are one emoji, and what people call it: Unicode's own list, by way of the library `emoji`."""

from __future__ import annotations

from functools import cache

import emoji

# Code points. The longest of today's list has ten; anything much longer need not be looked up.
LONGEST = 16
VARIATION = "\ufe0f"
LANGUAGES = ("en", "ru")


@cache
def _whole() -> dict[str, str]:
    """Every emoji in its full form, by itself without variation selectors: people's keyboards differ in these."""
    full = emoji.STATUS["fully_qualified"]
    return {sign.replace(VARIATION, ""): sign for sign, told in emoji.EMOJI_DATA.items() if told["status"] == full}


def single(text: str) -> str | None:
    """The one emoji that a text is, in its full form; None when it is something else."""
    return _whole().get(text.replace(VARIATION, "")) if len(text) <= LONGEST else None


@cache
def called(sign: str, language: str) -> str:
    """What an emoji is called: “party popper”; the emoji itself where it has no name."""
    named: str = emoji.demojize(sign, language=language if language in LANGUAGES else "en", delimiters=("", ""))
    return named.replace("_", " ")
