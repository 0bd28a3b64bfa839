"""PUT, DELETE and GET /api/messages/<id>/reactions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Queries
from people import PASSWORD, Person

from actions import accounts, chats, members
from actions import messages as message_actions
from actions.reactions import KINDS_MAX
from models import Chat, DeletedMessage, Event, Message, Reaction, database, message_page
from models.reaction import NAMED
from stream.process.engine import open_log

HEART = "❤️"


def visible_events(who: Person) -> list[tuple[str, dict[str, Any]]]:
    """What a stream of theirs would tell from the beginning."""
    log = open_log(str(database.database), b"key")
    try:
        return [(event.type, json.loads(event.data)) for event in log.visible_to(who.id, 0, 1000)]
    finally:
        log.close()


def path(message: Message, emoji: str) -> str:
    return f"/api/messages/{message.id}/reactions/{quote(emoji)}"


def tallies(who: Person, message: Message) -> list[tuple[str, int, list[int]]]:
    """What a person is told of the reactions to a message."""
    reactions = who.api.get(f"/api/messages/{message.id}").get_json()["reactions"]
    return [(tally["emoji"], tally["count"], tally["users"]) for tally in reactions]


def test_people_react_and_take_it_back(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "The tomatoes are in")
    answer = bob.api.put(path(message, "🍅"))
    assert answer.status_code == 200
    assert answer.get_json()["reactions"] == [
        {
            "emoji": "🍅",
            "emoji_name": {"en": "tomato", "ru": "помидор"},
            "count": 1,
            "users": [bob.id],
            "names": ["bob"],
        }
    ]
    ann.api.put(path(message, "🎉"))
    ann.api.put(path(message, "🍅"))
    assert tallies(bob, message) == [("🍅", 2, [bob.id, ann.id]), ("🎉", 1, [ann.id])]
    assert bob.api.delete(path(message, "🍅")).get_json() == bob.api.get(f"/api/messages/{message.id}").get_json()
    assert tallies(ann, message) == [("🎉", 1, [ann.id]), ("🍅", 1, [ann.id])]


def test_repeating_a_reaction_changes_and_sends_nothing(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    for _ in range(2):
        assert bob.api.put(path(message, "👍")).status_code == 200
    assert Event.select().where(Event.type == "message.updated").count() == 1
    for _ in range(2):
        assert bob.api.delete(path(message, "👍")).status_code == 200
    assert Event.select().where(Event.type == "message.updated").count() == 2
    assert tallies(ann, message) == []


def test_everyone_gets_the_same_event_of_the_message_as_it_is_now(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    message_json = bob.api.put(path(message, "👍")).get_json()
    cause = {"reaction": {"user_id": bob.id, "emoji": "👍", "added": True}}
    assert visible_events(ann)[-1] == ("message.updated", {**message_json, **cause})
    assert message_json["edited_at"] is None
    assert message_json == ann.api.get(f"/api/messages/{message.id}").get_json()


def test_a_reaction_makes_nothing_unread_and_moves_no_chat(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    other = ann.starts("Kitchen", bob)
    bob.api.put(path(message, "👍"))
    assert ann.of(chat).unread == 0
    assert [chat_json["id"] for chat_json in ann.api.get("/api/chats").get_json()["items"]] == [other.id, chat.id]


def test_one_emoji_is_one_however_it_was_typed(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    ann.api.put(path(message, HEART))
    bob.api.put(path(message, HEART.replace("\ufe0f", "")))
    assert tallies(ann, message) == [(HEART, 2, [ann.id, bob.id])]


@pytest.mark.parametrize("emoji", ["👍🏽", "👩‍👩‍👧", "🇫🇮", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "#️⃣", "©️"])
def test_an_emoji_may_be_of_several_characters(ann: Person, chat: Chat, emoji: str) -> None:
    message = ann.posts(chat, "hello")
    assert ann.api.put(path(message, emoji)).status_code == 200
    assert tallies(ann, message) == [(emoji, 1, [ann.id])]


@pytest.mark.parametrize(
    "text", ["a", "1", "+1", ":+1:", "👍👍", "👍 ", "\u200d", "🏽", "🇫", "\ufe0f", "👍" * 5000, "<b>"]
)
def test_anything_but_an_emoji_is_refused(ann: Person, chat: Chat, text: str) -> None:
    message = ann.posts(chat, "hello")
    for ask in (ann.api.put, ann.api.delete):
        answer = ask(path(message, text))
        assert answer.status_code == 422
        assert answer.get_json()["errors"] == {"emoji": ["This isn’t an emoji."]}
    assert Reaction.select().count() == 0


def test_there_are_at_most_twenty_kinds_under_a_message(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    for number in range(KINDS_MAX):
        assert ann.api.put(path(message, chr(0x1F34F + number))).status_code == 200
    answer = bob.api.put(path(message, "👍"))
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == {"emoji": ["A message can have up to 20 different reactions."]}
    assert bob.api.put(path(message, chr(0x1F34F))).status_code == 200


def test_all_reactions_are_counted_and_the_first_are_named(
    ann: Person, chat: Chat, person: Callable[[str], Person]
) -> None:
    message = ann.posts(chat, "hello")
    others = [person(f"guest{number}") for number in range(NAMED + 2)]
    for other in others:
        members.add(ann.of(chat), other.username)
        other.api.put(path(message, "👍"))
    first = [other.id for other in others[:NAMED]]
    assert tallies(ann, message) == tallies(others[-1], message) == [("👍", NAMED + 2, first)]
    assert message_page.get(others[-1].of(chat), message.id).reactions[0].is_mine
    assert not message_page.get(ann.of(chat), message.id).reactions[0].is_mine
    others[-1].api.put(path(message, "👍"))
    assert Reaction.select().count() == NAMED + 2


def test_reactions_are_listed_page_by_page(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    ann.api.put(path(message, "👍"))
    bob.api.put(path(message, "👍"))
    bob.api.put(path(message, "🎉"))
    page = ann.api.get(f"/api/messages/{message.id}/reactions?limit=2").get_json()
    assert [(one["emoji"], one["user"]["username"]) for one in page["items"]] == [("👍", "ann"), ("👍", "bob")]
    page = ann.api.get(page["next"]).get_json()
    assert [(one["emoji"], one["user"]["username"]) for one in page["items"]] == [("🎉", "bob")]
    assert page["next"] is None


def test_a_removed_member_stays_counted_and_can_do_nothing(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    bob.api.put(path(message, "👍"))
    ann.removes(bob, chat)
    assert bob.api.delete(path(message, "👍")).status_code == 404
    assert bob.api.get(f"/api/messages/{message.id}/reactions").status_code == 404
    assert tallies(ann, message) == [("👍", 1, [bob.id])]


def test_a_closed_accounts_reactions_are_deleted(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    bob.api.put(path(message, "👍"))
    ann.api.put(path(message, "👍"))
    accounts.close(bob.user, PASSWORD)
    assert tallies(ann, message) == [("👍", 1, [ann.id])]


def test_the_event_of_a_reaction_does_not_repeat_the_text(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the swordfish *is* secret " * 300)
    for _ in range(3):
        bob.api.put(path(message, "👍"))
        message_json = bob.api.delete(path(message, "👍")).get_json()
    sizes = [len(event.data) for event in Event.select().where(Event.type == "message.updated")]
    assert len(sizes) == 6
    assert max(sizes) < 2_000
    cause = {"reaction": {"user_id": bob.id, "emoji": "👍", "added": False}}
    assert visible_events(ann)[-1] == ("message.updated", {**message_json, **cause})
    message_actions.edit(ann.of(chat), message.id, "now *another*")
    texts = [data["text"] for type, data in visible_events(bob) if type == "message.updated"]
    assert texts == ["now *another*"] * 7
    message_actions.delete(ann.of(chat), message.id)
    assert "swordfish" not in str(visible_events(bob))
    assert [data["text"] for type, data in visible_events(bob) if type == "message.updated"] == [""] * 7


def test_reactions_are_deleted_with_their_message(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    bob.api.put(path(message, "👍"))
    message_actions.delete(ann.of(chat), message.id)
    assert bob.api.get(f"/api/messages/{message.id}/reactions").status_code == 404
    assert bob.api.put(path(message, "👍")).status_code == 404
    # Once the deletion can't be undone any more.
    DeletedMessage.update(withdrawn_at=0).execute()
    DeletedMessage.prune()
    assert Reaction.select().count() == 0
    event_data = [json.loads(event.data) for event in Event.select().where(Event.message_id == message.id)]
    assert all(not data.get("reactions") for data in event_data)
    other = ann.posts(chat, "again")
    bob.api.put(path(other, "👍"))
    chats.delete(ann.of(chat))
    assert Reaction.select().count() == 0


def test_a_page_costs_the_same_however_much_is_reacted(ann: Person, bob: Person, chat: Chat, queries: Queries) -> None:
    messages = [ann.posts(chat, f"message {number}") for number in range(30)]

    def cost() -> int:
        with queries:
            assert ann.api.get(f"/api/messages?chat_id={chat.id}").status_code == 200
        return len(queries)

    before = cost()
    for message in messages:
        for sign in ("👍", "🎉"):
            bob.api.put(path(message, sign))
    assert cost() == before
