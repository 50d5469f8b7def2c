"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("invoice_sequence")))
    op.create_table(
        "chain_health",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("reachable", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("chain_health_single_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("chain_health_pkey")),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("statement", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("deployment_single_check")),
        sa.CheckConstraint("octet_length(issuer_id) = 32", name=op.f("deployment_issuer_id_length_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("deployment_pkey")),
        comment="What this database is: whose, and whether demo data may be put in.",
    )
    op.create_table(
        "epochs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis_hash", sa.LargeBinary(), nullable=False),
        sa.Column("contract", sa.LargeBinary(), nullable=True),
        sa.Column("log_id", sa.LargeBinary(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("opened_size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(genesis_hash) = 32", name=op.f("epochs_genesis_hash_length_check")),
        sa.CheckConstraint("octet_length(log_id) = 32", name=op.f("epochs_log_id_length_check")),
        sa.CheckConstraint("octet_length(nonce) = 32", name=op.f("epochs_nonce_length_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("epochs_pkey")),
        sa.UniqueConstraint("nonce", name=op.f("epochs_nonce_key")),
        comment="Deployments of the contract. The nonce is kept before deploying, so that a crash is healed.",
    )
    op.create_index(
        "epochs_live_key",
        "epochs",
        [sa.literal_column("coalesce(ended_at, 'infinity')")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(request_hash) = 32", name=op.f("idempotency_keys_request_hash_length_check")
        ),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("use IN ('root', 'entry', 'checkpoint')", name=op.f("keys_use_known_check")),
        sa.CheckConstraint("octet_length(id) = 32", name=op.f("keys_id_length_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("keys_pkey")),
        comment="Public keys and certificates; private keys are files and never come here.",
    )
    op.create_table(
        "log_entries",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(entry) = 133", name=op.f("log_entries_entry_length_check")),
        sa.CheckConstraint("octet_length(signature) = 64", name=op.f("log_entries_signature_length_check")),
        sa.PrimaryKeyConstraint("index", name=op.f("log_entries_pkey")),
        sa.UniqueConstraint("kind", "fact", name=op.f("log_entries_kind_fact_key")),
    )
    op.create_table(
        "log_heads",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("log_heads_root_length_check")),
        sa.PrimaryKeyConstraint("size", name=op.f("log_heads_pkey")),
    )
    op.create_table(
        "log_state",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("log_state_single_check")),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("log_state_root_length_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("log_state_pkey")),
        comment="The one row whose lock makes a process the sequencer.",
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "octet_length(hashes) BETWEEN 32 AND 8192", name=op.f("log_tiles_hashes_fit_check")
        ),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("log_tiles_pkey")),
    )
    op.create_table(
        "markets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("markets_pkey")),
        sa.UniqueConstraint("code", name=op.f("markets_code_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind BETWEEN 1 AND 7", name=op.f("outbox_kind_known_check")),
        sa.CheckConstraint("octet_length(entry) = 133", name=op.f("outbox_entry_length_check")),
        sa.CheckConstraint("octet_length(signature) = 64", name=op.f("outbox_signature_length_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
        sa.UniqueConstraint("kind", "fact", name=op.f("outbox_kind_fact_key")),
        comment="Facts that are true and not yet in the log; the sequencer takes them away.",
    )
    op.create_table(
        "provider_notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("out_trade_no", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_notices_pkey")),
        comment="Every notice as it came, raw, with what we made of it.",
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("epoch_id", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("old_size", sa.BigInteger(), nullable=False),
        sa.Column("new_size", sa.BigInteger(), nullable=False),
        sa.Column("new_root", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("gas_price", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("block_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('mined', 'final')) = (block_number IS NOT NULL)",
            name=op.f("submissions_block_where_mined_check"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'replaced', 'failed', 'mined', 'final')",
            name=op.f("submissions_status_known_check"),
        ),
        sa.CheckConstraint("new_size > old_size AND old_size >= 0", name=op.f("submissions_grows_check")),
        sa.CheckConstraint("octet_length(new_root) = 32", name=op.f("submissions_new_root_length_check")),
        sa.CheckConstraint("octet_length(tx_hash) = 32", name=op.f("submissions_tx_hash_length_check")),
        sa.ForeignKeyConstraint(["epoch_id"], ["epochs.id"], name=op.f("submissions_epoch_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("submissions_pkey")),
        sa.UniqueConstraint("tx_hash", name=op.f("submissions_tx_hash_key")),
    )
    op.create_index(
        "submissions_mined_key",
        "submissions",
        ["epoch_id", "new_size"],
        unique=True,
        postgresql_where=sa.text("status IN ('mined', 'final')"),
    )
    op.create_index(
        "submissions_pending_key",
        "submissions",
        ["epoch_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "vendors",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("taxpayer_kind", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=True),
        sa.Column("self_produced", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(taxpayer_kind = 'natural_person') = (tax_id IS NULL)",
            name=op.f("vendors_tax_id_where_registered_check"),
        ),
        sa.CheckConstraint(
            "taxpayer_kind IN ('general', 'small_scale', 'natural_person')",
            name=op.f("vendors_taxpayer_kind_known_check"),
        ),
        sa.ForeignKeyConstraint(["market_id"], ["markets.id"], name=op.f("vendors_market_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("vendors_pkey")),
        sa.UniqueConstraint("market_id", "id", name=op.f("vendors_market_id_id_key")),
    )
    op.create_index(op.f("vendors_market_id_idx"), "vendors", ["market_id"], unique=False)
    op.create_table(
        "stalls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind_zh", sa.Text(), nullable=False),
        sa.Column("kind_en", sa.Text(), nullable=False),
        sa.Column("place_zh", sa.Text(), nullable=False),
        sa.Column("place_en", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("default_name_zh", sa.Text(), nullable=False),
        sa.Column("default_name_en", sa.Text(), nullable=False),
        sa.Column("default_tax_code", sa.Text(), nullable=False),
        sa.Column("default_tax_class", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("stalls_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("stalls_pkey")),
        sa.UniqueConstraint("code", name=op.f("stalls_code_key")),
        sa.UniqueConstraint("market_id", "id", name=op.f("stalls_market_id_id_key")),
    )
    op.create_table(
        "goods",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_code", sa.Text(), nullable=False),
        sa.Column("tax_class", sa.Text(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.CheckConstraint("tax_code ~ '^[0-9]{19}$'", name=op.f("goods_tax_code_digits_check")),
        sa.CheckConstraint("price_fen > 0", name=op.f("goods_price_fen_positive_check")),
        sa.ForeignKeyConstraint(
            ["market_id", "stall_id"],
            ["stalls.market_id", "stalls.id"],
            name=op.f("goods_market_id_stall_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("goods_pkey")),
        sa.UniqueConstraint("stall_id", "sku", name=op.f("goods_stall_id_sku_key")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('paid', 'refunded')) = (paid_at IS NOT NULL)",
            name=op.f("orders_paid_has_a_time_check"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'closed', 'refunded')", name=op.f("orders_status_known_check")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("orders_amount_fen_positive_check")),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("orders_token_hash_length_check")),
        sa.ForeignKeyConstraint(
            ["market_id", "stall_id"],
            ["stalls.market_id", "stalls.id"],
            name=op.f("orders_market_id_stall_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("orders_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint("id", "amount_fen", name=op.f("orders_id_amount_fen_key")),
        sa.UniqueConstraint("out_trade_no", name=op.f("orders_out_trade_no_key")),
        sa.UniqueConstraint("token_hash", name=op.f("orders_token_hash_key")),
    )
    op.create_index(
        "orders_open_idx", "orders", ["expires_at"], unique=False, postgresql_where=sa.text("status = 'open'")
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_code", sa.Text(), nullable=False),
        sa.Column("tax_class", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("order_lines_amount_fen_positive_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("order_lines_quantity_positive_check")),
        sa.CheckConstraint("unit_price > 0", name=op.f("order_lines_unit_price_positive_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("order_lines_order_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", "n", name=op.f("order_lines_pkey")),
    )
    op.create_table(
        "payment_attempts",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queries", sa.Integer(), nullable=False),
        sa.Column("next_query_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("payment_attempts_order_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", "provider", name=op.f("payment_attempts_pkey")),
        comment="Written before a provider is asked to take money, so that we know whom to ask about it.",
    )
    op.create_index(
        "payment_attempts_due_idx",
        "payment_attempts",
        ["next_query_at"],
        unique=False,
        postgresql_where="next_query_at IS NOT NULL",
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "disposition IN ('settles', 'late', 'surplus')", name=op.f("payments_disposition_known_check")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("payments_amount_fen_positive_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("payments_order_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("payments_pkey")),
        sa.UniqueConstraint("id", "order_id", "amount_fen", name=op.f("payments_id_order_id_amount_fen_key")),
        sa.UniqueConstraint("provider", "transaction_id", name=op.f("payments_provider_transaction_id_key")),
    )
    op.create_index(op.f("payments_order_id_idx"), "payments", ["order_id"], unique=False)
    op.create_index(
        "payments_settling_key",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("disposition = 'settles'"),
    )
    op.create_index(
        "payments_to_return_idx",
        "payments",
        ["id"],
        unique=False,
        postgresql_where="disposition <> 'settles' AND refunded_at IS NULL",
    )
    op.create_table(
        "sales",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(commitment) = 32", name=op.f("sales_commitment_length_check")),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("sales_salt_length_check")),
        sa.ForeignKeyConstraint(
            ["order_id", "amount_fen"],
            ["orders.id", "orders.amount_fen"],
            name=op.f("sales_order_id_amount_fen_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id", "order_id", "amount_fen"],
            ["payments.id", "payments.order_id", "payments.amount_fen"],
            name=op.f("sales_payment_id_order_id_amount_fen_fkey"),
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("sales_pkey")),
        sa.UniqueConstraint("commitment", name=op.f("sales_commitment_key")),
        sa.UniqueConstraint("order_id", "amount_fen", name=op.f("sales_order_id_amount_fen_key")),
        sa.UniqueConstraint("payment_id", name=op.f("sales_payment_id_key")),
        comment="The transaction attestation 交易鉴证 of each paid order.",
    )
    op.create_table(
        "invoices",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_salt", sa.LargeBinary(), nullable=False),
        sa.Column("net_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim_address", sa.LargeBinary(), nullable=False),
        sa.Column("claim_key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number ~ '^[0-9]{20}$'", name=op.f("invoices_number_digits_check")),
        sa.CheckConstraint(
            "net_fen + tax_fen = total_fen AND tax_fen >= 0", name=op.f("invoices_totals_agree_check")
        ),
        sa.CheckConstraint("octet_length(body_salt) = 32", name=op.f("invoices_body_salt_length_check")),
        sa.CheckConstraint(
            "octet_length(claim_address) = 20", name=op.f("invoices_claim_address_length_check")
        ),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("invoices_token_hash_length_check")),
        sa.CheckConstraint("total_fen > 0", name=op.f("invoices_total_fen_positive_check")),
        sa.ForeignKeyConstraint(
            ["order_id", "total_fen"],
            ["sales.order_id", "sales.amount_fen"],
            name=op.f("invoices_order_id_total_fen_fkey"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("invoices_pkey")),
        sa.UniqueConstraint("claim_address", name=op.f("invoices_claim_address_key")),
        sa.UniqueConstraint("order_id", name=op.f("invoices_order_id_key")),
        sa.UniqueConstraint("token_hash", name=op.f("invoices_token_hash_key")),
        comment="The body is the invoice; the other columns only index it. claim_key is encrypted.",
    )
    op.create_table(
        "buyer_documents",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(erased_at IS NULL) = (document IS NOT NULL) AND (document IS NULL) = (salt IS NULL)",
            name=op.f("buyer_documents_erased_whole_check"),
        ),
        sa.ForeignKeyConstraint(["number"], ["invoices.number"], name=op.f("buyer_documents_number_fkey")),
        sa.PrimaryKeyConstraint("number", name=op.f("buyer_documents_pkey")),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("tax_code", sa.Text(), nullable=False),
        sa.Column("net_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "amount_fen", sa.BigInteger(), sa.Computed("net_fen + tax_fen", persisted=True), nullable=True
        ),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["invoices.number"], name=op.f("invoice_lines_number_fkey")),
        sa.PrimaryKeyConstraint("number", "n", name=op.f("invoice_lines_pkey")),
    )


def downgrade() -> None:
    op.execute(sa.schema.DropSequence(sa.Sequence("invoice_sequence")))
    op.drop_table("invoice_lines")
    op.drop_table("buyer_documents")
    op.drop_table("invoices")
    op.drop_table("sales")
    op.drop_index(
        "payments_to_return_idx",
        table_name="payments",
        postgresql_where="disposition <> 'settles' AND refunded_at IS NULL",
    )
    op.drop_index(
        "payments_settling_key", table_name="payments", postgresql_where=sa.text("disposition = 'settles'")
    )
    op.drop_index(op.f("payments_order_id_idx"), table_name="payments")
    op.drop_table("payments")
    op.drop_index(
        "payment_attempts_due_idx",
        table_name="payment_attempts",
        postgresql_where="next_query_at IS NOT NULL",
    )
    op.drop_table("payment_attempts")
    op.drop_table("order_lines")
    op.drop_index("orders_open_idx", table_name="orders", postgresql_where=sa.text("status = 'open'"))
    op.drop_table("orders")
    op.drop_table("goods")
    op.drop_table("stalls")
    op.drop_index(op.f("vendors_market_id_idx"), table_name="vendors")
    op.drop_table("vendors")
    op.drop_index(
        "submissions_pending_key", table_name="submissions", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_index(
        "submissions_mined_key",
        table_name="submissions",
        postgresql_where=sa.text("status IN ('mined', 'final')"),
    )
    op.drop_table("submissions")
    op.drop_table("provider_notices")
    op.drop_table("outbox")
    op.drop_table("markets")
    op.drop_table("log_tiles")
    op.drop_table("log_state")
    op.drop_table("log_heads")
    op.drop_table("log_entries")
    op.drop_table("keys")
    op.drop_table("idempotency_keys")
    op.drop_index("epochs_live_key", table_name="epochs", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("epochs")
    op.drop_table("deployment")
    op.drop_table("chain_health")
