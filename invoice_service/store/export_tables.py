"""Sales that officers take out in the background, and the file so far in pieces."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB, UUID

from invoice_service.store.schema import instant, metadata, one_of, text

exports = Table(
    "exports",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("market_id", ForeignKey("markets.id"), nullable=False),
    Column("wanted", JSONB, nullable=False),
    text("lang"),
    text("reason"),
    text("state"),
    Column("rows_done", Integer, nullable=False),
    Column("rows_total", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("cursor", UUID(as_uuid=True)),
    instant("created_at"),
    instant("done_at", nullable=True),
    one_of("state", "waiting", "running", "done", "expired"),
    CheckConstraint("(state IN ('done', 'expired')) = (done_at IS NOT NULL)", name="done_has_a_time"),
    CheckConstraint("(state = 'waiting') = (chunks = 0)", name="begun_has_chunks"),
    Index("exports_account_id_id_idx", "account_id", "id"),
    Index("exports_unfinished_idx", "rows_done", postgresql_where=sql("state IN ('waiting', 'running')")),
    comment="rows_total is what the sums say and may be more than fit; cursor: the last sale written.",
)

export_chunks = Table(
    "export_chunks",
    metadata,
    Column("export_id", ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    comment="Members of one gzip file, in the order of n.",
)
