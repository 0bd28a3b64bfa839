"""Which database drivers Peewee loads: it imports each one that is installed, and psycopg takes 17 MB of a process."""

from __future__ import annotations

import sys
from typing import Any

from lib.database_url import is_postgres

PSYCOPG = "psycopg"


def hide_unused(database_url: str) -> None:
    """Let Peewee, which is not imported yet, find psycopg only where the database is Postgres."""
    modules: dict[str, Any] = dict(sys.modules)
    if is_postgres(database_url):
        # A reload may have changed the setting.
        if modules.get(PSYCOPG, PSYCOPG) is None:
            del sys.modules[PSYCOPG]
    elif PSYCOPG not in modules:
        sys.modules[PSYCOPG] = None  # type: ignore[assignment]
