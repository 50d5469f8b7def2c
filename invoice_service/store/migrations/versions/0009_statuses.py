"""What became of invoices by the contract, what is sent to it for others, and epochs after a wipe"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tax_id ~ '^[0-9A-Z]{18}$'", name=op.f("companies_tax_id_length_check")),
        sa.CheckConstraint("octet_length(account) = 20", name=op.f("companies_account_length_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("companies_pkey")),
        comment="Companies whose account was checked: no token is asked for what is made out to them.",
    )
    op.create_index(
        "companies_account_key",
        "companies",
        ["account"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "companies_tax_id_key",
        "companies",
        ["tax_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "relays",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("epoch_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("claimant", sa.LargeBinary(), nullable=True),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind IN ('claim', 'release')) = (claimant IS NOT NULL)",
            name=op.f("relays_claimant_named_check"),
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (reason IS NOT NULL)", name=op.f("relays_refused_has_a_reason_check")
        ),
        sa.CheckConstraint(
            "(status IN ('done', 'refused')) = (settled_at IS NOT NULL)",
            name=op.f("relays_settled_has_a_time_check"),
        ),
        sa.CheckConstraint(
            "kind IN ('claim', 'release', 'lock', 'unlock', 'credit', 'credit_claimed')",
            name=op.f("relays_kind_known_check"),
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'sent', 'done', 'refused')", name=op.f("relays_status_known_check")
        ),
        sa.CheckConstraint("(claimant IS NULL) = (nonce IS NULL)", name=op.f("relays_nonce_named_check")),
        sa.CheckConstraint("octet_length(claimant) = 20", name=op.f("relays_claimant_length_check")),
        sa.CheckConstraint("octet_length(id) = 16", name=op.f("relays_id_length_check")),
        sa.ForeignKeyConstraint(["epoch_id"], ["epochs.id"], name=op.f("relays_epoch_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("relays_pkey")),
        sa.UniqueConstraint("seq", name=op.f("relays_seq_key")),
        comment="Calls of the contract that somebody asked for. claimant, nonce: of whoever signed the list.",
    )
    op.create_index(
        "relays_list_key",
        "relays",
        ["epoch_id", "claimant", "nonce"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'sent')"),
    )
    op.create_index(
        "relays_open_idx",
        "relays",
        ["seq"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'sent')"),
    )
    op.create_table(
        "relay_transactions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("epoch_id", sa.BigInteger(), nullable=False),
        sa.Column("relay_id", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("gas_price", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('mined', 'final')) = (block_number IS NOT NULL)",
            name=op.f("relay_transactions_block_where_mined_check"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'replaced', 'failed', 'mined', 'final')",
            name=op.f("relay_transactions_status_known_check"),
        ),
        sa.CheckConstraint(
            "octet_length(tx_hash) = 32", name=op.f("relay_transactions_tx_hash_length_check")
        ),
        sa.ForeignKeyConstraint(["epoch_id"], ["epochs.id"], name=op.f("relay_transactions_epoch_id_fkey")),
        sa.ForeignKeyConstraint(["relay_id"], ["relays.id"], name=op.f("relay_transactions_relay_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("relay_transactions_pkey")),
        sa.UniqueConstraint("epoch_id", "tx_hash", name=op.f("relay_transactions_epoch_id_tx_hash_key")),
        comment="Transactions of the relaying account, kept before they are sent.",
    )
    op.create_index(
        "relay_transactions_live_key",
        "relay_transactions",
        ["epoch_id", "nonce"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'mined', 'final')"),
    )
    op.create_index(op.f("relay_transactions_relay_id_idx"), "relay_transactions", ["relay_id"], unique=False)
    op.create_table(
        "chain_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("epoch_id", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("claimant", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(change = 'credited') = (note IS NOT NULL) AND (note IS NULL) = (whole IS NULL)",
            name=op.f("chain_events_note_told_check"),
        ),
        sa.CheckConstraint(
            "(change IN ('claimed', 'released')) = (claimant IS NOT NULL)",
            name=op.f("chain_events_claimant_told_check"),
        ),
        sa.CheckConstraint(
            "change IN ('claimed', 'released', 'locked', 'unlocked', 'credited')",
            name=op.f("chain_events_change_known_check"),
        ),
        sa.CheckConstraint(
            "(claimant IS NULL) = (body IS NULL) AND (body IS NULL) = (salt IS NULL) "
            "AND (body IS NULL) = (commitment IS NULL)",
            name=op.f("chain_events_claims_attested_check"),
        ),
        sa.CheckConstraint(
            "octet_length(block_hash) = 32", name=op.f("chain_events_block_hash_length_check")
        ),
        sa.CheckConstraint("octet_length(claimant) = 20", name=op.f("chain_events_claimant_length_check")),
        sa.CheckConstraint(
            "octet_length(commitment) = 32", name=op.f("chain_events_commitment_length_check")
        ),
        sa.CheckConstraint("octet_length(note) = 32", name=op.f("chain_events_note_length_check")),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("chain_events_salt_length_check")),
        sa.CheckConstraint("octet_length(tx_hash) = 32", name=op.f("chain_events_tx_hash_length_check")),
        sa.ForeignKeyConstraint(["epoch_id"], ["epochs.id"], name=op.f("chain_events_epoch_id_fkey")),
        sa.ForeignKeyConstraint(["number"], ["invoices.number"], name=op.f("chain_events_number_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("chain_events_pkey")),
        sa.UniqueConstraint("commitment", name=op.f("chain_events_commitment_key")),
        sa.UniqueConstraint(
            "epoch_id", "tx_hash", "place", name=op.f("chain_events_epoch_id_tx_hash_place_key")
        ),
        comment="Final events. place: among its transaction's, from 0. The id is its entry's fact.",
    )
    op.create_index(
        "chain_events_epoch_id_block_number_idx", "chain_events", ["epoch_id", "block_number"], unique=False
    )
    op.create_index(op.f("chain_events_number_idx"), "chain_events", ["number"], unique=False)
    op.create_table(
        "invoice_statuses",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimant", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "CASE state WHEN 'claimed' THEN claimant IS NOT NULL WHEN 'credited' THEN true "
            "ELSE claimant IS NULL END",
            name=op.f("invoice_statuses_claimant_known_check"),
        ),
        sa.CheckConstraint(
            "notes >= 0 AND (state <> 'credited' OR notes > 0)",
            name=op.f("invoice_statuses_notes_counted_check"),
        ),
        sa.CheckConstraint(
            "state IN ('free', 'claimed', 'locked', 'credited')",
            name=op.f("invoice_statuses_state_known_check"),
        ),
        sa.CheckConstraint(
            "octet_length(claimant) = 20", name=op.f("invoice_statuses_claimant_length_check")
        ),
        sa.ForeignKeyConstraint(["number"], ["invoices.number"], name=op.f("invoice_statuses_number_fkey")),
        sa.PrimaryKeyConstraint("number", name=op.f("invoice_statuses_pkey")),
        comment="What the final events amount to; a lapsed lock stays locked (domain/standing.py).",
    )
    op.create_table(
        "relay_items",
        sa.Column("relay_id", sa.LargeBinary(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["invoices.number"], name=op.f("relay_items_number_fkey")),
        sa.ForeignKeyConstraint(["relay_id"], ["relays.id"], name=op.f("relay_items_relay_id_fkey")),
        sa.PrimaryKeyConstraint("relay_id", "n", name=op.f("relay_items_pkey")),
        sa.UniqueConstraint("relay_id", "number", name=op.f("relay_items_relay_id_number_key")),
    )
    op.create_index(op.f("relay_items_number_idx"), "relay_items", ["number"], unique=False)
    op.add_column("epochs", sa.Column("opened_root", sa.LargeBinary()))
    op.add_column("epochs", sa.Column("opened_block", sa.BigInteger()))
    op.add_column("epochs", sa.Column("opened_tx", sa.LargeBinary()))
    op.add_column("epochs", sa.Column("read_block", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("epochs", sa.Column("read_hash", sa.LargeBinary()))
    # Every epoch before this began with an empty log; its events are read from the first block on.
    op.execute("UPDATE epochs SET opened_root = sha256('')")
    op.alter_column("epochs", "opened_root", nullable=False)
    op.alter_column("epochs", "read_block", server_default=None)
    for name in ("opened_root", "opened_tx", "read_hash"):
        op.create_check_constraint(
            op.f(f"epochs_{name}_length_check"), "epochs", f"octet_length({name}) = 32"
        )
    op.create_table_comment(
        "epochs",
        "Deployments of the contract. opened_…: its first head and block. read_…: events up to here.",
    )
    op.add_column("chain_health", sa.Column("events_detail", sa.Text(), nullable=False, server_default=""))
    # The same bytes may be signed again for a chain that was wiped.
    op.drop_constraint(op.f("submissions_tx_hash_key"), "submissions", type_="unique")
    op.create_unique_constraint(
        op.f("submissions_epoch_id_tx_hash_key"), "submissions", ["epoch_id", "tx_hash"]
    )
    op.execute("""
        CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE OR UPDATE OF id, epoch_id, tx_hash, place,
            number, change, claimant, note, whole, body, salt, commitment ON chain_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
