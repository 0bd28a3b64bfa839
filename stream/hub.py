"""The hub: one loop that tells every open stream what is committed, in the order of the log."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import resource
import select
import signal
import socket
import sqlite3
import time
from collections.abc import Set
from dataclasses import dataclass

from stream.connection import FLAGS, Connection, close, refuse
from stream.inbox import Inbox, Newcomer, Post
from stream.log import LEAVING, PERSONAL, STILL_HERE, Event, Log, Place, frame, greeting, retry, told
from stream.people import People, Presence, Typing

log = logging.getLogger("stream")

TICK = 1.0
BATCH = 1_000
# Seconds until one who was refused may try again.
RETRY_AFTER = 30
# What one stream is fed at once from the log, and how many of them in one turn of the loop.
FEED_EVENTS = 100
FEED_BYTES = 64 * 1024
FEEDS_A_TURN = 16
# Descriptors for what is not a stream: the database, the log, the inbox.
SPARE_FILES = 64


@dataclass(frozen=True)
class Bounds:
    """How many streams there may be, of everybody and of one person."""

    streams: int
    each: int


@dataclass(frozen=True)
class Spans:
    """How long things take, in seconds: between two signs of life to a client, and until who went has gone."""

    heartbeat: int = 15
    grace: float = 30.0


class Hub:
    def __init__(self, log: Log, inbox: socket.socket, bounds: Bounds, spans: Spans, parent: int, signs: int) -> None:
        """`parent` is the server's process; `signs` a descriptor that gets a byte at every tick."""
        self.heartbeat = max(1, round(spans.heartbeat / TICK))
        self.log, self.bounds, self.parent, self.signs = log, bounds, parent, signs
        self.inbox = Inbox(inbox)
        self.poll = select.epoll()
        self.poll.register(inbox.fileno(), select.EPOLLIN)
        self.streams: dict[int, Connection] = {}
        self.by_user: dict[int, list[Connection]] = {}
        self.online: set[int] = set()
        self.presence, self.typing = Presence(spans.grace), Typing()
        # Streams with something to send; those that are to be fed from the log.
        self.dirty: set[Connection] = set()
        self.hungry: dict[Connection, None] = {}
        self.logins_due = False
        # As of the last look at the database that succeeded.
        self.version = 0
        self.is_troubled = False
        self.ticks = 0
        self.stopping = False
        with log.snapshot():
            self.place = log.end()
            self.people = People(log.members())

    # The loop

    def run(self) -> None:
        """Serve until SIGTERM, or until the server that started this is gone."""
        self._end_on_signal()
        next_tick = time.monotonic()
        while not self.stopping:
            wait = 0.0 if self.hungry and not self.is_troubled else max(0.0, next_tick - time.monotonic())
            post = self.hear(self.poll.poll(wait))
            is_tick = time.monotonic() >= next_tick
            if is_tick:
                next_tick = time.monotonic() + TICK
                self.tick()
            self.turn(post, is_tick)
        self.farewell()

    def _end_on_signal(self) -> None:
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        self._signals = (reader, writer)
        self.poll.register(reader.fileno(), select.EPOLLIN)
        signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))

    def hear(self, happened: list[tuple[int, int]]) -> Post:
        """What came in: for the inbox, and on every stream that stirred."""
        post = Post()
        for number, what in happened:
            stream = self.streams.get(number)
            if number == self.inbox.socket.fileno():
                post = self.inbox.empty()
            elif stream is None:
                continue
            elif what & (select.EPOLLHUP | select.EPOLLERR) or (what & select.EPOLLIN and not stream.hear()):
                self._drop(stream)
            elif what & select.EPOLLOUT:
                self.dirty.add(stream)
        return post

    def turn(self, post: Post, is_tick: bool) -> None:
        """Tell what is new, let in who came, feed who is behind; then send, each stream once."""
        try:
            if is_tick or post.is_wake or post.newcomers or self.hungry:
                self._look(post, is_tick)
                self.is_troubled = False
        except sqlite3.Error as error:
            log.warning("the database can't be read: %s", error)
            self.is_troubled = True
            for newcomer in post.newcomers:
                put_off(newcomer)
        for chat_id, user_id in post.typing:
            self._tell_typing(chat_id, user_id)
        for stream in list(self.dirty):
            self._flush(stream)
        self.dirty.clear()

    def _look(self, post: Post, is_tick: bool) -> None:
        version = self.log.version()
        has_changed = version != self.version
        # In one snapshot: what a newcomer is told of the past and what all are told from now on meet exactly.
        with self.log.snapshot():
            if has_changed or post.newcomers or self.hungry:
                self._follow()
            # What has changed may be a login that nobody told of: that is seen at the next tick.
            self.logins_due |= has_changed
            if post.logins_ended or (is_tick and self.logins_due):
                self._end_logins()
            while post.newcomers:
                self._welcome(post.newcomers.pop(0))
            for stream in list(self.hungry)[:FEEDS_A_TURN]:
                self._feed(stream)
        self.version = version

    def tick(self) -> None:
        if os.getppid() != self.parent:
            self.stopping = True
        self.ticks += 1
        now = time.monotonic()
        self.typing.forget(now)
        for user_id in self.presence.gone(now):
            self._tell_presence(user_id, False)
        at = time.time_ns() // 1000
        for stream in list(self.streams.values()):
            if 0 < stream.expires_at <= at:
                self._drop(stream)
            elif stream.sock.fileno() % self.heartbeat == self.ticks % self.heartbeat:
                self._beat(stream)
        # The server's watch over this process: one that hangs is ended (supervisor.py).
        with contextlib.suppress(OSError):
            os.write(self.signs, b".")

    def _beat(self, stream: Connection) -> None:
        if stream.rest and stream.stuck:
            self._drop(stream)
        elif stream.rest:
            stream.stuck = True
        else:
            stream.tell(STILL_HERE)
            self.dirty.add(stream)

    # The log

    def _follow(self) -> None:
        """Pass on all that was committed since."""
        while events := self.log.after(self.place.id, BATCH):
            changes = [(event.type, event.chat_id, event.user_id) for event in events]
            gone = outgoing(changes if len(events) < BATCH else self.log.comings_and_goings(self.place.id))
            for event in events:
                self._pass_on(event, gone)

    def _pass_on(self, event: Event, gone: set[tuple[int, int]]) -> None:
        if event.type == "member.added":
            self.people.joins(event.chat_id, event.user_id)
        elif event.type in LEAVING:
            self._part(event)
        audience = self._audience(event, gone)
        if audience:
            text = told(self.log, event)
            for user_id in audience:
                self._tell(user_id, text)
        self.place = Place(event.id, event.created_at)
        if event.type == "member.added":
            self._introduce(event)
        elif event.type in LEAVING:
            for stream in list(self.by_user.get(event.user_id, ())):
                # What waits may be of this chat, and is not theirs to see any more.
                if stream.rest:
                    self._drop(stream)

    def _audience(self, event: Event, gone: set[tuple[int, int]]) -> set[int]:
        """Who of those online may see it now: were they removed since, though it came before, they may not."""
        about = {event.user_id} & self.online
        if event.type in LEAVING:
            rest = set() if event.type in PERSONAL else self.online & self.people.members(event.chat_id)
            return about | {user_id for user_id in rest if (event.chat_id, user_id) not in gone}
        seeing = about if event.type in PERSONAL else self.online & self.people.members(event.chat_id)
        return {user_id for user_id in seeing if (event.chat_id, user_id) not in gone} if gone else seeing

    def _tell(self, user_id: int, text: bytes) -> None:
        for stream in self.by_user.get(user_id, ()):
            if stream.is_live:
                stream.tell(text)
                self.dirty.add(stream)

    def _end_logins(self) -> None:
        """Close the streams whose login is gone."""
        living = self.log.logins({stream.login_id for stream in self.streams.values()})
        for stream in list(self.streams.values()):
            stream.expires_at = living.get(stream.login_id, 0)
            if not stream.expires_at:
                self._drop(stream)
        self.logins_due = False

    # Streams

    def _welcome(self, newcomer: Newcomer) -> None:
        if len(self.streams) >= self.bounds.streams:
            return turned_away(newcomer, "503 Service Unavailable", "Too many streams are open.")
        if len(self.by_user.get(newcomer.user_id, ())) >= self.bounds.each:
            return turned_away(newcomer, "429 Too Many Requests", "You have too many streams open.")
        start = self.log.start(newcomer.user_id, newcomer.cursor)
        stream = Connection(newcomer.sock, newcomer.user_id, newcomer.login_id, start.place.id)
        self.streams[newcomer.sock.fileno()] = stream
        self.by_user.setdefault(stream.user_id, []).append(stream)
        self.online.add(stream.user_id)
        self.poll.register(newcomer.sock.fileno(), select.EPOLLIN)
        note(newcomer, 200)
        stream.tell(opening(newcomer) + greeting(self.log, start))
        self.dirty.add(stream)
        self.logins_due = True
        if self.presence.comes(stream.user_id):
            self._tell_presence(stream.user_id, True)
        if start.place.id >= self.place.id:
            self._go_live(stream)
        else:
            self.hungry[stream] = None
        return None

    def _feed(self, stream: Connection) -> None:
        """Tell the next few events that a stream is behind. Within a snapshot, after _follow()."""
        events = self.log.seen_by(stream.user_id, stream.after, FEED_EVENTS)
        del self.hungry[stream]
        for event in events:
            stream.tell(told(self.log, event))
            stream.after = event.id
            if stream.size > FEED_BYTES:
                break
        else:
            if len(events) < FEED_EVENTS:
                self._go_live(stream)
        self.dirty.add(stream)

    def _go_live(self, stream: Connection) -> None:
        stream.is_live = True
        for user_id in self.people.acquaintances(stream.user_id) & self.presence.there:
            stream.tell(self._presence(user_id, True))

    def _flush(self, stream: Connection) -> None:
        if self.streams.get(stream.sock.fileno()) is not stream:
            return
        waited = bool(stream.rest)
        try:
            keeps_up = stream.flush()
        except OSError:
            keeps_up = False
        if not keeps_up:
            return self._drop(stream)
        if bool(stream.rest) != waited:
            # Told once there is room, and only then.
            self.poll.modify(stream.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if stream.rest else 0))
        if not stream.rest and not stream.is_live:
            self.hungry[stream] = None
        return None

    def _drop(self, stream: Connection) -> None:
        number = stream.sock.fileno()
        if self.streams.pop(number, None) is None:
            return
        self.poll.unregister(number)
        self.hungry.pop(stream, None)
        self.dirty.discard(stream)
        stream.close()
        mine = self.by_user[stream.user_id]
        mine.remove(stream)
        if not mine:
            del self.by_user[stream.user_id]
            self.online.discard(stream.user_id)
            self.presence.goes(stream.user_id, time.monotonic())

    # What does not last

    def _ephemeral(self, type: str, data: str) -> bytes:
        """An event that is in no log; its cursor is where the log was."""
        return frame(self.log.cursors.word(self.place), type, data)

    def _presence(self, user_id: int, online: bool) -> bytes:
        is_so = "true" if online else "false"
        return self._ephemeral("presence", f'{{"user_id":{user_id},"online":{is_so}}}')

    def _tell_presence(self, user_id: int, online: bool) -> None:
        self._tell_all(self.people.acquaintances(user_id), self._presence(user_id, online))

    def _tell_all(self, people: Set[int], text: bytes) -> None:
        for user_id in people & self.online:
            self._tell(user_id, text)

    def _introduce(self, event: Event) -> None:
        """Somebody new in a chat and those in it learn of each other who is there."""
        company = self.people.company(event.chat_id) - {event.user_id}
        for user_id in company & self.presence.there:
            self._tell(event.user_id, self._presence(user_id, True))
        if event.user_id in self.presence.there:
            self._tell_all(company, self._presence(event.user_id, True))

    def _part(self, event: Event) -> None:
        """Who shares no chat any more with who leaves will hear nothing of their going: for them they go now."""
        company = self.people.company(event.chat_id) - {event.user_id}
        self.people.leaves(event.chat_id, event.user_id)
        strangers = company - self.people.acquaintances(event.user_id)
        if event.user_id in self.presence.there:
            self._tell_all(strangers, self._presence(event.user_id, False))
        for user_id in strangers & self.presence.there:
            self._tell(event.user_id, self._presence(user_id, False))

    def _tell_typing(self, chat_id: int, user_id: int) -> None:
        company = self.people.company(chat_id)
        if user_id in company and self.typing.is_due(chat_id, user_id, time.monotonic()):
            text = self._ephemeral("typing", f'{{"chat_id":{chat_id},"user_id":{user_id}}}')
            self._tell_all(company - {user_id}, text)

    # The end

    def farewell(self) -> None:
        """Ask everybody to come back, not all at once, and close."""
        for stream in list(self.streams.values()):
            if not stream.rest:
                stream.tell(retry(random.randint(500, 3000)))
            with contextlib.suppress(OSError):
                stream.flush()
            stream.close()
        log.info("%d streams closed", len(self.streams))


