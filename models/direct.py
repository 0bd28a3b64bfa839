"""Direct chats: one for each pair of people, found again by writing to the person."""

from __future__ import annotations

from models.base import now, write
from models.chat import Chat
from models.errors import NotThere
from models.membership import Membership
from models.user import User


def between(user: User, other: User) -> tuple[Membership, bool]:
    """The direct chat of two people, or of one with themselves, as `user` sees it; whether it was opened just now.

    Raises NotThere when one of the accounts is closed and there is no such chat yet.
    """
    known = _known(user, other)
    if known is not None:
        return known, False
    with write():
        # Under the lock nobody else opens it; who came first has done so by now.
        known = _known(user, other)
        return (_opened(user, other), True) if known is None else (known, False)


def _known(user: User, other: User) -> Membership | None:
    low, high = sorted((user.id, other.id))
    chat = Chat.get_or_none(Chat.low_id == low, Chat.high_id == high)
    try:
        return None if chat is None else Membership.of(user, chat.id)
    except NotThere:
        return None


def _opened(user: User, other: User) -> Membership:
    people = {person_id: User.find(person_id) for person_id in (user.id, other.id)}
    low, high = sorted((user.id, other.id))
    # The database asks for an owner; in a direct chat it is nobody's role (see Membership.is_owner).
    chat = Chat.create(title="", owner_id=user.id, low_id=low, high_id=high, created_at=now())
    for person in people.values():
        Membership.enter(chat, person)
    chat.move_up()
    return Membership.of(user, chat.id)
