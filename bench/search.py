"""How long a search takes among a million messages, as somebody types it.

.venv/bin/python -m bench.search [MESSAGES] [--keep FOLDER]

With a folder the database is made once and used again. Figures are of `models.find`, with hits and excerpts; on a
machine that has other work the processor's time is the one that tells.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import models
import search
from actions import accounts, searching
from actions import chats as chat_actions
from models import Message, User
from models import password as passwords

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
    "a common word long ago": f"завтра before:{datetime.now(UTC).year - YEARS + 1}-02-01",
    "a rare word since last year": f"единорог after:{datetime.now(UTC).year - 1}",
    "a file": "завтра has:file",
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


def rows(count: int, chats: list[int], people: list[int]) -> Iterator[tuple[tuple[object, ...], tuple[object, ...]]]:
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
    models.database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('hashsize', 67108864)")
    while some := list(itertools.islice(made, AT_ONCE)):
        with models.write():
            connection = models.database.connection()
            connection.executemany(
                "INSERT INTO message (id, chat_id, author_id, text, html, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                [message for message, _ in some],
            )
            connection.executemany(
                "INSERT INTO message_index (rowid, text, forms, facts) VALUES (?, ?, ?, ?)",
                [entry for _, entry in some],
            )
    models.database.execute_sql("INSERT INTO message_index (message_index, rank) VALUES ('hashsize', 1048576)")


def milliseconds(user: User, q: str) -> tuple[list[float], list[float], int]:
    """How long each of some rounds took, by the clock and of the processor, and how many were found."""
    took, worked, hits = [], [], 0
    for _ in range(ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        hits = len(searching.find(user, q, searching.SearchFilters()).messages)
        took.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - busy) * 1000)
    return took, worked, hits


def measure(folder: Path, count: int) -> None:
    models.open_database(f"sqlite:///{folder}/chat.db")
    models.use(folder / "media", throttled=False)
    models.migrate()
    if not Message.select().exists():
        started = time.perf_counter()
        furnish(count)
        print(f"{count:,} messages made in {time.perf_counter() - started:.0f} s")
    models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    print(f"the file: {(folder / 'chat.db').stat().st_size / 1e6:,.0f} MB")
    user = User.named("ann")
    for what, q in QUESTIONS.items():
        took, worked, hits = milliseconds(user, q)
        middle, work = statistics.median(took), statistics.median(worked)
        print(f"{what:30} {middle:6.1f} ms  (processor {work:.1f}, worst {max(worked):.1f}), {hits} found")
    models.database.close()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("messages", nargs="?", type=int, default=1_000_000)
    options.add_argument("--keep", type=Path)
    asked = options.parse_args()
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
        measure(asked.keep, asked.messages)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), asked.messages)


if __name__ == "__main__":
    main()
