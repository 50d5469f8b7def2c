"""Mail by SMTP: encrypted before anything is said, since a message is an invoice and an address.

The server is `SMTP_URL`: `smtp://user:password@host:587` begins with STARTTLS and takes no for no answer,
`smtps://host:465` is TLS from the start, and `smtp+plain://` is for a relay on this machine only.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from invoice_service.mail.post import MailRefused, MailUnavailable

_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_FOR_GOOD = 500  # replies from here on (RFC 5321 section 4.2.1)


class BadServer(ValueError):
    """What is wrong with an SMTP_URL; never the URL, in which a password stands."""


@dataclass(frozen=True, slots=True)
class Server:
    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)


def read_server(url: str) -> Server:
    """Raises BadServer."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise BadServer("it cannot be read") from None
    if parts.scheme not in _PORTS or not host:
        raise BadServer(f"it begins with one of {', '.join(_PORTS)}, and names a host")
    if parts.scheme == "smtp+plain" and not _is_this_machine(host):
        raise BadServer("without encryption it may only name this machine")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (_is_name(host) and user.isascii() and password.isascii()):
        raise BadServer("its host is no name, or user and password are not plain ASCII")
    return Server(parts.scheme, host, port, user, password)


def _is_name(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class SmtpPost:
    """One connection a message: mails are few, and a kept connection is one more thing that breaks."""

    def __init__(self, server: Server, *, ca_file: str = "", timeout_s: float) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cafile=ca_file or None)
        self._timeout_s = timeout_s

    def send(self, message: EmailMessage) -> None:
        """Raises MailRefused, MailUnavailable: from nothing, since what they come from quotes the address."""
        try:
            self._send(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise (MailRefused if min(codes) >= _FOR_GOOD else MailUnavailable) from None
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            raise (MailRefused if error.smtp_code >= _FOR_GOOD else MailUnavailable) from None
        except OSError:  # smtplib's own are among them, and a time-out, a wrong certificate, a wrong password
            raise MailUnavailable from None

    def try_out(self) -> None:
        """All that comes before a message, and none. Raises MailUnavailable."""
        try:
            with self._signed_in():
                pass
        except OSError:
            raise MailUnavailable from None

    def _send(self, message: EmailMessage) -> None:
        with self._signed_in() as connection:
            connection.send_message(message)

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        connection = self._connected()
        try:
            if self._server.scheme == "smtp":
                connection.starttls(context=self._tls)
            if self._server.user:
                connection.login(self._server.user, self._server.password)
            yield connection
        finally:
            with suppress(OSError):  # it has been taken: how they part is nobody's concern
                connection.quit()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.scheme == "smtps":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout_s, context=self._tls)
        return smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
