"""A mail server on loopback that misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.stack import free_port

USER, PASSWORD = "sender", "a password: with /@ in it"


@dataclass
class MailServer:
    """`answers` are what it says to the next messages, first the first; then it takes what comes."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    taken: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return f"550 no such mailbox: {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "hang":
            await asyncio.sleep(2)
        if not answer.startswith(("4", "5")):
            self.taken.append(message_from_bytes(envelope.content, policy=WIRE))  # type: ignore[arg-type]
        if answer == "lose":
            server.transport.close()
        return "250 OK" if answer in ("hang", "lose") else answer


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == right, handled=True)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """With `tls`, it wants STARTTLS first, and a password."""
    handler = MailServer()
    secure = {"tls_context": tls, "require_starttls": True, "auth_required": True, "authenticator": _login}
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **(secure if tls else {}))
    controller.start()
    handler.port = controller.port
    try:
        yield handler
    finally:
        controller.stop()
