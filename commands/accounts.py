"""The commands for accounts: create an administrator, reset a password."""

from __future__ import annotations

import secrets

import click
from flask import current_app
from flask.cli import with_appcontext

from actions import accounts
from commands.errors import one_line_errors
from lib.console import CommandError, echo
from lib.limits import RESET_LINK_HOURS
from models import Link, User


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
        link = Link.reset_by_admin(User.named(username))
    base = config["PUBLIC_URL"] or config["LOCAL_URL"]
    echo(f"{base}/reset/{link.secret}")
    echo(f"The link works once, within {RESET_LINK_HOURS} hours.")
