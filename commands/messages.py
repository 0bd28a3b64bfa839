"""The commands that fill a database: sample chats, or messages from elsewhere."""

from __future__ import annotations

import secrets
import sys

import click

import models
from actions import loading
from commands.database import run_migrations
from commands.errors import one_line_errors
from lib.console import CommandError, echo
from models import User


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
