"""How often somebody may guess: five wrong answers a quarter of an hour for one account.

An attempt is written down as failed *before* the answer is looked at, in a transaction of its own, and taken
back where the answer was right. So ten guesses at the same instant are ten rows that each of them sees when
it counts: at most five are looked at. Counting first and writing afterwards would let all ten through.

A whole market sits behind one address, so an address may fail a hundred times, and whoever comes with a
device that has signed in to that account before is neither held back by the address nor by what strangers
guess: the caller names them another subject (`known_device`).
"""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from sqlalchemy import Connection

from invoice_service.errors import N_, Error
from invoice_service.services import Services
from invoice_service.store import attempts

WINDOW = timedelta(minutes=15)
PER_SUBJECT = 5
PER_ADDRESS = 100


class TooManyAttempts(Error):
    code = "attempts.too_many"
    message = N_("Too many attempts. Please wait a quarter of an hour and try again.")
    status = 429
    retry_after_s = int(WINDOW.total_seconds())


def begin(services: Services, subject: str, address: str, *, known_device: bool = False) -> None:
    """Count one attempt as failed, before its answer is looked at; `forget` it where that was right.

    Raises TooManyAttempts; a refused attempt is not counted, or waiting would never end.
    """
    since, network = services.clock() - WINDOW, _network(address)
    with services.database.unit_of_work() as uow:
        attempts.sweep(uow.connection, since)
        attempt = attempts.add(uow.connection, subject, network, services.clock())
        uow.commit()
    with services.database.unit_of_work() as uow:
        of_subject = attempts.count(uow.connection, since=since, subject=subject)
        of_address = 0 if known_device else attempts.count(uow.connection, since=since, address=network)
        if of_subject <= PER_SUBJECT and of_address <= PER_ADDRESS:
            return
        attempts.remove(uow.connection, attempt)
        uow.commit()
    raise TooManyAttempts


def forget(connection: Connection, subject: str) -> None:
    """Somebody proved who they are: what they mistyped before no longer counts."""
    attempts.remove_all(connection, subject)


def _network(address: str) -> str:
    """One line to the internet: an IPv4 address, or the /64 that a line has of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
