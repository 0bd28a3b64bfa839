"""The live stream while the machine is in trouble: a locked database, a full disk, a clock that is set."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from long import clock, crowd, full, locked
from servers import Server, child
from streams import Stream


@pytest.mark.sqlite
def test_a_locked_database_cuts_no_stream_and_loses_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path, STREAM_HEARTBEAT="1")
    beats: list[int] = []

    def is_on(stream: Stream) -> bool:
        # Signs of life come while nothing can be written.
        beats.append(stream.reader.comments)
        return beats[-1] < beats[0] + 2

    try:
        acknowledged, _ = locked.locked_while(server, is_on, "locked")
    finally:
        server.stop()
    assert acknowledged >= 8


@pytest.mark.sqlite
def test_a_full_disk_acknowledges_nothing_and_cuts_no_stream(own: Server) -> None:
    def no_file_grows(is_so: bool) -> None:
        worker = child(own.master.pid, "gunicorn")
        _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        size = (own.folder / "chat.db-wal").stat().st_size
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (size if is_so else hard, hard))

    refused = full.full_and_free_again(own, lambda: no_file_grows(True), lambda: no_file_grows(False), "full")
    assert len(refused) == 8


def test_a_clock_that_is_set_moves_nothing_but_the_times(tmp_path: Path) -> None:
    site = tmp_path / "site"
    server = Server(tmp_path, STREAM_HEARTBEAT="1", PRESENCE_GRACE="0", **clock.clock_in(site))
    try:
        times = clock.set_back_and_forth(server, site)
    finally:
        server.stop()
    assert len(times) == 15


def test_one_stream_too_many_is_refused_and_nobody_else_notices(tmp_path: Path) -> None:
    server = Server(tmp_path, STREAMS_MAX="30", STREAMS_A_PERSON="10")
    try:
        statuses, pages = crowd.too_many(server, 60, 30, 10, "crowd")
    finally:
        server.stop()
    assert statuses == {200: 30, 503: 30}
    assert pages
