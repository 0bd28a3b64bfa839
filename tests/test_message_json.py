"""Messages are loaded for pages and lists without models: the JSON is the one that the models make."""

from __future__ import annotations

import random
from typing import Any

import pytest
from conftest import Queries
from people import Person

from actions import accounts, members, messages, reactions
from models import Chat, File, Message, Task, User, message_json, message_page, now

EMOJI = ("👍", "🎉", "🦔")


def by_models(*which: Any, reader: int | None = None) -> list[dict[str, Any]]:
    """As models make it, ascending; with a `reader`, as a page needs it."""
    found = []
    for message in message_page.load(*which, newest_first=False, limit=1_000, reader=reader):
        found.append(message.to_dict())
        if reader is not None:
            for tally, shown in zip(message.reactions, found[-1]["reactions"], strict=True):
                shown["mine"] = tally.is_mine
    return found


def talk(chance: random.Random, people: list[Person], chat: Chat, others: Chat) -> None:
    """Let people do at random what they do with messages."""
    posted: list[int] = []
    for number in range(60):
        who = chance.choice(people)
        named = " ".join(f"@{chance.choice(people).username}" for _ in range(chance.choice((0, 0, 1, 3))))
        text = chance.choice(
            (f"word {number} {named}", f"**{named}** `x` > {number}", f"{named}\n- one\n- two {number}")
        )
        reply_to = chance.choice(posted) if posted and chance.random() < 0.3 else None
        alive = [one.id for one in Message.select().where(Message.chat == chat, Message.deleted_at.is_null())]
        message = who.posts(chat, text, reply_to=reply_to if reply_to in alive else None)
        posted.append(message.id)
        for at in range(chance.choice((0, 0, 0, 1, 2))):
            add_file(message, f"{number}-{at}.png", is_picture=chance.random() < 0.5)
        if chance.random() < 0.1:
            Message.update(text="", html="").where(Message.id == message.id).execute()
        if chance.random() < 0.2:
            messages.edit(who.of(chat), message.id, f"edited {named}")
        if chance.random() < 0.2:
            messages.forward(who.of(chat), who.posts(others, f"elsewhere {named}").id)
        for emoji in EMOJI:
            for fan in people:
                if chance.random() < 0.1:
                    reactions.add(fan.of(chat), message.id, emoji)
        if chance.random() < 0.2:
            messages.delete(who.of(chat), message.id)


def add_file(message: Message, name: str, is_picture: bool) -> None:
    key = f"{message.id}-{name}"
    copies = {"display_key": f"{key}-d", "thumbnail_key": f"{key}-t", "width": 30, "height": 40} if is_picture else {}
    File.create(
        message=message, uploader=message.author_id, name=name, size=7, type="image/png", digest="", key=key,
        created_at=now(), **copies,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_json_of_messages_is_that_of_their_models(person: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    people = [person(name) for name in ("ann", "bob", "carol", "dave", "eve")]
    chat, others = people[0].starts("Garden", *people[1:]), people[0].starts("Kitchen", *people[1:])
    User.update(name="Bob B.", about="me", avatar="0123456789abcdef").where(User.id == people[1].id).execute()
    talk(chance, people, chat, others)
    # Their mentions are rewritten by tasks, which do not run here.
    monkeypatch.setattr(Task, "work", lambda: False)
    accounts.change(people[2].user, username="caroline")
    User.update(username="dora").where(User.id == people[3].id).execute()
    accounts.close(people[4].user, people[4].password)
    ann, in_chat = people[0].of(chat), Message.chat == chat
    ids = [message.id for message in Message.select().where(in_chat).order_by(Message.id)]
    middle = ids[len(ids) // 2]
    every = by_models(in_chat, reader=ann.user_id)
    assert message_json.newest(ann, 1_000) == every
    assert message_json.newest(ann, 7) == every[-7:]
    assert message_json.before(ann, middle, 7) == [one for one in every if one["id"] < middle][-7:]
    assert message_json.after(ann, middle, 7) == [one for one in every if one["id"] > middle][:7]
    at = ids.index(middle)
    assert message_json.around(ann, middle, 7) == every[at - 7 : at + 8]
    alive = by_models(in_chat, Message.deleted_at.is_null())
    assert message_json.newest(ann, 1_000, for_page=False) == alive
    assert message_json.after(ann, middle, 5, for_page=False) == [one for one in alive if one["id"] > middle][:5]
    assert message_json.by_ids([one["id"] for one in alive]) == alive[::-1]
    assert any(one.get("deleted") for one in every)
    assert any(tally["mine"] for one in every for tally in one["reactions"])
    all_text = " ".join(one["text"] for one in every)
    assert "@caroline" in all_text
    assert "@dora" in all_text
    assert "@eve" not in all_text


def test_a_page_takes_the_same_number_of_queries_however_many_messages(
    ann: Person, bob: Person, chat: Chat, queries: Queries
) -> None:
    for number in range(30):
        reactions.add(bob.of(chat), ann.posts(chat, f"{number} for @bob").id, "👍")
    membership = ann.of(chat)
    with queries:
        assert len(message_json.newest(membership, 40)) == 30
    assert len(queries) == 4
    members.remove(ann.of(chat), bob.id)
    assert len(message_json.newest(membership, 40)[0]["mentions"]) == 1
