"""One-time links: for a new password, and to confirm an e-mail address. Each is valid as long as its row exists."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from lib.limits import RESET_LINK_HOURS
from models.base import DAY_MICROSECONDS, HOUR_MICROSECONDS, Model, now, write
from models.errors import Errors, Forbidden, Invalid, NotThere, words
from models.login import hash_of
from models.user import WRONG_PASSWORD, User

# Letters, digits and some signs; RFC 5321 allows more that no provider uses.
EMAIL = re.compile(
    r"[A-Za-z0-9._%+'-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{1,62}"
)
EMAIL_MAX = 254
# How long an e-mailed reset link works, and one that is handed over.
EMAILED_MICROSECONDS = HOUR_MICROSECONDS
HANDED_MICROSECONDS = RESET_LINK_HOURS * HOUR_MICROSECONDS
PRUNED_AT_ONCE = 200


class Link(Model):
    """A one-time permission for anyone who knows its secret. Only the secret's hash is stored."""

    id = AutoField()
    user = ForeignKeyField(User)
    purpose = TextField()
    secret_hash = TextField(unique=True)
    email = TextField(default="")
    created_at = BigIntegerField()
    expires_at = BigIntegerField()

    secret: str = ""
    user_id: int

    @classmethod
    def open(cls, user: User, purpose: str, lifetime: int, email: str = "") -> Link:
        """Create a link that is valid for `lifetime` microseconds. Only the returned object has the `secret`.

        Raises NotThere when the account was closed.
        """
        secret = secrets.token_urlsafe(32)
        at = now()
        with write():
            User.find(user.id)
            cls.prune()
            link = cls.create(
                user=user,
                purpose=purpose,
                secret_hash=hash_of(secret),
                email=email,
                created_at=at,
                expires_at=at + lifetime,
            )
        link.secret = secret
        return link

    @classmethod
    def reset_by_admin(cls, user: User) -> Link:
        """Create a link to a new password for the operator to hand over."""
        return cls.open(user, "reset", HANDED_MICROSECONDS)

    @classmethod
    def reset_by_email(cls, user: User) -> Link:
        """Create a link to a new password to be sent to a person's address; valid for an hour.

        Raises NotThere when the account's address has changed since `user` was read.
        """
        with write():
            if User.find(user.id).email != user.email:
                raise NotThere("address")
            return cls.open(user, "reset", EMAILED_MICROSECONDS, user.email)

    @classmethod
    def dry_run(cls) -> str:
        """Do the same writes as `reset_by_email` and undo them, so that both take the same time.

        Returns an invalid secret.
        """
        with write():
            somebody = User.select().where(User.deleted_at.is_null()).first()
            if somebody is None:
                return secrets.token_urlsafe(32)
            link = cls.open(somebody, "reset", EMAILED_MICROSECONDS)
            cls.delete().where(cls.id == link.id).execute()
        return link.secret

    @classmethod
    def for_confirmation(
        cls, user: User, email: str, current_password: str, on_correct_password: Callable[[], None] = lambda: None
    ) -> Link:
        """Create the link that confirms a new address. The old one stays until it is opened.

        `on_correct_password` is called when the password is right, and may raise.

        Raises Invalid (`email`, `current_password`).
        """
        wrong: Errors = {}
        if len(email) > EMAIL_MAX or not EMAIL.fullmatch(email):
            wrong["email"] = [words("Enter a valid email address.")]
        if not user.verify(current_password):
            wrong["current_password"] = [WRONG_PASSWORD]
        if wrong:
            raise Invalid(wrong)
        on_correct_password()
        with write(user.check_unchanged):
            return cls.open(user, "email", DAY_MICROSECONDS, email)

    @classmethod
    def waiting(cls, user: User) -> str:
        """The latest address that waits to be confirmed; '' for none."""
        own = cls.select().where(cls.user == user, cls.purpose == "email", cls._lives())
        link = own.order_by(cls.id.desc()).first()
        return link.email if link else ""

    @classmethod
    def made_by(cls, admin: User, user: User) -> Link:
        """Create a link to a new password on behalf of an administrator. Raises Forbidden."""
        if admin == user and admin.is_admin:
            # Otherwise a browser left open would be enough to take over the account.
            raise Forbidden(words("Change your own password in Settings."))
        with write():
            if not User.find(admin.id).is_admin:
                raise Forbidden(words("Only a server administrator can do this."))
            return cls.reset_by_admin(user)

    @classmethod
    def _lives(cls) -> Any:
        """Rows that are not expired, and not from the future because the clock was set back."""
        return (cls.expires_at > now()) & (cls.created_at <= now())

    @classmethod
    def alive(cls, secret: str, purpose: str) -> Link:
        """Find a link by its secret. Raises NotThere when it was used, has expired or never existed."""
        link: Link | None = (
            cls.select(cls, User)
            .join(User)
            .where(
                cls.secret_hash == hash_of(secret),
                cls.purpose == purpose,
                cls._lives(),
                User.deleted_at.is_null(),
            )
            .first()
        )
        if link is None:
            raise NotThere("link")
        return link

    def use(self) -> None:
        """Use it up. Raises NotThere when it was used meanwhile or has expired."""
        if not Link.delete().where(Link.id == self.id, Link._lives()).execute():
            raise NotThere("link")

    @classmethod
    def prune(cls) -> int:
        """Delete expired links, a few at a time."""
        over = cls.select(cls.id).where(cls.expires_at < now()).limit(PRUNED_AT_ONCE)
        return int(cls.delete().where(cls.id.in_(over)).execute())
