"""The HTML door: pages and forms, one file a noun."""

from __future__ import annotations

from flask import Flask

from models import limits
from views import assets, chats, clock, files, gallery, members, messages, pages, search, sessions, users


def register(app: Flask) -> None:
    """Give the app its pages, and the templates their words for time and size."""
    for noun in (assets, chats, messages, members, users, sessions, search, files, gallery):
        app.register_blueprint(noun.bp)
    app.jinja_env.filters.update(clock.FILTERS)
    app.jinja_env.globals.update(
        asset=assets.address,
        modules=assets.modules,
        script=assets.script_address,
        stylesheet=assets.stylesheet_address,
        listed=pages.listed,
        time_zone_known=clock.is_known,
        limits=limits,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
