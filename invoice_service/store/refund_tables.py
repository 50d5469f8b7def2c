"""Refunds, what goes back in each, and the credit notes drawn up for them.

What may go back of a line stands on the line itself (`order_lines.returned_…`), so that no two refunds, at
whatever instant, can take more than there is.
"""

from __future__ import annotations

from sqlalchemy import (
    UUID,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy import text as sql

from invoice_service.store.schema import bytes_long, instant, metadata, one_of, positive, text

_OPEN = "status IN ('consent', 'locking', 'paying', 'crediting')"
_PAID_BACK = "status IN ('crediting', 'done')"

refunds = Table(
    "refunds",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    Column("order_id", ForeignKey("sales.order_id"), nullable=False, index=True),
    Column("payment_id", BigInteger, nullable=False),
    Column("paid_fen", BigInteger, nullable=False),
    Column("invoice_number", ForeignKey("invoices.number"), index=True),
    text("status"),
    one_of("status", "consent", "locking", "paying", "crediting", "done", "lapsed", "refused"),
    text("reason"),
    one_of("reason", "01", "02", "03", "04"),
    Column("amount_fen", BigInteger, nullable=False),
    positive("amount_fen"),
    Column("asked_by", ForeignKey("accounts.id"), nullable=False),
    instant("asked_at"),
    instant("consent_until", nullable=True),
    Column("consent_epoch_id", ForeignKey("epochs.id")),
    Column("consent_deadline", BigInteger),
    Column("consent", LargeBinary),
    bytes_long("consent", 64),
    instant("provider_asked_at", nullable=True),
    text("provider_refund_id", nullable=True),
    instant("paid_back_at", nullable=True),
    instant("settled_at", nullable=True),
    Column("body", LargeBinary),
    Column("salt", LargeBinary),
    bytes_long("salt", 32),
    Column("commitment", LargeBinary, unique=True),
    bytes_long("commitment", 32),
    CheckConstraint("amount_fen <= paid_fen", name="no_more_than_paid"),
    CheckConstraint(
        "invoice_number IS NOT NULL OR status NOT IN ('consent', 'locking', 'crediting', 'lapsed')",
        name="nothing_on_chain_without_an_invoice",
    ),
    CheckConstraint("num_nulls(consent, consent_deadline, consent_epoch_id) IN (0, 3)", name="consent_whole"),
    CheckConstraint(
        f"({_PAID_BACK}) = (paid_back_at IS NOT NULL) "
        "AND num_nulls(paid_back_at, provider_refund_id, body, salt, commitment) IN (0, 5)",
        name="paid_back_as_a_whole",
    ),
    CheckConstraint("paid_back_at IS NULL OR provider_asked_at IS NOT NULL", name="asked_before_paid_back"),
    CheckConstraint(f"({_OPEN}) = (settled_at IS NULL)", name="settled_has_a_time"),
    ForeignKeyConstraint(
        ["payment_id", "order_id", "paid_fen"],
        ["payments.id", "payments.order_id", "payments.amount_fen"],
    ),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("refunds_open_key", "order_id", unique=True, postgresql_where=sql(_OPEN)),
    Index("refunds_waiting_idx", "asked_at", postgresql_where=sql(_OPEN)),
    Index(
        "refunds_vendor_id_paid_back_at_idx", "vendor_id", "paid_back_at",
        postgresql_where=sql("paid_back_at IS NOT NULL"),
    ),
    comment="One at a time of an order. provider_asked_at: from when on the money may be back. "
    "body: the REFUND, once it was paid back. The id is its entry's fact.",
)  # fmt: skip

refund_lines = Table(
    "refund_lines",
    metadata,
    Column("refund_id", ForeignKey("refunds.id"), primary_key=True),
    Column("n", SmallInteger, primary_key=True),
    Column("quantity", Numeric),
    positive("quantity"),
    Column("amount_fen", BigInteger, nullable=False),
    positive("amount_fen"),
    Column("net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    text("rule"),
    CheckConstraint("net_fen + tax_fen = amount_fen AND tax_fen >= 0", name="parts_add_up"),
    comment="n: the order's line. quantity: none where only money goes back.",
)

credit_notes = Table(
    "credit_notes",
    metadata,
    Column("number", Text, primary_key=True),
    CheckConstraint("number ~ '^[0-9]{20}$'", name="number_digits"),
    Column("refund_id", ForeignKey("refunds.id"), nullable=False, unique=True),
    Column("invoice_number", ForeignKey("invoices.number"), nullable=False, index=True),
    Column("notes", Integer, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_salt", LargeBinary, nullable=False),
    bytes_long("body_salt", 32),
    Column("commitment", LargeBinary, nullable=False, unique=True),
    bytes_long("commitment", 32),
    Column("net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    Column("total_fen", BigInteger, nullable=False),
    positive("total_fen"),
    instant("issued_at"),
    Column("event_id", ForeignKey("chain_events.id"), unique=True),
    CheckConstraint("notes >= 0", name="notes_counted"),
    CheckConstraint("net_fen + tax_fen = total_fen AND tax_fen >= 0", name="totals_agree"),
    comment="Drawn up when the refund was asked for; in force since the contract's event, if there is one.",
)
Index("credit_notes_in_force_key", credit_notes.c.invoice_number, credit_notes.c.notes, unique=True,
      postgresql_where=credit_notes.c.event_id.is_not(None))  # fmt: skip
