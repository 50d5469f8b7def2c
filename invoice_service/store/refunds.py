"""Refunds and credit notes: what may still go back of an order, what is on its way, and what went back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from invoice_service.domain.order import Order
from invoice_service.domain.refund import ASKS_CLAIMANT, OPEN, BackLine, RefundStatus, SoldLine
from invoice_service.domain.tax import rule_by_id
from invoice_service.store.refund_tables import credit_notes, refund_lines, refunds
from invoice_service.store.tables import invoice_sequence, order_lines, orders, payments, sales

_SOLD = text("""
    SELECT l.n, l.quantity AS sold_quantity, l.amount_fen AS sold_fen, l.returned_fen, l.returned_quantity,
           i.n AS invoice_n, i.amount_fen AS invoice_fen, coalesce(i.rule, s.line_rules[l.n + 1]) AS rule
    FROM order_lines AS l
    JOIN sales AS s ON s.order_id = l.order_id
    LEFT JOIN invoice_lines AS i ON i.number = :number AND i.order_line = l.n
    WHERE l.order_id = :order_id ORDER BY l.n
""")
_RETURN = (
    update(order_lines)
    .where(order_lines.c.order_id == bindparam("order"), order_lines.c.n == bindparam("line"))
    .values(
        returned_fen=order_lines.c.returned_fen + bindparam("more_fen"),
        returned_quantity=order_lines.c.returned_quantity + bindparam("more"),
    )
)


@dataclass(frozen=True, slots=True)
class Refund:
    id: UUID
    market_id: int
    vendor_id: int
    order_id: UUID
    payment_id: int
    paid_fen: int
    invoice_number: str | None
    status: RefundStatus
    reason: str
    amount_fen: int
    asked_by: int
    asked_at: datetime
    consent_until: datetime | None
    consent_epoch_id: int | None
    consent_deadline: int | None
    consent: bytes | None  # r and vs, 32 bytes each
    provider_asked_at: datetime | None
    paid_back_at: datetime | None


@dataclass(frozen=True, slots=True)
class CreditNote:
    """`body` is canonical bytes; `event_id` the contract's event that put it in force."""

    number: str
    refund_id: UUID
    invoice_number: str
    notes: int
    whole: bool
    body: bytes
    body_salt: bytes
    commitment: bytes
    total_fen: int
    issued_at: datetime
    event_id: int | None


_NOTES = select(*(credit_notes.c[name] for name in CreditNote.__dataclass_fields__))
_NOTES_OF = _NOTES.where(
    credit_notes.c.invoice_number == bindparam("number"), credit_notes.c.event_id.is_not(None)
).order_by(credit_notes.c.notes)


@dataclass(frozen=True, slots=True)
class Paid:
    """The payment that settled an order, and its sale: `sale` the commitment of its body."""

    payment_id: int
    provider: str
    sale: bytes
    taxpayer_kind: str


def sold_lines(connection: Connection, order: Order, invoice_number: str | None) -> dict[int, SoldLine]:
    """By their places in the order; those that went back before there was an invoice are left out of it."""
    rows = connection.execute(_SOLD, {"order_id": order.id, "number": invoice_number}).all()
    found = {row.n: _sold_line(row, order, invoice_number is not None) for row in rows}
    return {n: sold for n, sold in found.items() if sold is not None}


def _sold_line(row: Any, order: Order, is_invoiced: bool) -> SoldLine | None:
    """Of an invoice's line, what went back before there was one does not count."""
    line, rule = order.lines[row.n], rule_by_id(row.rule)
    if not is_invoiced:
        return SoldLine(row.n, line, rule, row.returned_fen, row.returned_quantity)
    if row.invoice_n is None:
        return None
    before_fen = row.sold_fen - row.invoice_fen
    line = replace(line, amount_fen=row.invoice_fen)
    return SoldLine(row.invoice_n, line, rule, row.returned_fen - before_fen, row.returned_quantity)


def paid(connection: Connection, order_id: UUID) -> Paid:
    query = (
        select(payments.c.id, payments.c.provider, sales.c.commitment, sales.c.taxpayer_kind)
        .join(sales, sales.c.payment_id == payments.c.id)
        .where(sales.c.order_id == order_id)
    )
    return Paid(*connection.execute(query).one())


def next_number(connection: Connection) -> int:
    """Invoices and credit notes draw from one series."""
    return connection.execute(select(invoice_sequence.next_value())).scalar_one()


def add(connection: Connection, values: Mapping[str, Any], parts: Iterable[BackLine]) -> None:
    connection.execute(insert(refunds), values)
    connection.execute(insert(refund_lines), [_line_values(values["id"], part) for part in parts])


def add_note(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(credit_notes), values)


def take_back(
    connection: Connection, order_id: UUID, parts: Iterable[tuple[int, Decimal | None, int]], *, sign: int = 1
) -> None:
    """Count what is on its way back of each line, given as (line, quantity, fen); with -1 it is not.

    The database refuses more than there is.
    """
    connection.execute(
        _RETURN,
        [
            {"order": order_id, "line": line, "more_fen": sign * fen, "more": sign * (quantity or 0)}
            for line, quantity, fen in parts
        ],
    )


