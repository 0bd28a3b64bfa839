"""The fields of a chat's row in the list (templates/parts/chat_row.html).

static/js/chat-fields.js computes the same ones in the browser.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from lib.characters import initials
from models import iso
from models.chat_list import ListedChat
from views import clock
from views.pages import translated_title
from views.row_templates import row_template
from views.translation import gettext as _
from views.translation import ngettext

UNREAD_SHOWN = 100


def render_chat_row(chat: ListedChat, is_open: bool) -> Markup:
    """A chat's row; `is_open` is for the chat that is shown beside the list."""
    return Markup(row_template("chat_row").fill(row_fields(chat, is_open)))


def row_fields(chat: ListedChat, is_open: bool) -> dict[str, Any]:
    unread, draft, at = chat.unread, chat.draft_preview, iso(chat.shown_at)
    return {
        "id": chat.chat_id,
        "row_class": "chat-row is-unread" if unread else "chat-row",
        "kind": chat.kind,
        "level": chat.level,
        "unread": unread,
        "unread_mentions": chat.unread_mentions,
        "last_read_id": chat.last_read_id,
        "last_id": chat.last_id or 0,
        "created_at": iso(chat.created_at),
        **face_fields(chat),
        "current": "page" if is_open else None,
        "title": translated_title(chat.title),
        "unread_words": unread_words(chat) if unread else "",
        "at": at,
        "time": clock.short(chat.shown_at),
        "draft": draft,
        # The field beside it shows it already.
        "is_draft_shown": bool(draft) and not is_open,
        "author": last_author(chat),
        "line": _("No messages yet") if chat.last_id is None else chat.last_preview,
        "badge_class": "badge is-muted" if chat.level == "nothing" else "badge",
        "badge": f"{'@ ' if chat.unread_mentions else ''}{unread if unread < UNREAD_SHOWN else f'{UNREAD_SHOWN - 1}+'}",
    }


def face_fields(chat: ListedChat) -> dict[str, Any]:
    """The chat's picture or initials; in a direct chat the other person's, nothing when that account is closed."""
    if chat.partner_deleted_at is not None:
        return {"avatar_class": "avatar", "hue": None, "picture_url": None, "initials": "–"}
    label = chat.stored_title if chat.partner_id is None else chat.partner_name or chat.partner_username
    return {
        "avatar_class": "avatar is-chat" if chat.partner_id is None else "avatar",
        "hue": chat.hue,
        "picture_url": chat.picture_url,
        "initials": "" if chat.picture_url else initials(label),
    }


def unread_words(chat: ListedChat) -> str:
    """3 unread, muted, you were mentioned"""
    words = [ngettext("%(num)d unread", "%(num)d unread", chat.unread)]
    if chat.level == "nothing":
        words.append(_("muted"))
    if chat.unread_mentions:
        words.append(_("you were mentioned"))
    return ", ".join(words)


def last_author(chat: ListedChat) -> str:
    """Who wrote the last message; in a direct chat the other person is not named."""
    if chat.last_id is None:
        return ""
    if chat.last_author_id == chat.user_id:
        return _("You")
    return "" if chat.is_direct else chat.last_author or _("Deleted user")
