"""How long each action holds the write lock in a database with a million messages.

.venv/bin/python -m bench.locks [MESSAGES] [--keep FOLDER] [--only WORD] [--seconds OF BATCHES]

From where BEGIN IMMEDIATE has the lock to where the commit has let go of it, the disk's fsync included; of an action
that leaves a task behind, its batches too. With a folder the database is built once, and a copy of it is measured. The
checkpoints of SQLite's log hold no lock, and are printed last.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import peewee

import models
from actions import accounts, chats, cleanup, drafts, members, messages, reactions, reading
from bench.large import (
    BIG,
    BIG_CHAT,
    BOB,
    CHATS,
    FILE_CHAT,
    HEAVY,
    KINDS,
    LETTERS,
    LONG_CHAT,
    NAME,
    OWNER,
    PASSWORD,
    build,
    long_text,
)
from models import Attempt, DeletedMessage, Event, Login, Membership, SentKey, Task, User, wal
from models import password as passwords
from models.link import Link

# The large chat has its own number of messages; with fewer than this, some other chat would have none.
FEWEST_MESSAGES = BIG + CHATS
AT_LEAST = 30
CHECKPOINT_EVERY = 20


class Span(NamedTuple):
    """One transaction, in milliseconds. On a machine with other work the processor's time is the one that tells."""

    held: float
    worked: float
    rows: int


class Held:
    """The transactions of this process: how long each held the lock, and how many rows it changed."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.checkpoints: list[Span] = []
        self.acts = 0
        self.own = threading.local()
        database: Any = peewee.SqliteDatabase
        begin, commit, rollback, ask = database.begin, database.commit, database.rollback, database.execute_sql

        def timed_begin(db: Any, *how: Any, **named: Any) -> Any:
            result = begin(db, *how, **named)
            self.own.began = now(db)
            return result

        def timed_end(db: Any, end: Callable[..., Any]) -> Any:
            result = end(db)
            if began := getattr(self.own, "began", None):
                self.note(db, began)
                self.own.began = None
            return result

        def timed_execute(db: Any, sql: str, *rest: Any, **named: Any) -> Any:
            is_write = sql.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE")
            before = now(db) if is_write and not getattr(self.own, "began", None) else None
            result = ask(db, sql, *rest, **named)
            if before:
                self.note(db, before)
            return result

        database.begin = timed_begin
        database.commit = lambda db: timed_end(db, commit)
        database.rollback = lambda db: timed_end(db, rollback)
        database.execute_sql = timed_execute
        self.watch_log()

    def watch_log(self) -> None:
        """Count the second step of emptying SQLite's log, too: it holds the lock."""
        log: Any = wal
        cut_off = log.cut_off

        def cut(connection: Any) -> Any:
            began = time.perf_counter(), time.thread_time()
            try:
                return cut_off(connection)
            finally:
                self.add(*began, 0)

        log.cut_off = cut

    def note(self, db: Any, began: tuple[float, float, int]) -> None:
        rows = now(db)[2] - began[2]
        if rows:
            self.add(began[0], began[1], rows)

    def add(self, at: float, worked: float, rows: int) -> None:
        self.spans.append(Span((time.perf_counter() - at) * 1000, (time.thread_time() - worked) * 1000, rows))

    def checkpoint(self) -> None:
        """Every so often do what SQLite does after a commit of its own accord."""
        self.acts += 1
        if self.acts % CHECKPOINT_EVERY == 0:
            at, worked = time.perf_counter(), time.thread_time()
            models.database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            span = Span((time.perf_counter() - at) * 1000, (time.thread_time() - worked) * 1000, 0)
            self.checkpoints.append(span)


def figures(spans: list[Span]) -> str:
    """How many transactions; the median, the slowest hundredth and the longest; the most work, the most rows."""
    held = sorted(span.held for span in spans) or [0.0]
    at = [held[min(len(held) - 1, int(len(held) * share))] for share in (0.5, 0.99, 1)]
    most = (max((span[column] for span in spans), default=0) for column in (1, 2))
    cells = [len(spans), *at, *most]
    spans.clear()
    return "".join(f"{cell:>7.0f}" for cell in cells)


def now(db: Any) -> tuple[float, float, int]:
    return time.perf_counter(), time.thread_time(), db.connection().total_changes


# The actions; each gets the number of its repetition


def unlike_others(n: int) -> str:
    return long_text(n)[: LETTERS - 20] + f" a{n}b"


class Action(NamedTuple):
    name: str
    run: Callable[[int], object]
    times: int = 1


def at(user: int, chat: int = BIG_CHAT) -> Membership:
    return Membership.of(User.get_by_id(user), chat)


