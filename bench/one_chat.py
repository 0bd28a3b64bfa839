"""A fresh database in a temporary folder, with one person and their chat."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import models
from actions import accounts, chats
from models import Membership
from models import password as passwords


@contextmanager
def one_chat() -> Iterator[Membership]:
    """Open the database; yield the person's membership in the chat. The folder is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        models.open_database(f"sqlite:///{folder}/chat.db")
        models.use(Path(folder) / "media", throttled=False)
        passwords.hashing.rounds = 4
        models.migrate()
        try:
            yield chats.start(accounts.register("ann", "correct horse battery"), "Garden")
        finally:
            models.database.close()
