"""The settings: read once from the environment and `.env`; a bad value is refused by name."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values

from lib import hosts
from lib.database_url import is_postgres
from lib.limits import Limits, limit

ROOT = Path(__file__).resolve().parent
# A container's own folder is lost with it; ENV_FILE puts the keys on its volume.
ENV_FILE = Path(os.environ.get("ENV_FILE") or ROOT / ".env")

# RFC 7518, 3.2: an HS256 key has as many bits as the hash at least.
KEY_BYTES = 32
KEYS = ("SECRET_KEY", "JWT_SECRET_KEY")
# Long enough that no random key holds one by chance.
EXAMPLES = (
    *("changeme", "change-me", "change_me", "change this", "changethis", "replaceme", "replace-me"),
    *("secretkey", "secret-key", "secret_key", "supersecret", "super-secret", "your-secret", "my-secret"),
    *("yoursecret", "mysecret", "topsecret", "insecure", "password", "example", "placeholder", "flask-chat"),
    *("01234567", "abcdefgh", "development"),
)

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}

# How the ways to an e-mail server are called, and the ports that they use.
SMTP = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
# No empty label, none of more than 63 characters: Python can't encode such a name.
HOST_NAME = re.compile(
    r"(?!.*\.\.)(?!.*[^.]{64})\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]?"
)

# The settings of the bucket.
S3_NAMES = ("S3_BUCKET", *hosts.AWS)


class ConfigError(Exception):
    """A setting that the messenger can't start with; the text is one line that names it."""


@dataclass(frozen=True)
class Settings:
    """What differs from one place to another: docs/decisions/0035.

    `limits` are keyword arguments of `models.use`.
    """

    secret_key: str
    jwt_secret_key: str
    database_url: str
    media_dir: Path
    host: str
    rate_limits: bool
    trusted_hosts: tuple[str, ...]
    limits: dict[str, int]
    port: int = limit(8080, 1, 65_535)
    proxies: int = limit(0, 0, 10, name="PROXY_COUNT")
    workers: int = limit(min(2, os.cpu_count() or 1), 1, 64, name="WEB_CONCURRENCY")
    threads: int = limit(8, 1, 256)
    # Of each worker, to Postgres.
    database_connections: int = limit(8, 1, 256)
    streams_max: int = limit(10_000, 1, 1_000_000)
    streams_per_person: int = limit(20, 1, 1_000, name="STREAMS_A_PERSON")
    connections_per_address: int = limit(1_000, 10, 100_000, name="CONNECTIONS_AN_ADDRESS")
    heartbeat: int = limit(15, 1, 20, name="STREAM_HEARTBEAT")
    presence_grace: int = limit(30, 0, 3600)
    public_url: str = ""
    response_cache: bool = True
    cache_on_loop: bool = True
    # The keyword arguments of `lib.mailer.SmtpServer`.
    mail: dict[str, Any] | None = None
    # The keyword arguments of `lib.s3.Bucket`; None for files in `media_dir`.
    bucket: dict[str, Any] | None = None

    @property
    def cursor_key(self) -> bytes:
        """What the live stream's cursors are signed with."""
        return hmac.digest(self.jwt_secret_key.encode(), b"cursors of the live stream", "sha256")

    @property
    def database(self) -> str:
        """The path of the SQLite file, or the address of the Postgres server."""
        return self.database_url if is_postgres(self.database_url) else self.database_url.partition(":///")[2]

    @classmethod
    def read(
        cls, environ: Mapping[str, str] | None = None, env_file: Path = ENV_FILE, *, local: bool = False
    ) -> Settings:
        """Read and check everything; the environment wins over the file. Raises ConfigError.

        Where a host sets PORT and nobody sets HOST, every address is listened on; not in a `local` run.
        """
        values = Values(environ, env_file)
        values.refuse_losses()
        secret_key, jwt_secret_key = (values.key(name) for name in KEYS)
        if secret_key == jwt_secret_key:
            raise ConfigError("JWT_SECRET_KEY must not be the same as SECRET_KEY.")
        anywhere = values.port_from_host and not local
        return cls(
            secret_key=secret_key,
            jwt_secret_key=jwt_secret_key,
            database_url=values.database_url(),
            media_dir=values.path("MEDIA_DIR", "media"),
            host=values.host(values.anywhere() if anywhere else "127.0.0.1"),
            rate_limits=values.switch("RATE_LIMITS", True),
            response_cache=values.switch("RESPONSE_CACHE", True),
            cache_on_loop=values.switch("CACHE_ON_LOOP", True),
            trusted_hosts=values.host_names("TRUSTED_HOSTS"),
            limits=values.limits(),
            public_url=values.url("PUBLIC_URL"),
            mail=mail_server(values),
            bucket=s3_bucket(values),
            **values.numbers(cls),
        )

    @staticmethod
    def missing_keys(environ: Mapping[str, str] | None = None, env_file: Path = ENV_FILE) -> list[str]:
        """The names of the keys that stand nowhere."""
        values = Values(environ, env_file)
        return [name for name in KEYS if not values.get(name)]

    @staticmethod
    def write_keys(env_file: Path = ENV_FILE, environ: Mapping[str, str] | None = None) -> list[str]:
        """Give each missing key a strong random value in the file, which only its owner may read.

        Lines that stand there stay as they are. Returns the names of the keys. Raises ConfigError.
        """
        missing = Settings.missing_keys(environ, env_file)
        if not missing:
            return []
        Values(environ, env_file).refuse_losses()
        for name in set(KEYS) - set(missing):
            # A bad one is refused before another is written beside it.
            Values(environ, env_file).key(name)
        lines = "".join(f"{name}={secrets.token_urlsafe(48)}\n" for name in missing)
        try:
            append(env_file, lines)
        except OSError as error:
            raise ConfigError(f"{env_file} can't be written: {error.strerror}.") from error
        return missing


