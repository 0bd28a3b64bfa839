"""A gunicorn worker whose event loop receives requests and sends responses, so that no thread waits for a client.

A thread gets a request once it is complete (its head, and a body of up to 1 MiB), and is done when the response is
written, whether or not the client has read it. Only for larger uploads the thread reads the rest itself.
"""

from __future__ import annotations

import errno
import math
import resource
import selectors
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.workers.gthread import ThreadWorker

from lib.worker import refusal
from lib.worker.client import ClientSocket
from lib.worker.connection import Addresses, Connection, forwarded_for
from lib.worker.turns import Turns

# After a response that ends its connection, further data is read and discarded; otherwise the client could lose the
# response.
LINGER_SECONDS = 10.0
LINGER_BYTES = 2**25
# Bytes of requests and responses in memory, for all clients.
BUFFERED_MAX = 2**26
RECEIVE = 2**16
# File descriptors for everything but connections: the database, files, the log.
SPARE_FILES = 256
DISCONNECTED = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)


class OnLoop(Protocol):
    """Answers requests on the loop; None leaves a request to a thread."""

    def __call__(self, request: Any, raw: bytes, sock: Any, client: Any, server: Any, /) -> bytes | None:
        """Answer gunicorn's request; `raw` is all that was received of it, or empty."""

    def answer_repeated(self, raw: bytes, client: Any, /) -> bytes | None:
        """Answer a request whose bytes are the same as of one before."""


