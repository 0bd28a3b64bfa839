"""The command line: `python chat.py`, `flask init`, `flask doctor` and the others."""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from peewee import DatabaseError, OperationalError
from werkzeug.serving import run_simple
from werkzeug.utils import import_string

import models
from actions import accounts, cleanup, loading
from actions.cleanup import every_key
from config import ENV_FILE, ROOT, ConfigError, Settings
from lib import logs, mailer, private, sqlite
from lib.limits import RESET_LINK_HOURS
from lib.logs import escape
from lib.sqlite import sqlite3
from models import Invalid, Link, NotThere, User, task
from models.base import media
from models.migration import space_left

LITTLE_SPACE = 200 * 2**20


class CannotStart(Exception):
    """The server can't start; the text says why in one line."""


class CommandError(click.ClickException):
    """A command failed. Control characters in the text are escaped."""

    def format_message(self) -> str:
        return escape(super().format_message())


def echo(line: str) -> None:
    """Print a line with its control characters escaped."""
    click.echo(escape(line))


# Serving


def serve() -> int:
    """Run `python chat.py`: create what is missing, print the address, serve. Returns only with an exit status."""
    private.restrict_umask()
    os.chdir(ROOT)
    try:
        created_keys = make_keys()
        settings = Settings.read(local=True)
        check_port(settings)
        for step in prepare(settings):
            print(f"Applied migration {step}.")
        if "SECRET_KEY" in created_keys and User.select().exists():
            print("Existing passwords need the former SECRET_KEY: restore it, or run `flask reset-password`.")
    except (ConfigError, CannotStart) as error:
        print(escape(f"Flask Chat can't start: {error}"), file=sys.stderr)
        return 1
    print(f"Flask Chat runs at {address(settings)}", flush=True)
    models.database.close()
    if importlib.util.find_spec("fcntl") is None:
        return serve_threaded(settings)
    return serve_gunicorn(settings)


def serve_gunicorn(settings: Settings) -> int:
    """Replace this process by gunicorn, which reads its settings from gunicorn.conf.py."""
    script = Path(sys.executable).with_name("gunicorn")
    # By its script: `python -m gunicorn` can't re-execute itself on a USR2 signal.
    how = [str(script)] if script.exists() else ["-m", "gunicorn"]
    environment = {**os.environ, "HOST": settings.host}
    os.execve(sys.executable, [sys.executable, *how, "chat:app"], environment)


def serve_threaded(settings: Settings) -> int:
    """Serve where gunicorn can't run: in this process, with a thread per request."""
    print("gunicorn does not run on this system: serving with Werkzeug instead.", flush=True)
    if not settings.rate_limits:
        print("RATE_LIMITS=off: nothing is throttled.", flush=True)
    logs.set_up()
    # The app logs each request itself. Werkzeug's lines would contain query strings and secrets.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    task.schedule()
    # By name, as gunicorn does it: this module may not import the app.
    run_simple(settings.host, settings.port, import_string("chat:app"), threaded=True)
    return 0


def make_keys(env_file: Path = ENV_FILE) -> list[str]:
    """Write missing keys into `.env`, and print their names. Returns the names."""
    created_keys = Settings.write_keys(env_file)
    if created_keys:
        print(f"Wrote {' and '.join(created_keys)} to {env_file.name}: keep a copy, passwords depend on it.")
    return created_keys


def check_port(settings: Settings) -> None:
    """Raise CannotStart when the address can't be listened on."""
    kind = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        # As gunicorn binds: ignore connections of a server that has just ended.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotStart(
                f"port {settings.port} on {settings.host} is not available ({reason}); PORT=8081 chooses another."
            ) from error


def address(settings: Settings) -> str:
    """The URL for a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{settings.port}"


def prepare(settings: Settings) -> list[str]:
    """Create the folders and migrate the database. Returns the names of applied migrations. Raises CannotStart."""
    path = Path(settings.database_path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try_writing(settings.media_dir)
        closed = private.restrict(private_files(settings))
    except OSError as error:
        raise CannotStart(f"{error.filename or settings.media_dir} can't be used: {error.strerror}.") from error
    models.open_database(settings.database_url)
    try:
        steps = models.migrate()
        models.use(settings.media_dir, **settings.limits)
        models.index.configure()
        while models.DeletedMessage.prune():
            pass
        cleanup.sweep_files()
        models.database.close()
        # The write-ahead log may still contain what was deleted before the last server ended.
        models.wal.checkpoint(settings.database_path)
        if wrong := sqlite.build_warning():
            print(f"Note: {wrong}", file=sys.stderr)
        if closed:
            print(f"Removed other users' access to {len(closed)} files, first {closed[0]}.", file=sys.stderr)
        return steps
    except (DatabaseError, sqlite3.Error, OSError) as error:
        raise CannotStart(f"can't migrate the database {path}: {error}.") from error


def private_files(settings: Settings) -> list[Path]:
    """The existing files that only this program may read."""
    env_file = [ENV_FILE] if ENV_FILE.is_file() else []
    store = private.store_files(settings.media_dir)
    return [*env_file, *private.database_files(Path(settings.database_path)), *store]


def try_writing(folder: Path) -> None:
    """Raise OSError when no file can be created in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def before_workers() -> int:
    """Prepare for gunicorn.conf.py, before there are workers. Returns an exit status."""
    private.restrict_umask()
    try:
        for step in prepare(Settings.read()):
            print(f"Applied migration {step}.", file=sys.stderr)
    except (ConfigError, CannotStart) as error:
        print(escape(f"Flask Chat can't start: {error}"), file=sys.stderr)
        return 1
    return 0


