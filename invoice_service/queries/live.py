"""What open pages wait for: a short mark per order or invoice that changes when the page would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text

from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import PeriodKind, period_of
from invoice_service.domain.token import fingerprint
from invoice_service.ledger.entry import Kind
from invoice_service.queries.ledger_state import ledger_states
from invoice_service.services import Services

_ORDER_MARKS = text("""
    SELECT o.token_hash, o.status, (SELECT count(*) FROM payments AS p WHERE p.order_id = o.id) AS payments
    FROM orders AS o WHERE o.token_hash = ANY(:hashes)
""")
_NUMBERS = text("SELECT token_hash, number FROM invoices WHERE token_hash = ANY(:hashes)")
_VENDORS = text("""
    SELECT vendor_id, sum(orders) AS orders, sum(invoices) AS invoices, sum(amount_fen) AS amount_fen
    FROM vendor_hours
    WHERE vendor_id = ANY(:ids) AND hour >= :begins AND hour < :ends GROUP BY vendor_id
""")


def order_marks(services: Services, tokens: Sequence[str]) -> dict[str, str]:
    by_hash = {fingerprint(token): token for token in tokens}
    with services.database.read() as connection:
        rows = connection.execute(_ORDER_MARKS, {"hashes": list(by_hash)}).all()
    return {by_hash[bytes(row.token_hash)]: f"{row.status} {row.payments}" for row in rows}


def invoice_marks(services: Services, tokens: Sequence[str]) -> dict[str, str]:
    by_hash = {fingerprint(token): token for token in tokens}
    with services.database.read() as connection:
        found = connection.execute(_NUMBERS, {"hashes": list(by_hash)}).all()
        by_number = {row.number: by_hash[bytes(row.token_hash)] for row in found}
        states = ledger_states(connection, Kind.INVOICE, list(by_number), now=services.clock())
    return {
        by_number[number]: f"{state.state} {state.block_number} {state.waiting}"
        for number, state in states.items()
    }


def vendor_marks(services: Services, vendor_ids: Sequence[str]) -> dict[str, str]:
    """Of each vendor's phone: another sale, invoice, refund or day. A market's phones are one query."""
    day = period_of(PeriodKind.DAY, business_day(services.clock()))
    values = {"ids": [int(one) for one in vendor_ids], "begins": day.begins, "ends": day.ends}
    with services.database.read() as connection:
        rows = connection.execute(_VENDORS, values).all()
    found = {
        str(row.vendor_id): vendor_mark(day.first_day, row.orders, row.invoices, row.amount_fen)
        for row in rows
    }
    return {one: found.get(one, vendor_mark(day.first_day, 0, 0, 0)) for one in vendor_ids}


def vendor_mark(day: date, orders: int, invoices: int, amount_fen: int) -> str:
    return f"{day} {orders} {invoices} {amount_fen}"
