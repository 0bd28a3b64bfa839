"""What the operator types: accounts, the history to look at, and the doctor."""

from __future__ import annotations

import inspect
import re
import socket
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest
from flask import Flask
from people import PASSWORD, Person

import models
from actions import accounts
from chat import create_app
from commands import doctor
from commands.serving import address, check_port, serve
from commands.start import CannotStart, before_workers, make_keys, prepare
from config import ROOT, Settings
from lib.sqlite import sqlite3
from lib.storage import Upload
from models import Chat, File, Login, Message, User, chat_list
from models.base import media
from seed.script import Script, parse_lines


def run(app: Flask, *words: str, typed: str | None = None) -> click.testing.Result:
    result: click.testing.Result = app.test_cli_runner().invoke(args=list(words), input=typed)
    return result


def upload(name: str, content: bytes) -> Upload:
    file = media.store.receive(name, "", 2**20)
    file.write(content)
    return file


# Accounts


def test_an_administrator_is_made_with_a_password_asked_for_twice(app: Flask) -> None:
    assert run(app, "create-admin", "ann", typed=f"{PASSWORD}\n{PASSWORD}\n").exit_code == 0
    assert User.named("ann").is_admin
    assert accounts.authenticate("ann", PASSWORD)


def test_an_administrator_needs_a_free_name_and_a_good_password(app: Flask, ann: Person) -> None:
    taken = run(app, "create-admin", "Ann", "--password", PASSWORD)
    assert (taken.exit_code, taken.output) == (1, "Error: username: This username is taken. Choose another one.\n")
    short = run(app, "create-admin", "zoe", "--password", "short")
    assert short.exit_code == 1
    assert "Use at least 8 characters" in short.output
    assert not User.named("ann").is_admin


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "words",
    [["create-admin", "zoe", "--password", PASSWORD], ["reset-password", "ann"], ["reset-link", "ann"]],
    ids=lambda words: words[0],
)
def test_a_command_without_a_database_prints_what_to_do(settings: Settings, words: list[str]) -> None:
    done = run(create_app(settings), *words)
    models.database.close_all()
    assert (done.exit_code, done.output) == (1, "Error: the database has no tables yet: run `flask init`.\n")


def test_a_reset_password_ends_every_login(app: Flask, ann: Person) -> None:
    login = Login.open(ann.user, "browser")
    done = run(app, "reset-password", "ann")
    assert done.exit_code == 0
    new = done.output.rpartition(": ")[2].strip()
    assert accounts.authenticate("ann", new)
    assert accounts.authenticate("ann", PASSWORD) is None
    assert Login.by_secret(login.secret, ["browser"]) is None
    assert ann.api.get("/api/users/me").status_code == 401


def test_a_password_can_be_given(app: Flask, ann: Person) -> None:
    done = run(app, "reset-password", "ann", "--password", "another good one")
    assert "another good one" not in done.output
    assert accounts.authenticate("ann", "another good one")


def test_nobodys_password_is_reset(app: Flask) -> None:
    done = run(app, "reset-password", "nobody")
    assert (done.exit_code, done.output) == (1, "Error: no such account.\n")


# The history


def test_the_history_is_long_two_languages_wide_and_sound(app: Flask) -> None:
    done = run(app, "seed", "--password", PASSWORD)
    assert done.exit_code == 0, done.output
    assert PASSWORD in done.output
    ann = accounts.authenticate("ann", PASSWORD)
    assert ann is not None
    texts = [message.text for message in Message.select()]
    assert len(texts) >= 300
    assert sum(bool(re.search("[а-яё]", text)) for text in texts) > 60
    chats = chat_list.load(ann)
    assert len(chats) == 8
    assert {chat.title for chat in chats} > {"Release train", "Garden", "Поход на выходные"}
    assert any(chat.unread for chat in chats)
    assert any(not chat.unread for chat in chats)
    assert run(app, "doctor").exit_code == 0


