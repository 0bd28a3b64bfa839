"""Hosts that share a Postgres database: their stream processes, writers, and people who listen."""

from __future__ import annotations

import json
import logging
import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from servers import wait_for
from streams import Reader

from migrations import postgres_tables
from models.postgres import WRITE_LOCK
from stream.client import Channel
from stream.supervisor import Supervisor

KEY = bytes(32)
HOUR = 3_600 * 10**6
logger = logging.getLogger("tests")


class SharedDatabase:
    """A database with the tables, written to as the models do, one transaction after the other."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)
        self.make_tables()

    def make_tables(self) -> None:
        for statement in postgres_tables.STATEMENTS:
            self.connection.execute(statement)
        self.connection.execute("CREATE TABLE migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)")

    def close(self) -> None:
        self.connection.close()

    def come_back(self) -> None:
        """Connect again, after the server had ended."""
        self.connection.close()
        self.connection = psycopg.connect(self.url, autocommit=True)

    def ask(self, sql: str, *values: Any) -> list[Any]:
        cursor = self.connection.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def person(self) -> Person:
        """Somebody with a login."""
        name, now = secrets.token_hex(6), time.time_ns() // 1000
        (user,) = self.ask('INSERT INTO "user" (username, created_at) VALUES (%s, %s) RETURNING id', name, now)[0]
        (login,) = self.ask(
            "INSERT INTO session (user_id, kind, secret_hash, created_at, seen_at, expires_at) "
            "VALUES (%s, 'token', %s, %s, %s, %s) RETURNING id",
            *(user, name, now, now, now + HOUR),
        )[0]
        return Person(user, login)

    def chat(self, *people: Person) -> int:
        """A chat of some people."""
        now = time.time_ns() // 1000
        with self.connection.transaction():
            (chat,) = self.ask(
                "INSERT INTO chat (title, owner_id, created_at) VALUES ('Garden', %s, %s) RETURNING id",
                *(people[0].id, now),
            )[0]
            for person in people:
                self.ask(
                    "INSERT INTO membership (chat_id, user_id, joined_at) VALUES (%s, %s, %s)", chat, person.id, now
                )
                record(self.connection, chat, {"user": {"id": person.id}}, "member.added", person.id)
        return int(chat)

    def post(self, chat: int, **data: Any) -> int:
        """Record an event for all members of a chat; returns its id."""
        return record(self.connection, chat, data)

    def messages(self) -> list[Any]:
        """The data of all messages' events, in order."""
        rows = self.ask("SELECT data FROM event WHERE type = 'message.created' ORDER BY id")
        return [json.loads(data) for (data,) in rows]


class Person:
    def __init__(self, user: int, login: int) -> None:
        self.id, self.login = user, login


def record(
    connection: psycopg.Connection[Any],
    chat: int,
    data: dict[str, Any],
    type: str = "message.created",
    user: int = 1,
    message: int | None = None,
    while_locked: Callable[[], None] = lambda: None,
) -> int:
    """Record an event in a transaction of its own, under the lock that makes writers take turns."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
        cursor = connection.execute(
            "INSERT INTO event (type, chat_id, user_id, message_id, data, created_at) VALUES (%s, %s, %s, %s, %s, %s) "
            "RETURNING id",
            (type, chat, user, message, json.dumps(data, separators=(",", ":")), time.time_ns() // 1000),
        )
        while_locked()
        return int(cursor.fetchall()[0][0])


class HostStream(Reader):
    """The client's end of a stream."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock
        self.sock.setblocking(False)
        self.head = b""
        self.is_over = False

    def read(self, limit: int = 65_536) -> None:
        """Take what has come."""
        try:
            some = self.sock.recv(limit)
        except BlockingIOError:
            return
        except ConnectionError:
            some = b""
        self.is_over = not some
        if b"\r\n\r\n" not in self.head:
            self.head += some
            _, _, some = self.head.partition(b"\r\n\r\n")
        self.take(some)

    def reads_until(self, condition: Callable[[HostStream], bool], seconds: float = 60) -> None:
        """Read until it is so."""
        end = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < end and not self.is_over, (self.is_over, self.events[-20:])
            select.select([self.sock], [], [], 0.05)
            self.read()

    def gets(self, type: str, **data: Any) -> None:
        self.reads_until(lambda stream: any(e.type == type and data.items() <= e.data.items() for e in stream.events))

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    @property
    def messages(self) -> list[Any]:
        return [event.data for event in self.events if event.type == "message.created"]

    def online(self) -> dict[int, bool]:
        """Who is online, as far as the events show."""
        return {event.data["user_id"]: event.data["online"] for event in self.events if event.type == "presence"}

    def close(self) -> None:
        self.sock.close()


class LiveHost:
    """A host: its stream process, and what its workers send to that."""

    def __init__(self, url: str, heartbeat: int = 15, grace: float = 0.0) -> None:
        settings = {
            "database": url, "cursor_key": KEY.hex(), "streams": 1000, "streams_per_person": 100,
            "heartbeat": heartbeat, "grace": grace,
        }  # fmt: skip
        self.supervisor = Supervisor(settings, logger, os.getuid(), os.getgid())
        self.channel = Channel(self.supervisor.name_of_inbox)
        self.streams: list[HostStream] = []
        self.supervisor.start()

    @property
    def process(self) -> int:
        """The id of the stream process that runs at present."""
        process = self.supervisor.process
        assert process is not None
        return process.pid

    def listens(self, person: Person, cursor: str | None = None) -> HostStream:
        """An open stream; reconnects when asked to."""
        while True:
            stream = self.asks(person, cursor)
            stream.reads_until(lambda stream: stream.types[:1] == ["hello"] or stream.is_over)
            if not stream.is_over:
                return stream
            time.sleep(0.1)

    def asks(self, person: Person, cursor: str | None = None) -> HostStream:
        """A stream that was asked for."""
        local, remote = socket.socketpair()
        login = {"user": person.id, "login": person.login, "cursor": cursor, "line": "GET /api/events", "began": 0}
        with remote:
            message = b"stream " + json.dumps(login).encode() + b"\n"
            wait_for(lambda: self.channel.send_connection(remote, message), lambda: "the inbox is full")
        self.streams.append(HostStream(local))
        return self.streams[-1]

    def wake(self) -> None:
        self.channel.notify(b"log")

    def types(self, chat: int, person: Person) -> None:
        self.channel.notify(b"typing %d %d" % (chat, person.id))

    def stop(self) -> None:
        for stream in self.streams:
            stream.close()
        self.supervisor.stop()
        self.channel.close()


class Writer(threading.Thread):
    """Somebody who records so many events from a host, beside others, and holds the lock for a while now and then."""

    def __init__(self, url: str, host: LiveHost, chat: int, name: str, events: int) -> None:
        super().__init__()
        self.url, self.host, self.chat, self.mark, self.events = url, host, chat, name, events
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                for number in range(self.events):
                    pause = 0.002 if secrets.randbelow(4) == 0 else 0.0
                    record(
                        connection,
                        self.chat,
                        {"writer": self.mark, "number": number},
                        while_locked=lambda pause=pause: time.sleep(pause),  # type: ignore[misc]
                    )
                    self.host.wake()
        except BaseException as error:
            self.error = error
