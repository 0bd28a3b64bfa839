"""The errors that models and actions raise, with translatable messages."""

from __future__ import annotations

from typing import Any


class Words(str):
    """An English sentence that remembers its template and parameters, so that it can be translated later."""

    message: str
    params: dict[str, Any]


def words(message: str, **params: Any) -> Words:
    """Mark a sentence for translation; parameters are written `%(name)s`."""
    sentence = Words(message % params)
    sentence.message = message
    sentence.params = params
    return sentence


Errors = dict[str, list[Words]]


class Refused(Exception):
    """Base class: the action was refused, and nothing was changed."""


class Invalid(Refused):
    """Invalid input: `errors` maps each field to its messages."""

    def __init__(self, errors: Errors | None = None, **fields: Words) -> None:
        self.errors: Errors = dict(errors or {})
        for field, sentence in fields.items():
            self.errors.setdefault(field, []).append(sentence)
        super().__init__("; ".join(f"{field}: {' '.join(messages)}" for field, messages in self.errors.items()))


class Taken(Invalid):
    """The name is taken, or the person is already a member."""


class NotThere(Refused, LookupError):
    """It does not exist, or is not visible to this person: the two look the same (rule 1)."""


class Forbidden(Refused):
    """Visible to this person, but they may not do this."""

    def __init__(self, reason: Words) -> None:
        self.reason = reason
        super().__init__(reason)


class SignedOut(Refused):
    """The requesting login has ended since the request began."""


class Gone(Refused):
    """The message sent with this Idempotency-Key was deleted since."""


class TooLarge(Refused):
    """A file exceeds the limit; `field` is its form field."""

    def __init__(self, field: str, reason: Words) -> None:
        self.field = field
        self.reason = reason
        super().__init__(reason)


class TooMany(Refused):
    """Too many attempts; try again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(f"too many, again in {self.retry_after} s")


class Busy(Refused):
    """The server is busy; try again after `retry_after` seconds."""

    def __init__(self, retry_after: int = 2) -> None:
        self.retry_after = retry_after
        super().__init__(f"busy, again in {self.retry_after} s")
