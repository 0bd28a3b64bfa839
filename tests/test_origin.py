"""Where a request came from and by which name: nothing that a client or a proxy says of it misleads anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask, Request, request
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st
from people import PASSWORD, Person
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

import models
from actions import accounts
from chat import create_app
from config import Settings
from lib.origin import is_host, is_local, plain_address
from models import Link, Login, User

NO_HOSTS = [
    "", " ", ".", "..", "a..b", ".a", "a" * 64, "a." * 127 + "a", "xn--", "a.xn--", "xn--a.b", "xn--\x7f",
    "a b", " a", "a ", "a,b", "u@a", "u:p@a", "a/b", "a?b", "a#b", "a\\b", "'", '"', "<a>", "ä.example", "a\u3002b",
    "a:0", "a:65536", "a:-1", "a:b", "a:", "a:1:2", "-a", "a-", "a.-b.c", "a%2eb",
    "[::1", "::1", "[::1]x", "[::1%eth0]", "[v1.x]", "[]", "[1.2.3.4]", "[:::]",
]  # fmt: skip
HOSTS = ["a", "A.Example", "a.example.", "a:1", "a:65535", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:8080", "my_app:80",
         "xn--e1afmkfd.xn--p1ai", "a-b.c"]  # fmt: skip
PATHS = ["/", "/chats/1", "/login", "/nope", "/healthz", "/static/nope", "/reset/x", "/apix",
         "/api", "/api/chats", "/api/nope", "/api/openapi.json"]  # fmt: skip
BY_PROXY = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
every_example = how(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ask(app: Flask, path: str, host: str, method: str = "GET", **headers: str) -> TestResponse:
    """Not by a client, which would itself fail over some hosts."""
    environ = create_environ(path, method=method, headers=headers)
    environ["HTTP_HOST"] = host
    return TestResponse(*run_wsgi_app(app, environ), request=Request(environ))


@pytest.fixture
def apps(settings: Settings) -> Iterator[list[Flask]]:
    """Of a messenger that answers to any name, of one that answers to two, and of one behind a proxy."""
    kinds = [settings, replace(settings, trusted_hosts=("a", ".example")), replace(settings, proxies=1)]
    apps = [create_app(kind) for kind in kinds]
    models.migrate()
    yield apps
    models.database.close_all()


@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_bad_host_is_refused_as_a_problem_or_a_page(apps: list[Flask], host: str) -> None:
    for app in apps:
        for path in PATHS:
            for method in ("GET", "POST"):
                sent = host.encode().decode("latin-1")
                answer = ask(app, path, sent, method, **{"Sec-Fetch-Site": "cross-site"})
                assert answer.status_code == 400, (path, method)
                is_api = path == "/api" or path.startswith("/api/")
                assert answer.content_type.startswith("application/problem+json" if is_api else "text/plain")
                assert answer.headers["X-Request-ID"] and "nosniff" in answer.headers["X-Content-Type-Options"]


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_a_host_is_answered(apps: list[Flask], host: str) -> None:
    assert is_host(host)
    assert ask(apps[0], "/healthz", host).status_code == 200


@given(
    st.one_of(
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=80),
        st.text("ab.-_:[]x0159n%@/ ", max_size=80),
        st.lists(st.sampled_from(["a", "xn--", "xn--a", "-", "", "a" * 63, "a" * 64, "0x7f", "[", "]"])).map(".".join),
    ),
    st.sampled_from(PATHS),
)
@example("xn--0", "/chats/1")
@every_example
def test_no_host_breaks_anything(apps: list[Flask], host: str, path: str) -> None:
    for app in apps:
        answer = ask(app, path, host)
        assert answer.status_code < 500
        assert is_host(host) or answer.status_code == 400
        assert not answer.headers.get("Location", "/").startswith(("//", "http"))
        if answer.status_code != 400:
            with app.request_context({**create_environ(path), "HTTP_HOST": host}):
                assert request.url and request.host_url and request.root_url


@pytest.mark.parametrize("header_value", ["evil.example", "evil.example, evil.example", "..", "", "a b"])
def test_other_headers_that_name_the_host_are_never_trusted(apps: list[Flask], header_value: str) -> None:
    names = ("X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host")
    more = {"X-Forwarded-Port": "666", "X-Forwarded-Prefix": "/evil", "Forwarded": f"host={header_value}"}
    for app in apps:
        for path in PATHS:
            answer = ask(app, path, "a.example", **BY_PROXY, **dict.fromkeys(names, header_value), **more)
            assert "evil" not in answer.text + str(answer.headers)
            assert answer.status_code == ask(app, path, "a.example", **BY_PROXY).status_code


@pytest.mark.parametrize(
    ("header_value", "counted"),
    [("192.0.2.1", "192.0.2.1"), ("6.6.6.6, 192.0.2.1", "192.0.2.1"), ("192.0.2.1:4711", "192.0.2.1"),
     ("[2001:DB8:0::1]:443", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("fe80::1%eth0", "fe80::1"),
     ("::ffff:192.0.2.1", "192.0.2.1"), (" 192.0.2.1 ", "192.0.2.1"),
     ("", "127.0.0.1"), ("nonsense", "127.0.0.1"), ("1.2.3", "127.0.0.1"), ("[", "127.0.0.1"),
     ("unknown", "127.0.0.1"), ("_hidden", "127.0.0.1"), ("<script>", "127.0.0.1"), ("192.0.2.1\x1b[2J", "127.0.0.1")],
)  # fmt: skip
def test_an_address_counts_in_one_spelling_and_nonsense_not_at_all(
    settings: Settings, header_value: str, counted: str
) -> None:
    app = create_app(replace(settings, proxies=1))
    models.migrate()
    accounts.register("ann", PASSWORD)
    sent = {"username": "ann", "password": PASSWORD}
    answer = app.test_client().post("/api/users/login", json=sent, headers={"X-Forwarded-For": header_value})
    assert answer.status_code == 200
    assert Login.select(Login.address).scalar() == counted
    models.database.close_all()


def test_with_fewer_entries_than_proxies_the_connection_counts(settings: Settings) -> None:
    app = create_app(replace(settings, proxies=2))
    models.migrate()
    accounts.register("ann", PASSWORD)
    sent = {"username": "ann", "password": PASSWORD}
    app.test_client().post("/api/users/login", json=sent, headers={"X-Forwarded-For": "192.0.2.1"})
    assert Login.select(Login.address).scalar() == "127.0.0.1"
    models.database.close_all()


@pytest.mark.parametrize(
    ("header_value", "is_secure"),
    [("https", True), ("HTTPS", True), ("http", False), ("", False), ("javascript", False), ("wss", False),
     ("http, https", True), ("https, http", False), ("https://evil", False), ('"https"', True)],
)  # fmt: skip
def test_a_scheme_is_one_of_two(apps: list[Flask], header_value: str, is_secure: bool) -> None:
    answer = ask(apps[2], "/login", "localhost", **{"X-Forwarded-Proto": header_value})
    assert answer.status_code == 200
    assert ("Strict-Transport-Security" in answer.headers) == is_secure


@pytest.mark.parametrize(
    ("header_value", "is_secure"),
    [("https, http", True), ("http, https", False), ("http, https, http", True), ("https", True), ("", False)],
)
def test_of_several_proxies_the_outermost_names_the_scheme(
    settings: Settings, header_value: str, is_secure: bool
) -> None:
    """A chain of proxies with one entry has it from whoever ended TLS."""
    app = create_app(replace(settings, proxies=2))
    models.migrate()
    answer = ask(app, "/login", "localhost", **{"X-Forwarded-Proto": header_value})
    assert ("Strict-Transport-Security" in answer.headers) == is_secure
    models.database.close_all()


@given(st.text(max_size=60), st.text(max_size=60))
@every_example
def test_no_word_of_a_proxy_breaks_anything(apps: list[Flask], address: str, scheme: str) -> None:
    def latin(text: str) -> str:
        return text.encode("utf-8", "replace").decode("latin-1").replace("\r", "").replace("\n", "")

    headers = {"X-Forwarded-For": latin(address), "X-Forwarded-Proto": latin(scheme)}
    answer = ask(apps[2], "/chats/1", "localhost", **headers)
    assert answer.headers["Location"] == "/login?next=%2Fchats%2F1"


def test_all_who_come_by_ipv4_to_a_socket_of_ipv6_are_not_one() -> None:
    """Else ten wrong passwords by one of them would stop everybody."""
    assert plain_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_address("::ffff:c000:201") == "192.0.2.1"


# Links that are handed over


def asks_for_a_link(ann: Person, **headers: str) -> tuple[int, str]:
    """By API and by page; both say the same."""
    by_api = ann.api.post(f"/api/users/{User.named('bob').id}/reset-link", headers=headers)
    sent = {"csrf_token": ann.browser.csrf("/settings")}
    session = ann.browser.client.get_cookie("chat")
    assert session is not None
    # A cookie of the site's true name, whatever the request says.
    headers["Cookie"] = f"chat={session.value}"
    page = ann.app.test_client(use_cookies=False).post("/users/bob/reset-link", data=sent, headers=headers)
    assert (by_api.status_code == 201) == (page.status_code == 200)
    url_or_detail = by_api.get_json().get("url") or by_api.get_json()["detail"]
    assert url_or_detail.partition("/reset/")[0].replace("'", "&#39;") in page.text
    return by_api.status_code, url_or_detail.partition("/reset/")[0]


def admin_of(app: Flask) -> Person:
    models.migrate()
    accounts.register("bob", PASSWORD)
    ann = Person(app, "ann")
    User.update(is_admin=True).where(User.id == ann.id).execute()
    return ann


REFUSED = (403, "Reset links don’t work yet: the server administrator must set PUBLIC_URL.")


@pytest.mark.parametrize(
    ("changed", "host", "answer"),
    [
        ({}, "localhost:8080", (201, "http://localhost:8080")),
        ({}, "192.168.1.5:8080", (201, "http://192.168.1.5:8080")),
        ({}, "[::1]:8080", (201, "http://[::1]:8080")),
        ({}, "evil.example", REFUSED),
        ({}, "6.6.6.6", REFUSED),
        ({"trusted_hosts": ("localhost", "chat.example")}, "chat.example", (201, "http://chat.example")),
        ({"public_url": "https://chat.example"}, "evil.example", (201, "https://chat.example")),
        ({"proxies": 1, "public_url": "https://chat.example"}, "evil.example", (201, "https://chat.example")),
        ({"proxies": 1}, "localhost", REFUSED),
        ({"proxies": 1, "trusted_hosts": ("localhost", "chat.example")}, "chat.example", REFUSED),
    ],
)
def test_a_link_leads_to_the_configured_host(
    settings: Settings, changed: dict[str, object], host: str, answer: tuple[int, str]
) -> None:
    ann = admin_of(create_app(replace(settings, **changed)))
    ann.browser.client.environ_base["HTTP_HOST"] = "localhost"
    before = Link.select().count()
    assert asks_for_a_link(ann, **{"Host": host, "X-Forwarded-Host": "evil.example"}) == answer
    assert (Link.select().count() > before) == (answer[0] == 201)
    models.database.close_all()


def test_the_command_makes_no_link_of_no_use(settings: Settings) -> None:
    app = create_app(replace(settings, proxies=1))
    admin_of(app)
    done = app.test_cli_runner().invoke(args=["reset-link", "bob"])
    assert done.exit_code == 1
    assert done.output == "Error: set PUBLIC_URL: behind a proxy the public address can't be known otherwise.\n"
    assert not Link.select().exists()
    models.database.close_all()


LOCAL = {"localhost": True, "localhost:1": True, "[::1]:1": True, "10.1.2.3": True, "8.8.8.8": False, "": False,
         "localhost.evil.example": False}  # fmt: skip


@pytest.mark.parametrize("host", LOCAL)
def test_what_is_this_machine_or_network(host: str) -> None:
    assert is_local(host) == LOCAL[host]
