"""What a market's sellers attested: documents with their entries, streamed; and the register beside them.

A day of a large market is a hundred thousand sales. They are read once, in order of time, through an index of
each vendor's, a few thousand rows at a time, so that memory holds only what the rules keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from invoice_service.domain.authorisation import DAY_MINUTES
from invoice_service.domain.period import DAY, midnight
from invoice_service.ledger.entry import Kind

AT_ONCE = 2_000  # rows that a cursor fetches

# Where an entry stands, and when a block first covered it.
_ENTRY = """
    LEFT JOIN log_entries AS e ON e.kind = :kind AND e.fact = {fact}
    LEFT JOIN outbox AS q ON e.index IS NULL AND q.kind = :kind AND q.fact = {fact}
    LEFT JOIN LATERAL (
        SELECT min(block_time) AS anchored_at FROM (
            SELECT (SELECT s.block_time FROM submissions AS s
                    WHERE s.epoch_id = ep.id AND s.status IN ('mined', 'final') AND s.new_size > e.index
                    ORDER BY s.new_size LIMIT 1) AS block_time
            FROM epochs AS ep WHERE ep.opened_size <= e.index) AS heads) AS head ON TRUE
"""
_SALES = text(f"""
    SELECT o.id::text AS fact, o.vendor_id, s.body, s.salt, s.line_rules, s.amount_fen, i.number,
           i.issued_at, coalesce(e.entry, q.entry) AS entry, e.index, head.anchored_at
    FROM orders AS o
    JOIN sales AS s ON s.order_id = o.id
    LEFT JOIN invoices AS i ON i.order_id = o.id
    {_ENTRY.format(fact="o.id::text")}
    WHERE o.vendor_id = ANY(:vendor_ids) AND o.paid_at >= :begins AND o.paid_at < :ends
    ORDER BY o.paid_at, o.id
""")  # noqa: S608 - our own joins
_INVOICES = text(f"""
    SELECT i.number AS fact, i.order_id::text AS order_id, i.vendor_id, i.body, i.body_salt AS salt,
           i.total_fen AS amount_fen, b.document AS buyer, b.salt AS buyer_salt,
           coalesce(e.entry, q.entry) AS entry, e.index, head.anchored_at
    FROM invoices AS i
    JOIN buyer_documents AS b ON b.number = i.number
    {_ENTRY.format(fact="i.number")}
    WHERE i.vendor_id = ANY(:vendor_ids) AND i.issued_at >= :begins AND i.issued_at < :ends
    ORDER BY i.issued_at, i.number
""")  # noqa: S608 - our own joins
_REFUNDS = text(f"""
    SELECT r.id::text AS fact, r.order_id::text AS order_id, r.vendor_id, s.code AS stall, r.body, r.salt,
           r.amount_fen, (SELECT sum(l.net_fen)::bigint FROM refund_lines AS l
                          WHERE l.refund_id = r.id) AS counted_fen,
           coalesce(e.entry, q.entry) AS entry, e.index, head.anchored_at
    FROM refunds AS r
    JOIN orders AS o ON o.id = r.order_id
    JOIN stalls AS s ON s.id = o.stall_id
    {_ENTRY.format(fact="r.id::text")}
    WHERE r.vendor_id = ANY(:vendor_ids) AND r.paid_back_at >= :begins AND r.paid_back_at < :ends
    ORDER BY r.paid_back_at, r.id
""")  # noqa: S608 - our own joins
_HISTORY = text("""
    SELECT (h.hour AT TIME ZONE 'Asia/Shanghai')::date AS day, h.vendor_id, s.code AS stall,
           sum(h.orders)::bigint AS orders, sum(h.exempt_fen + h.taxable_net_fen)::bigint AS counted_fen,
           sum(h.amount_fen)::bigint AS amount_fen
    FROM vendor_hours AS h JOIN stalls AS s ON s.id = h.stall_id
    WHERE h.market_id = :market_id AND h.hour >= :begins AND h.hour < :ends
      AND (h.orders > 0 OR h.amount_fen <> 0)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_SELLERS = text("""
    SELECT id, name_zh, taxpayer_kind, tax_period, licensed_classes FROM vendors
    WHERE market_id = :market_id ORDER BY id
""")
_PLACES = text("""
    SELECT s.code, s.is_open, EXISTS (
               SELECT FROM stall_codes AS c WHERE c.stall_id = s.id AND c.replaced_at IS NULL) AS has_code,
           (SELECT min(a.vendor_id) FROM authorisations AS a
            WHERE a.stall_id = s.id AND a.days @> CAST(:day AS date)
              AND a.minutes && int4multirange(int4range(:from_minute, :to_minute))) AS vendor_id
    FROM stalls AS s WHERE s.market_id = :market_id ORDER BY s.code
""")
_GOODS = text("""
    SELECT DISTINCT vendor_id, name_zh, tax_class FROM vendor_goods_days
    WHERE market_id = :market_id AND day BETWEEN :first_day AND :last_day ORDER BY 1, 2, 3
""")


def sales(
    connection: Connection, vendor_ids: Sequence[int], first_day: date, last_day: date
) -> Iterator[RowMapping]:
    """Paid in those days; wants a transaction, in which it keeps a cursor."""
    return _streamed(connection, _SALES, Kind.SALE, vendor_ids, first_day, last_day)


def invoices(
    connection: Connection, vendor_ids: Sequence[int], first_day: date, last_day: date
) -> Iterator[RowMapping]:
    """Issued in those days."""
    return _streamed(connection, _INVOICES, Kind.INVOICE, vendor_ids, first_day, last_day)


def refunds(
    connection: Connection, vendor_ids: Sequence[int], first_day: date, last_day: date
) -> Iterator[RowMapping]:
    """Paid back in those days."""
    return _streamed(connection, _REFUNDS, Kind.REFUND, vendor_ids, first_day, last_day)


def history(connection: Connection, market_id: int, first_day: date, last_day: date) -> Sequence[RowMapping]:
    """A row a day, vendor and stall at which anything was sold or went back: what is left of it."""
    values = {"market_id": market_id, "begins": midnight(first_day), "ends": midnight(last_day + DAY)}
    return connection.execute(_HISTORY, values).mappings().all()


def sellers(connection: Connection, market_id: int) -> Sequence[RowMapping]:
    return connection.execute(_SELLERS, {"market_id": market_id}).mappings().all()


def places(connection: Connection, market_id: int, day: date) -> Sequence[RowMapping]:
    """Stalls with who was authorised there on a day, at whatever hour."""
    minute = day.weekday() * DAY_MINUTES
    values = {"market_id": market_id, "day": day, "from_minute": minute, "to_minute": minute + DAY_MINUTES}
    return connection.execute(_PLACES, values).mappings().all()


def goods(connection: Connection, market_id: int, first_day: date, last_day: date) -> Sequence[RowMapping]:
    """As which tax class each vendor sold what."""
    values = {"market_id": market_id, "first_day": first_day, "last_day": last_day}
    return connection.execute(_GOODS, values).mappings().all()


def _streamed(
    connection: Connection,
    statement: Any,
    kind: Kind,
    vendor_ids: Sequence[int],
    first_day: date,
    last_day: date,
) -> Iterator[RowMapping]:
    values = {
        "kind": int(kind),
        "vendor_ids": list(vendor_ids),
        "begins": midnight(first_day),
        "ends": midnight(last_day + DAY),
    }
    found = connection.execute(statement, values, execution_options={"yield_per": AT_ONCE})
    yield from found.mappings()
