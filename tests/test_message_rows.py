"""How a page shows messages of every kind, to several readers, in both languages and in other time zones."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path

from flask import Flask
from people import Person

from actions import accounts, members, messages, reactions
from models import Chat, File, Message, Reaction, User, now, write
from models.base import MINUTE_MICROSECONDS

GOLDEN = Path(__file__).parent / "golden"
# 15 March 2021, 17:59:30 UTC.
START = 1_615_831_170_000_000
# Ten people are named under a reaction, and only fifty are loaded.
MANY = 52
TEXTS = {
    "lists": "- one\n- two\n\n> quoted\n\n1. first",
    "code": '```python\nprint("hi")\n```\n**bold** & <b>not</b>',
    "arabic": "مرحبا بالعالم",
    "braces": "{id} {{ text }} %s %(name)s {html}",
}


class Outline(HTMLParser):
    """A page's elements, one a line, with sorted attributes, and texts with collapsed white space."""

    VOID = frozenset({"img", "input", "br", "link", "meta"})

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        shown = "".join(
            f" {name}={' '.join((value or '').split('?v=')[0].split())!r}" for name, value in sorted(attributes)
        )
        # The names of icons are the only thing in the file's address that matters.
        if tag == "use":
            shown = f" {dict(attributes)['href'].rpartition('#')[2]}"  # type: ignore[union-attr]
        self.lines.append(f"{' ' * self.depth}<{tag}{shown}>")
        self.depth += tag not in self.VOID

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag not in self.VOID

    def handle_data(self, text: str) -> None:
        if text.strip():
            # Whether there is a gap beside a text is seen.
            before, after = (" " if text[at].isspace() else "" for at in (0, -1))
            self.lines.append(f"{' ' * self.depth}{(before + ' '.join(text.split()) + after)!r}")


def outline(html: str) -> list[str]:
    parser = Outline()
    parser.feed(html)
    parser.close()
    return parser.lines


def file_of(message: Message, name: str, size: int, width: int | None = None, height: int | None = None) -> File:
    key = f"{message.id}-{name}"
    copies = {"display_key": f"{key}-d", "thumbnail_key": f"{key}-t"} if width else {}
    return File.create(
        message=message, uploader=message.author_id, name=name, size=size, type="image/png" if width else "text/plain",
        digest="", width=width, height=height, key=key, created_at=now(), **copies,
    )  # fmt: skip


def post_files(ann: Person, bob: Person, chat: Chat) -> tuple[Message, Message]:
    """Post messages with files; returns one with pictures, and one that is only a file."""
    pictures = bob.posts(chat, "one picture")
    file_of(pictures, "one & only.png", 2_000, 1_000, 500)
    pictures = bob.posts(chat, "two pictures and two files")
    for number in (1, 2):
        file_of(pictures, f"{number}.png", 2_000, 100 * number, 3_000)
    file_of(pictures, "notes.txt", 1_234)
    file_of(pictures, "README", 12_345_678)
    only_file = ann.posts(chat, "x")
    file_of(only_file, "only <file>.pdf", 900)
    Message.update(text="", html="").where(Message.id == only_file.id).execute()
    return pictures, only_file


