"""What an event says besides what happened, so that clients need not ask."""

from __future__ import annotations

import json
from typing import Any

from people import Person

from actions import chats, members, messages, reactions, reading
from models import Chat, Event


def data_of(type: str) -> list[dict[str, Any]]:
    """The data of the events of a type, in order."""
    return [json.loads(event.data) for event in Event.select().where(Event.type == type).order_by(Event.id)]


def test_an_edit_lists_the_former_mentions(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "@bob, the tomatoes are in")
    messages.edit(ann.of(chat), message.id, "the tomatoes are in")
    (edited,) = data_of("message.updated")
    assert (edited["former_mentions"], edited["mentions"]) == ([bob.user.id], [])
    assert not {"restored", "reaction"} & set(edited)


def test_a_deletion_contains_its_author_and_the_last_message(ann: Person, bob: Person, chat: Chat) -> None:
    first = ann.posts(chat, "the **tomatoes** are in")
    second, third = bob.posts(chat, "@ann, where?"), bob.posts(chat, "where?")
    for message in (second, third, first):
        author = bob if message.author_id == bob.id else ann
        messages.delete(author.of(chat), message.id)
    of_second, of_third, of_first = data_of("message.deleted")
    assert of_second == {
        "id": second.id,
        "chat_id": chat.id,
        "author_id": bob.user.id,
        "former_mentions": [ann.user.id],
    }, "it was not the last one"
    assert set(of_third["last_message"]) == {"id", "author", "preview", "created_at"}
    assert of_third["last_message"]["id"] == first.id
    assert of_third["last_message"]["preview"] == "", "that one is gone as well by now"
    assert of_first["last_message"] is None


def test_a_restored_message_differs_from_an_edited_one(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the tomatoes are in")
    messages.delete(ann.of(chat), message.id)
    messages.restore(ann.of(chat), message.id)
    (restored,) = data_of("message.updated")
    assert restored["restored"] is True
    assert "former_mentions" not in restored


def test_a_reaction_names_its_author(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the tomatoes are in")
    reactions.add(bob.of(chat), message.id, "🍅")
    reactions.remove(bob.of(chat), message.id, "🍅")
    assert [event["reaction"] for event in data_of("message.updated")] == [
        {"user_id": bob.user.id, "emoji": "🍅", "added": True},
        {"user_id": bob.user.id, "emoji": "🍅", "added": False},
    ]


def test_unread_counts_come_with_each_change(ann: Person, bob: Person, chat: Chat) -> None:
    first = ann.posts(chat, "one")
    ann.posts(chat, "@bob two")
    reading.read(bob.of(chat), first.id)
    members.set_level(bob.of(chat), "mentions")
    reading.mark_unread(bob.of(chat), first.id)
    counts = [(event["unread"], event["unread_mentions"]) for event in data_of("read") + data_of("membership.updated")]
    assert counts == [(1, 1), (1, 1), (2, 1)]


def test_members_are_named_as_the_heading_names_them(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    members.add(ann.of(chat), "carol")
    members.set_role(ann.of(chat), bob.user.id, "admin")
    members.leave(bob.of(chat))
    added, updated, removed = (data_of(f"member.{what}")[-1] for what in ("added", "updated", "removed"))
    everyone = [{"id": person.user.id, "label": person.username} for person in (ann, bob, carol)]
    assert (added["member_count"], added["people"]) == (3, everyone)
    assert (updated["member_count"], updated["people"]) == (3, everyone)
    assert (removed["member_count"], removed["people"]) == (2, [everyone[0], everyone[2]])


def test_a_large_chat_names_only_its_first_members(ann: Person, bob: Person, monkeypatch: Any) -> None:
    monkeypatch.setattr(members, "PRESENCE_MEMBERS_MAX", 2)
    monkeypatch.setattr(members, "NAMED_IN_HEADING", 1)
    Person(ann.app, "carol")
    chat = chats.start(ann.user, "Garden", ["bob", "carol"]).chat
    assert {len(event["people"]) for event in data_of("member.added")} == {1}
    members.leave(bob.of(chat))
    assert len(data_of("member.removed")[-1]["people"]) == 2


def test_whoever_is_added_gets_the_chat_as_their_list_shows_it(ann: Person, carol: Person, chat: Chat) -> None:
    last = ann.posts(chat, "the **tomatoes** are in")
    members.add(ann.of(chat), "carol")
    created = data_of("chat.created")[-1]
    listed = carol.api.get(f"/api/chats/{chat.id}").get_json()
    for field in ("title", "kind", "description", "picture_url", "created_at", "role", "level", "unread"):
        assert created[field] == listed[field], field
    assert created["last_read_id"] == listed["last_read_id"] == last.id
    message = listed["last_message"]
    assert created["last_message"] == {
        "id": last.id,
        "author": message["author"],
        "preview": "the tomatoes are in",
        "created_at": message["created_at"],
    }


def test_a_direct_chat_names_both_people(ann: Person, bob: Person) -> None:
    chats.direct(ann.user, bob.user)
    for created in data_of("chat.created"):
        assert [user["username"] for user in created["users"]] == ["ann", "bob"]
        assert created["opened_by"] == ann.user.id
