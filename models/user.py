"""People."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from peewee import AutoField, BigIntegerField, BooleanField, ForeignKeyField, IntegrityError, TextField, fn

import names
from models import password as passwords
from models.base import Model, initials, iso, limits, now, remove_after_commit, write
from models.errors import Errors, Invalid, NotThere, Taken, Words, words
from models.event import Event
from search import fold
from storage import Upload
from text import clean, one_line

LANGUAGES = ("", "en", "ru")
THEMES = ("", "light", "dark")


class User(Model):
    """An account. A closed one keeps its row, so that its messages have somebody behind them, but no name."""

    id = AutoField()
    username = TextField()
    username_key = TextField(null=True, unique=True)
    name = TextField(default="")
    name_key = TextField(default="")
    about = TextField(default="")
    avatar = TextField(null=True)
    language = TextField(default="")
    theme = TextField(default="")
    password = TextField(null=True)
    is_admin = BooleanField(default=False)
    # Confirmed, and nobody else's to see; '' for none.
    email = TextField(default="")
    created_at = BigIntegerField()
    deleted_at = BigIntegerField(null=True)

    # What Flask-Login asks of a user. Its id is the secret of the login that the person came by, so that a
    # copied cookie is dead once that login ended.
    is_authenticated = is_active = True
    is_anonymous = False
    login_secret: str = ""

    def get_id(self) -> str:
        return self.login_secret

    @classmethod
    def register(cls, username: str, password: str, name: str = "", about: str = "", is_admin: bool = False) -> User:
        """Open an account. Raises Invalid with every field that is wrong, Taken when the name is."""
        wrong: Errors = {}
        naming = _collect(wrong, lambda: naming_of(username))
        said = _collect(wrong, lambda: profile_of(name=name, about=about))
        _collect(wrong, lambda: passwords.check(password))
        if wrong or naming is None or said is None:
            raise Invalid(wrong)
        # Asked before the hash is made: a name that is taken should not cost a quarter of a second.
        if Claim.select().where(Claim.digest.in_(Claim.digests(naming["username"]))).exists():
            raise Taken(username=words("This name is taken."))
        kept = passwords.hashed(password)
        try:
            with write():
                user = cls.create(**naming, **said, password=kept, is_admin=is_admin, created_at=now())
                Claim.take(user)
                return user
        except IntegrityError as clash:
            raise Taken(username=words("This name is taken.")) from clash

    @classmethod
    def find(cls, user_id: int) -> User:
        """The account with this id. Raises NotThere, also when it was closed."""
        return cls._one(cls.id == user_id)

    @classmethod
    def named(cls, username: str) -> User:
        """The account of this name, in any letter case. Raises NotThere."""
        return cls._one(cls.username_key == names.key(username))

    @classmethod
    def _one(cls, which: Any) -> User:
        user = cls.get_or_none(which, cls.deleted_at.is_null())
        if user is None:
            raise NotThere("user")
        return user

    @classmethod
    def all_named(cls, usernames: Iterable[str]) -> dict[str, User]:
        """The accounts of these names, by look-up key."""
        keys = [names.key(username) for username in usernames]
        found: dict[str, User] = {}
        for start in range(0, len(keys), 500):
            for user in cls.select().where(cls.username_key.in_(keys[start : start + 500])):
                found[str(user.username_key)] = user
        return found

    @classmethod
    def starting_with(cls, q: str, limit: int, after: str | None = None) -> list[User]:
        """People whose username or name starts so, in any letter case, by username; those past `after`."""
        start = names.key(q.strip())
        which = cls.deleted_at.is_null()
        if start:
            which &= _starts(cls.username_key, start) | _starts(cls.name_key, fold(q.strip()))
        if after is not None:
            which &= cls.username_key > names.key(after)
        return list(cls.select().where(which).order_by(cls.username_key).limit(limit))

    @classmethod
    def check(cls, username: str, password: str) -> User | None:
        """The account that this name and password open, else None, in the same time whether the name is known."""
        user = cls.get_or_none(cls.username_key == names.key(username), cls.deleted_at.is_null())
        right = passwords.matches(password, user.password if user else None)
        return user if right else None

    def verify(self, password: str) -> bool:
        """Whether this is the account's password."""
        return passwords.matches(password, self.password)

    def change(
        self, password: str | None = None, current_password: str | None = None, keep: Any = None, **fields: str
    ) -> User:
        """Change username, name, about, language, theme or password, all or nothing.

        A new password needs the current one, and ends every login and token but `keep`. Raises Invalid, each
        field named, or Taken.
        """
        wrong: Errors = {}
        username = fields.pop("username", None)
        changed = _collect(wrong, lambda: profile_of(**fields)) or {}
        if username is not None and username != self.username:
            changed.update(_collect(wrong, lambda: naming_of(username)) or {})
        if password is not None:
            _collect(wrong, lambda: passwords.check(password))
        if (password is not None or current_password is not None) and not self.verify(current_password or ""):
            wrong["current_password"] = [words("This is not your password.")]
        if wrong:
            raise Invalid(wrong)
        if password is not None:
            # Made before the transaction: nobody waits for a hash (rule 19).
            changed["password"] = passwords.hashed(password)
        self._write(changed, keep)
        return self

    def _write(self, changed: dict[str, Any], keep: Any) -> None:
        from models.link import Link  # a link and a login have a user, and a new password ends them
        from models.login import Login
        from models.mention import Mention

        if not changed:
            return
        try:
            with write():
                self._update(**changed)
                if "username" in changed:
                    Claim.take(User(id=self.id, username=changed["username"]))
                    Mention.rename(self.id, changed["username"])
                if "password" in changed:
                    Login.end_all(self, keep)
                    Link.delete().where(Link.user == self).execute()
        except IntegrityError as clash:
            raise Taken(username=words("This name is taken.")) from clash
        for field, value in changed.items():
            setattr(self, field, value)

    def _update(self, **changed: Any) -> None:
        """Raises NotThere when the account was closed meanwhile: nothing comes back onto it."""
        if not User.update(**changed).where(User.id == self.id, User.deleted_at.is_null()).execute():
            raise NotThere("account")

    def set_password(self, new: str) -> None:
        """Set a password without asking for the old one, and end every login and token. Raises Invalid."""
        passwords.check(new)
        self.keep_password(passwords.hashed(new))

    def keep_password(self, kept: str) -> None:
        """Make a hash the account's own, and end every login, token and link."""
        self._write({"password": kept}, None)

    @classmethod
    def with_email(cls, email: str) -> list[User]:
        """Everyone who has confirmed this address, in any letter case."""
        same = (cls.email != "", fn.LOWER(cls.email) == email.lower(), cls.deleted_at.is_null())
        return list(cls.select().where(*same).order_by(cls.id))

    def keep_email(self, email: str) -> str:
        """Make an address the account's own; returns the one before. Raises NotThere."""
        with write():
            before: str = User.select(User.email).where(User.id == self.id).scalar() or ""
            self._update(email=email)
        self.email = email
        return before

    def drop_email(self, current_password: str) -> str:
        """Have no address any more, nor one that waits; returns the one before. Raises Invalid (`current_password`)."""
        from models.link import Link

        if not self.verify(current_password):
            raise Invalid(current_password=words("This is not your password."))
        with write():
            Link.delete().where(Link.user == self).execute()
            return self.keep_email("")

    def set_avatar(self, upload: Upload) -> None:
        """Make the picture the account's own, cut to a square. Raises Invalid (`file`) when it is none."""
        from models.file import keep_square

        self._replace_avatar(keep_square(upload))

    def drop_avatar(self) -> None:
        """Show initials again."""
        self._replace_avatar(None)

    def _replace_avatar(self, key: str | None) -> None:
        with write():
            before = User.select(User.avatar).where(User.id == self.id).scalar()
            self._update(avatar=key)
            remove_after_commit([before] if before else [])
        self.avatar = key

    def close_account(self, current_password: str) -> None:
        """Delete the account: personal data and logins go, the messages stay. Raises Invalid (`current_password`)."""
        if not self.verify(current_password):
            raise Invalid(current_password=words("This is not your password."))
        from models.link import Link
        from models.login import Login
        from models.membership import Membership
        from models.mention import Mention
        from models.reaction import Reaction
        from models.revision import Revision
        from models.withdrawn import Withdrawn

        with write():
            Reaction.delete().where(Reaction.user == self).execute()
            for membership in Membership.select().where(Membership.user == self):
                membership.again().depart()
            Login.end_all(self, None)
            Link.delete().where(Link.user == self).execute()
            Event.forget_user(self.id)
            Mention.rename(self.id, None)
            Revision.forget_user(self.username)
            Withdrawn.forget_user(self.username)
            avatar = User.select(User.avatar).where(User.id == self.id).scalar()
            User.update(
                username="", username_key=None, name="", name_key="", about="", avatar=None, password=None,
                language="", theme="", email="", is_admin=False, deleted_at=now(),
            ).where(User.id == self.id).execute()  # fmt: skip
            remove_after_commit([avatar] if avatar else [])

    def chats_shared_with(self, other: User) -> list[Any]:
        """The chats that two people are both in, newest activity first."""
        from models.membership import Membership

        return Membership.shared(self, other)

    @property
    def label(self) -> str:
        """What people read: the name, else the username."""
        return self.name or self.username

    @property
    def initials(self) -> str:
        return initials(self.username)

    @property
    def url(self) -> str:
        return self.address(self.username)

    @staticmethod
    def address(username: str) -> str:
        """Where a person's profile is."""
        return f"/users/{quote(username)}"

    @property
    def avatar_url(self) -> str | None:
        """The picture's address; another picture has another one."""
        return f"/avatars/{self.id}/{self.avatar[-12:]}" if self.avatar else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "username": self.username,
            "name": self.name,
            "about": self.about,
            "avatar_url": self.avatar_url,
            "created_at": iso(self.created_at),
        }


