"""Ann's chat with Bob and Cleo on a real server, and what each of its workers answers them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from workers import Answer, Browser, Workers

NAMES = {"ann": "Ann Firth", "bob": "Bob Leigh", "cleo": "Cleo Marsh", "dave": "Dave Lund"}
LOOKS = {
    "page": "/chats/{chat}",
    "pane": "/chats/{chat}",
    "older": "/chats/{chat}?before={end}",
    "log": "/chats/{chat}/log",
    "list": "/",
    "search": "/search?q=tomatoes",
    "history": "/api/messages?chat_id={chat}",
    "before": "/api/messages?chat_id={chat}&before={end}&limit=40",
    "chats": "/api/chats",
    "chat": "/api/chats/{chat}",
    "hits": "/api/search?q=tomatoes",
    "find": "/api/find?q=tomatoes",
}


def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (32, 32), "olive").save(drawn, "PNG")
    return drawn.getvalue()


def look_headers(look: str) -> dict[str, str]:
    """What scripts send."""
    asked = {"pane": {"X_Pane": "1"}, "log": {}}
    return asked[look] | {"Sec_Fetch_Dest": "empty"} if look in asked else {}


class Scene:
    """Ann's chat with Bob and Cleo, but not Dave. Their browsers run scripts; `known` is what requests may name."""

    def __init__(self, workers: Workers, names: list[str]) -> None:
        self.workers = workers
        self.people = {}
        self.known: dict[str, Any] = {}
        for who, username in zip(NAMES, names, strict=True):
            self.people[who] = Browser(workers, scripts="1", time_zone="UTC").logs_in(username)
            self.known |= {who: username, f"{who}_id": self.people[who].id}
        self.known["chat"] = self.does("ann", "POST chats", title="Plot 7", members=names[1:3])["id"]
        self.known["cleos"] = self.posts("cleo", "ripe tomatoes")
        self.known["anns"] = self.posts("ann", "green tomatoes")
        self.known["bobs"] = self.posts("bob", "@{ann} fine tomatoes", reply_to=self.known["anns"])
        self.known["end"] = self.posts("ann", "red tomatoes")
        self.does("ann", "POST chats/{chat}/read", message_id=self.known["end"])

    def __getitem__(self, who: str) -> Browser:
        return self.people[who]

    def posts(self, who: str, text: str, chat: str = "chat", **more: Any) -> int:
        message: int = self.does(who, "POST messages", chat_id=self.known[chat], text=text, **more)["id"]
        self.known["new"] = message
        return message

    def does(self, who: str, request: str, **sent: Any) -> Any:
        """A change by the API, such as `PATCH messages/{anns}`."""
        method, path = request.format(**self.known).split(" ")
        texts = {name: value.format(**self.known) for name, value in sent.items() if isinstance(value, str)}
        return self[who].does(method, path, **sent | texts)

    def look(self, who: str, look: str, worker: int = 0, **headers: str) -> Answer:
        return self[who].get(LOOKS[look].format(**self.known), worker, **look_headers(look), **headers)

    def looks(self, who: str, look: str) -> list[Answer]:
        """What each worker answers."""
        return self[who].ask_all(LOOKS[look].format(**self.known), **look_headers(look))

    def statuses(self, who: str, looks: str) -> dict[str, set[int]]:
        return {look: {answer.status for answer in self.looks(who, look)} for look in looks.split()}

    def have_looked(self, people: str, looks: str) -> None:
        """Twice at each worker: whatever is to be kept is kept by now."""
        for who in people.split():
            for look in looks.split():
                _ = self.looks(who, look), self.looks(who, look)


@dataclass
class Change:
    """Somebody changes something: in the answers `at` is `before` until then, and `after` from then on; '' for nothing.

    Those in `to` look. What `first` does was done before anybody looked.
    """

    does: Callable[[Scene], object]
    at: str
    before: str = ""
    after: str = ""
    to: str = "ann bob"
    first: Callable[[Scene], object] = lambda s: None

    def is_seen(self, scene: Scene) -> None:
        """It is in the very next answer of each worker, however often they were asked before."""
        self.first(scene)
        before, after = (text.format(**scene.known) for text in (self.before, self.after))
        # Twice at each worker: whatever is to be kept is kept by now.
        for _ in range(2):
            assert (wrong := self.wrong(scene, before, after)) == [], wrong
        self.does(scene)
        assert (wrong := self.wrong(scene, after, before)) == [], wrong

    def wrong(self, scene: Scene, new: str, old: str) -> list[str]:
        """Whose answers at what look lack the one text, or still have the other."""
        return [
            f"{who} at {look}, worker {worker}: {answer.status} {answer.text[:200]}"
            for who in self.to.split()
            for look in self.at.split()
            for worker, answer in enumerate(scene.looks(who, look))
            if answer.status != 200 or new not in answer.text or (old and old in answer.text)
        ]
