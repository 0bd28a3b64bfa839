"""`@username` means a person: where it is read so, what becomes of it later, and what is unread of it."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Queries
from people import PASSWORD, Person, with_former_name

from actions import accounts, members, messages, reading
from actions.mentions import ParsedText
from models import Chat, Event, Mention, Message, User, message_page


def link(person: Person, username: str | None = None) -> str:
    """A mention as it stands in a message's HTML."""
    name = username or person.username
    return f'<a class="mention" href="/users/{name}" data-user="{person.id}">@{name}</a>'


def again(message: Message) -> Message:
    """The message as it is in the database now."""
    return message_page.load(Message.id == message.id, newest_first=True, limit=1)[0]


def row(person: Person, chat: Chat) -> dict[str, Any]:
    """The chat as a person sees it in their list."""
    items = person.api.get("/api/chats").get_json()["items"]
    return next(item for item in items if item["id"] == chat.id)


def test_a_member_is_mentioned_by_username(ann: Person, bob: Person, chat: Chat) -> None:
    sent = ann.api.post("/api/messages", json={"chat_id": chat.id, "text": "Ask @bob, he knows."}).get_json()
    assert sent["text"] == "Ask @bob, he knows."
    assert sent["html"] == f"<p>Ask {link(bob)}, he knows.</p>"
    assert sent["mentions"] == [{"id": bob.id, "username": "bob"}]


@pytest.mark.parametrize(
    "text",
    [
        "@bob",
        "@BOB",
        "@bob你好",
        "请问@bob",
        "请问@bob好吗",
        "@bob-у",
        "@bobу и @bob'у",
        "привет,@bob",
        "спроси@bob",
        "\uff20bob",
        "\ufe6bbob",
        "(@bob)",
        "**@bob**",
        "_@bob_ look",
        "~~@bob~~",
        "@bob.",
        "@bob!",
        "> @bob said",
        "- @bob",
        "hello,\n@bob",
        "@bob's",
        "“@bob”",
        "@nobody and @bob",
        "@\uff42\uff4f\uff42",
        "@b0b",
    ],
)
def test_mentions_are_found_as_people_write_them(ann: Person, bob: Person, chat: Chat, text: str) -> None:
    message = ann.posts(chat, text)
    assert link(bob) in message.html
    assert message.text == text
    assert message.mentions == [{"id": bob.id, "username": "bob"}]


@pytest.mark.parametrize(
    "text",
    [
        "`@bob`",
        "```\n@bob\n```",
        "```python\n@bob\ndef f(): ...\n```",
        "bob@bob.example",
        "x_@bob.example",
        "@bobby",
        "@bob.example",
        "info@bob",
        "mail@bob你好",
        "7@bob",
        "@@bob",
        "@ bob",
        "@",
        "\\@bob",
        "https://social.example/@bob",
        "https://social.example/a,@bob",
        "www.social.example/?u=@bob",
        "[@bob](https://social.example/)",
        "<mailto:ann@bob>",
        "@carol",
        "@\x01" + "0\x02",
    ],
)
def test_text_that_is_not_a_mention_stays_as_it_is(ann: Person, carol: Person, chat: Chat, text: str) -> None:
    message = ann.posts(chat, text)
    assert "data-user" not in message.html
    assert message.mentions == []
    assert Mention.select().count() == 0


def test_code_beside_a_mention_stays_code(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "`@bob` is @bob, not [@bob](https://b.example/)")
    assert message.html.count("data-user") == 1
    assert f"<code>@bob</code> is {link(bob)}" in message.html
    accounts.change(bob.user, username="robert")
    assert again(message).text == "`@bob` is @robert, not [@bob](https://b.example/)"


