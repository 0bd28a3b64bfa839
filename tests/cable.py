"""A cable between the messenger and its Postgres server, which can go dead or lose an answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class Cable:
    """Passes on what both sides say. While it `is_dead`, connections stay open, and nothing arrives.

    With `loses_answer` the next COMMIT arrives, but its answer does not: the connection ends instead.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.server = ("127.0.0.1", parts.port)
        self.is_dead = self.loses_answer = False
        self.open: list[socket.socket] = []
        self.plug = socket.create_server(("127.0.0.1", 0))
        self.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.plug.getsockname()[1]}").geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Cable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for end in (self.plug, *self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, server = self.plug.accept()[0], socket.create_connection(self.server)
                self.open += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        is_last = False
        with contextlib.suppress(OSError):
            while (data := source.recv(65_536)) and not is_last:
                if self.is_dead:
                    continue
                if self.loses_answer and b"COMMIT" in data:
                    self.loses_answer, is_last = False, True
                    # What the server answers is read here, and goes nowhere.
                    source.shutdown(socket.SHUT_WR)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
