"""Dates and times as people write them. The models' times are microseconds, UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from babel import dates
from flask import g, request
from flask_babel import format_decimal, get_locale

from lib.time_zones import zone_named
from models import human_size, iso, moment
from views.translation import gettext as _
from views.translation import language

COOKIE = "time_zone"


def is_known() -> bool:
    """Whether the browser has sent its time zone."""
    return COOKIE in request.cookies


def zone() -> tzinfo:
    """The reader's time zone, from the cookie that static/js/time-zone.js sets; UTC without scripts."""
    if "zone" not in g:
        g.zone = zone_named(request.cookies.get(COOKIE, "UTC")[:64])
    reader_zone: tzinfo = g.zone
    return reader_zone


def local_time(when: int | str) -> datetime:
    """The reader's local time, of microseconds or of a time in JSON."""
    at = moment(when) if isinstance(when, int) else datetime.fromisoformat(when)
    return at.astimezone(zone())


def day_of(micros: int) -> date:
    """The reader's calendar day."""
    return local_time(micros).date()


def today() -> date:
    return datetime.now(zone()).date()


def format_day(day: date, pattern: str) -> str:
    """Format in the reader's language, by a CLDR pattern that is the same for all languages."""
    return _format_day(day, pattern, language())


@lru_cache(1_000)
def _format_day(day: date, pattern: str, language: str) -> str:
    return dates.format_date(day, pattern, locale=language)


def full_date(micros: int) -> str:
    """12 October 2025"""
    return format_day(day_of(micros), "d MMMM y")


def plain_date(micros: int) -> str:
    """4 March; with the year if it is not this one."""
    return format_day(day_of(micros), with_year(day_of(micros), "d MMMM"))


def day_name(day: date) -> str:
    """Today, Yesterday, Tuesday, 3 March."""
    return relative_day(day) or format_day(day, with_year(day, "EEEE, d MMMM"))


def short(micros: int) -> str:
    """Short form for lists: 14:32, Tue, 27 Feb."""
    return short_time(local_time(micros))


def short_time(at: datetime) -> str:
    """As short(), of a reader's local time."""
    day = at.date()
    if day == today():
        return f"{at:%H:%M}"
    if timedelta() < today() - day < timedelta(days=7):
        return format_day(day, "EEE")
    return format_day(day, with_year(day, "d MMM"))


def point(micros: int) -> str:
    """Today, 14:32; 27 Feb, 14:32."""
    return point_time(local_time(micros))


def point_time(at: datetime) -> str:
    """As point(), of a reader's local time."""
    day = at.date()
    return f"{relative_day(day) or format_day(day, with_year(day, 'd MMM'))}, {at:%H:%M}"


def ago(micros: int) -> str:
    """20 minutes ago"""
    return dates.format_timedelta(moment(micros) - datetime.now(UTC), add_direction=True, locale=get_locale() or "en")


def relative_day(that: date) -> str:
    """Today or Yesterday, else ''."""
    names: dict[date, str] = {today(): _("Today"), today() - timedelta(days=1): _("Yesterday")}
    return names.get(that, "")


def with_year(that: date, pattern: str) -> str:
    return pattern if that.year == today().year else f"{pattern} y"


def size(count: int) -> str:
    """214 KB"""
    amount, unit = human_size(count).split(" ")
    units: dict[str, str] = {"B": _("B"), "KB": _("KB"), "MB": _("MB")}
    return f"{format_decimal(amount)} {units.get(unit, unit)}"


FILTERS: dict[str, Callable[..., Any]] = {
    "iso": iso,
    "day_of": day_of,
    "plain_date": plain_date,
    "full_date": full_date,
    "short": short,
    "point": point,
    "ago": ago,
    "size": size,
}
