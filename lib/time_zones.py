"""Time zones by their names."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def zone_named(name: str) -> tzinfo:
    """The time zone with this name (Europe/Moscow), or UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC
