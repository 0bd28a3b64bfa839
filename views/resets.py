"""A new password for who forgot the old one: by a link that opens once."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from flask.typing import ResponseReturnValue

import letters
import mail
from auth import public, sign_in, throttle
from forms import ForgottenForm, NewPasswordForm
from models import Link, NotThere, User
from views.pages import me, page, signed_in

bp = Blueprint("resets", __name__)


@bp.after_request
def keep_secret(response: Response) -> Response:
    """The address, or what the page shows, opens something: it is neither kept nor told to where a click leads.

    Not `no-referrer`: under HTTPS a form's origin is asked for.
    """
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.route("/reset/<token>", methods=["GET", "POST"])
def choose(token: str) -> ResponseReturnValue:
    """To open it uses nothing up: programs that look through mail open links, too."""
    try:
        link = Link.alive(token, "reset")
        form = NewPasswordForm()
        if form.done(lambda: link.set_password(form.password.data)):
            sign_in(form.result)
            return redirect("/")
    except NotThere:
        return over()
    return page("users/reset.html", form, whose=link.user)


def over() -> ResponseReturnValue:
    """A link that was used, is too old or was none: the three look the same."""
    return page("users/link_over.html"), 404


@bp.route("/forgotten", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    """The answer is the same, and as quick, whether anybody has the address."""
    if not mail.is_possible():
        raise NotThere("page")
    form = ForgottenForm()
    if form.done(lambda: asked(form)):
        return page("users/forgotten_sent.html", email=form.email.data.strip())
    return page("users/forgotten.html", form)


def asked(form: ForgottenForm) -> None:
    throttle("forgotten")
    letters.forgotten(form.email.data.strip())


@bp.post("/users/<username>/reset-link")
@signed_in
def make(username: str) -> ResponseReturnValue:
    user = User.named(username)
    link = Link.made_by(me(), user)
    return page("users/reset_link.html", user=user, address=public(url_for("resets.choose", token=link.secret)))
