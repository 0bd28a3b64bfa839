"""Reacting to messages."""

from __future__ import annotations

from actions.message_events import record_message
from lib import emojis
from models import message_page
from models.base import now, write
from models.chat import Membership
from models.errors import Invalid, words
from models.mention import Mention
from models.message import Message
from models.reaction import Reaction

# Different emoji per message.
KINDS_MAX = 20


def add(membership: Membership, message_id: int, emoji: str) -> Message:
    """React to a message with an emoji, once. Raises Invalid (`emoji`), NotThere."""
    emoji = check(emoji)
    with write():
        membership = membership.reload()
        message_page.check(membership, message_id)
        given = Reaction.message == message_id
        if not Reaction.select().where(given, Reaction.user == membership.user_id, Reaction.emoji == emoji).exists():
            kinds = [row.emoji for row in Reaction.select(Reaction.emoji).where(given).distinct().limit(KINDS_MAX)]
            if emoji not in kinds and len(kinds) >= KINDS_MAX:
                raise Invalid(emoji=words("A message can have up to %(most)d different reactions.", most=KINDS_MAX))
            Reaction.create(message=message_id, user=membership.user, emoji=emoji, created_at=now())
            return _record(membership, message_id, emoji, added=True)
        return message_page.get(membership, message_id)


def remove(membership: Membership, message_id: int, emoji: str) -> Message:
    """Remove one's own reaction, if there is one. Raises Invalid (`emoji`), NotThere."""
    emoji = check(emoji)
    with write():
        membership = membership.reload()
        message_page.check(membership, message_id)
        own = (Reaction.message == message_id, Reaction.user == membership.user_id, Reaction.emoji == emoji)
        if Reaction.delete().where(*own).execute():
            return _record(membership, message_id, emoji, added=False)
        return message_page.get(membership, message_id)


def _record(membership: Membership, message_id: int, emoji: str, added: bool) -> Message:
    # Loaded only once, since very many reactions take long.
    message = message_page.get(membership, message_id)
    # Streams take the text from the row.
    Mention.save_names(message)
    reaction = {"user_id": membership.user_id, "emoji": emoji, "added": added}
    record_message("message.updated", message, same_text=True, reaction=reaction)
    return message


def check(emoji: str) -> str:
    """Validate an emoji; returns its stored form. Raises Invalid (`emoji`)."""
    known = emojis.single(emoji)
    if known is None:
        raise Invalid(emoji=words("This isn’t an emoji."))
    return known
