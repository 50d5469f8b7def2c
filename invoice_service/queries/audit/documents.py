"""What the documents of all kinds have in common: canonical bytes that their entry commits to, and a form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.ledger import canonical
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, body_commitment
from invoice_service.queries.audit.differs import Differs, alike, holds
from invoice_service.queries.audit.issuer import Issuer

Lines = Mapping[str, Sequence[Row[Any]]]


@dataclass(frozen=True, slots=True)
class Documents:
    """One kind's: in which word it is told, how a batch is read by its facts, what each must be.

    `check` raises Differs with the first thing that does not fit; a body without the form of its kind may
    also make it fail as such (`UNFORMED`).
    """

    word: str
    read: Callable[[Connection, Sequence[str]], Mapping[str, Any]]
    check: Callable[[Connection, Issuer, Entry, Any], None]


HEADING = ("the body's type", "the body's version", "the body's issuer")
BUYER = ("the entry's claim address", "the entry's buyer commitment")
UNFORMED = (KeyError, TypeError, ValueError, AttributeError, StopIteration)


def opened(body: bytes, salt: bytes, entry: Entry, issuer: Issuer, of_type: str) -> dict[str, Any]:
    """The body, where its entry commits to it and it says whose and what it is. Raises Differs."""
    holds(body_commitment(salt, body) == entry.body_commitment, "the body is not what its entry commits to")
    document = value(body, "the body")
    alike(HEADING, (document["type"], document["version"], document["issuer"]), (of_type, 1, issuer.hex))
    return document


def value(data: bytes, what: str) -> dict[str, Any]:
    """Of canonical bytes of an object. Raises Differs."""
    try:
        found = canonical.decode(data)
    except canonical.NotCanonical as error:
        raise Differs(f"{what} is not canonical JSON: {error}") from error
    if not isinstance(found, dict):
        raise Differs(f"{what} is no object")
    return found


def without_buyer(entry: Entry) -> None:
    """Only an invoice's entry has a claim address and a buyer."""
    alike(BUYER, (entry.claim_address, entry.buyer_commitment), (NO_ADDRESS, NO_COMMITMENT))


def by_fact(rows: Iterable[Row[Any]]) -> Lines:
    grouped: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row.fact].append(row)
    return grouped
