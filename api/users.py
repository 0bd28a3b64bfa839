"""People and their accounts."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from flask import g, url_for
from werkzeug.exceptions import Unauthorized

import models
from actions import accounts
from api import requests, responses
from api.endpoint import NOTHING, api, endpoint, paginate, uploads
from api.openapi import Answer
from api.problems import Problem
from auth import authenticate, issue_token, limit_password_attempts, public_url, throttle
from models import Link, User

WRONG = "Wrong username or password."


@api.post("/users")
@endpoint(Answer(201, responses.User, has_location=True), body=requests.NewUser, errors=(409, 429), is_public=True)
def create_user(body: requests.NewUser) -> Any:
    """Create an account."""
    throttle("register")
    user = accounts.register(body.username, body.password, body.name, body.about)
    return user.to_dict(), 201, {"Location": url_for("api.show_user", user_id=user.id)}


@api.post("/users/login")
@endpoint(Answer(200, responses.Token), body=requests.Credentials, errors=(401, 429), is_public=True)
def login(body: requests.Credentials) -> Any:
    """Get a token by username and password."""
    user = authenticate(body.username, body.password)
    if user is None:
        raise Problem(401, WRONG)
    try:
        token, expires_at = issue_token(user)
    except Unauthorized as changed:
        raise Problem(401, WRONG) from changed
    return {"token": token, "expires_at": models.iso(expires_at), "user": user.to_dict()}


@api.post("/users/logout")
@endpoint(Answer(204))
def logout() -> Any:
    """Revoke this token."""
    g.login.close()
    return NOTHING


@api.get("/users")
@endpoint(Answer(200, responses.Users), query=requests.UsersQuery)
def list_users(query: requests.UsersQuery) -> Any:
    """List users whose username or name starts with `q`, by username."""
    found = User.starting_with(query.q, query.limit + 1, query.after)
    people = [user.to_dict() for user in found]
    return paginate(people, query.limit, lambda: {"after": people[query.limit - 1]["username"]})


@api.get("/users/me")
@endpoint(Answer(200, responses.User))
def show_me() -> Any:
    """Get your account."""
    return g.user.to_dict()


@api.get("/users/<int:user_id>")
@endpoint(Answer(200, responses.User), errors=(404,))
def show_user(user_id: int) -> Any:
    """Get a user's account."""
    return User.find(user_id).to_dict()


@api.patch("/users/me")
@endpoint(Answer(200, responses.User), body=requests.UserChanges, errors=(409, 429))
def change_me(body: requests.UserChanges) -> Any:
    """Change your account, all or nothing. A new password ends all other sessions and tokens."""
    return update_account(body)


def update_account(body: requests.UserChanges) -> dict[str, Any]:
    fields = body.model_dump(exclude_unset=True)
    new, current = fields.pop("password", None), fields.pop("current_password", None)
    if new is not None and current is None:
        raise Problem(422, "Some fields are wrong.", {"current_password": ["This field is required."]})
    if fields.get("username", g.user.username) != g.user.username:
        throttle("rename")
    with nullcontext() if current is None else limit_password_attempts():
        user: User = accounts.change(g.user, new, current, g.login.root, **fields)
    account: dict[str, Any] = user.to_dict()
    return account


@api.patch("/users/<int:user_id>")
@endpoint(Answer(200, responses.User), body=requests.UserChanges, errors=(403, 404, 409, 429))
def change_user(user_id: int, body: requests.UserChanges) -> Any:
    """Change your account by its id."""
    if User.find(user_id).id != g.user.id:
        raise Problem(403, "This is somebody else's account.")
    return update_account(body)


@api.post("/users/<int:user_id>/reset-link")
@endpoint(Answer(201, responses.ResetLink), errors=(403, 404))
def make_reset_link(user_id: int) -> Any:
    """Create a link that resets a user's password once, within {link_hours} hours; for server administrators."""
    user = User.find(user_id)
    base = public_url("")
    link = Link.made_by(g.user, user)
    return {"url": f"{base}/reset/{link.secret}", "expires_at": models.iso(link.expires_at)}, 201


@api.put("/users/me/avatar")
@endpoint(Answer(200, responses.User), form=requests.Form, files="file")
def put_avatar(body: requests.Form) -> Any:
    """Set your avatar."""
    sent = uploads("file")
    if len(sent) != 1:
        raise Problem(422, "Some fields are wrong.", {"file": ["Send exactly one picture."]})
    accounts.set_avatar(g.user, sent[0])
    return g.user.to_dict()


@api.delete("/users/me/avatar")
@endpoint(Answer(204))
def drop_avatar() -> Any:
    """Remove your avatar."""
    accounts.remove_avatar(g.user)
    return NOTHING


@api.delete("/users/me")
@endpoint(Answer(204), body=requests.AccountDeletion, errors=(429,))
def delete_me(body: requests.AccountDeletion) -> Any:
    """Delete your account; its messages stay, without your name."""
    with limit_password_attempts():
        accounts.close(g.user, body.current_password)
    return NOTHING
