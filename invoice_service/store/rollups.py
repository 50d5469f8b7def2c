"""What was sold, summed per vendor and hour and per goods and day, in the transaction of the fact.

No row is shared between vendors, so a busy market has no hot row: a market's figures are the sum over its
vendors. `recount` makes the same rows again from the facts; a test shows that they are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import Insert

from invoice_service.domain.invoice import TaxedLine
from invoice_service.domain.numbering import business_day
from invoice_service.domain.order import Order, Stall
from invoice_service.domain.tax import exempt_rules, rule_by_id
from invoice_service.store import returns, turnover
from invoice_service.store.sums_tables import vendor_goods_days, vendor_hours

_HOUR_KEY = ("vendor_id", "hour", "stall_id")
_HOUR_SUMS = ("orders", "amount_fen", "exempt_fen", "taxable_net_fen", "tax_fen", "invoices", "invoiced_fen")
_GOODS_KEY = (
    "vendor_id", "day", "stall_id", "name_zh", "unit", "tax_class", "taxpayer_kind", "rule",
)  # fmt: skip
_GOODS_SUMS = ("lines", "quantity", "amount_fen", "tax_fen")


@dataclass(frozen=True, slots=True)
class HourRow:
    """One more sale, or one more invoice, in a vendor's hour. Sums of fen include tax but for `…_net_fen`."""

    vendor_id: int
    hour: datetime
    stall_id: int
    market_id: int
    orders: int = 0
    amount_fen: int = 0
    exempt_fen: int = 0
    taxable_net_fen: int = 0
    tax_fen: int = 0
    invoices: int = 0
    invoiced_fen: int = 0


@dataclass(frozen=True, slots=True)
class GoodsRow:
    vendor_id: int
    day: date
    stall_id: int
    name_zh: str
    unit: str
    tax_class: str
    taxpayer_kind: str
    rule: str
    market_id: int
    name_en: str
    lines: int
    quantity: Decimal
    amount_fen: int
    tax_fen: int


Summed = TypeVar("Summed", HourRow, GoodsRow)