def test_the_history_has_all_that_messages_can_be(app: Flask) -> None:
    run(app, "seed")
    messages = list(Message.select())
    assert any(message.is_edited for message in messages)
    assert any(message.is_deleted for message in messages)
    assert any(message.reply_to for message in messages)
    assert any("<pre" in message.html for message in messages)
    assert any("<li>" in message.html for message in messages)
    assert {file.kind for file in File.select()} >= {"PDF", "JPG", "PNG", "TXT", "CSV"}
    assert list((media.store.root / "incoming").iterdir()) == []


def test_the_history_goes_on_for_two_weeks_up_to_now(app: Flask) -> None:
    run(app, "seed")
    times = [message.created_at for message in Message.select().order_by(Message.id)]
    assert times == sorted(times)
    day = 86_400_000_000
    assert 12 * day < times[-1] - times[0] < 16 * day
    assert models.now() - day < times[-1] < models.now()


def test_the_history_makes_the_database_it_goes_into(settings: Settings) -> None:
    done = run(create_app(settings), "seed", "--password", PASSWORD)
    texts = Message.select().count()
    models.database.close_all()
    assert done.exit_code == 0, done.output
    assert texts >= 300


def test_the_history_asks_for_an_empty_database(app: Flask, ann: Person) -> None:
    done = run(app, "seed")
    assert done.exit_code == 1
    assert "the database already has accounts" in done.output
    assert not Message.select().exists()


def test_a_history_that_fails_leaves_nothing(app: Flask) -> None:
    assert run(app, "seed", "--password", "short").exit_code == 1
    assert not User.select().exists()


def test_a_script_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a line"):
        list(parse_lines("=== 1\nann says hello"))
    with pytest.raises(ValueError, match="not a mark"):
        list(parse_lines("=== 1\n10:00 ann (loudly): hello"))


def test_a_script_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text(
        (inspect.getdoc(Script) or "").partition("A script reads:")[2].partition("`===")[0].replace("\n    ", "\n")
    )
    script = Script.read(path)
    assert (script.title, script.people, script.unread) == ("Garden", ["carol", "ann", "bob"], {"ann": 3, "bob": 1})
    first, reply, edited, deleted = script.lines
    assert first.text == "The seeds are here.\nA second line of it."
    assert (reply.reply_to, reply.files) == (first.name, ["list.txt"])
    assert (edited.first, edited.text) == ("Tomorow then.", "Tomorrow then.")
    assert deleted.deleted


# Migrations


def test_a_database_that_is_up_to_date_is_left_alone(app: Flask) -> None:
    done = run(app, "migrate")
    assert (done.exit_code, done.output) == (0, "The database is up to date.\n")


@pytest.mark.sqlite
def test_an_empty_database_gets_every_step(app: Flask, settings: Settings) -> None:
    models.database.close_all()
    database_path(settings).unlink()
    done = run(app, "init")
    assert done.exit_code == 0
    assert done.output.count("Applied migration") == len(models.applied())
    assert models.pending() == []


@pytest.mark.sqlite
def test_a_step_that_fails_is_reported_and_changes_nothing(app: Flask, settings: Settings) -> None:
    models.database.close_all()
    path = database_path(settings)
    path.unlink()
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE chat (mine TEXT)")
    foreign.close()
    done = run(app, "migrate")
    assert done.exit_code == 1
    assert done.output.startswith("Error: the database is unchanged: ")
    assert models.database.get_tables() == ["chat"]


