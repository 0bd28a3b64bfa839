"""Forwarding: a message is brought into another chat."""

from __future__ import annotations

import secrets

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from forms import ForwardForm
from models import Chat, Membership, Message
from views.pages import me, page, signed_in

bp = Blueprint("forwards", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>/forward")

OFFERED = 500


@bp.route("", methods=["GET", "POST"])
@signed_in
def forward(chat_id: int, message_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    message, form = mine.message(message_id), ForwardForm()
    if form.done(lambda: sent(message_id, form)):
        return redirect(f"/chats/{form.result.chat_id}")
    # Sent twice by an impatient finger, it is forwarded once still.
    form.key.data = form.key.data or secrets.token_urlsafe(16)
    return page("messages/forward.html", form, mine=mine, message=message, chats=Chat.list_of(me(), OFFERED))


def sent(message_id: int, form: ForwardForm) -> Message:
    return Membership.of(me(), form.chat_id).forward(message_id, form.text.data or "", form.sent_key)