class Claim(Model):
    """What a username looks like, as a hash: no other may look so, also when its account is gone."""

    id = AutoField()
    user = ForeignKeyField(User)
    digest = TextField(unique=True)

    @staticmethod
    def digests(username: str) -> list[str]:
        return [hashlib.sha256(skeleton.encode()).hexdigest() for skeleton in names.skeletons(username)]

    @classmethod
    def take(cls, user: User) -> None:
        """Keep a person's name for them, and let go of the one they had. Raises IntegrityError when it is taken."""
        cls.delete().where(cls.user == user).execute()
        cls.insert_many([{"user": user, "digest": digest} for digest in cls.digests(user.username)]).execute()


def naming_of(username: str) -> dict[str, str]:
    """The columns that hold a username. Raises Invalid (`username`)."""
    try:
        name = names.check(username, least=limits.username_min, most=limits.username_max)
    except names.BadName as bad:
        raise Invalid(username=bad_name(bad.reason)) from bad
    return {"username": name, "username_key": names.key(name)}


def bad_name(reason: str) -> Words:
    if reason == "short":
        return words("At least %(least)d characters.", least=limits.username_min)
    if reason == "long":
        return words("At most %(most)d characters.", most=limits.username_max)
    if reason == "mixed":
        return words("Letters of one alphabet only.")
    return words("Only letters, digits, “.”, “_” and “-”.")


def profile_of(**fields: str) -> dict[str, str]:
    """The columns of a profile's fields, cleaned. Raises Invalid with each field that is wrong."""
    wrong: Errors = {}
    columns: dict[str, str] = {}
    for field, value in fields.items():
        if field == "name":
            columns["name"] = one_line(value)
            columns["name_key"] = fold(columns["name"])
            _at_most(wrong, field, columns["name"], limits.name_max)
        elif field == "about":
            columns["about"] = clean(value)
            _at_most(wrong, field, columns["about"], limits.about_max)
        elif value not in {"language": LANGUAGES, "theme": THEMES}[field]:
            wrong[field] = [words("Not one of the choices.")]
        else:
            columns[field] = value
    if wrong:
        raise Invalid(wrong)
    return columns


def _at_most(wrong: Errors, field: str, value: str, most: int) -> None:
    if len(value) > most:
        wrong[field] = [words("At most %(most)d characters.", most=most)]


def _collect(wrong: Errors, step: Any) -> Any:
    """Run one check of several, so that all that is wrong is told at once."""
    try:
        return step()
    except Invalid as invalid:
        wrong.update(invalid.errors)
        return None


def _starts(column: Any, start: str) -> Any:
    return (column >= start) & (column < start + "\U0010ffff")
