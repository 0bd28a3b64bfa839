"""The live stream's long proofs (tests/long), as short as a test may be."""

from __future__ import annotations

from pathlib import Path

from long import endings, idle, kills, removals
from servers import Server


def test_nothing_of_a_chat_comes_after_a_removal(server: Server) -> None:
    assert removals.removed_again_and_again(server, 12, "removed") > 12


def test_a_stream_ends_with_its_login(server: Server) -> None:
    # How soon is measured by the long version alone.
    assert len(endings.by_logout(server, 5, "end")) == 5
    assert len(endings.by_password(server, 2, "end")) == 2
    assert len(endings.by_account(server, 2, "end")) == 2


def test_kill_9_loses_nothing_acknowledged_and_doubles_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path, WEB_CONCURRENCY="2")
    try:
        killed, acknowledged, connections = kills.killed_again_and_again(server, 3, "kill")
    finally:
        server.stop()
    assert killed == {"worker": 1, "stream": 1, "everything": 1}
    assert acknowledged >= 3
    assert connections > kills.FOLLOWERS


def test_a_client_that_stops_reading_is_dropped_and_holds_little(tmp_path: Path) -> None:
    server = Server(tmp_path, STREAMS_A_PERSON="60")
    try:
        held = idle.left_unread(server, 60, "idle")
    finally:
        server.stop()
    assert held.resident <= 60 * idle.EACH
