"""Sums of what was sold, written with each sale, and what vendors counted at a day's end."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from invoice_service.store.schema import instant, metadata, one_of, text

vendor_hours = Table(
    "vendor_hours",
    metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("stall_id", BigInteger, primary_key=True, autoincrement=False),
    Column("market_id", BigInteger, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("exempt_fen", BigInteger, nullable=False),
    Column("taxable_net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    Column("invoices", Integer, nullable=False),
    Column("invoiced_fen", BigInteger, nullable=False),
    CheckConstraint("hour = date_trunc('hour', hour, 'UTC')", name="whole_hours"),
    CheckConstraint("exempt_fen + taxable_net_fen + tax_fen = amount_fen", name="parts_add_up"),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("vendor_hours_market_id_hour_idx", "market_id", "hour"),
    comment="Rollup, written with each sale (at its paid_at) and each invoice (at its issued_at).",
)

vendor_goods_days = Table(
    "vendor_goods_days",
    metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("stall_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name_zh", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("tax_class", Text, primary_key=True),
    Column("taxpayer_kind", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    text("name_en"),
    Column("lines", Integer, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("vendor_goods_days_market_id_day_idx", "market_id", "day"),
    comment="Rollup of sold lines by goods, kind of seller, tax rule and business day.",
)

market_days = Table(
    "market_days",
    metadata,
    Column("market_id", ForeignKey("markets.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("is_summed", Boolean, nullable=False),
    comment="Ended days: whether market_day_sums holds what they came to, or a late fact reopened them.",
)

market_months = Table(
    "market_months",
    metadata,
    Column("market_id", ForeignKey("markets.id"), primary_key=True),
    Column("month", Date, primary_key=True),
    Column("is_summed", Boolean, nullable=False),
    CheckConstraint("extract(day FROM month) = 1", name="first_day"),
    comment="Ended months: whether market_month_sums holds what they came to, or a late fact reopened them.",
)

SUMMED_BY = ("stall", "vendor", "hour", "day", "kind", "goods", "rule", "vendor_rule")


def _summed(span: str) -> tuple[SchemaItem, ...]:
    """What a market came to in a day or a month."""
    return (
        Column("market_id", BigInteger, primary_key=True, autoincrement=False),
        Column("by", Text, primary_key=True),
        Column(span, Date, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("unit", Text, primary_key=True),
        text("name_en"),
        Column("orders", Integer, nullable=False),
        Column("amount_fen", BigInteger, nullable=False),
        Column("exempt_fen", BigInteger, nullable=False),
        Column("taxable_net_fen", BigInteger, nullable=False),
        Column("tax_fen", BigInteger, nullable=False),
        Column("invoices", Integer, nullable=False),
        Column("invoiced_fen", BigInteger, nullable=False),
        Column("lines", Integer, nullable=False),
        Column("quantity", Numeric, nullable=False),
        one_of("by", *SUMMED_BY),
        ForeignKeyConstraint(["market_id", span], [f"market_{span}s.market_id", f"market_{span}s.{span}"]),
    )


market_day_sums = Table(
    "market_day_sums",
    metadata,
    *_summed("day"),
    comment="What an ended day came to in a market, by what `store.turnover` says.",
)
market_month_sums = Table(
    "market_month_sums",
    metadata,
    *_summed("month"),
    comment="What an ended month came to in a market: the sums of its days.",
)

day_closes = Table(
    "day_closes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("recorded_fen", JSONB, nullable=False),
    Column("stated_fen", JSONB, nullable=False),
    Column("cash_fen", BigInteger, nullable=False),
    text("note"),
    Column("closed_by", ForeignKey("accounts.id"), nullable=False),
    instant("closed_at"),
    CheckConstraint("cash_fen >= 0", name="cash_counted"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("day_closes_vendor_id_day_idx", "vendor_id", "day"),
    comment="What a vendor counted at a day's end beside what was recorded. The last counts.",
)