class Values:
    """The raw values by name, in any letter case; an empty one counts as none."""

    def __init__(self, environ: Mapping[str, str] | None, env_file: Path) -> None:
        environment = upper(os.environ if environ is None else environ)
        given = {**upper(from_file(env_file)), **environment}
        self.values = {**hosts.defaults(given), **given}
        self.platform, self.volume = hosts.current(given), hosts.volume(given)
        self.env_file = env_file
        self.port_from_host = "PORT" in environment

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    def loses(self, path: Path) -> bool:
        """Whether the host deletes what is written there."""
        is_on_volume = bool(self.volume) and path.is_relative_to(self.volume)
        return self.switch("EPHEMERAL_DISK", False) and not is_on_volume

    def refuse_losses(self) -> None:
        """Raise ConfigError when keys, database or files would lie on a disk that the host wipes."""
        lost = [name for name in KEYS if not self.get(name) and self.loses(self.env_file)]
        if not is_postgres(self.get("DATABASE_URL")) and self.loses(Path(self.database_url()[len("sqlite:///") :])):
            lost.append("DATABASE_URL (postgres://…)")
        if not self.get("S3_BUCKET") and self.loses(self.path("MEDIA_DIR", "media")):
            lost.append("S3_BUCKET")
        if lost:
            where = self.platform.name if self.platform else "EPHEMERAL_DISK=on"
            raise ConfigError(
                f"{where}: the disk is wiped at every restart, so set {', '.join(lost)};"
                " or EPHEMERAL_DISK=off if the data is on a volume."
            )

    def key(self, name: str) -> str:
        """A secret that nobody can guess. What is wrong with it is reported without showing it."""
        key = self.get(name)
        if not key:
            raise ConfigError(f"{name} is missing: set it in the environment or in .env (`python chat.py` makes one).")
        if len(key.encode("utf-8", "surrogateescape")) < KEY_BYTES:
            raise ConfigError(f"{name} is too short: {KEY_BYTES} random characters at least.")
        # A repeated word is found within its own double, one character in.
        again = key in (key + key)[1:-1]
        if again or len(set(key)) < 8 or any(word in key.lower() for word in EXAMPLES):
            raise ConfigError(f"{name} is an example or easy to guess: {KEY_BYTES} random characters at least.")
        return key

    def number(self, name: str, usual: int, least: int, most: int) -> int:
        """A whole number; a size in bytes may end in K, M or G."""
        value = self.get(name)
        if not value:
            return usual
        sized = re.fullmatch(r"([0-9]{1,12})\s*([KMG]?)I?B?", value.upper())
        if sized is None or (sized[2] and name != "FILE_MAX"):
            raise ConfigError(f"{name} is not a whole number: {shown(value)}.")
        number = int(sized[1]) * UNITS[sized[2]]
        if not least <= number <= most:
            raise ConfigError(f"{name} must be between {least} and {most}, not {number}.")
        return number

    def numbers(self, of: type) -> dict[str, Any]:
        """The fields of a class that limit() declares."""
        return {
            one.name: self.number(**{"name": one.name.upper(), **one.metadata}) for one in fields(of) if one.metadata
        }

    def limits(self) -> dict[str, int]:
        numbers = self.numbers(Limits)
        for kind in ("username", "password"):
            if numbers[f"{kind}_min"] > (most := numbers[f"{kind}_max"]):
                raise ConfigError(f"{kind.upper()}_MIN must not be larger than {kind.upper()}_MAX ({most}).")
        return numbers

    def switch(self, name: str, usual: bool) -> bool:
        value = self.get(name).lower()
        if value in ("on", "yes", "true", "1"):
            return True
        if value in ("off", "no", "false", "0"):
            return False
        if value:
            raise ConfigError(f"{name} is neither on nor off: {shown(value)}.")
        return usual

    def path(self, name: str, usual: str) -> Path:
        """A path; a relative one lies beside the code."""
        return ROOT / Path(self.get(name) or usual).expanduser()

    def database_url(self) -> str:
        """`sqlite:///` and an absolute path, or the address of a Postgres server."""
        url = self.get("DATABASE_URL") or "sqlite:///chat.db"
        if is_postgres(url):
            return postgres_url(url)
        kind, found, path = url.partition(":///")
        if kind != "sqlite" or not found or not path.strip("/") or path.startswith(":") or "?" in path:
            # The rest of the address may hold a password.
            raise ConfigError(
                "DATABASE_URL must be sqlite:///path, relative to the code or absolute, or postgres://user@host/name."
            )
        return f"sqlite:///{(ROOT / Path(path).expanduser()).as_posix()}"

    def url(self, name: str) -> str:
        """The beginning of an address, `https://chat.example.org`; '' when it is not set."""
        value = self.get(name).rstrip("/")
        kind, found, host = value.partition("://")
        host, _, port = host.rpartition(":") if re.search(r":[0-9]+$", host) else (host, "", "80")
        if value and not (kind in ("http", "https") and found and HOST_NAME.fullmatch(host) and 0 < int(port) < 65_536):
            raise ConfigError(f"{name} is not like https://chat.example.org: {shown(value)}.")
        return value

    def host(self, usual: str) -> str:
        host = self.get("HOST") or usual
        if not HOST_NAME.fullmatch(host):
            raise ConfigError(f"HOST is not a host name or an address: {shown(host)}.")
        return host.strip("[]")

    def anywhere(self) -> str:
        """Every address of this machine. Some platforms reach a program by IPv6 only, and give it that in any case."""
        return "::" if self.platform and socket.has_dualstack_ipv6() else "0.0.0.0"

    def host_names(self, name: str) -> tuple[str, ...]:
        hosts = tuple(self.get(name).replace(",", " ").split())
        for host in hosts:
            if not HOST_NAME.fullmatch(host):
                raise ConfigError(f"{name} takes host names separated by commas, not {shown(host)}.")
        return hosts


