"""The fields of a message's row (templates/parts/message_row.html), from its JSON and who reads it.

static/js/message-fields.js computes the same ones in the browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import quote

from markupsafe import escape

from lib.characters import initials
from models import DELETED_USER, DELETED_USER_HTML
from models.base import hue_of
from models.file import kind_of
from views import clock
from views.translation import gettext as _
from views.translation import language, ngettext

Json = dict[str, Any]

LISTS = re.compile(r"<(ul|ol|blockquote)(?=[ >])")
# Maximum size in pixels of a single picture in a message.
PICTURE_WIDTH, PICTURE_HEIGHT = 320, 420


@dataclass(frozen=True)
class Reader:
    """Who reads, and what depends on that: the language, the time zone, and whose messages they may delete.

    `may_delete` gets the id of an author, 0 for a closed account.
    """

    id: int
    language: str
    zone: tzinfo
    may_delete: Callable[[int], bool]
    # The ids of the chat's admins, for the browser to know the same.
    admins: Collection[int] = ()
    # The fields of authors, each made once for a page.
    authors: dict[int, Json] = field(default_factory=dict)

    @classmethod
    def of_request(cls, user_id: int, may_delete: Callable[[int], bool], admins: Collection[int] = ()) -> Reader:
        return cls(user_id, language(), clock.zone(), may_delete, admins)


@dataclass(frozen=True)
class Place:
    """Where a row stands in a list: when by the reader's clock, and what is special about it there."""

    at: datetime
    starts_day: bool = True
    is_continued: bool = False
    is_first_unread: bool = False
    is_target: bool = False
    # Without scripts a whole page opens at the unread line.
    is_alone: bool = False


def row_fields(message: Json, reader: Reader, place: Place, shown: Collection[int]) -> Json:
    """All fields of a row; `shown` are the ids of the messages on this page."""
    author, is_deleted = message["author"], message.get("deleted", False)
    author_id = author["id"] if author else 0
    fields = {**place_fields(message, place, is_deleted), **cached_author_fields(author, reader)}
    if is_deleted:
        return fields
    is_own, is_edited = author_id == reader.id, message["edited_at"] is not None
    return {
        **fields,
        "is_continued": place.is_continued,
        "hidden_author_url": place.is_continued and fields["author_url"],
        "is_edited": is_edited,
        "is_edited_below": is_edited and place.is_continued,
        "text": message["text"],
        "prose": prose(message["html"]),
        "is_own": is_own,
        "is_mentioned": not is_own and any(person["id"] == reader.id for person in message["mentions"]),
        "may_edit": is_own and message["forwarded_from"] is None,
        "may_delete": reader.may_delete(author_id),
        "reactions": [reaction_fields(tally, reader) for tally in message["reactions"]],
        **source_fields(message["forwarded_from"], reader.zone),
        **quotation_fields(message, shown),
        **file_fields(message["files"]),
    }


def place_fields(message: Json, place: Place, is_deleted: bool) -> Json:
    """The fields that a deleted message has, too."""
    day = place.at.date()
    return {
        "id": message["id"],
        "chat_id": message["chat_id"],
        # Not by url_for, which would take a tenth of the page's time.
        "place": f"/chats/{message['chat_id']}/messages/{message['id']}",
        "row_class": row_class(is_deleted, place),
        "starts_day": place.starts_day,
        "day": day,
        "day_name": clock.day_name(day) if place.starts_day else "",
        "is_first_unread": place.is_first_unread,
        "is_alone": place.is_alone,
        "is_target": place.is_target,
        "target_tabindex": "-1" if place.is_target else None,
        "is_deleted": is_deleted,
        "created_at": message["created_at"],
        "time": f"{place.at:%H:%M}",
    }


def row_class(is_deleted: bool, place: Place) -> str:
    continued, target = " is-continued" if place.is_continued else "", " is-target" if place.is_target else ""
    return f"message{' is-deleted' if is_deleted else ''}{continued}{target}"


def label(person: Json) -> str:
    """A person's displayed name."""
    return str(person["name"] or person["username"])