def whole_hour(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def sale_rows(
    stall: Stall, taxed: Sequence[TaxedLine], paid_at: datetime
) -> tuple[HourRow, tuple[GoodsRow, ...]]:
    """What one paid order adds; its lines with the tax rules of the day on which it was paid."""
    exempt_fen = sum(item.line.amount_fen for item in taxed if item.rule.treatment == "exempt")
    hour = HourRow(
        vendor_id=stall.vendor_id,
        hour=whole_hour(paid_at),
        stall_id=stall.id,
        market_id=stall.market_id,
        orders=1,
        amount_fen=sum(item.line.amount_fen for item in taxed),
        exempt_fen=exempt_fen,
        taxable_net_fen=sum(item.net_fen for item in taxed) - exempt_fen,
        tax_fen=sum(item.tax_fen for item in taxed),
    )
    return hour, tuple(_goods_row(stall, item, business_day(paid_at)) for item in taxed)


def refund_rows(
    order: Order, taxpayer_kind: str, parts: Sequence[Row[Any]], paid_back_at: datetime
) -> tuple[HourRow, tuple[GoodsRow, ...]]:
    """What money that went back takes off, at the time when it did; `parts` as `store.refunds` tells them."""
    stall, day = order.stall, business_day(paid_back_at)
    exempt_fen = sum(part.amount_fen for part in parts if rule_by_id(part.rule).treatment == "exempt")
    hour = HourRow(
        vendor_id=stall.vendor_id,
        hour=whole_hour(paid_back_at),
        stall_id=stall.id,
        market_id=stall.market_id,
        amount_fen=-sum(part.amount_fen for part in parts),
        exempt_fen=-exempt_fen,
        taxable_net_fen=exempt_fen - sum(part.net_fen for part in parts),
        tax_fen=-sum(part.tax_fen for part in parts),
    )
    return hour, tuple(_goods_back(order, taxpayer_kind, part, day) for part in parts)


def _goods_back(order: Order, taxpayer_kind: str, part: Row[Any], day: date) -> GoodsRow:
    line = order.lines[part.n]
    return GoodsRow(
        vendor_id=order.stall.vendor_id,
        day=day,
        stall_id=order.stall.id,
        name_zh=line.name_zh,
        unit=line.unit,
        tax_class=line.tax_class.value,
        taxpayer_kind=taxpayer_kind,
        rule=part.rule,
        market_id=order.stall.market_id,
        name_en=line.name_en,
        lines=0,
        quantity=-(part.quantity or Decimal(0)),
        amount_fen=-part.amount_fen,
        tax_fen=-part.tax_fen,
    )


def note_row(stall: Stall, total_fen: int, issued_at: datetime) -> HourRow:
    """A credit note in force takes off what was invoiced, when it was drawn up."""
    return HourRow(
        vendor_id=stall.vendor_id,
        hour=whole_hour(issued_at),
        stall_id=stall.id,
        market_id=stall.market_id,
        invoiced_fen=-total_fen,
    )


def invoice_row(stall: Stall, total_fen: int, issued_at: datetime) -> HourRow:
    return HourRow(
        vendor_id=stall.vendor_id,
        hour=whole_hour(issued_at),
        stall_id=stall.id,
        market_id=stall.market_id,
        invoices=1,
        invoiced_fen=total_fen,
    )


def _goods_row(stall: Stall, item: TaxedLine, day: date) -> GoodsRow:
    line = item.line
    return GoodsRow(
        vendor_id=stall.vendor_id,
        day=day,
        stall_id=stall.id,
        name_zh=line.name_zh,
        unit=line.unit,
        tax_class=line.tax_class.value,
        taxpayer_kind=stall.taxpayer.value,
        rule=item.rule.id,
        market_id=stall.market_id,
        name_en=line.name_en,
        lines=1,
        quantity=line.quantity,
        amount_fen=line.amount_fen,
        tax_fen=item.tax_fen,
    )


def add_hours(connection: Connection, rows: Sequence[HourRow], today: date) -> None:
    """Before `add_goods`: a row of a day that is over by `today` reopens that day's sums first.

    And it marks the vendor's return, if one of that day is sealed.
    """
    late = {(row.market_id, row.vendor_id, day) for row in rows if (day := business_day(row.hour)) < today}
    turnover.reopen(connection, {(market_id, day) for market_id, _, day in late})
    returns.mark_late(connection, {(vendor_id, day) for _, vendor_id, day in late})
    _add(connection, _ADD_HOUR, [asdict(row) for row in rows])


def add_goods(connection: Connection, rows: Iterable[GoodsRow]) -> None:
    """In the order of the key, so that two sales of the same goods never wait for each other in a circle."""
    ordered = sorted(rows, key=lambda row: tuple(getattr(row, name) for name in _GOODS_KEY))
    _add(connection, _ADD_GOODS, [asdict(row) for row in ordered])


def summed_hours(rows: Iterable[HourRow]) -> list[HourRow]:
    """One row a key, for many facts written at once."""
    return _summed(rows, _HOUR_KEY, _HOUR_SUMS)


def summed_goods(rows: Iterable[GoodsRow]) -> list[GoodsRow]:
    return _summed(rows, _GOODS_KEY, _GOODS_SUMS)


def _summed(rows: Iterable[Summed], key: tuple[str, ...], sums: tuple[str, ...]) -> list[Summed]:
    found: dict[tuple[object, ...], Summed] = {}
    for row in rows:
        name = tuple(getattr(row, part) for part in key)
        known = found.get(name)
        if known is None:
            found[name] = row
        else:
            found[name] = replace(known, **{s: getattr(known, s) + getattr(row, s) for s in sums})
    return [found[name] for name in sorted(found)]


def recount(connection: Connection) -> None:
    """Make every row again from sales, refunds, invoices and credit notes; sales wait meanwhile.

    The sums of days that are over follow, by the settler.
    """
    connection.execute(_LOCK)
    connection.execute(delete(vendor_hours))
    connection.execute(delete(vendor_goods_days))
    connection.execute(_RECOUNT_HOURS, {"exempt_rules": exempt_rules()})
    connection.execute(_RECOUNT_GOODS)
    turnover.forget_all(connection)


def _add(connection: Connection, statement: Insert, rows: list[dict[str, object]]) -> None:
    """A statement a row, sent together: one statement of many rows cannot touch the same row twice."""
    if rows:
        connection.execute(statement, rows)


def _adding(table, key: tuple[str, ...], sums: tuple[str, ...]) -> Insert:  # type: ignore[no-untyped-def]
    statement = upsert(table)
    added = {name: table.c[name] + statement.excluded[name] for name in sums}
    return statement.on_conflict_do_update(index_elements=list(key), set_=added)


_ADD_HOUR = _adding(vendor_hours, _HOUR_KEY, _HOUR_SUMS)
_ADD_GOODS = _adding(vendor_goods_days, _GOODS_KEY, _GOODS_SUMS)
_LOCK = text("LOCK TABLE vendor_hours, vendor_goods_days IN EXCLUSIVE MODE")
_RECOUNT_HOURS = text("""
    INSERT INTO vendor_hours (vendor_id, hour, stall_id, market_id, orders, amount_fen, exempt_fen,
                              taxable_net_fen, tax_fen, invoices, invoiced_fen)
    SELECT vendor_id, hour, stall_id, market_id, sum(orders), sum(amount_fen), sum(exempt_fen),
           sum(taxable_net_fen), sum(tax_fen), sum(invoices), sum(invoiced_fen)
    FROM (SELECT o.vendor_id, date_trunc('hour', o.paid_at, 'UTC') AS hour, o.stall_id, o.market_id,
                 1 AS orders, s.amount_fen, s.exempt_fen, s.taxable_net_fen, s.tax_fen,
                 0 AS invoices, 0 AS invoiced_fen
          FROM sales AS s JOIN orders AS o ON o.id = s.order_id
          UNION ALL
          SELECT vendor_id, date_trunc('hour', issued_at, 'UTC'), stall_id, market_id,
                 0, 0, 0, 0, 0, 1, total_fen
          FROM invoices
          UNION ALL
          SELECT o.vendor_id, date_trunc('hour', r.paid_back_at, 'UTC'), o.stall_id, o.market_id, 0,
                 -r.amount_fen, -p.exempt_fen, -p.taxable_net_fen, -p.tax_fen, 0, 0
          FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
          CROSS JOIN LATERAL (
              SELECT coalesce(sum(amount_fen) FILTER (WHERE rule = ANY(:exempt_rules)), 0) AS exempt_fen,
                     coalesce(sum(net_fen) FILTER (WHERE rule <> ALL(:exempt_rules)), 0) AS taxable_net_fen,
                     sum(tax_fen) AS tax_fen
              FROM refund_lines WHERE refund_id = r.id) AS p
          WHERE r.paid_back_at IS NOT NULL
          UNION ALL
          SELECT i.vendor_id, date_trunc('hour', n.issued_at, 'UTC'), i.stall_id, i.market_id,
                 0, 0, 0, 0, 0, 0, -n.total_fen
          FROM credit_notes AS n JOIN invoices AS i ON i.number = n.invoice_number
          WHERE n.event_id IS NOT NULL) AS facts
    GROUP BY vendor_id, hour, stall_id, market_id
""")
_RECOUNT_GOODS = text("""
    INSERT INTO vendor_goods_days (vendor_id, day, stall_id, name_zh, unit, tax_class, taxpayer_kind, rule,
                                   market_id, name_en, lines, quantity, amount_fen, tax_fen)
    SELECT vendor_id, (at AT TIME ZONE 'Asia/Shanghai')::date, stall_id, name_zh, unit, tax_class,
           taxpayer_kind, rule, market_id, (array_agg(name_en ORDER BY at))[1], sum(lines), sum(quantity),
           sum(amount_fen), sum(tax_fen)
    FROM (SELECT o.vendor_id, o.paid_at AS at, o.stall_id, l.name_zh, l.unit, l.tax_class, s.taxpayer_kind,
                 s.line_rules[l.n + 1] AS rule, o.market_id, l.name_en, 1 AS lines, l.quantity, l.amount_fen,
                 s.line_tax_fen[l.n + 1] AS tax_fen
          FROM sales AS s
          JOIN orders AS o ON o.id = s.order_id
          JOIN order_lines AS l ON l.order_id = o.id
          UNION ALL
          SELECT o.vendor_id, r.paid_back_at, o.stall_id, l.name_zh, l.unit, l.tax_class, s.taxpayer_kind,
                 p.rule, o.market_id, l.name_en, 0, -coalesce(p.quantity, 0), -p.amount_fen, -p.tax_fen
          FROM refunds AS r
          JOIN sales AS s ON s.order_id = r.order_id
          JOIN orders AS o ON o.id = r.order_id
          JOIN refund_lines AS p ON p.refund_id = r.id
          JOIN order_lines AS l ON l.order_id = r.order_id AND l.n = p.n
          WHERE r.paid_back_at IS NOT NULL) AS facts
    GROUP BY vendor_id, 2, stall_id, name_zh, unit, tax_class, taxpayer_kind, rule, market_id
""")