def mail_server(values: Values) -> dict[str, Any] | None:
    """The e-mail server: SMTP_URL, or its parts one by one; None when neither names a host. Raises ConfigError."""
    try:
        url = urlsplit(values.get("SMTP_URL"))
        host, port = url.hostname or values.get("SMTP_HOST"), url.port
    except ValueError:
        url, host, port = urlsplit(""), "", None
    if values.get("SMTP_URL") and (url.scheme not in SMTP or not url.hostname or url.path.strip("/") or url.query):
        # The address may hold a password.
        raise ConfigError("SMTP_URL is not like smtps://user:password@smtp.example.org:465.")
    if not host:
        return None
    port = port or values.number("SMTP_PORT", SMTP.get(url.scheme, 587), 1, 65_535)
    security = {"smtps": "tls", "smtp+plain": "none"}.get(url.scheme, "tls" if port == 465 else "starttls")
    if security == "none" and host not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigError("SMTP_URL: smtp+plain is for this machine alone; passwords and letters would be readable.")
    sender = values.get("SMTP_FROM")
    if not re.fullmatch(r"([^<>@\x00-\x1f]*<[^<>\s@]+@[^<>\s@]+>)|([^<>\s@]+@[^<>\s@]+)", sender):
        raise ConfigError("SMTP_FROM must be the address that letters come from: Flask Chat <chat@example.org>.")
    if not values.get("PUBLIC_URL"):
        # Otherwise links would begin with whatever host name a stranger's request contained.
        raise ConfigError("PUBLIC_URL is needed with an SMTP server: links in letters begin with it.")
    return {
        "host": host,
        "port": port,
        "sender": sender,
        "user": unquote(url.username or "") or values.get("SMTP_USER"),
        "password": unquote(url.password or "") or values.get("SMTP_PASSWORD"),
        "security": security,
    }


