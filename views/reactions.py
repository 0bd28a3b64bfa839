"""Reactions to a message: add or remove one, see who gave which."""

from __future__ import annotations

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from actions import reactions
from auth import throttle
from lib import emojis
from models import Membership, Message, Reaction, message_page
from views.forms import ReactionForm
from views.pages import login_required, me, page

bp = Blueprint("reactions", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>/reactions")

# Offered beside a message, and more on its reactions page.
COMMON = ("👍", "❤️", "😂", "🎉", "😮", "🙏")
MORE = (*"🙂😊😍🤔😢😡👎👏🙌💪👀🔥💯🚀", "✅", "❌", "❓", "🍀")
# Reactions listed by name; the API lists all.
LISTED_MAX = 500


@bp.route("", methods=["GET", "POST"])
@login_required
def choose(chat_id: int, message_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    message = message_page.get(membership, message_id)
    form = ReactionForm()
    if form.run_on_submit(lambda: add_or_remove(membership, message_id, form)):
        return redirect(message.url)
    given: dict[str, list[Reaction]] = {}
    for reaction in Reaction.given_to(message, LISTED_MAX):
        given.setdefault(reaction.emoji, []).append(reaction)
    return page("messages/reactions.html", form, membership=membership, message=message, given=given, further=MORE)


def add_or_remove(membership: Membership, message_id: int, form: ReactionForm) -> Message:
    throttle("reactions", str(membership.user_id))
    if form.take_back.data:
        return reactions.remove(membership, message_id, form.take_back.data)
    return reactions.add(membership, message_id, (form.give.data or "").strip())


def emoji_name(sign: str) -> str:
    """Name an emoji in the reader's language."""
    return emojis.name_of(sign, str(get_locale()))
