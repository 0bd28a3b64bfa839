"""Files that no row came to name are removed again, at whichever point it was refused."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databases import ON_POSTGRES
from people import PASSWORD, Person
from PIL import Image

import models
from actions import accounts, chats, messages
from actions.cleanup import all_keys
from lib.storage import Folder, Upload
from models import Chat, Message, User
from models.base import media


def photograph() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    out = io.BytesIO()
    Image.radial_gradient("L").save(out, "JPEG", exif=exif)
    return out.getvalue()


PHOTOGRAPH = photograph()


class Meanwhile(Folder):
    """A folder in which something happens just before, or after, the file of this number is kept."""

    number = 0
    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None

    def keep(self, source: Path | Upload) -> str:
        self.number -= 1
        if self.number == 0 and self.before:
            self.before()
        key = super().keep(source)
        if self.number == 0 and self.after:
            self.after()
        return key


@pytest.fixture
def folder(app: Any) -> Meanwhile:
    media.store = Meanwhile(media.store.root)
    return media.store


def files(name: str = "a.jpg") -> dict[str, Any]:
    return {"files": [(io.BytesIO(PHOTOGRAPH), name), (io.BytesIO(b"minutes"), "b.txt")]}


# Each way in which bytes come into the store, and how many are kept for it.
def sends(ann: Person, chat: Chat) -> Any:
    return ann.api.post("/api/messages", data={"chat_id": str(chat.id), **files()})


def sends_broken(ann: Person, chat: Chat) -> Any:
    data = {"chat_id": str(chat.id), "files": [(io.BytesIO(PHOTOGRAPH[:-300]), "a.jpg")]}
    return ann.api.post("/api/messages", data=data)


def sends_by_page(ann: Person, chat: Chat) -> Any:
    return ann.browser.submit(f"/chats/{chat.id}", text="", **{"files": (io.BytesIO(PHOTOGRAPH), "a.jpg")})


def shows_herself(ann: Person, chat: Chat) -> Any:
    return ann.api.put("/api/users/me/avatar", data={"file": (io.BytesIO(PHOTOGRAPH), "a.jpg")})


def shows_the_chat(ann: Person, chat: Chat) -> Any:
    return ann.api.put(f"/api/chats/{chat.id}/picture", data={"file": (io.BytesIO(PHOTOGRAPH), "a.jpg")})


def forwards(ann: Person, chat: Chat) -> Any:
    source = Message.select().where(Message.text == "to be forwarded").get()
    return ann.api.post(f"/api/messages/{source.id}/forward", json={"chat_id": chat.id, "text": ""})


WAYS = [(sends, 4), (sends_broken, 1), (sends_by_page, 3), (shows_herself, 1), (shows_the_chat, 1), (forwards, 3)]
POINTS = [pytest.param(way, at, id=f"{way.__name__}-{at}") for way, most in WAYS for at in range(1, most + 1)]


def leaves(ann: Person, bob: Person, chat: Chat) -> None:
    accounts.close(User.get_by_id(ann.user.id), PASSWORD)


def loses_the_chat(ann: Person, bob: Person, chat: Chat) -> None:
    chats.delete(models.Membership.of(User.get_by_id(ann.user.id), chat.id))


def finds_a_database_that_takes_no_row(ann: Person, bob: Person, chat: Chat) -> None:
    for table, change in (("file", "INSERT"), ("user", "UPDATE"), ("chat", "UPDATE")):
        models.database.execute_sql(refusing(table, change))


def refusing(table: str, change: str) -> str:
    """SQL of a trigger that refuses a change of a table."""
    trigger = f'CREATE TRIGGER no_{table} BEFORE {change} ON "{table}"'
    if not ON_POSTGRES:
        return f"{trigger} BEGIN SELECT RAISE(ABORT, 'no'); END"
    body = "BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END"
    function = f"CREATE FUNCTION no_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"
    models.database.execute_sql(function)
    return f"{trigger} FOR EACH ROW EXECUTE FUNCTION no_{table}()"


def stored() -> set[Path]:
    return {path for path in media.store.root.rglob("*") if path.is_file()}


@pytest.fixture
def source(ann: Person, chat: Chat) -> Message:
    """A message with a picture, in another chat."""
    other = ann.starts("Other")
    upload = media.store.receive("a.jpg", "", 10**6)
    upload.write(PHOTOGRAPH)
    message = ann.posts(other, "to be forwarded", files=[upload])
    upload.discard()
    return message


@pytest.mark.parametrize("happening", [leaves, loses_the_chat, finds_a_database_that_takes_no_row])
@pytest.mark.parametrize(("way", "at"), POINTS)
def test_a_refused_upload_leaves_no_files(
    ann: Person, bob: Person, chat: Chat, source: Message, folder: Meanwhile,
    way: Callable[[Person, Chat], Any], at: int, happening: Callable[[Person, Person, Chat], None],
) -> None:  # fmt: skip
    folder.number, folder.after = at, lambda: happening(ann, bob, chat)
    answer = way(ann, chat)
    if way is shows_herself and happening is loses_the_chat:
        assert answer.status_code == 200
    else:
        assert answer.status_code in (302, 401, 403, 404, 422, 500), answer.text
        assert Message.select().where(Message.chat == chat).count() == 0
    assert stored() == {media.store.path(key) for key in all_keys()}


@pytest.mark.parametrize("what", ["post", "forward"])
def test_simultaneous_repeats_store_the_files_once(
    ann: Person, chat: Chat, source: Message, folder: Meanwhile, what: str
) -> None:
    def sends() -> Message:
        if what == "forward":
            return messages.forward(ann.of(chat), source.id, key="the same")
        upload = media.store.receive("a.jpg", "", 10**6)
        upload.write(PHOTOGRAPH)
        try:
            return ann.posts(chat, "", files=[upload], key="the same")
        finally:
            upload.discard()

    # The one that began later is quicker.
    folder.number, folder.after = 1, sends
    assert sends().repeated
    assert Message.select().where(Message.chat == chat).count() == 1
    assert stored() == {media.store.path(key) for key in all_keys()}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize(("way", "at"), POINTS)
def test_a_disk_error_at_any_file_leaves_no_files(
    ann: Person, chat: Chat, source: Message, folder: Meanwhile,
    way: Callable[[Person, Chat], Any], at: int, number: int,
) -> None:  # fmt: skip
    def fail() -> None:
        raise OSError(number, "the disk fails")

    folder.number, folder.before = at, fail
    before = stored()
    assert way(ann, chat).status_code == (507 if number == errno.ENOSPC else 503)
    assert stored() == before
    assert Message.select().where(Message.chat == chat).count() == 0
