"""Put a fact into the outbox: make its entry, sign it, and write both in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from invoice_service.keyring import Keyring
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind
from invoice_service.ledger.keys import sign_p256
from invoice_service.store import outbox


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """`fact` (an order id, an invoice number) names what became true; `entry` 133 bytes, `signature` 64."""

    kind: Kind
    fact: str
    entry: bytes
    signature: bytes


def sign_entry(
    keyring: Keyring,
    kind: Kind,
    fact: str,
    *,
    body_commitment: bytes,
    instant: datetime,
    buyer_commitment: bytes = NO_COMMITMENT,
    claim_address: bytes = NO_ADDRESS,
) -> SignedEntry:
    entry = Entry(
        kind=kind,
        issuer_id=keyring.issuer_id,
        claim_address=claim_address,
        body_commitment=body_commitment,
        buyer_commitment=buyer_commitment,
        instant_ms=int(instant.timestamp() * 1000),
    ).encode()
    return SignedEntry(kind, fact, entry, sign_p256(keyring.entry, entry))


def record(connection: Connection, signed: SignedEntry) -> None:
    """A fact is recorded once per kind: the database refuses a second."""
    outbox.add(connection, kind=signed.kind, fact=signed.fact, entry=signed.entry, signature=signed.signature)
