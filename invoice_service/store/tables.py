"""Every table and, in constraints, every rule that must hold whatever the code does.

The chain that promise 1 and 2 hang on is made of foreign keys that carry the amount:
invoices (order_id, total_fen) → sales (order_id, amount_fen) → payments and orders of that amount.
So an invoice without a verified payment of exactly its total cannot be stored.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import DATERANGE, INT4MULTIRANGE, JSONB, UUID, ExcludeConstraint

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def instant(name: str, *, nullable: bool = False) -> Column:  # type: ignore[type-arg]
    return Column(name, DateTime(timezone=True), nullable=nullable)


def text(name: str, *, nullable: bool = False) -> Column:  # type: ignore[type-arg]
    return Column(name, Text, nullable=nullable)


def positive(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} > 0", name=f"{column}_positive")


def one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def bytes_long(column: str, length: int) -> CheckConstraint:
    return CheckConstraint(f"octet_length({column}) = {length}", name=f"{column}_length")


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
    text("default_name_zh"),
    text("default_name_en"),
    text("default_tax_code"),
    text("default_tax_class"),
    one_of("taxpayer_kind", "general", "small_scale", "natural_person"),
    one_of("tax_period", "month", "quarter"),
    CheckConstraint("(taxpayer_kind = 'natural_person') = (tax_id IS NULL)", name="tax_id_where_registered"),
    CheckConstraint("default_tax_code ~ '^[0-9]{19}$'", name="default_tax_code_digits"),
    UniqueConstraint("market_id", "id"),
    comment="default_…: the goods class that a plain amount is sold under. licence_until: its last day.",
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

stall_codes = Table(
    "stall_codes",
    metadata,
    Column("stall_id", ForeignKey("stalls.id"), primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    positive("serial"),
    instant("issued_at"),
    instant("replaced_at", nullable=True),
    text("reason", nullable=True),
    CheckConstraint("(replaced_at IS NULL) = (reason IS NULL)", name="replaced_for_a_reason"),
    comment="The codes ever printed for a stall. The signature on a code is derived, so it is not kept.",
)
Index("stall_codes_live_key", stall_codes.c.stall_id, unique=True,
      postgresql_where=stall_codes.c.replaced_at.is_(None))  # fmt: skip

MINUTES_OF_WEEK = 7 * 24 * 60
authorisations = Table(
    "authorisations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("stall_id", BigInteger, nullable=False, index=True),
    Column("vendor_id", BigInteger, nullable=False, index=True),
    Column("days", DATERANGE, nullable=False),
    Column("minutes", INT4MULTIRANGE, nullable=False),
    instant("created_at"),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    CheckConstraint("NOT isempty(days) AND NOT lower_inf(days)", name="days_begin"),
    CheckConstraint(
        f"NOT isempty(minutes) AND minutes <@ '{{[0,{MINUTES_OF_WEEK})}}'::int4multirange",
        name="minutes_of_week",
    ),
    # Two vendors at one stall at one time: refused. (No btree_gist here, so the stall is a range, too.)
    ExcludeConstraint(
        (sql("int8range(stall_id, stall_id, '[]')"), "&&"),
        ("days", "&&"),
        ("minutes", "&&"),
        name="authorisations_overlap_excl",
    ),
    comment="Who sells at a stall when: days in Asia/Shanghai, minutes since Monday 00:00 there.",
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

accounts = Table(
    "accounts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    text("role"),
    text("name"),
    Column("login", Text, unique=True),
    Column("market_id", ForeignKey("markets.id"), index=True),
    Column("vendor_id", BigInteger, unique=True),
    text("region", nullable=True),
    Column("user_handle", LargeBinary, nullable=False, unique=True),
    text("password_hash", nullable=True),
    Column("totp_secret", LargeBinary),
    Column("totp_step", BigInteger),
    text("pin_hash", nullable=True),
    instant("created_at"),
    instant("disabled_at", nullable=True),
    one_of("role", "vendor", "operator", "officer", "admin"),
    CheckConstraint("(role = 'vendor') = (vendor_id IS NOT NULL)", name="vendor_has_a_vendor"),
    CheckConstraint("(role IN ('vendor', 'operator')) = (market_id IS NOT NULL)", name="market_scope"),
    CheckConstraint("(role = 'officer') = (region IS NOT NULL)", name="region_scope"),
    CheckConstraint("(role = 'vendor') = (login IS NULL)", name="login_at_a_desk"),
    CheckConstraint("region ~ '^[0-9]{2,6}$'", name="region_digits"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    comment="totp_secret is encrypted. region: leading digits of GB/T 2260, so 53 is Yunnan.",
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    text("name"),
    instant("created_at"),
    instant("last_used_at", nullable=True),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    bytes_long("code_hash", 32),
    instant("used_at", nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    bytes_long("token_hash", 32),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    text("device"),
    text("address"),
    instant("created_at"),
    instant("seen_at"),
    instant("expires_at"),
    instant("confirmed_at", nullable=True),
    instant("ended_at", nullable=True),
    comment="Who is signed in. confirmed_at: when they last proved again who they are.",
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    bytes_long("token_hash", 32),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("invited_by", ForeignKey("accounts.id")),
    instant("created_at"),
    instant("expires_at"),
    instant("used_at", nullable=True),
    instant("revoked_at", nullable=True),
    comment="One-time links and QR codes: a vendor's binds a phone, anyone else's sets up a sign-in.",
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("subject", Text, nullable=False),
    text("address"),
    instant("at"),
    Index("failed_sign_ins_subject_at_idx", "subject", "at"),
    Index("failed_sign_ins_address_at_idx", "address", "at"),
    comment="Wrong passwords, codes and PINs, counted within a window and then deleted.",
)

access_records = Table(
    "access_records",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    instant("at"),
    Column("day", Date, nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id")),
    text("role"),
    text("who"),
    text("action"),
    Column("market_id", BigInteger),
    Column("vendor_id", BigInteger),
    text("subject"),
    text("reason", nullable=True),
    Column("blind", UUID(as_uuid=True), nullable=False, server_default=func.gen_random_uuid()),
    # Whoever reads them reads the newest first: a vendor's, a market's, one's own.
    Index("access_records_vendor_id_id_idx", "vendor_id", "id"),
    Index("access_records_market_id_id_idx", "market_id", "id"),
    Index("access_records_account_id_id_idx", "account_id", "id"),
    comment="查阅记录: who did or looked at what. Rows are never changed; a trigger refuses it.",
)

access_days = Table(
    "access_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    bytes_long("root", 32),
    Column("body", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    bytes_long("salt", 32),
    instant("closed_at"),
    comment="The Merkle root over a day's access records; its commitment is the day's ACCESS_DAY entry.",
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
Index("orders_vendor_id_paid_at_idx", orders.c.vendor_id, orders.c.paid_at,
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
    CheckConstraint("exempt_fen + taxable_net_fen + tax_fen = amount_fen", name="parts_add_up"),
    ForeignKeyConstraint(["order_id", "amount_fen"], ["orders.id", "orders.amount_fen"]),
    ForeignKeyConstraint(
        ["payment_id", "order_id", "amount_fen"],
        ["payments.id", "payments.order_id", "payments.amount_fen"],
    ),
    UniqueConstraint("order_id", "amount_fen"),
    comment="The transaction attestation 交易鉴证 of each paid order, its parts by that day's tax rules.",
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
    ForeignKeyConstraint(["order_id", "total_fen"], ["sales.order_id", "sales.amount_fen"]),
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
    CheckConstraint("kind BETWEEN 1 AND 7", name="kind_known"),
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
    instant("created_at"),
    instant("opened_at", nullable=True),
    instant("ended_at", nullable=True),
    comment="Deployments of the contract. The nonce is kept before deploying, so that a crash is healed.",
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
    Column("tx_hash", LargeBinary, nullable=False, unique=True),
    bytes_long("tx_hash", 32),
    Column("gas_price", Numeric(78, 0), nullable=False),
    text("status"),
    instant("created_at"),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary),
    instant("block_time", nullable=True),
    Column("gas_used", BigInteger),
    one_of("status", "pending", "replaced", "failed", "mined", "final"),
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
    Column("block_number", BigInteger),
    instant("checked_at"),
)

vendor_hours = Table(
    "vendor_hours",
    metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("stall_id", BigInteger, primary_key=True, autoincrement=False),
    Column("market_id", BigInteger, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("exempt_fen", BigInteger, nullable=False),
    Column("taxable_net_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    Column("invoices", Integer, nullable=False),
    Column("invoiced_fen", BigInteger, nullable=False),
    CheckConstraint("hour = date_trunc('hour', hour, 'UTC')", name="whole_hours"),
    CheckConstraint("exempt_fen + taxable_net_fen + tax_fen = amount_fen", name="parts_add_up"),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("vendor_hours_market_id_hour_idx", "market_id", "hour"),
    comment="Rollup, written with each sale (at its paid_at) and each invoice (at its issued_at).",
)

vendor_goods_days = Table(
    "vendor_goods_days",
    metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("stall_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name_zh", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("tax_class", Text, primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    text("name_en"),
    Column("lines", Integer, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    ForeignKeyConstraint(["market_id", "stall_id"], ["stalls.market_id", "stalls.id"]),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("vendor_goods_days_market_id_day_idx", "market_id", "day"),
    comment="Rollup of sold lines by goods and business day.",
)

day_closes = Table(
    "day_closes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("market_id", BigInteger, nullable=False),
    Column("vendor_id", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("recorded_fen", JSONB, nullable=False),
    Column("stated_fen", JSONB, nullable=False),
    Column("cash_fen", BigInteger, nullable=False),
    text("note"),
    Column("closed_by", ForeignKey("accounts.id"), nullable=False),
    instant("closed_at"),
    CheckConstraint("cash_fen >= 0", name="cash_counted"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    Index("day_closes_vendor_id_day_idx", "vendor_id", "day"),
    comment="What a vendor counted at a day's end beside what was recorded. The last counts.",
)
