"""Emails: one's own address, the link to a new password, and the server that takes them. All of it over real SMTP."""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from mailbox import Certificates, Mailbox, open_mailbox
from pathlib import Path

import pytest
from conftest import Queries
from flask import Flask
from people import PASSWORD, Anyone, Browser, Person

import models
from actions import accounts
from chat import create_app
from config import Settings
from lib import jobs, mailer
from models import Link, User, limits

NEW = "another long phrase"
SITE = "https://chat.example.org"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


@pytest.fixture
def app(settings: Settings, box: Mailbox) -> Iterator[Flask]:
    """A messenger that writes emails."""
    box.emails.clear()
    server = {"host": "127.0.0.1", "port": box.port, "sender": "Flask Chat <chat@example.org>", "security": "none"}
    app = create_app(replace(settings, public_url=SITE, mail=server))
    models.migrate()
    yield app
    jobs.background.jobs.join()
    models.database.close_all()
    mailer.configure(None)


def path_in(email: EmailMessage) -> str:
    """The path of the one link in an email."""
    found = re.findall(rf"^{SITE}(/\S+)$", email.get_content(), re.MULTILINE)
    assert len(found) == 1, email.get_content()
    return str(found[0])


def confirms(person: Person, box: Mailbox, email: str) -> None:
    """They give an address, get the email and open its link."""
    before = len(box.emails)
    answer = person.browser.submit("/settings/email", email=email, current_password=PASSWORD)
    assert answer.status_code == 302, answer.text
    path = path_in(box.wait_for_emails(before + 1)[-1])
    assert person.browser.submit(path).status_code == 302


def forgets(browser: Browser, email: str) -> str:
    answer = browser.submit("/forgotten", email=email)
    assert answer.status_code == 200, answer.text
    jobs.background.jobs.join()
    return answer.text


# One's own e-mail


def test_an_address_counts_once_it_was_confirmed(ann: Person, box: Mailbox, anyone: Anyone) -> None:
    sent = ann.browser.submit("/settings/email", email="ann@example.org", current_password=PASSWORD)
    assert sent.status_code == 302
    assert "sent a link to ann@example.org" in ann.get("/settings").text
    (email,) = box.wait_for_emails(1)
    assert email["To"] == "ann@example.org"
    assert email["From"] == "Flask Chat <chat@example.org>"
    assert email["Auto-Submitted"] == "auto-generated"
    assert ann.api.get("/api/users/me/email").get_json() == {"email": None, "waiting": "ann@example.org"}
    assert "ann@example.org isn’t confirmed" in ann.get("/settings/email").text
    path = path_in(email)
    assert ann.get(path).status_code == 200
    assert ann.api.get("/api/users/me/email").get_json()["email"] is None
    assert ann.browser.submit(path).status_code == 302
    assert ann.api.get("/api/users/me/email").get_json() == {"email": "ann@example.org", "waiting": None}
    assert ann.get(path).status_code == 404


def test_only_the_account_that_gave_an_address_confirms_it(ann: Person, bob: Person, box: Mailbox, app: Flask) -> None:
    ann.browser.submit("/settings/email", email="bob@example.org", current_password=PASSWORD)
    path = path_in(box.wait_for_emails(1)[0])
    assert bob.get(path).status_code == 404
    assert bob.browser.submit(path, on="/settings").status_code == 404
    assert Browser(app).get(path).headers["Location"].startswith("/login?next=")
    assert not User.with_email("bob@example.org")


NO_ADDRESS = """
ann, ann@, @example.org, ann@example, a b@example.org, ann@x..org, ann@-x.org, <ann@x.org>, анна@x.org
""".strip().split(", ")


@pytest.mark.parametrize("email", [*NO_ADDRESS, "ann@x.org\nBcc: b@y.org", f"a@{'x' * 250}.org"])
def test_what_is_no_address_is_refused(ann: Person, email: str) -> None:
    answer = ann.api.put("/api/users/me/email", json={"email": email, "current_password": PASSWORD})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"email"}


def test_an_address_is_changed_with_the_password_alone(ann: Person, box: Mailbox) -> None:
    for sent in ("ann@example.org", ""):
        answer = ann.browser.submit("/settings/email", email=sent, current_password="not this one")
        assert answer.status_code == 422
        api = ann.api.put("/api/users/me/email", json={"email": sent, "current_password": "not this one"})
        assert set(api.get_json()["errors"]) == {"current_password"}
    jobs.background.jobs.join()
    assert not box.emails


def test_the_former_address_is_notified(ann: Person, box: Mailbox) -> None:
    confirms(ann, box, "old@example.org")
    confirms(ann, box, "new@example.org")
    email = box.wait_for_emails(3)[2]
    assert (email["To"], email["Subject"]) == ("old@example.org", "Your email was changed")
    removed = ann.api.put("/api/users/me/email", json={"email": "", "current_password": PASSWORD})
    assert removed.get_json() == {"email": None, "waiting": None}
    assert box.wait_for_emails(4)[3]["To"] == "new@example.org"


