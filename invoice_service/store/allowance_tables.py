"""What the tax office lets a vendor invoice in a month, and what vendors asked for."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Table,
)
from sqlalchemy import text as sql

from invoice_service.store.schema import instant, metadata, positive, text

allowances = Table(
    "allowances",
    metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("market_id", BigInteger, nullable=False),
    Column("ceiling_fen", BigInteger, nullable=False),
    Column("set_by", ForeignKey("accounts.id"), nullable=False),
    instant("set_at"),
    text("reason"),
    positive("ceiling_fen"),
    CheckConstraint("length(reason) BETWEEN 4 AND 200", name="reason_fits"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    comment="The ceilings in force; a vendor without a row has none. Earlier ones: see access_records.",
)

allowance_requests = Table(
    "allowance_requests",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    Column("asked_fen", BigInteger, nullable=False),
    text("words"),
    Column("asked_by", ForeignKey("accounts.id"), nullable=False),
    instant("created_at"),
    instant("answered_at", nullable=True),
    Column("answered_by", ForeignKey("accounts.id")),
    text("answer", nullable=True),
    Column("granted_fen", BigInteger),
    positive("asked_fen"),
    positive("granted_fen"),
    CheckConstraint("length(words) BETWEEN 4 AND 200", name="words_fit"),
    CheckConstraint("length(answer) BETWEEN 4 AND 200", name="answer_fits"),
    CheckConstraint("num_nonnulls(answered_at, answered_by, answer) IN (0, 3)", name="answered_as_a_whole"),
    CheckConstraint("granted_fen IS NULL OR answered_at IS NOT NULL", name="granted_by_an_answer"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("allowance_requests_vendor_id_id_idx", "vendor_id", "id"),
    Index(
        "allowance_requests_open_key", "vendor_id", unique=True, postgresql_where=sql("answered_at IS NULL")
    ),
    comment="A vendor has one open request at most. granted_fen is NULL where it was refused.",
)
