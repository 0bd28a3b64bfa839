"""How long the database may make somebody wait, and how far its clock is from this host's."""

from __future__ import annotations

# How long a change waits for others before it is refused with 503.
BUSY_SECONDS = 5


class Clock:
    """What to add to this host's clock, in microseconds: hosts with one database go by the database's clock."""

    offset = 0


clock = Clock()
