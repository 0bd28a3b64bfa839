"""Passwords: what is accepted, and how they are kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import cache

import bcrypt

import jobs
from models.base import limits
from models.errors import Busy, Invalid, Words, words

COMMONEST = 10_000


class Keeping:
    """How passwords are hashed: the pepper comes from the secret key at the start; `rounds` is bcrypt's cost."""

    pepper = b""
    rounds = 12


def use_key(secret_key: str) -> None:
    """Derive the pepper from the site's secret key. Another key makes every kept password void."""
    Keeping.pepper = hmac.digest(secret_key.encode(), b"password pepper", "sha256")
    stand_in.cache_clear()
    # Now, not at the first unknown name, which would take twice the time of a known one.
    stand_in()


def check(password: str, field: str = "password") -> None:
    """Raise Invalid for a password that is too short, too long or among the commonest."""
    wrong = complaint(password)
    if wrong:
        raise Invalid({field: [wrong]})


def complaint(password: str) -> Words | None:
    """What is wrong with a password, if anything."""
    if len(password) < limits.password_min:
        return words("At least %(least)d characters.", least=limits.password_min)
    if len(password) > limits.password_max:
        return words("At most %(most)d characters.", most=limits.password_max)
    if password.casefold() in commonest():
        return words("This is among the most common passwords.")
    return None


@cache
def commonest() -> frozenset[str]:
    """The passwords that people choose most, as zxcvbn's list ranks them."""
    # Imported late: the lists take a moment, and most requests never need them.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"][:COMMONEST])


def hashed(password: str) -> str:
    """A bcrypt hash over base64(HMAC-SHA-256(pepper, password)), made in the pool.

    bcrypt counts 72 bytes and no more; the HMAC counts the whole password (rule 8).
    """
    try:
        return jobs.run(bcrypt.hashpw, digest(password), bcrypt.gensalt(Keeping.rounds)).decode()
    except jobs.Full as full:
        raise Busy() from full


def matches(password: str, kept: str | None) -> bool:
    """Whether this is the password behind the hash. No hash takes as long as a wrong one and is never right."""
    if len(password) > limits.password_max:
        password = ""
    try:
        same = jobs.run(bcrypt.checkpw, digest(password), (kept or stand_in()).encode())
    except jobs.Full as full:
        raise Busy() from full
    return bool(same and kept)


def digest(password: str) -> bytes:
    """The password as bcrypt gets it: 44 bytes, none of them zero."""
    mac = hmac.new(Keeping.pepper, password.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.b64encode(mac.digest())


@cache
def stand_in() -> str:
    """A hash that nobody knows the password of: an unknown name costs what a known one does."""
    return bcrypt.hashpw(digest(secrets.token_hex()), bcrypt.gensalt(Keeping.rounds)).decode()
