"""One page of a chat's messages, with day and unread separators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from flask import request
from markupsafe import Markup

from lib.limits import PRESENCE_MEMBERS_MAX
from models import Membership, message_json
from views.message_fields import Json, Place, Reader, row_fields
from views.pages import query_id
from views.row_templates import row_template

PAGE_SIZE = 40
# At most so many characters of HTML on a page: rendering takes more than ten times as much memory.
PAGE_HTML_MAX = 1_000_000
# But always so many messages: a live page asks for one that it has and the next.
PAGE_SIZE_MIN = 2
CONTINUES_WITHIN = timedelta(minutes=5)
# Query parameters that choose a page; `newest` skips the unread messages.
PLACES = frozenset({"before", "after", "around", "newest"})


@dataclass
class MessagePage:
    """Consecutive messages as JSON, oldest first; whether there are older and newer ones."""

    messages: list[Json]
    older: bool = False
    newer: bool = False
    has_unread_line: bool = False

    @classmethod
    def from_query(cls, membership: Membership) -> MessagePage:
        """Load what `?before=`, `?after=` or `?around=` ask for, else the newest.

        One extra message shows whether there is another page.
        """
        before, after, around = query_id("before"), query_id("after"), query_id("around")
        newest = membership.chat.last_message_id or 0
        if around is not None:
            return cls.around(message_json.around(membership, around, PAGE_SIZE + 1), around)
        if after is not None:
            found = message_json.after(membership, after, PAGE_SIZE + 1)
            # The message named in the URL precedes these.
            shown = fitting(found)
            return cls(shown, bool(found), len(found) > len(shown))
        if before is not None:
            found = message_json.before(membership, before, PAGE_SIZE + 1)
            shown = fitting_last(found)
            return cls(shown, len(found) > len(shown), newest >= before)
        found = message_json.newest(membership, PAGE_SIZE + 1)
        shown = fitting_last(found)
        return cls(shown, len(found) > len(shown))

    @classmethod
    def opening(cls, membership: Membership) -> MessagePage:
        """Load what the URL asks for, else the first unread messages, else the newest."""
        if membership.unread and PLACES.isdisjoint(request.args):
            # Even fewer unread may not fit, with deleted and own messages between them.
            newest = cls.from_query(membership) if membership.unread <= PAGE_SIZE else None
            if newest is None or (newest.older and newest.messages[0]["id"] > membership.last_read_id):
                return cls.around(
                    message_json.around(membership, membership.last_read_id, PAGE_SIZE + 1),
                    membership.last_read_id,
                )
            return newest
        return cls.from_query(membership)

    @classmethod
    def around(cls, found: list[Json], around: int) -> MessagePage:
        """Keep a page before a message and a page after it."""
        before = [message for message in found if message["id"] < around]
        after = [message for message in found if message["id"] > around]
        at = [message for message in found if message["id"] == around]
        earlier, later = fitting_last(before, PAGE_HTML_MAX // 2), fitting(after, PAGE_HTML_MAX // 2)
        return cls([*earlier, *at, *later], len(before) > len(earlier), len(after) > len(later))

    @classmethod
    def since(cls, membership: Membership, known: int) -> MessagePage:
        """Load the last message that the client has, for grouping, and those after it."""
        found = message_json.after(membership, known - 1, PAGE_SIZE + 1)
        shown = fitting(found)
        return cls(shown, known > 0, len(found) > len(shown))

    @property
    def last_id(self) -> int:
        return int(self.messages[-1]["id"]) if self.messages else 0

    @property
    def ids(self) -> set[int]:
        return {message["id"] for message in self.messages}

    def rows(self, reader: Reader, read_id: int | None, is_alone: bool = False) -> Markup:
        """Render the rows, with the unread line after `read_id` if that is on this page.

        `is_alone` is for a whole page, which opens at that line without scripts.
        """
        unread = None if read_id is None else first_unread(self, reader.id, read_id)
        self.has_unread_line = unread is not None
        target = query_id("around") if query_id("line") is None else None
        fill, shown = row_template("message_row").fill, self.ids
        html: list[str] = []
        before: tuple[Json, datetime] | None = None
        for message in self.messages:
            at = datetime.fromisoformat(message["created_at"]).astimezone(reader.zone)
            starts_day = before is None or before[1].date() != at.date()
            is_continued = not starts_day and message is not unread and follows(before, message, at)
            place = Place(at, starts_day, is_continued, message is unread, message["id"] == target, is_alone)
            html.append(fill(row_fields(message, reader, place, shown)))
            before = message, at
        return Markup("".join(html))


def fitting(messages: list[Json], html_max: int | None = None) -> list[Json]:
    """Return the first messages that fit on a page."""
    ends = accumulate(len(message["html"]) for message in messages)
    count = sum(end <= (html_max or PAGE_HTML_MAX) for end in ends)
    return messages[: min(PAGE_SIZE, max(PAGE_SIZE_MIN, count))]


def fitting_last(messages: list[Json], html_max: int | None = None) -> list[Json]:
    """Return the last messages that fit on a page."""
    return fitting(messages[::-1], html_max)[::-1]


def follows(before: tuple[Json, datetime] | None, message: Json, at: datetime) -> bool:
    """Tell whether a message continues the one before: same open account, within five minutes, neither deleted."""
    if before is None or message["author"] is None or before[0]["author"] is None:
        return False
    return (
        before[0]["author"]["id"] == message["author"]["id"]
        and timedelta() <= at - before[1] < CONTINUES_WITHIN
        and not is_deleted(message)
        and not is_deleted(before[0])
    )


def is_deleted(message: Json) -> bool:
    return "deleted" in message


def first_unread(message_list: MessagePage, user_id: int, read_id: int) -> Json | None:
    """Find the first unread message by somebody else on this page."""
    if not message_list.messages or (message_list.older and message_list.messages[0]["id"] > read_id):
        return None
    for message in message_list.messages:
        is_own = message["author"] is not None and message["author"]["id"] == user_id
        if message["id"] > read_id and not is_own and not is_deleted(message):
            return message
    return None


def participants_of(membership: Membership) -> tuple[dict[int, str], Reader]:
    """Return the chat's first people by id, and what their rows need to know of the reader."""
    people, higher = membership.participants(PRESENCE_MEMBERS_MAX)
    return people, Reader.of_request(
        membership.user_id,
        lambda author_id: membership.may_delete(author_id, higher),
        higher - {membership.chat.owner_id},
    )
