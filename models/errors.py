"""What a verb of the models can refuse, in words that a page can translate."""

from __future__ import annotations

from typing import Any


class Words(str):
    """An English sentence that remembers its template and parameters, so that a page can say it in Russian."""

    message: str
    params: dict[str, Any]


def words(message: str, **params: Any) -> Words:
    """Mark a sentence for translation; its parameters stand as `%(name)s`."""
    sentence = Words(message % params)
    sentence.message = message
    sentence.params = params
    return sentence


Errors = dict[str, list[Words]]


class Refused(Exception):
    """A verb said no; nothing was changed."""


class Invalid(Refused):
    """Understood but wrong: `errors` maps each field to what is wrong with it."""

    def __init__(self, errors: Errors | None = None, **fields: Words) -> None:
        self.errors: Errors = dict(errors or {})
        for field, sentence in fields.items():
            self.errors.setdefault(field, []).append(sentence)
        super().__init__("; ".join(f"{field}: {' '.join(said)}" for field, said in self.errors.items()))


class Taken(Invalid):
    """Somebody else has it, or it is in there already."""


class NotThere(Refused, LookupError):
    """There is none, or it is not yours to see: the two look the same (rule 1)."""


class Forbidden(Refused):
    """Yours to see, not yours to change."""

    def __init__(self, reason: Words) -> None:
        self.reason = reason
        super().__init__(reason)


class Gone(Refused):
    """What this key sent was deleted since."""


class TooLarge(Refused):
    """A file over the limit; `field` is where it came in."""

    def __init__(self, field: str, reason: Words) -> None:
        self.field = field
        self.reason = reason
        super().__init__(reason)


class TooMany(Refused):
    """Too often; try again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(f"too many, again in {self.retry_after} s")


class Busy(Refused):
    """No room for this work now; try again after `retry_after` seconds."""

    def __init__(self, retry_after: int = 2) -> None:
        self.retry_after = retry_after
        super().__init__(f"busy, again in {self.retry_after} s")
