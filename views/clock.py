"""Points in time as people say them. The models' times are microseconds, UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from babel import dates
from flask import g, request
from flask_babel import format_decimal, get_locale
from flask_babel import gettext as _

from models import human_size, iso, moment

COOKIE = "time_zone"


def is_known() -> bool:
    """Whether the browser has told its time zone already."""
    return COOKIE in request.cookies


def zone() -> tzinfo:
    """The reader's time zone, as static/js/time-zone.js tells it; UTC where no script runs."""
    if "zone" not in g:
        try:
            g.zone = dates.get_timezone(request.cookies.get(COOKIE, "UTC")[:64])
        except (LookupError, ValueError):
            g.zone = UTC
    here: tzinfo = g.zone
    return here


def here(micros: int) -> datetime:
    return moment(micros).astimezone(zone())


def day_of(micros: int) -> date:
    """The reader's calendar day."""
    return here(micros).date()


def today() -> date:
    return datetime.now(zone()).date()


def said(when: datetime | date, pattern: str) -> str:
    """In the reader's language, by a CLDR pattern that is the same for all of them."""
    locale = get_locale() or "en"
    if isinstance(when, datetime):
        return dates.format_datetime(when, pattern, tzinfo=zone(), locale=locale)
    return dates.format_date(when, pattern, locale=locale)


def clock(micros: int) -> str:
    """14:32"""
    return said(here(micros), "HH:mm")


def full_date(micros: int) -> str:
    """12 October 2025"""
    return said(day_of(micros), "d MMMM y")


def plain_date(micros: int) -> str:
    """4 March, and with its year when that is another one."""
    return said(day_of(micros), with_year(day_of(micros), "d MMMM"))


def day(micros: int) -> str:
    """Today, Yesterday, Tuesday, 3 March."""
    that = day_of(micros)
    return near(that) or said(that, with_year(that, "EEEE, d MMMM"))


def short(micros: int) -> str:
    """As short as it stays clear, for lists: 14:32, Tue, 27 Feb."""
    that = day_of(micros)
    if that == today():
        return clock(micros)
    if timedelta() < today() - that < timedelta(days=7):
        return said(that, "EEE")
    return said(that, with_year(that, "d MMM"))


def point(micros: int) -> str:
    """Today, 14:32; 27 Feb, 14:32."""
    that = day_of(micros)
    return f"{near(that) or said(that, with_year(that, 'd MMM'))}, {clock(micros)}"


def ago(micros: int) -> str:
    """20 minutes ago"""
    return dates.format_timedelta(moment(micros) - datetime.now(UTC), add_direction=True, locale=get_locale() or "en")


def near(that: date) -> str:
    """A day that has a name of its own, else ''."""
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
    "clock": clock,
    "day": day,
    "day_of": day_of,
    "plain_date": plain_date,
    "full_date": full_date,
    "short": short,
    "point": point,
    "ago": ago,
    "size": size,
}
