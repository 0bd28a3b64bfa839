"""The HTTP status of each error: one table, for pages and API."""

from __future__ import annotations

from typing import NamedTuple

from lib import jobs, machine
from models import errors

# The first match counts.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (errors.SignedOut, 401),
    (errors.NotThere, 404),
    (errors.Gone, 410),
    (errors.Forbidden, 403),
    (errors.TooLarge, 413),
    (errors.Taken, 409),
    (errors.Invalid, 422),
    (errors.TooMany, 429),
    (errors.Busy, 503),
    (jobs.Full, 503),
)
# Retry-After in seconds, for trouble of the machine and for a full pool.
LATER, SOON = 5, 2


class Outcome(NamedTuple):
    """The response to an error. `retry_after` is in seconds; 0 where a retry does not help."""

    status: int
    retry_after: int = 0

    @property
    def is_ours(self) -> bool:
        """Whether it is a bug of the program."""
        return self.status >= 500 and not self.retry_after


def of(error: BaseException) -> Outcome:
    """The status of an error, and when to retry."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return Outcome(status, getattr(error, "retry_after", SOON if status >= 500 else 0))
    # A werkzeug.exceptions.HTTPException knows its status.
    if isinstance(code := getattr(error, "code", None), int):
        return Outcome(code)
    if status := machine.trouble(error):
        return Outcome(status, LATER)
    return Outcome(500)
