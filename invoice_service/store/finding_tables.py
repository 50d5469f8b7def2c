"""What the rules of supervision found, the cases that it became, and which days they were run over."""

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
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from invoice_service.domain.case import CaseState, Outcome, Step
from invoice_service.store.schema import instant, metadata, one_of, text

findings = Table(
    "findings",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    text("rule"),
    Column("market_id", ForeignKey("markets.id"), nullable=False),
    text("key"),
    Column("vendor_id", BigInteger),
    text("stall", nullable=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("figures", JSONB, nullable=False),
    Column("records", JSONB, nullable=False),
    Column("thresholds", JSONB, nullable=False),
    Column("rule_since", Date, nullable=False),
    instant("found_at"),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("last_seen", Date, nullable=False),
    text("state"),
    Column("assigned_to", ForeignKey("accounts.id")),
    text("outcome", nullable=True),
    one_of("state", *CaseState),
    one_of("outcome", *Outcome),
    CheckConstraint("(state = 'closed') = (outcome IS NOT NULL)", name="closed_with_an_outcome"),
    CheckConstraint("(state = 'assigned') <= (assigned_to IS NOT NULL)", name="assigned_to_somebody"),
    CheckConstraint("first_day <= last_day AND last_day <= last_seen", name="days_in_order"),
    ForeignKeyConstraint(["market_id", "vendor_id"], ["vendors.market_id", "vendors.id"]),
    UniqueConstraint("market_id", "rule", "key"),
    Index("findings_market_id_id_idx", "market_id", "id"),
    Index("findings_unclosed_idx", "market_id", "id", postgresql_where=sql("state <> 'closed'")),
    comment="times: on how many days it was found. thresholds and rule_since: of the rule as it was.",
)

case_steps = Table(
    "case_steps",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("finding_id", ForeignKey("findings.id"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    text("who"),
    text("step"),
    text("words"),
    text("outcome", nullable=True),
    instant("at"),
    one_of("step", *Step),
    one_of("outcome", *Outcome),
    CheckConstraint("(step = 'closed') = (outcome IS NOT NULL)", name="closed_with_an_outcome"),
    CheckConstraint("length(words) <= 1000", name="words_fit"),
    comment="Everything that officers did about a finding, never changed. who: as they were called then.",
)

rule_runs = Table(
    "rule_runs",
    metadata,
    Column("market_id", ForeignKey("markets.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    instant("ran_at"),
    Column("sales", Integer, nullable=False),
    Column("found", Integer, nullable=False),
    comment="Over which days of which markets the rules were run.",
)
