"""What vendors may invoice in a month, and what they asked for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "allowances",
        sa.Column("vendor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("ceiling_fen", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("ceiling_fen > 0", name=op.f("allowances_ceiling_fen_positive_check")),
        sa.CheckConstraint("length(reason) BETWEEN 4 AND 200", name=op.f("allowances_reason_fits_check")),
        sa.ForeignKeyConstraint(["set_by"], ["accounts.id"], name=op.f("allowances_set_by_fkey")),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("allowances_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("allowances_pkey")),
        comment="The ceilings in force; a vendor without a row has none. Earlier ones: see access_records.",
    )
    op.create_table(
        "allowance_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_fen", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("granted_fen", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("asked_fen > 0", name=op.f("allowance_requests_asked_fen_positive_check")),
        sa.CheckConstraint("granted_fen > 0", name=op.f("allowance_requests_granted_fen_positive_check")),
        sa.CheckConstraint(
            "length(words) BETWEEN 4 AND 200", name=op.f("allowance_requests_words_fit_check")
        ),
        sa.CheckConstraint(
            "length(answer) BETWEEN 4 AND 200", name=op.f("allowance_requests_answer_fits_check")
        ),
        sa.CheckConstraint(
            "num_nonnulls(answered_at, answered_by, answer) IN (0, 3)",
            name=op.f("allowance_requests_answered_as_a_whole_check"),
        ),
        sa.CheckConstraint(
            "granted_fen IS NULL OR answered_at IS NOT NULL",
            name=op.f("allowance_requests_granted_by_an_answer_check"),
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.id"], name=op.f("allowance_requests_asked_by_fkey")),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["accounts.id"], name=op.f("allowance_requests_answered_by_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("allowance_requests_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("allowance_requests_pkey")),
        comment="A vendor has one open request at most. granted_fen is NULL where it was refused.",
    )
    op.create_index("allowance_requests_vendor_id_id_idx", "allowance_requests", ["vendor_id", "id"])
    op.create_index(
        "allowance_requests_open_key",
        "allowance_requests",
        ["vendor_id"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
