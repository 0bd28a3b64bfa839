"""Messages between the stream processes of several hosts: that there are events, who types and who is online.

Peers' clocks may differ, so no message contains a time: only the receiver's own clock counts.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from stream.process.inbox import Batch
from stream.process.people import Presence

logger = logging.getLogger("stream")

# In seconds. A host is given up after a silence of several signs of life; its list of people is repeated, for safety.
SIGN_EVERY = 5.0
LIST_EVERY = 30.0
SILENCE = 20.0
# A payload of NOTIFY has less than 8,000 bytes; an id of 64 bits has up to 19 digits.
PEOPLE_IN_ONE = 350
TYPING_IN_ONE = 150
# More typing than this between two sendings is dropped.
TYPING_MAX = 600


class Wire(Protocol):
    """What carries texts to the other hosts and back, such as stream/process/wire.py."""

    number: int

    def begin(self, take: Callable[[], list[str]]) -> None:
        """Begin. `take` returns the texts that wait to be sent; it is called when they can be, from another thread."""

    def wake(self) -> None:
        """Let it know that there is something to send."""

    def receive(self) -> list[str | bool]:
        """What came since the last call, in order: texts; True for a new connection, False for a lost one."""

    def stop(self) -> None:
        """Send what waits, and end."""


class Outbox:
    """What waits to be sent to the other hosts. Messages are made of it when they are sent, so that each is sent once.

    The loop adds to it, the wire's thread takes.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._flags: dict[str, bool] = {}
        self._typing: dict[tuple[int, int], None] = {}
        # Who has come (True) or gone since the last sending; the list of all before that, when it is due.
        self._changes: dict[int, bool] = {}
        self._people: list[int] | None = None

    def flag(self, *names: str) -> None:
        """Send one-word messages."""
        with self._lock:
            self._flags.update(dict.fromkeys(names, True))

    def typing(self, chat_id: int, user_id: int) -> None:
        with self._lock:
            if len(self._typing) < TYPING_MAX:
                self._typing[chat_id, user_id] = None

    def change(self, user_id: int, is_online: bool) -> None:
        with self._lock:
            self._changes[user_id] = is_online

    def people(self, people: Iterable[int]) -> None:
        """Send the list of everyone who is online here, instead of what has changed."""
        with self._lock:
            self._people = sorted(people)
            self._changes.clear()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to be sent."""
        return bool(self._flags or self._typing or self._changes or self._people is not None)

    def forget(self) -> None:
        """Drop what is of no use later."""
        with self._lock:
            self._flags.clear()
            self._typing.clear()

    def take(self) -> list[str]:
        """The texts to be sent, in order."""
        with self._lock:
            flags, typing, changes, people = self._flags, self._typing, self._changes, self._people
            self._flags, self._typing, self._changes, self._people = {}, {}, {}, None
        texts: list[dict[str, Any]] = []
        if people is not None:
            parts = list(chunks(people, PEOPLE_IN_ONE)) or [[]]
            texts += ({"people": part, "part": number, "of": len(parts)} for number, part in enumerate(parts, 1))
        for word, is_online in (("came", True), ("went", False)):
            them = [user_id for user_id, has_come in changes.items() if has_come is is_online]
            texts += ({word: part} for part in chunks(them, PEOPLE_IN_ONE))
        texts += ({"typing": part} for part in chunks(list(typing), TYPING_IN_ONE))
        # Last, so that the first message from a new host is its list.
        texts += [flags] if flags else []
        return [json.dumps({"from": self.name, **text}, separators=(",", ":")) for text in texts]


def chunks(them: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(them), size):
        yield them[start : start + size]


@dataclass
class News:
    """What has come from other hosts."""

    is_wake: bool = False
    logins_ended: bool = False
    typing: list[tuple[int, int]] = field(default_factory=list)
    # Who was offline before.
    came: list[int] = field(default_factory=list)


class Peer:
    """Another host's stream process: when its last message came, and as much of its list as has come."""

    def __init__(self) -> None:
        self.last_sign_at = 0.0
        self.parts: list[list[int]] = []


class NoPeers:
    """No other hosts: the database is SQLite's."""

    # A file descriptor that becomes readable when something has come.
    number = -1

    def begin(self, presence: Presence) -> None:
        """Begin to send and to receive; `presence` is kept up to date with who is online elsewhere."""

    def pass_on(self, batch: Batch) -> None:
        """Send the others what the workers of this host have reported."""

    def typing(self, chat_id: int, user_id: int) -> None:
        """Send the others that somebody is typing."""

    def change(self, user_id: int, is_online: bool) -> None:
        """Send the others that somebody's first stream was opened here, or their last one closed."""

    def send(self) -> None:
        """Send what waits, now that the turn is over."""

    def receive(self, online: Iterable[int], now: float) -> News:
        """What has come from the others. `online` are the people with streams on this host."""
        return News()

    def tick(self, online: Iterable[int], now: float) -> None:
        """Do what is due at certain times; to be called every second."""

    def close(self) -> None:
        """Say goodbye."""


