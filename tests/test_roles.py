"""Owner, admins, members: permissions and succession."""

from __future__ import annotations

import threading
from collections.abc import Callable

import peewee
import pytest
from people import PASSWORD, Person

import models
from actions import accounts, members, messages
from models import Chat, Forbidden, Invalid, Membership, NotThere, message_page


def roles(chat: Chat) -> dict[str, str]:
    """Everybody's role in a chat, by username."""
    chat = Chat.get_by_id(chat.id)
    return {m.user.username: m.role for m in Membership.get(Membership.chat == chat).members()}


def test_the_creator_is_the_owner(ann: Person, chat: Chat) -> None:
    assert roles(chat) == {"ann": "owner", "bob": "member"}


def test_giving_owner_hands_the_chat_over(ann: Person, bob: Person, chat: Chat) -> None:
    members.set_role(ann.of(chat), bob.id, "owner")
    assert roles(chat) == {"bob": "owner", "ann": "admin"}


def test_the_owner_cannot_step_down_without_a_successor(ann: Person, chat: Chat) -> None:
    with pytest.raises(Invalid):
        members.set_role(ann.of(chat), ann.id, "member")
    assert roles(chat)["ann"] == "owner"


def test_the_longest_standing_admin_follows_the_owner(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    members.add(ann.of(chat), "carol", role="admin")
    members.leave(ann.of(chat))
    assert roles(chat) == {"carol": "owner", "bob": "member"}


def test_without_admins_the_longest_standing_member_follows(
    ann: Person, bob: Person, carol: Person, chat: Chat
) -> None:
    members.add(ann.of(chat), "carol")
    members.leave(ann.of(chat))
    assert roles(chat) == {"bob": "owner", "carol": "member"}


def test_the_last_to_leave_deletes_the_chat(ann: Person, bob: Person, chat: Chat) -> None:
    members.leave(ann.of(chat))
    members.leave(bob.of(chat))
    assert Chat.get_or_none(Chat.id == chat.id) is None


def test_a_closed_account_hands_its_chats_over(ann: Person, bob: Person, chat: Chat) -> None:
    alone = ann.starts("Alone")
    accounts.close(ann.user, PASSWORD)
    assert roles(chat) == {"bob": "owner"}
    assert Chat.get_or_none(Chat.id == alone.id) is None


def test_admins_remove_plain_members_only(
    ann: Person, bob: Person, carol: Person, chat: Chat, person: Callable[[str], Person]
) -> None:
    dave = person("dave")
    members.set_role(ann.of(chat), bob.id, "admin")
    members.add(ann.of(chat), "carol", role="admin")
    members.add(bob.of(chat), "dave")
    for other in (ann, carol):
        with pytest.raises(Forbidden):
            members.remove(bob.of(chat), other.id)
    members.remove(bob.of(chat), dave.id)
    assert roles(chat) == {"ann": "owner", "bob": "admin", "carol": "admin"}


def test_an_admin_deletes_messages_of_plain_members_only(
    ann: Person, bob: Person, carol: Person, chat: Chat, person: Callable[[str], Person]
) -> None:
    dave, left = person("dave"), person("erin")
    for username in ("carol", "dave", "erin"):
        members.add(ann.of(chat), username)
    posted = {who.username: who.posts(chat, f"by {who.username}").id for who in (ann, bob, carol, dave, left)}
    members.leave(left.of(chat))
    for admin in (bob, carol):
        members.set_role(ann.of(chat), admin.id, "admin")
    for higher in ("ann", "carol"):
        with pytest.raises(Forbidden):
            messages.delete(bob.of(chat), posted[higher])
    for own_or_lower in ("bob", "dave", "erin"):
        messages.delete(bob.of(chat), posted[own_or_lower])
        with pytest.raises(NotThere):
            message_page.get(ann.of(chat), posted[own_or_lower])


def test_a_plain_member_gives_no_roles(bob: Person, carol: Person, chat: Chat) -> None:
    with pytest.raises(Forbidden):
        members.add(bob.of(chat), "carol", role="admin")
    with pytest.raises(Forbidden):
        members.set_role(bob.of(chat), bob.id, "owner")
    assert "carol" not in roles(chat)


def test_the_database_itself_refuses_a_chat_without_its_owner(ann: Person, chat: Chat) -> None:
    with pytest.raises(peewee.IntegrityError), models.write():
        Membership.delete().where(Membership.chat == chat, Membership.user == ann.id).execute()
    with pytest.raises(peewee.IntegrityError), models.write():
        Chat.update(owner_id=987_654).where(Chat.id == chat.id).execute()
    assert roles(chat) == {"ann": "owner", "bob": "member"}


@pytest.mark.parametrize("round_", range(10))
def test_all_leaving_at_once_ends_the_chat_cleanly(
    round_: int, ann: Person, bob: Person, carol: Person, chat: Chat
) -> None:
    members.add(ann.of(chat), "carol", role="admin")
    errors: list[Exception] = []
    start = threading.Barrier(3)

    def leave(who: Person) -> None:
        try:
            membership = who.of(chat)
            start.wait()
            members.leave(membership)
        except Exception as error:
            errors.append(error)
        finally:
            models.database.close()

    threads = [threading.Thread(target=leave, args=(who,)) for who in (ann, bob, carol)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Chat.get_or_none(Chat.id == chat.id) is None
    assert Membership.select().count() == 0


def test_two_handovers_at_once_leave_one_owner(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    members.add(ann.of(chat), "carol")
    start = threading.Barrier(2)

    def hand_over(to: Person) -> None:
        membership = ann.of(chat)
        start.wait()
        try:
            members.set_role(membership, to.id, "owner")
        except Forbidden:
            return
        finally:
            models.database.close()

    threads = [threading.Thread(target=hand_over, args=(to,)) for to in (bob, carol)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(roles(chat).values()).count("owner") == 1
    assert roles(chat)["ann"] == "admin"
