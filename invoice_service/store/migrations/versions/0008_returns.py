"""VAT returns of periods that are over, sealed into the log"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("outbox_kind_known_check"), "outbox")
    op.create_check_constraint(op.f("outbox_kind_known_check"), "outbox", "kind BETWEEN 1 AND 8")
    op.create_table(
        "vat_returns",
        sa.Column("vendor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("amendment", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("vat_returns_root_length_check")),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("vat_returns_salt_length_check")),
        sa.CheckConstraint("octet_length(commitment) = 32", name=op.f("vat_returns_commitment_length_check")),
        sa.CheckConstraint("amendment >= 0", name=op.f("vat_returns_amendment_counted_check")),
        sa.CheckConstraint("first_day < last_day", name=op.f("vat_returns_whole_period_check")),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("vat_returns_market_id_vendor_id_fkey"),
        ),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(vendor_id, vendor_id, '[]')"), "&&"),
            (sa.text("daterange(first_day, last_day, '[]')"), "&&"),
            using="gist",
            where=sa.text("amendment = 0"),
            name="vat_returns_overlap_excl",
        ),
        sa.PrimaryKeyConstraint("vendor_id", "first_day", "amendment", name=op.f("vat_returns_pkey")),
        sa.UniqueConstraint("commitment", name=op.f("vat_returns_commitment_key")),
        comment="The body is the return; the other columns only index it, and a trigger refuses changes. "
        "is_stale: a fact came after it, so that an amendment follows or has followed.",
    )
    op.create_index(
        "vat_returns_is_stale_idx", "vat_returns", ["first_day"], postgresql_where=sa.text("is_stale")
    )
    op.execute("""
        CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE OR UPDATE OF vendor_id, first_day, amendment,
            market_id, last_day, cells, size, root, body, salt, commitment, sealed_at ON vat_returns
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
