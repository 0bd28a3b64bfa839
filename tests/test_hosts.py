"""Hosting platforms: what follows from running on one, and nothing that follows anywhere else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from env_files import KEYS, read, refusal
from werkzeug.test import EnvironBuilder, run_wsgi_app

from config import ConfigError, Settings
from lib import hosts
from lib.hosts import HOSTS, Host
from lib.origin import Origin

# What each host's routers were seen to send for a client at 192.0.2.1 that had claimed to be 6.6.6.6.
FORWARDED = {
    "Heroku": "6.6.6.6, 192.0.2.1",
    "Render": "6.6.6.6,192.0.2.1, 172.71.95.118, 10.19.64.237",
    "Fly.io": "6.6.6.6, 192.0.2.1, 2a09:8280:1::af:1aa1:0",
    "Railway": "192.0.2.1, 152.233.33.7",
    "Cloud Run": "192.0.2.1",
}
MARKS = [(host, mark) for host in HOSTS for mark in host.marks]
marks = pytest.mark.parametrize(("host", "mark"), MARKS, ids=[mark for _, mark in MARKS])
# How many processes Heroku's buildpack suggests, from the smallest dyno to the largest (2 * cores + 1, 256 MB each).
CONCURRENCY = [2, 4, 5, 9, 17, 33]
# A router that receives nothing for this many seconds ends a connection.
SHORTEST_TIMEOUT = 55


@marks
def test_everything_missing_is_named_in_one_line(env_file: Path, host: Host, mark: str) -> None:
    error = refusal(env_file, {}, **{mark: "x"})
    assert error.startswith(f"{host.name}: the disk is wiped at every restart, so set ")
    assert "SECRET_KEY, JWT_SECRET_KEY, DATABASE_URL (postgres://…), S3_BUCKET; or EPHEMERAL_DISK=off" in error


def test_what_is_set_is_not_named_as_missing(env_file: Path) -> None:
    error = refusal(env_file, DYNO="web.1", DATABASE_URL="postgres://ann:hidden@db.example/chat")
    assert "so set S3_BUCKET;" in error
    error = refusal(env_file, DYNO="web.1", S3_BUCKET="files")
    assert "so set DATABASE_URL (postgres://…);" in error
    error = refusal(env_file, DYNO="web.1", S3_BUCKET="files", DATABASE_URL="sqlite:////app/chat.db")
    assert "so set DATABASE_URL (postgres://…);" in error


def test_keys_are_not_written_to_a_disk_that_is_wiped(env_file: Path) -> None:
    with pytest.raises(ConfigError, match="so set SECRET_KEY, JWT_SECRET_KEY, "):
        Settings.write_keys(env_file, {"DYNO": "web.1"})
    assert not env_file.exists()


@marks
def test_a_volume_is_declared_by_a_setting(env_file: Path, host: Host, mark: str) -> None:
    settings = read(env_file, **{mark: "x"}, EPHEMERAL_DISK="off", DATABASE_URL="sqlite:////data/chat.db")
    assert settings.database_url == "sqlite:////data/chat.db"
    env_file.write_text("EPHEMERAL_DISK=off\n")
    assert read(env_file, **{mark: "x"}).proxies == host.proxies


def test_any_other_host_can_be_declared_to_wipe_its_disk(env_file: Path) -> None:
    assert refusal(env_file, {}, EPHEMERAL_DISK="on").startswith("EPHEMERAL_DISK=on: the disk is wiped")


def test_a_volume_that_the_host_names_is_known(tmp_path: Path) -> None:
    data = tmp_path / "data"
    railway = {"RAILWAY_ENVIRONMENT_ID": "x", "RAILWAY_VOLUME_MOUNT_PATH": str(data)}
    on_volume = {"DATABASE_URL": f"sqlite:///{data}/chat.db", "MEDIA_DIR": f"{data}/media"}
    assert read(tmp_path / ".env", **railway, **on_volume).media_dir == data / "media"
    beside = {**on_volume, "MEDIA_DIR": f"{data}2/media"}
    assert "so set S3_BUCKET;" in refusal(tmp_path / ".env", **railway, **beside)
    data.mkdir()
    assert Settings.write_keys(data / ".env", {**railway, **on_volume}) == list(KEYS)


@marks
def test_the_router_is_believed_about_the_client_and_no_client_about_itself(
    env_file: Path, host: Host, mark: str
) -> None:
    settings = read(env_file, **{mark: "x"}, EPHEMERAL_DISK="off")
    builder = EnvironBuilder(
        headers={"X-Forwarded-For": FORWARDED[host.name], "X-Forwarded-Proto": "https"},
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
    )
    seen = []

    def app(environ: dict[str, str], start_response: object) -> list[bytes]:
        seen.append((environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]))
        start_response("200 OK", [])  # type: ignore[operator]
        return []

    run_wsgi_app(Origin(app, settings.proxies), builder.get_environ())  # type: ignore[arg-type]
    assert seen == [("192.0.2.1", "https")]


@marks
def test_a_setting_wins_over_the_host(env_file: Path, host: Host, mark: str) -> None:
    assert read(env_file, **{mark: "x"}, EPHEMERAL_DISK="off", PROXY_COUNT="7").proxies == 7


@marks
def test_it_listens_on_the_hosts_port(env_file: Path, host: Host, mark: str) -> None:
    settings = read(env_file, **{mark: "x"}, EPHEMERAL_DISK="off", PORT="5123")
    assert (settings.host, settings.port) in [("::", 5123), ("0.0.0.0", 5123)]
    # A release phase has no port.
    assert read(env_file, **{mark: "x"}, EPHEMERAL_DISK="off").port == 8080


@pytest.mark.parametrize("count", CONCURRENCY)
def test_as_many_workers_start_as_the_host_suggests(env_file: Path, count: int) -> None:
    assert read(env_file, DYNO="web.1", EPHEMERAL_DISK="off", WEB_CONCURRENCY=str(count)).workers == count


def test_no_stream_can_be_silent_for_as_long_as_a_router_waits() -> None:
    heartbeat = next(one for one in fields(Settings) if one.name == "heartbeat")
    assert heartbeat.metadata["most"] * 2 < SHORTEST_TIMEOUT


def test_a_bucket_is_known_by_the_names_that_its_host_gives_it() -> None:
    heroku = {"DYNO": "web.1", "BUCKETEER_BUCKET_NAME": "b", "BUCKETEER_AWS_REGION": "eu-west-1"}
    assert hosts.defaults(heroku)["S3_BUCKET"] == "b"
    assert hosts.defaults(heroku)["S3_REGION"] == "eu-west-1"
    fly = {"FLY_APP_NAME": "chat", "BUCKET_NAME": "b", "AWS_ENDPOINT_URL_S3": "https://fly.storage.tigris.dev"}
    assert hosts.defaults(fly)["S3_ENDPOINT_URL"] == "https://fly.storage.tigris.dev"
    # What is not about a bucket is left alone, and a bucket of one's own lies elsewhere.
    assert hosts.defaults({"FLY_APP_NAME": "chat", "AWS_REGION": "auto"}).keys() == {"PROXY_COUNT", "EPHEMERAL_DISK"}
    assert hosts.defaults({**fly, "S3_BUCKET": "mine"}).keys() == {"PROXY_COUNT", "EPHEMERAL_DISK"}


def test_on_any_other_machine_nothing_is_assumed() -> None:
    assert hosts.current({"PORT": "5000", "HOME": "/root"}) is None
    assert hosts.defaults({"PORT": "5000", "BUCKET_NAME": "b", "AWS_REGION": "eu-west-1"}) == {}
