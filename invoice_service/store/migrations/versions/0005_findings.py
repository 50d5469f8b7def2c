"""Findings of the rules, their cases, and what a vendor's licence covers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "vendors",
        sa.Column("licensed_classes", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )
    op.create_table_comment(
        "vendors",
        "default_…: the goods class that a plain amount is sold under. licence_until: its last day. "
        "licensed_classes: the tax classes that the licence covers; empty where that is not on record.",
        existing_comment="default_…: the goods class that a plain amount is sold under. "
        "licence_until: its last day.",
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=True),
        sa.Column("stall", sa.Text(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("records", postgresql.JSONB(), nullable=False),
        sa.Column("thresholds", postgresql.JSONB(), nullable=False),
        sa.Column("rule_since", sa.Date(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("last_seen", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("assigned_to", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('new', 'assigned', 'closed')", name=op.f("findings_state_known_check")),
        sa.CheckConstraint(
            "outcome IN ('innocent', 'warned', 'corrected', 'referred')",
            name=op.f("findings_outcome_known_check"),
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (outcome IS NOT NULL)", name=op.f("findings_closed_with_an_outcome_check")
        ),
        sa.CheckConstraint(
            "(state = 'assigned') <= (assigned_to IS NOT NULL)",
            name=op.f("findings_assigned_to_somebody_check"),
        ),
        sa.CheckConstraint(
            "first_day <= last_day AND last_day <= last_seen", name=op.f("findings_days_in_order_check")
        ),
        sa.ForeignKeyConstraint(["market_id"], ["markets.id"], name=op.f("findings_market_id_fkey")),
        sa.ForeignKeyConstraint(["assigned_to"], ["accounts.id"], name=op.f("findings_assigned_to_fkey")),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("findings_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("findings_pkey")),
        sa.UniqueConstraint("market_id", "rule", "key", name=op.f("findings_market_id_rule_key_key")),
        comment="times: on how many days it was found. thresholds and rule_since: of the rule as it was.",
    )
    op.create_index("findings_market_id_id_idx", "findings", ["market_id", "id"])
    op.create_index(
        "findings_unclosed_idx",
        "findings",
        ["market_id", "id"],
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_table(
        "case_steps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("finding_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "step IN ('assigned', 'noted', 'closed', 'reopened')", name=op.f("case_steps_step_known_check")
        ),
        sa.CheckConstraint(
            "outcome IN ('innocent', 'warned', 'corrected', 'referred')",
            name=op.f("case_steps_outcome_known_check"),
        ),
        sa.CheckConstraint(
            "(step = 'closed') = (outcome IS NOT NULL)",
            name=op.f("case_steps_closed_with_an_outcome_check"),
        ),
        sa.CheckConstraint("length(words) <= 1000", name=op.f("case_steps_words_fit_check")),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("case_steps_finding_id_fkey")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("case_steps_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("case_steps_pkey")),
        comment="Everything that officers did about a finding, never changed. who: as they were called then.",
    )
    op.create_index(op.f("case_steps_finding_id_idx"), "case_steps", ["finding_id"])
    op.create_table(
        "rule_runs",
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["market_id"], ["markets.id"], name=op.f("rule_runs_market_id_fkey")),
        sa.PrimaryKeyConstraint("market_id", "day", name=op.f("rule_runs_pkey")),
        comment="Over which days of which markets the rules were run.",
    )
