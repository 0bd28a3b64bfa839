"""Sending e-mail over SMTP, if a server is configured."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class SmtpServer:
    """An SMTP server. `security` is `tls` from the first byte, `starttls`, or `none` (only on this machine)."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    security: str = "starttls"

    @property
    def domain(self) -> str:
        """The domain of the sender's address, for EHLO and Message-ID."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


class Setup:
    server: SmtpServer | None = None


setup = Setup()


def configure(server: dict[str, Any] | None) -> None:
    """Set the server, as the arguments of `SmtpServer`; None to send no e-mail."""
    setup.server = SmtpServer(**server) if server else None


def is_configured() -> bool:
    """Whether a server is configured."""
    return setup.server is not None


def send(to: str, subject: str, text: str, is_dry_run: bool = False) -> None:
    """Send an e-mail. Raises OSError, of which the errors of smtplib and TLS are subclasses.

    A dry run does everything except naming the recipient and sending the message, so that it takes as long.
    """
    server = setup.server
    if server is None:
        raise OSError("no e-mail server is named in the settings")
    email = EmailMessage()
    email["From"] = server.sender
    email["To"] = to
    email["Subject"] = subject
    email["Date"] = formatdate()
    email["Message-ID"] = make_msgid(domain=server.domain)
    # Prevents automatic replies (RFC 3834, 5).
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(text)
    with connect(server) as smtp:
        if server.user:
            smtp.login(server.user, server.password)
        if is_dry_run:
            email.as_bytes()
            smtp.ehlo_or_helo_if_needed()
            smtp.mail(parseaddr(server.sender)[1])
            smtp.rset()
        else:
            smtp.send_message(email)


def connect(server: SmtpServer) -> smtplib.SMTP:
    """Connect as securely as configured. Invalid certificates are refused."""
    context = ssl.create_default_context()
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, server.domain, timeout=TIMEOUT_SECONDS, context=context)
    smtp = smtplib.SMTP(server.host, server.port, server.domain, timeout=TIMEOUT_SECONDS)
    if server.security == "starttls":
        try:
            smtp.starttls(context=context)
        except OSError:
            # Never fall back to plain text: an attacker may have stripped STARTTLS.
            smtp.close()
            raise
    return smtp
