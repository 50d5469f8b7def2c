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

    Deleting, never a watermark: a row with a lower id may commit after one with a higher id. The bound holds
    within this statement alone, which sees each row or does not. And a range is read in one go by any plan:
    PostgreSQL, which has often looked at an empty outbox, would look for each of a list of ids in all rows.
    """
    oldest = select(outbox.c.id).order_by(outbox.c.id).limit(limit).subquery()
    newest_of_them = select(func.max(oldest.c.id)).scalar_subquery()
    taken = delete(outbox).where(outbox.c.id <= newest_of_them).returning(outbox)
    return sorted((OutboxRow(*row) for row in connection.execute(taken)), key=lambda row: row.id)


def depth(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
