"""Accounts, who sells where and when, rollups"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("access_days_root_length_check")),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("access_days_salt_length_check")),
        sa.PrimaryKeyConstraint("day", name=op.f("access_days_pkey")),
        comment="The Merkle root over a day's access records; its commitment is the day's ACCESS_DAY entry.",
    )
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("failed_sign_ins_pkey")),
        comment="Wrong passwords, codes and PINs, counted within a window and then deleted.",
    )
    op.create_index("failed_sign_ins_address_at_idx", "failed_sign_ins", ["address", "at"], unique=False)
    op.create_index("failed_sign_ins_subject_at_idx", "failed_sign_ins", ["subject", "at"], unique=False)
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=True),
        sa.Column("market_id", sa.BigInteger(), nullable=True),
        sa.Column("vendor_id", sa.BigInteger(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("user_handle", sa.LargeBinary(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("pin_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role = 'officer') = (region IS NOT NULL)", name=op.f("accounts_region_scope_check")
        ),
        sa.CheckConstraint(
            "(role = 'vendor') = (login IS NULL)", name=op.f("accounts_login_at_a_desk_check")
        ),
        sa.CheckConstraint(
            "(role = 'vendor') = (vendor_id IS NOT NULL)", name=op.f("accounts_vendor_has_a_vendor_check")
        ),
        sa.CheckConstraint(
            "(role IN ('vendor', 'operator')) = (market_id IS NOT NULL)",
            name=op.f("accounts_market_scope_check"),
        ),
        sa.CheckConstraint("region ~ '^[0-9]{2,6}$'", name=op.f("accounts_region_digits_check")),
        sa.CheckConstraint(
            "role IN ('vendor', 'operator', 'officer', 'admin')", name=op.f("accounts_role_known_check")
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("accounts_market_id_vendor_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["market_id"], ["markets.id"], name=op.f("accounts_market_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pkey")),
        sa.UniqueConstraint("login", name=op.f("accounts_login_key")),
        sa.UniqueConstraint("user_handle", name=op.f("accounts_user_handle_key")),
        sa.UniqueConstraint("vendor_id", name=op.f("accounts_vendor_id_key")),
        comment="totp_secret is encrypted. region: leading digits of GB/T 2260, so 53 is Yunnan.",
    )
    op.create_index(op.f("accounts_market_id_idx"), "accounts", ["market_id"], unique=False)
    op.create_table(
        "authorisations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("days", postgresql.DATERANGE(), nullable=False),
        sa.Column("minutes", postgresql.INT4MULTIRANGE(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(stall_id, stall_id, '[]')"), "&&"),
            (sa.column("days"), "&&"),
            (sa.column("minutes"), "&&"),
            using="gist",
            name="authorisations_overlap_excl",
        ),
        sa.CheckConstraint(
            "NOT isempty(minutes) AND minutes <@ '{[0,10080)}'::int4multirange",
            name=op.f("authorisations_minutes_of_week_check"),
        ),
        sa.CheckConstraint(
            "NOT isempty(days) AND NOT lower_inf(days)", name=op.f("authorisations_days_begin_check")
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "stall_id"],
            ["stalls.market_id", "stalls.id"],
            name=op.f("authorisations_market_id_stall_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("authorisations_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("authorisations_pkey")),
        comment="Who sells at a stall when: days in Asia/Shanghai, minutes since Monday 00:00 there.",
    )
    op.create_index(op.f("authorisations_stall_id_idx"), "authorisations", ["stall_id"], unique=False)
    op.create_index(op.f("authorisations_vendor_id_idx"), "authorisations", ["vendor_id"], unique=False)
    op.create_table(
        "stall_codes",
        sa.Column("stall_id", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(replaced_at IS NULL) = (reason IS NULL)", name=op.f("stall_codes_replaced_for_a_reason_check")
        ),
        sa.CheckConstraint("serial > 0", name=op.f("stall_codes_serial_positive_check")),
        sa.ForeignKeyConstraint(["stall_id"], ["stalls.id"], name=op.f("stall_codes_stall_id_fkey")),
        sa.PrimaryKeyConstraint("stall_id", "serial", name=op.f("stall_codes_pkey")),
        comment="The codes ever printed for a stall. The signature on a code is derived, so it is not kept.",
    )
    op.create_index(
        "stall_codes_live_key",
        "stall_codes",
        ["stall_id"],
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_table(
        "vendor_goods_days",
        sa.Column("vendor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("tax_class", sa.Text(), nullable=False),
        sa.Column("taxpayer_kind", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["market_id", "stall_id"],
            ["stalls.market_id", "stalls.id"],
            name=op.f("vendor_goods_days_market_id_stall_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("vendor_goods_days_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "vendor_id",
            "day",
            "stall_id",
            "name_zh",
            "unit",
            "tax_class",
            "taxpayer_kind",
            "rule",
            name=op.f("vendor_goods_days_pkey"),
        ),
        comment="Rollup of sold lines by goods, kind of seller, tax rule and business day.",
    )
    op.create_index(
        "vendor_goods_days_market_id_day_idx", "vendor_goods_days", ["market_id", "day"], unique=False
    )
    op.create_table(
        "vendor_hours",
        sa.Column("vendor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stall_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("exempt_fen", sa.BigInteger(), nullable=False),
        sa.Column("taxable_net_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.Column("invoiced_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "hour = date_trunc('hour', hour, 'UTC')", name=op.f("vendor_hours_whole_hours_check")
        ),
        sa.CheckConstraint(
            "exempt_fen + taxable_net_fen + tax_fen = amount_fen",
            name=op.f("vendor_hours_parts_add_up_check"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "stall_id"],
            ["stalls.market_id", "stalls.id"],
            name=op.f("vendor_hours_market_id_stall_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("vendor_hours_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("vendor_id", "hour", "stall_id", name=op.f("vendor_hours_pkey")),
        comment="Rollup, written with each sale (at its paid_at) and each invoice (at its issued_at).",
    )
    op.create_index("vendor_hours_market_id_hour_idx", "vendor_hours", ["market_id", "hour"], unique=False)
    for span in ("day", "month"):
        _hold_sums_of(span)
    op.create_table(
        "access_records",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=True),
        sa.Column("vendor_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("blind", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("access_records_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("access_records_pkey")),
        comment="查阅记录: who did or looked at what. Rows are never changed; a trigger refuses it.",
    )
    op.create_index(op.f("access_records_day_idx"), "access_records", ["day"], unique=False)
    for whose in ("account_id", "market_id", "vendor_id"):
        op.create_index(f"access_records_{whose}_id_idx", "access_records", [whose, "id"], unique=False)
    op.create_index(
        "access_records_market_looks_idx",
        "access_records",
        ["market_id", "id"],
        postgresql_where=sa.text("action = 'market.look'"),
    )
    op.create_table(
        "day_closes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("recorded_fen", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stated_fen", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cash_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cash_fen >= 0", name=op.f("day_closes_cash_counted_check")),
        sa.ForeignKeyConstraint(["closed_by"], ["accounts.id"], name=op.f("day_closes_closed_by_fkey")),
        sa.ForeignKeyConstraint(
            ["market_id", "vendor_id"],
            ["vendors.market_id", "vendors.id"],
            name=op.f("day_closes_market_id_vendor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("day_closes_pkey")),
        comment="What a vendor counted at a day's end beside what was recorded. The last counts.",
    )
    op.create_index("day_closes_vendor_id_day_idx", "day_closes", ["vendor_id", "day"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("invited_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("invitations_token_hash_length_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("invitations_account_id_fkey")),
        sa.ForeignKeyConstraint(["invited_by"], ["accounts.id"], name=op.f("invitations_invited_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("invitations_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("invitations_token_hash_key")),
        comment="One-time links and QR codes: a vendor's binds a phone, anyone else's sets up a sign-in.",
    )
    op.create_index(op.f("invitations_account_id_idx"), "invitations", ["account_id"], unique=False)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("passkeys_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("passkeys_pkey")),
    )
    op.create_index(op.f("passkeys_account_id_idx"), "passkeys", ["account_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(code_hash) = 32", name=op.f("recovery_codes_code_hash_length_check")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("recovery_codes_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("recovery_codes_pkey")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("sessions_token_hash_length_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("sessions_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("sessions_token_hash_key")),
        comment="Who is signed in. confirmed_at: when they last proved again who they are.",
    )
    op.create_index(op.f("sessions_account_id_idx"), "sessions", ["account_id"], unique=False)
    _move_goods_and_defaults_to_vendors()
    _make_whoever_sold_there_the_authorised_one()
    _let_vendors_key_orders()
    _keep_access_records_as_they_are()
    _part_sales_by_tax()
    _count_what_was_sold()


def _move_goods_and_defaults_to_vendors() -> None:
    """Goods belong to who sells them, wherever that is; so does the class of plain amounts."""
    op.add_column("goods", sa.Column("vendor_id", sa.BigInteger()))
    op.execute("UPDATE goods SET vendor_id = s.vendor_id FROM stalls AS s WHERE s.id = goods.stall_id")
    op.execute("""
        UPDATE goods SET sku = sku || '-' || stall_id WHERE EXISTS (
            SELECT FROM goods AS g
            WHERE g.vendor_id = goods.vendor_id AND g.sku = goods.sku AND g.id < goods.id)
    """)
    op.drop_constraint("goods_stall_id_sku_key", "goods", type_="unique")
    op.drop_constraint("goods_market_id_stall_id_fkey", "goods", type_="foreignkey")
    op.drop_column("goods", "stall_id")
    op.alter_column("goods", "vendor_id", nullable=False)
    op.create_unique_constraint("goods_vendor_id_sku_key", "goods", ["vendor_id", "sku"])
    op.create_foreign_key(
        "goods_market_id_vendor_id_fkey", "goods", "vendors", ["market_id", "vendor_id"], ["market_id", "id"]
    )
    names = ("default_name_zh", "default_name_en", "default_tax_code", "default_tax_class")
    for name in ("tax_period", *names, "licence_no"):
        op.add_column("vendors", sa.Column(name, sa.Text()))
    op.add_column("vendors", sa.Column("licence_until", sa.Date()))
    op.execute("""
        UPDATE vendors SET tax_period = 'quarter', default_name_zh = '蔬菜', default_name_en = 'Vegetables',
                           default_tax_code = '1010112150000000000', default_tax_class = 'vegetable'
    """)
    op.execute("""
        UPDATE vendors SET default_name_zh = s.default_name_zh, default_name_en = s.default_name_en,
                           default_tax_code = s.default_tax_code, default_tax_class = s.default_tax_class
        FROM (SELECT DISTINCT ON (vendor_id) * FROM stalls ORDER BY vendor_id, id) AS s
        WHERE s.vendor_id = vendors.id
    """)
    for name in ("tax_period", *names):
        op.alter_column("vendors", name, nullable=False)
    for name in names:
        op.drop_column("stalls", name)
    op.create_check_constraint("tax_period_known", "vendors", "tax_period IN ('month', 'quarter')")
    op.create_check_constraint("default_tax_code_digits", "vendors", "default_tax_code ~ '^[0-9]{19}$'")
    op.create_table_comment(
        "vendors",
        "default_…: the goods class that a plain amount is sold under. licence_until: its last day.",
    )


def _make_whoever_sold_there_the_authorised_one() -> None:
    op.execute("""
        INSERT INTO authorisations (market_id, stall_id, vendor_id, days, minutes, created_at)
        SELECT market_id, id, vendor_id, daterange('2020-01-01', NULL), '{[0,10080)}', now() FROM stalls
    """)
    op.execute("INSERT INTO stall_codes (stall_id, serial, issued_at) SELECT id, 1, now() FROM stalls")
    op.drop_constraint("stalls_market_id_vendor_id_fkey", "stalls", type_="foreignkey")
    op.create_foreign_key("stalls_market_id_fkey", "stalls", "markets", ["market_id"], ["id"])
    op.drop_column("stalls", "vendor_id")
    op.create_check_constraint("code_printable", "stalls", "code ~ '^[A-Z0-9-]{1,20}$'")


def _let_vendors_key_orders() -> None:
    op.add_column("orders", sa.Column("keyed_by", sa.BigInteger()))
    op.add_column("orders", sa.Column("rounded_off_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.create_foreign_key("orders_keyed_by_fkey", "orders", "accounts", ["keyed_by"], ["id"])
    op.create_check_constraint(
        "rounded_by_a_vendor", "orders",
        "rounded_off_fen >= 0 AND (rounded_off_fen = 0 OR keyed_by IS NOT NULL)",
    )  # fmt: skip
    op.create_index("orders_vendor_id_id_idx", "orders", ["vendor_id", "id"])
    op.create_index(
        "orders_vendor_id_paid_at_idx", "orders", ["vendor_id", "paid_at", "id"],
        postgresql_where=sa.text("paid_at IS NOT NULL"),
    )  # fmt: skip
    op.create_index("invoices_vendor_id_issued_at_idx", "invoices", ["vendor_id", "issued_at", "number"])


def _keep_access_records_as_they_are() -> None:
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_records
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
    op.execute("""
        CREATE FUNCTION refuse_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM access_days WHERE day = NEW.day) THEN
                RAISE EXCEPTION 'the access record of % is closed', NEW.day
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER day_still_open BEFORE INSERT ON access_records
        FOR EACH ROW EXECUTE FUNCTION refuse_closed_day()
    """)


def _hold_sums_of(span: str) -> None:
    """What a market came to in its ended days, and in its ended months."""
    spans, sums = f"market_{span}s", f"market_{span}_sums"
    first_day = sa.CheckConstraint("extract(day FROM month) = 1", name=op.f("market_months_first_day_check"))
    op.create_table(
        spans,
        sa.Column("market_id", sa.BigInteger(), nullable=False),
        sa.Column(span, sa.Date(), nullable=False),
        sa.Column("is_summed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["market_id"], ["markets.id"], name=op.f(f"{spans}_market_id_fkey")),
        sa.PrimaryKeyConstraint("market_id", span, name=op.f(f"{spans}_pkey")),
        *([first_day] if span == "month" else []),
        comment=(f"Ended {span}s: whether {sums} holds what they came to, or a late fact reopened them."),
    )
    op.create_table(
        sums,
        sa.Column("market_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(span, sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("exempt_fen", sa.BigInteger(), nullable=False),
        sa.Column("taxable_net_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.Column("invoiced_fen", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.CheckConstraint(
            "by IN ('stall', 'vendor', 'hour', 'day', 'kind', 'goods', 'rule', 'vendor_rule')",
            name=op.f(f"{sums}_by_known_check"),
        ),
        sa.ForeignKeyConstraint(
            ["market_id", span],
            [f"{spans}.market_id", f"{spans}.{span}"],
            name=op.f(f"{sums}_market_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("market_id", "by", span, "key", "unit", name=op.f(f"{sums}_pkey")),
        comment=(
            "What an ended day came to in a market, by what `store.turnover` says."
            if span == "day"
            else "What an ended month came to in a market: the sums of its days."
        ),
    )


def _part_sales_by_tax() -> None:
    """By the rules of 2026, the only ones under which anything was sold before this migration."""
    parts = ("exempt_fen", "taxable_net_fen", "tax_fen")
    for name in parts:
        op.add_column("sales", sa.Column(name, sa.BigInteger()))
    op.add_column("sales", sa.Column("taxpayer_kind", sa.Text()))
    op.add_column("sales", sa.Column("line_rules", sa.ARRAY(sa.Text())))
    op.add_column("sales", sa.Column("line_tax_fen", sa.ARRAY(sa.BigInteger())))
    op.execute("""
        UPDATE sales SET exempt_fen = p.exempt, taxable_net_fen = p.net,
                         tax_fen = amount_fen - p.exempt - p.net, taxpayer_kind = p.taxpayer_kind,
                         line_rules = p.rules, line_tax_fen = p.taxes
        FROM (
            SELECT order_id, taxpayer_kind, sum(CASE WHEN rate = 0 THEN amount_fen ELSE 0 END) AS exempt,
                   sum(CASE WHEN rate = 0 THEN 0 ELSE net END) AS net, array_agg(rule ORDER BY n) AS rules,
                   array_agg((amount_fen - net)::bigint ORDER BY n) AS taxes
            FROM (
                SELECT ruled.*, round(amount_fen / (1 + rate)) AS net
                FROM (
                    SELECT judged.*, CASE rule WHEN 'small-scale-1' THEN 0.01 WHEN 'general-13' THEN 0.13
                                               WHEN 'agricultural-9' THEN 0.09 ELSE 0 END AS rate
                    FROM (
                        SELECT l.order_id, l.n, l.amount_fen, v.taxpayer_kind, CASE
                            WHEN v.self_produced AND l.tax_class <> 'processed_food' THEN 'self-produced'
                            WHEN l.tax_class = 'vegetable' THEN 'vegetables'
                            WHEN l.tax_class IN ('fresh_meat', 'fresh_egg') THEN 'fresh-meat-and-eggs'
                            WHEN v.taxpayer_kind <> 'general' THEN 'small-scale-1'
                            WHEN l.tax_class = 'processed_food' THEN 'general-13'
                            ELSE 'agricultural-9' END AS rule
                        FROM order_lines AS l
                        JOIN orders AS o ON o.id = l.order_id JOIN vendors AS v ON v.id = o.vendor_id
                    ) AS judged
                ) AS ruled
            ) AS rated GROUP BY order_id, taxpayer_kind
        ) AS p WHERE p.order_id = sales.order_id
    """)
    for name in (*parts, "taxpayer_kind", "line_rules", "line_tax_fen"):
        op.alter_column("sales", name, nullable=False)
    op.create_check_constraint("parts_add_up", "sales", "exempt_fen + taxable_net_fen + tax_fen = amount_fen")
    op.create_check_constraint("lines_match", "sales", "cardinality(line_rules) = cardinality(line_tax_fen)")
    op.create_table_comment(
        "sales",
        "The transaction attestation 交易鉴证 of each paid order, its parts by that day's tax rules. "
        "line_…: a value for each line of the order, the first for line 0.",
        existing_comment="The transaction attestation 交易鉴证 of each paid order.",
    )


def _count_what_was_sold() -> None:
    op.execute("""
        INSERT INTO vendor_hours (vendor_id, hour, stall_id, market_id, orders, amount_fen, exempt_fen,
                                  taxable_net_fen, tax_fen, invoices, invoiced_fen)
        SELECT vendor_id, hour, stall_id, market_id, sum(orders), sum(amount_fen), sum(exempt_fen),
               sum(taxable_net_fen), sum(tax_fen), sum(invoices), sum(invoiced_fen)
        FROM (SELECT o.vendor_id, date_trunc('hour', o.paid_at, 'UTC') AS hour, o.stall_id, o.market_id,
                     1 AS orders, s.amount_fen, s.exempt_fen, s.taxable_net_fen, s.tax_fen,
                     0 AS invoices, 0 AS invoiced_fen
              FROM sales AS s JOIN orders AS o ON o.id = s.order_id
              UNION ALL
              SELECT vendor_id, date_trunc('hour', issued_at, 'UTC'), stall_id, market_id,
                     0, 0, 0, 0, 0, 1, total_fen
              FROM invoices) AS facts
        GROUP BY vendor_id, hour, stall_id, market_id
    """)
    op.execute("""
        INSERT INTO vendor_goods_days (vendor_id, day, stall_id, name_zh, unit, tax_class, taxpayer_kind,
                                       rule, market_id, name_en, lines, quantity, amount_fen, tax_fen)
        SELECT o.vendor_id, (o.paid_at AT TIME ZONE 'Asia/Shanghai')::date, o.stall_id, l.name_zh, l.unit,
               l.tax_class, s.taxpayer_kind, s.line_rules[l.n + 1], o.market_id, max(l.name_en), count(*),
               sum(l.quantity), sum(l.amount_fen), sum(s.line_tax_fen[l.n + 1])
        FROM sales AS s
        JOIN orders AS o ON o.id = s.order_id
        JOIN order_lines AS l ON l.order_id = o.id
        GROUP BY o.vendor_id, 2, o.stall_id, l.name_zh, l.unit, l.tax_class, s.taxpayer_kind,
                 s.line_rules[l.n + 1], o.market_id
    """)
