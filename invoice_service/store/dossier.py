"""One vendor as a tax officer sees one: who it is, and this month's and today's sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

_VENDOR = text("""
    SELECT v.id, v.market_id, m.region, m.code AS market_code, m.name_zh AS market_zh, m.name_en AS market_en,
           v.name_zh, v.name_en, v.taxpayer_kind, v.tax_id, v.self_produced, v.tax_period, v.licence_no,
           v.licence_until
    FROM vendors AS v JOIN markets AS m ON m.id = v.market_id
    WHERE v.id = :vendor_id
""")
# By the key (vendor_id, hour): at most a month's hours of one vendor.
_SUMS = text("""
    SELECT coalesce(sum(orders), 0)::bigint AS orders, coalesce(sum(amount_fen), 0)::bigint AS amount_fen,
           coalesce(sum(exempt_fen), 0)::bigint AS exempt_fen,
           coalesce(sum(taxable_net_fen), 0)::bigint AS taxable_net_fen,
           coalesce(sum(tax_fen), 0)::bigint AS tax_fen, coalesce(sum(invoices), 0)::bigint AS invoices,
           coalesce(sum(invoiced_fen), 0)::bigint AS invoiced_fen
    FROM vendor_hours WHERE vendor_id = :vendor_id AND hour >= :since AND hour < :until
""")


@dataclass(frozen=True, slots=True)
class Identity:
    """`tax_id` is None for who is not registered; `licence_until` its last day."""

    id: int
    market_id: int
    region: str
    market_code: str
    market_zh: str
    market_en: str
    name_zh: str
    name_en: str
    taxpayer_kind: str
    tax_id: str | None
    self_produced: bool
    tax_period: str
    licence_no: str | None
    licence_until: date | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Of a stretch of time. Amounts include tax but for `taxable_net_fen`."""

    orders: int
    amount_fen: int
    exempt_fen: int
    taxable_net_fen: int
    tax_fen: int
    invoices: int
    invoiced_fen: int


def identity(connection: Connection, vendor_id: int) -> Identity | None:
    row = connection.execute(_VENDOR, {"vendor_id": vendor_id}).first()
    return None if row is None else Identity(*row)


def sums(connection: Connection, vendor_id: int, since: datetime, until: datetime) -> Sums:
    values = {"vendor_id": vendor_id, "since": since, "until": until}
    return Sums(*connection.execute(_SUMS, values).one())
