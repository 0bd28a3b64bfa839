"""Rate limits within one process, to bound its own load."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable

KEYS_MAX = 10_000


class Buckets:
    """Token buckets: each key may take `burst` at once, and `per_minute` per minute in the long run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # The tokens left for a key, and when that was; least recently used first.
        self._left: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, per_minute: float, burst: float) -> int:
        """Take a token. Returns 0, or the seconds until the next one."""
        with self._lock:
            now = self._clock()
            left, at = self._left.pop(key, (burst, now))
            left = min(burst, left + (now - at) * per_minute / 60)
            is_taken = left >= 1
            self._left[key] = (left - is_taken, now)
            if len(self._left) > KEYS_MAX:
                del self._left[next(iter(self._left))]
        return 0 if is_taken else math.ceil((1 - left) * 60 / per_minute)


class InFlight:
    """Counts the concurrent requests of each key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count: Counter[Hashable] = Counter()

    def enter(self, key: Hashable, limit: int) -> bool:
        """Count a request unless there are `limit` already. Returns whether it may begin; call leave() after it."""
        with self._lock:
            if self._count[key] >= limit:
                return False
            self._count[key] += 1
            return True

    def leave(self, key: Hashable) -> None:
        with self._lock:
            self._count[key] -= 1
            if not self._count[key]:
                del self._count[key]
