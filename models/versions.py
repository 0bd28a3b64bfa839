"""Versions: numbers that change whenever what somebody sees changes, read with one query per request.

`chat.version` and `membership.version` grow with the ids of events (models/event.py). `common_version` is part of
everyone's versions, and grows with what no event tells of. All have random bits: after a backup is restored, other
events get the same ids.
"""

from __future__ import annotations

from typing import NamedTuple

from models.base import database, now, read_only_query
from models.login import SEEN_EVERY, hash_of

# Of all chats of a person: which they are, and what is in them. The newest event alone is not enough: leaving a chat
# takes versions away, and Postgres commits events in another order than that of their ids.
CHATS = """
    SELECT count(*) || ' ' || sum(c.version) || ' ' || sum(m.version) || ' ' || max(max(c.version, m.version))
    FROM membership m JOIN chat c ON c.id = m.chat_id WHERE m.user_id = s.user_id
"""
VERSIONS = """
    SELECT s.id, s.user_id, common.value, c.version, m.version, ({chats})
    FROM session s JOIN user u ON u.id = s.user_id AND u.deleted_at IS NULL JOIN common_version common
    LEFT JOIN membership m ON m.user_id = u.id AND m.chat_id = ? LEFT JOIN chat c ON c.id = m.chat_id
    WHERE s.secret_hash = ? AND s.kind IN ({kinds}) AND s.expires_at > ? AND s.seen_at BETWEEN ? AND ?
"""


class Versions(NamedTuple):
    """What a person sees, as numbers: equal as long as nothing of it has changed."""

    login_id: int
    user_id: int
    common: int
    # Of the chat asked for: what all its members see, and what this one alone sees.
    chat: int | None
    membership: int | None
    # None for a person in no chats.
    chats: str | None


def read(secret: str, kinds: tuple[str, ...], chat_id: int | None, has_list: bool) -> Versions | None:
    """The versions for the person with this login: of one chat, if there is an id, and with `has_list` of all chats.

    None when the login has ended or its last-seen time is due, or when the person is not in the chat.
    """
    at = now()
    sql = VERSIONS.format(chats=CHATS if has_list else "''", kinds=", ".join("?" * len(kinds)))
    rows = read_only_query(sql, (chat_id, hash_of(secret), *kinds, at, at - SEEN_EVERY, at))
    found = Versions(*rows[0]) if rows else None
    return None if found is None or (chat_id is not None and found.chat is None) else found


def bump_common_version() -> None:
    """Note a change that no event tells of: of a profile, or of what a search finds. Inside a write() only."""
    database.execute_sql("UPDATE common_version SET value = value + 1 + abs(random() % 1000)")
