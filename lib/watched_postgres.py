"""Connections to Postgres for a loop that must not stand still: they give up in time, and are opened anew beside it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

import psycopg

from lib.postgres import reason

logger = logging.getLogger(__name__)
T = TypeVar("T")
# Seconds between two attempts to connect: the first and the longest.
BACK_OFF = (0.25, 4.0)
# A server that says nothing for so long stands still.
SILENCE_SECONDS = 3.0


class WatchedConnection(psycopg.Connection[Any]):
    """A connection that gives up when nothing comes for `silence` seconds while the server owes an answer.

    The kernel notices a machine that vanished, but not a server that stands still (frozen, or waiting for its disk).
    """

    silence = SILENCE_SECONDS
    is_watched = True

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does. Raises psycopg.OperationalError; the connection is of no more use then."""
        return super().wait(self._watched(gen) if self.is_watched else gen, interval, timeout)

    def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Pass on what a generator of psycopg waits for, and what became ready: nothing, after each interval."""
        last_answer_at = time.monotonic()
        try:
            waits_for = next(gen)
            while True:
                ready = yield waits_for
                if ready:
                    last_answer_at = time.monotonic()
                elif time.monotonic() - last_answer_at > self.silence:
                    raise psycopg.OperationalError(f"the server has said nothing for {self.silence:g} seconds")
                waits_for = gen.send(ready)
        except StopIteration as end:
            return end.value


def pauses() -> Generator[float, None, None]:
    """Seconds to wait between attempts, ever longer."""
    pause, longest = BACK_OFF
    while True:
        yield pause
        pause = min(2 * pause, longest)


class Reopening(Generic[T]):
    """Tries to connect, again and again, in a thread of its own: looking up a name may take half a minute."""

    def __init__(self, connect: Callable[[], T], close: Callable[[T], None]) -> None:
        self._connect, self._close = connect, close
        self._opened: T | None = None
        self._lock, self._is_given_up = threading.Lock(), threading.Event()
        threading.Thread(target=self._try, name="reopening", daemon=True).start()

    def take(self) -> T | None:
        """What was opened; None as long as there is none."""
        with self._lock:
            opened, self._opened = self._opened, None
            return opened

    def give_up(self) -> None:
        """Stop trying."""
        self._is_given_up.set()
        opened = self.take()
        if opened is not None:
            self._close(opened)

    def _try(self) -> None:
        former = ""
        for pause in pauses():
            try:
                opened = self._connect()
            except psycopg.Error as error:
                if reason(error) != former:
                    logger.warning("can't connect to Postgres: %s", former := reason(error))
            else:
                with self._lock:
                    self._opened = opened
                if self._is_given_up.is_set():
                    self.give_up()
                return
            if self._is_given_up.wait(pause):
                return
