"""Whatever comes from outside: a request is one line of the log, and nobody outside writes a line of their own."""

from __future__ import annotations

import io
import logging
import re
import socket
import sys
import threading
from collections.abc import Iterator
from urllib.parse import quote

import click
import pytest
import requests
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from people import PASSWORD, Anyone, Person
from servers import Server, wait_for

from lib import console, logs
from models import Chat

ANYTHING = st.text(st.characters(codec=None, exclude_categories=[]), max_size=60)
NASTY = "x\n2026-11-28 00:00:00,000 [1] INFO flask_chat: root logged in\x1b[2J\r\u202e\u2028\x85\u200b\udc00\u3164"
EVERY_EXAMPLE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
BEGINNING = re.compile(r"(\d{4}-\d\d-\d\d|\[\d{4}-\d\d-\d\d) |    |$")


@pytest.fixture
def written(app: Flask) -> Iterator[io.StringIO]:
    """What the log writes, as it stands in the file."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter(logs.FORMAT))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield out
    root.removeHandler(handler)
    root.setLevel(before)


def lines(written: io.StringIO) -> list[str]:
    """The lines since the last look, each of which nobody could take for another."""
    # Any line end that any reader may know, not the writer's alone.
    found = written.getvalue().rstrip("\n").splitlines()
    written.seek(0)
    written.truncate()
    for line in found:
        assert line.isprintable() and not logs.UNSEEN.search(line), ascii(line)
        assert BEGINNING.match(line), line
    return found


@given(ANYTHING)
@example(NASTY)
def test_what_is_escaped_is_one_line_of_visible_characters_and_plain_words_stay(text: str) -> None:
    shown = logs.escape(text)
    assert shown.isprintable() and len((shown + "x").splitlines()) == 1
    assert logs.escape(shown) == shown
    assert logs.escape("GET /users/анна 山田 200 5ms") == "GET /users/анна 山田 200 5ms"


@given(path=ANYTHING, header=ANYTHING, username=ANYTHING)
@example(path=NASTY, header=NASTY, username=NASTY)
@EVERY_EXAMPLE
def test_one_request_is_one_line(
    app: Flask, anyone: Anyone, written: io.StringIO, path: str, header: str, username: str
) -> None:
    lines(written)
    raw = quote(path.encode("utf-8", "surrogatepass"), safe="/")
    latin = re.sub(r"[\r\n]", "", header.encode("utf-8", "surrogatepass").decode("latin-1"))
    headers = {name: latin for name in ("User-Agent", "X-Forwarded-For", "Referer", "Accept-Language", "Range")}
    anyone.api.get(f"/{raw}", headers=headers)
    assert len(lines(written)) == 1
    anyone.api.post("/api/users/login", json={"username": username, "password": PASSWORD}, headers=headers)
    assert len(lines(written)) == 1
    anyone.browser.client.post("/login", data={"username": username.encode("utf-8", "replace"), "password": "x"})
    assert len(lines(written)) == 1


@given(name=ANYTHING)
@example(name=NASTY)
@EVERY_EXAMPLE
def test_a_file_name_writes_no_line(ann: Person, chat: Chat, written: io.StringIO, name: str) -> None:
    lines(written)
    sent = {"chat_id": str(chat.id), "files": (io.BytesIO(b"x"), name.encode("utf-8", "replace").decode())}
    ann.api.post("/api/messages", data=sent)
    assert len(lines(written)) == 1


@pytest.mark.parametrize("name", ["flask_chat", "gunicorn.error", "werkzeug", "somebody.else"])
def test_every_logger_escapes_also_the_text_of_exceptions(written: io.StringIO, name: str) -> None:
    log = logging.getLogger(name)
    propagates, log.propagate = log.propagate, True
    try:
        raise ValueError(NASTY)
    except ValueError as error:
        log.error("it failed: %s", error, exc_info=error, stack_info=True)
        log.exception(error)
    finally:
        log.propagate = propagates
    records = [line for line in lines(written) if not line.startswith("    ")]
    assert len(records) == 2


@pytest.mark.filterwarnings("ignore")
def test_what_a_thread_raises_is_logged_alike(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    logs.set_up()

    class Breaks:
        def __del__(self) -> None:
            raise ValueError(NASTY)

    def fails() -> None:
        raise ValueError(NASTY)

    thread = threading.Thread(target=fails, name=NASTY)
    thread.start()
    thread.join()
    Breaks()
    assert len([line for line in lines(written) if not line.startswith("    ")]) == 2


REQUESTS = [
    b"GET /%0a2026-11-28%20INFO%20root HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%1b[2J%e2%80%ae%c2%85%e2%80%a8x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G\x1bT\x0b2026 / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/9.\x1b[31m\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHo\x1bst\x0c2026-11-28: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x1b[2J\x0b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: \xe2\x80\xae1\x0c\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2Jzz\x0b\r\n\r\n",
]


def test_the_servers_own_lines_are_safe_too(server: Server) -> None:
    """Also those of gunicorn about what is no request at all, and the stream process's."""
    before = len(server.log.read_bytes())
    for request in REQUESTS:
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    wait_for(lambda: "root" in server.log.read_bytes()[before:].decode(), lambda: "nothing was logged")
    # What comes after it has come when the line of a later request has.
    requests.get(f"{server.url}/the-last-one", timeout=60)
    wait_for(lambda: "the-last-one" in server.log.read_bytes()[before:].decode(), lambda: "no line of the last one")
    text = server.log.read_bytes()[before:].decode()
    for line in text.rstrip("\n").splitlines():
        assert line.isprintable(), ascii(line)
        assert BEGINNING.match(line), line
    assert len([line for line in text.splitlines() if "root" in line]) == 1


def test_a_command_can_not_be_made_to_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.echo(NASTY)
    console.CommandError(NASTY).show(sys.stdout)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 2
    assert shown.replace("\n", "").isprintable()
    assert isinstance(console.CommandError(""), click.ClickException)
