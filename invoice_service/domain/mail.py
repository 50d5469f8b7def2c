"""An invoice by e-mail: which addresses are taken, and how much mail one invoice and one address may cause.

An address is a name, an @ and a domain in plain ASCII, as every mail server takes it: no quotes, no display
names, no line ends, nothing that a header could be made of. Who mails invoices to strangers is slowed down.
"""

from __future__ import annotations

import re

from invoice_service.errors import N_, Error, InvalidInput, NotFound

ADDRESS_MAX = 254  # RFC 5321, as its errata count it
TRIES = 6
RETRY_AFTER_S = (60, 300, 1_800, 7_200, 21_600, 21_600)  # after each try; the last one: given up
ADDRESS_WRONG = N_("Please enter one address, such as name@example.com.")

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(
    rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]", re.ASCII
)


class BadAddress(InvalidInput):
    code = "mail.bad_address"
    message = ADDRESS_WRONG


class TooManyMails(Error):
    code = "mail.too_many"
    message = N_("Enough mails were sent for today. Please save the file instead, or try again tomorrow.")
    status = 429


class NoMail(NotFound):
    code = "mail.off"
    message = N_("This installation sends no mail.")


def read_address(text: str) -> str:
    """Without outer spaces, its domain in lower case. Raises BadAddress."""
    address = text.strip(" ")
    if len(address) > ADDRESS_MAX or not _ADDRESS.fullmatch(address):
        raise BadAddress({"address": ADDRESS_WRONG})
    name, _, domain = address.rpartition("@")
    return f"{name}@{domain.lower()}"
