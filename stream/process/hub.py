"""The hub: one loop that sends every committed event to the open streams, in the order of the event log."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import resource
import select
import signal
import socket
import time
from collections.abc import Set
from dataclasses import dataclass

from stream.process.connection import Connection
from stream.process.inbox import Batch, Inbox, NewStream
from stream.process.log import (
    HEARTBEAT,
    LEAVING,
    PERSONAL,
    Event,
    EventLog,
    Position,
    event_frame,
    frame,
    hello_frame,
    reset_frame,
    retry_frame,
)
from stream.process.peers import News, NoPeers
from stream.process.people import ChatMembers, Presence, Typing
from stream.process.responses import close_early, log_request, reject, stream_head

logger = logging.getLogger("stream")

TICK = 1.0
EVENTS_AT_ONCE = 1_000
# How much one stream gets from the log at once while it catches up, and how many streams catch up per turn of the loop.
CATCH_UP_EVENTS = 100
CATCH_UP_BYTES = 64 * 1024
CATCH_UPS_A_TURN = 16
# File descriptors for everything but streams: the database, the log file, the inbox.
SPARE_FILES = 64


@dataclass(frozen=True)
class Bounds:
    """How many streams may be open: in all, and for one person."""

    streams: int
    streams_per_person: int


@dataclass(frozen=True)
class Timings:
    """In seconds: between two heartbeats to a client, and from a person's last stream until they count as offline."""

    heartbeat: int = 15
    grace: float = 30.0


