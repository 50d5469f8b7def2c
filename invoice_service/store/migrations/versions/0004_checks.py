"""Piles of invoices that officers have checked"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size BETWEEN 1 AND 500", name=op.f("checks_size_fits_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("checks_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("checks_pkey")),
    )
    op.create_index("checks_account_id_id_idx", "checks", ["account_id", "id"])
    op.create_table(
        "check_items",
        sa.Column("check_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("total", sa.Text(), nullable=False),
        sa.Column("same_as", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("total_fen", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seller", sa.Text(), nullable=True),
        sa.Column("steps", postgresql.JSONB(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('pdf', 'evidence', 'facts', 'number', 'none')",
            name=op.f("check_items_kind_known_check"),
        ),
        sa.CheckConstraint(
            "verdict IN ('genuine', 'altered', 'unknown', 'undecided', 'unreadable', 'repeated')",
            name=op.f("check_items_verdict_known_check"),
        ),
        sa.CheckConstraint(
            "(verdict IS NULL) = (checked_at IS NULL)", name=op.f("check_items_checked_has_a_time_check")
        ),
        sa.CheckConstraint(
            "verdict IS NULL OR data IS NULL", name=op.f("check_items_files_are_not_kept_check")
        ),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("check_items_check_id_fkey")),
        sa.PrimaryKeyConstraint("check_id", "n", name=op.f("check_items_pkey")),
        comment="A file's bytes are kept until it was checked, and no longer.",
    )
    op.create_index(
        "check_items_waiting_idx",
        "check_items",
        ["check_id", "n"],
        postgresql_where=sa.text("verdict IS NULL"),
    )
