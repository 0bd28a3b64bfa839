"""After an account is closed nothing stored holds its names, former ones too, or its profile."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from background import finish_tasks
from people import PASSWORD, Anyone, Person
from PIL import Image

import models
from config import Settings
from models import Chat, DeletedMessage, Link, User, wal

FORMER, SECOND, LAST = "zebedee-one", "zebedee-two", "zebedee-last"
NAME, ABOUT, EMAIL, TYPED = "Quuxley Zarathustra", "Breeds axolotls", "zebedee@axolotl.example", "zebedee-typo"
TRACES = re.compile("zebedee|quuxley|zarathustra|axolotl|зебеди", re.IGNORECASE)


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """All that the database holds, the index's own tables too."""
    tables = models.database.get_tables()
    return {table: models.database.execute_sql(f'SELECT * FROM "{table}"').fetchall() for table in tables}


def traces() -> list[str]:
    found = []
    for table, those in rows().items():
        for row in those:
            words = [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell) for cell in row]
            found += [f"{table}: {word[:200]}" for word in words if TRACES.search(word)]
    return found


def lives(who: Person, bob: Person, chat: Chat) -> None:
    """All that leaves a name somewhere."""
    User.update(is_admin=True).where(User.id == bob.id).execute()
    api = who.api
    api.patch("/api/users/me", json={"name": NAME, "about": ABOUT})
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "olive").save(picture, "PNG")
    api.put("/api/users/me/avatar", data={"file": (io.BytesIO(picture.getvalue()), "me.png")})
    first = bob.posts(chat, f"hello @{who.username}, **@{who.username}**!")
    bob.api.patch(f"/api/messages/{first.id}", json={"text": f"hello again @{who.username}"})
    bob.posts(chat, "answer", reply_to=first.id)
    own = who.posts(chat, "my own words")
    api.patch(f"/api/messages/{own.id}", json={"text": "my other words"})
    assert bob.api.post(f"/api/messages/{own.id}/forward", json={"chat_id": chat.id}).status_code == 201
    api.put(f"/api/messages/{first.id}/reactions/👍")
    deleted = bob.posts(chat, f"soon gone @{who.username}")
    bob.api.delete(f"/api/messages/{deleted.id}")
    api.put(f"/api/chats/{chat.id}/draft", json={"text": f"I am {NAME}"})
    who.browser.submit(f"/users/{bob.username}/chat", on="/settings")
    bob.browser.get(f"/users/{who.username}")
    bob.api.get(f"/api/users?q={who.username}")
    bob.browser.get(f"/search?q=from:{who.username}")
    for name in (SECOND, LAST):
        bob.posts(chat, f"and @{who.username}")
        api.patch("/api/users/me", json={"username": name})
        who.username = name
    bob.posts(chat, f"at last @{LAST}")
    User.update(email=EMAIL).where(User.id == who.id).execute()
    who.browser.submit(f"/users/{who.username}/reset-link", on="/settings")
    Link.made_by(User.get_by_id(bob.id), User.get_by_id(who.id))


def finish() -> None:
    """Do all that is left, once nothing can be undone any more."""
    DeletedMessage.prune(up_to=10**9)
    finish_tasks()


@pytest.fixture
def who(person: Any) -> Person:
    made: Person = person(FORMER)
    return made


def test_nothing_holds_the_names_of_a_closed_account_or_its_profile(
    who: Person, bob: Person, anyone: Anyone, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    chat = bob.starts("Garden", who)
    lives(who, bob, chat)
    for name in (FORMER, LAST, TYPED):
        anyone.api.post("/api/users/login", json={"username": name, "password": "wrong password"})
        anyone.browser.submit("/login", username=name, password="wrong password")
    assert traces(), "the test looks where names are"
    closed = who.api.open("/api/users/me", method="DELETE", json={"current_password": PASSWORD})
    assert closed.status_code == 204
    finish()
    assert "\n".join(traces()) == ""
    media = Path(settings.media_dir)
    assert [path for path in media.rglob("*") if path.is_file()] == [], "the picture"
    assert [record.getMessage() for record in caplog.records if TRACES.search(record.getMessage())] == []


@pytest.mark.sqlite
def test_the_files_of_the_database_hold_nothing_of_a_closed_account(
    who: Person, bob: Person, settings: Settings
) -> None:
    chat = bob.starts("Garden", who)
    lives(who, bob, chat)
    assert who.api.open("/api/users/me", method="DELETE", json={"current_password": PASSWORD}).status_code == 204
    finish()
    wal.checkpoint(settings.database)
    folder = Path(settings.database).parent
    found = {
        path.name: sorted({match[0] for match in TRACES.finditer(path.read_bytes().decode("utf-8", "replace"))})
        for path in folder.glob("*.db*")
    }
    assert {name: words for name, words in found.items() if words} == {}
