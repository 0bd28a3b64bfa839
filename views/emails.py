"""The reader's e-mail address, for password resets; it counts once it is confirmed."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from actions import accounts, emails
from auth import limit_password_attempts, throttle_confirmation
from lib import mailer
from models import Link, NotThere
from views.forms import EmailForm, Form
from views.pages import login_required, me, page
from views.resets import keep_secret, show_invalid_link

bp = Blueprint("emails", __name__)


@bp.after_request
def keep_link_secret(response: Response) -> Response:
    return keep_secret(response)


@bp.route("/settings/email", methods=["GET", "POST"])
@login_required
def change() -> ResponseReturnValue:
    if not mailer.is_configured():
        raise NotThere("page")
    form = EmailForm(data={"email": me().email})
    if form.run_on_submit(lambda: change_email(form)):
        flash(form.result)
        return redirect(url_for("users.settings"))
    return page("users/email.html", form, waiting=Link.waiting(me()))


def change_email(form: EmailForm) -> str:
    """Change or remove the address; return the message to flash."""
    email = (form.email.data or "").strip()
    if email:
        with limit_password_attempts():
            link = Link.for_confirmation(me(), email, form.current_password.data, lambda: throttle_confirmation(me()))
        emails.ask_to_confirm(link, str(get_locale()))
        return str(_("We’ve sent a link to %(email)s. Open it to confirm the address.", email=email))
    with limit_password_attempts():
        old_email = accounts.remove_email(me(), form.current_password.data)
    if old_email:
        emails.notify_replaced(me(), old_email, str(get_locale()))
    return str(_("Your account no longer has an email."))


@bp.route("/email/<token>", methods=["GET", "POST"])
@login_required
def confirm(token: str) -> ResponseReturnValue:
    """Confirm an address, only for the account that entered it: a typo gives a stranger nothing."""
    try:
        link = Link.alive(token, "email")
        if link.user != me():
            raise NotThere("link")
        form = Form()
        if form.run_on_submit(lambda: accounts.confirm_email(link)):
            if form.result and form.result != link.email:
                emails.notify_replaced(me(), form.result, str(get_locale()))
            flash(_("Email confirmed."))
            return redirect(url_for("users.settings"))
    except NotThere:
        return show_invalid_link()
    return page("users/email_confirm.html", form, email=link.email)
