"""Where one is signed in: browsers and API tokens."""

from __future__ import annotations

from typing import Any

from flask import g

import schemas
from api.door import NOTHING, A, api, speaks
from models import Login


@api.get("/users/me/logins")
@speaks(A(200, schemas.Logins))
def list_logins() -> Any:
    """Where one is signed in, the login that asks first, then the latest seen."""
    logins = [login.to_dict(g.login) for login in Login.of(g.user)]
    return {"items": sorted(logins, key=lambda login: not login["current"]), "next": None}


@api.delete("/users/me/logins/<int:login_id>")
@speaks(A(204), errors=(404,))
def end_login(login_id: int) -> Any:
    """Log out there: its cookies, tokens and streams are dead from now on."""
    Login.end(g.user, login_id)
    return NOTHING


@api.delete("/users/me/logins")
@speaks(A(204))
def end_other_logins() -> Any:
    """Log out everywhere else."""
    Login.end_all(g.user, keep=g.login.root)
    return NOTHING