class Hub:
    def __init__(
        self,
        log: EventLog,
        inbox: socket.socket,
        bounds: Bounds,
        timings: Timings,
        parent: int,
        signs: int,
        peers: NoPeers | None = None,
    ) -> None:
        """`parent` is the server's process id; `signs` a file descriptor that gets a byte every tick; `peers` are the
        others that share the database.
        """
        self.heartbeat = max(1, round(timings.heartbeat / TICK))
        self.log, self.bounds, self.parent, self.signs = log, bounds, parent, signs
        self.inbox = Inbox(inbox)
        self.poll = select.epoll()
        self.poll.register(inbox.fileno(), select.EPOLLIN)
        self.streams: dict[int, Connection] = {}
        self.by_user: dict[int, list[Connection]] = {}
        self.online: set[int] = set()
        self.presence, self.typing = Presence(timings.grace), Typing()
        # Streams with unsent frames; streams that still catch up from the log.
        self.unsent: set[Connection] = set()
        self.behind: dict[Connection, None] = {}
        self.logins_due = False
        # The database's version at the last successful read.
        self.version: int | str = 0
        self.is_troubled = False
        self.ticks = 0
        self.stopping = False
        with log.snapshot():
            self._start_at_end()
        self.peers = peers or NoPeers()
        self.peers.begin(self.presence)
        if self.peers.number >= 0:
            self.poll.register(self.peers.number, select.EPOLLIN)

    # The loop

    def run(self) -> None:
        """Serve until SIGTERM, or until the server that started this is gone."""
        self._end_on_signal()
        next_tick = time.monotonic()
        while not self.stopping:
            wait = 0.0 if self.behind and not self.is_troubled else max(0.0, next_tick - time.monotonic())
            batch = self.read_sockets(self.poll.poll(wait))
            is_tick = time.monotonic() >= next_tick
            if is_tick:
                next_tick = time.monotonic() + TICK
                self.tick()
            self.turn(batch, is_tick)
        self.close_all()

    def _end_on_signal(self) -> None:
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        self._signals = (reader, writer)
        self.poll.register(reader.fileno(), select.EPOLLIN)
        signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))

    def read_sockets(self, happened: list[tuple[int, int]]) -> Batch:
        """Read the inbox, other hosts, and every stream whose socket is ready. Returns what has come."""
        batch, news = Batch(), News()
        for number, what in happened:
            stream = self.streams.get(number)
            if number == self.inbox.socket.fileno():
                batch = self.inbox.empty()
                self.peers.pass_on(batch)
            elif number == self.peers.number:
                news = self.peers.receive(self.online, time.monotonic())
            elif stream is None:
                continue
            elif what & (select.EPOLLHUP | select.EPOLLERR) or (what & select.EPOLLIN and not stream.read()):
                self._drop(stream)
            elif what & select.EPOLLOUT:
                self.unsent.add(stream)
        self._apply(news, batch)
        return batch

    def turn(self, batch: Batch, is_tick: bool) -> None:
        """Deliver new events, open new streams, let streams catch up; then send, once per stream."""
        try:
            if is_tick or batch.is_wake or batch.new_streams or self.behind:
                self._read_log(batch, is_tick)
                if self.is_troubled:
                    logger.info("the database can be read again")
                self.is_troubled = False
        except self.log.errors as error:
            if not self.is_troubled:
                logger.warning("can't read the database: %s", str(error).partition("\n")[0])
            self.is_troubled = True
            for new_stream in batch.new_streams:
                close_early(new_stream)
        for chat_id, user_id in batch.typing:
            self._send_typing(chat_id, user_id)
        for stream in list(self.unsent):
            self._flush(stream)
        self.unsent.clear()
        self.peers.send()

    def _read_log(self, batch: Batch, is_tick: bool) -> None:
        is_another = is_tick and self.log.reopen_if_replaced()
        # In one snapshot, so that a new stream's past and the events sent to everyone from now on meet exactly.
        with self.log.snapshot() as version:
            has_changed = version != self.version or is_another
            if has_changed and not self.log.continues_from(self.position, self.generation):
                self._restart()
            if has_changed or batch.new_streams or self.behind:
                self._deliver_new()
            # The change may be a login that ended without a notification: the next tick checks.
            self.logins_due |= has_changed
            if batch.logins_ended or (is_tick and self.logins_due):
                self._end_logins()
            while batch.new_streams:
                self._open_stream(batch.new_streams[0])
                del batch.new_streams[0]
            for stream in list(self.behind)[:CATCH_UPS_A_TURN]:
                self._catch_up(stream)
        self.version = version

    def tick(self) -> None:
        if os.getppid() != self.parent:
            self.stopping = True
        self.ticks += 1
        now = time.monotonic()
        self.typing.forget(now)
        self.peers.tick(self.online, now)
        for user_id in self.presence.expire(now):
            self._send_presence(user_id, False)
        at = time.time_ns() // 1000
        for stream in list(self.streams.values()):
            if 0 < stream.expires_at <= at:
                self._drop(stream)
            elif stream.sock.fileno() % self.heartbeat == self.ticks % self.heartbeat:
                self._beat(stream)
        # A sign of life: the supervisor ends a process that hangs (stream/supervisor.py).
        with contextlib.suppress(OSError):
            os.write(self.signs, b".")

    def _beat(self, stream: Connection) -> None:
        if stream.rest and stream.stuck:
            self._drop(stream)
        elif stream.rest:
            stream.stuck = True
        else:
            stream.queue(HEARTBEAT)
            self.unsent.add(stream)

    # The log

    def _start_at_end(self) -> None:
        self.log.load_generation()
        end, members = self.log.end(), self.log.members()
        # Not before everything was read: if something can't be, all of it is tried again.
        self.position, self.people = end, ChatMembers(members)
        self.generation, self.cursors = self.log.generation, self.log.cursors

    def _restart(self) -> None:
        """Make every client reload: more has changed than events describe."""
        logger.warning("the database was restored, migrated or loaded into: resetting %d streams", len(self.streams))
        self._start_at_end()
        self._end_logins()
        self.behind.clear()
        for stream in list(self.streams.values()):
            stream.queue(reset_frame(self.log, self.position))
            self._go_live(stream)
            self.unsent.add(stream)

    def _deliver_new(self) -> None:
        """Deliver everything committed since the last read."""
        while True:
            events = self.log.after(self.position.id, EVENTS_AT_ONCE)
            are_all = len(events) < EVENTS_AT_ONCE
            changes = [(event.type, event.chat_id, event.user_id) for event in events]
            departed = departures(changes if are_all else self.log.membership_changes(self.position.id))
            for event in events:
                self._deliver(event, departed)
            if are_all:
                return

    def _deliver(self, event: Event, departed: set[tuple[int, int]]) -> None:
        if event.type == "member.added":
            self.people.add(event.chat_id, event.user_id)
        elif event.type in LEAVING:
            self._announce_departure(event)
        audience = self._audience(event, departed)
        if audience:
            text = event_frame(self.log, event)
            for user_id in audience:
                self._send(user_id, text)
        self.position = Position(event.id, event.created_at)
        if event.type == "member.added":
            self._announce_member(event)
        elif event.type in LEAVING:
            for stream in list(self.by_user.get(event.user_id, ())):
                # Unsent frames may be of this chat, which the person may not see any more.
                if stream.rest:
                    self._drop(stream)

    def _audience(self, event: Event, departed: set[tuple[int, int]]) -> set[int]:
        """The online people who may see an event now. Anyone removed later in the same batch may not."""
        about = {event.user_id} & self.online
        if event.type in LEAVING:
            rest = set() if event.type in PERSONAL else self.online & self.people.members(event.chat_id)
            return about | {user_id for user_id in rest if (event.chat_id, user_id) not in departed}
        seeing = about if event.type in PERSONAL else self.online & self.people.members(event.chat_id)
        return {user_id for user_id in seeing if (event.chat_id, user_id) not in departed} if departed else seeing

    def _send(self, user_id: int, text: bytes) -> None:
        for stream in self.by_user.get(user_id, ()):
            if stream.is_live:
                stream.queue(text)
                self.unsent.add(stream)

    def _end_logins(self) -> None:
        """Close the streams whose login is gone."""
        living = self.log.logins({stream.login_id for stream in self.streams.values()})
        for stream in list(self.streams.values()):
            stream.expires_at = living.get(stream.login_id, 0)
            if not stream.expires_at:
                self._drop(stream)
        self.logins_due = False

    # Streams

    def _open_stream(self, new_stream: NewStream) -> None:
        if len(self.streams) >= self.bounds.streams:
            return reject(new_stream, "503 Service Unavailable", "Too many streams are open.")
        if len(self.by_user.get(new_stream.user_id, ())) >= self.bounds.streams_per_person:
            return reject(new_stream, "429 Too Many Requests", "You have too many streams open.")
        start = self.log.start(new_stream.user_id, new_stream.cursor)
        stream = Connection(new_stream.sock, new_stream.user_id, new_stream.login_id, start.position.id)
        self.streams[new_stream.sock.fileno()] = stream
        self.by_user.setdefault(stream.user_id, []).append(stream)
        self.online.add(stream.user_id)
        self.poll.register(new_stream.sock.fileno(), select.EPOLLIN)
        log_request(new_stream, 200)
        stream.queue(stream_head(new_stream) + hello_frame(self.log, start))
        self.unsent.add(stream)
        self.logins_due = True
        if len(self.by_user[stream.user_id]) == 1:
            self.peers.change(stream.user_id, True)
        if self.presence.connect(stream.user_id):
            self._send_presence(stream.user_id, True)
        if start.position.id >= self.position.id:
            self._go_live(stream)
        else:
            self.behind[stream] = None
        return None

    def _catch_up(self, stream: Connection) -> None:
        """Queue the next few events that a stream has missed. Within a snapshot, after _deliver_new()."""
        if stream.after < self.log.hidden():
            # The client reconnects and gets a reset.
            return self._drop(stream)
        events = self.log.visible_to(stream.user_id, stream.after, CATCH_UP_EVENTS)
        del self.behind[stream]
        for event in events:
            stream.queue(event_frame(self.log, event))
            stream.after = event.id
            if stream.size > CATCH_UP_BYTES:
                break
        else:
            if len(events) < CATCH_UP_EVENTS:
                self._go_live(stream)
        self.unsent.add(stream)

    def _go_live(self, stream: Connection) -> None:
        stream.is_live = True
        for user_id in self.people.contacts(stream.user_id) & self.presence.online:
            stream.queue(self._presence(user_id, True))

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
            # Wait for the socket to become writable only while there is something to write.
            self.poll.modify(stream.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if stream.rest else 0))
        if not stream.rest and not stream.is_live:
            self.behind[stream] = None
        return None

    def _drop(self, stream: Connection) -> None:
        number = stream.sock.fileno()
        if self.streams.pop(number, None) is None:
            return
        self.poll.unregister(number)
        self.behind.pop(stream, None)
        self.unsent.discard(stream)
        stream.close()
        own_streams = self.by_user[stream.user_id]
        own_streams.remove(stream)
        if not own_streams:
            del self.by_user[stream.user_id]
            self.online.discard(stream.user_id)
            self.presence.disconnect(stream.user_id, time.monotonic())
            self.peers.change(stream.user_id, False)

    # Ephemeral events

    def _ephemeral(self, type: str, data: str) -> bytes:
        """An event that is not in the log; its cursor is the log's current position."""
        return frame(self.cursors.cursor(self.position), type, data)

    def _presence(self, user_id: int, online: bool) -> bytes:
        is_so = "true" if online else "false"
        return self._ephemeral("presence", f'{{"user_id":{user_id},"online":{is_so}}}')

    def _send_presence(self, user_id: int, online: bool) -> None:
        self._send_to_all(self.people.contacts(user_id), self._presence(user_id, online))

    def _send_to_all(self, people: Set[int], text: bytes) -> None:
        for user_id in people & self.online:
            self._send(user_id, text)

    def _announce_member(self, event: Event) -> None:
        """Tell a new member and the other members which of them are online."""
        members = self.people.small_chat_members(event.chat_id) - {event.user_id}
        for user_id in members & self.presence.online:
            self._send(event.user_id, self._presence(user_id, True))
        if event.user_id in self.presence.online:
            self._send_to_all(members, self._presence(event.user_id, True))

    def _announce_departure(self, event: Event) -> None:
        """Show someone who leaves and the people with whom they share no chat any more to each other as offline."""
        members = self.people.small_chat_members(event.chat_id) - {event.user_id}
        self.people.remove(event.chat_id, event.user_id)
        strangers = members - self.people.contacts(event.user_id)
        if event.user_id in self.presence.online:
            self._send_to_all(strangers, self._presence(event.user_id, False))
        for user_id in strangers & self.presence.online:
            self._send(event.user_id, self._presence(user_id, False))

    def _send_typing(self, chat_id: int, user_id: int) -> None:
        if user_id in self.people.small_chat_members(chat_id) and self.typing.is_due(
            chat_id, user_id, time.monotonic()
        ):
            self._show_typing(chat_id, user_id)
            self.peers.typing(chat_id, user_id)

    def _show_typing(self, chat_id: int, user_id: int) -> None:
        members = self.people.small_chat_members(chat_id)
        if user_id in members:
            text = self._ephemeral("typing", f'{{"chat_id":{chat_id},"user_id":{user_id}}}')
            self._send_to_all(members - {user_id}, text)

    def _apply(self, news: News, batch: Batch) -> None:
        """Apply what has come from other hosts, and leave the rest to the turn."""
        batch.is_wake |= news.is_wake
        batch.logins_ended |= news.logins_ended
        for user_id in news.came:
            self._send_presence(user_id, True)
        for chat_id, user_id in news.typing:
            self._show_typing(chat_id, user_id)

    # The end

    def close_all(self) -> None:
        """Close every stream, with a randomized delay after which the client reconnects."""
        for stream in list(self.streams.values()):
            if not stream.rest:
                stream.queue(retry_frame(random.randint(500, 3000)))
            with contextlib.suppress(OSError):
                stream.flush()
            stream.close()
        self.peers.close()
        logger.info("%d streams closed", len(self.streams))


def departures(changes: list[tuple[str, int, int]]) -> set[tuple[int, int]]:
    """From (type, chat, person) in order, the (chat, person) pairs that have left by the end."""
    departed: set[tuple[int, int]] = set()
    for type, chat_id, user_id in changes:
        if type in LEAVING:
            departed.add((chat_id, user_id))
        elif type == "member.added":
            departed.discard((chat_id, user_id))
    return departed


def open_files_limit(wanted: int) -> int:
    """Raise the limit of open files. Returns how many of the wanted streams it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = max(1, (hard if hard != resource.RLIM_INFINITY else 2**20) - SPARE_FILES)
    if most < wanted:
        logger.warning("limited to %d streams by the system's limit of open files", most)
    return min(wanted, most)
