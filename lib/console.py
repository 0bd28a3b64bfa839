"""What commands print: one line each, with control characters escaped."""

from __future__ import annotations

import click

from lib.logs import escape


class CommandError(click.ClickException):
    """A command failed. Control characters in the text are escaped."""

    def format_message(self) -> str:
        return escape(super().format_message())


def echo(line: str) -> None:
    """Print a line with its control characters escaped."""
    click.echo(escape(line))
