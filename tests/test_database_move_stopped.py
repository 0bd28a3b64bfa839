"""A move of the database that stops in the middle, while people go on writing: run again, it ends as if it had not."""

from __future__ import annotations

import itertools
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from installations import Installation, bind, contents, environment, killed_at, leave, moved, opened, refused
from people import settings_in
from postgres import PostgresServer, create_database
from servers import ROOT, Server, wait_for
from streams import Listener, rows, written

import models
from actions import accounts, database_move, members, messages, reactions
from commands.start import CannotStart, prepare
from lib.sqlite import sqlite3
from models import Message, User
from models.move import HIGHEST, LOWEST, Batch, MoveError
from models.move_postgres import PostgresSide
from models.move_sqlite import SqliteSide

# They have both engines, whatever the others run on.
pytestmark = [pytest.mark.sqlite, pytest.mark.usefixtures("database_is_left")]


def ignore(line: str) -> None:
    pass


class Stop(Exception):
    """The end of a process, as far as a test's own process can have one."""


def stop_at(beginning: str) -> Callable[[str], None]:
    """What ends the move when it reports a line that begins so."""

    def report(line: str) -> None:
        if line.startswith(beginning):
            raise Stop

    return report


@pytest.fixture
def by_threes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, so that a few rows are several of them."""
    monkeypatch.setattr(database_move, "BATCH_ROWS", 3)


def write_more(installation: Installation, number: int) -> None:
    """People write, change and delete things."""
    ann, bob, chat = installation.ann, installation.bob, installation.chat
    posted = [ann.posts(chat, f"meanwhile {number}.{nth}") for nth in range(3)]
    messages.edit(ann.of(chat), posted[0].id, f"changed {number}")
    messages.delete(ann.of(chat), posted[1].id)
    first = Message.select().where(Message.deleted_at.is_null()).order_by(Message.id).first()
    messages.edit(ann.of(chat), first.id, f"{first.text} and more")
    reactions.add(bob.of(chat), posted[2].id, "🌱")
    accounts.register(f"newcomer{number}", "correct horse battery")


# Killed

SOURCE, TARGET = "models.move_sqlite:SqliteSide", "models.move_postgres:PostgresSide"
POINTS = (
    "{target}:begin:after:1",
    "{target}:store:after:4",
    "{copy}:after:3",
    "{target}:complete:after:1",
    "models.index:Message:index_row:after:3",
    "actions.database_move::fill_index:after:1",
    "{source}:retire:before:1",
    "{source}:retire:after:1",
    "{target}:finish:before:1",
)
# What differs with SQLite as the target.
POINTS_BACK = POINTS[1:4] + POINTS[-3:]


@pytest.mark.parametrize("command", ["move-to-postgres", "move-to-sqlite"])
def test_killed_at_any_point_it_continues(
    installation: Installation, postgres_url: str, tmp_path: Path, command: str
) -> None:
    source, target = installation.settings.database_url, postgres_url
    names = {"source": SOURCE, "target": TARGET, "copy": "psycopg:Copy:write"}
    if command == "move-to-sqlite":
        moved(installation.app, "move-to-postgres", postgres_url)
        source, target = postgres_url, f"sqlite:///{tmp_path / 'back.db'}"
        names = {"source": TARGET, "target": SOURCE, "copy": "models.move_sqlite::values"}
    words = (command, target.removeprefix("sqlite:///"))
    for number, point in enumerate(POINTS if target == postgres_url else POINTS_BACK):
        app = installation.opened(source)
        if "finish" not in point:
            with app.test_request_context():
                write_more(installation, number)
        leave()
        killed_at(point.format(**names), environment(installation.settings, source), *words)
    before = contents(source)
    output = moved(installation.opened(source), *words)
    assert "search index" not in output, "it was filled before"
    assert contents(target) == before
    assert found(installation, target) == found(installation, source)


def found(installation: Installation, postgres_url: str) -> Any:
    return installation.answers(installation.opened(postgres_url))


# Stopped in this process


@pytest.mark.parametrize("command", ["move-to-postgres", "move-to-sqlite"])
def test_what_changed_in_between_is_copied_again(
    installation: Installation, postgres_url: str, tmp_path: Path, command: str, by_threes: None
) -> None:
    """Among it names that went from one person to another, whose rows are in different batches."""
    source, target = installation.settings.database_url, postgres_url
    if command == "move-to-sqlite":
        moved(installation.app, "move-to-postgres", postgres_url)
        source, target = postgres_url, f"sqlite:///{tmp_path / 'back.db'}"
    for number, beginning in enumerate(("Ids", "table", "user ")):
        app = installation.opened(source)
        with app.test_request_context():
            write_more(installation, number)
        with pytest.raises(Stop):
            database_move.move(target, stop_at(beginning))
    app = installation.opened(source)
    with app.test_request_context():
        exchange_names(installation)
        members.remove(installation.ann.of(installation.chat), installation.carol.id)
        members.add(installation.ann.of(installation.chat), "carol")
        write_more(installation, 9)
    leave()
    before = contents(source)
    bind(source)
    database_move.move(target, ignore)
    assert contents(target) == before
    assert found(installation, target) == found(installation, source)


def exchange_names(installation: Installation) -> None:
    """The oldest and the newest account take each other's name."""
    newest = User.select().order_by(User.id.desc()).first()
    oldest = installation.ann.user
    for person, name in ((oldest, "between"), (newest, "ann"), (oldest, newest.username)):
        models.database.execute_sql(
            'UPDATE "user" SET username = ?, username_key = ? WHERE id = ?', (name, name, person.id)
        )


