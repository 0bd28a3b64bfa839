"""The stream process: reads its settings as a line of JSON from stdin, and writes a byte to stdout every second."""

from __future__ import annotations

import json
import os
import socket
import sys

from lib import logs, private
from stream.process.engine import log_of, open_log, peers_of
from stream.process.hub import Bounds, Hub, Timings, open_files_limit


def main() -> None:
    private.restrict_umask()
    logs.set_up()
    settings = json.loads(sys.stdin.readline())
    # The pipe may be full while the server is stopped; a byte lost then does not matter.
    os.set_blocking(sys.stdout.fileno(), False)
    database, key = settings["database"], bytes.fromhex(settings["cursor_key"])
    try:
        log = open_log(database, key)
    except log_of(database).errors as error:
        sys.exit(f"can't read the event log: {error}")
    bounds = Bounds(open_files_limit(settings["streams"]), settings["streams_per_person"])
    timings = Timings(settings["heartbeat"], settings["grace"])
    inbox = socket.socket(fileno=settings["inbox"])
    Hub(log, inbox, bounds, timings, settings["parent"], sys.stdout.fileno(), peers_of(database)).run()


main()
