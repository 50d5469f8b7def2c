"""Taking a buyer out of every row that holds them. The invoice, its commitments and its proofs stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, text

_LOCK = text("""
    SELECT i.number, i.order_id::text AS order_id, i.market_id, i.vendor_id, b.erased_at
    FROM invoices AS i JOIN buyer_documents AS b ON b.number = i.number
    WHERE i.number = :number FOR UPDATE OF b
""")
_ERASE = text("""
    UPDATE buyer_documents SET document = NULL, salt = NULL, erased_at = :now WHERE number = :number
""")
# The hash of a request without a salt: whoever guesses the buyer's name would find it confirmed.
_FORGET_REQUESTS = text("DELETE FROM idempotency_keys WHERE scope = :scope AND result = :order_id")
# Findings name a company whose invoices they are about: evidence of a case, which the tax office keeps.
_FINDINGS = text("SELECT count(*) FROM findings WHERE figures ? 'buyer' AND records ? :number")
# Files that officers brought and that were not checked yet, which can be this invoice's.
_UNCHECKED = text("""
    SELECT check_id, n, data FROM check_items WHERE verdict IS NULL AND data IS NOT NULL FOR UPDATE
""")
_BY_NUMBER = text("""
    UPDATE check_items SET data = NULL, number = :number, kind = 'number'
    WHERE check_id = :check_id AND n = :n AND verdict IS NULL
""")


def lock(connection: Connection, number: str) -> Row | None:  # type: ignore[type-arg]
    """Whose invoice it is, and when its buyer was erased; None where there is no such invoice."""
    return connection.execute(_LOCK, {"number": number}).first()


def erase(connection: Connection, number: str, now: datetime) -> None:
    connection.execute(_ERASE, {"number": number, "now": now})


def forget_requests(connection: Connection, scope: str, order_id: str) -> None:
    connection.execute(_FORGET_REQUESTS, {"scope": scope, "order_id": order_id})


def findings_of(connection: Connection, number: str) -> int:
    """How many findings of the tax office name the company that bought, this invoice being one of theirs."""
    found: int = connection.execute(_FINDINGS, {"number": number}).scalar_one()
    return found


def unchecked_files(connection: Connection) -> Sequence[Row]:  # type: ignore[type-arg]
    return connection.execute(_UNCHECKED).all()


def check_by_number(connection: Connection, check_id: int, n: int, number: str) -> None:
    """Instead of by the file, which goes."""
    connection.execute(_BY_NUMBER, {"check_id": check_id, "n": n, "number": number})
