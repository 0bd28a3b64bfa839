"""The HTML door: pages and forms, one file a noun."""

from __future__ import annotations

from flask import Flask

import mail
from models import limits
from views import assets, chats, clock, emails, files, members, messages, pages, resets, search, sessions, users


def register(app: Flask) -> None:
    """Give the app its pages, and the templates their words for time and size."""
    for noun in (assets, chats, messages, members, users, sessions, resets, emails, search, files):
        app.register_blueprint(noun.bp)
    app.jinja_env.filters.update(clock.FILTERS)
    app.jinja_env.globals.update(
        asset=assets.address,
        stylesheet=assets.stylesheet_address,
        listed=pages.listed,
        time_zone_known=clock.is_known,
        limits=limits,
        letters_go_out=mail.is_possible,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
