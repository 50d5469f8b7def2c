"""A CLAIM or a RELEASE: the body says what the event said that was taken in from the contract.

Its instant is that of the block in which the event was first seen as final. A chain that loses blocks can
hold the same event in a later one; that is kept beside it, and does not change what was attested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.domain.invoice import instant_text
from invoice_service.domain.standing import Change
from invoice_service.ledger.entry import Entry, body_commitment
from invoice_service.queries.audit.differs import alike, same
from invoice_service.queries.audit.documents import Documents, opened, without_buyer
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit

SAID = ("invoice", "claim_address", "claimant", "epoch", "transaction", "place", "at")
NAMES = tuple(f"the body's {name}" for name in SAID)
MAX_DIGITS = 18  # an id is a signed 64-bit integer


def _read(connection: Connection, facts: Sequence[str]) -> Mapping[str, Row[Any]]:
    ids = [int(fact) for fact in facts if fact.isascii() and fact.isdigit() and len(fact) <= MAX_DIGITS]
    return {row.fact: row for row in audit.claims(connection, ids)}


def _check(issuer: Issuer, entry: Entry, row: Row[Any], change: Change, of_type: str) -> None:
    same(row.change, change.value, "what the event was")
    without_buyer(entry)
    body = opened(row.body, row.salt, entry, issuer, of_type)
    same(bytes(row.commitment), entry.body_commitment, "column commitment")
    kept = (body_commitment(row.body_salt, row.invoice_body), row.claim_address, row.claimant, row.epoch)
    at = instant_text(datetime.fromtimestamp(entry.instant_ms / 1000, UTC))
    wanted = (*(bytes(one).hex() for one in (*kept, row.tx_hash)), row.place, at)
    alike(NAMES, tuple(body[name] for name in SAID), wanted)


def _check_claim(_connection: Connection, issuer: Issuer, entry: Entry, row: Row[Any]) -> None:
    _check(issuer, entry, row, Change.CLAIMED, "claim")


def _check_release(_connection: Connection, issuer: Issuer, entry: Entry, row: Row[Any]) -> None:
    _check(issuer, entry, row, Change.RELEASED, "release")


CLAIMS = Documents("claim", _read, _check_claim)
RELEASES = Documents("release", _read, _check_release)