def test_mentions_can_not_be_forged_in_html(ann: Person, bob: Person, chat: Chat) -> None:
    texts = [
        f'<a class="mention" href="/users/bob" data-user="{bob.id}">@bob </a>',
        f'<span class="mention-{bob.id}"></span>',
        f'`<span class="mention-{bob.id}"></span>`',
        f'```html\n<span class="mention-{bob.id}"></span>\n```',
        f'[x](https://x.example/"<span class="mention-{bob.id}"></span>)',
    ]
    for text in texts:
        message = ann.posts(chat, text.replace("@bob ", "@bo"))
        assert message.mentions == [], text
        assert not message.mentions_user(bob.id)


def test_names_of_other_alphabets_are_mentioned(person: Any, ann: Person) -> None:
    boris, hindi = person("борис"), person("हिन्दी")
    chat = ann.starts("Поход", boris, hindi)
    message = ann.posts(chat, "@Борис, позови @हिन्दी")
    assert [one["id"] for one in message.mentions] == [boris.id, hindi.id]
    assert 'href="/users/%D0%B1%D0%BE%D1%80%D0%B8%D1%81"' in message.html


def test_the_longest_matching_name_is_mentioned(person: Any, ann: Person) -> None:
    short, long = person("lee"), person("lee.ann-b")
    chat = ann.starts("Garden", short, long)
    assert [one["id"] for one in ann.posts(chat, "@lee.ann-b, hello").mentions] == [long.id]
    assert [one["id"] for one in ann.posts(chat, "Hello @lee.").mentions] == [short.id]


@pytest.mark.parametrize(
    ("name", "text"),
    [("王安娜", "请问@王安娜好吗"), ("김안나", "@김안나야 봐"), ("アンナ", "@アンナさん"), ("анна", "ask @аннаplease")],
)
def test_a_name_in_any_script_is_found_among_its_words(person: Any, ann: Person, name: str, text: str) -> None:
    other = person(name)
    chat = ann.starts("Garden", other)
    assert [one["id"] for one in ann.posts(chat, text).mentions] == [other.id]


@pytest.mark.parametrize("end", [".", "...", "_", "-", "._-", ". And", "-and"])
def test_a_final_full_stop_is_not_part_of_a_name(person: Any, ann: Person, end: str) -> None:
    """Also where somebody has been called so since it was allowed."""
    lee, other = person("lee"), with_former_name("lee.")
    both, alone = ann.starts("Garden", lee), ann.starts("Shed")
    for chat in (both, alone):
        members.add(ann.of(chat), "lee.")
    asked = ann.posts(both, f"ask @lee{end}")
    assert [one["id"] for one in asked.mentions] == ([] if end == "-and" else [lee.id])
    assert asked.text == f"ask @lee{end}"
    if end.startswith("."):
        assert [one["id"] for one in ann.posts(alone, f"ask @lee{end}").mentions] == [other.id]


def test_a_message_that_a_longer_name_made_too_long_can_still_be_edited(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, ("@bob " * 2_500).strip()[:9_990])
    assert bob.api.patch("/api/users/me", json={"username": "bob-of-the-long-name"}).status_code == 200
    text = ann.api.get(f"/api/messages/{message.id}").get_json()["text"]
    assert len(text) > 10_000
    path = f"/api/messages/{message.id}"
    assert ann.api.patch(path, json={"text": text[:-2] + "!"}).status_code == 200
    assert ann.api.patch(path, json={"text": text + " and longer"}).status_code == 422
    assert ann.api.patch(path, json={"text": "short"}).status_code == 200


