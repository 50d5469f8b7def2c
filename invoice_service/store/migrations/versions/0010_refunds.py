"""Refunds and credit notes; what went back of each line, and what of a sale an invoice is for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "order_lines", sa.Column("returned_fen", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "order_lines", sa.Column("returned_quantity", sa.Numeric(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        "returned_fen_was_paid", "order_lines", "returned_fen BETWEEN 0 AND amount_fen"
    )
    op.create_check_constraint(
        "returned_quantity_was_sold", "order_lines", "returned_quantity BETWEEN 0 AND quantity"
    )
    op.create_table_comment("order_lines", "returned_…: what went back of it, or is on its way back.")
    op.add_column("sales", sa.Column("kept_fen", sa.BigInteger()))
    op.execute("UPDATE sales SET kept_fen = amount_fen")
    op.alter_column("sales", "kept_fen", nullable=False)
    op.create_check_constraint("kept_of_what_was_paid", "sales", "kept_fen BETWEEN 0 AND amount_fen")
    op.create_unique_constraint("sales_order_id_kept_fen_key", "sales", ["order_id", "kept_fen"])
    op.drop_constraint("invoices_order_id_total_fen_fkey", "invoices", type_="foreignkey")
    op.create_foreign_key(
        "invoices_order_id_total_fen_fkey",
        "invoices",
        "sales",
        ["order_id", "total_fen"],
        ["order_id", "kept_fen"],
    )
    op.drop_constraint("sales_order_id_amount_fen_key", "sales", type_="unique")
    op.create_table_comment(
        "sales",
        "The transaction attestation 交易鉴证 of each paid order, its parts by that day's tax rules. "
        "line_…: a value for each line of the order, the first for line 0. kept_fen: what an invoice is for; "
        "less than was paid where something went back before there was one, and fixed once there is.",
    )
    op.add_column("invoice_lines", sa.Column("order_line", sa.SmallInteger()))
    op.execute("UPDATE invoice_lines SET order_line = n")
    op.alter_column("invoice_lines", "order_line", nullable=False)
    op.create_table_comment(
        "invoice_lines", "order_line: its place in the order, of which some may have gone back before."
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consent_epoch_id", sa.BigInteger(), nullable=True),
        sa.Column("consent_deadline", sa.BigInteger(), nullable=True),
        sa.Column("consent", sa.LargeBinary(), nullable=True),
        sa.Column("provider_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_refund_id", sa.Text(), nullable=True),
        sa.Column("paid_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('consent', 'locking', 'paying', 'crediting')) = (settled_at IS NULL)",
            name=op.f("refunds_settled_has_a_time_check"),
        ),
        sa.CheckConstraint(
            "(status IN ('crediting', 'done')) = (paid_back_at IS NOT NULL) "
            "AND num_nulls(paid_back_at, provider_refund_id, body, salt, commitment) IN (0, 5)",
            name=op.f("refunds_paid_back_as_a_whole_check"),
        ),
        sa.CheckConstraint(
            "invoice_number IS NOT NULL OR status NOT IN ('consent', 'locking', 'crediting', 'lapsed')",
            name=op.f("refunds_nothing_on_chain_without_an_invoice_check"),
        ),
        sa.CheckConstraint("reason IN ('01', '02', '03', '04')", name=op.f("refunds_reason_known_check")),
        sa.CheckConstraint(
            "status IN ('consent', 'locking', 'paying', 'crediting', 'done', 'lapsed', 'refused')",
            name=op.f("refunds_status_known_check"),
        ),
        sa.CheckConstraint(
            "num_nulls(consent, consent_deadline, consent_epoch_id) IN (0, 3)",
            name=op.f("refunds_consent_whole_check"),
        ),
        sa.CheckConstraint("amount_fen <= paid_fen", name=op.f("refunds_no_more_than_paid_check")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("refunds_amount_fen_positive_check")),
        sa.CheckConstraint("octet_length(commitment) = 32", name=op.f("refunds_commitment_length_check")),
        sa.CheckConstraint("octet_length(consent) = 64", name=op.f("refunds_consent_length_check")),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("refunds_salt_length_check")),
        sa.CheckConstraint(
            "paid_back_at IS NULL OR provider_asked_at IS NOT NULL",
            name=op.f("refunds_asked_before_paid_back_check"),
        ),
        sa.ForeignKeyConstraint(
            ["consent_epoch_id"], ["epochs.id"], name=op.f("refunds_consent_epoch_id_fkey")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.id"], name=op.f("refunds_asked_by_fkey")),
        sa.ForeignKeyConstraint(
            ["invoice_number"], ["invoices.number"], name=op.f("refunds_invoice_number_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("refunds_market_id_vendor_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sales.order_id"], name=op.f("refunds_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["payment_id", "order_id", "paid_fen"],
            ["payments.id", "payments.order_id", "payments.amount_fen"],
            name=op.f("refunds_payment_id_order_id_paid_fen_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refunds_pkey")),
        sa.UniqueConstraint("commitment", name=op.f("refunds_commitment_key")),
        comment="One at a time of an order. provider_asked_at: from when on the money may be back. "
        "body: the REFUND, once it was paid back. The id is its entry's fact.",
    )
    op.create_index(op.f("refunds_invoice_number_idx"), "refunds", ["invoice_number"], unique=False)
    op.create_index(
        "refunds_open_key",
        "refunds",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('consent', 'locking', 'paying', 'crediting')"),
    )
    op.create_index(op.f("refunds_order_id_idx"), "refunds", ["order_id"], unique=False)
    op.create_index(
        "refunds_vendor_id_paid_back_at_idx",
        "refunds",
        ["vendor_id", "paid_back_at"],
        unique=False,
        postgresql_where=sa.text("paid_back_at IS NOT NULL"),
    )
    op.create_index(
        "refunds_waiting_idx",
        "refunds",
        ["asked_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('consent', 'locking', 'paying', 'crediting')"),
    )
    op.create_table(
        "credit_notes",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("refund_id", sa.UUID(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_salt", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("net_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("number ~ '^[0-9]{20}$'", name=op.f("credit_notes_number_digits_check")),
        sa.CheckConstraint(
            "net_fen + tax_fen = total_fen AND tax_fen >= 0", name=op.f("credit_notes_totals_agree_check")
        ),
        sa.CheckConstraint("notes >= 0", name=op.f("credit_notes_notes_counted_check")),
        sa.CheckConstraint("octet_length(body_salt) = 32", name=op.f("credit_notes_body_salt_length_check")),
        sa.CheckConstraint(
            "octet_length(commitment) = 32", name=op.f("credit_notes_commitment_length_check")
        ),
        sa.CheckConstraint("total_fen > 0", name=op.f("credit_notes_total_fen_positive_check")),
        sa.ForeignKeyConstraint(["event_id"], ["chain_events.id"], name=op.f("credit_notes_event_id_fkey")),
        sa.ForeignKeyConstraint(
            ["invoice_number"], ["invoices.number"], name=op.f("credit_notes_invoice_number_fkey")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("credit_notes_refund_id_fkey")),
        sa.PrimaryKeyConstraint("number", name=op.f("credit_notes_pkey")),
        sa.UniqueConstraint("commitment", name=op.f("credit_notes_commitment_key")),
        sa.UniqueConstraint("event_id", name=op.f("credit_notes_event_id_key")),
        sa.UniqueConstraint("refund_id", name=op.f("credit_notes_refund_id_key")),
        comment="Drawn up when the refund was asked for; in force since the contract's event, "
        "if there is one.",
    )
    op.create_index(
        "credit_notes_in_force_key",
        "credit_notes",
        ["invoice_number", "notes"],
        unique=True,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_index(op.f("credit_notes_invoice_number_idx"), "credit_notes", ["invoice_number"], unique=False)
    op.create_table(
        "refund_lines",
        sa.Column("refund_id", sa.UUID(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("net_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("refund_lines_amount_fen_positive_check")),
        sa.CheckConstraint(
            "net_fen + tax_fen = amount_fen AND tax_fen >= 0", name=op.f("refund_lines_parts_add_up_check")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("refund_lines_quantity_positive_check")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("refund_lines_refund_id_fkey")),
        sa.PrimaryKeyConstraint("refund_id", "n", name=op.f("refund_lines_pkey")),
        comment="n: the order's line. quantity: none where only money goes back.",
    )
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_lines
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
    op.execute("""
        CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE OR UPDATE OF number, refund_id, invoice_number,
            notes, whole, body, body_salt, commitment, net_fen, tax_fen, total_fen, issued_at ON credit_notes
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
