"""People."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal, get_args
from urllib.parse import quote

from peewee import AutoField, BigIntegerField, BooleanField, ForeignKeyField, TextField, fn

from lib import usernames
from lib.characters import initials, one_line
from lib.richtext import clean
from models import password as passwords
from models.base import Model, iso, limits
from models.errors import Errors, Invalid, NotThere, Words, words
from search import fold

# Empty: as the browser asks.
Language = Literal["", "en", "ru"]
Theme = Literal["", "light", "dark"]
# Of the interface.
LANGUAGES = get_args(Language)[1:]
WRONG_PASSWORD = words("Wrong password.")


class User(Model):
    """An account. A closed one keeps its row as the author of its messages, but no personal data."""

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
    # Confirmed, and never shown to others; '' for none.
    email = TextField(default="")
    created_at = BigIntegerField()
    deleted_at = BigIntegerField(null=True)

    # Flask-Login's interface. The session's user id is the login's secret, so that a copied cookie is invalid once the
    # login has ended.
    is_authenticated = is_active = True
    is_anonymous = False
    login_secret: str = ""

    def get_id(self) -> str:
        return self.login_secret

    @classmethod
    def find(cls, user_id: int) -> User:
        """The account with this id. Raises NotThere, also when it is closed."""
        return cls._find_open(cls.id == user_id)

    @classmethod
    def named(cls, username: str) -> User:
        """The account with this username, in any letter case. Raises NotThere."""
        return cls._find_open(cls.username_key == usernames.key(username))

    @classmethod
    def find_named(cls, username: str) -> User | None:
        """The account with this username, in any letter case; None when there is none."""
        user: User | None = cls.get_or_none(cls.username_key == usernames.key(username), cls.deleted_at.is_null())
        return user

    @classmethod
    def _find_open(cls, which: Any) -> User:
        user = cls.get_or_none(which, cls.deleted_at.is_null())
        if user is None:
            raise NotThere("user")
        return user

    @classmethod
    def all_named(cls, wanted: Iterable[str]) -> dict[str, User]:
        """The accounts with these usernames, by look-up key."""
        keys = [usernames.key(username) for username in wanted]
        found: dict[str, User] = {}
        for start in range(0, len(keys), 500):
            for user in cls.select().where(cls.username_key.in_(keys[start : start + 500])):
                found[str(user.username_key)] = user
        return found

    @classmethod
    def starting_with(cls, q: str, limit: int, after: str | None = None) -> list[User]:
        """People whose username or name starts with `q`, in any letter case, by username; those after `after`."""
        start = usernames.key(q.strip())
        which = cls.deleted_at.is_null()
        if start:
            which &= _starts(cls.username_key, start) | _starts(cls.name_key, fold(q.strip()))
        if after is not None:
            which &= cls.username_key > usernames.key(after)
        return list(cls.select().where(which).order_by(cls.username_key).limit(limit))

    def verify(self, password: str) -> bool:
        """Whether this is the account's password. Writes that depend on it must use check_unchanged()."""
        return passwords.matches(password, self.password)

    def is_unchanged(self) -> bool:
        """Whether the account is open and its password unchanged since it was read. Inside a write() only."""
        same = (User.id == self.id, User.password == self.password, User.deleted_at.is_null())
        return bool(User.select().where(*same).exists())

    def check_unchanged(self) -> None:
        """Raise Invalid, as for a wrong password, when is_unchanged() is false. Inside a write() only.

        When two requests use the old password, the first to commit wins.
        """
        if not self.is_unchanged():
            raise Invalid(current_password=WRONG_PASSWORD)

    @classmethod
    def with_email(cls, email: str) -> list[User]:
        """All accounts that have confirmed this address, in any letter case."""
        same = (cls.email != "", fn.LOWER(cls.email) == email.lower(), cls.deleted_at.is_null())
        return list(cls.select().where(*same).order_by(cls.id))

    @classmethod
    def fold_names(cls) -> None:
        """Recompute `name_key` of all accounts. Inside a write() only."""
        for user in cls.select(cls.id, cls.name).where(cls.name != ""):
            cls.update(name_key=fold(user.name)).where(cls.id == user.id).execute()

    @property
    def label(self) -> str:
        """The displayed name: the name, else the username."""
        return self.name or self.username

    @property
    def initials(self) -> str:
        return initials(self.label)

    @property
    def url(self) -> str:
        return self.address(self.username)

    @staticmethod
    def address(username: str) -> str:
        """The path of a person's profile."""
        return f"/users/{quote(username)}"

    @property
    def avatar_url(self) -> str | None:
        return avatar_url(self.id, self.avatar)

    def to_dict(self) -> dict[str, Any]:
        return user_dict(self.id, self.username, self.name, self.about, self.avatar, self.created_at)


