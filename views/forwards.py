"""Forward a message to another chat."""

from __future__ import annotations

import secrets

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from actions import messages
from models import Membership, Message, chat_list, message_page
from views.forms import ForwardForm
from views.pages import login_required, me, page

bp = Blueprint("forwards", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>/forward")

CHATS_MAX = 500


@bp.route("", methods=["GET", "POST"])
@login_required
def forward(chat_id: int, message_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    message, form = message_page.get(membership, message_id), ForwardForm()
    if form.run_on_submit(lambda: forward_message(message_id, form)):
        return redirect(f"/chats/{form.result.chat_id}")
    # A double click sends the form twice under one key, so it is forwarded once.
    form.key.data = form.key.data or secrets.token_urlsafe(16)
    return page(
        "messages/forward.html", form, membership=membership, message=message, chats=chat_list.load(me(), CHATS_MAX)
    )


def forward_message(message_id: int, form: ForwardForm) -> Message:
    return messages.forward(Membership.of(me(), form.chat_id), message_id, form.text.data or "", form.idempotency_key)
