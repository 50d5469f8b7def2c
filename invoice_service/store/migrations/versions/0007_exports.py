"""Exports in the background"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'expired')", name=op.f("exports_state_known_check")
        ),
        sa.CheckConstraint(
            "(state IN ('done', 'expired')) = (done_at IS NOT NULL)",
            name=op.f("exports_done_has_a_time_check"),
        ),
        sa.CheckConstraint("(state = 'waiting') = (chunks = 0)", name=op.f("exports_begun_has_chunks_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("exports_account_id_fkey")),
        sa.ForeignKeyConstraint(["market_id"], ["markets.id"], name=op.f("exports_market_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("exports_pkey")),
        comment="rows_total is what the sums say and may be more than fit; cursor: the last sale written.",
    )
    op.create_index("exports_account_id_id_idx", "exports", ["account_id", "id"])
    op.create_index(
        "exports_unfinished_idx",
        "exports",
        ["rows_done"],
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "export_chunks",
        sa.Column("export_id", sa.UUID(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"], ["exports.id"], name=op.f("export_chunks_export_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("export_id", "n", name=op.f("export_chunks_pkey")),
        comment="Members of one gzip file, in the order of n.",
    )