def test_a_difference_is_named_and_copied_again(installation: Installation, postgres_url: str) -> None:
    here = installation.settings.database_url
    with pytest.raises(Stop):
        database_move.move(postgres_url, stop_at("Ids"))
    with closing(PostgresSide(postgres_url)) as target:
        target.connection.execute("UPDATE message SET text = 'something else' WHERE id = 1")
        target.connection.execute("DELETE FROM reaction")
    assert "these tables differ: message, reaction" in refused(
        installation.opened(here), "move-to-postgres", postgres_url
    )
    before = contents(here)
    moved(installation.opened(here), "move-to-postgres", postgres_url)
    assert contents(postgres_url) == before


def test_an_unfinished_copy_is_not_served(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    here, back = installation.settings.database_url, f"sqlite:///{tmp_path / 'back.db'}"
    with pytest.raises(Stop):
        database_move.move(postgres_url, stop_at("Ids"))
    leave()
    for again in ("Flask Chat", "and again"):
        with pytest.raises(CannotStart) as refusal:
            prepare(settings_in(tmp_path, postgres_url))
        assert "it is a copy that is not finished; run the same `flask move-to-…` again" in str(refusal.value), again
        leave()
    app = installation.opened(postgres_url)
    assert "a copy that is not finished" in refused(app, "migrate")
    assert "itself a copy that is not finished" in refused(app, "move-to-sqlite", str(tmp_path / "back.db"))
    # The source can be written again.
    assert installation.ann.posts(installation.chat, "goes on").id if installation.opened(here) else None
    assert not Path(back).exists()


def test_an_unfinished_copy_of_another_installation_is_refused(
    installation: Installation, postgres_url: str, tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        database_move.move(postgres_url, stop_at("Ids"))
    (tmp_path / "other").mkdir()
    other = opened(settings_in(tmp_path / "other", f"sqlite:///{tmp_path / 'other' / 'chat.db'}"))
    models.migrate()
    assert "an unfinished copy of another installation" in refused(other, "move-to-postgres", postgres_url)


# Trouble of the machine


def test_a_server_that_disappears_is_reported_in_one_line(installation: Installation) -> None:
    server = PostgresServer()
    try:
        target = create_database(server.url("postgres"))
        for beginning in ("Moving", "table", "Ids"):
            bind(installation.settings.database_url)

            def report(line: str, beginning: str = beginning) -> None:
                if line.startswith(beginning):
                    server.stop(signal.SIGQUIT)

            with pytest.raises(MoveError) as stopped:
                database_move.move(target, report)
            expected_text = "can't be used: " if beginning == "Moving" else "the move has stopped: "
            assert expected_text in str(stopped.value) and "\n" not in str(stopped.value)
            leave()
            server.start()
        before = contents(installation.settings.database_url)
        bind(installation.settings.database_url)
        database_move.move(target, ignore)
        assert contents(target) == before
        leave()
    finally:
        server.remove()


def test_a_full_disk_is_reported_in_one_line(installation: Installation, postgres_url: str, tmp_path: Path) -> None:
    moved(installation.app, "move-to-postgres", postgres_url)
    leave()
    target = tmp_path / "back.db"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    command = [sys.executable, "-m", "flask", "--app", "chat", "move-to-sqlite", str(target)]
    env = environment(installation.settings, postgres_url)
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, preexec_fn=limit
    )  # fmt: skip
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("Error: "), done.stderr
    before = contents(postgres_url)
    moved(installation.opened(postgres_url), "move-to-sqlite", str(target))
    assert contents(f"sqlite:///{target}") == before


# A running server


def test_nothing_acknowledged_is_lost_under_a_running_server(own: Server, postgres_url: str) -> None:
    """What is written before is there. During the move and from then on writers get a 503, and readers their pages."""
    ann, bob = Listener(own, "ann"), Listener(own, "bob")
    chat = ann.starts("Garden", bob)
    cursor = ann.listens().events[0].id
    ann.disconnects()
    answers: list[tuple[int, str]] = []
    is_over = threading.Event()
    writer = threading.Thread(target=lambda: answers.extend(written(ann, chat, is_over)))
    writer.start()
    wait_for(lambda: len(rows(own, "SELECT id FROM message")) > 5, lambda: "nothing is written")
    command = [sys.executable, "-m", "flask", "--app", "chat", "move-to-postgres", postgres_url]
    done = subprocess.run(command, cwd=ROOT, env=own.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for _ in range(3):
        answer = bob.tries("POST", "messages", chat_id=chat, text="too late")
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert bob.tries("GET", f"messages?chat_id={chat}").status_code == 200
    is_over.set()
    writer.join(120)
    own.stop()
    own.environment["DATABASE_URL"] = postgres_url
    own.start()
    stored = [text for (text,) in rows(own, "SELECT text FROM message ORDER BY id")]
    assert stored == [text for status, text in answers if status == 201]
    assert {status for status, _ in answers} == {201, 503}
    stream = ann.listens(cursor)
    stream.waits_for(lambda s: "reset" in s.types())
    message = bob.posts(chat, "here")
    stream.gets("message.created", id=message)
    assert len(stream.all("message.created")) == 1
    ann.disconnects()


# Any rows


NUMBERS = st.integers(-(2**63), 2**63 - 1)
# Texts as SQLite may have them: any bytes.
TEXTS = st.one_of(st.text().map(lambda text: text.encode(errors="surrogatepass")), st.binary())
ROWS = st.dictionaries(
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.tuples(TEXTS, st.none() | NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS, TEXTS, NUMBERS),
    max_size=8,
)
EVENT = ("type", "chat_id", "user_id", "message_id", "data", "created_at")
COLUMNS = ("id", *sorted(EVENT))


@pytest.fixture
def sides(tmp_path: Path, postgres_url: str) -> Iterator[tuple[SqliteSide, PostgresSide, SqliteSide]]:
    """A source, and a started copy on each engine."""
    paths = [str(tmp_path / name) for name in ("here.db", "back.db")]
    for address in (postgres_url, *(f"sqlite:///{path}" for path in paths)):
        bind(address)
        models.migrate()
    leave()
    with (
        closing(SqliteSide(paths[0])) as here,
        closing(PostgresSide(postgres_url)) as there,
        closing(SqliteSide(paths[1])) as back,
    ):
        there.begin("here")
        back.begin("there")
        yield here, there, back


def as_held(text: bytes) -> str:
    """What Postgres can hold of a text in JSON."""
    return text.decode(errors="replace").replace("\0", "\ufffd")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=ROWS)
@example({1: (b"\\N", None, None, None, b"\\\\N\t\n\r\b\f\v\\.\n\\x41 \x7f\x85\xe2\x80\xa8", 0)})
def test_any_row_is_the_same_on_both_engines(sides: Any, rows: dict[int, tuple[Any, ...]]) -> None:
    here, there, back = sides
    places = ", ".join("CAST(? AS TEXT)" if name in ("type", "data") else "?" for name in EVENT)
    here.connection.execute("DELETE FROM event")
    here.connection.executemany(
        f"INSERT INTO event (id, {', '.join(EVENT)}) VALUES (?, {places})", [(key, *row) for key, row in rows.items()]
    )
    batch = Batch(HIGHEST, "")
    there.store("event", COLUMNS, LOWEST, batch, b"".join(here.lines("event", COLUMNS)))
    back.store("event", COLUMNS, LOWEST, batch, b"".join(there.lines("event", COLUMNS)))
    tallies = [side.tally("event", COLUMNS) for side in sides]
    assert tallies[0] == tallies[1] == tallies[2] and tallies[0].rows == len(rows)
    expected = [
        (key, as_held(row[0]), *row[1:4], as_held(row[4]), row[5])
        for key, row in sorted(rows.items())
        if b"\\u0000" not in row[4]
    ]
    names = ", ".join(EVENT)
    assert there.connection.execute(f"SELECT id, {names} FROM event ORDER BY id").fetchall() == expected
    plain = sqlite3.connect(back.shown)
    with closing(plain):
        assert plain.execute(f"SELECT id, {names} FROM event ORDER BY id").fetchall() == expected


CHANGES = st.lists(
    st.tuples(
        # Ids that get a number, or lose their row; and after how many batches the copying ends.
        st.dictionaries(st.integers(1, 12), st.none() | st.integers(0, 3), max_size=8),
        st.integers(0, 5),
    ),
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(changes=CHANGES)
def test_however_often_it_stops_all_of_it_is_there(sides: Any, changes: Any, by_threes: None) -> None:
    here, there, back = sides
    columns = here.columns("attempt")
    for side in sides:
        side.connection.execute("DELETE FROM attempt")
    for target in (there, back):
        target.empty("attempt")
        for changed, batches in [*changes, ({}, 99)]:
            change(here, changed)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(target, "store", ending(target.store, batches))
                ended = True
                try:
                    copied = database_move.copy("attempt", columns, here, target, ignore)
                    ended = False
                except Stop:
                    pass
            if not ended:
                assert copied.source == copied.target == here.tally("attempt", columns)
        assert not ended
        # A unique key is in one row only, whichever had it before.
        assert copied.target.rows == here.count("attempt")


def change(here: SqliteSide, changed: dict[int, int | None]) -> None:
    for key, number in changed.items():
        here.connection.execute("DELETE FROM attempt WHERE id = ? OR key = ?", (key, f"key {number}"))
        if number is not None:
            here.connection.execute("INSERT INTO attempt VALUES (?, ?, 1, 2, 3)", (key, f"key {number}"))


def ending(store: Callable[..., None], batches: int) -> Callable[..., None]:
    """Store so many batches and no more."""
    left = itertools.count(batches, -1)

    def stored(*values: Any) -> None:
        if next(left) <= 0:
            raise Stop
        store(*values)

    return stored
