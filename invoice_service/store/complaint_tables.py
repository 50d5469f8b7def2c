"""What shoppers complained about, and what was answered."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Table,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID

from invoice_service.store.schema import bytes_long, instant, metadata, one_of, text

complaints = Table(
    "complaints",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("stall_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger),
    text("kind"),
    text("words"),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    bytes_long("token_hash", 32),
    instant("created_at"),
    instant("answered_at", nullable=True),
    one_of("kind", "invoice_refused", "foreign_code", "other"),
    CheckConstraint("length(words) <= 500", name="words_fit"),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("complaints_market_id_id_idx", "market_id", "id"),
    Index("complaints_waiting_idx", "market_id", postgresql_where=sql("answered_at IS NULL")),
    comment="vendor_id: who was authorised at the stall when it was made. Ids are ordered by time.",
)

complaint_answers = Table(
    "complaint_answers",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("complaint_id", ForeignKey("complaints.id"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    text("office"),
    text("who"),
    text("words"),
    instant("at"),
    one_of("office", "market", "tax"),
    CheckConstraint("length(words) <= 500", name="words_fit"),
    comment="office and who: as they were when they answered.",
)
