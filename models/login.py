"""Logins: a browser session, an API token, a page's short-lived token. Each is valid while its row exists (rule 6)."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, DatabaseError, ForeignKeyField, TextField

from lib.limits import REMEMBERED_DAYS, TOKEN_DAYS
from lib.machine import trouble
from models.base import (
    DAY_MICROSECONDS,
    MINUTE_MICROSECONDS,
    Model,
    after_commit,
    database,
    iso,
    now,
    write,
)
from models.errors import NotThere, SignedOut
from models.statements import statement
from models.user import User
from stream import client as stream_client

logger = logging.getLogger(__name__)

LIFETIMES = {"browser": DAY_MICROSECONDS, "token": TOKEN_DAYS * DAY_MICROSECONDS, "page": 15 * MINUTE_MICROSECONDS}
REMEMBERED = REMEMBERED_DAYS * DAY_MICROSECONDS
SEEN_EVERY = 5 * MINUTE_MICROSECONDS
PRUNED_AT_ONCE = 200
# Per person.
LOGINS_MAX = 1_000


class Login(Model):
    """A person signed in on one device. Only the secret's hash is stored."""

    id = AutoField()
    user = ForeignKeyField(User)
    parent = ForeignKeyField("self", null=True)
    kind = TextField()
    secret_hash = TextField(unique=True)
    user_agent = TextField(default="")
    address = TextField(default="")
    remembered = BooleanField(default=False)
    created_at = BigIntegerField()
    seen_at = BigIntegerField()
    expires_at = BigIntegerField()

    secret: str = ""
    user_id: int
    parent_id: int | None

    class Meta:
        table_name = "session"

    @classmethod
    def open(
        cls,
        user: User,
        kind: str,
        user_agent: str = "",
        address: str = "",
        remember: bool = False,
        parent: Login | None = None,
    ) -> Login:
        """Create a login. Only the returned object has the `secret`.

        Raises NotThere when the account changed since its password was checked, SignedOut when the `parent` has ended.
        """
        secret = secrets.token_urlsafe(32)
        at = now()
        with write():
            if parent is not None:
                cls.check_alive(parent.id)
            elif not user.is_unchanged():
                raise NotThere("account")
            cls.prune()
            cls._let_go(user)
            login = cls.create(
                user=user,
                parent=parent,
                kind=kind,
                secret_hash=hash_of(secret),
                user_agent=user_agent[:300],
                address=address[:64],
                remembered=remember,
                created_at=at,
                seen_at=at,
                expires_at=at + (REMEMBERED if remember else LIFETIMES[kind]),
            )
        login.secret = secret
        return login

    @classmethod
    def _let_go(cls, user: User) -> None:
        """End the logins seen longest ago beyond LOGINS_MAX, so that ending all of them stays fast."""
        many = cls.select(cls.id).where(cls.user == user).order_by(cls.seen_at.desc(), cls.id.desc())
        over = many.offset(LOGINS_MAX - 1).limit(PRUNED_AT_ONCE)
        cls.delete().where(cls.id.in_(over)).execute()

    @classmethod
    def by_secret(cls, secret: str, kinds: Collection[str]) -> Login | None:
        """Find a login by its secret, with its user; None when it has ended or the account is closed."""
        login: Login | None = login_by_hash.first(hash_of(secret), now())
        if login is None or login.kind not in kinds or login.user.deleted_at is not None:
            return None
        login._seen()
        return login

    @classmethod
    def check_alive(cls, login_id: int) -> None:
        """Raise SignedOut when a login has ended. Inside a write() only, so that it can't end before the commit."""
        # By its id alone, since every change runs this: the row is deleted with its account, parent and password.
        if not database.execute_sql("SELECT 1 FROM session WHERE id = ?", (login_id,)).fetchone():
            raise SignedOut("login")

    @classmethod
    def find_ids(cls, secret: str, kinds: Sequence[str]) -> tuple[int, int] | None:
        """Find the ids of a login and its user by its secret, with one short query.

        None does not mean that it has ended: the caller has to try `by_secret`, which also updates `seen_at`.
        """
        marks, at = ", ".join("?" * len(kinds)), now()
        found = database.read_only_query(
            f'SELECT s.id, s.user_id FROM session s JOIN "user" u ON u.id = s.user_id AND u.deleted_at IS NULL '
            f"WHERE s.secret_hash = ? AND s.kind IN ({marks}) AND s.expires_at > ? AND s.seen_at BETWEEN ? AND ?",
            (hash_of(secret), *kinds, at, at - SEEN_EVERY, at),
        )
        return (found[0][0], found[0][1]) if found else None

    def _seen(self) -> None:
        """Update `seen_at`, and a browser login's expiry, at most every five minutes.

        After the clock was set back both move back, so that no login outlives a new one.
        """
        at = now()
        if 0 <= at - self.seen_at < SEEN_EVERY:
            return
        ends = at + (REMEMBERED if self.remembered else LIFETIMES[self.kind])
        if self.kind != "browser":
            ends = min(ends, self.expires_at)
        try:
            Login.update(seen_at=at, expires_at=ends).where(Login.id == self.id).execute()
        except DatabaseError as error:
            if not trouble(error):
                raise
            # Reading still works while the database can't be written (rule 27); the next request tries again.
            logger.warning("can't write a login's last-seen time: %s", error)

    @classmethod
    def of(cls, user: User) -> list[Login]:
        """The logins of a person, latest seen first, without the short-lived tokens of pages."""
        alive = (cls.user == user, cls.expires_at > now(), cls.kind != "page")
        return list(cls.select().where(*alive).order_by(cls.seen_at.desc(), cls.id.desc()))

    @property
    def root(self) -> Login:
        """The login itself; for a page's short-lived token its session."""
        return self.parent if self.kind == "page" and self.parent is not None else self

    @property
    def root_id(self) -> int:
        """The id of `root`, without a query."""
        return int(self.parent_id if self.kind == "page" and self.parent_id is not None else self.id)

    @classmethod
    def end(cls, user: User, login_id: int) -> None:
        """End one of a person's logins, with its short-lived tokens. Raises NotThere."""
        with write():
            if not cls.delete().where(cls.id == login_id, cls.user == user, cls.kind != "page").execute():
                raise NotThere("login")
            after_commit(stream_client.logins_ended)

    @classmethod
    def end_all(cls, user: User, keep: Login | None) -> None:
        """End all of a person's logins except `keep` and its short-lived tokens."""
        ended = cls.delete().where(cls.user == user)
        if keep is not None:
            ended = ended.where(cls.id != keep.id, cls.parent.is_null() | (cls.parent != keep.id))
        with write():
            ended.execute()
            after_commit(stream_client.logins_ended)

    def close(self) -> None:
        """End this login, if it has not ended yet. Not amidst a change that it makes: that would still be committed."""
        with contextlib.suppress(SignedOut), write():
            Login.delete().where(Login.id == self.id).execute()
            after_commit(stream_client.logins_ended)

    @classmethod
    def prune(cls) -> int:
        """Delete expired logins, a few at a time."""
        over = cls.select(cls.id).where(cls.expires_at < now()).limit(PRUNED_AT_ONCE)
        return int(cls.delete().where(cls.id.in_(over)).execute())

    @property
    def browser(self) -> str:
        """The browser's name according to the user agent, or ''."""
        return self._first_of(BROWSERS)

    @property
    def system(self) -> str:
        """The operating system's name according to the user agent, or ''."""
        return self._first_of(SYSTEMS)

    def _first_of(self, names: Iterable[tuple[str, str]]) -> str:
        """The name beside the first pattern that the user agent matches, or ''."""
        return next((name for pattern, name in names if re.search(pattern, self.user_agent)), "")

    @property
    def is_phone(self) -> bool:
        return self.system in ("iPhone", "Android")

    @property
    def label(self) -> str:
        """The browser and its system, or the program's name; '' for none."""
        known = " on ".join(part for part in (self.browser, self.system) if part)
        return known or self.user_agent.partition("/")[0][:40]

    def to_dict(self, this: Login) -> dict[str, Any]:
        """The dict for its owner; `this` is the requesting login."""
        return {
            "id": self.id,
            "kind": self.kind,
            "device": self.label,
            "address": self.address,
            "created_at": iso(self.created_at),
            "seen_at": iso(self.seen_at),
            "current": self.id == this.root.id,
        }


@statement
def login_by_hash(secret_hash: Any, at: Any) -> Any:
    """A login with its user."""
    return Login.select(Login, User).join(User).where(Login.secret_hash == secret_hash, Login.expires_at > at)


# The order matters: Edge and Opera also claim to be Chrome, and Chrome to be Safari.
BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/", "Opera"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrom(e|ium)/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
)
SYSTEMS = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"CrOS", "ChromeOS"),
    (r"Linux|X11", "Linux"),
)


def hash_of(secret: str) -> str:
    """Hash a secret. It is long and random, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
