"""What the operator types: `flask init`, `flask doctor` and the like, and `python chat.py` itself."""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext
from peewee import DatabaseError, OperationalError

import mail
import models
from config import ENV_FILE, ROOT, ConfigError, Settings
from models import Invalid, Link, NotThere, User
from models.base import Media
from models.migration import space_left
from models.tidying import every_key

if TYPE_CHECKING:
    from flask import Flask

LITTLE_SPACE = 200 * 2**20
# https://sqlite.org/wal.html#walresetbug
WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))


class CannotStart(Exception):
    """Why the messenger can't be served here, in one line."""


# Serving


def serve() -> int:
    """`python chat.py`: make what is missing, tell the address, serve. Returns only with an exit status."""
    os.chdir(ROOT)
    try:
        made = make_keys()
        settings = Settings.read(local=True)
        check_port(settings)
        for step in prepare(settings):
            print(f"The database had the step {step}.")
        if "SECRET_KEY" in made and User.select().exists():
            print("Its accounts' passwords fit an older SECRET_KEY only: put that back, or `flask reset-password`.")
    except (ConfigError, CannotStart) as error:
        print(f"Flask Chat can't start: {error}", file=sys.stderr)
        return 1
    print(f"Flask Chat is at {address(settings)}", flush=True)
    models.database.close()
    if importlib.util.find_spec("fcntl") is None:
        return serve_threaded(settings)
    return serve_gunicorn(settings)


def serve_gunicorn(settings: Settings) -> int:
    """Become gunicorn, which reads everything else from gunicorn.conf.py."""
    script = Path(sys.executable).with_name("gunicorn")
    # By its script: `python -m gunicorn` can't start itself anew on a USR2 signal.
    how = [str(script)] if script.exists() else ["-m", "gunicorn"]
    environment = {**os.environ, "HOST": settings.host}
    os.execve(sys.executable, [sys.executable, *how, "chat:app"], environment)


def serve_threaded(settings: Settings) -> int:
    """Serve where gunicorn can't run: in this process, a thread a request."""
    from werkzeug.serving import run_simple
    from werkzeug.utils import import_string

    print("gunicorn does not run on this system: serving with Werkzeug's threads instead.", flush=True)
    if not settings.rate_limits:
        print("RATE_LIMITS=off: nothing is throttled.", flush=True)
    # By name, as gunicorn does it: the app stands above this module.
    run_simple(settings.host, settings.port, import_string("chat:app"), threaded=True)
    return 0


def make_keys(env_file: Path = ENV_FILE) -> list[str]:
    """Write the keys that stand nowhere into `.env`, and say so. Returns their names."""
    made = Settings.write_keys(env_file)
    if made:
        print(f"Made {' and '.join(made)} in {env_file.name}: keep a copy, passwords depend on it.")
    return made


def check_port(settings: Settings) -> None:
    """Raise CannotStart when nobody can listen at the address."""
    kind = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        # As gunicorn binds: connections of a server that just ended do not count.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotStart(
                f"port {settings.port} on {settings.host} is not to be had ({reason}); PORT=8081 takes another."
            ) from error


def address(settings: Settings) -> str:
    """Where a person on this machine finds it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{settings.port}"


def prepare(settings: Settings) -> list[str]:
    """Make the folders, bring the database up to this version. Returns the steps. Raises CannotStart."""
    path = Path(settings.database_url.partition(":///")[2])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try_writing(settings.media_dir)
    except OSError as error:
        raise CannotStart(f"{error.filename or settings.media_dir} can't be used: {error.strerror}.") from error
    models.open_database(settings.database_url)
    try:
        steps = models.migrate()
        models.use(settings.media_dir, **settings.limits)
        models.Withdrawn.prune()
        models.sweep_files()
        return steps
    except (DatabaseError, sqlite3.Error, OSError) as error:
        raise CannotStart(f"the database {path} can't be brought up to date: {error}.") from error


def try_writing(folder: Path) -> None:
    """Raise OSError when no file can be made in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def before_workers() -> int:
    """What gunicorn.conf.py runs before there are workers; returns an exit status."""
    try:
        for step in prepare(Settings.read()):
            print(f"The database had the step {step}.", file=sys.stderr)
    except (ConfigError, CannotStart) as error:
        print(f"Flask Chat can't start: {error}", file=sys.stderr)
        return 1
    return 0


