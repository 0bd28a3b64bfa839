"""What is in a database URL; opens nothing."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# libpq takes passwords as parameters, too.
PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&]*")


def is_postgres(url: str) -> bool:
    """Whether it names a Postgres server; otherwise a file of SQLite."""
    return urlsplit(url).scheme in ("postgres", "postgresql")


def shown(url: str) -> str:
    """The URL without its passwords, for logs and messages."""
    hidden = PASSWORD.sub(r"\1…", url)
    parts = urlsplit(hidden)
    if parts.password is None:
        return hidden
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}:…@{host}").geturl()
