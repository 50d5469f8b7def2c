"""Accounts, who is signed in, what they did or looked at, and who may sell where and when."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import DATERANGE, INT4MULTIRANGE, UUID, ExcludeConstraint

from invoice_service.store.schema import bytes_long, instant, metadata, one_of, positive, text

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
    Index(
        "access_records_market_looks_idx", "market_id", "id", postgresql_where=sql("action = 'market.look'")
    ),
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