def newest(chat: int = BIG_CHAT) -> int:
    return int(at(BOB, chat).chat.last_message_id or 0)


def of_messages() -> list[Action]:
    marked = f"@{NAME} **word** " * 450
    return [
        Action("post", lambda n: messages.post(at(BOB), f"hello, garden {n}"), 2_000),
        Action("post with 100 mentions", lambda n: messages.post(at(BOB), marked[:LETTERS]), AT_LEAST),
        Action("edit that", lambda n: messages.edit(at(BOB), newest() - n, marked[:9_000] + " otherwise"), AT_LEAST),
        Action("delete that", lambda n: messages.delete(at(BOB), newest()), AT_LEAST),
        Action(
            "post 10,000 letters", lambda n: messages.post(at(BOB), long_text(n)[: LETTERS - 20] + f" a{n}b"), AT_LEAST
        ),
        Action("edit that", lambda n: messages.edit(at(BOB), newest() - n, long_text(n + 1)), AT_LEAST),
        Action("forward that", lambda n: messages.forward(at(BOB, 4), newest() - n, "look"), AT_LEAST),
        Action("react to that", lambda n: reactions.add(at(HEAVY), newest() - n, "👍"), AT_LEAST),
        Action("delete that", lambda n: messages.delete(at(BOB), newest()), AT_LEAST),
        Action("post a reply", lambda n: messages.post(at(BOB), "yes", reply_to=1), 100),
        Action("forward", lambda n: messages.forward(at(BOB, 4), BIG - 50 - n, "look"), 100),
        Action("edit what has 5,000 replies", lambda n: messages.edit(at(HEAVY), 1, f"otherwise {n}"), AT_LEAST),
        Action("delete the first messages", lambda n: messages.delete(at(HEAVY), 51 + 10 * n), AT_LEAST),
        Action("delete what has 5,000 replies", lambda n: messages.delete(at(HEAVY), 1)),
        Action("restore it", lambda n: messages.restore(at(HEAVY), 1)),
        Action("delete it again", lambda n: messages.delete(at(HEAVY), 1)),
        Action("delete long ones", lambda n: messages.delete(at(BOB, LONG_CHAT), newest(LONG_CHAT)), 150),
        Action("forget what was deleted", lambda n: forget_withdrawn(), 5),
    ]