def avatar_url(user_id: int, avatar: str | None) -> str | None:
    """A person's picture's URL, which changes with the picture, so that it can be cached for ever."""
    return f"/avatars/{user_id}/{avatar[-12:]}" if avatar else None


def user_dict(
    user_id: int, username: str, name: str, about: str, avatar: str | None, created_at: int
) -> dict[str, Any]:
    """A person as JSON has them, from the columns of an account."""
    return {
        "id": user_id,
        "username": username,
        "name": name,
        "about": about,
        "avatar_url": avatar_url(user_id, avatar),
        "created_at": iso(created_at),
    }


class Claim(Model):
    """A hash of what a username looks like. No other account may use a look-alike, even after this one is closed."""

    id = AutoField()
    user = ForeignKeyField(User)
    digest = TextField(unique=True)

    @staticmethod
    def digests(username: str) -> list[str]:
        return [hashlib.sha256(skeleton.encode()).hexdigest() for skeleton in usernames.skeletons(username)]

    @classmethod
    def is_taken(cls, username: str) -> bool:
        """Whether this username or a look-alike is or was in use."""
        return bool(cls.select().where(cls.digest.in_(cls.digests(username))).exists())

    @classmethod
    def take(cls, user: User, is_own: bool = False) -> None:
        """Claim a person's username, and release their former one. Raises IntegrityError when it is taken.

        With `is_own` (only the letter case changes) look-alikes of others do not matter.
        """
        cls.delete().where(cls.user == user).execute()
        rows = [{"user": user, "digest": digest} for digest in cls.digests(user.username)]
        cls.insert_many(rows).on_conflict_ignore(is_own).execute()

    @classmethod
    def renew(cls) -> None:
        """Recompute all claims after the rules for look-alikes changed. Inside a transaction only.

        Where accounts look alike now, the oldest gets the shared claim, and each keeps the claims it had.
        """
        query = User.select(User.id, User.username).where(User.deleted_at.is_null()).order_by(User.id)
        for user_id, username in query.tuples().iterator():
            rows = [{"user": user_id, "digest": digest} for digest in cls.digests(username)]
            cls.insert_many(rows).on_conflict_ignore().execute()


def username_columns(username: str, own_key: str | None = None) -> dict[str, str]:
    """Validate a username; returns its columns. Raises Invalid (`username`).

    The owner of `own_key` may keep a name that would not be accepted today.
    """
    key = usernames.key(username)
    try:
        name = usernames.check(username, least=limits.username_min, most=limits.username_max, had=key == own_key)
    except usernames.BadName as bad:
        raise Invalid(username=bad_name(bad.reason)) from bad
    return {"username": name, "username_key": usernames.key(name)}


def bad_name(reason: str) -> Words:
    if reason == "short":
        return words("Use at least %(least)d characters.", least=limits.username_min)
    if reason == "long":
        return words("Use %(most)d characters or fewer.", most=limits.username_max)
    if reason == "marks":
        return words("Start and end with a letter or digit, and don’t put “.”, “_” or “-” side by side.")
    if reason == "mixed":
        return words("Use letters of one alphabet only.")
    return words("Use only letters, digits, “.”, “_” and “-”.")


def profile_of(**fields: str) -> dict[str, str]:
    """Clean and validate a profile's fields; returns their columns. Raises Invalid with all errors."""
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
        elif value not in get_args({"language": Language, "theme": Theme}[field]):
            wrong[field] = [words("Choose one of the options.")]
        else:
            columns[field] = value
    if wrong:
        raise Invalid(wrong)
    return columns


def _at_most(wrong: Errors, field: str, value: str, most: int) -> None:
    if len(value) > most:
        wrong[field] = [words("Use %(most)d characters or fewer.", most=most)]


def _starts(column: Any, start: str) -> Any:
    return (column >= start) & (column < start + "\U0010ffff")