def database_path(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


# The doctor


def test_the_doctor_finds_nothing_wrong_with_a_healthy_installation(app: Flask, ann: Person, chat: Chat) -> None:
    ann.posts(chat, "with a file", files=[upload("a.txt", b"words")])
    done = run(app, "doctor")
    assert done.exit_code == 0, done.output
    assert not any(line.startswith("wrong") for line in done.output.splitlines())


def wrong(app: Flask) -> str:
    done = run(app, "doctor")
    assert done.exit_code == 1
    return "\n".join(line for line in done.output.splitlines() if line.startswith("wrong"))


def test_the_doctor_misses_a_file_and_notes_one_too_many(app: Flask, ann: Person, chat: Chat) -> None:
    message = ann.posts(chat, "", files=[upload("a.txt", b"words")])
    media.store.keep(upload("b.txt", b"nobody's"))
    assert "unused files in the media folder: 1" in run(app, "doctor").output
    media.store.remove(message.files[0].key)
    assert message.files[0].key in wrong(app)


@pytest.mark.sqlite
def test_the_doctor_sees_a_chat_without_its_owner(app: Flask, ann: Person, chat: Chat, settings: Settings) -> None:
    models.database.close_all()
    with sqlite3.connect(database_path(settings)) as careless:
        careless.execute("DELETE FROM membership WHERE user_id = ?", (ann.id,))
    careless.close()
    problems = wrong(app)
    assert f"chats without an owner among their members: 1, first id {chat.id}" in problems
    assert "foreign_key_check" in problems


def test_the_doctor_counts_again(app: Flask, ann: Person, chat: Chat) -> None:
    ann.posts(chat, "hello")
    Chat.update(message_count=7, member_count=7).execute()
    models.database.execute_sql("DELETE FROM message_index")
    problems = wrong(app)
    for what in ("number of members", "number of messages", "missing from the search index"):
        assert what in problems


def test_the_doctor_sees_that_a_step_is_missing(app: Flask) -> None:
    models.database.execute_sql("DELETE FROM migration")
    assert "flask migrate" in wrong(app)


@pytest.mark.sqlite
def test_the_doctor_continues_after_a_missing_table(app: Flask) -> None:
    models.database.execute_sql("DROP TABLE message_index")
    assert "rules: no such table" in wrong(app)


def test_the_doctor_checks_that_others_can_not_read_the_keys(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("")
    env_file.chmod(0o644)
    monkeypatch.setattr(doctor, "ENV_FILE", env_file)
    assert "chmod 600" in wrong(app)


# Before serving; test_start.py does it with real processes


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings as the process has them."""
    for name, value in {
        "SECRET_KEY": settings.secret_key,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATABASE_URL": settings.database_url,
        "MEDIA_DIR": str(settings.media_dir),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.sqlite
def test_gunicorns_master_has_the_database_made_ready(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert before_workers() == 0
    assert models.applied()[-1] in capsys.readouterr().err
    assert before_workers() == 0
    assert capsys.readouterr().err == ""
    models.database.close_all()


@pytest.mark.parametrize("start", [before_workers, serve])
def test_a_bad_setting_ends_it_with_one_line(
    start: Callable[[], int], environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("SECRET_KEY", "tiny-Key-9")
    environment.chdir(ROOT)
    assert start() == 1
    assert capsys.readouterr().err.startswith("Flask Chat can't start: SECRET_KEY is too short")


@pytest.mark.sqlite
def test_what_is_missing_is_made(settings: Settings) -> None:
    steps = prepare(settings)
    assert steps == models.applied()
    assert settings.media_dir.is_dir()
    assert prepare(settings) == []
    models.database.close_all()


def test_a_folder_in_the_way_is_reported(settings: Settings) -> None:
    settings.media_dir.write_text("a file")
    with pytest.raises(CannotStart, match="media"):
        prepare(settings)


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_reported(settings: Settings) -> None:
    database_path(settings).write_text("not a database, for it is longer than the head of one\n" * 20)
    with pytest.raises(CannotStart, match="can't migrate the database"):
        prepare(settings)
    models.database.close_all()


def test_a_busy_port_is_reported(settings: Settings) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = Settings(**{**settings.__dict__, "port": busy.getsockname()[1]})
        with pytest.raises(CannotStart, match="not available"):
            check_port(taken)


@pytest.mark.parametrize(
    ("host", "shown_host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("chat", "chat")],
)
def test_the_address_is_one_that_a_browser_takes(settings: Settings, host: str, shown_host: str) -> None:
    assert address(Settings(**{**settings.__dict__, "host": host})) == f"http://{shown_host}:8080"


def test_keys_are_made_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    make_keys(tmp_path / ".env")
    assert "Wrote SECRET_KEY and JWT_SECRET_KEY to .env" in capsys.readouterr().out
    make_keys(tmp_path / ".env")
    assert capsys.readouterr().out == ""
