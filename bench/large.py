"""A database with a million messages, for bench.locks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import models
import search
from models import Event, Message, User, message_page
from models import password as passwords

PASSWORD = "correct horse battery"
MEMBERS, BIG, MENTIONED, CHATS, REPLIES, REACTIONS = 1_001, 300_000, 6_000, 2_000, 5_000, 1_000
FILES, EVENTS, REVISIONS, OVER = 10_000, 100_000, 20_000, 10_000
# Messages as long as may be, of words that stand nowhere else; half of what was told of them is the oldest of the log.
LONG, LONG_TEXTS, LETTERS = 1_200, 60, 9_980
DAY = 86_400_000_000
# Who is in all chats and mentioned, and who owns the large one.
HEAVY, OWNER, BOB = 2, 1, 3
BIG_CHAT, FILE_CHAT, LONG_CHAT = 1, 2, 4
NAME = f"person{HEAVY}"
# Under one message everybody gave every one of these.
KINDS = ["👍", "❤️", "😂", "🎉", "😮", "😢", "😡", "🙏", "🔥", "👀", "💯", "✅", "🚀", "👏", "🤔", "🙂", "😎", "🍀"]
WORDS = [
    "garden",
    "meeting",
    "tomorrow",
    "running",
    "report",
    "dogs",
    "the",
    "and",
    "сегодня",
    "встреча",
    "отчёт",
    "завтра",
]

Rows = Iterator[tuple[Any, ...]]
Table = tuple[str, Any]


def build(path: Path, messages: int) -> None:
    """Rows as the code writes them, by plain SQL."""
    models.open_database(f"sqlite:///{path}")
    models.migrate()
    at = models.now() - 40 * DAY
    ask: Any = models.database.execute_sql
    ask("PRAGMA synchronous = off")
    ask("INSERT INTO message_index (message_index, rank) VALUES ('hashsize', 67108864)")
    people = MEMBERS + 1_000
    put('"user" (id, username, username_key, name, password, created_at)', everybody(people, at))
    with models.write():
        for user in User.select():
            models.user.Claim.take(user)
    chats = CHATS + 1
    put("chat (id, title, owner_id, created_at, member_count, activity)", (
        (i, f"Chat {i}", HEAVY if i % 2 else BOB, at, 0, i) for i in range(1, chats + 1)
    ), "PRAGMA defer_foreign_keys = 1", chats_people(chats, at), messages_of(messages, chats, at))  # fmt: skip
    attached(at)
    logged(messages, at)
    over(at)
    count()
    ask("INSERT INTO message_index (message_index, rank) VALUES ('hashsize', 1048576)")
    ask("PRAGMA wal_checkpoint(TRUNCATE)")
    models.database.close()


def put(table: str, rows: Any, *more: str | list[Table]) -> None:
    """Many rows of a table in one transaction; `more` are statements, or further (table, rows), that belong to it."""
    connection: Any = models.database.connection()
    with models.write():
        for extra in more:
            if isinstance(extra, str):
                connection.execute(extra)
        many(connection, table, rows)
        for extra in more:
            if not isinstance(extra, str):
                for other, its in extra:
                    many(connection, other, its)


def many(connection: Any, table: str, rows: Any) -> None:
    marks = ", ".join("?" * (table.count(",") + 1))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def everybody(people: int, at: int) -> Rows:
    password_hash = passwords.hashed(PASSWORD)
    return ((i, name := f"person{i}", name, f"Person {i}", password_hash, at) for i in range(1, people + 1))


def chats_people(chats: int, at: int) -> list[Table]:
    columns = "membership (user_id, chat_id, is_admin, joined_at)"
    big = ((i, BIG_CHAT, 0, at) for i in range(1, MEMBERS + 1))
    others = ((who, chat, 0, at) for chat in range(2, chats + 1) for who in (HEAVY, BOB, 4 + chat % 500))
    return [(columns, big), (columns, others)]


# Messages: a large chat first, then the others in turn, then the long ones. Message 1 is what is answered.


def sentence(number: int) -> str:
    chance = random.Random(number % 5_000)
    return " ".join(chance.choice(WORDS) for _ in range(12))


@cache
def long_text(number: int) -> str:
    """As many different words as a message has room for."""
    chance = random.Random(f"long {number % LONG_TEXTS}")
    words = iter(lambda: "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=4)), "")
    text = f"@{NAME}"
    while len(text) < LETTERS - 5:
        text += f" {next(words)}"
    return text


@cache
def found_by(text: str) -> tuple[str, str]:
    folded = search.fold(text)
    return folded, search.forms(folded)


def text_and_html(i: int, messages: int) -> tuple[str, str]:
    """Text and HTML of a message; some of the large chat, and all the long ones, name the heavy person."""
    link = f'<a class="mention" href="/users/{NAME}" data-user="{HEAVY}">@{NAME}</a>'
    if i > messages:
        return long_text(i), f"<p>{long_text(i).replace(f'@{NAME}', link)}</p>"
    text = sentence(i)
    return (f"@{NAME} {text}", f"<p>{link} {text}</p>") if mentions(i) else (text, f"<p>{text}</p>")


def mentions(i: int) -> bool:
    return i <= BIG and i % (BIG // MENTIONED) == 7


def author(i: int) -> int:
    return HEAVY if i % 10 == 1 else (OWNER, BOB, *range(4, 1_000))[i % 998]


def messages_of(messages: int, chats: int, at: int) -> list[Table]:
    def chat_of(i: int) -> int:
        return LONG_CHAT if i > messages else BIG_CHAT if i <= BIG else 2 + i % (chats - 1)

    def rows() -> Rows:
        for i in range(1, messages + LONG + 1):
            reply = 1 if 1 < i <= REPLIES + 1 else None
            yield i, chat_of(i), author(i), *text_and_html(i, messages), reply, at + i * 1_000_000

    def index() -> Rows:
        for i in range(1, messages + LONG + 1):
            text, forms = found_by(long_text(i) if i > messages else sentence(i))
            facts = f"c{chat_of(i)} a{author(i)} y2026 m202610 d202610{1 + i % 28:02}"
            yield i, f"{NAME} {text}" if mentions(i) else text, forms, facts

    return [
        ("message (id, chat_id, author_id, text, html, reply_to_id, created_at)", rows()),
        ("message_index (rowid, text, forms, facts)", index()),
        ("mention (message_id, chat_id, user_id, start, length)", (
            (i, chat_of(i), HEAVY, 0, len(f"@{NAME}")) for i in range(1, messages + LONG + 1)
            if mentions(i) or i > messages
        )),
        ("revision (message_id, text, html, written_at)", (
            (i, f"@{NAME} {text}" if i % 10 == 0 else text, html, at)
            for i in range(messages - REVISIONS + 1, messages + LONG + 1) for text, html in [text_and_html(i, messages)]
        )),
    ]  # fmt: skip


def attached(at: int) -> None:
    """Reactions and files."""
    columns = "reaction (message_id, user_id, emoji, created_at)"
    put(columns, ((1, i, "👍", at) for i in range(1, REACTIONS + 1)))
    put(columns, ((2, i, emoji, at) for emoji in KINDS for i in range(1, REACTIONS + 1)))
    put(columns, ((i, HEAVY, "❤️", at) for i in range(3, 10_003)))
    with_files = [row.id for row in Message.select(Message.id).where(Message.chat == FILE_CHAT).limit(1_000)]
    put("file (message_id, uploader_id, name, size, type, digest, key, created_at)", (
        (with_files[i % len(with_files)], BOB, f"f{i}.txt", 3, "text/plain", "d", f"{i % 256:02x}/{i:030x}", at)
        for i in range(FILES)
    ))  # fmt: skip


def logged(messages: int, at: int) -> None:
    """The log: half of the long messages, replies, the newest of the large chat, the other long ones, reactions."""
    end, half = messages + LONG, messages + LONG // 2
    ids = [*range(half + 1, end + 1), *range(1, REPLIES + 2), *range(BIG - EVENTS + 3 * REPLIES, BIG)]
    ids += range(messages + 1, half + 1)
    for start in range(0, len(ids), 2_000):
        some = ids[start : start + 2_000]
        by_id = {message.id: message for message in loaded(some)}
        put("event (type, data, chat_id, user_id, message_id, created_at)", (
            ("message.created", json.dumps(by_id[i].to_dict()), by_id[i].chat_id, by_id[i].author_id, i, at)
            for i in some
        ))  # fmt: skip
    data = Event.select(Event.data).where(Event.message_id == 1).scalar()
    columns = "event (type, chat_id, user_id, message_id, data, created_at)"
    put(columns, (("message.updated", BIG_CHAT, HEAVY, 1, data, at + 39 * DAY) for _ in range(REACTIONS)))


def loaded(ids: list[int]) -> list[Message]:
    return message_page.load(Message.id.in_(ids), newest_first=False, limit=len(ids))


def over(at: int) -> None:
    """What is to be pruned, and drafts."""
    put("session (user_id, kind, secret_hash, created_at, seen_at, expires_at)", (
        (HEAVY if i % 2 else BOB, "token", f"h{i}", at, at, at + DAY * (1 if i % 4 else 100)) for i in range(2 * OVER)
    ))  # fmt: skip
    put("sent_key (user_id, key, digest, message_id, created_at)", ((BOB, f"k{i}", "d", 1, at) for i in range(OVER)))
    put("attempt (key, count, started_at, ends_at)", ((f"a{i}", 1, at, at + 1) for i in range(OVER)))
    put("link (user_id, purpose, secret_hash, created_at, expires_at)", (
        (BOB, "reset", f"l{i}", at, at + 1) for i in range(OVER)
    ))  # fmt: skip
    put("draft (membership_id, text, reply_to_id, written_at)", (
        (row[0], "begun", 1, at) for row in models.database.execute_sql("SELECT id FROM membership").fetchall()
    ))  # fmt: skip


def count() -> None:
    with models.write():
        models.database.execute_sql("""
            UPDATE chat SET member_count = (SELECT count(*) FROM membership WHERE chat_id = chat.id),
            message_count = (SELECT count(*) FROM message WHERE chat_id = chat.id),
            last_message_id = (SELECT max(id) FROM message WHERE chat_id = chat.id)""")
        models.database.execute_sql("""
            UPDATE membership SET (last_read_id, read_count) = (
            SELECT last_message_id, message_count FROM chat WHERE chat.id = chat_id)""")