# Commands


def register(app: Flask) -> None:
    """Register the commands with `flask`."""
    for command in (init, migrate, restore, create_admin, reset_password, reset_link, try_mail, seed, load, doctor):
        app.cli.add_command(command)


def settings() -> Settings:
    """Read the settings when a server or `flask` loads the app; `flask init` and `flask seed` create the keys first.

    Raises ConfigError.
    """
    if click.get_current_context(silent=True) is not None and not {"init", "seed"}.isdisjoint(sys.argv[1:]):
        make_keys()
    return Settings.read()


@click.command()
def init() -> None:
    """Create .env with keys, and the database, where missing."""
    run_migrations()


@click.command()
def migrate() -> None:
    """Apply pending migrations, after a backup."""
    run_migrations()


def run_migrations() -> None:
    try:
        steps = models.migrate()
    except Exception as error:
        raise CommandError(f"the database is unchanged: {error}") from error
    for step in steps:
        echo(f"Applied migration {step}.")
    path = Path(models.database.database)
    copy = path.with_name(f"{path.name}.before-{steps[0]}") if steps else path
    if steps and copy.exists():
        echo(f"The backup from before is {copy}.")
    if not steps:
        echo("The database is up to date.")


@click.command()
@click.argument("backup", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(backup: Path) -> None:
    """Restore a backup of the database, even while the server runs. The current database is backed up first."""
    try:
        kept = models.migration.restore(backup)
    except (DatabaseError, sqlite3.Error, OSError, ValueError) as error:
        raise click.ClickException(f"the database is unchanged: {error}") from error
    click.echo(f"Restored {backup}. The backup from before is {kept}.")
    run_migrations()


@click.command()
@click.argument("username")
@click.password_option(help="Asked for when not given.")
def create_admin(username: str, password: str) -> None:
    """Create an administrator's account."""
    with one_line_errors():
        user = accounts.register(username, password, is_admin=True)
    echo(f"{user.username} is an administrator.")


@click.command()
@click.argument("username")
@click.option("--password", help="A random one when not given.")
def reset_password(username: str, password: str | None) -> None:
    """Set a new password for an account, and sign it out everywhere."""
    new = password or secrets.token_urlsafe(12)
    with one_line_errors():
        accounts.set_password(User.named(username), new)
    echo("The account is signed out everywhere.")
    if password is None:
        echo(f"New password: {new}")


@click.command()
@click.argument("username")
@with_appcontext
def reset_link(username: str) -> None:
    """Print a link with which a person sets a new password."""
    config = current_app.config
    if config["PROXY_COUNT"] and not config["PUBLIC_URL"]:
        raise CommandError("set PUBLIC_URL: behind a proxy the public address can't be known otherwise.")
    with one_line_errors():
        link = Link.by_hand(User.named(username))
    base = config["PUBLIC_URL"] or config["LOCAL_URL"]
    echo(f"{base}/reset/{link.secret}")
    echo(f"The link works once, within {RESET_LINK_HOURS} hours.")


@click.command()
@click.argument("address")
def try_mail(address: str) -> None:
    """Send a test e-mail, and print the server's reply."""
    if not mailer.is_configured():
        raise CommandError("no e-mail server is configured (SMTP_URL).")
    try:
        mailer.send(address, "Flask Chat", "This is a test e-mail.\n")
    except (OSError, ValueError) as error:
        raise CommandError(f"{type(error).__name__}: {error}") from error
    echo("The e-mail server accepted the message.")


@click.command()
@click.option("--password", help="Everybody's password; a random one when not given.")
def seed(password: str | None) -> None:
    """Fill an empty database with two weeks of sample chats; create it first where there is none."""
    import seed as history

    if not models.database.get_tables():
        run_migrations()
    with one_line_errors():
        if User.select().exists():
            raise CommandError("the database already has accounts.")
    new = password or secrets.token_urlsafe(9)
    with one_line_errors():
        result = history.fill(new)
    echo(f"{result.messages} messages in {result.chats} chats.")
    echo(f"Log in as {', '.join(result.usernames)} with the password {new}")


@click.command()
def load() -> None:
    """Store messages from standard input: on each line a JSON object with chat_id, author_id, text, and, if it was
    posted earlier, created_at.
    """
    with one_line_errors():
        try:
            stored = loading.load(sys.stdin.buffer)
        except loading.BadLine as error:
            kept = f"{error.stored:,} messages were stored; line {error.next_number:,} is the first that was not."
            raise CommandError(f"{error}. {kept}") from error
    echo(f"{stored:,} messages stored.")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn the errors of models and actions into one line."""
    try:
        yield
    except Invalid as error:
        raise CommandError(str(error)) from error
    except NotThere as error:
        raise CommandError("no such account.") from error
    except OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise CommandError("the database has no tables yet: run `flask init`.") from error


# The doctor


@click.command()
def doctor() -> None:
    """Check the installation. Exit status 1 when something is wrong."""
    wrong = 0
    for check in CHECKS:
        try:
            found = list(check())
        except (DatabaseError, sqlite3.Error, OSError) as error:
            found = [("wrong", f"{check.__name__}: {error}")]
        for verdict, line in found:
            echo(f"{verdict:<5}  {line}")
            wrong += verdict == "wrong"
    if wrong:
        raise SystemExit(1)


Results = Iterator[tuple[str, str]]


def keys() -> Results:
    # Invalid keys have stopped the command before this check.
    if ENV_FILE.exists() and os.name == "posix" and ENV_FILE.stat().st_mode & 0o077:
        yield "wrong", ".env can be read by others: chmod 600 .env"
    else:
        yield "ok", "keys"


def privacy() -> Results:
    paths = [*private.database_files(models.migration.path()), *private.store_files(media.store.root)]
    wrong = [path for path in paths if private.is_exposed(path)]
    if wrong:
        yield "wrong", f"others can read {wrong[0]}" + (f" and {len(wrong) - 1} more" if wrong[1:] else "")
    else:
        yield "ok", "database and files are private"


def version() -> Results:
    if wrong := sqlite.build_warning():
        yield "note", wrong
    else:
        yield "ok", f"SQLite {sqlite3.sqlite_version}"


def migrations() -> Results:
    pending = models.pending()
    if pending:
        yield "wrong", f"pending migrations: {', '.join(pending)}; run `flask migrate`"
    else:
        yield "ok", f"the database is up to date ({models.applied()[-1]})"


def integrity() -> Results:
    for pragma in ("integrity_check", "foreign_key_check"):
        rows = models.database.execute_sql(f"PRAGMA {pragma}").fetchall()
        bad = [row for row in rows if row != ("ok",)]
        yield ("wrong", f"{pragma}: {bad[:3]}") if bad else ("ok", pragma)


# Invariants beyond the constraints: each query finds the rows that violate one.
RULES = {
    "chats without an owner among their members": """
        SELECT id FROM chat WHERE NOT EXISTS (
            SELECT 1 FROM membership WHERE chat_id = chat.id AND user_id = chat.owner_id)""",
    "chats with a wrong number of members": """
        SELECT id FROM chat WHERE member_count != (SELECT count(*) FROM membership WHERE chat_id = chat.id)""",
    "chats with a wrong number of messages": """
        SELECT id FROM chat WHERE owner_id != 0 AND message_count != (
            SELECT count(*) FROM message WHERE chat_id = chat.id AND deleted_at IS NULL)""",
    "messages missing from the search index": """
        SELECT id FROM message WHERE deleted_at IS NULL AND id NOT IN (SELECT rowid FROM message_index)""",
}


def rules() -> Results:
    for what, query in RULES.items():
        rows = [row[0] for row in models.database.execute_sql(query)]
        yield ("wrong", f"{what}: {len(rows)}, first id {rows[0]}") if rows else ("ok", f"no {what}")


def work() -> Results:
    waiting = models.Task.select().count()
    yield (("note", f"pending tasks: {waiting}") if waiting else ("ok", "no pending tasks"))


def media_folder() -> Results:
    try_writing(media.store.root)
    yield "ok", f"the media folder is writable ({media.store.root})"


def files() -> Results:
    named = every_key()
    missing = [key for key in named if not media.store.exists(key)]
    if missing:
        yield "wrong", f"files missing from the media folder: {len(missing)}, first {missing[0]}"
    else:
        yield "ok", f"all {len(named)} files are in the media folder"
    unnamed = set(media.store.keys()) - named
    if unnamed:
        yield "note", f"unused files in the media folder: {len(unnamed)}"


def space() -> Results:
    left = space_left()
    line = f"{models.human_size(left)} free beside the database"
    yield ("wrong" if left < LITTLE_SPACE else "ok"), line


CHECKS: tuple[Callable[[], Results], ...] = (
    keys, privacy, version, migrations, integrity, rules, work, media_folder, files, space,
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(before_workers())
