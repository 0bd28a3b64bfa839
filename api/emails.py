"""One's own e-mail; nobody else's is ever told."""

from __future__ import annotations

from typing import Any

from flask import g

import letters
import mail
import schemas
from api.door import A, api, speaks
from api.problems import Problem
from auth import throttle
from models import Link


def told() -> dict[str, Any]:
    return {"email": g.user.email or None, "waiting": Link.waiting(g.user) or None}


@api.get("/users/me/email")
@speaks(A(200, schemas.Email))
def show_email() -> Any:
    """The address that a link to a new password goes to, and the one that waits for being confirmed."""
    return told()


@api.put("/users/me/email")
@speaks(A(200, schemas.Email), body=schemas.EmailChange, errors=(403, 429))
def change_email(body: schemas.EmailChange) -> Any:
    """Have a link sent to an address, which counts once that was opened; an empty one takes the address away."""
    if body.email and not mail.is_possible():
        raise Problem(403, "This server sends no e-mail.")
    throttle("password", str(g.user.id))
    if body.email:
        letters.confirm(Link.to_email(g.user, body.email, body.current_password))
    elif before := g.user.drop_email(body.current_password):
        letters.replaced(g.user, before)
    return told()
