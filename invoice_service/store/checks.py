"""Checks of piles, and their items one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text

from invoice_service.store.check_tables import check_items, checks

_ONE = select(checks)
_ITEMS = text("""
    SELECT n, name, number, day, total, same_as, verdict, problem, total_fen, issued_at, seller, steps, kind
    FROM check_items WHERE check_id = :check_id ORDER BY n
""")
_WAITING = text("""
    SELECT n, name, data, number, day, total, kind FROM check_items
    WHERE check_id = :check_id AND verdict IS NULL ORDER BY n LIMIT :most
""")
_CHECKED = text("""
    UPDATE check_items SET data = NULL, verdict = :verdict, number = :number, total_fen = :total_fen,
                           issued_at = :issued_at, seller = :seller, steps = CAST(:steps AS jsonb),
                           problem = :problem, checked_at = :checked_at
    WHERE check_id = :check_id AND n = :n AND verdict IS NULL
""")
_PROGRESS = text("""
    SELECT count(*) FILTER (WHERE verdict IS NOT NULL) AS done, count(*) AS size
    FROM check_items WHERE check_id = :check_id
""")
_LATEST = text("""
    SELECT c.id, c.reason, c.size, c.created_at,
           (SELECT count(*) FROM check_items AS i WHERE i.check_id = c.id AND i.verdict IS NULL) AS waiting
    FROM checks AS c WHERE c.account_id = :account_id ORDER BY c.id DESC LIMIT :most
""")
_GUESSES = text("""
    SELECT count(*) FROM check_items AS i JOIN checks AS c ON c.id = i.check_id
    WHERE c.account_id = :account_id AND c.created_at > :since AND i.kind IN ('facts', 'number')
      AND i.verdict = 'unknown'
""")
# Whose an invoice is, for the record of the look; and what is known of one by its number alone.
_INVOICE = text("""
    SELECT i.number, i.market_id, i.vendor_id, i.issued_at, i.total_fen, m.region, v.name_zh AS seller
    FROM invoices AS i JOIN markets AS m ON m.id = i.market_id JOIN vendors AS v ON v.id = i.vendor_id
    WHERE i.number = :number
""")


def add(connection: Connection, values: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> int:
    """Answers the check's id."""
    check_id: int = connection.execute(insert(checks).returning(checks.c.id), values).scalar_one()
    connection.execute(insert(check_items), [{"check_id": check_id, **item} for item in items])
    return check_id


def one(connection: Connection, check_id: int) -> RowMapping | None:
    return connection.execute(_ONE.where(checks.c.id == check_id)).mappings().first()


def items(connection: Connection, check_id: int) -> Sequence[RowMapping]:
    """Without the files' bytes."""
    return connection.execute(_ITEMS, {"check_id": check_id}).mappings().all()


def waiting(connection: Connection, check_id: int, most: int) -> Sequence[RowMapping]:
    return connection.execute(_WAITING, {"check_id": check_id, "most": most}).mappings().all()


def keep(connection: Connection, check_id: int, n: int, result: Mapping[str, Any]) -> bool:
    """False where somebody else was quicker."""
    return connection.execute(_CHECKED, {"check_id": check_id, "n": n, **result}).rowcount == 1


def progress(connection: Connection, check_id: int) -> tuple[int, int]:
    """(done, of how many)."""
    row = connection.execute(_PROGRESS, {"check_id": check_id}).one()
    return row.done, row.size


def latest(connection: Connection, account_id: int, most: int) -> Sequence[RowMapping]:
    return connection.execute(_LATEST, {"account_id": account_id, "most": most}).mappings().all()


def wrong_guesses(connection: Connection, account_id: int, since: datetime) -> int:
    """How many numbers that an account asked about were none."""
    found: int = connection.execute(_GUESSES, {"account_id": account_id, "since": since}).scalar_one()
    return found


def invoice(connection: Connection, number: str) -> RowMapping | None:
    return connection.execute(_INVOICE, {"number": number}).mappings().first()
