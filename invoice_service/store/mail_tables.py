"""Mails that were asked for. An address stands here only until its mail is sent or given up."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Identity, Index, SmallInteger, Table
from sqlalchemy import text as sql

from invoice_service.store.schema import instant, metadata, one_of, text

mails = Table(
    "mails",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("number", ForeignKey("invoices.number"), nullable=False, index=True),
    text("address", nullable=True),
    text("mark"),
    text("state"),
    one_of("state", "waiting", "sent", "given_up"),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    instant("asked_at"),
    instant("next_try_at", nullable=True),
    instant("done_at", nullable=True),
    text("problem", nullable=True),
    CheckConstraint("(state = 'waiting') = (address IS NOT NULL)", name="address_while_it_waits"),
    CheckConstraint("(state = 'waiting') = (next_try_at IS NOT NULL)", name="tried_while_it_waits"),
    CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name="done_in_the_end"),
    CheckConstraint("length(address) <= 254", name="address_fits"),
    Index("mails_mark_idx", "mark"),
    Index("mails_next_try_at_idx", "next_try_at", postgresql_where=sql("state = 'waiting'")),
    comment="mark: an address and a day under a key of ours, to count by. problem: a word of ours.",
)
