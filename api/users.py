"""People and their accounts."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

import models
import schemas
from api.door import NOTHING, A, api, listing, speaks, uploads
from api.problems import Problem
from auth import authenticate, issue_token, public, throttle
from models import Link, User


@api.post("/users")
@speaks(A(201, schemas.User, located=True), body=schemas.NewUser, errors=(409, 429), open_to_all=True)
def create_user(body: schemas.NewUser) -> Any:
    """Open an account."""
    throttle("register")
    user = User.register(body.username, body.password, body.name, body.about)
    return user.to_dict(), 201, {"Location": url_for("api.show_user", user_id=user.id)}


@api.post("/users/login")
@speaks(A(200, schemas.Token), body=schemas.Credentials, errors=(401, 429), open_to_all=True)
def login(body: schemas.Credentials) -> Any:
    """Get a token for a name and password."""
    user = authenticate(body.username, body.password)
    if user is None:
        raise Problem(401, "Wrong username or password.")
    token, expires_at = issue_token(user)
    return {"token": token, "expires_at": models.iso(expires_at), "user": user.to_dict()}


@api.post("/users/logout")
@speaks(A(204))
def logout() -> Any:
    """End this token."""
    g.login.close()
    return NOTHING


@api.get("/users")
@speaks(A(200, schemas.Users), query=schemas.UsersQuery)
def list_users(query: schemas.UsersQuery) -> Any:
    """People whose username or name starts with `q`, by username."""
    found = User.starting_with(query.q, query.limit + 1, query.after)
    people = [user.to_dict() for user in found]
    return listing(people, query.limit, lambda: {"after": people[query.limit - 1]["username"]})


@api.get("/users/me")
@speaks(A(200, schemas.User))
def show_me() -> Any:
    """One's own account."""
    return g.user.to_dict()


@api.get("/users/<int:user_id>")
@speaks(A(200, schemas.User), errors=(404,))
def show_user(user_id: int) -> Any:
    """Somebody's account."""
    return User.find(user_id).to_dict()


@api.patch("/users/me")
@speaks(A(200, schemas.User), body=schemas.UserChanges, errors=(409, 429))
def change_me(body: schemas.UserChanges) -> Any:
    """Change one's own account, all or nothing; a new password ends every other login and token."""
    return changed(body)


def changed(body: schemas.UserChanges) -> dict[str, Any]:
    fields = body.model_dump(exclude_unset=True)
    new, current = fields.pop("password", None), fields.pop("current_password", None)
    if new is not None and current is None:
        raise Problem(422, "Some fields are wrong.", {"current_password": ["This field is required."]})
    if current is not None:
        throttle("password", str(g.user.id))
    if fields.get("username", g.user.username) != g.user.username:
        throttle("rename", str(g.user.id))
    user: User = g.user.change(new, current, g.login.root, **fields)
    told: dict[str, Any] = user.to_dict()
    return told


@api.patch("/users/<int:user_id>")
@speaks(A(200, schemas.User), body=schemas.UserChanges, errors=(403, 404, 409, 429))
def change_user(user_id: int, body: schemas.UserChanges) -> Any:
    """The same by one's own id."""
    if User.find(user_id).id != g.user.id:
        raise Problem(403, "This is somebody else's account.")
    return changed(body)


@api.post("/users/<int:user_id>/reset-link")
@speaks(A(201, schemas.ResetLink), errors=(403, 404))
def make_reset_link(user_id: int) -> Any:
    """A link by which somebody sets a new password, once, within 24 hours; for administrators of the place."""
    link = Link.made_by(g.user, User.find(user_id))
    return {"url": public(f"/reset/{link.secret}"), "expires_at": models.iso(link.expires_at)}, 201


@api.put("/users/me/avatar")
@speaks(A(200, schemas.User), form=schemas.Form, files="file")
def put_avatar(body: schemas.Form) -> Any:
    """Set one's own picture."""
    sent = uploads("file")
    if len(sent) != 1:
        raise Problem(422, "Some fields are wrong.", {"file": ["One picture is needed."]})
    g.user.set_avatar(sent[0])
    return g.user.to_dict()


@api.delete("/users/me/avatar")
@speaks(A(204))
def drop_avatar() -> Any:
    """Show initials again."""
    g.user.drop_avatar()
    return NOTHING


@api.delete("/users/me")
@speaks(A(204), body=schemas.Farewell, errors=(429,))
def delete_me(body: schemas.Farewell) -> Any:
    """Delete one's own account; its messages stay, under nobody's name."""
    throttle("password", str(g.user.id))
    g.user.close_account(body.current_password)
    return NOTHING