def of_members() -> list[Action]:
    many = [f"person{i}" for i in range(1, 1_001)]
    return [
        Action("react to what has 1,000", lambda n: reactions.add(at(4 + n), 1, "🎉"), AT_LEAST),
        Action("react to what has 18,000", lambda n: reactions.add(at(4 + n), 2, "🧡"), AT_LEAST),
        Action("take that back", lambda n: reactions.remove(at(4 + n), 2, KINDS[0]), AT_LEAST),
        Action("draft", lambda n: drafts.save(at(BOB), f"begun anew {n}"), 100),
        Action("a long draft", lambda n: drafts.save(at(BOB), long_text(n), reply_to=3), 100),
        Action("unread from the beginning", lambda n: reading.mark_unread(at(4 + n), 3), AT_LEAST),
        Action("read half", lambda n: reading.read(at(4 + n), BIG // 2), AT_LEAST),
        Action("read all", lambda n: reading.read(at(4 + n), newest()), AT_LEAST),
        Action("level", lambda n: members.set_level(at(BOB), ["mentions", "everything"][n % 2]), AT_LEAST),
        Action("rename the chat", lambda n: chats.describe(at(HEAVY), title=f"Other {n}"), AT_LEAST),
        Action("add a member", lambda n: members.add(at(HEAVY), f"person{1_500 + n}"), AT_LEAST),
        Action("give a role", lambda n: members.set_role(at(HEAVY), 1_500 + n, "admin"), AT_LEAST),
        Action("remove a member", lambda n: members.remove(at(HEAVY), 1_500 + n), AT_LEAST),
        Action("leave", lambda n: members.leave(at(900 + n)), AT_LEAST),
        Action("hand the chat over", lambda n: members.set_role(at(HEAVY), OWNER, "owner")),
        Action("start with 1,000 people", lambda n: chats.start(User.get_by_id(BOB), "Many", many), 5),
        Action("direct chat", lambda n: chats.direct(User.get_by_id(BOB), User.get_by_id(500 + n)), AT_LEAST),
    ]


def of_accounts() -> list[Action]:
    def user(user_id: int) -> User:
        return User.get_by_id(user_id)

    return [
        Action("register", lambda n: accounts.register(f"newcomer{n}", PASSWORD), 10),
        Action("write a profile", lambda n: accounts.change(user(BOB), name=f"Bob {n}"), AT_LEAST),
        Action("sign in", lambda n: Login.open(user(4), "browser"), AT_LEAST),
        Action("sign out", lambda n: Login.select().order_by(Login.id.desc()).get().close(), AT_LEAST),
        Action("a link to a new password", lambda n: Link.reset_by_admin(user(4)), AT_LEAST),
        Action("an attempt", lambda n: Attempt.take("login:x", 10**9, 900), AT_LEAST),
        Action("rename who is mentioned in 6,000", lambda n: accounts.change(user(HEAVY), username="renamed")),
        Action("a new password with 5,000 logins", lambda n: accounts.set_password(user(BOB), PASSWORD + "!")),
        Action("end all other logins", lambda n: Login.end_all(user(HEAVY), None)),
    ]


def of_pruning() -> list[Action]:
    """Both ways of taking away: what is over, and what somebody ends."""
    kinds = [("keys", SentKey), ("attempts", Attempt), ("logins", Login), ("links", Link)]
    return [
        Action("empty the log while one posts", lambda n: empty_log(), 20),
        Action("prune long events", lambda n: Event.prune(), AT_LEAST),
        *(Action(f"prune {name}", pruned(kind), AT_LEAST) for name, kind in kinds),
        Action("delete a chat of 10,000 files", lambda n: chats.delete(at(BOB, FILE_CHAT))),
        Action("close who is in 2,000 chats", lambda n: accounts.close(User.get_by_id(HEAVY), PASSWORD)),
        Action("prune events", lambda n: Event.prune(), 100),
        Action("delete the chat of long ones", lambda n: chats.delete(at(BOB, LONG_CHAT))),
        Action("delete the large chat", lambda n: chats.delete(at(OWNER))),
    ]


def pruned(kind: Any) -> Callable[[int], object]:
    return lambda n: kind.prune()


def forget_withdrawn() -> None:
    models.limits.undo_seconds, before = 0, models.limits.undo_seconds
    DeletedMessage.prune()
    models.limits.undo_seconds = before


def empty_log() -> None:
    """Write much into the log, and empty it while another thread writes on."""
    is_over = threading.Event()

    def posts() -> None:
        with models.database.connection_context():
            while not is_over.is_set():
                messages.post(at(BOB), "hello, garden")

    drafts.save(at(BOB), long_text(1))
    drafts.save(at(BOB), "")
    other = threading.Thread(target=posts)
    other.start()
    time.sleep(0.3)
    wal.checkpoint(models.database.database)
    is_over.set()
    other.join()


def run(only: str, seconds: float) -> None:
    held = Held()
    columns = "".join(f"{column:>7}" for column in ("times", "p50", "p99", "max", "cpu", "rows"))
    print(f"{'ms':<34}{columns}{columns.replace('times', 'batches').rjust(45)}   load")
    for action in [*of_members(), *of_messages(), *of_accounts(), *of_pruning()]:
        if not re.search(only, action.name):
            continue
        models.limits.throttled = action.name == "an attempt"
        for number in range(action.times):
            action.run(number)
            held.checkpoint()
        first = figures(held.spans)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and Task.work():
            held.checkpoint()
        Task.delete().execute()
        print(f"{action.name:<34}{first}   {figures(held.spans)}{os.getloadavg()[0]:7.1f}", flush=True)
    print(f"{'checkpoints':<34}{figures(held.checkpoints)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    args = parser.parse_args()
    if args.messages < FEWEST_MESSAGES:
        parser.error(f"MESSAGES must be at least {FEWEST_MESSAGES:,}: {BIG:,} in the large chat and one in each other")
    passwords.hashing.rounds = 4
    with tempfile.TemporaryDirectory() as folder:
        kept = (args.keep or Path(folder)) / f"{args.messages}.db"
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            began = time.perf_counter()
            unfinished = kept.with_suffix(".part")
            unfinished.unlink(missing_ok=True)
            build(unfinished, args.messages)
            unfinished.rename(kept)
            print(f"{kept}: {kept.stat().st_size / 2**20:.0f} MB in {time.perf_counter() - began:.0f} s")
        models.open_database(f"sqlite:///{kept}")
        models.migrate()
        models.index.configure()
        models.database.close()
        copy = Path(folder) / "chat.db"
        shutil.copy(kept, copy)
        models.open_database(f"sqlite:///{copy}")
        models.use(Path(folder) / "media")
        models.database.execute_sql("PRAGMA wal_autocheckpoint = 0")
        cleanup.schedule_purge = lambda: None
        models.task.schedule = lambda: None
        run(args.only, args.seconds)
        models.database.close()


if __name__ == "__main__":
    main()
