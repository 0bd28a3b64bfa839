"""The limits of the program. Those in `Limits` are settings with the same name in capitals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# A chat with more members counts as large: its members get no presence and typing events, whose cost grows with the
# square of the members, and each change of membership tells only the first few names.
PRESENCE_MEMBERS_MAX = 100
# How long a browser with "Remember me" stays signed in after it was last used.
REMEMBERED_DAYS = 30
# How long an API token is valid.
TOKEN_DAYS = 30
# How long a password reset link works that an administrator hands over.
RESET_LINK_HOURS = 24


def limit(usual: int, least: int, most: int, **setting: str) -> Any:
    """A field with its default and bounds; `name` is the setting's name where it differs from the field's."""
    return field(default=usual, metadata={"usual": usual, "least": least, "most": most, **setting})


@dataclass
class Limits:
    """Defaults and bounds of each limit. Sizes of text are in characters, of files in bytes."""

    username_min: int = limit(3, 1, 64)
    username_max: int = limit(32, 1, 64)
    password_min: int = limit(8, 6, 1024)
    password_max: int = limit(256, 6, 1024)
    name_max: int = limit(100, 1, 500)
    about_max: int = limit(500, 1, 10_000)
    title_max: int = limit(100, 1, 500)
    description_max: int = limit(500, 1, 10_000)
    message_max: int = limit(10_000, 1, 100_000)
    file_max: int = limit(25 * 2**20, 1, 2 * 2**30)
    files_max: int = limit(10, 1, 100)
    key_days: int = limit(7, 7, 3650)
    event_days: int = limit(30, 1, 3650)
    posts_a_minute: int = limit(240, 1, 1_000_000)
    undo_seconds: int = limit(30, 0, 3600)
    # The setting RATE_LIMITS.
    throttled: bool = True