def profile_path(person: Json) -> str:
    """The path of a person's profile."""
    return f"/users/{quote(person['username'])}"


def cached_author_fields(author: Json | None, reader: Reader) -> Json:
    if author is None:
        return author_fields(None)
    if author["id"] not in reader.authors:
        reader.authors[author["id"]] = author_fields(author)
    return reader.authors[author["id"]]


def author_fields(author: Json | None) -> Json:
    if author is None:
        return {"author_url": None, "author_label": "", "author_hue": None, "avatar_url": None, "initials": "–"}
    avatar_url = author["avatar_url"]
    return {
        "author_url": profile_path(author),
        "author_label": label(author),
        "author_hue": hue_of(author["id"]),
        "avatar_url": avatar_url,
        "initials": "" if avatar_url else initials(label(author)),
    }


def source_fields(source: Json | None, zone: tzinfo) -> Json:
    """The original author and time of a forwarded message."""
    if source is None:
        return {"is_forwarded": False}
    first = source["author"]
    return {
        "is_forwarded": True,
        "source_url": profile_path(first) if first else None,
        "source_label": label(first) if first else "",
        "source_at": source["created_at"],
        "source_time": clock.point_time(datetime.fromisoformat(source["created_at"]).astimezone(zone)),
    }


def quotation_fields(message: Json, shown: Collection[int]) -> Json:
    quoted = message["reply_to"]
    if quoted is None:
        return {"quote_url": None}
    anchor = f"#message-{quoted['id']}"
    author = quoted["author"]
    return {
        "quote_url": anchor if quoted["id"] in shown else f"/chats/{message['chat_id']}?around={quoted['id']}{anchor}",
        "is_quote_deleted": quoted["deleted"],
        "quote_author": label(author) if author else "",
        "is_quote_of_nobody": author is None and not quoted["deleted"],
        "quote_text": quoted["text"],
    }


def file_fields(files: list[Json]) -> Json:
    """Pictures together, then each other file."""
    pictures = [picture_fields(file) for file in files if file["thumbnail_url"]]
    return {
        "pictures": pictures,
        "pictures_class": " is-many" if len(pictures) > 1 else "",
        "files": [
            {"url": file["url"], "name": file["name"], "details": details(file)}
            for file in files
            if not file["thumbnail_url"]
        ],
    }


def picture_fields(file: Json) -> Json:
    width, height = fit_picture(file["width"], file["height"])
    return {
        "url": f"{file['url']}/display",
        "thumbnail_url": file["thumbnail_url"],
        "width": width,
        "height": height,
        "name": file["name"],
    }


def fit_picture(width: int, height: int) -> tuple[int, int]:
    """Scale a picture down to fit into a message."""
    scale = min(1, PICTURE_WIDTH / width, PICTURE_HEIGHT / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def details(file: Json) -> str:
    """PDF · 214 KB"""
    kind, size = kind_of(file["name"]), clock.size(file["size"])
    return f"{kind} · {size}" if kind else size


def reaction_fields(tally: Json, reader: Reader) -> Json:
    is_own = reader.id in tally["users"] or tally.get("mine", False)
    return {
        "emoji": tally["emoji"],
        "emoji_name": tally["emoji_name"][reader.language],
        "count": tally["count"],
        "givers": givers(tally),
        "does": "take_back" if is_own else "give",
        "pressed": "true" if is_own else "false",
    }


def givers(tally: Json) -> str:
    """The first people who gave an emoji."""
    names, more = ", ".join(tally["names"]), tally["count"] - len(tally["names"])
    if not more:
        return names
    return ngettext("%(names)s and %(num)d more", "%(names)s and %(num)d more", more, names=names)


def prose(html: str) -> str:
    """Prepare a message's HTML for a reader: localize deleted users, and set the direction of lists by their text."""
    html = LISTS.sub(r'<\1 dir="auto"', html)
    if DELETED_USER_HTML not in html:
        return html
    return html.replace(DELETED_USER_HTML, DELETED_USER_HTML.replace(DELETED_USER, escape(_("Deleted user"))))
