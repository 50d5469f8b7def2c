"""VAT returns: the sums and facts of a vendor's period, and what was sealed of them.

Whoever seals a vendor's return locks the vendor's row; whoever writes a fact of a day that is over shares it
first. So a late fact is either in a return or marks it, and sales of today wait for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert, text

from invoice_service.domain.period import Period, PeriodKind, period_of
from invoice_service.domain.tax import exempt_rules
from invoice_service.domain.vat_return import Sums, Trace
from invoice_service.ledger.entry import Kind
from invoice_service.store import sales
from invoice_service.store.return_tables import vat_returns

Key = tuple[datetime, UUID]

_VENDOR = text("""
    SELECT v.id, v.market_id, v.name_zh, v.name_en, v.taxpayer_kind, v.tax_id, v.tax_period,
           m.code AS market_code, m.name_zh AS market_zh, m.name_en AS market_en, m.address, m.region
    FROM vendors AS v JOIN markets AS m ON m.id = v.market_id
    WHERE v.id = :vendor_id
""")
_LOCK = text("SELECT FROM vendors WHERE id = :vendor_id FOR NO KEY UPDATE")
_SHARE = text("SELECT FROM vendors WHERE id = ANY(:vendor_ids) ORDER BY id FOR SHARE")
_MARK = text("""
    UPDATE vat_returns AS r SET is_stale = TRUE
    FROM unnest(CAST(:vendor_ids AS bigint[]), CAST(:days AS date[])) AS late (vendor_id, day)
    WHERE r.vendor_id = late.vendor_id AND late.day BETWEEN r.first_day AND r.last_day AND NOT r.is_stale
""")
_TAXED_PART = """
    (SELECT coalesce(sum(l.net_fen), 0)::bigint FROM invoice_lines AS l
     WHERE l.number = i.number AND l.rule <> ALL(:exempt_rules))
"""
_TAXED_BACK = """
    (SELECT coalesce(sum(l.net_fen), 0)::bigint FROM refund_lines AS l
     WHERE l.refund_id = r.id AND l.rule <> ALL(:exempt_rules))
"""
_EXEMPT_BACK = """
    (SELECT coalesce(sum(l.amount_fen), 0)::bigint FROM refund_lines AS l
     WHERE l.refund_id = r.id AND l.rule = ANY(:exempt_rules))
"""
# Credit notes in force. Each was drawn up before its money went back, so the refunds' index narrows them.
_NOTES = """
    FROM refunds AS r JOIN credit_notes AS n ON n.refund_id = r.id AND n.event_id IS NOT NULL
    WHERE r.vendor_id = :vendor_id AND r.paid_back_at >= :begins AND n.issued_at >= :begins
"""
_INVOICED = text(f"""
    SELECT (SELECT coalesce(sum({_TAXED_PART}), 0)::bigint FROM invoices AS i
            WHERE i.vendor_id = :vendor_id AND i.issued_at >= :begins AND i.issued_at < :ends)
         - (SELECT coalesce(sum({_TAXED_BACK}), 0)::bigint {_NOTES} AND n.issued_at < :ends)
""")  # noqa: S608 - our own columns
# The latest of what adds to a cell and of what takes from it; each by an index of its own.
_SALES = """
    SELECT * FROM (
        (SELECT o.id AS fact, o.id AS order_id, FALSE AS is_back, o.paid_at AS at, s.{part} AS part_fen,
                o.amount_fen, i.number
         FROM orders AS o
         JOIN sales AS s ON s.order_id = o.id
         LEFT JOIN LATERAL (SELECT number FROM invoices WHERE order_id = o.id OFFSET 0) AS i ON TRUE
         WHERE o.vendor_id = :vendor_id AND o.paid_at >= :begins AND (o.paid_at, o.id) < (:at, :fact)
           AND s.{part} > 0
         ORDER BY o.paid_at DESC, o.id DESC LIMIT :limit)
        UNION ALL
        (SELECT r.id, r.order_id, TRUE, r.paid_back_at, -back.fen, -r.amount_fen, n.number
         FROM refunds AS r
         CROSS JOIN LATERAL (SELECT {back} AS fen OFFSET 0) AS back
         LEFT JOIN credit_notes AS n ON n.refund_id = r.id AND n.event_id IS NOT NULL
         WHERE r.vendor_id = :vendor_id AND r.paid_back_at >= :begins
           AND (r.paid_back_at, r.id) < (:at, :fact) AND back.fen > 0
         ORDER BY r.paid_back_at DESC, r.id DESC LIMIT :limit)) AS found
    ORDER BY at DESC, fact DESC LIMIT :limit
