"""Unread marks that do not lie."""

from __future__ import annotations

import json
import random

import pytest
from people import Person

from actions import members, messages, reading
from models import Chat, DeletedMessage, Event, Invalid, Membership, Message


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
    reading.read(bob.of(chat), first.id)
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
    reading.read(bob.of(chat), second.id)
    reading.read(bob.of(chat), first.id)
    assert bob.of(chat).last_read_id == second.id
    assert bob.of(chat).unread == 0


def test_reading_up_to_a_message_of_another_chat_is_refused(ann: Person, bob: Person, chat: Chat) -> None:
    elsewhere = ann.posts(ann.starts("Elsewhere"), "not here")
    with pytest.raises(Invalid) as refused:
        reading.read(bob.of(chat), elsewhere.id)
    assert "message_id" in refused.value.errors


def test_a_later_member_has_nothing_unread(ann: Person, carol: Person, chat: Chat) -> None:
    ann.posts(chat, "before")
    members.add(ann.of(chat), "carol")
    assert carol.of(chat).unread == 0
    ann.posts(chat, "after")
    assert carol.of(chat).unread == 1


def test_marking_as_unread_includes_all_later_messages(ann: Person, bob: Person, chat: Chat) -> None:
    first, second = ann.posts(chat, "one"), ann.posts(chat, "two")
    bob.posts(chat, "mine")
    ann.posts(chat, "three")
    bob.reads(chat)
    assert bob.api.post(f"/api/chats/{chat.id}/unread", json={"message_id": second.id}).status_code == 204
    chat_json = bob.api.get(f"/api/chats/{chat.id}").get_json()
    assert (chat_json["last_read_id"], chat_json["unread"]) == (first.id, 2)
    event = Event.select().order_by(Event.id.desc()).first()
    assert (event.type, event.user_id) == ("membership.updated", bob.id)
    assert json.loads(event.data) == {
        "chat_id": chat.id,
        "last_read_id": first.id,
        "unread": 2,
        "unread_mentions": 0,
    }
    # What was read stays read for the others.
    assert ann.of(chat).unread == 1


def test_the_first_message_can_be_marked_as_unread(ann: Person, bob: Person, chat: Chat) -> None:
    first = ann.posts(chat, "one")
    bob.reads(chat)
    reading.mark_unread(bob.of(chat), first.id)
    chat_json = bob.api.get(f"/api/chats/{chat.id}").get_json()
    assert (chat_json["last_read_id"], chat_json["unread"]) == (None, 1)


def test_the_line_is_above_the_first_unread_message(ann: Person, bob: Person, chat: Chat) -> None:
    messages = [ann.posts(chat, f"message {number}") for number in range(3)]
    read = 0
    for message in messages:
        page = bob.get(f"/chats/{chat.id}/log?around={message.id}&line={read}").text
        line, own = page.index('id="unread"'), page.index(f'id="{message.anchor}"')
        assert page[line:own].count("<article") == 1
        read = message.id


def test_marking_an_unread_message_as_unread_changes_nothing(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "one")
    second = ann.posts(chat, "two")
    before = Event.select().count()
    reading.mark_unread(bob.of(chat), second.id)
    assert (bob.of(chat).unread, Event.select().count()) == (2, before)


def test_only_existing_messages_of_this_chat_can_be_marked_as_unread(ann: Person, bob: Person, chat: Chat) -> None:
    elsewhere, deleted = ann.posts(ann.starts("Elsewhere"), "not here"), ann.posts(chat, "hello")
    messages.delete(ann.of(chat), deleted.id)
    for message in (elsewhere, deleted):
        answer = bob.api.post(f"/api/chats/{chat.id}/unread", json={"message_id": message.id})
        assert answer.status_code == 422
        assert set(answer.get_json()["errors"]) == {"message_id"}


@pytest.mark.parametrize("seed", range(12))
def test_after_any_history_unread_equals_a_count(
    seed: int, ann: Person, bob: Person, carol: Person, chat: Chat
) -> None:
    """Posting, reading, marking as unread, deleting, undoing it, leaving and coming back, in any order."""
    chance = random.Random(seed)
    members.add(ann.of(chat), "carol")
    people = [ann, bob, carol]
    for _ in range(60):
        who = chance.choice(people)
        if not Membership.select().where(Membership.chat == chat, Membership.user == who.id).exists():
            members.add(ann.of(chat), who.username)
            continue
        does_something(chance, who, chat, may_leave=who is not ann)
        for membership in Membership.select(Membership, Chat).join(Chat).where(Membership.chat == chat):
            assert membership.unread == counted(membership)
            assert membership.chat.last_message_id == max(standing(chat), default=None)
            assert membership.chat.message_count == len(standing(chat))


def does_something(chance: random.Random, who: Person, chat: Chat, may_leave: bool) -> None:
    membership = who.of(chat)
    alive = [m.id for m in Message.select().where(Message.chat == chat, Message.deleted_at.is_null())]
    every = [m.id for m in Message.select().where(Message.chat == chat)]
    match chance.choice(["post", "post", "post", "read", "unread", "delete", "undo", "read_all", "leave"]):
        case "read" if every:
            reading.read(membership, chance.choice(every))
        case "unread" if alive:
            reading.mark_unread(membership, chance.choice(alive))
        case "delete" if alive:
            message = Message.get_by_id(chance.choice(alive))
            if membership.may_delete(message.author_id):
                messages.delete(membership, message.id)
        case "undo" if undone := [
            row.message_id for row in DeletedMessage.select().where(DeletedMessage.user == who.id)
        ]:
            messages.restore(membership, chance.choice(undone))
        case "read_all" if every:
            who.reads(chat)
        case "leave" if may_leave:
            members.leave(membership)
        case _:
            messages.post(membership, f"message {chance.random()}")


def standing(chat: Chat) -> list[int]:
    """The ids of the messages that are not deleted."""
    return [m.id for m in Message.select().where(Message.chat == chat, Message.deleted_at.is_null())]
