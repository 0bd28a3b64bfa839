"""What supervisor.py starts: settings come as a line of JSON on standard input, a sign of life a second goes out."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys

from stream.hub import Bounds, Hub, Spans, room
from stream.log import Log


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s")
    told = json.loads(sys.stdin.readline())
    # The pipe may be full while the server is stopped; a sign that is lost then counts for nothing.
    os.set_blocking(sys.stdout.fileno(), False)
    log = Log(told["database"], bytes.fromhex(told["cursor_key"]))
    bounds, spans = Bounds(room(told["streams"]), told["each"]), Spans(told["heartbeat"], told["grace"])
    inbox = socket.socket(fileno=told["inbox"])
    Hub(log, inbox, bounds, spans, told["parent"], sys.stdout.fileno()).run()


main()
