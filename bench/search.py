"""How long a search takes among a million messages, as somebody types it.

.venv/bin/python -m bench.search [MESSAGES] [--keep FOLDER | --database URL | --postgres]

With a folder, or the address of a Postgres server and an empty database, the messages are made once and used again;
`--postgres` starts a server for this run. Figures are of `searching.find`, with hits and excerpts; on a machine that
has other work the processor's time is the one that tells: of this process, and of the server's for this connection.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from postgres import PostgresServer, create_database  # type: ignore[import-not-found]

import models
import search
from actions import accounts, searching
from actions import chats as chat_actions
from lib.database_url import is_postgres
from models import Message, User
from models import password as passwords
from models.search_index import Row

DAY = 86_400_000_000
YEARS = 4
PEOPLE, CHATS, MINE = 40, 80, 60
SENTENCES = 30_000
AT_ONCE = 20_000
ROUNDS = 15
SYLLABLES = re.findall(r"\w+", "ба ве га до же за ки ло му не по ру са то фу ха це чи ша эк ям ре ла стр пло гри")
ENDINGS = ["а", "и", "у", "ой", "ами", "ах", "ый", "ого", "ешь", "ал"]
# Words that are asked for, by how many sentences of a thousand have them.
KNOWN = {"завтра": 300, "встречи": 40, "встрече": 40, "собаками": 10, "running": 10, "meeting": 60, "отчёт": 20}
RARE = "единорогами"
# Two words of which every message has one, and some have both.
TURNS = ("north", "south")
BOTH_EVERY = 40_000
# A word that every second message had until three fifths of the time ago.
FORMER, FORMER_SHARE = "formerly", 0.4
LONG_AGO = datetime.now(UTC).year - YEARS + 1

QUESTIONS = {
    "a common word": "завтра",
    "a word in another form": "собака",
    "a rare word": "единорог",
    "no such word": "фыва",
    "one letter": "з",
    "two letters": "за",
    "three letters": "зав",
    "four letters": "завт",
    "two words": "завтра встреча",
    "two words, the second begun": "завтра вст",
    "a common and a rare word": "завтра единорог",
    "five words": "завтра встреча отчет собака meeting",
    "a phrase": '"завтра встречи"',
    "a phrase that nobody wrote": '"встречи собаками завтра"',
    "an author": "завтра from:person7",
    "an author who is quiet": "завтра from:quiet",
    "an author alone": "from:person7",
    "a chat": "завтра in:chat7",
    "a common word long ago": f"завтра before:{LONG_AGO}-02-01",
    "a rare word since last year": f"единорог after:{datetime.now(UTC).year - 1}",
    "a file": "завтра has:file",
    "two common words that rarely meet": "north south",
    "the same, the second begun": "north sout",
    "a rare word, then a letter": "единорог з",
    "a rare word, then three letters": "единорог зав",
    "a common word, then a rare one begun": "завтра едино",
    "a phrase of common words that never stand so": '"north завтра south"',
    "two very common words, the wrong way round": '"north завтра"',
    "a word that was common once": "formerly",
    "a word that was common once, and a rare one": "formerly единорог",
    "a common word begun that was common once": "former",
    "few by author, chat and date": f"from:quiet in:chat1 after:{datetime.now(UTC).year - 2}",
    "a month long ago": f"завтра after:{LONG_AGO}-03-02 before:{LONG_AGO}-04-05",
    "everything": f"завтра встреча from:person7 in:chat before:{datetime.now(UTC).year} has:file",
}


def sentences(chance: random.Random) -> list[str]:
    """Sentences of words that are as unevenly common as in life (Zipf)."""
    stems = ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(20_000)]
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(stems))))
    made = []
    for _ in range(SENTENCES):
        words = [
            stem + chance.choice(ENDINGS) for stem in chance.choices(stems, cum_weights=weights, k=chance.randint(2, 9))
        ]
        words += [word for word, often in KNOWN.items() if chance.random() * 1000 < often]
        chance.shuffle(words)
        made.append(" ".join(words))
    return made


def rows(count: int, chats: list[int], people: list[int]) -> Iterator[tuple[tuple[object, ...], Row]]:
    """The rows of so many messages, and those of the index. The last of the people wrote ten of them."""
    chance = random.Random(1)
    known = [(text, folded, search.forms(folded)) for text in sentences(chance) for folded in [search.fold(text)]]
    now = models.now()
    *loud, quiet = people
    for number in range(1, count + 1):
        parts = chance.sample(known, 2)
        text, folded, forms = (" ".join(part[column] for part in parts) for column in range(3))
        if number % (count // 20) == count // 40:
            text, folded, forms = f"{text} {RARE}", f"{folded} {RARE}", f"{forms} {search.forms(RARE)}"
        added = [TURNS[number % 2]]
        if number % BOTH_EVERY == 7:
            added = list(TURNS)
        if number % 2 and number < count * FORMER_SHARE:
            added.append(FORMER)
        text, folded = (f"{column} {' '.join(added)}" for column in (text, folded))
        forms = " ".join([forms, *map(search.forms, added)])
        author = quiet if number % (count // 10) == 1 else chance.choice(loud)
        # Half of all is said in a few chats.
        chat = chance.choice(chats[:5] if number % 2 else chats)
        created_at = now - (count - number) * YEARS * 365 * DAY // count
        facts = search.Facts(chat, author, models.moment(created_at), number % 25 == 0)
        yield (number, chat, author, text, f"<p>{text}</p>", created_at), (number, folded, forms, str(facts))


def furnish(count: int) -> None:
    """Fill an empty database."""
    passwords.hashing.rounds = 4
    people = [
        accounts.register(name, "correct horse battery")
        for name in ["ann", *(f"person{n}" for n in range(PEOPLE)), "quiet"]
    ]
    chats = []
    for number in range(CHATS):
        owner, others = (people[0], people[1:]) if number % CHATS < MINE else (people[1], people[2:])
        chats.append(chat_actions.start(owner, f"Chat{number}", [other.username for other in others]).chat.id)
    made = rows(count, chats, [person.id for person in people[1:]])
    with models.write(), models.database.index.bulk_load():
        while some := list(itertools.islice(made, AT_ONCE)):
            add_messages([message for message, _ in some])
            models.database.index.add_many(entry for _, entry in some)
    for name in ("chat", "message", "message_index"):
        models.database.execute_sql(f"ANALYZE {name}")


def add_messages(rows: list[tuple[object, ...]]) -> None:
    """Add rows of messages, and count them."""
    models.database.run_many(
        "INSERT INTO message (id, chat_id, author_id, text, html, version, created_at) VALUES (?, ?, ?, ?, ?, 1, ?)",
        rows,
    )
    counts = Counter(row[1] for row in rows)
    models.database.run_many(
        "UPDATE chat SET message_count = message_count + ? WHERE id = ?",
        [(count, chat) for chat, count in counts.items()],
    )


def server_seconds(pid: int | None) -> float:
    """The processor's time of the server's process for this connection; 0 for SQLite."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def milliseconds(user: User, q: str, pid: int | None) -> tuple[list[float], float, int]:
    """How long each of some rounds took by the clock, the processor's time for one, and how many were found."""
    took, hits = [], 0
    busy = time.process_time() + server_seconds(pid)
    for _ in range(ROUNDS):
        started = time.perf_counter()
        hits = len(searching.find(user, q, searching.SearchFilters()).messages)
        took.append((time.perf_counter() - started) * 1000)
    return took, (time.process_time() + server_seconds(pid) - busy) * 1000 / ROUNDS, hits


