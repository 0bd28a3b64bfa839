"""Who is in which chat, according to the event log, and who is online."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set

from lib.limits import PRESENCE_MEMBERS_MAX

TYPING_EVERY = 1.0
# The name of this host.
HERE = ""
NO_MEMBERS: frozenset[int] = frozenset()


class ChatMembers:
    """Who is in which chat."""

    def __init__(self, members: Iterable[tuple[int, int]]) -> None:
        self._members: dict[int, set[int]] = defaultdict(set)
        self._chats: dict[int, set[int]] = defaultdict(set)
        for chat_id, user_id in members:
            self.add(chat_id, user_id)

    def add(self, chat_id: int, user_id: int) -> None:
        self._members[chat_id].add(user_id)
        self._chats[user_id].add(chat_id)

    def remove(self, chat_id: int, user_id: int) -> None:
        for sets, key, value in ((self._members, chat_id, user_id), (self._chats, user_id, chat_id)):
            if key in sets:
                sets[key].discard(value)
                if not sets[key]:
                    del sets[key]

    def members(self, chat_id: int) -> Set[int]:
        return self._members.get(chat_id, NO_MEMBERS)

    def small_chat_members(self, chat_id: int) -> Set[int]:
        """The members of a chat that is small enough for presence and typing events; nobody for a larger one."""
        members = self.members(chat_id)
        return members if len(members) <= PRESENCE_MEMBERS_MAX else NO_MEMBERS

    def contacts(self, user_id: int) -> set[int]:
        """Everyone else with whom a person shares a small chat."""
        known: set[int] = set()
        for chat_id in self._chats.get(user_id, ()):
            known |= self.small_chat_members(chat_id)
        known.discard(user_id)
        return known


class Presence:
    """Who is online: anyone with an open stream on any host, or whose last one ended less than `grace` seconds ago.

    So reloading a page or losing the connection for a moment does not show as offline.
    """

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.online: set[int] = set()
        self._at: dict[str, set[int]] = defaultdict(set)
        self._going: dict[int, float] = {}

    def connect(self, user_id: int, host: str = HERE) -> bool:
        """Note an opened stream. Returns whether the person was offline before."""
        self._at[host].add(user_id)
        self._going.pop(user_id, None)
        is_news = user_id not in self.online
        self.online.add(user_id)
        return is_news

    def disconnect(self, user_id: int, now: float, host: str = HERE) -> None:
        """Note that a person's last stream on a host was closed."""
        if user_id in self._at.get(host, NO_MEMBERS):
            self._at[host].remove(user_id)
            if not any(user_id in people for people in self._at.values()):
                self._going[user_id] = now + self.grace

    def replace(self, host: str, people: set[int], now: float) -> list[int]:
        """Note who has streams on a host, and nobody else. Returns those who were offline before."""
        before = self._at[host]
        came = [user_id for user_id in people - before if self.connect(user_id, host)]
        for user_id in before - people:
            self.disconnect(user_id, now, host)
        if not people:
            del self._at[host]
        return came

    def expire(self, now: float) -> list[int]:
        """Remove and return the people who have been away for the grace period."""
        over = [user_id for user_id, until in self._going.items() if until <= now]
        for user_id in over:
            del self._going[user_id]
            self.online.discard(user_id)
        return over


class Typing:
    """Throttle typing events to one a second per person and chat."""

    def __init__(self) -> None:
        self._sent_at: dict[tuple[int, int], float] = {}

    def is_due(self, chat_id: int, user_id: int, now: float) -> bool:
        if now - self._sent_at.get((chat_id, user_id), -TYPING_EVERY) < TYPING_EVERY:
            return False
        self._sent_at[chat_id, user_id] = now
        return True

    def forget(self, now: float) -> None:
        self._sent_at = {key: at for key, at in self._sent_at.items() if now - at < TYPING_EVERY}
