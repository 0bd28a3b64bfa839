"""E-mails to people in their language, sent in the background.

Of user-written text they contain the username only, since the address may be a stranger's.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

from lib import jobs, mailer
from models.attempt import Attempt
from models.base import DAY_SECONDS, HOUR_SECONDS, database, log_errors
from models.errors import Busy, NotThere, TooMany, Words, words
from models.link import Link
from models.user import User

logger = logging.getLogger(__name__)

# (number, seconds) per mailbox and kind: strangers can't fill a mailbox, and requests of one kind do not use up the
# other's limit.
BOUNDS = {"reset": ((5, HOUR_SECONDS),), "email": ((5, HOUR_SECONDS), (10, DAY_SECONDS))}

Translate = Callable[[str, Words], str]


class Setup:
    """How sentences are translated, and the public URL of the site."""

    translate: Translate = staticmethod(lambda language, sentence: str(sentence))
    public_url = ""


setup = Setup()


def use(translate: Translate, public_url: str) -> None:
    """Set how sentences are translated, and the site's public URL without a trailing slash."""
    setup.translate, setup.public_url = translate, public_url


def send_reset_links(email: str, language: str) -> None:
    """Send links to a new password to all accounts with this address, without telling whether there are any.

    The look-up also happens in the background, so that the response takes the same time. Raises Busy.
    """
    _enqueue(lambda: _reset_links(email, language))


def ask_to_confirm(link: Link, language: str) -> None:
    """Send a link with which the owner of an address confirms it. Raises Busy."""
    user, email, path = link.user, link.email, f"/email/{link.secret}"
    _enqueue(lambda: _confirmation(user, email, path, language))


def notify_replaced(user: User, email: str, language: str) -> None:
    """Notify an address that it no longer belongs to the account. When the queue is full this is only logged."""
    with log_errors():
        _enqueue(lambda: _replaced_notice(user, email, language))


def _reset_links(email: str, language: str) -> None:
    """Send the links; do the same work when no account has the address.

    Otherwise the speed of concurrent requests would reveal whether the address is known.
    """
    people: list[User | None] = [*User.with_email(email)]
    for user in people or [None]:
        if not _may_have_another(email, "reset"):
            return
        _reset_link(email, user, (user.language if user else "") or language)


def _reset_link(email: str, user: User | None, language: str) -> None:
    try:
        secret = Link.dry_run() if user is None else Link.reset_by_email(user).secret
    except NotThere:
        # The account was closed or its address changed meanwhile.
        return
    username = "" if user is None else user.username
    _send(
        email if user is None else user.email,
        language,
        words("Reset your Flask Chat password"),
        words("Hello,"),
        words(
            "Someone, probably you, asked to reset the password of the account %(username)s. To set a new one, open:",
            username=username,
        ),
        f"{setup.public_url}/reset/{secret}",
        words(
            "The link works once, within an hour. If this wasn’t you, ignore this email: your password won’t change."
        ),
        is_dry_run=user is None,
    )


def _confirmation(user: User, email: str, path: str, language: str) -> None:
    if not _may_have_another(email, "email"):
        return
    _send(
        email,
        language,
        words("Confirm your email"),
        words("Hello,"),
        words("This address was added to the account %(username)s. To confirm it, open:", username=user.username),
        setup.public_url + path,
        words("The link works for a day. If this wasn’t you, ignore this email."),
    )


def _replaced_notice(user: User, email: str, language: str) -> None:
    _send(
        email,
        language,
        words("Your email was changed"),
        words("Hello,"),
        words("This address no longer belongs to the account %(username)s.", username=user.username),
        words("If this wasn’t you, change your password now and tell the server administrator."),
    )


def _may_have_another(email: str, about: str) -> bool:
    digest = hashlib.sha256(_mailbox(email).encode()).hexdigest()[:32]
    try:
        for most, seconds in BOUNDS[about]:
            Attempt.take(f"emails:{about}:{seconds}:{digest}", most, seconds)
    except TooMany:
        return False
    return True


def _mailbox(email: str) -> str:
    """Normalize an address, so that most spellings of one mailbox match: letter case, `+tag`, dots before the “@”."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def _send(email: str, language: str, subject: Words, *paragraphs: str, is_dry_run: bool = False) -> None:
    texts = [setup.translate(language, one) if isinstance(one, Words) else one for one in (subject, *paragraphs)]
    try:
        mailer.send(email, texts[0], "\n\n".join(texts[1:]) + "\n", is_dry_run)
    except OSError as error:
        # The server's text may contain the address, so log only the error's type and code.
        logger.warning("can't send an e-mail: %s %s", type(error).__name__, getattr(error, "smtp_code", ""))


def _enqueue(work: Callable[[], object]) -> None:
    try:
        jobs.enqueue(lambda: _run(work))
    except jobs.Full as full:
        raise Busy() from full


def _run(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        database.close()