def opening(newcomer: Newcomer) -> bytes:
    """How every stream begins."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + newcomer.head + b"\r\n"
    return head + retry(random.randint(1000, 3000))


def put_off(newcomer: Newcomer) -> None:
    """End a stream at its beginning: the client comes again, and finds what it missed by its cursor."""
    note(newcomer, 200)
    with contextlib.suppress(OSError):
        newcomer.sock.send(opening(newcomer), FLAGS)
    close(newcomer.sock)


def turned_away(newcomer: Newcomer, status: str, detail: str) -> None:
    note(newcomer, int(status[:3]))
    refuse(newcomer.sock, newcomer.head, status, detail, RETRY_AFTER)


def note(newcomer: Newcomer, status: int) -> None:
    """The request's one line in the log: the worker that handed it over does not know the answer."""
    log.info("%s %d %.0fms", newcomer.line, status, (time.perf_counter() - newcomer.began) * 1000)


def outgoing(changes: list[tuple[str, int, int]]) -> set[tuple[int, int]]:
    """Of (type, chat, person) in order: who is out of which chat at the end."""
    gone: set[tuple[int, int]] = set()
    for type, chat_id, user_id in changes:
        if type in LEAVING:
            gone.add((chat_id, user_id))
        elif type == "member.added":
            gone.discard((chat_id, user_id))
    return gone


def room(wanted: int) -> int:
    """How many of the wanted streams the system has descriptors for, once it is asked for all it gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = max(1, (hard if hard != resource.RLIM_INFINITY else 2**20) - SPARE_FILES)
    if most < wanted:
        log.warning("%d streams at most: the system allows no more open files", most)
    return min(wanted, most)
