"""Unread marks that do not lie."""

from __future__ import annotations

import random

import pytest
from people import Person

from models import Chat, Invalid, Membership, Message, Withdrawn


def counted(membership: Membership) -> int:
    """Unread the slow way: messages of others, not deleted, after the read position."""
    return (
        Message.select()
        .where(
            Message.chat == membership.chat_id,
            Message.id > membership.last_read_id,
            Message.author != membership.user_id,
            Message.deleted_at.is_null(),
        )
        .count()
    )


def test_what_others_write_is_unread_until_it_is_read(ann: Person, bob: Person, chat: Chat) -> None:
    first = ann.posts(chat, "one")
    ann.posts(chat, "two")
    assert bob.of(chat).unread == 2
    bob.of(chat).read(first.id)
    assert bob.of(chat).unread == 1
    bob.reads(chat)
    assert bob.of(chat).unread == 0


def test_ones_own_messages_are_never_unread(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "mine")
    assert ann.of(chat).unread == 0
    bob.posts(chat, "theirs")
    ann.posts(chat, "mine again")
    assert ann.of(chat).unread == 1


def test_the_read_position_never_goes_back(ann: Person, bob: Person, chat: Chat) -> None:
    first, second = ann.posts(chat, "one"), ann.posts(chat, "two")
    bob.of(chat).read(second.id)
    bob.of(chat).read(first.id)
    assert bob.of(chat).last_read_id == second.id
    assert bob.of(chat).unread == 0


def test_reading_up_to_a_message_of_another_chat_is_refused(ann: Person, bob: Person, chat: Chat) -> None:
    elsewhere = ann.posts(ann.starts("Elsewhere"), "not here")
    with pytest.raises(Invalid) as refused:
        bob.of(chat).read(elsewhere.id)
    assert "message_id" in refused.value.errors


def test_who_comes_later_has_nothing_unread(ann: Person, carol: Person, chat: Chat) -> None:
    ann.posts(chat, "before")
    ann.of(chat).add("carol")
    assert carol.of(chat).unread == 0
    ann.posts(chat, "after")
    assert carol.of(chat).unread == 1


@pytest.mark.parametrize("seed", range(12))
def test_after_any_history_unread_is_what_a_count_would_say(
    seed: int, ann: Person, bob: Person, carol: Person, chat: Chat
) -> None:
    """Posting, reading, deleting, undoing it, leaving and coming back, in any order."""
    chance = random.Random(seed)
    ann.of(chat).add("carol")
    people = [ann, bob, carol]
    for _ in range(60):
        who = chance.choice(people)
        if not Membership.select().where(Membership.chat == chat, Membership.user == who.id).exists():
            ann.of(chat).add(who.username)
            continue
        mine = who.of(chat)
        alive = [m.id for m in Message.select().where(Message.chat == chat, Message.deleted_at.is_null())]
        every = [m.id for m in Message.select().where(Message.chat == chat)]
        match chance.choice(["post", "post", "post", "read", "delete", "undo", "read_all", "leave"]):
            case "read" if every:
                mine.read(chance.choice(every))
            case "delete" if alive:
                message = Message.get_by_id(chance.choice(alive))
                if mine.may_delete(message):
                    mine.delete_message(message.id)
            case "undo" if undone := [row.message_id for row in Withdrawn.select().where(Withdrawn.user == who.id)]:
                mine.restore_message(chance.choice(undone))
            case "read_all" if every:
                who.reads(chat)
            case "leave" if who is not ann:
                mine.leave()
            case _:
                mine.post(f"message {chance.random()}")
        for membership in Membership.select(Membership, Chat).join(Chat).where(Membership.chat == chat):
            assert membership.unread == counted(membership)
            assert membership.chat.last_message_id == max(standing(chat), default=None)
            assert membership.chat.message_count == len(standing(chat))


def standing(chat: Chat) -> list[int]:
    """The ids of the messages that are not deleted."""
    return [m.id for m in Message.select().where(Message.chat == chat, Message.deleted_at.is_null())]
