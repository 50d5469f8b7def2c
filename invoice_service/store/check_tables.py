"""Piles of invoices that officers had checked, and what came out."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from invoice_service.store.schema import instant, metadata, one_of, text

checks = Table(
    "checks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    text("reason"),
    Column("size", Integer, nullable=False),
    instant("created_at"),
    CheckConstraint("size BETWEEN 1 AND 500", name="size_fits"),
    Index("checks_account_id_id_idx", "account_id", "id"),
)

check_items = Table(
    "check_items",
    metadata,
    Column("check_id", ForeignKey("checks.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    text("name"),
    Column("data", LargeBinary),
    text("number", nullable=True),
    text("day"),
    text("total"),
    Column("same_as", Integer),
    text("verdict", nullable=True),
    text("problem", nullable=True),
    Column("total_fen", BigInteger),
    instant("issued_at", nullable=True),
    text("seller", nullable=True),
    Column("steps", JSONB),
    text("kind"),
    instant("checked_at", nullable=True),
    one_of("kind", "pdf", "evidence", "facts", "number", "none"),
    one_of("verdict", "genuine", "altered", "unknown", "undecided", "unreadable", "repeated"),
    CheckConstraint("(verdict IS NULL) = (checked_at IS NULL)", name="checked_has_a_time"),
    CheckConstraint("verdict IS NULL OR data IS NULL", name="files_are_not_kept"),
    Index("check_items_waiting_idx", "check_id", "n", postgresql_where=sql("verdict IS NULL")),
    comment="A file's bytes are kept until it was checked, and no longer.",
)
