"""A vendor's sums, orders and invoices, each by one statement over an index, whatever is asked about.

Figures are sums of rollups over ranges of instants: one statement answers as many ranges as a plot has bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from invoice_service.domain.authorisation import minute_of_week
from invoice_service.domain.figures import Figures
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import Period

Range = tuple[datetime, datetime]  # the first instant, and the first after it

_VENDOR = text("""
    SELECT v.id, v.market_id, v.name_zh, v.name_en, v.taxpayer_kind, v.tax_period, m.region,
           m.name_zh AS market_zh, m.name_en AS market_en,
           (SELECT ceiling_fen FROM allowances WHERE vendor_id = v.id) AS ceiling_fen,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('code', s.code, 'zh', s.name_zh,
                'en', s.name_en, 'is_open', s.is_open) ORDER BY s.code), '[]')
            FROM authorisations AS a JOIN stalls AS s ON s.id = a.stall_id
            WHERE a.vendor_id = v.id AND a.days @> CAST(:day AS date)
              AND a.minutes @> CAST(:minute AS integer)) AS stalls
    FROM vendors AS v JOIN markets AS m ON m.id = v.market_id
    WHERE v.id = :vendor_id
""")
_SUMS = text("""
    SELECT coalesce(sum(h.orders), 0)::bigint AS orders,
           coalesce(sum(h.amount_fen), 0)::bigint AS amount_fen,
           coalesce(sum(h.exempt_fen), 0)::bigint AS exempt_fen,
           coalesce(sum(h.taxable_net_fen), 0)::bigint AS taxable_net_fen,
           coalesce(sum(h.tax_fen), 0)::bigint AS tax_fen,
           coalesce(sum(h.invoices), 0)::bigint AS invoices,
           coalesce(sum(h.invoiced_fen), 0)::bigint AS invoiced_fen
    FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
         WITH ORDINALITY AS span(begins, ends, n)
    LEFT JOIN vendor_hours AS h
           ON h.vendor_id = :vendor_id AND h.hour >= span.begins AND h.hour < span.ends
    GROUP BY span.n ORDER BY span.n
""")
_GOODS = text("""
    SELECT name_zh, min(name_en) AS name_en, unit, tax_class, sum(lines)::bigint AS lines,
           sum(quantity) AS quantity, sum(amount_fen)::bigint AS amount_fen
    FROM vendor_goods_days
    WHERE vendor_id = :vendor_id AND day BETWEEN :first_day AND :last_day
    GROUP BY name_zh, unit, tax_class ORDER BY sum(amount_fen) DESC, name_zh, unit, tax_class
""")
_LINES = """
    (SELECT jsonb_agg(jsonb_build_object('sku', l.sku, 'zh', l.name_zh, 'en', l.name_en, 'unit', l.unit,
         'quantity', l.quantity::text, 'unit_price', l.unit_price::text, 'amount_fen', l.amount_fen,
         'left_fen', l.amount_fen - l.returned_fen,
         'left_quantity', (l.quantity - l.returned_quantity)::text) ORDER BY l.n)
     FROM order_lines AS l WHERE l.order_id = o.id) AS lines
"""
_ORDER_COLUMNS = f"""
    o.id, o.status, o.created_at, o.expires_at, o.paid_at, o.amount_fen, o.rounded_off_fen,
    o.keyed_by IS NOT NULL AS is_keyed, s.code AS stall_code, s.name_zh AS stall_zh, s.name_en AS stall_en,
    i.number, i.issued_at, {_LINES},
    (SELECT coalesce(sum(r.amount_fen), 0)::bigint FROM refunds AS r
     WHERE r.order_id = o.id AND r.paid_back_at IS NOT NULL) AS refunded_fen
"""  # noqa: S608 - our own columns
_ORDER_FROM = """
    FROM orders AS o
    JOIN stalls AS s ON s.id = o.stall_id
    LEFT JOIN invoices AS i ON i.order_id = o.id
"""
_LAST_PAID = text(f"""
    SELECT {_ORDER_COLUMNS}, p.provider {_ORDER_FROM}
    JOIN payments AS p ON p.order_id = o.id AND p.disposition = 'settles'
    WHERE o.vendor_id = :vendor_id AND o.paid_at IS NOT NULL
    ORDER BY o.paid_at DESC LIMIT :limit
