"""What each request costs the worker that answers it, in a chat made to be costly: `python -m bench.costs`.

Processor time of the thread and the peak of memory, for every GET of pages and API and for a few changes.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from people import Person, settings_in  # type: ignore[import-not-found]

from actions import members as member_actions
from actions import messages
from chat import create_app
from models import Reaction, User, database, migrate, now, write

SECONDS, MEGABYTES = 0.3, 64
PEOPLE, CHATS, MESSAGES, EDITS = 1_000, 60, 101, 101
CODE = "```java\n" + "a.b(c); \n" * 210 + "```\n"
TEXTS = [CODE + "*word* @ann " * 600, "[a](![" * 1_600, "**a *b ~~c " * 900, "word & < " * 1_100, "- a\n" * 2_490]


def fill(ann: Person) -> tuple[int, int]:
    """Make the costly chats; returns the id of one, and of a message that was edited and reacted to often."""
    people = [
        User.create(username=f"p{number}", username_key=f"p{number}", created_at=now()) for number in range(PEOPLE)
    ]
    chats = [ann.starts(f"Chat {number}") for number in range(CHATS)]
    with write():
        for chat in chats:
            for person in people:
                member_actions.insert(chat, [person])
    large = chats[-1]
    for number in range(MESSAGES):
        message = ann.posts(large, TEXTS[number % len(TEXTS)][:9_990] + str(number % 10))
        for person in people[:20]:
            Reaction.create(message=message, user=person, emoji="👍", created_at=now())
    edited = ann.posts(large, "first")
    for number in range(EDITS):
        messages.edit(ann.of(large), edited.id, CODE + f"{number} word")
    return int(large.id), int(edited.id)


def costs(ann: Person, chat_id: int, message_id: int) -> list[tuple[float, float, int, str]]:
    """Seconds, megabytes, kilobytes of the answer and name of each request, the costliest first."""
    known = {"chat_id": chat_id, "message_id": message_id, "user_id": ann.id, "username": "ann"}
    paths = []
    for rule in ann.app.url_map.iter_rules():
        if (
            "GET" in (rule.methods or ())
            and rule.endpoint not in ("api.listen", "static")
            and rule.arguments <= set(known)
        ):
            paths.append(re.sub(r"<(?:\w+:)?(\w+)>", lambda name: str(known[name[1]]), rule.rule))
    paths += ["/api/search?q=word&limit=100", "/api/find?q=word&limit=20", f"/api/messages?chat_id={chat_id}&limit=100"]
    paths += [
        f"/chats/{chat_id}?around={message_id - 50}",
        "/search?q=word",
        f"/api/messages/{message_id}/history?limit=100",
        "/api/users?q=p&limit=100",
    ]
    found = []
    for path in paths:
        client = ann.api if path.startswith("/api") else ann.browser
        client.get(path)
        start = time.thread_time()
        answer = client.get(path)
        seconds = time.thread_time() - start
        size = len(answer.get_data())
        tracemalloc.start()
        client.get(path)
        megabytes = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        found.append((seconds, megabytes, size // 1024, f"{answer.status_code} {path}"))
    return sorted(found, reverse=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings_in(Path(folder)))
        with app.app_context(), database.connection_context():
            migrate()
        with app.test_request_context():
            ann = Person(app, "ann")
            chat_id, message_id = fill(ann)
            for seconds, megabytes, size, name in costs(ann, chat_id, message_id):
                mark = " <- too much" if seconds > SECONDS or megabytes > MEGABYTES else ""
                print(f"{seconds:7.3f} s {megabytes:6.1f} MB {size:6d} KB  {name}{mark}")


if __name__ == "__main__":
    main()
