"""People: register, profile, settings, account deletion."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh

from actions import accounts
from auth import current_login, current_user, limit_password_attempts, sign_in, sign_out, throttle
from models import Chat, Errors, Login, User
from views.forms import DeleteAccountForm, PasswordForm, ProfileForm, RegisterForm
from views.pages import login_required, me, page

bp = Blueprint("users", __name__)


@bp.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect("/")
    form = RegisterForm()
    if form.run_on_submit(lambda: register_user(form), lambda: further_errors(form)):
        sign_in(form.result)
        return redirect("/")
    return page("users/register.html", form)


def register_user(form: RegisterForm) -> User:
    throttle("register")
    return accounts.register(form.username.data, form.password.data)


def further_errors(form: RegisterForm) -> Errors:
    # This reveals whether a name is taken, so it counts as a registration.
    throttle("register")
    return accounts.registration_errors(form.username.data or "", form.password.data or "")


@bp.get("/users/<username>")
@login_required
def show(username: str) -> ResponseReturnValue:
    user = User.named(username)
    is_own = user.id == me().id
    shared = [] if is_own else Chat.shared_by(me(), user)
    may_reset_password = me().is_admin and not is_own
    return page("users/show.html", user=user, is_own=is_own, shared=shared, may_reset_password=may_reset_password)


@bp.route("/settings", methods=["GET", "POST"])
@login_required
def settings() -> ResponseReturnValue:
    form = ProfileForm(data=profile_fields(me()))
    if form.run_on_submit(lambda: save_profile(form)) and save_picture(form):
        # The page that follows speaks the language that was just chosen.
        refresh()
        flash(_("Saved."))
        return redirect(url_for("users.settings"))
    return render_settings(form)


def save_profile(form: ProfileForm) -> None:
    """Save the profile fields."""
    if form.fields_sent.get("username", me().username) != me().username:
        throttle("rename", str(me().id))
    fields: dict[str, Any] = form.fields_sent
    accounts.change(me(), **fields)


def profile_fields(user: User) -> dict[str, str]:
    """Initial values of the profile form."""
    return {
        "name": user.name,
        "username": user.username,
        "about": user.about,
        "language": user.language,
        "theme": user.theme,
    }


def save_picture(form: ProfileForm) -> bool:
    """Save the uploaded picture, if any. The other changes are saved by then, and the page shows that."""
    is_saved = not form.avatar.data or form.run_on_submit(lambda: accounts.set_avatar(me(), form.avatar.data.stream))
    if not is_saved:
        form.notice = form.notice or _("Everything was saved except the picture.")
    return is_saved


@bp.post("/settings/avatar/remove")
@login_required
def remove_avatar() -> ResponseReturnValue:
    accounts.remove_avatar(me())
    flash(_("Picture removed."))
    return redirect(url_for("users.settings"))


def render_settings(form: ProfileForm | PasswordForm) -> ResponseReturnValue:
    """Render the settings page; `form` is the one that was submitted, if any."""
    profile = form if isinstance(form, ProfileForm) else ProfileForm(None, data=profile_fields(me()))
    password = form if isinstance(form, PasswordForm) else PasswordForm(None)
    this = current_login()
    others = [login for login in Login.of(me()) if login != this]
    return page("users/settings.html", form, profile=profile, password=password, this=this, others=others)


@bp.post("/settings/password")
@login_required
def password() -> ResponseReturnValue:
    form = PasswordForm()
    if form.run_on_submit(lambda: change_password(form)):
        flash(_("Password changed. You’re signed out everywhere else."))
        return redirect(url_for("users.settings"))
    return render_settings(form)


def change_password(form: PasswordForm) -> None:
    with limit_password_attempts():
        accounts.change(me(), form.password.data, form.current_password.data, current_login())


@bp.route("/settings/delete", methods=["GET", "POST"])
@login_required
def delete() -> ResponseReturnValue:
    form = DeleteAccountForm()
    if form.run_on_submit(lambda: close_account(form)):
        sign_out()
        return redirect("/")
    return page("users/delete.html", form)


def close_account(form: DeleteAccountForm) -> None:
    with limit_password_attempts():
        accounts.close(me(), form.current_password.data)
