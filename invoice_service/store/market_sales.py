"""All sales of a market and what was paid back of sales, page by page in the order of their ids.

Order ids are ordered by time, so a page is a range of the primary key: the thousandth costs what the first
does, and no sale that comes in meanwhile moves another. An order is paid within its lifetime, a quarter of an
hour, by another clock than ours: a day of slack on both sides of the days asked about covers that. Refunds'
ids tell when they were asked for, which may be long before; they are few, and found by their vendors.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from invoice_service.domain.period import DAY, midnight
from invoice_service.domain.sales_asked import SalesAsked
from invoice_service.domain.tax import exempt_rules
from invoice_service.store import turnover
from invoice_service.store.sales import first_id

SLACK = timedelta(days=1)
# What a list may be narrowed by: a value picks a clause that stands here, and goes in as a parameter.
_FILTERS = {
    "vendor_id": "o.vendor_id = :vendor_id",
    "stall": "o.stall_id = (SELECT id FROM stalls WHERE code = :stall)",
    "min_fen": "o.amount_fen >= :min_fen",
    "max_fen": "o.amount_fen <= :max_fen",
    "taxpayer_kind": "sold.taxpayer_kind = :taxpayer_kind",
}
# A CASE, so that the planner does not count on few: see store/sales.py.
_INVOICED = {
    "all": "TRUE",
    "yes": "CASE WHEN i.number IS NOT NULL THEN TRUE END",
    "no": "CASE WHEN i.number IS NULL THEN TRUE END",
}
_OF_ORDER = """
        JOIN LATERAL (SELECT taxpayer_kind, exempt_fen, taxable_net_fen, tax_fen, commitment
                      FROM sales WHERE order_id = o.id OFFSET 0) AS sold ON TRUE
        JOIN stalls AS s ON s.id = o.stall_id
        JOIN vendors AS v ON v.id = o.vendor_id
        LEFT JOIN LATERAL (SELECT number FROM invoices WHERE order_id = o.id OFFSET 0) AS i ON TRUE
"""
_SALES = f"""
        SELECT o.id, o.id AS order_id, FALSE AS is_back, o.paid_at, s.code AS stall, o.vendor_id, v.name_zh,
               v.name_en, sold.taxpayer_kind, o.amount_fen, sold.exempt_fen, sold.taxable_net_fen,
               sold.tax_fen, i.number, sold.commitment
        FROM orders AS o {_OF_ORDER}
        WHERE o.id > :after_sale AND o.id < :before_id AND o.market_id = :market_id
          AND o.paid_at >= :begins AND o.paid_at < :ends AND {{narrowed}}
        ORDER BY o.id LIMIT :limit
"""  # noqa: S608 - our own columns
_REFUNDS = f"""
        SELECT r.id, r.order_id, TRUE, r.paid_back_at, s.code, o.vendor_id, v.name_zh, v.name_en,
               sold.taxpayer_kind, -r.amount_fen, -p.exempt_fen, -p.taxable_net_fen, -p.tax_fen, n.number,
               r.commitment
        FROM refunds AS r JOIN orders AS o ON o.id = r.order_id {_OF_ORDER}
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_fen) FILTER (WHERE rule = ANY(:exempt_rules)), 0)::bigint
                       AS exempt_fen,
                   coalesce(sum(net_fen) FILTER (WHERE rule <> ALL(:exempt_rules)), 0)::bigint
                       AS taxable_net_fen,
                   sum(tax_fen)::bigint AS tax_fen
            FROM refund_lines WHERE refund_id = r.id) AS p
        LEFT JOIN credit_notes AS n ON n.refund_id = r.id AND n.event_id IS NOT NULL
        WHERE r.vendor_id IN (SELECT id FROM vendors WHERE market_id = :market_id) AND r.id > :after
          AND r.paid_back_at >= :begins AND r.paid_back_at < :ends AND {{narrowed}}
        ORDER BY r.id LIMIT :limit
"""  # noqa: S608 - our own columns

_OF_VENDOR = text("""
    SELECT coalesce(sum(h.orders), 0)::bigint
    FROM vendor_hours AS h JOIN stalls AS s ON s.id = h.stall_id
    WHERE h.market_id = :market_id AND h.vendor_id = :vendor_id AND h.hour >= :begins AND h.hour < :ends
      AND (CAST(:stall AS text) IS NULL OR s.code = :stall)
""")


def page(
    connection: Connection, market_id: int, asked: SalesAsked, after: UUID | None, limit: int
) -> Sequence[RowMapping]:
    """The first that fit, after a row's id: sales of those days, and refunds (`is_back`) paid back on them.

    Those have negative sums. What narrows sales narrows refunds by the sale that they are of.

    Each order's own row of `sales` is looked up: two tables that are merged by their keys would be read from
    the first sale there ever was, for every page anew.
    """
    given = {name: getattr(asked, name) for name in _FILTERS if getattr(asked, name) is not None}
    narrowed = " AND ".join([_FILTERS[name] for name in given] + [_INVOICED[asked.invoiced]])
    statement = f"""
        SELECT * FROM (({_SALES.format(narrowed=narrowed)})
                       UNION ALL ({_REFUNDS.format(narrowed=narrowed)})) AS found
        ORDER BY id LIMIT :limit
    """  # noqa: S608 - the clauses stand above
    begins, ends = midnight(asked.first_day), midnight(asked.last_day + DAY)
    values = {
        "after": after or UUID(int=0),
        "after_sale": max(after or UUID(int=0), first_id(begins - SLACK)),
        "exempt_rules": exempt_rules(),
        "before_id": first_id(ends + SLACK),
        "market_id": market_id,
        "begins": begins,
        "ends": ends,
        "limit": limit,
    }
    return connection.execute(text(statement), values | given).mappings().all()


def at_most(connection: Connection, market_id: int, asked: SalesAsked) -> int:
    """How many sales there are by the sums, which know days, vendors and stalls; other filters leave fewer.

    Refunds come on top; they are few.
    """
    if asked.vendor_id is None:
        rows = turnover.turnover_rows(connection, market_id, "stall", asked.first_day, asked.last_day, 0)
        return sum(int(row["orders"]) for row in rows if asked.stall in (None, row["key"]))
    values = {
        "market_id": market_id,
        "vendor_id": asked.vendor_id,
        "stall": asked.stall,
        "begins": midnight(asked.first_day),
        "ends": midnight(asked.last_day + DAY),
    }
    return int(connection.execute(_OF_VENDOR, values).scalar_one())
