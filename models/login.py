"""Logins: a browser's session, an API token, a page's short token. Each is a row, and dead without it (rule 6)."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, ForeignKeyField, OperationalError, TextField

import live
from models.base import Model, database, glimpse, iso, now, write
from models.errors import NotThere
from models.user import User

log = logging.getLogger(__name__)

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LIFETIMES = {"browser": DAY, "token": 30 * DAY, "page": 15 * MINUTE}
REMEMBERED = 30 * DAY
SEEN_EVERY = 5 * MINUTE
PRUNED_AT_ONCE = 200


class Login(Model):
    """Somebody signed in somewhere. The secret itself is kept nowhere, only its hash."""

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
        """A new login; `secret` stands on the returned object and nowhere else. Raises NotThere."""
        secret = secrets.token_urlsafe(32)
        at = now()
        with write():
            # The password may have been changed, or the account closed, while it was being checked.
            same = (User.id == user.id, User.password == user.password, User.deleted_at.is_null())
            if not User.select().where(*same).exists():
                raise NotThere("account")
            cls.prune()
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
    def by_secret(cls, secret: str, kinds: Iterable[str]) -> Login | None:
        """The living login behind a secret, its user loaded; None when it ended or the account is gone."""
        login: Login | None = (
            cls.select(cls, User)
            .join(User)
            .where(cls.secret_hash == hash_of(secret), cls.kind.in_(list(kinds)), cls.expires_at > now())
            .first()
        )
        if login is None or login.user.deleted_at is not None:
            return None
        login._seen()
        return login

    @classmethod
    def glimpsed(cls, secret: str, kinds: Sequence[str]) -> tuple[int, int] | None:
        """The ids of the living login behind a secret and of its person, in one quick look.

        None also where `by_secret` has more to do; so it is asked then.
        """
        marks, at = ", ".join("?" * len(kinds)), now()
        found = glimpse(
            f"SELECT s.id, s.user_id FROM session s JOIN user u ON u.id = s.user_id AND u.deleted_at IS NULL "
            f"WHERE s.secret_hash = ? AND s.kind IN ({marks}) AND s.expires_at > ? AND s.seen_at > ?",
            (hash_of(secret), *kinds, at, at - SEEN_EVERY),
        )
        return (found[0][0], found[0][1]) if found else None

    def _seen(self) -> None:
        """Move `seen_at` on, and a browser's end with it, at most every five minutes."""
        at = now()
        if at - self.seen_at < SEEN_EVERY:
            return
        ends = self.expires_at
        if self.kind == "browser":
            ends = at + (REMEMBERED if self.remembered else LIFETIMES["browser"])
        try:
            Login.update(seen_at=at, expires_at=ends).where(Login.id == self.id).execute()
        except OperationalError as error:
            # Reading goes on while nothing can be written (rule 27); the next request tries again.
            log.warning("a login's last-seen time could not be written: %s", error)

    @classmethod
    def of(cls, user: User) -> list[Login]:
        """The living logins of a person, the latest seen first; a page's short tokens are part of their session."""
        alive = (cls.user == user, cls.expires_at > now(), cls.kind != "page")
        return list(cls.select().where(*alive).order_by(cls.seen_at.desc(), cls.id.desc()))

    @property
    def root(self) -> Login:
        """The login that this one lives by: a page's short token is part of its session."""
        return self.parent if self.kind == "page" and self.parent is not None else self

    @classmethod
    def end(cls, user: User, login_id: int) -> None:
        """End one of a person's logins, and what lives by it. Raises NotThere."""
        if not cls.delete().where(cls.id == login_id, cls.user == user, cls.kind != "page").execute():
            raise NotThere("login")
        database.after_commit(live.logins_ended)

    @classmethod
    def end_all(cls, user: User, keep: Login | None) -> None:
        """End all of a person's logins but `keep` and the short tokens that live by it."""
        ended = cls.delete().where(cls.user == user)
        if keep is not None:
            ended = ended.where(cls.id != keep.id, cls.parent.is_null() | (cls.parent != keep.id))
        ended.execute()
        database.after_commit(live.logins_ended)

    def close(self) -> None:
        """End this login."""
        Login.delete().where(Login.id == self.id).execute()
        database.after_commit(live.logins_ended)

    @classmethod
    def prune(cls) -> int:
        """Drop a few that are over."""
        over = cls.select(cls.id).where(cls.expires_at < now()).limit(PRUNED_AT_ONCE)
        return int(cls.delete().where(cls.id.in_(over)).execute())

    @property
    def browser(self) -> str:
        """The browser's name as its user agent tells it, or ''."""
        for pattern, name in BROWSERS:
            if re.search(pattern, self.user_agent):
                return name
        return ""

    @property
    def system(self) -> str:
        """The operating system's name as the user agent tells it, or ''."""
        for pattern, name in SYSTEMS:
            if re.search(pattern, self.user_agent):
                return name
        return ""

    @property
    def is_phone(self) -> bool:
        return self.system in ("iPhone", "Android")

    @property
    def label(self) -> str:
        """What to call it: the browser and its system, or the program's own name; '' for none."""
        known = " on ".join(part for part in (self.browser, self.system) if part)
        return known or self.user_agent.partition("/")[0][:40]

    def to_dict(self, this: Login) -> dict[str, Any]:
        """As its owner sees it; `this` is the login that asks."""
        return {
            "id": self.id,
            "kind": self.kind,
            "device": self.label,
            "address": self.address,
            "created_at": iso(self.created_at),
            "seen_at": iso(self.seen_at),
            "current": self.id == this.root.id,
        }


# The order matters: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
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
    """What is kept of a secret. It is long and random, so one round is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
