"""The ports that tests give to their servers."""

from __future__ import annotations

import socket
from pathlib import Path

from ports import LAST, free_port


def test_free_ports_are_distinct_and_can_be_bound() -> None:
    ports = [free_port() for _ in range(100)]
    assert len(set(ports)) == 100
    for port in ports:
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))


def test_ports_for_servers_are_below_the_ephemeral_range() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert free_port() < LAST <= lowest
