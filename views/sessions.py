"""Sessions: come, go, end one elsewhere; and the short token for a page's script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from auth import authenticate, current_login, current_user, is_safe_path, issue_token, sign_in, sign_out
from forms import LoginForm
from models import Login, iso
from views.pages import me, page, signed_in

bp = Blueprint("sessions", __name__)


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(way_back())
    form = LoginForm()
    if form.done(lambda: authenticate(form.username.data, form.password.data)):
        if form.result is not None:
            sign_in(form.result, bool(form.remember.data))
            return redirect(way_back())
        form.wrong()
    return page("sessions/login.html", form, next=request.args.get("next"))


def way_back() -> str:
    """Where `?next=` leads: to a page of this site that can be opened, else to the start."""
    path = request.args.get("next")
    if path is None or not is_safe_path(path):
        return "/"
    try:
        current_app.url_map.bind("localhost").match(path.partition("?")[0], "GET")
    except MethodNotAllowed:
        # A form that was sent after the session had ended.
        return "/"
    except (NotFound, RequestRedirect):
        return path
    return path


@bp.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """A link to here does nothing: only the button, which has the CSRF token, ends the session."""
    if request.method == "POST" and current_user.is_authenticated:
        sign_out()
    return redirect("/")


@bp.post("/token")
@signed_in
def token() -> dict[str, Any]:
    """A token of 15 minutes for the page's own script; it dies with this session."""
    bearer, expires_at = issue_token(me(), "page", parent=current_login())
    return {"token": bearer, "expires_at": iso(expires_at)}


@bp.post("/settings/sessions/<int:login_id>/end")
@signed_in
def end(login_id: int) -> ResponseReturnValue:
    Login.end(me(), login_id)
    return redirect(url_for("users.settings", _anchor="sessions"))


@bp.post("/settings/sessions/end-others")
@signed_in
def end_others() -> ResponseReturnValue:
    Login.end_all(me(), keep=current_login())
    return redirect(url_for("users.settings", _anchor="sessions"))
