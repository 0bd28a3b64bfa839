"""Links that open something once: a new password, an e-mail address. Each is a row, and dead without it."""

from __future__ import annotations

import re
import secrets

from peewee import AutoField, BigIntegerField, ForeignKeyField, TextField

from models import password as passwords
from models.base import Model, now, write
from models.errors import Errors, Forbidden, Invalid, NotThere, words
from models.login import DAY, HOUR, hash_of
from models.user import User

# Letters, digits and some signs; RFC 5321 allows more that no provider gives out.
EMAIL = re.compile(
    r"[A-Za-z0-9._%+'-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{1,62}"
)
EMAIL_MAX = 254
BY_MAIL = HOUR
BY_HAND = DAY
PRUNED_AT_ONCE = 200


class Link(Model):
    """Who has its secret may do one thing for a person, once. The secret itself is kept nowhere, only its hash."""

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
        """A new link of so many microseconds; `secret` stands on the returned object and nowhere else."""
        secret = secrets.token_urlsafe(32)
        at = now()
        with write():
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
    def by_hand(cls, user: User) -> Link:
        """A link to a new password that the operator hands over; it lives for a day."""
        return cls.open(user, "reset", BY_HAND)

    @classmethod
    def by_mail(cls, user: User) -> Link:
        """A link to a new password that goes to a person's own address; it lives for an hour."""
        return cls.open(user, "reset", BY_MAIL, user.email)

    @classmethod
    def to_email(cls, user: User, email: str, current_password: str) -> Link:
        """A link by which a person confirms that an address is theirs; until then nothing is changed.

        Raises Invalid (`email`, `current_password`).
        """
        wrong: Errors = {}
        if len(email) > EMAIL_MAX or not EMAIL.fullmatch(email):
            wrong["email"] = [words("This is not an e-mail address.")]
        if not user.verify(current_password):
            wrong["current_password"] = [words("This is not your password.")]
        if wrong:
            raise Invalid(wrong)
        return cls.open(user, "email", DAY, email)

    @classmethod
    def waiting(cls, user: User) -> str:
        """The address that waits for being confirmed, the last given; '' for none."""
        mine = cls.select().where(cls.user == user, cls.purpose == "email", cls.expires_at > now())
        link = mine.order_by(cls.id.desc()).first()
        return link.email if link else ""

    def confirm_email(self) -> str:
        """Use it up: the address is the account's from now on. Returns the one before. Raises NotThere."""
        with write():
            self._use()
            # What was sent to another mailbox opens nothing more: perhaps it was changed because that one was lost.
            Link.delete().where(Link.user == self.user, Link.email != "").execute()
            return self.user.keep_email(self.email)

    @classmethod
    def made_by(cls, admin: User, user: User) -> Link:
        """The same, made by an administrator for somebody else. Raises Forbidden."""
        if not admin.is_admin:
            raise Forbidden(words("Only an administrator of this place may do this."))
        if admin == user:
            # Else a browser left open would be enough to take the account over.
            raise Forbidden(words("Your own password is changed in the settings."))
        return cls.by_hand(user)

    @classmethod
    def alive(cls, secret: str, purpose: str) -> Link:
        """The link behind a secret. Raises NotThere when it was used, is too old or was none."""
        link: Link | None = (
            cls.select(cls, User)
            .join(User)
            .where(
                cls.secret_hash == hash_of(secret),
                cls.purpose == purpose,
                cls.expires_at > now(),
                User.deleted_at.is_null(),
            )
            .first()
        )
        if link is None:
            raise NotThere("link")
        return link

    def set_password(self, new: str) -> User:
        """Use it up for a new password: every login, token and link ends. Raises Invalid, NotThere."""
        passwords.check(new)
        # Made before the transaction: nobody waits for a hash (rule 19).
        kept = passwords.hashed(new)
        with write():
            self._use()
            self.user.keep_password(kept)
        return self.user

    def _use(self) -> None:
        """Raises NotThere when another has used it meanwhile, or it became too old."""
        if not Link.delete().where(Link.id == self.id, Link.expires_at > now()).execute():
            raise NotThere("link")

    @classmethod
    def prune(cls) -> int:
        """Drop a few that are over."""
        over = cls.select(cls.id).where(cls.expires_at < now()).limit(PRUNED_AT_ONCE)
        return int(cls.delete().where(cls.id.in_(over)).execute())