def reduce_kept(connection: Connection, order_id: UUID, amount_fen: int) -> None:
    """What an invoice will be for; the database refuses it once there is one."""
    changed = update(sales).where(sales.c.order_id == order_id)
    connection.execute(changed.values(kept_fen=sales.c.kept_fen - amount_fen))


def left_fen(connection: Connection, order_id: UUID) -> int:
    """What of an order nobody has asked back."""
    left = func.sum(order_lines.c.amount_fen - order_lines.c.returned_fen)
    return int(connection.execute(select(left).where(order_lines.c.order_id == order_id)).scalar_one())


def by_id(connection: Connection, refund_id: UUID, *, lock: bool = False) -> Refund | None:
    query = _refunds().where(refunds.c.id == refund_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _refund(row)


def orders_of(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Of those ids that are refunds', the order that each is of."""
    query = select(refunds.c.id, refunds.c.order_id).where(refunds.c.id.in_(ids))
    return {row.id: row.order_id for row in connection.execute(query)}


def open_ones(connection: Connection, *, after: UUID | None, limit: int) -> Sequence[Refund]:
    """Those not over, in the order of their ids, which is the order in which they were asked for."""
    query = _refunds().where(refunds.c.status.in_([status.value for status in OPEN]))
    if after is not None:
        query = query.where(refunds.c.id > after)
    return [_refund(row) for row in connection.execute(query.order_by(refunds.c.id).limit(limit))]


def awaiting_consent(connection: Connection, numbers: Sequence[str]) -> dict[str, UUID]:
    """By invoice, the refund that waits for the word of the company that has claimed it, if one has."""
    waits = refunds.c.status.in_([status.value for status in ASKS_CLAIMANT])
    query = select(refunds.c.invoice_number, refunds.c.id).where(refunds.c.invoice_number.in_(numbers), waits)
    return {row.invoice_number: row.id for row in connection.execute(query)}


def under_way(order_id: Any) -> Any:
    """Whether a refund of an order is not over, as part of another statement."""
    is_open = refunds.c.status.in_([status.value for status in OPEN])
    return select(refunds.c.id).where(refunds.c.order_id == order_id, is_open).exists()


def is_open(connection: Connection, order_id: UUID) -> bool:
    return bool(connection.execute(select(under_way(order_id))).scalar())


def parts(connection: Connection, refund_id: UUID) -> Sequence[Any]:
    """(n, quantity, amount_fen, net_fen, tax_fen, rule) of each line."""
    query = select(
        refund_lines.c.n,
        refund_lines.c.quantity,
        refund_lines.c.amount_fen,
        refund_lines.c.net_fen,
        refund_lines.c.tax_fen,
        refund_lines.c.rule,
    )
    return connection.execute(query.where(refund_lines.c.refund_id == refund_id).order_by("n")).all()


def set_values(connection: Connection, refund: Refund, values: Mapping[str, Any]) -> None:
    """Of a row that this unit has locked."""
    connection.execute(update(refunds).where(refunds.c.id == refund.id).values(**values))


def out_trade_no(connection: Connection, order_id: UUID) -> str:
    return connection.execute(select(orders.c.out_trade_no).where(orders.c.id == order_id)).scalar_one()


def note_of(connection: Connection, refund_id: UUID) -> CreditNote | None:
    return _note(connection, credit_notes.c.refund_id == refund_id)


def note_by_commitment(connection: Connection, commitment: bytes) -> CreditNote | None:
    return _note(connection, credit_notes.c.commitment == commitment)


def notes_of(connection: Connection, invoice_number: str) -> Sequence[CreditNote]:
    """Those in force, oldest first."""
    return [CreditNote(*row) for row in connection.execute(_NOTES_OF, {"number": invoice_number})]


def has_note(
    connection: Connection, number: str, *, issued_from: datetime, issued_to: datetime, total_fen: int
) -> bool:
    """Whether a credit note in force has that number, that day [issued_from, issued_to) and that total."""
    query = select(credit_notes.c.number).where(
        credit_notes.c.number == number,
        credit_notes.c.issued_at >= issued_from,
        credit_notes.c.issued_at < issued_to,
        credit_notes.c.total_fen == total_fen,
        credit_notes.c.event_id.is_not(None),
    )
    return connection.execute(query).first() is not None


def put_in_force(connection: Connection, note: CreditNote, event_id: int) -> None:
    changed = update(credit_notes).where(credit_notes.c.number == note.number)
    connection.execute(changed.values(event_id=event_id))


def _note(connection: Connection, condition: Any) -> CreditNote | None:
    row = connection.execute(_NOTES.where(condition)).first()
    return None if row is None else CreditNote(*row)


def _refunds() -> Any:
    return select(*(refunds.c[name] for name in Refund.__dataclass_fields__))


def _refund(row: Any) -> Refund:
    found = Refund(*tuple(row))
    return replace(found, status=RefundStatus(found.status))


def _line_values(refund_id: UUID, part: BackLine) -> dict[str, Any]:
    return {
        "refund_id": refund_id,
        "n": part.line,
        "quantity": part.quantity,
        "amount_fen": part.amount_fen,
        "net_fen": part.net_fen,
        "tax_fen": part.tax_fen,
        "rule": part.sold.rule.id,
    }
