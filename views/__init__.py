"""The HTML door: pages and forms, one file a noun."""

from __future__ import annotations

from flask import Flask

from forms import translated
from models import limits
from views import assets, chats, clock, files, members, messages, pages, search, sessions, users


def register(app: Flask) -> None:
    """Give the app its pages, and the templates their words for time and size."""
    for noun in (assets, chats, messages, members, users, sessions, search, files):
        app.register_blueprint(noun.bp)
    app.jinja_env.filters.update(clock.FILTERS, translated=translated)
    app.jinja_env.globals.update(
        asset=assets.address,
        stylesheet=assets.stylesheet_address,
        listed=pages.listed,
        time_zone_known=clock.is_known,
        limits=limits,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
