"""Complaints about stalls, and the answers to them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('invoice_refused', 'foreign_code', 'other')", name=op.f("complaints_kind_known_check")
        ),
        sa.CheckConstraint("length(words) <= 500", name=op.f("complaints_words_fit_check")),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("complaints_token_hash_length_check")),
        sa.ForeignKeyConstraint(
            ["market_id", "stall_id"],
            ["stalls.market_id", "stalls.id"],
            name=op.f("complaints_market_id_stall_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("complaints_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("complaints_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("complaints_token_hash_key")),
        comment="vendor_id: who was authorised at the stall when it was made. Ids are ordered by time.",
    )
    op.create_index("complaints_market_id_id_idx", "complaints", ["market_id", "id"])
    op.create_index(
        "complaints_waiting_idx",
        "complaints",
        ["market_id"],
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "complaint_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("complaint_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("office IN ('market', 'tax')", name=op.f("complaint_answers_office_known_check")),
        sa.CheckConstraint("length(words) <= 500", name=op.f("complaint_answers_words_fit_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("complaint_answers_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("complaint_answers_complaint_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("complaint_answers_pkey")),
        comment="office and who: as they were when they answered.",
    )
    op.create_index(op.f("complaint_answers_complaint_id_idx"), "complaint_answers", ["complaint_id"])
