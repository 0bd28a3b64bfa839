"""Creating, changing and closing accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peewee import IntegrityError

from actions.files import replace_square
from lib.machine import trouble
from lib.storage import Upload
from models import password as passwords
from models.base import delete_some, now, remove_after_commit, write
from models.errors import Errors, Invalid, NotThere, Taken, words
from models.event import Event
from models.link import Link
from models.login import Login
from models.reaction import Reaction
from models.task import Task, step
from models.user import WRONG_PASSWORD, Claim, User, profile_of, username_columns
from models.versions import bump_common_version


def register(username: str, password: str, name: str = "", about: str = "", is_admin: bool = False) -> User:
    """Create an account. Raises Invalid with all errors, Taken when the username is taken."""
    wrong: Errors = {}
    naming = _collect(wrong, lambda: username_columns(username))
    profile = _collect(wrong, lambda: profile_of(name=name, about=about))
    _collect(wrong, lambda: passwords.check(password))
    if wrong or naming is None or profile is None:
        raise Invalid(wrong)
    # Checked before hashing, so that a taken name does not cost a quarter of a second.
    if Claim.is_taken(naming["username"]):
        raise Taken(username=words("This username is taken. Choose another one."))
    password_hash = passwords.hashed(password)
    try:
        with write():
            user = User.create(**naming, **profile, password=password_hash, is_admin=is_admin, created_at=now())
            Claim.take(user)
            return user
    except IntegrityError as clash:
        if trouble(clash):
            raise
        raise Taken(username=words("This username is taken. Choose another one.")) from clash


def registration_errors(username: str, password: str) -> Errors:
    """The errors that register() would raise, by field. Writes nothing."""
    wrong: Errors = {}
    naming = _collect(wrong, lambda: username_columns(username))
    _collect(wrong, lambda: passwords.check(password))
    if naming and Claim.is_taken(naming["username"]):
        wrong["username"] = [words("This username is taken. Choose another one.")]
    return wrong


def authenticate(username: str, password: str) -> User | None:
    """The account with this name and password, else None. Takes the same time whether the name is known or not."""
    user = User.find_named(username)
    is_right = passwords.matches(password, user.password if user else None)
    return user if is_right else None


def change(
    user: User,
    password: str | None = None,
    current_password: str | None = None,
    keep: Login | None = None,
    **fields: Any,
) -> User:
    """Change username, name, about, language, theme or password, all or nothing.

    A new password needs the current one, and ends every login and token except `keep`. Raises Invalid with all
    errors, or Taken.
    """
    wrong: Errors = {}
    username = fields.pop("username", None)
    changed = _collect(wrong, lambda: profile_of(**fields)) or {}
    if username is not None and username != user.username:
        changed.update(_collect(wrong, lambda: username_columns(username, user.username_key)) or {})
    if password is not None:
        _collect(wrong, lambda: passwords.check(password))
    is_guarded = password is not None or current_password is not None
    if is_guarded and not user.verify(current_password or ""):
        wrong["current_password"] = [WRONG_PASSWORD]
    if wrong:
        raise Invalid(wrong)
    if password is not None:
        # Hashed before the transaction, so that nobody waits for it (rule 19).
        changed["password"] = passwords.hashed(password)
    _write(user, changed, keep, user.check_unchanged if is_guarded else None)
    return user


def _write(user: User, changed: dict[str, Any], keep: Login | None, first: Callable[[], None] | None = None) -> None:
    if not changed:
        return
    try:
        with write(first):
            _update(user, **changed)
            if "username" in changed:
                renamed = User(id=user.id, username=changed["username"])
                Claim.take(renamed, is_own=changed["username_key"] == user.username_key)
                Task.begin("names", user.id)
            if "password" in changed:
                Login.end_all(user, keep)
                Link.delete().where(Link.user == user).execute()
    except IntegrityError as clash:
        if trouble(clash):
            raise
        raise Taken(username=words("This username is taken. Choose another one.")) from clash
    for field, value in changed.items():
        setattr(user, field, value)


def _update(user: User, **changed: Any) -> None:
    """Update columns of an open account. Raises NotThere when it was closed meanwhile."""
    if not User.update(**changed).where(User.id == user.id, User.deleted_at.is_null()).execute():
        raise NotThere("account")
    bump_common_version()


def set_password(user: User, new: str) -> None:
    """Set a password without the old one, and end every login, token and link. Raises Invalid."""
    passwords.check(new)
    _write(user, {"password": passwords.hashed(new)}, None)


def reset_password(link: Link, new: str) -> User:
    """Set a new password with a link, and end every login, token and link. Raises Invalid, NotThere."""
    passwords.check(new)
    # Hashed before the transaction, so that nobody waits for it (rule 19).
    password_hash = passwords.hashed(new)
    with write():
        link.use()
        _write(link.user, {"password": password_hash}, None)
    return link.user


def confirm_email(link: Link) -> str:
    """Confirm an account's new e-mail address with a link. Returns the former address. Raises NotThere."""
    with write():
        link.use()
        # Invalidate links sent to other mailboxes: the former one may have been lost.
        Link.delete().where(Link.user == link.user, Link.email != "").execute()
        return set_email(link.user, link.email)


