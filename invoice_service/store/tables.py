"""Every table and, in constraints, every rule that must hold whatever the code does.

The chain that promise 1 and 2 hang on is made of foreign keys that carry the amount:
invoices (order_id, total_fen) → sales (order_id, kept_fen), of which (order_id, amount_fen) → payments and
orders of that amount. So an invoice cannot be stored without a verified payment of exactly its total, or of
that and what went back before.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from invoice_service.store import (  # noqa: F401 - their tables are in the metadata, too
    allowance_tables,
    check_tables,
    complaint_tables,
    export_tables,
    finding_tables,
    mail_tables,
    people_tables,
    refund_tables,
    return_tables,
    status_tables,
    sums_tables,
)
from invoice_service.store.schema import bytes_long, instant, metadata, one_of, positive, text

deployment = Table(
    "deployment",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    CheckConstraint("id = 1", name="single"),
    Column("is_demo", Boolean, nullable=False),
    Column("issuer_id", LargeBinary, nullable=False),
    bytes_long("issuer_id", 32),
    Column("statement", JSONB),
    comment="What this database is: whose, and whether demo data may be put in.",
)

keys = Table(
    "keys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    bytes_long("id", 32),
    text("use"),
    Column("public_key", LargeBinary, nullable=False),
    text("certificate", nullable=True),
    instant("valid_from"),
    instant("revoked_at", nullable=True),
    one_of("use", "root", "entry", "checkpoint"),
    comment="Public keys and certificates; private keys are files and never come here.",
)

markets = Table(
    "markets",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    text("name_zh"),
    text("name_en"),
    text("region"),
    text("address"),
)

vendors = Table(
    "vendors",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", ForeignKey("markets.id"), nullable=False, index=True),
    text("name_zh"),
    text("name_en"),
    text("taxpayer_kind"),
    text("tax_id", nullable=True),
    Column("self_produced", Boolean, nullable=False),
    text("tax_period"),
    text("licence_no", nullable=True),
    Column("licence_until", Date),
    Column("licensed_classes", ARRAY(Text), nullable=False, server_default="{}"),
    text("default_name_zh"),
    text("default_name_en"),
    text("default_tax_code"),
    text("default_tax_class"),
    one_of("taxpayer_kind", "general", "small_scale", "natural_person"),
    one_of("tax_period", "month", "quarter"),
    CheckConstraint("(taxpayer_kind = 'natural_person') = (tax_id IS NULL)", name="tax_id_where_registered"),
    CheckConstraint("default_tax_code ~ '^[0-9]{19}$'", name="default_tax_code_digits"),
    UniqueConstraint("market_id", "id"),
    comment="default_…: the goods class that a plain amount is sold under. licence_until: its last day. "
    "licensed_classes: the tax classes that the licence covers; empty where that is not on record.",
)

stalls = Table(
    "stalls",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", ForeignKey("markets.id"), nullable=False),
    Column("code", Text, nullable=False, unique=True),
    text("name_zh"),
    text("name_en"),
    text("kind_zh"),
    text("kind_en"),
    text("place_zh"),
    text("place_en"),
    Column("is_open", Boolean, nullable=False),
    CheckConstraint("code ~ '^[A-Z0-9-]{1,20}$'", name="code_printable"),
    UniqueConstraint("market_id", "id"),
)

goods = Table(
    "goods",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    text("sku"),
    text("name_zh"),
    text("name_en"),
    text("unit"),
    Column("price_fen", BigInteger, nullable=False),
    positive("price_fen"),
    text("tax_code"),
    text("tax_class"),
    Column("available", Boolean, nullable=False),
    CheckConstraint("tax_code ~ '^[0-9]{19}$'", name="tax_code_digits"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    UniqueConstraint("vendor_id", "sku"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("stall_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    bytes_long("token_hash", 32),
    Column("out_trade_no", Text, nullable=False, unique=True),
    text("status"),
    Column("amount_fen", BigInteger, nullable=False),
    positive("amount_fen"),
    instant("created_at"),
    instant("expires_at"),
    instant("paid_at", nullable=True),
    Column("keyed_by", ForeignKey("accounts.id")),
    Column("rounded_off_fen", BigInteger, nullable=False, server_default="0"),
    one_of("status", "open", "paid", "closed", "refunded"),
    CheckConstraint(
        "rounded_off_fen >= 0 AND (rounded_off_fen = 0 OR keyed_by IS NOT NULL)", name="rounded_by_a_vendor"
    ),
    CheckConstraint("(status IN ('paid', 'refunded')) = (paid_at IS NOT NULL)", name="paid_has_a_time"),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    UniqueConstraint("id", "amount_fen"),
)
Index("orders_vendor_id_id_idx", orders.c.vendor_id, orders.c.id)  # ids are ordered by time
Index("orders_vendor_id_paid_at_idx", orders.c.vendor_id, orders.c.paid_at, orders.c.id,
      postgresql_where=orders.c.paid_at.is_not(None))  # fmt: skip
Index("orders_open_idx", orders.c.expires_at, postgresql_where=orders.c.status == "open")

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("n", SmallInteger, primary_key=True),
    text("sku", nullable=True),
    text("name_zh"),
    text("name_en"),
    text("unit"),
    Column("quantity", Numeric, nullable=False),
    positive("quantity"),
    Column("unit_price", Numeric, nullable=False),
    positive("unit_price"),
    Column("amount_fen", BigInteger, nullable=False),
    positive("amount_fen"),
    text("tax_code"),
    text("tax_class"),
    Column("returned_fen", BigInteger, nullable=False, server_default="0"),
    Column("returned_quantity", Numeric, nullable=False, server_default="0"),
    CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned_fen_was_paid"),
    CheckConstraint("returned_quantity BETWEEN 0 AND quantity", name="returned_quantity_was_sold"),
    comment="returned_…: what went back of it, or is on its way back.",
)

payment_attempts = Table(
    "payment_attempts",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("provider", Text, primary_key=True),
    instant("started_at"),
    Column("queries", Integer, nullable=False),
    instant("next_query_at", nullable=True),
    Index("payment_attempts_due_idx", "next_query_at", postgresql_where="next_query_at IS NOT NULL"),
    comment="Written before a provider is asked to take money, so that we know whom to ask about it.",
)

payments = Table(
    "payments",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    text("provider"),
    text("transaction_id"),
    Column("amount_fen", BigInteger, nullable=False),
    positive("amount_fen"),
    instant("paid_at"),
    instant("recorded_at"),
    text("disposition"),
    instant("refunded_at", nullable=True),
    one_of("disposition", "settles", "late", "surplus"),
    UniqueConstraint("provider", "transaction_id"),
    UniqueConstraint("id", "order_id", "amount_fen"),
)
Index(
    "payments_settling_key", payments.c.order_id, unique=True,
    postgresql_where=payments.c.disposition == "settles",
)  # fmt: skip
Index(
    "payments_to_return_idx", payments.c.id,
    postgresql_where="disposition <> 'settles' AND refunded_at IS NULL",
)  # fmt: skip

provider_notices = Table(
    "provider_notices",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    text("provider"),
    instant("received_at"),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    text("verdict"),
    text("out_trade_no", nullable=True),
    comment="Every notice as it came, raw, with what we made of it.",
)

sales = Table(
    "sales",
    metadata,
    Column("order_id", UUID(as_uuid=True), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("payment_id", BigInteger, nullable=False, unique=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    bytes_long("salt", 32),
    Column("commitment", LargeBinary, nullable=False, unique=True),
    bytes_long("commitment", 32),
    Column("exempt_fen", BigInteger, nullable=False),
    Column("taxable_net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    text("taxpayer_kind"),
    Column("line_rules", ARRAY(Text), nullable=False),
    Column("line_tax_fen", ARRAY(BigInteger), nullable=False),
    Column("kept_fen", BigInteger, nullable=False),
    CheckConstraint("kept_fen BETWEEN 0 AND amount_fen", name="kept_of_what_was_paid"),
    CheckConstraint("exempt_fen + taxable_net_fen + tax_fen = amount_fen", name="parts_add_up"),
    CheckConstraint("cardinality(line_rules) = cardinality(line_tax_fen)", name="lines_match"),
    ForeignKeyConstraint(["order_id", "amount_fen"], ["orders.id", "orders.amount_fen"]),
    ForeignKeyConstraint(
        ["payment_id", "order_id", "amount_fen"],
        ["payments.id", "payments.order_id", "payments.amount_fen"],
    ),
    UniqueConstraint("order_id", "kept_fen"),
    comment="The transaction attestation 交易鉴证 of each paid order, its parts by that day's tax rules. "
    "line_…: a value for each line of the order, the first for line 0. kept_fen: what an invoice is for; "
    "less than was paid where something went back before there was one, and fixed once there is.",
)

invoice_sequence = Sequence("invoice_sequence", metadata=metadata)

invoices = Table(
    "invoices",
    metadata,
    Column("number", Text, primary_key=True),
    CheckConstraint("number ~ '^[0-9]{20}$'", name="number_digits"),
    Column("market_id", BigInteger, nullable=False),
    Column("order_id", UUID(as_uuid=True), nullable=False, unique=True),
    Column("stall_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    bytes_long("token_hash", 32),
    Column("body", LargeBinary, nullable=False),
    Column("body_salt", LargeBinary, nullable=False),
    bytes_long("body_salt", 32),
    Column("net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    Column("total_fen", BigInteger, nullable=False),
    positive("total_fen"),
    instant("issued_at"),
    Column("claim_address", LargeBinary, nullable=False, unique=True),
    bytes_long("claim_address", 20),
    Column("claim_key", LargeBinary, nullable=False),
    CheckConstraint("net_fen + tax_fen = total_fen AND tax_fen >= 0", name="totals_agree"),
    ForeignKeyConstraint(["order_id", "total_fen"], ["sales.order_id", "sales.kept_fen"]),
    Index("invoices_vendor_id_issued_at_idx", "vendor_id", "issued_at", "number"),
    comment="The body is the invoice; the other columns only index it. claim_key is encrypted.",
)

invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("number", ForeignKey("invoices.number"), primary_key=True),
    Column("n", SmallInteger, primary_key=True),
    text("tax_code"),
    Column("net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, Computed("net_fen + tax_fen", persisted=True)),
    text("rule"),
    Column("order_line", SmallInteger, nullable=False),
    comment="order_line: its place in the order, of which some may have gone back before.",
)

buyer_documents = Table(
    "buyer_documents",
    metadata,
    Column("number", ForeignKey("invoices.number"), primary_key=True),
    Column("document", LargeBinary),
    Column("salt", LargeBinary),
    instant("erased_at", nullable=True),
    CheckConstraint(
        "(erased_at IS NULL) = (document IS NOT NULL) AND (document IS NULL) = (salt IS NULL)",
        name="erased_whole",
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    bytes_long("request_hash", 32),
    Column("result", Text, nullable=False),
    instant("created_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    CheckConstraint("kind BETWEEN 1 AND 8", name="kind_known"),
    text("fact"),
    Column("entry", LargeBinary, nullable=False),
    bytes_long("entry", 133),
    Column("signature", LargeBinary, nullable=False),
    bytes_long("signature", 64),
    UniqueConstraint("kind", "fact"),
    comment="Facts that are true and not yet in the log; the sequencer takes them away.",
)

log_state = Table(
    "log_state",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    CheckConstraint("id = 1", name="single"),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    bytes_long("root", 32),
    comment="The one row whose lock makes a process the sequencer.",
)

log_heads = Table(
    "log_heads",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    bytes_long("root", 32),
    text("checkpoint"),
    instant("sealed_at"),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    text("fact"),
    Column("entry", LargeBinary, nullable=False),
    bytes_long("entry", 133),
    Column("signature", LargeBinary, nullable=False),
    bytes_long("signature", 64),
    UniqueConstraint("kind", "fact"),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    CheckConstraint("octet_length(hashes) BETWEEN 32 AND 8192", name="hashes_fit"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("nonce", LargeBinary, nullable=False, unique=True),
    bytes_long("nonce", 32),
    Column("chain_id", BigInteger, nullable=False),
    Column("genesis_hash", LargeBinary, nullable=False),
    bytes_long("genesis_hash", 32),
    Column("contract", LargeBinary),
    Column("log_id", LargeBinary, nullable=False),
    bytes_long("log_id", 32),
    text("operator"),
    Column("opened_size", BigInteger, nullable=False),
    Column("opened_root", LargeBinary, nullable=False),
    bytes_long("opened_root", 32),
    Column("opened_block", BigInteger),
    Column("opened_tx", LargeBinary),
    bytes_long("opened_tx", 32),
    Column("read_block", BigInteger, nullable=False),
    Column("read_hash", LargeBinary),
    bytes_long("read_hash", 32),
    instant("created_at"),
    instant("opened_at", nullable=True),
    instant("ended_at", nullable=True),
    comment="Deployments of the contract. opened_…: its first head and block. read_…: events up to here.",
)
Index("epochs_live_key", func.coalesce(epochs.c.ended_at, "infinity"), unique=True,
      postgresql_where=epochs.c.ended_at.is_(None))  # fmt: skip

submissions = Table(
    "submissions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("old_size", BigInteger, nullable=False),
    Column("new_size", BigInteger, nullable=False),
    Column("new_root", LargeBinary, nullable=False),
    bytes_long("new_root", 32),
    Column("raw", LargeBinary, nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    bytes_long("tx_hash", 32),
    Column("gas_price", Numeric(78, 0), nullable=False),
    text("status"),
    instant("created_at"),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary),
    instant("block_time", nullable=True),
    Column("gas_used", BigInteger),
    one_of("status", "pending", "replaced", "failed", "mined", "final"),
    UniqueConstraint("epoch_id", "tx_hash"),
    CheckConstraint("new_size > old_size AND old_size >= 0", name="grows"),
    CheckConstraint("(status IN ('mined', 'final')) = (block_number IS NOT NULL)", name="block_where_mined"),
)
Index("submissions_pending_key", submissions.c.epoch_id, unique=True,
      postgresql_where=submissions.c.status == "pending")  # fmt: skip
Index("submissions_mined_key", submissions.c.epoch_id, submissions.c.new_size, unique=True,
      postgresql_where=submissions.c.status.in_(["mined", "final"]))  # fmt: skip

chain_health = Table(
    "chain_health",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    CheckConstraint("id = 1", name="single"),
    Column("reachable", Boolean, nullable=False),
    text("detail"),
    Column("events_detail", Text, nullable=False, server_default=""),
    Column("block_number", BigInteger),
    instant("checked_at"),
)
