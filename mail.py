"""E-mail: how a letter goes out. Where the settings name no server, none does."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

SECONDS = 10


@dataclass(frozen=True)
class Server:
    """Who takes letters. `security` is `tls` from the first byte, `starttls`, or `none` on this machine alone."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    security: str = "starttls"

    @property
    def domain(self) -> str:
        """What this side calls itself: the part of the sender's address that names a host."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


class Ours:
    server: Server | None = None


def use(server: dict[str, Any] | None) -> None:
    """Hand in what `Server` is made from; None where no letters go out."""
    Ours.server = Server(**server) if server else None


def is_possible() -> bool:
    """Whether letters go out at all."""
    return Ours.server is not None


def send(to: str, subject: str, text: str) -> None:
    """Hand a letter to the server. Raises OSError (smtplib's errors and those of TLS are such)."""
    server = Ours.server
    if server is None:
        raise OSError("no e-mail server is named in the settings")
    letter = EmailMessage()
    letter["From"] = server.sender
    letter["To"] = to
    letter["Subject"] = subject
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain=server.domain)
    # No holiday notice answers it (RFC 3834, 5).
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text)
    with connected(server) as smtp:
        if server.user:
            smtp.login(server.user, server.password)
        smtp.send_message(letter)


def connected(server: Server) -> smtplib.SMTP:
    """A connection as safe as the settings ask for: a certificate that does not hold is refused."""
    context = ssl.create_default_context()
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, server.domain, timeout=SECONDS, context=context)
    smtp = smtplib.SMTP(server.host, server.port, server.domain, timeout=SECONDS)
    if server.security == "starttls":
        try:
            smtp.starttls(context=context)
        except OSError:
            # Nothing goes out in the clear because somebody in between took the offer away.
            smtp.close()
            raise
    return smtp
