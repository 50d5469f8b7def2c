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
    with services.database.unit_of_work() as uow:
        attempt = failed(uow.connection, services, subject, address)
        uow.commit()
    with services.database.unit_of_work() as uow:
        allowed = PER_SUBJECT, PER_ADDRESS
        if _within(uow.connection, services, subject, "" if known_device else address, *allowed):
            return
        attempts.remove(uow.connection, attempt)
        uow.commit()
    raise TooManyAttempts


def check(connection: Connection, services: Services, subject: str, address: str) -> None:
    """For secrets nobody can guess, where counting afterwards is enough. Raises TooManyAttempts."""
    if not _within(connection, services, subject, address, PER_SUBJECT - 1, PER_ADDRESS - 1):
        raise TooManyAttempts


def failed(connection: Connection, services: Services, subject: str, address: str) -> int:
    """Write a failed attempt down. Answers its id."""
    now = services.clock()
    attempts.sweep(connection, now - WINDOW)
    return attempts.add(connection, subject, _network(address), now)


def forget(connection: Connection, subject: str) -> None:
    """Somebody proved who they are: what they mistyped before no longer counts."""
    attempts.remove_all(connection, subject)


def _within(
    connection: Connection, services: Services, subject: str, address: str, most: int, most_by_address: int
) -> bool:
    since = services.clock() - WINDOW
    if attempts.count(connection, since=since, subject=subject) > most:
        return False
    if not address:
        return True
    return attempts.count(connection, since=since, address=_network(address)) <= most_by_address


def _network(address: str) -> str:
    """One line to the internet: an IPv4 address, or the /64 that a line has of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
