"""The HTML door: pages and forms, one file a noun."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from markupsafe import escape

from models import GONE, NOBODY, limits
from views import assets, chats, clock, emoji, files, members, messages, pages, search, sessions, users


def prose(html: str) -> str:
    """A message's HTML for a reader: who is gone is told in their language."""
    return html.replace(GONE, GONE.replace(NOBODY, escape(_("Deleted user")))) if GONE in html else html


def register(app: Flask) -> None:
    """Give the app its pages, and the templates their words for time and size."""
    for noun in (assets, chats, messages, members, users, sessions, search, files, emoji):
        app.register_blueprint(noun.bp)
    app.jinja_env.filters.update(clock.FILTERS, prose=prose)
    app.jinja_env.globals.update(
        asset=assets.address,
        stylesheet=assets.stylesheet_address,
        listed=pages.listed,
        time_zone_known=clock.is_known,
        limits=limits,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