def fill(app: Flask, ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    """A chat with a message of every kind: Ann's, with Bob, the admin Carol, and people who have left for good."""
    User.update(name="Bob Ä. Brown", avatar="0123456789abcdef").where(User.id == bob.id).execute()
    for which in (ann, bob, carol):
        which.user = User.get_by_id(which.id)
    members.add(ann.of(chat), "carol", "admin")
    closed = Person(app, "gone")
    members.add(ann.of(chat), "gone")
    for name, text in TEXTS.items():
        (ann if name == "lists" else bob).posts(chat, text)
    edited = ann.posts(chat, "typo & <tag> \"quoted\" 'too'")
    messages.edit(ann.of(chat), edited.id, "mended & <tag> \"quoted\" 'too'")
    continued = ann.posts(chat, "continued")
    messages.edit(ann.of(chat), continued.id, "continued and edited")
    for author in (ann, bob, closed):
        messages.delete(author.of(chat), author.posts(chat, f"soon gone {author.id}").id)
    by_closed = closed.posts(chat, "I was here")
    for source in (bob.posts(chat, "pass it on"), by_closed):
        copy = messages.forward(carol.of(chat), source.id, "")
        Message.update(original_created_at=START - 86_400_000_000).where(Message.id == copy.id).execute()
    copy = messages.forward(ann.of(chat), edited.id, "with a comment")
    Message.update(original_created_at=START).where(Message.id == copy.id).execute()
    bob.posts(chat, "hello @ann and @carol")
    ann.posts(chat, "hello @ann, @bob and @gone")
    pictures, only_file = post_files(ann, bob, chat)
    deleted = bob.posts(chat, "quoted and deleted")
    for quoted in (by_closed, edited, only_file, pictures, deleted):
        bob.posts(chat, f"answer {quoted.id}", reply_to=quoted.id)
    messages.delete(bob.of(chat), deleted.id)
    react(chat, [ann, bob, carol, closed], bob.posts(chat, "what do you think?"), ann.posts(chat, "and of this?"))
    bob.posts(chat, "the last word")
    accounts.close(closed.user, closed.password)
    age(chat)


def react(chat: Chat, people: list[Person], few: Message, many: Message) -> None:
    """Reactions of some people to one message, of very many to another one, the readers among the last."""
    ann, bob, carol, closed = people
    for who, emoji in ((bob, "👍"), (ann, "👍"), (carol, "🎉"), (closed, "👍"), (bob, "❤️")):
        reactions.add(who.of(chat), few.id, emoji)
    crowd = [
        User.create(username=f"p{number}", username_key=f"p{number}", name="Ö <b>" if number == 3 else "", created_at=1)
        for number in range(MANY)
    ]
    with write():
        members.insert(chat, crowd)
        for user in crowd:
            Reaction.create(message=many, user=user, emoji="🚀", created_at=now())
    for who in (ann, bob):
        reactions.add(who.of(chat), many.id, "🚀")


def age(chat: Chat) -> None:
    """Every message is a minute after the one before, some later; two days go by in the middle."""
    ids = [message.id for message in Message.select(Message.id).where(Message.chat == chat.id).order_by(Message.id)]
    at = START
    for number, message_id in enumerate(ids):
        at += MINUTE_MICROSECONDS * (7 if number % 5 == 4 else 2 * 24 * 60 if number == 15 else 1)
        changed = {"created_at": at}
        if Message.get_by_id(message_id).edited_at:
            changed["edited_at"] = at + 1
        Message.update(**changed).where(Message.id == message_id).execute()


CASES = {
    "owner": ("ann", "en", "UTC", "newest=1"),
    "member-in-russian": ("bob", "ru", "Asia/Kathmandu", "around={middle}"),
    "admin-at-the-first-unread": ("carol", "en", "America/New_York", "before={last}&line={middle}"),
    "some-of-them": ("carol", "ru", "Asia/Tokyo", "since={middle}"),
}


def test_rows_look_as_they_did(app: Flask, ann: Person, bob: Person, carol: Person, chat: Chat) -> None:
    fill(app, ann, bob, carol, chat)
    readers = {"ann": ann, "bob": bob, "carol": carol}
    ids = [message.id for message in Message.select(Message.id).where(Message.chat == chat.id).order_by(Message.id)]
    for case, (name, language, zone, query) in CASES.items():
        User.update(language=language).where(User.username == name).execute()
        readers[name].browser.client.set_cookie("time_zone", zone)
        query = query.format(middle=ids[len(ids) // 2], last=ids[-1])
        lines = outline(readers[name].get(f"/chats/{chat.id}/log?{query}").text)
        golden = GOLDEN / f"{case}.txt"
        if os.environ.get("WRITE_GOLDEN"):
            golden.write_text("\n".join(lines) + "\n")
        assert lines == golden.read_text().splitlines(), case