def test_a_renamed_person_is_shown_under_the_new_name(ann: Person, bob: Person, carol: Person) -> None:
    chat = ann.starts("Garden", bob, carol)
    first = ann.posts(chat, "@bob and @carol, and **@bob** again")
    answer = carol.posts(chat, "Yes", reply_to=first.id)
    assert bob.api.patch("/api/users/me", json={"username": "robert"}).status_code == 200
    message_json = ann.api.get(f"/api/messages/{first.id}").get_json()
    assert message_json["text"] == "@robert and @carol, and **@robert** again"
    assert message_json["html"] == (
        f"<p>{link(bob, 'robert')} and {link(carol)}, and <strong>{link(bob, 'robert')}</strong> again</p>"
    )
    assert message_json["mentions"] == [{"id": bob.id, "username": "robert"}, {"id": carol.id, "username": "carol"}]
    assert again(answer).to_dict()["reply_to"]["text"] == "@robert and @carol, and @robert again"
    # Found by the name of now, shown in the list, and offered for editing.
    assert [hit["id"] for hit in ann.api.get("/api/search?q=robert").get_json()["items"]] == [first.id]
    assert "@robert and @carol" in ann.get(f"/chats/{chat.id}/messages/{first.id}/edit").text
    # Whoever comes back to the stream is told nothing else.
    log = [event.data for event in Event.select().where(Event.type == "message.created")]
    assert log and not any("@bob" in data for data in log)
    # A second time, and the other one: places have moved.
    accounts.change(carol.user, username="caroline")
    accounts.change(bob.user, username="bo2")
    assert again(first).text == "@bo2 and @caroline, and **@bo2** again"


@pytest.mark.parametrize(("changes", "name"), [({"username": "robert"}, "@robert"), (None, "Deleted user")])
@pytest.mark.parametrize("by", ["page", "history"])
def test_a_name_that_changes_between_two_queries_harms_no_text(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], name: str, by: str
) -> None:
    message = ann.posts(chat, "@bob, the tomatoes! @bob?")
    outdated = Mention.outdated

    def when_messages_are_read(html: dict[int, str]) -> dict[int, dict[int, str]]:
        monkeypatch.setattr(Mention, "outdated", outdated)
        if changes:
            accounts.change(bob.user, **changes)
        else:
            accounts.close(bob.user, PASSWORD)
        return outdated(html)

    monkeypatch.setattr(Mention, "outdated", when_messages_are_read)
    if by == "page":
        text = again(message).text
    else:
        (item,) = ann.api.get(f"/api/messages?chat_id={chat.id}").get_json()["items"]
        text = item["text"]
    assert text == f"{name}, the tomatoes! {name}?"


def test_taking_over_a_name_takes_over_no_mention(person: Any, ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "@bob, hello")
    accounts.change(bob.user, username="robert")
    other = person("bob")
    members.add(ann.of(chat), "bob")
    assert again(message).mentions == [{"id": bob.id, "username": "robert"}]
    assert row(other, chat)["unread_mentions"] == 0


def test_a_closed_account_is_a_deleted_user(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "@bob, hello")
    ann.posts(chat, "As I said", reply_to=message.id)
    assert bob.api.delete("/api/users/me", json={"current_password": PASSWORD}).status_code == 204
    message_json = ann.api.get(f"/api/messages/{message.id}").get_json()
    assert message_json["html"] == '<p><span class="mention">Deleted user</span>, hello</p>'
    assert message_json["text"] == "Deleted user, hello"
    assert message_json["mentions"] == []
    assert '<span class="mention">Deleted user</span>' in ann.get(f"/chats/{chat.id}").text
    accounts.change(ann.user, language="ru")
    assert '<span class="mention">Удалённый пользователь</span>' in ann.get(f"/chats/{chat.id}").text
    assert not any("bob" in event.data for event in Event.select().where(Event.message_id.is_null(False)))


def test_an_edit_renews_mentions_and_keeps_former_members(ann: Person, bob: Person, carol: Person) -> None:
    chat = ann.starts("Garden", bob, carol)
    message = ann.posts(chat, "@bob, hello")
    ann.removes(bob, chat)
    edited = messages.edit(ann.of(chat), message.id, "@bob and @carol, hello")
    assert [one["id"] for one in edited.mentions] == [bob.id, carol.id]
    assert messages.edit(ann.of(chat), message.id, "hello").mentions == []
    # Gone from the text, he is a stranger to it.
    assert messages.edit(ann.of(chat), message.id, "@bob, hello").mentions == []


