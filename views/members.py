"""Members of a chat: bring in, give a role, take out."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from forms import MemberForm
from models import Membership
from views.chats import desk
from views.pages import me, page, signed_in

bp = Blueprint("members", __name__, url_prefix="/chats/<int:chat_id>/members")


@bp.post("")
@signed_in
def create(chat_id: int) -> ResponseReturnValue:
    mine, form = Membership.of(me(), chat_id), MemberForm()
    if form.done(lambda: mine.add(form.username.data)):
        return redirect(url_for("chats.edit", chat_id=chat_id))
    return desk(mine, form)


@bp.post("/<int:user_id>/role")
@signed_in
def role(chat_id: int, user_id: int) -> ResponseReturnValue:
    Membership.of(me(), chat_id).set_role(user_id, request.form.get("role", ""))
    return redirect(url_for("chats.edit", chat_id=chat_id))


@bp.route("/<int:user_id>/remove", methods=["GET", "POST"])
@signed_in
def remove(chat_id: int, user_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    theirs = mine.member(user_id)
    if not mine.may_remove(theirs):
        abort(403)
    if request.method == "POST":
        mine.remove(user_id)
        return redirect(url_for("chats.edit", chat_id=chat_id))
    return page("members/remove.html", mine=mine, theirs=theirs)
