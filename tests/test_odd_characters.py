"""Characters that a database, HTTP or JSON can't carry, or that mean something to them: wherever a text can be sent,
they are stored, or refused with a clear error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from people import Anyone, Person

from models import Chat

ODD = {
    "NUL": "a\0b",
    "NUL alone": "\0",
    "half a pair": "a\ud800",
    "no character": "\uffff\U0001ffff",
    "control": "\x1b[0m\x7f\x85",
    "other direction": "\u202e\u2066a",
    "quotes": "'\"`;--%_\\",
    "placeholders": "? %s %(a)s {0} {a} $1 :a",
    "growing": "\ufdfa" * 60,
}
# Addresses that end something which others need.
LAST = re.compile("delete|leave|remove|logins")
# A value for what a request needs besides the odd one.
USUAL = {
    "title": "Garden",
    "text": "a",
    "username": "carol",
    "password": "correct horse battery",
    "q": "a",
    "emoji": "👍",
}
PAGES = (
    *("/", "/chats/new", "/chats/{chat}", "/chats/{chat}/edit", "/chats/{chat}/leave", "/chats/{chat}/delete"),
    *("/chats/{chat}/files", "/chats/{chat}/messages/{message}/edit", "/chats/{chat}/messages/{message}/delete"),
    *("/chats/{chat}/messages/{message}/forward", "/chats/{chat}/messages/{message}/history", "/settings"),
    *("/chats/{chat}/messages/{message}/reactions", "/settings/delete", "/settings/email", "/search", "/users/bob"),
    *("/register", "/login", "/forgotten", "/reset/a", "/email/a", "/emoji"),
)
# Queries and parts of paths that stand in no form.
PLACES = (
    *("/?after={}", "/chats/{chat}?around={}", "/chats/{chat}?before={}", "/chats/{chat}/log?after={}", "/users/{}"),
    *("/chats/{chat}/files?kind={}", "/search?q=a&author={}", "/search?q=a&chat_id={}", "/search?q=a&after={}"),
    *("/search?q=after:{}", "/search?q=in:{}", "/search?q=from:{}", "/search?q=%22{}%22", "/login?next={}", "/{}"),
    *("/avatars/1/{}", "/chats/{chat}/picture/{}", "/static/{}", "/reset/{}", "/email/{}", "/chats/rows?ids={}"),
    *("/chats/{chat}/messages/{message}/reactions?emoji={}", "/styles/{}.css", "/chats/{}"),
)
HEADERS = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie", "Host", "Idempotency-Key"),
    *(
        "If-Modified-Since",
        "If-None-Match",
        "Last-Event-ID",
        "Origin",
        "Range",
        "Referer",
        "Sec-Fetch-Site",
        "User-Agent",
    ),
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Pane", "X-Request-ID"),
)

# Those by which a request may be refused.
DECISIVE = ("Accept", "Authorization", "Host", "Origin", "Sec-Fetch-Site")


class Forms(HTMLParser):
    """The forms of a page: method, address and fields with their values."""

    def __init__(self, page: str, address: str) -> None:
        super().__init__()
        self.forms: dict[str | None, tuple[str, str, dict[str, str]]] = {}
        self.address, self.now = address, ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.now = about.get("id", str(len(self.forms)))
            self.forms[self.now] = (about.get("method", "get"), about.get("action") or self.address, {})
        elif tag in ("input", "textarea", "select", "button") and about.get("name") and self.forms:
            form = self.forms.get(about.get("form", self.now))
            if form and about.get("type") not in ("file", "checkbox"):
                form[2].setdefault(about["name"], about.get("value") or USUAL.get(about["name"], ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.now = ""


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def forms(who: Person, addresses: list[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for address in addresses:
        yield from Forms(who.browser.get(address).text, address).forms.values()


def texts(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, bool]:
    """The properties of a JSON body, and whether each may be a text."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return {
        name: any("string" in (kind.get("type") or ()) for kind in (of, *of.get("anyOf", ()), of.get("items", {})))
        for name, of in schema.get("properties", {}).items()
    }