def set_email(user: User, email: str) -> str:
    """Set an account's address; returns the former one. Raises NotThere."""
    with write():
        former: str = User.select(User.email).where(User.id == user.id).scalar() or ""
        _update(user, email=email)
    user.email = email
    return former


def remove_email(user: User, current_password: str) -> str:
    """Remove the address, and any unconfirmed one; returns the former address. Raises Invalid (`current_password`)."""
    if not user.verify(current_password):
        raise Invalid(current_password=WRONG_PASSWORD)
    with write(user.check_unchanged):
        Link.delete().where(Link.user == user).execute()
        return set_email(user, "")


def set_avatar(user: User, upload: Upload) -> None:
    """Set the account's picture, cropped to a square. Raises Invalid (`file`) when it is not a picture."""
    _replace_avatar(user, upload)


def remove_avatar(user: User) -> None:
    """Remove the account's picture."""
    _replace_avatar(user, None)


def _replace_avatar(user: User, upload: Upload | None) -> None:
    former = User.select(User.avatar).where(User.id == user.id)
    user.avatar = replace_square(upload, former, lambda key: _update(user, avatar=key))


def close(user: User, current_password: str) -> None:
    """Close the account: delete personal data and logins, keep the messages. Raises Invalid (`current_password`)."""
    if not user.verify(current_password):
        raise Invalid(current_password=WRONG_PASSWORD)
    with write(user.check_unchanged):
        Login.end_all(user, None)
        Link.delete().where(Link.user == user).execute()
        columns = User.select(User.avatar, User.username).where(User.id == user.id)
        avatar, username = columns.scalar(as_tuple=True)
        User.update(
            username="", username_key=None, name="", name_key="", about="", avatar=None, password=None,
            language="", theme="", email="", is_admin=False, deleted_at=now(),
        ).where(User.id == user.id).execute()  # fmt: skip
        bump_common_version()
        # From here on nothing of the account is shown. Tasks delete what tables and event log still contain.
        until = Event.last()
        Task.begin("memberships", user.id)
        Task.begin("reactions", user.id)
        Task.begin("names", user.id, until=until)
        Task.begin("revisions", user.id, note=username)
        Task.begin("log", user.id, until=until, note=username)
        remove_after_commit([avatar] if avatar else [])


@step("reactions")
def remove_reactions(task: Task) -> bool:
    """Remove all reactions of a closed account."""
    return delete_some(Reaction, Reaction.user == task.subject)


def _collect(wrong: Errors, step: Any) -> Any:
    """Run one of several checks and collect its errors in `wrong`."""
    try:
        return step()
    except Invalid as invalid:
        wrong.update(invalid.errors)
        return None
