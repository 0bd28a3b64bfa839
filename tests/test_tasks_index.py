"""The search index is changed in short transactions: long messages, and many words at once."""

from __future__ import annotations

import pytest
from flask import Flask
from people import Person
from small_transactions import FEW, MOST, ChangedRows, finish

import models
from actions import chats
from actions import messages as message_actions
from models import Chat, Message, task

# Little fits into one transaction, and what is left is done when a test says so.
pytestmark = pytest.mark.usefixtures("small_transactions")


@pytest.mark.sqlite
def test_no_message_merges_large_pieces_of_the_search_index_at_once(
    ann: Person, bob: Person, changed_rows: ChangedRows
) -> None:
    """As FTS5 would by itself, with every sixteenth piece of a level."""
    chat = ann.starts("Garden", bob)
    models.database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('pgsz', 64)")
    for piece in range(3):
        words = (" ".join(f"w{piece}x{number}x{word}" for word in range(10)) for number in range(300))
        rows = [(1_000 * (piece + 1) + number, text) for number, text in enumerate(words)]
        with models.write():
            models.database.connection().executemany("INSERT INTO message_index (rowid, text) VALUES (?, ?)", rows)
    most = []
    for _ in range(20):
        changed_rows.most = 0
        ann.posts(chat, "one more")
        most.append(changed_rows.most)
    assert max(most) < 5 * MOST, most


def test_the_words_of_a_long_message_are_indexed_anew_after_an_edit(
    ann: Person, bob: Person, changed_rows: ChangedRows
) -> None:
    chat = ann.starts("Garden", bob)
    message = ann.posts(chat, "before " + " ".join(f"w{number}" for number in range(500)))
    changed_rows.most = 0
    message_actions.edit(ann.of(chat), message.id, "after")
    assert changed_rows.most < FEW
    # Merging, removing, adding.
    assert finish() == 3
    assert [hits(ann, word) for word in ("before", "w123", "after")] == [[], [], [message.id]]


def test_a_deleted_long_message_is_found_no_more_while_its_words_are_in_the_index(ann: Person, bob: Person) -> None:
    chat = ann.starts("Garden", bob)
    message = ann.posts(chat, "before " + " ".join(f"w{number}" for number in range(500)))
    assert hits(ann, "before") == [message.id]
    message_actions.delete(ann.of(chat), message.id)
    assert hits(ann, "before") == []
    indexed = "SELECT count(*) FROM message_index"
    assert models.database.execute_sql(indexed).fetchone() == (1,)
    finish()
    assert models.database.execute_sql(indexed).fetchone() == (0,)


def hits(person: Person, words: str) -> list[int]:
    found = person.api.get("/api/search", query_string={"q": words}).get_json()
    return [message["id"] for message in found["items"]]


def test_long_messages_of_a_deleted_chat_go_one_by_one(ann: Person, bob: Person) -> None:
    chat = ann.starts("Garden", bob)
    for number in range(5):
        ann.posts(chat, " ".join(f"w{number}x{word}" for word in range(400)))
    chats.delete(ann.of(chat))
    assert finish() >= 4
    assert Message.select().count() == 0


def segments() -> int:
    """How many segments the search index has."""
    found = models.database.execute_sql("SELECT count(DISTINCT segid) FROM message_index_idx").fetchone()
    return int(found[0])


@pytest.mark.sqlite
@pytest.mark.parametrize("how", ["delete", "edit", "end"])
def test_segments_of_the_index_are_merged_before_many_words_are_taken_out(
    app: Flask, ann: Person, chat: Chat, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [ann.posts(chat, " ".join(f"word{number}x{word}" for word in range(400))) for number in range(30)]
    before = segments()
    assert before > 15
    seen: list[int] = []
    kind = "chat" if how == "end" else "indexed"

    def do(step: task.Step) -> task.Step:
        return lambda job: seen.append(segments()) or step(job)  # type: ignore[func-returns-value]

    if how == "delete":
        message_actions.delete(ann.of(chat), sent[3].id)
    elif how == "edit":
        message_actions.edit(ann.of(chat), sent[3].id, "short")
    else:
        chats.delete(ann.of(chat))
    monkeypatch.setitem(task.STEPS, kind, do(task.STEPS[kind]))
    finish()
    assert seen
    assert max(seen) < 8
    assert models.database.execute_sql(
        "SELECT count(*) FROM message_index WHERE message_index MATCH 'word3x7'"
    ).fetchone() == (0,)