class Peers:
    """The other hosts, as far as this one knows of them."""

    def __init__(self, presence: Presence) -> None:
        # Of this process, not of the machine: one that was started anew is another one.
        self.name = secrets.token_hex(6)
        self.presence, self.outbox = presence, Outbox(self.name)
        self.peers: dict[str, Peer] = {}
        self.is_connected = False
        self.sign_due = self.list_due = 0.0

    def connected(self, online: Iterable[int], now: float, news: News) -> None:
        """Begin anew: what was sent meanwhile did not arrive, in either direction."""
        self.is_connected = True
        for host in self.peers.values():
            host.last_sign_at, host.parts = now, []
        self.outbox.forget()
        self.outbox.flag("log", "logins", "who")
        self.send_people(online, now)
        news.is_wake = news.logins_ended = True

    def disconnected(self) -> None:
        """Count no host as gone for its silence while nothing can be received."""
        self.is_connected = False

    def send_people(self, online: Iterable[int], now: float) -> None:
        self.outbox.people(online)
        self.sign_due, self.list_due = now + SIGN_EVERY, now + LIST_EVERY

    def tick(self, online: Iterable[int], now: float) -> None:
        """Give signs of life; count people as gone whose host gives none."""
        if not self.is_connected:
            return
        if now >= self.list_due:
            self.send_people(online, now)
        elif now >= self.sign_due:
            self.outbox.flag("alive")
            self.sign_due = now + SIGN_EVERY
        for name in [name for name, host in self.peers.items() if now - host.last_sign_at > SILENCE]:
            logger.warning("another stream process (%s) has fallen silent", name)
            self._remove(name, now)

    def _remove(self, name: str, now: float) -> None:
        self.peers.pop(name, None)
        self.presence.replace(name, set(), now)

    def receive(self, text: str, online: Iterable[int], now: float, news: News) -> None:
        """Apply a message from another host."""
        try:
            message = json.loads(text)
            if message["from"] != self.name:
                self._apply(str(message["from"]), message, news, online, now)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            logger.warning("not understood from another host: %.80r (%s)", text, error)

    def _apply(self, name: str, message: dict[str, Any], news: News, online: Iterable[int], now: float) -> None:
        if "bye" in message:
            return self._remove(name, now)
        if name not in self.peers and "people" not in message:
            # It was given up, and has come back.
            self.outbox.flag("who")
        host = self.peers.setdefault(name, Peer())
        host.last_sign_at = now
        news.is_wake |= "log" in message
        news.logins_ended |= "logins" in message
        news.typing += ((int(chat_id), int(user_id)) for chat_id, user_id in message.get("typing", ()))
        if "who" in message:
            self.send_people(online, now)
        if "people" in message:
            self._apply_part(name, host, message, news, now)
        for user_id in map(int, message.get("came", ())):
            if self.presence.connect(user_id, name):
                news.came.append(user_id)
        for user_id in map(int, message.get("went", ())):
            self.presence.disconnect(user_id, now, name)
        return None

    def _apply_part(self, name: str, host: Peer, message: dict[str, Any], news: News, now: float) -> None:
        """Apply a part of a list, once all parts have come in order."""
        part, of = int(message["part"]), int(message["of"])
        host.parts = host.parts[: part - 1]
        if len(host.parts) == part - 1:
            host.parts.append([int(user_id) for user_id in message["people"]])
            if part == of:
                people = {user_id for each in host.parts for user_id in each}
                host.parts = []
                news.came += self.presence.replace(name, people, now)


class WiredPeers(NoPeers):
    """The other hosts on the same Postgres server, over a wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.number = wire.number

    def begin(self, presence: Presence) -> None:
        self.peers = Peers(presence)
        self.wire.begin(self.peers.outbox.take)

    def pass_on(self, batch: Batch) -> None:
        if batch.has_events:
            self.peers.outbox.flag("log")
        if batch.logins_ended:
            self.peers.outbox.flag("logins")
        self.send()

    def typing(self, chat_id: int, user_id: int) -> None:
        self.peers.outbox.typing(chat_id, user_id)

    def change(self, user_id: int, is_online: bool) -> None:
        self.peers.outbox.change(user_id, is_online)

    def send(self) -> None:
        if self.peers.outbox.is_waiting:
            self.wire.wake()

    def receive(self, online: Iterable[int], now: float) -> News:
        news = News()
        for what in self.wire.receive():
            if what is True:
                self.peers.connected(online, now, news)
            elif what is False:
                self.peers.disconnected()
            else:
                self.peers.receive(what, online, now, news)
        return news

    def tick(self, online: Iterable[int], now: float) -> None:
        self.peers.tick(online, now)

    def close(self) -> None:
        self.peers.outbox.flag("bye")
        self.wire.stop()