def postgres_url(url: str) -> str:
    """An address of Postgres as psycopg and Peewee take it. Raises ConfigError, without the password."""
    try:
        parts = urlsplit(url)
        is_complete = "://" in url and bool(parts.path.strip("/")) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_complete = False
    if not is_complete:
        raise ConfigError("DATABASE_URL must name a host and a database, like postgres://user:password@host:5432/name.")
    return parts._replace(scheme="postgresql").geturl()


BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


def s3_bucket(values: Values) -> dict[str, Any] | None:
    """The bucket for files; None where no bucket is named. Raises ConfigError."""
    given = {name: values.get(name) or values.get(hosts.AWS.get(name, "")) for name in S3_NAMES}
    redirect = values.switch("S3_REDIRECT", False)
    if not given["S3_BUCKET"]:
        if name := next(filter(values.get, (*S3_NAMES, "S3_REDIRECT")), ""):
            # Files must not land in a folder while somebody believes them in a bucket.
            raise ConfigError(f"S3_BUCKET is missing: {name} is set, so files belong into a bucket.")
        return None
    patterns = {
        "S3_BUCKET": (BUCKET_NAME, "is not the name of a bucket"),
        "S3_ENDPOINT_URL": (re.compile(r"(https?://[^\s?#@]+)?"), "is not like https://s3.example.org"),
        "S3_REGION": (re.compile(r"[A-Za-z0-9-]{0,40}"), "is not the name of a region"),
    }
    for name, (pattern, complaint) in patterns.items():
        if not pattern.fullmatch(given[name]):
            raise ConfigError(f"{name} {complaint}: {shown(given[name])}.")
    for name in ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"):
        if not given[name]:
            raise ConfigError(f"{name} is missing: the bucket {given['S3_BUCKET']} can't be used without it.")
    return {
        "name": given["S3_BUCKET"],
        "endpoint": given["S3_ENDPOINT_URL"] or None,
        "region": given["S3_REGION"] or "us-east-1",
        "key_id": given["S3_ACCESS_KEY_ID"],
        "secret": given["S3_SECRET_ACCESS_KEY"],
        "redirect": redirect,
        "owner": hmac.digest(values.key("SECRET_KEY").encode(), b"files of this installation", "sha256").hex()[:32],
    }


def upper(values: Mapping[str, str | None]) -> dict[str, str]:
    """The values by upper-case name; a name that was written so wins over the same in other letters."""
    ordered = sorted(values.items(), key=lambda item: item[0].isupper())
    return {name.upper(): value.strip() for name, value in ordered if value and value.strip()}


def from_file(env_file: Path) -> dict[str, str | None]:
    """What stands in `.env`; a `$` in a key is a letter like any other."""
    try:
        # Windows' editor puts a byte order mark first.
        return dict(dotenv_values(env_file, interpolate=False, encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{env_file} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{env_file} is not UTF-8 text.") from error


def append(env_file: Path, lines: str) -> None:
    """Add lines at the end of a file, made if need be, that nobody but its owner may read from then on."""
    binary = getattr(os, "O_BINARY", 0)
    try:
        file = os.open(env_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o600)
    except FileExistsError:
        file = os.open(env_file, os.O_RDWR | os.O_APPEND | binary)
        env_file.chmod(env_file.stat().st_mode & 0o600)
        before = env_file.read_bytes()
        if before and not before.endswith(b"\n"):
            lines = "\n" + lines
    try:
        os.write(file, lines.encode())
        os.fsync(file)
    finally:
        os.close(file)


def shown(value: str) -> str:
    """A value short enough for one line."""
    return repr(value if len(value) <= 60 else value[:60] + "…")
