"""Deleted content is not left in the database's files: in its pages, its write-ahead log, or the search index."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from background import finish_tasks
from flask import Flask
from people import Person
from servers import wait_for

import models
import search
from actions import accounts, chats, drafts, members, messages
from config import Settings
from lib import sqlite
from lib.sqlite import sqlite3
from models import Chat, DeletedMessage, index, wal
from models.base import limits

ROOT = Path(__file__).resolve().parent.parent
# No other text has any part of them.
WORDS = ("quarzuhrwerkskasten", "жужелицеподобными", "xylophagous")
TEXT = f"about {' '.join(WORDS)} and more"
NEEDLES = {needle for word in WORDS for needle in (word, *search.forms(search.fold(word)).split())}

pytestmark = [
    pytest.mark.sqlite,
    pytest.mark.skipif(
        not sqlite.forgets_words(sqlite3.sqlite_version_info), reason="this SQLite keeps words (decision 0023)"
    ),
]


def found(settings: Settings) -> set[str]:
    """Which of the words stand anywhere in the database's files, as letters."""
    there: set[str] = set()
    for path in Path(settings.database).parent.glob("chat.db*"):
        content = path.read_bytes()
        there |= {needle for needle in NEEDLES if len(needle) > 5 and needle.encode() in content}
    return there


def deletes(ann: Person, bob: Person, chat: Chat) -> None:
    messages.delete(ann.of(chat), ann.posts(chat, TEXT).id)


def deletes_after_edits(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, TEXT)
    for number in range(5):
        messages.edit(ann.of(chat), message.id, f"{number} {TEXT}")
    messages.edit(ann.of(chat), message.id, "nothing of it")
    messages.delete(ann.of(chat), message.id)


def deletes_what_was_replied_to(ann: Person, bob: Person, chat: Chat) -> None:
    message = ann.posts(chat, TEXT)
    bob.posts(chat, "I see", reply_to=message.id)
    messages.delete(ann.of(chat), message.id)


def deletes_what_was_last_when_others_went(ann: Person, bob: Person, chat: Chat) -> None:
    """The deletion of a later message, and the chat of somebody who is added, name it as the last one."""
    message = ann.posts(chat, TEXT)
    messages.delete(bob.of(chat), bob.posts(chat, "and after it").id)
    Person(ann.app, "carol")
    members.add(ann.of(chat), "carol")
    messages.delete(ann.of(chat), message.id)


def deletes_the_chat_that_somebody_was_added_to(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, TEXT)
    Person(ann.app, "carol")
    members.add(ann.of(chat), "carol")
    chats.delete(ann.of(chat))


def deletes_a_long_one(ann: Person, bob: Person, chat: Chat) -> None:
    """Over several pages of the file, in text, HTML and the log."""
    messages.delete(ann.of(chat), ann.posts(chat, f"{TEXT} " * 80).id)


def replaces_a_draft(ann: Person, bob: Person, chat: Chat) -> None:
    drafts.save(ann.of(chat), TEXT)
    drafts.save(ann.of(chat), "something else")


def deletes_the_chat(ann: Person, bob: Person, chat: Chat) -> None:
    ann.posts(chat, TEXT)
    drafts.save(ann.of(chat), TEXT)
    chats.delete(ann.of(chat))


def deletes_many(ann: Person, bob: Person, chat: Chat) -> None:
    """Among others that stay, so that pages are split, joined and moved."""
    ids_to_delete = [ann.posts(chat, f"{number} {TEXT}").id for number in range(40)]
    for number in range(40):
        bob.posts(chat, f"{number} something that stays, of some length, so that it fills its place")
    for message_id in ids_to_delete:
        messages.delete(ann.of(chat), message_id)


CASES = [
    deletes, deletes_after_edits, deletes_what_was_replied_to, deletes_what_was_last_when_others_went,
    deletes_the_chat_that_somebody_was_added_to, deletes_a_long_one, replaces_a_draft, deletes_the_chat, deletes_many,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_nothing_of_it_stays_in_the_files(
    settings: Settings,
    ann: Person,
    bob: Person,
    chat: Chat,
    case: Callable[[Person, Person, Chat], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann.posts(chat, "before it")
    case(ann, bob, chat)
    assert found(settings), "it was there"
    models.database.close()
    # Half a minute later.
    monkeypatch.setattr(limits, "undo_seconds", 0)
    DeletedMessage.prune()
    # The words of a long one leave the search index in pieces.
    finish_tasks()
    models.database.close()
    assert wal.checkpoint(settings.database)
    assert found(settings) == set()


def test_an_account_that_closes_leaves_no_words_about_itself(settings: Settings, ann: Person, chat: Chat) -> None:
    accounts.change(ann.user, about=TEXT)
    members.leave(ann.of(chat))
    accounts.close(ann.user, ann.password)
    models.database.close()
    assert wal.checkpoint(settings.database)
    assert found(settings) == set()


def test_the_log_is_emptied_by_itself(
    settings: Settings, ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "DELAY_SECONDS", 0.05)
    wal.scheduled.clear()
    replaces_a_draft(ann, ann, chat)
    models.database.close()
    wait_for(lambda: found(settings) == set(), lambda: f"{found(settings)}")


def test_a_long_read_does_not_keep_others_from_writing(settings: Settings, ann: Person, chat: Chat) -> None:
    ann.posts(chat, "one")
    reader = sqlite3.connect(settings.database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM message").fetchall()
    ann.posts(chat, "two")
    assert not wal.checkpoint(settings.database)
    assert ann.posts(chat, "three").id
    reader.close()
    models.database.close()
    assert wal.checkpoint(settings.database)


def test_an_index_of_an_older_build_forgets_what_was_deleted_before(
    settings: Settings, ann: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "undo_seconds", 0)
    models.database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 0)")
    deletes(ann, ann, chat)
    kept = ann.posts(chat, "what stays")
    models.database.close()
    wal.checkpoint(settings.database)
    assert found(settings), "an older build keeps them"
    index.configure()
    models.database.close()
    wal.checkpoint(settings.database)
    assert found(settings) == set()
    asked = "SELECT rowid FROM message_index WHERE message_index MATCH 'stays'"
    assert models.database.execute_sql(asked).fetchall() == [(kept.id,)]


def test_an_older_build_takes_over_an_index_of_a_newer_one(
    app: Flask, settings: Settings, ann: Person, chat: Chat
) -> None:
    """As when a database moves to a machine for which there is no wheel."""
    deletes(ann, ann, chat)
    kept = ann.posts(chat, "what stays")
    models.database.close()
    asks = f"""
import sys
sys.modules["pysqlite3"] = None
from lib.sqlite import sqlite3
import models
models.open_database({settings.database_url!r})
models.index.configure()
print(models.database.execute_sql("SELECT rowid FROM message_index WHERE message_index MATCH 'stays'").fetchall())
models.database.execute_sql("INSERT INTO message_index (message_index) VALUES ('integrity-check')")
"""
    done = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"[({kept.id},)]", done.stderr
    assert ann.posts(chat, "and on, with the newer one again").id
