"""The command that tests sending e-mail."""

from __future__ import annotations

import click

from lib import mailer
from lib.console import CommandError, echo


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
