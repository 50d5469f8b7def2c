"""The outbox: a fact is written in the transaction that makes it true; the sequencer takes it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from invoice_service.ledger.entry import Kind
from invoice_service.store.tables import outbox

_INSERT = insert(outbox)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    kind: int
    fact: str
    entry: bytes
    signature: bytes


def add(connection: Connection, *, kind: Kind, fact: str, entry: bytes, signature: bytes) -> None:
    """`fact` names what is true, once per kind for ever: an order id, an invoice number."""
    connection.execute(_INSERT, {"kind": int(kind), "fact": fact, "entry": entry, "signature": signature})


def take(connection: Connection, *, limit: int) -> Sequence[OutboxRow]:
    """Remove the oldest rows that can be seen and answer them in id order.

    Deleting, never a watermark: a row with a lower id may commit after one with a higher id.
    """
    oldest = select(outbox.c.id).order_by(outbox.c.id).limit(limit).scalar_subquery()
    taken = delete(outbox).where(outbox.c.id.in_(oldest)).returning(outbox)
    return sorted((OutboxRow(*row) for row in connection.execute(taken)), key=lambda row: row.id)


def depth(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
