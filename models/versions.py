"""Versions: numbers that change whenever what somebody sees changes, read with one query per request.

A request that the worker's loop has answered before needs the query only if somebody has committed something since.

`chat.version` and `membership.version` grow with the ids of events (models/event.py). `common_version` is part of
everyone's versions, and grows with what no event describes. All have random bits: after a backup is restored, other
events get the same ids.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from typing import NamedTuple

from models.base import database, now
from models.login import SEEN_EVERY, hash_of

# Of all chats of a person: which they are, and what is in them. The newest event alone is not enough: leaving a chat
# takes versions away.
CHATS = """
    SELECT count(*) || ' ' || sum(c.version) || ' ' || sum(m.version) || ' ' ||
        max(CASE WHEN c.version > m.version THEN c.version ELSE m.version END)
    FROM membership m JOIN chat c ON c.id = m.chat_id WHERE m.user_id = s.user_id
"""
VERSIONS = """
    SELECT s.id, s.user_id, common.value, c.version, m.version, ({chats}), s.expires_at, s.seen_at
    FROM session s JOIN "user" u ON u.id = s.user_id AND u.deleted_at IS NULL CROSS JOIN common_version common
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


class VersionsQuery:
    """Reads versions for the person with a login: of one chat, if there is an id, and with `shows_all_chats` of all."""

    def __init__(self, secret: str, kinds: tuple[str, ...], chat_id: int | None, shows_all_chats: bool) -> None:
        self._sql = VERSIONS.format(chats=CHATS if shows_all_chats else "''", kinds=", ".join("?" * len(kinds)))
        self._chat_id = chat_id
        self._values = (chat_id, hash_of(secret), *kinds)
        # What read_again() found, and the state of the database that it was found in.
        self._found: Versions | None = None
        self._state: Hashable = None
        # For what time it holds in this state.
        self._since = self._until = 0

    def read(self) -> Versions | None:
        """None when the login has ended or its last-seen time is due, or when the person is not in the chat."""
        at = now()
        rows = database.read_only_query(self._sql, (*self._values, at, at - SEEN_EVERY, at))
        if not rows:
            return None
        *versions, expires_at, seen_at = rows[0]
        found = Versions(*versions)
        self._since, self._until = at, min(expires_at, seen_at + SEEN_EVERY)
        return None if self._chat_id is not None and found.chat is None else found

    def read_again(self) -> Versions | None:
        """The same, without the query if the database is as it was. Always called by the same thread."""
        state = database.read_state()
        if self._found is None or state is None or state != self._state or not self._since <= now() < self._until:
            # The state was read before the versions, so these may be newer, but never older.
            self._found, self._state = self.read(), state
        return self._found


def bump_common_version() -> None:
    """Note a change that no event describes: of a profile, or of what a search finds. Inside a write() only."""
    database.execute_sql("UPDATE common_version SET value = value + ?", (random.randint(1, 1000),))
