"""What carries a message away, and how that fails.

Nothing that a mail server says is repeated: its words quote addresses, and addresses are kept out of logs.
"""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

from invoice_service.errors import N_, Error, Unavailable


class MailUnavailable(Unavailable):
    """It may have been delivered: the answer can be lost after a server took the message."""

    code = "mail.unavailable"
    message = N_("The mail server is not answering right now.")


class MailRefused(Error):
    """For good: sending it again would be refused again."""

    code = "mail.refused"
    message = N_("The mail server refused this message.")
    status = 502


class Post(Protocol):
    def send(self, message: EmailMessage) -> None:
        """Raises MailRefused, MailUnavailable."""
        ...

    def try_out(self) -> None:
        """Find out whether a message could be sent. Raises MailUnavailable."""
        ...