# Commands


def register(app: Flask) -> None:
    """Let `flask` know the commands."""
    for command in (init, migrate, create_admin, reset_password, reset_link, try_mail, seed, doctor):
        app.cli.add_command(command)


def settings() -> Settings:
    """What the app is made from when a server or `flask` loads it; `flask init` makes the keys first.

    Raises ConfigError.
    """
    if click.get_current_context(silent=True) is not None and "init" in sys.argv[1:]:
        make_keys()
    return Settings.read()


@click.command()
def init() -> None:
    """Make .env with keys and the database, where there are none."""
    migrated()


@click.command()
def migrate() -> None:
    """Bring the database up to this version, after a copy of it."""
    migrated()


def migrated() -> None:
    try:
        steps = models.migrate()
    except Exception as error:
        raise click.ClickException(f"the database is as it was: {error}") from error
    for step in steps:
        click.echo(f"The database had the step {step}.")
    path = Path(models.database.database)
    copy = path.with_name(f"{path.name}.before-{steps[0]}") if steps else path
    if steps and copy.exists():
        click.echo(f"As it was before, it lies at {copy}.")
    if not steps:
        click.echo("The database is up to date.")


@click.command()
@click.argument("username")
@click.password_option(help="Asked for when not given.")
def create_admin(username: str, password: str) -> None:
    """Open an account that may run the place."""
    with one_line_errors():
        user = User.register(username, password, is_admin=True)
    click.echo(f"{user.username} is an administrator.")


@click.command()
@click.argument("username")
@click.option("--password", help="A random one when not given.")
def reset_password(username: str, password: str | None) -> None:
    """Give an account a new password and end all its logins."""
    new = password or secrets.token_urlsafe(12)
    with one_line_errors():
        User.named(username).set_password(new)
    click.echo("Every login of the account has ended.")
    if password is None:
        click.echo(f"The new password: {new}")


@click.command()
@click.argument("username")
@with_appcontext
def reset_link(username: str) -> None:
    """Print a link by which a person sets a new password themselves."""
    with one_line_errors():
        link = Link.by_hand(User.named(username))
    base = current_app.config["PUBLIC_URL"] or current_app.config["LOCAL_URL"]
    click.echo(f"{base}/reset/{link.secret}")
    click.echo("It opens a page with a new password's fields, once, within 24 hours.")


@click.command()
@click.argument("address")
def try_mail(address: str) -> None:
    """Send a letter, and tell what the e-mail server says."""
    if not mail.is_possible():
        raise click.ClickException("no e-mail server is named in the settings (SMTP_URL).")
    try:
        mail.send(address, "Flask Chat", "This letter says that letters arrive.\n")
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error
    click.echo("The e-mail server has taken the letter.")


