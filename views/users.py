"""People: register, profile, settings, goodbye."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh

from auth import current_login, current_user, sign_in, sign_out, throttle
from forms import GoodbyeForm, PasswordForm, ProfileForm, RegisterForm
from models import Login, User
from views.pages import me, page, signed_in

bp = Blueprint("users", __name__)


@bp.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect("/")
    form = RegisterForm()
    if form.done(lambda: registered(form)):
        sign_in(form.result)
        return redirect("/")
    return page("users/register.html", form)


def registered(form: RegisterForm) -> User:
    throttle("register")
    return User.register(form.username.data, form.password.data)


@bp.get("/users/<username>")
@signed_in
def show(username: str) -> ResponseReturnValue:
    user = User.named(username)
    is_own = user.id == me().id
    shared = [] if is_own else me().chats_shared_with(user)
    may_reset = me().is_admin and not is_own
    return page("users/show.html", user=user, is_own=is_own, shared=shared, may_reset=may_reset)


@bp.route("/settings", methods=["GET", "POST"])
@signed_in
def settings() -> ResponseReturnValue:
    form = ProfileForm(data=said_of(me()))
    if form.done(lambda: me().change(**form.said)) and pictured(form):
        # The page that follows speaks the language that was just chosen.
        refresh()
        flash(_("Saved."))
        return redirect(url_for("users.settings"))
    return board(form)


def said_of(user: User) -> dict[str, str]:
    """What the settings page's first form holds before anybody types."""
    return {"name": user.name, "about": user.about, "language": user.language, "theme": user.theme}


def pictured(form: ProfileForm) -> bool:
    """Take the picture that came along, if one did. What else was changed stands by then, and the page says so."""
    taken = not form.avatar.data or form.done(lambda: me().set_avatar(form.avatar.data.stream))
    if not taken:
        form.notice = form.notice or _("Everything but the picture was saved.")
    return taken


@bp.post("/settings/avatar/remove")
@signed_in
def drop_avatar() -> ResponseReturnValue:
    me().drop_avatar()
    flash(_("The picture is removed."))
    return redirect(url_for("users.settings"))


def board(form: ProfileForm | PasswordForm) -> ResponseReturnValue:
    """The settings page; `form` is the one of its forms that was sent, or none yet."""
    profile = form if isinstance(form, ProfileForm) else ProfileForm(None, data=said_of(me()))
    password = form if isinstance(form, PasswordForm) else PasswordForm(None)
    this = current_login()
    others = [login for login in Login.of(me()) if login != this]
    return page("users/settings.html", form, profile=profile, password=password, this=this, others=others)


@bp.post("/settings/password")
@signed_in
def password() -> ResponseReturnValue:
    form = PasswordForm()
    if form.done(lambda: changed(form)):
        flash(_("The password is changed. Every other login has ended."))
        return redirect(url_for("users.settings"))
    return board(form)


def changed(form: PasswordForm) -> None:
    bound_guesses()
    me().change(form.password.data, form.current_password.data, current_login())


@bp.route("/settings/delete", methods=["GET", "POST"])
@signed_in
def delete() -> ResponseReturnValue:
    form = GoodbyeForm()
    if form.done(lambda: closed(form)):
        sign_out()
        return redirect("/")
    return page("users/delete.html", form)


def closed(form: GoodbyeForm) -> None:
    bound_guesses()
    me().close_account(form.current_password.data)


def bound_guesses() -> None:
    """A browser left open is no place to try passwords without end."""
    throttle("password", str(me().id))
