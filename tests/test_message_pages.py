"""What people do with a message without a script: react, look at its history, forward it, mark it as unread."""

from __future__ import annotations

import html
import re

from conftest import Queries
from people import Person

from actions import accounts, members, reactions
from actions import messages as message_actions
from models import Chat, Message, Reaction, message_json


def row(who: Person, message: Message) -> str:
    """A message's row on the page of its chat."""
    page = who.get(f"/chats/{message.chat_id}").text
    return page.split(f'id="message-{message.id}"')[1].split("</article>")[0]


def button(page: str, emoji: str) -> dict[str, str]:
    """The attributes of the button for an emoji."""
    (found,) = re.findall(rf'<button class="reaction" ([^>]*value="{emoji}"[^>]*)>', page)
    return {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', found)}


def place(message: Message) -> str:
    return f"/chats/{message.chat_id}/messages/{message.id}"


def test_react_leads_to_a_page_with_buttons(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "The tomatoes are in")
    assert f'href="{place(message)}/reactions"' in row(bob, message)
    page = bob.get(f"{place(message)}/reactions").text
    assert "The tomatoes are in" in page
    assert button(page, "🎉")["name"] == "give"
    assert "party popper" in page
    answer = bob.browser.submit(f"{place(message)}/reactions", give="🎉")
    assert answer.status_code == 302
    assert answer.location == message.url
    assert button(bob.get(f"{place(message)}/reactions").text, "🎉")["name"] == "take_back"


def test_a_reaction_under_a_message_is_a_button_that_gives_it_or_takes_it_back(
    ann: Person, bob: Person, chat: Chat
) -> None:
    message = ann.posts(chat, "hello")
    assert "reaction" not in row(bob, message).replace("/reactions", "")
    reactions.add(ann.of(chat), message.id, "👍")
    seen = button(row(bob, message), "👍")
    assert (seen["name"], seen["aria-pressed"], seen["title"]) == ("give", "false", "ann")
    bob.browser.submit(seen["formaction"], on=f"/chats/{chat.id}", **{seen["name"]: seen["value"]})
    seen = button(row(bob, message), "👍")
    assert (seen["name"], seen["aria-pressed"], seen["title"]) == ("take_back", "true", "ann, bob")
    assert button(row(ann, message), "👍")["aria-pressed"] == "true"
    for _ in range(2):
        bob.browser.submit(seen["formaction"], on=f"/chats/{chat.id}", **{seen["name"]: seen["value"]})
    assert button(row(bob, message), "👍")["title"] == "ann"


def test_any_emoji_can_be_typed_and_nothing_else(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    assert ann.browser.submit(f"{place(message)}/reactions", give=" 🦔 ").status_code == 302
    answer = ann.browser.submit(f"{place(message)}/reactions", give="hedgehog")
    assert answer.status_code == 422
    assert "This isn’t an emoji." in answer.text
    assert [reaction.emoji for reaction in Reaction.select()] == ["🦔"]


def test_the_page_of_reactions_shows_who_gave_which(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    for who in (ann, bob):
        reactions.add(who.of(chat), message.id, "👍")
    given = bob.get(f"{place(message)}/reactions").text.split('class="reactors"')[1]
    assert given.index('href="/users/ann"') < given.index('href="/users/bob"')


def test_emoji_have_names_in_russian_too(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "привет")
    reactions.add(ann.of(chat), message.id, "🔥")
    accounts.change(bob.user, language="ru")
    assert "огонь" in row(bob, message)


def test_the_row_names_the_first_ten(ann: Person, chat: Chat, app: object) -> None:
    message = ann.posts(chat, "hello")
    for number in range(12):
        guest = Person(app, f"guest{number:02}")  # type: ignore[arg-type]
        members.add(ann.of(chat), guest.username)
        reactions.add(guest.of(chat), message.id, "👍")
    title = button(row(ann, message), "👍")["title"]
    assert title == ", ".join(f"guest{number:02}" for number in range(10)) + " and 2 more"


def test_edited_leads_to_the_former_texts(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "the tomatos are in")
    message_actions.edit(ann.of(chat), message.id, "the **tomatoes** are in")
    assert re.search(rf'href="{place(message)}/history">edited</a>', row(bob, message))
    page = bob.get(f"{place(message)}/history").text
    assert page.index("<strong>tomatoes</strong>") < page.index("the tomatos are in")


def test_a_long_history_goes_on_on_another_page(ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "text 0")
    for number in range(1, 24):
        message_actions.edit(ann.of(chat), message.id, f"text {number}")
    page = ann.get(f"{place(message)}/history").text
    assert re.findall(r"<p>(text \d+)</p>", page) == [f"text {number}" for number in range(23, 2, -1)]
    (older,) = re.findall(r'href="(\?before=\d+)"', page)
    page = ann.get(f"{place(message)}/history{older}").text
    assert re.findall(r"<p>(text \d+)</p>", page) == ["text 2", "text 1", "text 0"]


def test_marked_as_unread_one_leaves_the_chat(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, "one")
    second = ann.posts(chat, "two")
    ann.posts(chat, "three")
    bob.get(f"/chats/{chat.id}")
    assert bob.of(chat).unread == 0
    seen = row(bob, second)
    assert f'formaction="/chats/{chat.id}/unread"' in seen and f'value="{second.id}"' in seen
    assert "unread" not in row(ann, second)
    answer = bob.browser.submit(f"/chats/{chat.id}/unread", on=f"/chats/{chat.id}", message_id=second.id)
    assert (answer.status_code, answer.location) == (302, "/")
    assert "2 unread" in bob.get("/").text
    # The line stands there at the next opening, which reads it again.
    page = bob.get(f"/chats/{chat.id}").text
    assert page.index("one") < page.index('id="unread"') < page.index(f'id="message-{second.id}"')
    assert bob.of(chat).unread == 0


def test_no_other_chats_message_is_marked_as_unread(ann: Person, bob: Person, chat: Chat) -> None:
    other = ann.posts(ann.starts("Elsewhere"), "hello")
    for wrong in (other.id, 0, "x", 2**70):
        answer = bob.browser.submit(f"/chats/{chat.id}/unread", on=f"/chats/{chat.id}", message_id=wrong)
        assert answer.status_code == 404


def test_a_message_is_forwarded_by_a_page(ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    kitchen = bob.starts("Kitchen", carol)
    ann.starts("Attic")
    message = ann.posts(chat, "The tomatoes are in")
    assert f'href="{place(message)}/forward"' in row(bob, message)
    page = bob.get(f"{place(message)}/forward").text
    assert "Kitchen" in page and "Attic" not in page
    (key,) = re.findall(r'name="key" value="([^"]+)"', page)
    for _ in range(2):
        answer = bob.browser.submit(f"{place(message)}/forward", chat=kitchen.id, text="Soup?", key=key)
        assert (answer.status_code, answer.location) == (302, f"/chats/{kitchen.id}")
    texts = [message["text"] for message in message_json.newest(carol.of(kitchen), 9)]
    assert texts == ["Soup?", "The tomatoes are in"]
    copy = Message.get_by_id(message_json.newest(carol.of(kitchen), 1)[0]["id"])
    seen = row(carol, copy)
    assert re.search(r'Forwarded from <a href="/users/ann">ann</a>', seen)
    assert "Edit message" not in row(bob, copy)
    assert bob.get(f"{place(copy)}/edit").status_code == 403
    assert "Edit message" in row(bob, bob.posts(kitchen, "mine"))


def test_a_name_can_bring_no_markup_along(ann: Person, bob: Person, chat: Chat) -> None:
    accounts.change(ann.user, name="<b>Ann</b>")
    message = ann.posts(chat, "hello")
    reactions.add(ann.of(chat), message.id, "👍")
    copy = message_actions.forward(bob.of(bob.starts("Kitchen")), message.id)
    assert "&lt;b&gt;Ann&lt;/b&gt;" in row(bob, copy)
    assert "<b>Ann</b>" not in row(bob, copy) + row(bob, message)


def test_without_a_chat_nothing_is_forwarded(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "hello")
    answer = bob.browser.submit(f"{place(message)}/forward", text="look")
    assert answer.status_code == 422
    assert "Choose a chat." in answer.text and "look" in answer.text
    hidden = ann.starts("Attic")
    for wrong in (hidden.id, "x"):
        assert bob.browser.submit(f"{place(message)}/forward", chat=wrong).status_code == 404
    answer = bob.browser.submit(f"{place(message)}/forward", chat=chat.id, text="a" * 10_001)
    assert answer.status_code == 422
    assert Message.select().count() == 1


def test_a_page_costs_the_same_with_reactions_edits_and_forwards(
    ann: Person, bob: Person, chat: Chat, queries: Queries
) -> None:
    messages = [ann.posts(chat, f"message {number}") for number in range(20)]

    def cost() -> int:
        bob.reads(chat)
        bob.get("/")
        with queries:
            assert bob.get(f"/chats/{chat.id}").status_code == 200
        return len(queries)

    before = cost()
    for message in messages:
        reactions.add(bob.of(chat), message.id, "👍")
        reactions.add(ann.of(chat), message.id, "🎉")
        message_actions.edit(ann.of(chat), message.id, "otherwise")
        message_actions.forward(bob.of(chat), message.id)
    assert cost() == before <= 7
