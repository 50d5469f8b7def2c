"""Invoices: canonical bytes with an index around them, and the buyer on a page of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, LargeBinary, bindparam, insert, select

from invoice_service.store import allowances, refunds
from invoice_service.store.tables import (
    buyer_documents,
    invoice_lines,
    invoice_sequence,
    invoices,
    sales,
)

_INDEXED = (
    "number", "market_id", "order_id", "stall_id", "vendor_id", "token_hash", "body", "body_salt",
    "net_fen", "tax_fen", "total_fen", "issued_at", "claim_address", "claim_key",
)  # fmt: skip
_ADDED = insert(invoices).values({name: bindparam(name) for name in _INDEXED}).returning(invoices.c.number)
_ADDED_CTE = _ADDED.cte("added")
# The invoice and its buyer in one round trip; foreign keys are checked at the statement's end.
_INSERT = insert(buyer_documents).from_select(
    ["number", "document", "salt"],
    select(
        _ADDED_CTE.c.number, bindparam("buyer", type_=LargeBinary), bindparam("buyer_salt", type_=LargeBinary)
    ),
)
_INSERT_LINES = insert(invoice_lines)
_STORED = (
    select(
        invoices.c.number,
        invoices.c.order_id,
        invoices.c.stall_id,
        invoices.c.body,
        invoices.c.body_salt,
        invoices.c.total_fen,
        invoices.c.issued_at,
        buyer_documents.c.document.label("buyer"),
        buyer_documents.c.salt.label("buyer_salt"),
    )
    .join(buyer_documents, buyer_documents.c.number == invoices.c.number)
)  # fmt: skip
_BASIS = select(
    sales.c.commitment,
    sales.c.kept_fen,
    invoice_sequence.next_value(),
    allowances.has_one(bindparam("vendor_id")),
    refunds.under_way(bindparam("order_id")),
).where(sales.c.order_id == bindparam("order_id"))
_BY_ORDER = _STORED.where(invoices.c.order_id == bindparam("order_id"))
_BY_NUMBER = _STORED.where(invoices.c.number == bindparam("number"))
_CLAIM_KEYS = select(
    invoices.c.number,
    invoices.c.claim_address,
    invoices.c.claim_key,
    invoices.c.token_hash,
    buyer_documents.c.document,
).join(buyer_documents, buyer_documents.c.number == invoices.c.number)
_BY_TOKEN = _STORED.where(invoices.c.token_hash == bindparam("token_hash"))


@dataclass(frozen=True, slots=True)
class StoredInvoice:
    """`body` and `buyer` are canonical bytes; `buyer` and its salt are None once erased."""

    number: str
    order_id: UUID
    stall_id: int
    body: bytes
    body_salt: bytes
    total_fen: int
    issued_at: datetime
    buyer: bytes | None
    buyer_salt: bytes | None


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """What claiming an invoice hangs on: `sealed` is the claim key as the vault sealed it."""

    number: str
    claim_address: bytes
    sealed: bytes
    token_hash: bytes
    buyer: bytes | None


@dataclass(frozen=True, slots=True)
class Basis:
    """What an invoice is made from: the commitment of the order's sale, what of it was not paid back, a new
    sequence number, whether the vendor has a ceiling, and whether a refund of the order is not over.

    The sequence is unique, not gapless: a rolled back issue leaves its number unused.
    """

    sale: bytes
    kept_fen: int
    sequence: int
    has_ceiling: bool
    is_refund_under_way: bool


def basis(connection: Connection, order_id: UUID, vendor_id: int) -> Basis:
    return Basis(*connection.execute(_BASIS, {"order_id": order_id, "vendor_id": vendor_id}).one())


def add(
    connection: Connection,
    invoice: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    *,
    buyer: bytes,
    buyer_salt: bytes,
) -> None:
    connection.execute(_INSERT, {**invoice, "buyer": buyer, "buyer_salt": buyer_salt})
    connection.execute(_INSERT_LINES, lines)


def by_order(connection: Connection, order_id: UUID) -> StoredInvoice | None:
    return _one(connection, _BY_ORDER, {"order_id": order_id})


def by_number(connection: Connection, number: str) -> StoredInvoice | None:
    return _one(connection, _BY_NUMBER, {"number": number})


def by_token(connection: Connection, token_hash: bytes) -> StoredInvoice | None:
    return _one(connection, _BY_TOKEN, {"token_hash": token_hash})


def claim_key(connection: Connection, token_hash: bytes) -> ClaimKey | None:
    row = connection.execute(_CLAIM_KEYS.where(invoices.c.token_hash == token_hash)).first()
    return None if row is None else ClaimKey(*row)


def claim_keys(connection: Connection, numbers: Sequence[str], *, lock: bool = False) -> dict[str, ClaimKey]:
    """By number; one that is not there is left out."""
    query = _CLAIM_KEYS.where(invoices.c.number.in_(numbers))
    rows = connection.execute(query.with_for_update(of=invoices) if lock else query)
    return {row.number: ClaimKey(*row) for row in rows}


def has_facts(
    connection: Connection, number: str, *, issued_from: datetime, issued_to: datetime, total_fen: int
) -> bool:
    """Whether an invoice has that number, that day [issued_from, issued_to) and that total."""
    query = select(invoices.c.number).where(
        invoices.c.number == number,
        invoices.c.issued_at >= issued_from,
        invoices.c.issued_at < issued_to,
        invoices.c.total_fen == total_fen,
    )
    return connection.execute(query).first() is not None


def _one(connection: Connection, query: Any, parameters: dict[str, Any]) -> StoredInvoice | None:
    row = connection.execute(query, parameters).first()
    return None if row is None else StoredInvoice(*row)
