"""The user's sessions: browsers and API tokens."""

from __future__ import annotations

from typing import Any

from flask import g

from api import responses
from api.endpoint import NOTHING, api, endpoint
from api.openapi import Answer
from models import Login


@api.get("/users/me/logins")
@endpoint(Answer(200, responses.Logins))
def list_logins() -> Any:
    """List your sessions: the current one, then the most recently used."""
    logins = [login.to_dict(g.login) for login in Login.of(g.user)]
    return {"items": sorted(logins, key=lambda login: not login["current"]), "next": None}


@api.delete("/users/me/logins/<int:login_id>")
@endpoint(Answer(204), errors=(404,))
def end_login(login_id: int) -> Any:
    """End a session, with its cookies, tokens and streams."""
    Login.end(g.user, login_id)
    return NOTHING


@api.delete("/users/me/logins")
@endpoint(Answer(204))
def end_other_logins() -> Any:
    """End all other sessions."""
    Login.end_all(g.user, keep=g.login.root)
    return NOTHING
