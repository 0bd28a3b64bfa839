"""Direct chats, and how much of a chat one is told of."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from auth import throttle
from forms import LevelForm
from models import Membership, User, direct
from views.chats import desk
from views.pages import me, signed_in

bp = Blueprint("rooms", __name__)


@bp.post("/users/<username>/chat")
@signed_in
def write_to(username: str) -> ResponseReturnValue:
    """To the direct chat with somebody, which is opened when there is none yet."""
    throttle("chats", str(me().id))
    mine, _is_new = direct.between(me(), User.named(username))
    return redirect(url_for("chats.show", chat_id=mine.chat_id, _anchor="text"))


@bp.post("/chats/<int:chat_id>/level")
@signed_in
def level(chat_id: int) -> ResponseReturnValue:
    mine, form = Membership.of(me(), chat_id), LevelForm()
    if form.done(lambda: mine.set_level(form.level.data)):
        return redirect(url_for("chats.edit", chat_id=chat_id))
    return desk(mine, form)