def test_nobody_else_ever_sees_an_address(ann: Person, bob: Person, box: Mailbox) -> None:
    confirms(ann, box, "ann@example.org")
    chat = ann.starts("Garden", bob)
    ann.posts(chat, "hello")
    for path in ("/api/users/me", f"/api/users/{ann.id}", "/api/users?q=ann", f"/api/chats/{chat.id}",
                 f"/api/messages?chat_id={chat.id}"):  # fmt: skip
        assert "ann@example.org" not in ann.api.get(path).text
    for path in ("/users/ann", f"/chats/{chat.id}"):
        assert "ann@example.org" not in bob.get(path).text


def test_an_address_is_deleted_with_its_account(ann: Person, box: Mailbox, anyone: Anyone) -> None:
    confirms(ann, box, "ann@example.org")
    accounts.close(ann.user, PASSWORD)
    assert User.get_by_id(ann.id).email == ""
    assert not Link.select().exists()
    forgets(anyone.browser, "ann@example.org")
    assert len(box.emails) == 1


# A forgotten password


def test_a_forgotten_password_is_reset_by_a_link(ann: Person, box: Mailbox, anyone: Anyone) -> None:
    confirms(ann, box, "Ann@example.org")
    assert "Forgot your password?" in anyone.browser.get("/login").text
    forgets(anyone.browser, "ann@EXAMPLE.org")
    email = box.wait_for_emails(2)[1]
    assert email["To"] == "Ann@example.org"
    assert "the account ann." in email.get_content()
    path = path_in(email)
    assert anyone.browser.submit(path, password=NEW, repeat=NEW).status_code == 302
    assert "/users/ann" in anyone.browser.get("/").text
    assert accounts.authenticate("ann", NEW)
    assert ann.get("/settings").status_code == 302


def test_the_answer_is_the_same_whether_anybody_has_the_address(ann: Person, box: Mailbox, app: Flask) -> None:
    confirms(ann, box, "ann@example.org")
    known, unknown = (forgets(Browser(app), f"{name}@example.org") for name in ("ann", "zoe"))
    assert len(box.wait_for_emails(2)) == 2
    hidden = re.compile(r'(ann|zoe)@|nonce="[^"]+"|value="[^"]+"')
    assert hidden.sub("", known) == hidden.sub("", unknown)


def test_nobody_waits_for_the_e_mail_server_nor_for_the_look_up(
    ann: Person, box: Mailbox, anyone: Anyone, queries: list[str]
) -> None:
    """Known or not, the request asks the database the same and writes no link: the rest comes afterwards."""
    confirms(ann, box, "ann@example.org")
    released, counts = threading.Event(), []
    jobs.enqueue(released.wait)
    for email in ("ann@example.org", "zoe@example.org"):
        token = anyone.browser.csrf("/forgotten")
        with queries:  # type: ignore[attr-defined]
            answer = anyone.browser.client.post("/forgotten", data={"csrf_token": token, "email": email})
        counts.append(len(queries))
        assert answer.status_code == 200
        assert not Link.select().where(Link.purpose == "reset").exists()
    released.set()
    assert counts[0] == counts[1]
    box.wait_for_emails(2)


def test_a_familys_accounts_each_get_their_link(ann: Person, bob: Person, box: Mailbox, anyone: Anyone) -> None:
    confirms(ann, box, "home@example.org")
    confirms(bob, box, "home@example.org")
    forgets(anyone.browser, "home@example.org")
    assert [("the account ann." in email.get_content()) for email in box.wait_for_emails(4)[2:]] == [True, False]


def test_an_email_is_in_the_recipients_language(ann: Person, box: Mailbox, anyone: Anyone) -> None:
    confirms(ann, box, "ann@example.org")
    accounts.change(ann.user, language="ru")
    forgets(anyone.browser, "ann@example.org")
    email = box.wait_for_emails(2)[1]
    assert email["Subject"] == "Сброс пароля Flask Chat"
    assert "аккаунта ann." in email.get_content()


@pytest.mark.parametrize(("minutes", "status"), [(59, 200), (61, 404)])
def test_a_mailed_link_expires_after_an_hour(
    ann: Person, box: Mailbox, anyone: Anyone, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int
) -> None:
    confirms(ann, box, "ann@example.org")
    forgets(anyone.browser, "ann@example.org")
    path = path_in(box.wait_for_emails(2)[1])
    later = time.time_ns() + minutes * 60 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert anyone.browser.get(path).status_code == status