"""
_FACTS = {
    Trace.TAXED_SALES: text(_SALES.format(part="taxable_net_fen", back=_TAXED_BACK)),
    Trace.EXEMPT_SALES: text(_SALES.format(part="exempt_fen", back=_EXEMPT_BACK)),
    Trace.TAXED_INVOICES: text(f"""
        SELECT * FROM (
            SELECT i.order_id AS fact, i.order_id, FALSE AS is_back, i.issued_at AS at,
                   {_TAXED_PART} AS part_fen, i.total_fen AS amount_fen, i.number
            FROM invoices AS i
            WHERE i.vendor_id = :vendor_id AND i.issued_at >= :begins
              AND (i.issued_at, i.order_id) < (:at, :fact)
            UNION ALL
            SELECT r.id, r.order_id, TRUE, n.issued_at, -{_TAXED_BACK}, -n.total_fen, n.number
            {_NOTES} AND (n.issued_at, r.id) < (:at, :fact)) AS found
        WHERE part_fen <> 0 ORDER BY at DESC, fact DESC LIMIT :limit
    """),  # noqa: S608 - our own columns
}
# In the order of their own instants, the entry's last eight bytes. An entry is in the log or still before it.
_ENTRIES = text(f"""
    SELECT coalesce(logged.entry, waiting.entry) AS entry
    FROM (SELECT {int(Kind.SALE)} AS kind, o.id::text AS fact
          FROM orders AS o JOIN sales AS s ON s.order_id = o.id
          WHERE o.vendor_id = :vendor_id AND o.paid_at >= :begins AND o.paid_at < :ends
          UNION ALL
          SELECT {int(Kind.REFUND)}, id::text FROM refunds
          WHERE vendor_id = :vendor_id AND paid_back_at >= :begins AND paid_back_at < :ends
          UNION ALL
          SELECT {int(Kind.INVOICE)}, number FROM invoices
          WHERE vendor_id = :vendor_id AND issued_at >= :begins AND issued_at < :ends
          UNION ALL
          SELECT {int(Kind.CREDIT_NOTE)}, n.number {_NOTES} AND n.issued_at < :ends) AS f
    LEFT JOIN log_entries AS logged ON logged.kind = f.kind AND logged.fact = f.fact
    LEFT JOIN outbox AS waiting ON waiting.kind = f.kind AND waiting.fact = f.fact
    ORDER BY substring(coalesce(logged.entry, waiting.entry) FROM 126), f.kind, f.fact COLLATE "C"
""")  # noqa: S608 - our own numbers
# What a vendor declares of these periods and has no sealed return for. Who goes over from quarters to months,
# or back, ends a quarter as it was begun: where a month of it is sealed, its other months are declared, too.
_OPEN = """
    FROM unnest(CAST(:kinds AS text[]), CAST(:quarters AS date[]), CAST(:first_days AS date[]),
                CAST(:last_days AS date[])) AS p (kind, quarter, first_day, last_day)
    JOIN vendors AS v ON v.taxpayer_kind = 'small_scale'
    LEFT JOIN (SELECT vendor_id, CAST(date_trunc('quarter', first_day) AS date) AS quarter,
                      range_agg(daterange(first_day, last_day, '[]')) AS days
               FROM vat_returns WHERE amendment = 0 GROUP BY 1, 2) AS sealed
           ON sealed.vendor_id = v.id AND sealed.quarter = p.quarter
    LEFT JOIN LATERAL (SELECT TRUE AS is_sold FROM vendor_goods_days AS g
                       WHERE g.vendor_id = v.id AND g.day BETWEEN p.first_day AND p.last_day
                         AND g.taxpayer_kind = 'small_scale' LIMIT 1) AS sales ON TRUE
    WHERE CASE WHEN sealed.days IS NULL THEN p.kind = v.tax_period
               ELSE p.kind = 'month' AND NOT sealed.days && daterange(p.first_day, p.last_day, '[]') END
"""
_OPEN_OF = text(f"""
    SELECT p.first_day, p.last_day, coalesce(is_sold, FALSE) AS is_sold {_OPEN} AND v.id = :vendor_id
""")
# A period in which nothing was sold, and nothing went back, has no return. One that was sealed and is stale
# is due again, whatever became of the vendor since.
_DUE = text(f"""
    SELECT v.id AS vendor_id, p.first_day, p.last_day {_OPEN} AND is_sold
    UNION ALL
    SELECT r.vendor_id, r.first_day, r.last_day FROM vat_returns AS r
    WHERE r.is_stale AND NOT EXISTS (
        SELECT FROM vat_returns AS later
        WHERE later.vendor_id = r.vendor_id AND later.first_day = r.first_day
          AND later.amendment > r.amendment)
    ORDER BY first_day, vendor_id LIMIT :most
""")  # noqa: S608 - our own columns
_LAST = text("""
    SELECT r.* FROM vat_returns AS r
    WHERE r.vendor_id = :vendor_id AND r.first_day <= :last_day AND r.last_day >= :first_day
    ORDER BY r.first_day, r.amendment DESC LIMIT 1