@pytest.mark.parametrize("odd", ODD)
def test_every_form_takes_or_refuses_it(ann: Person, bob: Person, chat: Chat, anyone: Anyone, odd: str) -> None:
    message = ann.posts(chat, "old")
    known = {"chat": chat.id, "message": message.id}
    sent = 0
    found = sorted(forms(ann, [page.format(**known) for page in PAGES]), key=lambda form: bool(LAST.search(form[1])))
    for method, address, fields in found:
        if "logout" in address or "/sessions/" in address:
            continue
        for name in fields.keys() - {"csrf_token"}:
            query = urlencode({**fields, name: encoded(ODD[odd])}, safe="%")
            if method == "get":
                answer = ann.browser.get(f"{address}?{query}")
            else:
                kind = "application/x-www-form-urlencoded"
                answer = ann.browser.client.post(address, data=query.encode(), content_type=kind)
            assert answer.status_code < 500, (address, name, answer.text)
            sent += 1
    assert sent > 40


@pytest.mark.parametrize("odd", ODD)
def test_every_address_and_header_takes_or_refuses_it(ann: Person, chat: Chat, odd: str) -> None:
    known = {"chat": chat.id, "message": ann.posts(chat, "old").id}
    for place in PLACES:
        answer = ann.browser.get(place.format(encoded(ODD[odd]), **known))
        assert answer.status_code < 500, (place, answer.text)
    cookie = ann.browser.client.get_cookie("chat")
    assert cookie
    session = f"chat={cookie.value}"
    for name in HEADERS:
        # What a WSGI server gives: bytes as latin-1, without line ends and NUL, which it refuses.
        value = ODD[odd].replace("\0", "").encode("utf-8", "surrogatepass").decode("latin-1").replace("\x85", "")
        sent = f"{session}; time_zone={value}; {value}={value}" if name == "Cookie" else value
        environ = {"HTTP_COOKIE": session, "HTTP_" + name.upper().replace("-", "_"): sent}
        token: dict[str, str] = {"Authorization": f"Bearer {ann.api.token}"}
        asked = [(path, {}) for path in ("/", f"/chats/{chat.id}", "/search?q=a")]
        asked += [(path, token) for path in ("/api/chats", f"/api/messages?chat_id={chat.id}")]
        for path, headers in asked:
            answer = ann.api.client.get(path, environ_overrides=environ, headers=headers)
            assert answer.status_code < 500, (name, path, answer.text)
            assert answer.status_code == 200 or name in DECISIVE, (name, path, answer.status_code)


@pytest.mark.parametrize("odd", ODD)
def test_every_endpoint_of_the_api_takes_or_refuses_it(ann: Person, bob: Person, chat: Chat, odd: str) -> None:
    message = ann.posts(chat, "old")
    document = ann.api.get("/api/openapi.json").get_json()
    known = {"chat_id": chat.id, "message_id": message.id, "user_id": bob.id, "login_id": 0, "emoji": "👍"}
    usual: dict[str, Any] = {
        **USUAL,
        "usernames": ["bob"],
        "chat_id": chat.id,
        "email": "ann@example.org",
        "role": "member",
    }
    sent = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "logout" in path or path == "/api/events":
                continue
            for parameter in operation.get("parameters", ()):
                if parameter["schema"].get("type") != "string" or parameter["in"] == "header":
                    continue
                query = {} if parameter["in"] == "path" else {**USUAL, "chat_id": chat.id}
                query = {
                    name: query[name] for name in query if name in {one["name"] for one in operation["parameters"]}
                }
                ids = {**known, parameter["name"]: encoded(ODD[odd])} if parameter["in"] == "path" else known
                query |= {parameter["name"]: encoded(ODD[odd])} if parameter["in"] == "query" else {}
                answer = ann.api.open(f"{path.format(**ids)}?{urlencode(query, safe='%')}", method.upper())
                assert answer.status_code < 500, (method, path, parameter, answer.text)
                sent += 1
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            kinds = texts(document, body["schema"]) if body else {}
            for name in (name for name, is_text in kinds.items() if is_text):
                value = [ODD[odd]] if isinstance(usual.get(name), list) else ODD[odd]
                fields = {one: usual[one] for one in kinds if one in usual} | {name: value}
                answer = ann.api.open(path.format(**known), method.upper(), json=fields)
                assert answer.status_code < 500, (method, path, name, answer.text)
                sent += 1
    assert sent > 25
