"""The HTML pages and forms, one module a noun."""

from __future__ import annotations

from flask import Flask

from lib import mailer
from lib.limits import PRESENCE_MEMBERS_MAX
from models import limits
from views import (
    assets,
    chat_fields,
    chats,
    clock,
    emails,
    emoji,
    files,
    forwards,
    gallery,
    members,
    message_fields,
    messages,
    pages,
    reactions,
    resets,
    row_templates,
    search,
    sessions,
    translation,
    users,
)
from views.forms import translated

BLUEPRINTS = (
    assets, chats, messages, reactions, forwards, members, users, sessions, resets, emails, search, files,
    gallery, emoji,
)  # fmt: skip


def register(app: Flask) -> None:
    """Register the blueprints, and the templates' filters and globals."""
    for module in BLUEPRINTS:
        app.register_blueprint(module.bp)
    app.jinja_env.filters.update(
        clock.FILTERS,
        emoji_name=reactions.emoji_name,
        translated=translated,
        fit_picture=message_fields.fit_picture,
    )
    app.jinja_env.globals.update(
        asset=assets.address,
        modules=assets.import_map,
        script=assets.script_address,
        stylesheet=assets.stylesheet_address,
        face_of=chat_fields.face_fields,
        render_chat_row=chat_fields.render_chat_row,
        row_source=row_templates.row_source,
        shared_part=row_templates.shared_part,
        common_emoji=reactions.COMMON,
        list_chats=pages.list_chats,
        chat_title=pages.chat_title,
        time_zone_known=clock.is_known,
        limits=limits,
        PRESENCE_MEMBERS_MAX=PRESENCE_MEMBERS_MAX,
        email_is_configured=mailer.is_configured,
    )
    translation.install(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