@click.command()
@click.option("--password", help="Everybody's password; a random one when not given.")
def seed(password: str | None) -> None:
    """Fill an empty database with two weeks of a small group's talk."""
    import seed as history

    with one_line_errors():
        if User.select().exists():
            raise click.ClickException("there are accounts already; an empty database is needed.")
    new = password or secrets.token_urlsafe(9)
    with one_line_errors():
        told = history.plant(new)
    click.echo(f"{told.messages} messages in {told.chats} chats.")
    click.echo(f"Log in as {', '.join(told.usernames)}; the password: {new}")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What the models refuse, as one line of the command."""
    try:
        yield
    except Invalid as error:
        raise click.ClickException(str(error)) from error
    except NotThere as error:
        raise click.ClickException("there is no such account.") from error
    except OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise click.ClickException("the database has no tables yet: flask init") from error


# The doctor


@click.command()
def doctor() -> None:
    """Look for what is wrong; exit status 1 when something is."""
    wrong = 0
    for check in CHECKS:
        try:
            found = list(check())
        except (DatabaseError, sqlite3.Error, OSError) as error:
            found = [("wrong", f"{check.__name__}: {error}")]
        for verdict, line in found:
            click.echo(f"{verdict:<5}  {line}")
            wrong += verdict == "wrong"
    if wrong:
        raise SystemExit(1)


Findings = Iterator[tuple[str, str]]


def keys() -> Findings:
    # Bad ones have stopped the command before it came here.
    if ENV_FILE.exists() and os.name == "posix" and ENV_FILE.stat().st_mode & 0o077:
        yield "wrong", ".env can be read by others: chmod 600 .env"
    else:
        yield "ok", "the keys"


def version() -> Findings:
    number = tuple(int(part) for part in sqlite3.sqlite_version.split(".")[:3])
    since, until = WAL_RESET_BUG
    if since <= number <= until:
        yield "note", f"SQLite {sqlite3.sqlite_version} is among those with the WAL-reset bug (docs/operate.md)"
    else:
        yield "ok", f"SQLite {sqlite3.sqlite_version}"


def migrations() -> Findings:
    pending = models.pending()
    if pending:
        yield "wrong", f"the database lacks {', '.join(pending)}: flask migrate"
    else:
        yield "ok", f"the database is up to date ({models.applied()[-1]})"


def integrity() -> Findings:
    for pragma in ("integrity_check", "foreign_key_check"):
        rows = models.database.execute_sql(f"PRAGMA {pragma}").fetchall()
        bad = [row for row in rows if row != ("ok",)]
        yield ("wrong", f"{pragma}: {bad[:3]}") if bad else ("ok", pragma)


# What must hold beyond what the constraints hold: each finds the rows where it does not.
RULES = {
    "chats without an owner among their members": """
        SELECT id FROM chat WHERE NOT EXISTS (
            SELECT 1 FROM membership WHERE chat_id = chat.id AND user_id = chat.owner_id)""",
    "chats with a wrong number of members": """
        SELECT id FROM chat WHERE member_count != (SELECT count(*) FROM membership WHERE chat_id = chat.id)""",
    "chats with a wrong number of messages": """
        SELECT id FROM chat WHERE message_count != (
            SELECT count(*) FROM message WHERE chat_id = chat.id AND deleted_at IS NULL)""",
    "messages that a search can't find": """
        SELECT id FROM message WHERE deleted_at IS NULL AND id NOT IN (SELECT rowid FROM message_index)""",
}


def rules() -> Findings:
    for what, query in RULES.items():
        rows = [row[0] for row in models.database.execute_sql(query)]
        yield ("wrong", f"{what}: {len(rows)}, first id {rows[0]}") if rows else ("ok", f"no {what}")


def media() -> Findings:
    try_writing(Media.store.root)
    yield "ok", f"the media folder can be written ({Media.store.root})"


def files() -> Findings:
    named = every_key()
    missing = [key for key in named if not Media.store.exists(key)]
    if missing:
        yield "wrong", f"files that rows name and that are not there: {len(missing)}, first {missing[0]}"
    else:
        yield "ok", f"all {len(named)} files are there"
    unnamed = set(Media.store.keys()) - named
    if unnamed:
        yield "note", f"files that no row names: {len(unnamed)}"


def space() -> Findings:
    left = space_left()
    line = f"{models.human_size(left)} free beside the database"
    yield ("wrong" if left < LITTLE_SPACE else "ok"), line


CHECKS: tuple[Callable[[], Findings], ...] = (
    keys, version, migrations, integrity, rules, media, files, space,
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(before_workers())