""")
_ORDER = text(f"""
    SELECT {_ORDER_COLUMNS},
           (SELECT coalesce(jsonb_agg(jsonb_build_object('channel', p.provider,
                'transaction_id', p.transaction_id, 'amount_fen', p.amount_fen, 'paid_at', p.paid_at,
                'disposition', p.disposition, 'refunded_at', p.refunded_at) ORDER BY p.id), '[]')
            FROM payments AS p WHERE p.order_id = o.id) AS payments,
           EXISTS (SELECT FROM refunds AS r WHERE r.order_id = o.id) AS has_refunds
    {_ORDER_FROM}
    WHERE o.id = :order_id AND o.vendor_id = :vendor_id
""")  # noqa: S608 - our own columns
# What a list may be narrowed by: a value picks a clause that stands here, and goes in as a parameter.
_ORDER_FILTERS = {
    "after": "o.id < :after",
    "from_id": "o.id >= :from_id",
    "to_id": "o.id < :to_id",
    "status": "o.status = :status",
    "amount_fen": "o.amount_fen = :amount_fen",
}
# Said so that the planner goes down the index, order by order, until a page is full: with `OFFSET 0`, a whole
# pair to stop before, and a CASE. Of a join, a range and IS NULL it expects next to nothing: it reads a year.
_ITS_INVOICE = """
    LEFT JOIN LATERAL (
        SELECT number, issued_at FROM invoices WHERE order_id = o.id OFFSET 0) AS i ON TRUE
"""
_SALE_FILTERS = {
    "invoiced_yes": "CASE WHEN i.number IS NOT NULL THEN TRUE END",
    "invoiced_no": "CASE WHEN i.number IS NULL THEN TRUE END",
    "amount_fen": "o.amount_fen = :amount_fen",
}
_PAID_AT_STALL = text(f"""
    SELECT {_ORDER_COLUMNS} {_ORDER_FROM}
    WHERE o.vendor_id IN (SELECT vendor_id FROM vendor_hours
                          WHERE market_id = :market_id AND hour >= :hour AND stall_id = :stall_id)
      AND o.stall_id = :stall_id AND o.paid_at >= :since
    ORDER BY o.paid_at DESC, o.id DESC LIMIT :limit
""")  # noqa: S608 - our own columns
_INVOICE_FILTERS = {
    "after_number": "(i.issued_at, i.number) < (:after_at, :after_number)",
    "from_at": "i.issued_at >= :from_at",
    "to_at": "i.issued_at < :to_at",
    "amount_fen": "i.total_fen = :amount_fen",
}
_CHANNELS = text("""
    SELECT channel, sum(payments)::bigint AS payments, sum(paid_fen - refunded_fen)::bigint AS recorded_fen,
           sum(refunded_fen)::bigint AS refunded_fen
    FROM (SELECT p.provider AS channel, 1 AS payments, p.amount_fen AS paid_fen, 0 AS refunded_fen
          FROM orders AS o JOIN payments AS p ON p.order_id = o.id AND p.disposition = 'settles'
          WHERE o.vendor_id = :vendor_id AND o.paid_at >= :begins AND o.paid_at < :ends
          UNION ALL
          SELECT p.provider, 0, 0, r.amount_fen
          FROM refunds AS r JOIN payments AS p ON p.id = r.payment_id
          WHERE r.vendor_id = :vendor_id AND r.paid_back_at >= :begins AND r.paid_back_at < :ends) AS moved
    GROUP BY channel ORDER BY channel
