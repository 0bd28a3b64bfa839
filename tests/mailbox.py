"""A real e-mail server that keeps what it is given."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from ports import free_port
from servers import wait_for


class Mailbox:
    """What arrived, in order, and how the sender called itself."""

    def __init__(self) -> None:
        self.emails: list[EmailMessage] = []
        self.users: list[str] = []
        self.was_safe: list[bool] = []
        self.port = 0
        self.refuses = False
        self.commands: list[str] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.commands.append("MAIL")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "550 no such mailbox"
        # On the wire lines end as RFC 5321 says; in a program as everywhere.
        content = envelope.content.replace(b"\r\n", b"\n")
        self.emails.append(cast("EmailMessage", message_from_bytes(content, policy=policy.default)))
        self.was_safe.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    def knows(self, server: Any, session: Any, envelope: Any, mechanism: str, auth: Any) -> AuthResult:
        self.users.append(auth.login.decode())
        return AuthResult(success=auth.password == b"p@ss/word")

    def wait_for_emails(self, count: int) -> list[EmailMessage]:
        wait_for(lambda: len(self.emails) >= count, lambda: f"{len(self.emails)} emails arrived")
        return self.emails


class Certificates:
    """An authority of our own, and a server's certificate by it."""

    def __init__(self, folder: Path, name: str = "127.0.0.1") -> None:
        authority = trustme.CA()
        self.trusted = folder / "authority.pem"
        authority.cert_pem.write_to_path(self.trusted)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(self.context)


@contextmanager
def open_mailbox(**how: Any) -> Iterator[Mailbox]:
    """Serve one on a free port; `how` is what aiosmtpd's controller takes."""
    box = Mailbox()
    if how.pop("logs_in", False):
        how |= {"authenticator": box.knows, "auth_require_tls": "tls_context" in how}
    # Its start looks at the port it was given: 0 it would not do with.
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()
