"""What an audit reads of refunds and credit notes, and what must be true of all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from invoice_service.store.audit import MOST

Rows = Sequence[Row[Any]]

_GIVEN_UP = "r.status NOT IN ('lapsed', 'refused')"
_REFUNDS = text("""
    SELECT r.id::text AS fact, r.order_id::text AS order_id, r.reason, r.amount_fen, r.paid_back_at, r.body,
           r.salt, r.commitment, s.commitment AS sale, n.commitment AS note, p.provider
    FROM refunds AS r
    JOIN sales AS s ON s.order_id = r.order_id
    JOIN payments AS p ON p.id = r.payment_id
    LEFT JOIN credit_notes AS n ON n.refund_id = r.id
    WHERE r.id = ANY(:facts)
""")
_NOTES = text("""
    SELECT n.number AS fact, n.refund_id::text AS refund, n.invoice_number, n.notes, n.whole, n.body,
           n.body_salt, n.commitment, n.net_fen, n.tax_fen, n.total_fen, n.issued_at, r.reason,
           r.amount_fen AS paid_back_fen, e.note AS noted, e.whole AS noted_whole,
           i.body AS invoice_body, i.body_salt AS invoice_salt
    FROM credit_notes AS n
    JOIN refunds AS r ON r.id = n.refund_id
    JOIN invoices AS i ON i.number = n.invoice_number
    LEFT JOIN chain_events AS e ON e.id = n.event_id AND e.number = n.invoice_number
    WHERE n.number = ANY(:facts)
""")
_LINES = text("""
    SELECT l.refund_id::text AS fact, l.n, trim_scale(l.quantity)::text AS quantity, l.amount_fen, l.net_fen,
           l.tax_fen, l.rule
    FROM refund_lines AS l WHERE l.refund_id = ANY(:facts) ORDER BY l.refund_id, l.n
""")
_RETURNED = text(f"""
    SELECT l.order_id::text AS order_id, l.n FROM order_lines AS l
    LEFT JOIN (SELECT r.order_id, p.n, sum(p.amount_fen) AS fen, sum(coalesce(p.quantity, 0)) AS quantity
               FROM refunds AS r JOIN refund_lines AS p ON p.refund_id = r.id
               WHERE {_GIVEN_UP} GROUP BY r.order_id, p.n) AS back
           ON back.order_id = l.order_id AND back.n = l.n
    WHERE (l.returned_fen, l.returned_quantity) <> (coalesce(back.fen, 0), coalesce(back.quantity, 0))
    ORDER BY l.order_id, l.n LIMIT :most
""")  # noqa: S608 - our own columns
_KEPT = text(f"""
    SELECT s.order_id::text AS order_id FROM sales AS s
    LEFT JOIN (SELECT r.order_id, sum(r.amount_fen) AS fen FROM refunds AS r
               WHERE r.invoice_number IS NULL AND {_GIVEN_UP} GROUP BY r.order_id) AS back
           ON back.order_id = s.order_id
    WHERE s.kept_fen <> s.amount_fen - coalesce(back.fen, 0) ORDER BY s.order_id LIMIT :most
""")  # noqa: S608 - our own columns
_NOT_IN_FORCE = text("""
    SELECT n.number, r.status FROM credit_notes AS n JOIN refunds AS r ON r.id = n.refund_id
    WHERE n.event_id IS NULL ORDER BY n.number LIMIT :most
""")


def refunds(connection: Connection, ids: Sequence[UUID]) -> tuple[Rows, Rows]:
    """(refunds that were paid back, with what stands beside them; their lines)."""
    values = {"facts": list(ids)}
    return connection.execute(_REFUNDS, values).all(), connection.execute(_LINES, values).all()


def notes(connection: Connection, numbers: Sequence[str]) -> tuple[Rows, Rows]:
    """(credit notes with what stands beside them; the lines of their refunds)."""
    found = connection.execute(_NOTES, {"facts": list(numbers)}).all()
    lines = connection.execute(_LINES, {"facts": [UUID(row.refund) for row in found]}).all()
    return found, lines


def miscounted_lines(connection: Connection) -> Rows:
    """(order_id, n) of lines whose returned amount or quantity is not what their refunds come to."""
    return connection.execute(_RETURNED, {"most": MOST}).all()


def miscounted_sales(connection: Connection) -> Sequence[str]:
    """Orders of which an invoice would be for another amount than was left."""
    return connection.execute(_KEPT, {"most": MOST}).scalars().all()


def not_in_force(connection: Connection) -> Rows:
    """(number, the refund's status) of credit notes that were drawn up and are not in force."""
    return connection.execute(_NOT_IN_FORCE, {"most": MOST}).all()
