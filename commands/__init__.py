"""The command line: `flask init`, `flask doctor` and the others; `python chat.py`."""

from __future__ import annotations

from flask import Flask

from commands import accounts, database, doctor, files, mail, messages, moves

COMMANDS = (
    database.init, database.migrate, database.restore,
    accounts.create_admin, accounts.reset_password, accounts.reset_link,
    mail.try_mail, messages.seed, messages.load, doctor.doctor,
    files.move_media, moves.move_to_postgres, moves.move_to_sqlite, moves.reopen_database,
)  # fmt: skip


def register(app: Flask) -> None:
    """Register the commands with `flask`."""
    for command in COMMANDS:
        app.cli.add_command(command)
