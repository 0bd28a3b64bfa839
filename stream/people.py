"""Who is in which chat, as the log tells it, and who of them is there just now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set

# In larger chats nobody is told who is there or typing: that would cost its square.
COMPANY_MAX = 100
TYPING_EVERY = 1.0
NOBODY: frozenset[int] = frozenset()


class People:
    """Who is in which chat."""

    def __init__(self, members: Iterable[tuple[int, int]]) -> None:
        self._members: dict[int, set[int]] = defaultdict(set)
        self._chats: dict[int, set[int]] = defaultdict(set)
        for chat_id, user_id in members:
            self.joins(chat_id, user_id)

    def joins(self, chat_id: int, user_id: int) -> None:
        self._members[chat_id].add(user_id)
        self._chats[user_id].add(chat_id)

    def leaves(self, chat_id: int, user_id: int) -> None:
        for sets, key, value in ((self._members, chat_id, user_id), (self._chats, user_id, chat_id)):
            if key in sets:
                sets[key].discard(value)
                if not sets[key]:
                    del sets[key]

    def members(self, chat_id: int) -> Set[int]:
        return self._members.get(chat_id, NOBODY)

    def company(self, chat_id: int) -> Set[int]:
        """The members of a chat that is small enough for them to know of each other's coming and typing."""
        members = self.members(chat_id)
        return members if len(members) <= COMPANY_MAX else NOBODY

    def acquaintances(self, user_id: int) -> set[int]:
        """Everybody with whom a person shares a small chat, without themselves."""
        known: set[int] = set()
        for chat_id in self._chats.get(user_id, ()):
            known |= self.company(chat_id)
        known.discard(user_id)
        return known


class Presence:
    """Who is there: with a stream open, or gone for less than the grace (seconds).

    One who reloads a page, or rides through a tunnel, has not gone.
    """

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.there: set[int] = set()
        self._going: dict[int, float] = {}

    def comes(self, user_id: int) -> bool:
        """A stream was opened; returns whether that is news."""
        self._going.pop(user_id, None)
        is_news = user_id not in self.there
        self.there.add(user_id)
        return is_news

    def goes(self, user_id: int, now: float) -> None:
        """The last stream was closed."""
        self._going[user_id] = now + self.grace

    def gone(self, now: float) -> list[int]:
        """Who has been away for the grace, told once."""
        over = [user_id for user_id, until in self._going.items() if until <= now]
        for user_id in over:
            del self._going[user_id]
            self.there.discard(user_id)
        return over


class Typing:
    """At most once a second for a person and chat."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, int], float] = {}

    def is_due(self, chat_id: int, user_id: int, now: float) -> bool:
        if now - self._told.get((chat_id, user_id), -TYPING_EVERY) < TYPING_EVERY:
            return False
        self._told[chat_id, user_id] = now
        return True

    def forget(self, now: float) -> None:
        self._told = {key: at for key, at in self._told.items() if now - at < TYPING_EVERY}
