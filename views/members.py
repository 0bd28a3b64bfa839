"""Members of a chat: add, set role, remove."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from actions import members
from models import Membership
from views.chats import save_chat_settings
from views.forms import MemberForm
from views.pages import login_required, me, page

bp = Blueprint("members", __name__, url_prefix="/chats/<int:chat_id>/members")


@bp.post("")
@login_required
def create(chat_id: int) -> ResponseReturnValue:
    membership, form = Membership.of(me(), chat_id), MemberForm()
    return save_chat_settings(membership, form, lambda: members.add(membership, form.username.data))


@bp.post("/<int:user_id>/role")
@login_required
def role(chat_id: int, user_id: int) -> ResponseReturnValue:
    members.set_role(Membership.of(me(), chat_id), user_id, request.form.get("role", ""))
    return redirect(url_for("chats.edit", chat_id=chat_id))


@bp.route("/<int:user_id>/remove", methods=["GET", "POST"])
@login_required
def remove(chat_id: int, user_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    member = membership.member(user_id)
    if not membership.may_remove(member):
        abort(403)
    if request.method == "POST":
        members.remove(membership, user_id)
        flash(_("%(name)s was removed.", name=member.user.label))
        return redirect(url_for("chats.edit", chat_id=chat_id))
    return page("members/remove.html", membership=membership, member=member)