def measure(folder: Path, url: str, count: int) -> None:
    models.open_database(url)
    models.use(folder / "media", throttled=False)
    models.migrate()
    if not Message.select().exists():
        started = time.perf_counter()
        furnish(count)
        print(f"{count:,} messages made in {time.perf_counter() - started:.0f} s")
    pid = None
    if is_postgres(url):
        pid = models.database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
        for name in ("message_index", "message_index_words"):
            size = models.database.execute_sql("SELECT pg_table_size(?::regclass)", (name,)).fetchone()[0]
            print(f"{name}: {size / 1e6:,.0f} MB")
    else:
        models.database.empty_log()
        print(f"the file: {(folder / 'chat.db').stat().st_size / 1e6:,.0f} MB")
    user = User.named("ann")
    for what, q in QUESTIONS.items():
        took, work, hits = milliseconds(user, q, pid)
        print(
            f"{what:45} {statistics.median(took):6.1f} ms  (least {min(took):.1f}, processor {work:.1f}), {hits} found"
        )
    models.database.close()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("messages", nargs="?", type=int, default=1_000_000)
    options.add_argument("--keep", type=Path)
    options.add_argument("--database")
    options.add_argument("--postgres", action="store_true")
    args = options.parse_args()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
        measure(args.keep, f"sqlite:///{args.keep}/chat.db", args.messages)
        return
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{folder}/chat.db"
        if not args.postgres:
            measure(Path(folder), url, args.messages)
            return
        server = PostgresServer(max_wal_size="4GB", shared_buffers="128MB")
        try:
            measure(Path(folder), create_database(server.url("postgres")), args.messages)
        finally:
            server.remove()


if __name__ == "__main__":
    main()