""")
_PAID_BACK = text("""
    SELECT (paid_back_at AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(amount_fen)::bigint AS amount_fen
    FROM refunds WHERE vendor_id = :vendor_id AND paid_back_at >= :begins AND paid_back_at < :ends
    GROUP BY day
""")


def vendor(connection: Connection, vendor_id: int, at: datetime) -> RowMapping | None:
    """Who it is, where, and (`stalls`) at which stalls they may sell at an instant."""
    values = {"vendor_id": vendor_id, "day": business_day(at), "minute": minute_of_week(at)}
    return connection.execute(_VENDOR, values).mappings().first()


def sums(connection: Connection, vendor_id: int, ranges: Sequence[Range]) -> list[Figures]:
    """One sum for each range."""
    begins, ends = [begin for begin, _ in ranges], [end for _, end in ranges]
    rows = connection.execute(_SUMS, {"vendor_id": vendor_id, "begins": begins, "ends": ends})
    return [Figures(**row) for row in rows.mappings()]


def paid_back(connection: Connection, vendor_id: int, period: Period) -> dict[date, int]:
    """Fen that went back to buyers, by the day on which it did; days without are left out."""
    values = {"vendor_id": vendor_id, "begins": period.begins, "ends": period.ends}
    rows = connection.execute(_PAID_BACK, values)
    return {day: amount_fen for day, amount_fen in rows}


def goods_sold(connection: Connection, vendor_id: int, period: Period) -> Sequence[RowMapping]:
    """Largest first."""
    values = {"vendor_id": vendor_id, "first_day": period.first_day, "last_day": period.last_day}
    return connection.execute(_GOODS, values).mappings().all()


def last_paid(connection: Connection, vendor_id: int, *, limit: int) -> Sequence[RowMapping]:
    return connection.execute(_LAST_PAID, {"vendor_id": vendor_id, "limit": limit}).mappings().all()


def orders(
    connection: Connection, vendor_id: int, wanted: Mapping[str, object], *, limit: int
) -> Sequence[RowMapping]:
    """The newest that fit; `wanted` has some of the keys of _ORDER_FILTERS."""
    statement = f"""
        SELECT {_ORDER_COLUMNS} {_ORDER_FROM}
        WHERE o.vendor_id = :vendor_id {_narrowed(_ORDER_FILTERS, wanted)}
        ORDER BY o.id DESC LIMIT :limit
    """
    values = {"vendor_id": vendor_id, "limit": limit, **wanted}
    return connection.execute(text(statement), values).mappings().all()


def paid_orders(
    connection: Connection, vendor_id: int, wanted: Mapping[str, object], *, limit: int
) -> Sequence[RowMapping]:
    """The latest first, since `begins` and before (`before_at`, `before_id`).

    `wanted` has those, and some of the keys of _SALE_FILTERS.
    """
    statement = f"""
        SELECT {_ORDER_COLUMNS} FROM orders AS o JOIN stalls AS s ON s.id = o.stall_id
        {_ITS_INVOICE}
        WHERE o.vendor_id = :vendor_id AND o.paid_at >= :begins
          AND (o.paid_at, o.id) < (:before_at, :before_id) {_narrowed(_SALE_FILTERS, wanted)}
        ORDER BY o.paid_at DESC, o.id DESC LIMIT :limit
    """  # noqa: S608 - the clauses stand above
    values = {"vendor_id": vendor_id, "limit": limit, **wanted}
    return connection.execute(text(statement), values).mappings().all()


def paid_at_stall(
    connection: Connection, market_id: int, stall_id: int, since: datetime, *, limit: int
) -> Sequence[RowMapping]:
    """By whoever sold there; the latest first."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    values = {"market_id": market_id, "stall_id": stall_id, "since": since, "hour": hour, "limit": limit}
    return connection.execute(_PAID_AT_STALL, values).mappings().all()


def order(connection: Connection, vendor_id: int, order_id: UUID) -> RowMapping | None:
    values = {"vendor_id": vendor_id, "order_id": order_id}
    return connection.execute(_ORDER, values).mappings().first()


def invoices(
    connection: Connection, vendor_id: int, wanted: Mapping[str, object], *, limit: int
) -> Sequence[RowMapping]:
    """The newest that fit; `wanted` has some of the keys of _INVOICE_FILTERS, and `after_at`."""
    statement = f"""
        SELECT i.number, i.order_id, i.issued_at, i.total_fen, i.tax_fen, s.code AS stall_code,
               s.name_zh AS stall_zh, s.name_en AS stall_en,
               (SELECT coalesce(sum(n.total_fen), 0)::bigint FROM credit_notes AS n
                WHERE n.invoice_number = i.number AND n.event_id IS NOT NULL) AS credited_fen
        FROM invoices AS i JOIN stalls AS s ON s.id = i.stall_id
        WHERE i.vendor_id = :vendor_id {_narrowed(_INVOICE_FILTERS, wanted)}
        ORDER BY i.issued_at DESC, i.number DESC LIMIT :limit
    """  # noqa: S608 - the clauses stand above
    values = {"vendor_id": vendor_id, "limit": limit, **wanted}
    return connection.execute(text(statement), values).mappings().all()


def channels(connection: Connection, vendor_id: int, day: Period) -> Sequence[RowMapping]:
    """What each channel brought on a day: payments that settled an order, less what it paid back."""
    values = {"vendor_id": vendor_id, "begins": day.begins, "ends": day.ends}
    return connection.execute(_CHANNELS, values).mappings().all()


def first_id(at: datetime) -> UUID:
    """Not above the id of any order placed at an instant or later: ids begin with their milliseconds."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _narrowed(clauses: Mapping[str, str], wanted: Mapping[str, object]) -> str:
    return " ".join(f"AND {clause}" for name, clause in clauses.items() if name in wanted)
