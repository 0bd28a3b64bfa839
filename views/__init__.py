"""The HTML door: pages and forms, one file a noun."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from markupsafe import escape

import mail
from forms import translated
from models import GONE, NOBODY, limits
from views import (
    assets,
    chats,
    clock,
    emails,
    emoji,
    files,
    forwards,
    gallery,
    members,
    messages,
    pages,
    reactions,
    resets,
    rooms,
    search,
    sessions,
    users,
)

# Each has a blueprint.
NOUNS = (
    assets, chats, rooms, messages, reactions, forwards, members, users, sessions, resets, emails, search, files,
    gallery, emoji,
)  # fmt: skip


def prose(html: str) -> str:
    """A message's HTML for a reader: who is gone is told in their language."""
    return html.replace(GONE, GONE.replace(NOBODY, escape(_("Deleted user")))) if GONE in html else html


def register(app: Flask) -> None:
    """Give the app its pages, and the templates their words for time and size."""
    for noun in NOUNS:
        app.register_blueprint(noun.bp)
    app.jinja_env.filters.update(clock.FILTERS, emoji_name=reactions.emoji_name, prose=prose, translated=translated)
    app.jinja_env.globals.update(
        asset=assets.address,
        modules=assets.modules,
        script=assets.script_address,
        stylesheet=assets.stylesheet_address,
        common_emoji=reactions.COMMON,
        listed=pages.listed,
        titled=pages.titled,
        time_zone_known=clock.is_known,
        limits=limits,
        letters_go_out=mail.is_possible,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