def test_unread_mentions_are_counted(ann: Person, bob: Person, chat: Chat) -> None:
    first = ann.posts(chat, "@bob and again @bob")
    assert (row(bob, chat)["unread"], row(bob, chat)["unread_mentions"]) == (1, 1)
    second = ann.posts(chat, "@bob?")
    ann.posts(chat, "never mind")
    assert row(bob, chat)["unread_mentions"] == 2
    assert bob.api.get(f"/api/chats/{chat.id}").get_json()["unread_mentions"] == 2
    reading.read(bob.of(chat), first.id)
    assert row(bob, chat)["unread_mentions"] == 1
    messages.edit(ann.of(chat), second.id, "Bob?")
    assert row(bob, chat)["unread_mentions"] == 0
    messages.edit(ann.of(chat), second.id, "@bob!")
    assert row(bob, chat)["unread_mentions"] == 1
    messages.delete(ann.of(chat), second.id)
    assert (row(bob, chat)["unread"], row(bob, chat)["unread_mentions"]) == (1, 0)
    assert row(ann, chat)["unread_mentions"] == 0


def test_mentioning_oneself_is_not_unread(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, "That is me, @ann")
    assert row(ann, chat)["unread_mentions"] == 0
    assert message.mentions == [{"id": ann.id, "username": "ann"}]
    assert "data-mentioned" not in ann.sees(f"/chats/{chat.id}")


def test_the_page_marks_what_is_to_the_reader(ann: Person, bob: Person, carol: Person) -> None:
    chat = ann.starts("Garden", bob, carol)
    ann.posts(chat, "@bob, hello")
    assert ", you were mentioned" in bob.get("/").text
    assert ", you were mentioned" not in carol.get("/").text
    assert bob.sees(f"/chats/{chat.id}").count("data-mentioned") == 1
    assert "data-mentioned" not in carol.sees(f"/chats/{chat.id}")
    assert ", you were mentioned" not in bob.get("/").text


def test_the_page_asks_no_more_for_many_mentions(ann: Person, bob: Person, chat: Chat, queries: Queries) -> None:
    ann.posts(chat, "@bob, hello")
    bob.get(f"/chats/{chat.id}")
    # At another address, since the response to the first is cached.
    with queries:
        bob.get(f"/chats/{chat.id}?newest=1")
    with_one = len(queries)
    for _ in range(30):
        ann.posts(chat, "@bob and @ann")
    bob.reads(chat)
    with queries:
        bob.get(f"/chats/{chat.id}")
    assert len(queries) == with_one


def test_a_name_that_changes_while_one_writes_is_the_new_one(
    ann: Person, bob: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of the text and its being written down there is a moment."""
    original_of = ParsedText.of

    def renamed(*what: Any) -> Any:
        found = original_of(*what)
        monkeypatch.setattr(ParsedText, "of", original_of)
        accounts.change(User.find(bob.id), username="robert")
        return found

    monkeypatch.setattr(ParsedText, "of", renamed)
    message = ann.posts(chat, "@bob, hello")
    assert "data-user" not in message.html
    assert message.text == "@bob, hello"


def test_hostile_texts_full_of_signs_are_read_in_time(ann: Person, bob: Person, chat: Chat) -> None:
    for text in ("@" * 10_000, "@bob " * 2_000, "@a" * 5_000, "*@bob*" * 1_600, "_" * 5_000 + "@bob" * 1_250):
        assert ann.posts(chat, text).id


def test_a_name_at_more_places_than_anybody_calls_it_is_words_there(ann: Person, bob: Person, chat: Chat) -> None:
    """Else a rename would hold everybody up: each place is written anew."""
    message = ann.posts(chat, "@bob " * 2000)
    assert Mention.select().where(Mention.message == message.id).count() == 100
    accounts.change(bob.user, username="robert")
    assert Message.get_by_id(message.id).text.split().count("@robert") == 100
