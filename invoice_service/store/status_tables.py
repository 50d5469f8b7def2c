"""What became of invoices by the contract, and what we asked the contract to do about them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from invoice_service.store.schema import bytes_long, instant, metadata, one_of, text

chain_events = Table(
    "chain_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    bytes_long("tx_hash", 32),
    Column("place", SmallInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, nullable=False),
    bytes_long("block_hash", 32),
    instant("block_time"),
    Column("number", ForeignKey("invoices.number"), nullable=False, index=True),
    text("change"),
    one_of("change", "claimed", "released", "locked", "unlocked", "credited"),
    Column("claimant", LargeBinary),
    bytes_long("claimant", 20),
    Column("note", LargeBinary),
    bytes_long("note", 32),
    Column("whole", Boolean),
    Column("body", LargeBinary),
    Column("salt", LargeBinary),
    bytes_long("salt", 32),
    Column("commitment", LargeBinary, unique=True),
    bytes_long("commitment", 32),
    CheckConstraint("(change IN ('claimed', 'released')) = (claimant IS NOT NULL)", name="claimant_told"),
    CheckConstraint(
        "(change = 'credited') = (note IS NOT NULL) AND (note IS NULL) = (whole IS NULL)", name="note_told"
    ),
    CheckConstraint(
        "(claimant IS NULL) = (body IS NULL) AND (body IS NULL) = (salt IS NULL) "
        "AND (body IS NULL) = (commitment IS NULL)",
        name="claims_attested",
    ),
    UniqueConstraint("epoch_id", "tx_hash", "place"),
    Index("chain_events_epoch_id_block_number_idx", "epoch_id", "block_number"),
    comment="Final events. place: among its transaction's, from 0. The id is its entry's fact.",
)

invoice_statuses = Table(
    "invoice_statuses",
    metadata,
    Column("number", ForeignKey("invoices.number"), primary_key=True),
    text("state"),
    one_of("state", "free", "claimed", "locked", "credited"),
    Column("notes", Integer, nullable=False),
    CheckConstraint("notes >= 0 AND (state <> 'credited' OR notes > 0)", name="notes_counted"),
    instant("since"),
    Column("claimant", LargeBinary),
    bytes_long("claimant", 20),
    CheckConstraint(
        "CASE state WHEN 'claimed' THEN claimant IS NOT NULL WHEN 'credited' THEN true "
        "ELSE claimant IS NULL END",
        name="claimant_known",
    ),
    comment="What the final events amount to; a lapsed lock stays locked (domain/standing.py).",
)

companies = Table(
    "companies",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    text("tax_id"),
    CheckConstraint("tax_id ~ '^[0-9A-Z]{18}$'", name="tax_id_length"),
    text("name"),
    Column("account", LargeBinary, nullable=False),
    bytes_long("account", 20),
    instant("added_at"),
    instant("ended_at", nullable=True),
    Index("companies_account_key", "account", unique=True, postgresql_where=sql("ended_at IS NULL")),
    Index("companies_tax_id_key", "tax_id", unique=True, postgresql_where=sql("ended_at IS NULL")),
    comment="Companies whose account was checked: no token is asked for what is made out to them.",
)

relays = Table(
    "relays",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    bytes_long("id", 16),
    Column("seq", BigInteger, Identity(), nullable=False, unique=True),
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    text("kind"),
    one_of("kind", "claim", "release", "lock", "unlock", "credit", "credit_claimed"),
    Column("data", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("claimant", LargeBinary),
    bytes_long("claimant", 20),
    Column("nonce", BigInteger),
    text("status"),
    one_of("status", "queued", "sent", "done", "refused"),
    text("reason", nullable=True),
    instant("created_at"),
    instant("settled_at", nullable=True),
    CheckConstraint("(kind IN ('claim', 'release')) = (claimant IS NOT NULL)", name="claimant_named"),
    CheckConstraint("(claimant IS NULL) = (nonce IS NULL)", name="nonce_named"),
    CheckConstraint("(status IN ('done', 'refused')) = (settled_at IS NOT NULL)", name="settled_has_a_time"),
    CheckConstraint("(status = 'refused') = (reason IS NOT NULL)", name="refused_has_a_reason"),
    Index(
        "relays_list_key", "epoch_id", "claimant", "nonce", unique=True,
        postgresql_where=sql("status IN ('queued', 'sent')"),
    ),
    Index("relays_open_idx", "seq", postgresql_where=sql("status IN ('queued', 'sent')")),
    comment="Calls of the contract that somebody asked for. claimant, nonce: of whoever signed the list.",
)  # fmt: skip

relay_items = Table(
    "relay_items",
    metadata,
    Column("relay_id", ForeignKey("relays.id"), primary_key=True),
    Column("n", SmallInteger, primary_key=True),
    Column("number", ForeignKey("invoices.number"), nullable=False, index=True),
    UniqueConstraint("relay_id", "number"),
)

relay_transactions = Table(
    "relay_transactions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("relay_id", ForeignKey("relays.id"), nullable=False, index=True),
    Column("nonce", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    bytes_long("tx_hash", 32),
    Column("gas_price", Numeric(78, 0), nullable=False),
    text("status"),
    one_of("status", "pending", "replaced", "failed", "mined", "final"),
    instant("created_at"),
    Column("block_number", BigInteger),
    UniqueConstraint("epoch_id", "tx_hash"),
    CheckConstraint("(status IN ('mined', 'final')) = (block_number IS NOT NULL)", name="block_where_mined"),
    Index(
        "relay_transactions_live_key", "epoch_id", "nonce", unique=True,
        postgresql_where=sql("status IN ('pending', 'mined', 'final')"),
    ),
    comment="Transactions of the relaying account, kept before they are sent.",
)  # fmt: skip
