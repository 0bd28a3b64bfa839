"""Sessions: log in and out, end others; and the short-lived token for a page's scripts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed, NotFound, Unauthorized
from werkzeug.routing import RequestRedirect

from auth import authenticate, current_login, current_user, is_safe_path, issue_token, sign_in, sign_out
from models import Login, iso
from views.forms import LoginForm
from views.pages import login_required, me, page

bp = Blueprint("sessions", __name__)


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(next_path())
    form = LoginForm()
    if form.run_on_submit(lambda: log_in(form)):
        if form.result:
            return redirect(next_path())
        form.reject()
    return page("sessions/login.html", form, next=request.args.get("next"))


def log_in(form: LoginForm) -> bool:
    """Sign in; return False if the password is wrong, or was changed while it was checked."""
    user = authenticate(form.username.data, form.password.data)
    if user is None:
        return False
    try:
        sign_in(user, bool(form.remember.data))
    except Unauthorized:
        return False
    return True


def next_path() -> str:
    """Return the path of `?next=` if it is a page of this site, else "/"."""
    path = request.args.get("next")
    if path is None or not is_safe_path(path):
        return "/"
    try:
        current_app.url_map.bind("localhost").match(path.partition("?")[0], "GET")
    except MethodNotAllowed:
        # The target of a form, which was sent after the session had ended.
        return "/"
    except (NotFound, RequestRedirect):
        return path
    return path


@bp.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """Sign out by POST, with a CSRF token; GET only redirects."""
    if request.method == "POST" and current_user.is_authenticated:
        sign_out()
    return redirect("/")


@bp.post("/token")
@login_required
def token() -> dict[str, Any]:
    """Issue a token of 15 minutes for the page's scripts. It ends with this session."""
    bearer, expires_at = issue_token(me(), "page", parent=current_login())
    return {"token": bearer, "expires_at": iso(expires_at)}


@bp.post("/settings/sessions/<int:login_id>/end")
@login_required
def end(login_id: int) -> ResponseReturnValue:
    Login.end(me(), login_id)
    return redirect(url_for("users.settings", _anchor="sessions"))


@bp.post("/settings/sessions/end-others")
@login_required
def end_others() -> ResponseReturnValue:
    Login.end_all(me(), keep=current_login())
    return redirect(url_for("users.settings", _anchor="sessions"))
