"""Reactions to a message: choose one, see who gave which."""

from __future__ import annotations

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

import emojis
from auth import throttle
from forms import ReactionForm
from models import Membership, Message, Reaction
from views.pages import me, page, signed_in

bp = Blueprint("reactions", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>/reactions")

# At hand in a row, and further ones on the page of a message.
COMMON = ("👍", "❤️", "😂", "🎉", "😮", "🙏")
FURTHER = (*"🙂😊😍🤔😢😡👎👏🙌💪👀🔥💯🚀", "✅", "❌", "❓", "🍀")
# Who gave what is told for so many; the API tells of all.
SHOWN = 500


@bp.route("", methods=["GET", "POST"])
@signed_in
def choose(chat_id: int, message_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    message = mine.message(message_id)
    form = ReactionForm()
    if form.done(lambda: change(mine, message_id, form)):
        return redirect(message.url)
    given: dict[str, list[Reaction]] = {}
    for reaction in Reaction.given_to(message, SHOWN):
        given.setdefault(reaction.emoji, []).append(reaction)
    return page("messages/reactions.html", form, mine=mine, message=message, given=given, further=FURTHER)


def change(mine: Membership, message_id: int, form: ReactionForm) -> Message:
    throttle("reactions", str(mine.user_id))
    if form.take_back.data:
        return Reaction.take_back(mine, message_id, form.take_back.data)
    return Reaction.give(mine, message_id, (form.give.data or "").strip())


def emoji_name(sign: str) -> str:
    """What an emoji is called in the reader's language."""
    return emojis.called(sign, str(get_locale()))
