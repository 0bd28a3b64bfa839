"""One's own e-mail, for a link to a new password; it counts once it was confirmed."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

import letters
import mail
from forms import EmailForm, Form
from models import Link, NotThere
from views.pages import me, page, signed_in
from views.resets import keep_secret, over
from views.users import bound_guesses

bp = Blueprint("emails", __name__)


@bp.after_request
def keep(response: Response) -> Response:
    return keep_secret(response)


@bp.route("/settings/email", methods=["GET", "POST"])
@signed_in
def change() -> ResponseReturnValue:
    if not mail.is_possible():
        raise NotThere("page")
    form = EmailForm(data={"email": me().email})
    if form.done(lambda: changed(form)):
        flash(form.result)
        return redirect(url_for("users.settings"))
    return page("users/email.html", form, waiting=Link.waiting(me()))


def changed(form: EmailForm) -> str:
    """Returns what the next page says."""
    bound_guesses()
    email = (form.email.data or "").strip()
    if email:
        letters.confirm(Link.to_email(me(), email, form.current_password.data))
        return str(_("A link is on its way to %(email)s. The address counts once you have opened it.", email=email))
    before = me().drop_email(form.current_password.data)
    if before:
        letters.replaced(me(), before)
    return str(_("No e-mail belongs to your account any more."))


@bp.route("/email/<token>", methods=["GET", "POST"])
@signed_in
def confirm(token: str) -> ResponseReturnValue:
    """Only for the account that gave the address: a slip of the pen gives a stranger nothing."""
    try:
        link = Link.alive(token, "email")
        if link.user != me():
            raise NotThere("link")
        form = Form()
        if form.done(link.confirm_email):
            if form.result and form.result != link.email:
                letters.replaced(me(), form.result)
            flash(_("The e-mail is confirmed."))
            return redirect(url_for("users.settings"))
    except NotThere:
        return over()
    return page("users/email_confirm.html", form, email=link.email)
