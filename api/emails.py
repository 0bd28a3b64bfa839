"""The user's own e-mail address; nobody else's is ever shown."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import get_locale

from actions import accounts, emails
from api import requests, responses
from api.endpoint import api, endpoint
from api.openapi import Answer
from api.problems import Problem
from auth import limit_password_attempts, throttle_confirmation
from lib import mailer
from models import Link


def email_dict() -> dict[str, Any]:
    return {"email": g.user.email or None, "waiting": Link.waiting(g.user) or None}


@api.get("/users/me/email")
@endpoint(Answer(200, responses.Email))
def show_email() -> Any:
    """Get your e-mail address for password resets, and the one waiting for confirmation."""
    return email_dict()


@api.put("/users/me/email")
@endpoint(Answer(200, responses.Email), body=requests.EmailChange, errors=(403, 429))
def change_email(body: requests.EmailChange) -> Any:
    """Send a confirmation link to a new address, which counts once it is opened; an empty one removes yours."""
    if body.email and not mailer.is_configured():
        raise Problem(403, "This server sends no e-mail.")
    with limit_password_attempts():
        if body.email:
            link = Link.for_confirmation(
                g.user, body.email, body.current_password, lambda: throttle_confirmation(g.user)
            )
        else:
            old_email = accounts.remove_email(g.user, body.current_password)
    if body.email:
        emails.ask_to_confirm(link, str(get_locale()))
    elif old_email:
        emails.notify_replaced(g.user, old_email, str(get_locale()))
    return email_dict()