class Worker(ThreadWorker):
    """gunicorn's threaded worker behind this loop. If TLS ends in gunicorn it is the plain one."""

    # How many proxies in front report the client's address, and how many connections each address may have (0: any).
    proxies = 0
    connections_per_address = 0
    on_loop: OnLoop | None = None
    # gunicorn's, without a type.
    worker_connections: int

    def init_process(self) -> None:
        # Connections that wait for their client, longest wait first; the others are in a thread.
        self.waiting: OrderedDict[Connection, None] = OrderedDict()
        self.addresses = Addresses(self.connections_per_address)
        # Complete requests, and how many of them are in threads.
        self.turns, self.in_threads = Turns(), 0
        self.buffered_bytes = 0
        self.next_sweep, self.stop_at = 0.0, math.inf
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        if most != resource.RLIM_INFINITY:
            # A connection may also have an open file that is being sent.
            self.worker_connections = max(1, min(self.worker_connections, (most - SPARE_FILES) // 2))
        super().init_process()

    # Connections

    def accept(self, listener: Any) -> None:
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.evict()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        if self.nr_conns + 1 >= self.worker_connections:
            self.evict()
        conn = Connection(self.cfg, ClientSocket(accepted.detach()), client, listener.getsockname())
        self.nr_conns += 1
        self.wait_for(conn, self.on_request)
        if not self.proxies and isinstance(client, tuple):
            self.admit(conn, client[0])

    def admit(self, conn: Connection, address: str | None) -> bool:
        """Count a connection of a client. Over its limit, an idle one is dropped; if there is none, this one is refused
        and False returned.
        """
        if address is None or not self.addresses.add(conn, address):
            return True
        idle = next((other for other in self.addresses.of(conn) if other is not conn and self.is_idle(other)), None)
        if idle is None:
            self.refuse(conn, refusal.Crowded())
        else:
            self.drop(idle)
        return idle is not None

    def is_idle(self, conn: Connection) -> bool:
        """Whether the connection waits for a request."""
        return conn.on_event in (self.on_request, self.on_rest)

    def is_late(self, conn: Connection, now: float) -> bool:
        return conn.deadline <= now or (self.stop_at <= now and self.is_idle(conn))

    def evict(self) -> None:
        """Make room: drop the connection that has waited longest for a request, else for its client to read."""
        conn = next(filter(self.is_idle, self.waiting), None) or next(iter(self.waiting), None)
        if conn is not None:
            self.drop(conn)

    def drop(self, conn: Connection) -> None:
        """Close a connection that is not in a thread."""
        if conn.is_closed:
            return
        conn.is_closed = True
        self.wait_for(conn, None)
        self.addresses.remove(conn)
        self.buffered_bytes -= conn.buffered_bytes
        self.nr_conns -= 1
        conn.sock.close()

    def count_buffered(self, conn: Connection) -> None:
        """Count a client's bytes in memory; when all together have too many, drop the client with the most."""
        before, conn.buffered_bytes = conn.buffered_bytes, len(conn.arrival.buffer) + conn.sock.unsent_bytes
        self.buffered_bytes += conn.buffered_bytes - before
        if self.buffered_bytes > BUFFERED_MAX:
            largest = max(self.waiting, key=lambda waiting: waiting.buffered_bytes)
            if largest.buffered_bytes > RECEIVE:
                self.drop(largest)

    # The loop

    def wait_for(self, conn: Connection, on_event: Callable[[Connection], None] | None) -> None:
        """Call a method when the socket is readable (or, for on_writable, writable); None stops waiting."""
        if conn.on_event == on_event:
            return
        if on_event is not None:
            events = selectors.EVENT_WRITE if on_event == self.on_writable else selectors.EVENT_READ
            change = self.poller.register if conn.on_event is None else self.poller.modify
            change(conn.sock, events, partial(self.on_ready, conn))
            self.waiting[conn] = None
        elif conn.on_event is not None:
            self.poller.unregister(conn.sock)
            del self.waiting[conn]
        conn.on_event = on_event

    def on_ready(self, conn: Connection, _: Any) -> None:
        # Another event of the same poll may have closed it.
        if conn.on_event is not None:
            self.attempt(conn.on_event, conn)

    def attempt(self, step: Callable[[Connection], None], conn: Connection) -> None:
        """Run a step of a connection; an error closes only this connection."""
        try:
            step(conn)
        except OSError:
            self.drop(conn)
        except Exception:
            self.log.exception("A connection was dropped after an error.")
            self.drop(conn)

    def on_request(self, conn: Connection) -> None:
        data = conn.sock.recv(RECEIVE)
        response = None
        if self.on_loop is not None and self.alive and conn.arrival.is_empty:
            response = self.on_loop.answer_repeated(data, conn.client)
        if response is not None:
            self.respond(conn, response)
        elif data:
            self.continue_request(conn, data)
        elif conn.arrival.request is not None:
            self.refuse(conn, NoMoreData(b""))
        else:
            self.drop(conn)

    def continue_request(self, conn: Connection, data: bytes = b"") -> None:
        """Continue a request after more of it has arrived."""
        had_head = conn.arrival.request is not None
        try:
            is_ready = conn.feed(data)
        except ParseException as error:
            self.refuse(conn, error)
            return
        # Behind proxies the head has the client's address.
        is_new = self.proxies and not had_head and conn.arrival.request is not None
        if is_new and not self.admit(conn, forwarded_for(conn.arrival.request, self.proxies)):
            return
        self.count_buffered(conn)
        if is_ready and not conn.is_closed:
            self.serve(conn)

    def serve(self, conn: Connection) -> None:
        """Answer a request on the loop, or queue it for a thread."""
        # Not one of several at once: each would go one call deeper.
        if self.on_loop is not None and self.alive and not conn.arrival.buffer:
            arrival = conn.arrival
            response = self.on_loop(arrival.request, arrival.raw, conn.sock, conn.client, conn.server)
            if response is not None:
                self.respond(conn, response)
                return
        self.wait_for(conn, None)
        self.turns.add(conn)
        self.hand_out()

    def respond(self, conn: Connection, response: bytes) -> None:
        """Send a response made on the loop."""
        conn.sock.sendall(response)
        conn.keeps_alive = True
        conn.arrival.clear()
        self.settle(conn)

    def hand_out(self) -> None:
        """Hand waiting requests to free threads."""
        while self.in_threads < self.cfg.threads and (conn := self.turns.next()) is not None:
            self.in_threads += 1
            self.enqueue_req(conn)

    def refuse(self, conn: Connection, error: Exception) -> None:
        """Respond to a request that reaches no thread."""
        self.attempt(partial(self.respond_to_error, error=error), conn)
        if not conn.is_closed:
            self.attempt(self.settle, conn)

    def settle(self, conn: Connection) -> None:
        """After a response: send the rest, then wait for the next request or close the connection."""
        if conn.sock.fileno() < 0:
            self.drop(conn)
        elif conn.sock.unsent:
            conn.deadline = conn.sock.pace.deadline
            self.wait_for(conn, self.on_writable)
            self.count_buffered(conn)
        elif conn.keeps_alive:
            conn.deadline = time.monotonic() + self.cfg.keepalive
            if self.proxies:
                self.addresses.remove(conn)
            self.wait_for(conn, self.on_request)
            if conn.arrival.buffer:
                self.continue_request(conn)
            else:
                self.count_buffered(conn)
        else:
            conn.deadline = time.monotonic() + LINGER_SECONDS
            conn.sock.shutdown(socket.SHUT_WR)
            self.wait_for(conn, self.on_rest)

    def on_writable(self, conn: Connection) -> None:
        conn.sock.flush()
        self.settle(conn)

    def on_rest(self, conn: Connection) -> None:
        data = conn.sock.recv(RECEIVE)
        conn.lingered += len(data)
        if not data or conn.lingered > LINGER_BYTES:
            self.drop(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections past their deadline; called after every event, done once a second."""
        super().murder_keepalived(force)
        now = time.monotonic()
        if now < self.next_sweep and self.alive:
            return
        self.next_sweep = now + 1
        too_long = [conn for conn in self.waiting if self.is_late(conn, now)]
        for conn in list(self.waiting) if force else too_long:
            if conn.on_event == self.on_request and conn.arrival.has_begun and not force:
                self.refuse(conn, refusal.Late())
            else:
                self.drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """When stopping, drop incomplete requests; all others get gunicorn's short time for idle connections."""
        super()._cap_keepalive(deadline)
        self.stop_at = deadline
        for conn in list(self.waiting):
            if conn.on_event == self.on_request and conn.arrival.has_begun and conn.arrival.request is None:
                self.drop(conn)

    # Threads

    def handle(self, conn: Any) -> Any:
        if self.cfg.is_ssl:
            return super().handle(conn)
        try:
            return self.handle_request(conn.take(lambda: bool(self.alive)), conn)
        except (ParseException, NoMoreData) as error:
            self.respond_to_error(conn, error)
        except (OSError, StopIteration) as error:
            # The client has disconnected, or its connection was handed over to the stream process.
            if getattr(error, "errno", errno.EPIPE) not in DISCONNECTED:
                self.log.exception("An answer could not be sent.")
            conn.sock.close()
        except Exception as error:
            self.respond_to_error(conn, error)
        return False

    def respond_to_error(self, conn: Connection, error: Exception) -> None:
        """Write the response to an error from outside the app, or one that the app raised."""
        status = refusal.status_of(error)
        if status == 500:
            self.log.error("Error handling a request.", exc_info=error)
        else:
            self.log.debug("Refused a request of %s with %d: %.200s", conn.address or conn.client, status, error)
        conn.keeps_alive = False
        conn.sock.sendall(refusal.answer(status, conn.request_line))

    def finish_request(self, conn: Any, fs: Any) -> None:
        if self.cfg.is_ssl:
            super().finish_request(conn, fs)
            return
        self.in_threads -= 1
        self.hand_out()
        conn.keeps_alive = not fs.cancelled() and fs.exception() is None and bool(fs.result())
        conn.arrival.clear()
        self.attempt(self.settle, conn)
