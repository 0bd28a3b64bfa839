"""Hosting platforms: by which environment variables each is recognised, and what follows from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Other names of the S3 settings: of AWS's own programs, of Bucketeer (an add-on of Heroku) and of `fly storage create`.
AWS = {
    "S3_ENDPOINT_URL": "AWS_ENDPOINT_URL_S3",
    "S3_REGION": "AWS_REGION",
    "S3_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
}
BUCKETEER = {
    "S3_BUCKET": "BUCKETEER_BUCKET_NAME",
    "S3_REGION": "BUCKETEER_AWS_REGION",
    "S3_ACCESS_KEY_ID": "BUCKETEER_AWS_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY": "BUCKETEER_AWS_SECRET_ACCESS_KEY",
}
TIGRIS = {"S3_BUCKET": "BUCKET_NAME", **AWS}


@dataclass(frozen=True)
class Host:
    """A platform that deletes what a program has written, at every restart or release.

    `marks` are variables that it sets in every process; one of them is enough. `proxies` is the position of the
    client's address in `X-Forwarded-For`, counted from the right. `volume` is the variable that names the folder of a
    mounted volume.
    """

    name: str
    marks: tuple[str, ...]
    proxies: int
    bucket: Mapping[str, str] = field(default_factory=dict)
    volume: str = ""


# docs/decisions/0042 has the sources of these figures.
HOSTS = (
    Host("Heroku", ("DYNO",), 1, BUCKETEER),
    # Cloudflare and two proxies of Render's own each add an entry.
    Host("Render", ("RENDER",), 3),
    # Its proxy also adds the address that it was reached by.
    Host("Fly.io", ("FLY_APP_NAME",), 2, TIGRIS),
    Host("Railway", ("RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT"), 2,
         volume="RAILWAY_VOLUME_MOUNT_PATH"),
    Host("Cloud Run", ("K_SERVICE", "CLOUD_RUN_JOB"), 1),
)  # fmt: skip


def current(environ: Mapping[str, str]) -> Host | None:
    """The host that this process runs on, as far as its environment shows."""
    return next((host for host in HOSTS if any(environ.get(mark) for mark in host.marks)), None)


def defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that follow from the host, by their names; empty on any other machine."""
    host = current(environ)
    if host is None:
        return {}
    # Else a bucket of somebody's own would be looked for where the host's is; without a bucket its names mean nothing.
    has_own = environ.get("S3_BUCKET") or not environ.get(host.bucket.get("S3_BUCKET", ""))
    names = {} if has_own else host.bucket
    bucket = {name: environ[other_name] for name, other_name in names.items() if environ.get(other_name)}
    return {"PROXY_COUNT": str(host.proxies), "EPHEMERAL_DISK": "on", **bucket}


def volume(environ: Mapping[str, str]) -> str:
    """The folder of the mounted volume, if the host names it; empty otherwise."""
    host = current(environ)
    return environ.get(host.volume, "") if host else ""
