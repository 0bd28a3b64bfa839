"""Passwords: validation and hashing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import ParamSpec, TypeVar

import bcrypt

from lib import jobs
from models.base import limits
from models.errors import Busy, Invalid, TooMany, Words, words

COMMON_PASSWORDS = 10_000
# How many passwords of one client may run or wait in a process, right ones too: each costs a quarter of a second.
AT_ONCE = 4

P = ParamSpec("P")
R = TypeVar("R")


class Hashing:
    """Settings of the password hash. The pepper is derived from the secret key; `rounds` is bcrypt's cost.

    `client_key` returns a key for the current request's client; '' is the operator or the process itself, unlimited.
    """

    def __init__(self) -> None:
        self.pepper = b""
        self.rounds = 12
        self.client_key: Callable[[], str] = lambda: ""


hashing = Hashing()


def limit_per_client(client_key: Callable[[], str]) -> None:
    """Let clients take turns, with at most AT_ONCE passwords each. `client_key` returns the current client's key."""
    hashing.client_key = client_key


def use_key(secret_key: str) -> None:
    """Derive the pepper from the secret key. Another key makes every stored password invalid."""
    hashing.pepper = hmac.digest(secret_key.encode(), b"password pepper", "sha256")
    dummy_hash.cache_clear()
    # Now, since doing it at the first unknown name would double that request's time.
    dummy_hash()


def check(password: str, field: str = "password") -> None:
    """Raise Invalid for a password that is too short, too long or too common."""
    wrong = password_error(password)
    if wrong:
        raise Invalid({field: [wrong]})


def normal(password: str) -> str:
    """Normalize a password to NFC, since keyboards differ in how they encode é (RFC 8265, 4.2.2)."""
    return unicodedata.normalize("NFC", password) if len(password) <= 4 * limits.password_max else password


def password_error(password: str) -> Words | None:
    """What is wrong with a password, if anything."""
    password = normal(password)
    if len(password) < limits.password_min:
        return words("Use at least %(least)d characters.", least=limits.password_min)
    if len(password) > limits.password_max:
        return words("Use %(most)d characters or fewer.", most=limits.password_max)
    if password.casefold() in common_passwords():
        return words("This password is too common. Choose another one.")
    return None


@cache
def common_passwords() -> frozenset[str]:
    """The most common passwords of zxcvbn's list."""
    # Imported late: the lists are slow to import, and most requests never need them.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"][:COMMON_PASSWORDS])


def hashed(password: str) -> str:
    """Hash a password with bcrypt over base64(HMAC-SHA-256(pepper, password)), in the pool.

    bcrypt ignores everything after 72 bytes; the HMAC includes the whole password (rule 8).
    """
    return run_in_pool(bcrypt.hashpw, digest(normal(password)), bcrypt.gensalt(hashing.rounds)).decode()


def matches(password: str, hash: str | None) -> bool:
    """Whether the hash is of this password.

    A missing hash takes as long to check as a wrong password, and never matches.
    """
    # Passwords set before they were normalized may have been hashed as typed.
    forms = dict.fromkeys(form if len(form) <= limits.password_max else "" for form in (normal(password), password))
    same = any([run_in_pool(bcrypt.checkpw, digest(form), (hash or dummy_hash()).encode()) for form in forms])
    return bool(same and hash)


@contextmanager
def place() -> Iterator[None]:
    """Reserve a place in the pool for a block. Raises TooMany when this client has too many."""
    client_key = hashing.client_key()
    with _translate_errors(), jobs.reserve_slot(client_key, limit_for(client_key)):
        yield


def run_in_pool(work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """Run a function in the pool. Raises TooMany when this client has too many jobs there, Busy when it is full."""
    client_key = hashing.client_key()
    with _translate_errors():
        return jobs.run_for(client_key, limit_for(client_key), work, *args, **named)


def limit_for(client_key: str) -> int | None:
    return AT_ONCE if client_key and limits.throttled else None


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except jobs.TooManyForKey as error:
        raise TooMany(1) from error
    except jobs.Full as full:
        raise Busy() from full


def digest(password: str) -> bytes:
    """The password as passed to bcrypt: 44 bytes, none of them zero."""
    mac = hmac.new(hashing.pepper, password.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.b64encode(mac.digest())


@cache
def dummy_hash() -> str:
    """The hash of a random password, so that an unknown name takes as long as a known one."""
    return bcrypt.hashpw(digest(secrets.token_hex()), bcrypt.gensalt(hashing.rounds)).decode()
