"""Runs the stream process beside gunicorn's master: starts it, restarts it when it ends, and stops it."""

from __future__ import annotations

import json
import os
import secrets
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The environment variable that gives the workers the inbox's name.
VARIABLE = "FLASK_CHAT_STREAM"
BACK_OFF = (0.4, 5.0)
# A process that gives no sign of life for this many seconds hangs.
SILENCE = 15.0
# A process that lived this many seconds did not fail at its start.
SETTLED = 20.0


def can_serve() -> bool:
    """Whether this system supports the stream process."""
    return hasattr(select, "epoll") and hasattr(socket, "SO_PASSCRED")


class Supervisor(threading.Thread):
    """The stream process of one master. `settings` is what stream/process/__main__.py reads."""

    def __init__(self, settings: dict[str, Any], log: Any, uid: int, gid: int) -> None:
        super().__init__(name="stream", daemon=True)
        self.name_of_inbox = f"flask-chat-{os.getpid()}-{secrets.token_hex(8)}"
        # Bound here for as long as the server lives: no other user of this machine can take the name between two
        # stream processes, and connections handed over in that moment are not lost.
        self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.inbox.bind(f"\0{self.name_of_inbox}")
        self.settings = {**settings, "inbox": self.inbox.fileno(), "parent": os.getpid()}
        self.log = log
        # gunicorn gives up root's rights in its workers only.
        self.rights: dict[str, Any] = {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}
        self.process: subprocess.Popen[bytes] | None = None
        self.ending = threading.Event()
        # A worker forked while the process is being started would hold its pipes open, and both would wait forever.
        self.forking = threading.Lock()
        os.register_at_fork(
            before=self.forking.acquire, after_in_parent=self.forking.release, after_in_child=self.forking.release
        )

    def run(self) -> None:
        pause = BACK_OFF[0]
        while not self.ending.is_set():
            began = time.monotonic()
            try:
                self._start()
                self._watch()
            except OSError as error:
                self.log.error("can't start the stream process: %s", error)
            if self.ending.is_set():
                return
            pause = BACK_OFF[0] if time.monotonic() - began > SETTLED else pause
            self.log.warning("the stream process ended; restarting it in %.1f s", pause)
            self.ending.wait(pause)
            pause = min(2 * pause, BACK_OFF[1])

    def _start(self) -> None:
        with self.forking:
            process = subprocess.Popen(
                [sys.executable, "-m", "stream.process"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[self.inbox.fileno()],
                # Ctrl-C is for the master, which ends this process last.
                start_new_session=True,
                **self.rights,
            )
        self.process = process
        if self.ending.is_set():
            process.terminate()
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(json.dumps(self.settings).encode() + b"\n")

    def _watch(self) -> None:
        """Wait for the process to end; kill it when it hangs."""
        process = self.process
        assert process is not None and process.stdout is not None
        signs, last_sign_at = process.stdout, time.monotonic()
        with signs:
            while process.poll() is None:
                ready, _, _ = select.select([signs], [], [], 1.0)
                if ready and not os.read(signs.fileno(), 4096):
                    process.wait()
                elif ready:
                    last_sign_at = time.monotonic()
                elif time.monotonic() - last_sign_at > SILENCE:
                    self.log.error("the stream process hangs; killing it")
                    process.kill()

    def stop(self) -> None:
        """Stop the process: it closes every stream with a hint when to reconnect."""
        self.ending.set()
        if self.process is not None:
            self.process.terminate()
        self.join(3.0)
        if self.is_alive() and self.process is not None:
            self.process.kill()
            self.join(1.0)
        self.inbox.close()
