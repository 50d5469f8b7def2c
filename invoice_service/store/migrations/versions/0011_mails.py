"""Mails that were asked for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'waiting') = (address IS NOT NULL)", name=op.f("mails_address_while_it_waits_check")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (done_at IS NULL)", name=op.f("mails_done_in_the_end_check")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (next_try_at IS NOT NULL)", name=op.f("mails_tried_while_it_waits_check")
        ),
        sa.CheckConstraint("length(address) <= 254", name=op.f("mails_address_fits_check")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'given_up')", name=op.f("mails_state_known_check")),
        sa.ForeignKeyConstraint(["number"], ["invoices.number"], name=op.f("mails_number_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("mails_pkey")),
        comment="mark: an address and a day under a key of ours, to count by. problem: a word of ours.",
    )
    op.create_index(op.f("mails_number_idx"), "mails", ["number"], unique=False)
    op.create_index("mails_mark_idx", "mails", ["mark"], unique=False)
    op.create_index(
        "mails_next_try_at_idx",
        "mails",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