""")
_VERSIONS = text("""
    SELECT * FROM vat_returns WHERE vendor_id = :vendor_id AND first_day = :first_day ORDER BY amendment
""")
_ALL_NEWEST = text("""
    SELECT DISTINCT ON (first_day) first_day, last_day, amendment, cells, is_stale, sealed_at
    FROM vat_returns WHERE vendor_id = :vendor_id ORDER BY first_day DESC, amendment DESC
""")


@dataclass(frozen=True, slots=True)
class Due:
    vendor_id: int
    first_day: date
    last_day: date


def vendor(connection: Connection, vendor_id: int) -> RowMapping:
    """One that there is."""
    return connection.execute(_VENDOR, {"vendor_id": vendor_id}).mappings().one()


def mark_late(connection: Connection, facts: Iterable[tuple[int, date]]) -> None:
    """Facts are about to be written for days that are over, given as (vendor, day): see above."""
    late = sorted(facts)
    if late:
        vendor_ids, days = [one for one, _ in late], [day for _, day in late]
        connection.execute(_SHARE, {"vendor_ids": vendor_ids})
        connection.execute(_MARK, {"vendor_ids": vendor_ids, "days": days})


def lock(connection: Connection, vendor_id: int) -> None:
    """Until the transaction ends nobody else seals this vendor's returns or adds to days that are over."""
    connection.execute(_LOCK, {"vendor_id": vendor_id})


def sums(connection: Connection, vendor_id: int, period: Period) -> Sums:
    (figures,) = sales.sums(connection, vendor_id, [(period.begins, period.ends)])
    values = _span(vendor_id, period) | {"exempt_rules": exempt_rules()}
    invoiced_fen = connection.execute(_INVOICED, values).scalar_one()
    return Sums(figures.exempt_fen, figures.taxable_net_fen, invoiced_fen)


def facts(
    connection: Connection, vendor_id: int, period: Period, trace: Trace, after: Key | None, *, limit: int
) -> Sequence[RowMapping]:
    """What a cell sums (`part_fen` of each), the latest first; `after` is the last row's (at, fact).

    What goes back (`is_back`) has negative parts, and the refund's id for its fact; the others the order's.
    """
    ends = (period.ends, UUID(int=0))
    at, fact = min(after or ends, ends)
    values = _span(vendor_id, period) | {"at": at, "fact": fact, "limit": limit}
    values["exempt_rules"] = exempt_rules()
    return connection.execute(_FACTS[trace], values).mappings().all()


def entries(connection: Connection, vendor_id: int, period: Period) -> Sequence[bytes]:
    """The 133 bytes of each sale, refund, invoice and credit note in force, in the order of the leaves."""
    return connection.execute(_ENTRIES, _span(vendor_id, period)).scalars().all()


def due(connection: Connection, periods: Sequence[Period], *, most: int) -> list[Due]:
    """What is to be sealed, first or again: the oldest first."""
    rows = connection.execute(_DUE, _listed(periods) | {"most": most}).mappings()
    return [Due(**row) for row in rows]


def unsealed(connection: Connection, vendor_id: int, periods: Sequence[Period]) -> Sequence[RowMapping]:
    """Those of the periods that a vendor declares and that are not sealed; `is_sold`: something was sold."""
    return connection.execute(_OPEN_OF, _listed(periods) | {"vendor_id": vendor_id}).mappings().all()


def last(connection: Connection, vendor_id: int, period: Period) -> RowMapping | None:
    """The newest version of what was sealed of the period's days."""
    values = {"vendor_id": vendor_id, "first_day": period.first_day, "last_day": period.last_day}
    return connection.execute(_LAST, values).mappings().first()


def versions(connection: Connection, vendor_id: int, first_day: date) -> Sequence[RowMapping]:
    """As they were sealed, the first first."""
    values = {"vendor_id": vendor_id, "first_day": first_day}
    return connection.execute(_VERSIONS, values).mappings().all()


def newest(connection: Connection, vendor_id: int) -> Sequence[RowMapping]:
    """The newest version of every period that was sealed."""
    return connection.execute(_ALL_NEWEST, {"vendor_id": vendor_id}).mappings().all()


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(vat_returns), values)


def _listed(periods: Sequence[Period]) -> dict[str, object]:
    return {
        "kinds": [period.kind.value for period in periods],
        "quarters": [period_of(PeriodKind.QUARTER, period.first_day).first_day for period in periods],
        "first_days": [period.first_day for period in periods],
        "last_days": [period.last_day for period in periods],
    }


def _span(vendor_id: int, period: Period) -> dict[str, object]:
    return {"vendor_id": vendor_id, "begins": period.begins, "ends": period.ends}
