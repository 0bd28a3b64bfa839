"""A new password for who forgot the old one: by a link that opens once."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from actions import accounts, emails
from auth import network, public_url, sign_in, throttle
from lib import mailer
from lib.limits import RESET_LINK_HOURS
from models import Link, NotThere, User
from views.forms import ForgottenForm, NewPasswordForm
from views.pages import login_required, me, page

bp = Blueprint("resets", __name__)


@bp.after_request
def keep_secret(response: Response) -> Response:
    """Keep the page and its URL, which hold a secret, out of caches and referrers.

    Not `no-referrer`, since over HTTPS the CSRF check needs a form's origin.
    """
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.route("/reset/<token>", methods=["GET", "POST"])
def choose(token: str) -> ResponseReturnValue:
    """Set a new password. Opening the link does not use it up, since mail scanners open links too."""
    try:
        link = Link.alive(token, "reset")
        form = NewPasswordForm()
        if form.run_on_submit(lambda: accounts.reset_password(link, form.password.data)):
            sign_in(form.result)
            return redirect("/")
    except NotThere:
        return show_invalid_link()
    return page("users/reset.html", form, whose=link.user)


def show_invalid_link() -> ResponseReturnValue:
    """Answer alike for a used, an expired and an unknown link."""
    return page("users/link_over.html"), 404


@bp.route("/forgotten", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    """Send reset links. The answer, and its time, is the same whether or not anybody has the address."""
    if not mailer.is_configured():
        raise NotThere("page")
    form = ForgottenForm()
    if form.run_on_submit(lambda: send_links(form)):
        return page("users/forgotten_sent.html", email=form.email.data.strip())
    return page("users/forgotten.html", form)


def send_links(form: ForgottenForm) -> None:
    throttle("forgotten", network())
    emails.send_reset_links(form.email.data.strip(), str(get_locale()))


@bp.post("/users/<username>/reset-link")
@login_required
def make(username: str) -> ResponseReturnValue:
    user = User.named(username)
    # First, since it raises when the server does not know its public URL.
    base = public_url("")
    link = Link.made_by(me(), user)
    address = base + url_for("resets.choose", token=link.secret)
    return page("users/reset_link.html", user=user, address=address, hours=RESET_LINK_HOURS)
