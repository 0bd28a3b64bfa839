"""The disk is full while somebody listens.

`python -m tests.long.full`, as root: on a disk of its own, of 16 MB, in memory.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import requests
from servers import Server, child
from streams import Listener, rows

from long.alone import timed


def full_and_free_again(server: Server, fill: Callable[[], None], empty: Callable[[], None], tag: str) -> list[int]:
    """Returns the statuses by which messages were refused while it was full."""
    ann, bob = Listener(server, f"{tag}.ann"), Listener(server, f"{tag}.bob")
    chat = ann.starts("Garden", bob)
    stream, worker = bob.listens(), child(server.master.pid, "gunicorn")
    stream.gets("message.created", id=ann.posts(chat, "before"))
    fill()
    refused, kept = [], []
    for number in range(200):
        sent = {"chat_id": chat, "text": f"number {number} " + "long " * 1000}
        answer = requests.post(f"{server.url}/api/messages", json=sent, headers=ann.headers(), timeout=60)
        if answer.status_code == 201:
            kept.append(answer.json()["id"])
        else:
            refused.append(answer.status_code)
        if len(refused) == 8:
            break
    assert set(refused) <= {503, 507}
    assert len(refused) == 8
    # The stream stays open, and pages can be read.
    ann.asks("POST", f"chats/{chat}/typing")
    stream.gets("typing", chat_id=chat, user_id=ann.id)
    assert [item["id"] for item in ann.asks("GET", f"messages?chat_id={chat}")["items"]][1:] == kept[-49:]
    empty()
    last = ann.posts(chat, "afterwards")
    stream.gets("message.created", id=last)
    ids = [data["id"] for data in stream.all("message.created")]
    assert ids[1:] == [*kept, last] == [row[0] for row in rows(server, "SELECT id FROM message ORDER BY id")][1:]
    assert not stream.has_ended
    assert child(server.master.pid, "gunicorn") == worker
    bob.disconnects()
    return refused


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], check=True)
        filler = Path(folder) / "filler"

        def fill() -> None:
            with filler.open("wb", buffering=0) as file:
                while True:
                    try:
                        file.write(bytes(4096))
                    except OSError:
                        return

        try:
            server = Server(Path(folder))
            try:
                refused = full_and_free_again(server, fill, filler.unlink, "full")
            finally:
                server.stop()
        finally:
            subprocess.run(["umount", folder], check=True)
    print(f"a full disk: refused with {sorted(set(refused))}, nothing acknowledged was lost, the stream went on")


if __name__ == "__main__":
    with timed():
        main()
