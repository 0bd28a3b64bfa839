"""What the messenger writes to people by e-mail, each in their language, after the answer has gone out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

from flask import Flask, current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

import jobs
import mail
from models import Attempt, Busy, Link, TooMany, User, database

log = logging.getLogger(__name__)

# However many ask for it, nobody's mailbox is filled.
LETTERS_AN_HOUR = 5
HOUR = 3600


def forgotten(email: str) -> None:
    """Send a link to a new password to everyone who has this address; nobody learns whether anyone has.

    The look-up, too, happens afterwards, so that the answer takes the same time either way. Raises Busy.
    """
    _later(lambda: _reset_links(email))


def confirm(link: Link) -> None:
    """Ask whether an address is the one of the person who gave it. Raises Busy."""
    user, email, path = link.user, link.email, f"/email/{link.secret}"
    _later(lambda: _confirmation(user, email, path))


def replaced(user: User, email: str) -> None:
    """Tell an address that it is the account's no longer. Raises Busy."""
    _later(lambda: _farewell(user, email))


def _reset_links(email: str) -> None:
    asked_in = str(get_locale())
    for user in User.with_email(email):
        with force_locale(user.language or asked_in):
            _reset_link(user)


def _reset_link(user: User) -> None:
    if not _may_have_another(user.email):
        return
    path = f"/reset/{Link.by_mail(user).secret}"
    _write(
        user.email,
        _("A new password for Flask Chat"),
        _("Hello %(name)s,", name=user.label),
        _("somebody, probably you, asked for a new password for the account %(username)s:", username=user.username),
        current_app.config["PUBLIC_URL"] + path,
        _("The link works once, within an hour. If it was not you, do nothing: the password stays as it is."),
    )


def _confirmation(user: User, email: str, path: str) -> None:
    if not _may_have_another(email):
        return
    _write(
        email,
        _("Is this your e-mail?"),
        _("Hello %(name)s,", name=user.label),
        _("this address was given for the account %(username)s. To confirm it, open:", username=user.username),
        current_app.config["PUBLIC_URL"] + path,
        _("The link works for a day. If it was not you, do nothing."),
    )


def _farewell(user: User, email: str) -> None:
    _write(
        email,
        _("Your e-mail was changed"),
        _("Hello %(name)s,", name=user.label),
        _("this address belongs to the account %(username)s no longer.", username=user.username),
        _("If it was not you, change your password now, and tell the person who runs the place."),
    )


def _may_have_another(email: str) -> bool:
    digest = hashlib.sha256(email.lower().encode()).hexdigest()[:32]
    try:
        Attempt.take(f"letters:{digest}", LETTERS_AN_HOUR, HOUR)
    except TooMany:
        return False
    return True


def _write(email: str, subject: str, *paragraphs: str) -> None:
    try:
        mail.send(email, subject, "\n\n".join(paragraphs) + "\n")
    except OSError as error:
        # What the server said may hold the address; its kind and code say enough.
        log.warning("a letter could not be sent: %s %s", type(error).__name__, getattr(error, "smtp_code", ""))


def _later(work: Callable[[], object]) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    language = str(get_locale() or "en")
    try:
        jobs.later(lambda: _done(app, language, work))
    except jobs.Full as full:
        raise Busy() from full


def _done(app: Flask, language: str, work: Callable[[], object]) -> None:
    with app.app_context(), force_locale(language):
        try:
            work()
        finally:
            database.close()