def test_a_link_leads_to_the_sites_own_name_whatever_the_request_contains(
    ann: Person, box: Mailbox, app: Flask
) -> None:
    confirms(ann, box, "ann@example.org")
    evil = Browser(app)
    evil.client.environ_base["HTTP_HOST"] = "evil.example"
    forgets(evil, "ann@example.org")
    assert "evil.example" not in box.wait_for_emails(2)[1].get_content()


def test_nobodys_mailbox_is_filled(ann: Person, box: Mailbox, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    confirms(ann, box, "ann@example.org")
    monkeypatch.setattr(limits, "throttled", True)
    browser = Browser(app)
    for number in range(9):
        browser.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        forgets(browser, "ann@example.org")
    assert len(box.emails) == 1 + 5
    browser.client.environ_base["REMOTE_ADDR"] = "192.0.2.100"
    statuses = [browser.submit("/forgotten", email="zoe@example.org").status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


def test_an_e_mail_server_that_refuses_is_logged_without_the_address(
    ann: Person, box: Mailbox, anyone: Anyone, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirms(ann, box, "ann@example.org")
    monkeypatch.setattr(box, "refuses", True)
    forgets(anyone.browser, "ann@example.org")
    assert "can't send an e-mail: SMTPDataError 550" in caplog.text
    assert "ann@example" not in caplog.text
    assert len(box.emails) == 1


def test_a_full_queue_is_reported_alike(app: Flask, anyone: Anyone) -> None:
    started, released = threading.Event(), threading.Event()
    jobs.enqueue(lambda: (started.set(), released.wait()))
    try:
        assert started.wait(60)
        for _ in range(jobs.QUEUE_MAX):
            jobs.enqueue(released.wait)
        answer = anyone.browser.submit("/forgotten", email="zoe@example.org")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
    finally:
        released.set()


def test_where_no_emails_go_out_nothing_speaks_of_them(settings: Settings) -> None:
    app = create_app(settings)
    models.migrate()
    ann = Person(app, "ann")
    assert "Forgot your password?" not in Browser(app).get("/login").text
    assert Browser(app).get("/forgotten").status_code == 404
    assert "e-mail" not in ann.get("/settings").text
    refused = ann.api.put("/api/users/me/email", json={"email": "ann@example.org", "current_password": PASSWORD})
    assert refused.status_code == 403
    models.database.close_all()


# The way out


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_an_email_goes_out_by_tls_and_with_a_login(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.trusted))
    how = "ssl_context" if security == "tls" else "tls_context"
    extra = {} if security == "tls" else {"require_starttls": True}
    with open_mailbox(logs_in=True, **{how: certificates.context}, **extra) as safe:
        mailer.configure({"host": "127.0.0.1", "port": safe.port, "sender": "chat@example.org", "user": "chat",
                  "password": "p@ss/word", "security": security})  # fmt: skip
        mailer.send("ann@example.org", "Привет", "Как дела?\n")
    mailer.configure(None)
    assert safe.users == ["chat"]
    assert safe.was_safe == [True]
    assert (safe.emails[0]["Subject"], safe.emails[0].get_content()) == ("Привет", "Как дела?\n")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(certificates: Certificates, security: str) -> None:
    how = "ssl_context" if security == "tls" else "tls_context"
    with open_mailbox(**{how: certificates.context}) as unknown:
        mailer.configure(
            {"host": "127.0.0.1", "port": unknown.port, "sender": "chat@example.org", "security": security}
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            mailer.send("ann@example.org", "Hello", "hello\n")
    mailer.configure(None)
    assert not unknown.emails


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Certificates(tmp_path, "mail.example.net")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.trusted))
    with open_mailbox(tls_context=other.context) as unknown:
        mailer.configure({"host": "127.0.0.1", "port": unknown.port, "sender": "chat@example.org"})
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            mailer.send("ann@example.org", "Hello", "hello\n")
    mailer.configure(None)


def test_nothing_goes_out_in_the_clear_when_tls_is_not_offered(box: Mailbox) -> None:
    before = len(box.emails)
    mailer.configure({"host": "127.0.0.1", "port": box.port, "sender": "chat@example.org"})
    with pytest.raises(smtplib.SMTPNotSupportedError):
        mailer.send("ann@example.org", "Hello", "hello\n")
    mailer.configure(None)
    assert len(box.emails) == before


def test_the_operator_tries_it(app: Flask, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def tried() -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=["try-mail", "ann@example.org"])
        return done.exit_code, done.output

    assert tried() == (0, "The e-mail server accepted the message.\n")
    monkeypatch.setattr(box, "refuses", True)
    code, output = tried()
    assert code == 1
    assert "550" in output
    mailer.configure(None)
    assert tried() == (1, "Error: no e-mail server is configured (SMTP_URL).\n")


def test_a_link_that_went_to_the_address_before_opens_nothing_more(ann: Person, box: Mailbox, anyone: Anyone) -> None:
    confirms(ann, box, "lost@example.org")
    forgets(anyone.browser, "lost@example.org")
    before = path_in(box.emails[-1])
    assert anyone.browser.get(before).status_code == 200
    confirms(ann, box, "kept@example.org")
    assert anyone.browser.get(before).status_code == 404


# What strangers could do with it


LURE = "Your account is locked: open https://evil.example"


def test_an_email_contains_no_text_of_others_but_the_username(ann: Person, box: Mailbox, anyone: Anyone) -> None:
    accounts.change(ann.user, name=LURE, about=LURE)
    chat = ann.starts(LURE)
    ann.posts(chat, LURE)
    confirms(ann, box, "ann@example.org")
    confirms(ann, box, "new@example.org")
    forgets(anyone.browser, "new@example.org")
    ann.browser.submit("/settings/email", email="", current_password=PASSWORD)
    emails = box.wait_for_emails(5)
    assert {email["Subject"] for email in emails} == {
        "Confirm your email",
        "Your email was changed",
        "Reset your Flask Chat password",
    }
    for email in emails:
        whole = email.as_string() + email.get_content()
        assert "evil" not in whole and "locked" not in whole
        assert "ann" in email.get_content()


def wants_confirmed(person: Person, email: str, address: str) -> tuple[int, int]:
    """The statuses of the API and of the page."""
    place = {"REMOTE_ADDR": address}
    sent = {"email": email, "current_password": PASSWORD}
    api = person.api.put("/api/users/me/email", json=sent, environ_base=place)
    page = person.browser.submit("/settings/email", **sent, how={"environ_base": place})
    jobs.background.jobs.join()
    return api.status_code, page.status_code


@pytest.fixture
def throttled(app: Flask, ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ann.browser and bob.browser
    monkeypatch.setattr(limits, "throttled", True)


def test_an_account_has_few_emails_sent_from_wherever(ann: Person, box: Mailbox, throttled: None) -> None:
    statuses = [wants_confirmed(ann, f"s{number}@example.org", f"192.0.2.{number}") for number in range(4)]
    assert statuses == [(200, 302)] * 3 + [(429, 429)]
    assert len(box.emails) == 6


def test_a_network_has_few_emails_sent_by_however_many_accounts(app: Flask, box: Mailbox, throttled: None) -> None:
    people = [Person(app, name) for name in ("carol", "dora", "emil", "fred")]
    statuses = [
        wants_confirmed(person, f"{number}@{person.username}.org", "192.0.2.1")
        for number in range(3)
        for person in people
    ]
    assert [status for both in statuses for status in both].count(429) == 4
    assert len(box.emails) == 20


SPELLINGS = [
    "victim@example.org",
    "Victim@Example.org",
    "vic.tim@example.org",
    "victim+1@example.org",
    "v.i.c.t.i.m+2@example.org",
]


def test_a_mailbox_gets_few_emails_however_its_address_is_spelled(app: Flask, box: Mailbox, throttled: None) -> None:
    people = [Person(app, name) for name in ("carol", "dora", "emil", "fred")]
    for number, person in enumerate(people):
        for spelling in SPELLINGS[:3] if number % 2 else SPELLINGS[2:]:
            wants_confirmed(person, spelling, f"192.0.2.{number}")
    assert len(box.emails) == 5


def test_emails_that_strangers_have_sent_do_not_use_up_the_owners_own(
    ann: Person, bob: Person, box: Mailbox, anyone: Anyone, throttled: None
) -> None:
    confirms(ann, box, "ann@example.org")
    for number in range(5):
        wants_confirmed(bob, "ann@example.org", f"192.0.2.{number}")
    before = len(box.emails)
    forgets(anyone.browser, "ann@example.org")
    assert box.wait_for_emails(before + 1)[-1]["Subject"] == "Reset your Flask Chat password"


# Who has an account


def test_for_an_address_that_nobody_has_the_same_work_is_done(
    ann: Person, box: Mailbox, anyone: Anyone, queries: Queries, throttled: None
) -> None:
    confirms(ann, box, "ann@example.org")
    arrived, work = len(box.emails), {}
    for email in ("ann@example.org", "nobody@example.org"):
        box.commands.clear()
        with queries:
            forgets(anyone.browser, email)
        # What is written, by table, and what the e-mail server receives.
        written = {" ".join(sql.split()[:3]) for sql in queries.asked if sql.startswith("INSERT")}
        work[email] = (written, box.commands.copy())
    (known, known_commands), (unknown, unknown_commands) = work.values()
    assert known == unknown and 'INSERT INTO "link"' in known
    assert (known_commands, unknown_commands) == (["MAIL"], ["MAIL"])
    assert len(box.emails) == arrived + 1
    assert [link.user_id for link in Link.select()] == [ann.id]
