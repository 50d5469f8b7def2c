"""VAT returns as they were sealed, every version."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

from invoice_service.store.schema import bytes_long, instant, metadata

vat_returns = Table(
    "vat_returns",
    metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_day", Date, primary_key=True),
    Column("amendment", SmallInteger, primary_key=True, autoincrement=False),
    Column("market_id", BigInteger, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("cells", JSONB, nullable=False),
    Column("size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    bytes_long("root", 32),
    Column("body", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    bytes_long("salt", 32),
    Column("commitment", LargeBinary, nullable=False, unique=True),
    bytes_long("commitment", 32),
    instant("sealed_at"),
    Column("is_stale", Boolean, nullable=False),
    CheckConstraint("amendment >= 0", name="amendment_counted"),
    CheckConstraint("first_day < last_day", name="whole_period"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    # No day is declared twice, also not by a vendor who goes over from quarters to months.
    ExcludeConstraint(
        (sql("int8range(vendor_id, vendor_id, '[]')"), "&&"),
        (sql("daterange(first_day, last_day, '[]')"), "&&"),
        where=sql("amendment = 0"),
        name="vat_returns_overlap_excl",
    ),
    Index("vat_returns_is_stale_idx", "first_day", postgresql_where=sql("is_stale")),
    comment="The body is the return; the other columns only index it, and a trigger refuses changes. "
    "is_stale: a fact came after it, so that an amendment follows or has followed.",
)
