"""Ask for a refund: what goes back is set aside at once, and the credit note is drawn up with it.

Nothing is paid back here. The request is kept, with every line's share counted as on its way, so that no
second one can take the same; then `flow.settle_refunds` takes it from step to step, however often it dies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from invoice_service.domain.access import Action
from invoice_service.domain.credit_note import credit_note_body
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day, invoice_number
from invoice_service.domain.order import Order
from invoice_service.domain.policy import Actor, OutOfScope, check_fresh, own_vendor
from invoice_service.domain.refund import (
    CONSENT_WITHIN,
    Back,
    BackLine,
    NothingLeft,
    Reason,
    RefundStatus,
    RefundUnderWay,
    SoldLine,
    back_lines,
    everything,
)
from invoice_service.domain.standing import Standing, State
from invoice_service.errors import N_, Error
from invoice_service.flow.access import note
from invoice_service.flow.once import once
from invoice_service.flow.order import time_ordered_id
from invoice_service.ledger import canonical
from invoice_service.ledger.entry import SALT_BYTES, body_commitment, commit_body
from invoice_service.services import Services
from invoice_service.store import invoices, orders, refunds, statuses
from invoice_service.store.invoices import StoredInvoice


class NothingPaid(Error):
    code = "refund.not_paid"
    message = N_("This order has not been paid, so there is nothing to pay back.")
    status = 409


@dataclass(frozen=True, slots=True)
class Asked:
    """`created` is False where the same Idempotency-Key had asked before."""

    id: UUID
    created: bool


def ask(
    services: Services,
    actor: Actor,
    order_id: UUID,
    wanted: Sequence[Back] | None,
    reason: Reason,
    *,
    idempotency_key: str,
) -> Asked:
    """A vendor pays back its own sale: these parts, or all that is left (None). Needs a fresh proof.

    Raises NotAllowed, ConfirmFirst, OutOfScope, NothingPaid, RefundUnderWay, BadRefund, NothingLeft,
    KeyReused.
    """
    market_id, vendor_id = own_vendor(actor)
    now = services.clock()
    check_fresh(actor, now)
    refund_id = time_ordered_id(now, services.random(10))
    with services.database.unit_of_work() as uow:
        order = orders.lock(uow.connection, order_id)
        if order is None or order.stall.vendor_id != vendor_id:
            raise OutOfScope
        request = [str(order_id), reason.value, _as_json(wanted)]
        scope = f"refund by {actor.account_id}"
        before = once(uow.connection, scope, idempotency_key, request, str(refund_id), now)
        if before is not None:
            return Asked(UUID(before), created=False)
        amount_fen = _keep(services, uow.connection, actor, order, refund_id, wanted, reason, now)
        note(
            uow.connection,
            actor,
            Action.REFUND_ASKED,
            now=now,
            market_id=market_id,
            vendor_id=vendor_id,
            subject=f"{order.stall.code} ¥{yuan(amount_fen)}",
        )
        uow.commit()
    return Asked(refund_id, created=True)


def _keep(
    services: Services,
    connection: Connection,
    actor: Actor,
    order: Order,
    refund_id: UUID,
    wanted: Sequence[Back] | None,
    reason: Reason,
    now: datetime,
) -> int:
    """What goes back, in fen."""
    if order.paid_at is None:
        raise NothingPaid
    if refunds.is_open(connection, order.id):
        raise RefundUnderWay
    invoice = invoices.by_order(connection, order.id)
    sold = refunds.sold_lines(connection, order, invoice.number if invoice else None)
    parts = _parts(wanted, sold)
    standing = statuses.standing(connection, invoice.number).now(now) if invoice else None
    values = _values(connection, order, parts, invoice, standing, now)
    values |= {"id": refund_id, "reason": reason.value, "asked_by": actor.account_id}
    refunds.add(connection, values, parts)
    refunds.take_back(connection, order.id, [(part.line, part.quantity, part.amount_fen) for part in parts])
    if invoice is None or standing is None:
        refunds.reduce_kept(connection, order.id, values["amount_fen"])
    else:
        is_whole = values["amount_fen"] == sum(line.left_fen for line in sold.values())
        drawn = draw_up(services, connection, invoice, parts, refund_id, reason, standing, is_whole, now)
        refunds.add_note(connection, drawn)
    return int(values["amount_fen"])


def _parts(wanted: Sequence[Back] | None, sold: Mapping[int, SoldLine]) -> tuple[BackLine, ...]:
    left_fen = sum(line.left_fen for line in sold.values())
    if left_fen == 0:
        raise NothingLeft(left_yuan=yuan(0))
    return back_lines(everything(sold) if wanted is None else wanted, sold)


def _values(
    connection: Connection,
    order: Order,
    parts: Sequence[BackLine],
    invoice: StoredInvoice | None,
    standing: Standing | None,
    now: datetime,
) -> dict[str, Any]:
    """The first step: an invoice has to be locked, or its claimant to agree, before money goes back."""
    paid = refunds.paid(connection, order.id)
    is_claimed = standing is not None and standing.state is State.CLAIMED
    status = RefundStatus.PAYING if invoice is None else RefundStatus.LOCKING
    return {
        "market_id": order.stall.market_id,
        "vendor_id": order.stall.vendor_id,
        "order_id": order.id,
        "payment_id": paid.payment_id,
        "paid_fen": order.amount_fen,
        "invoice_number": invoice.number if invoice else None,
        "status": (RefundStatus.CONSENT if is_claimed else status).value,
        "consent_until": now + CONSENT_WITHIN if is_claimed else None,
        "amount_fen": sum(part.amount_fen for part in parts),
        "asked_at": now,
    }


def draw_up(
    services: Services,
    connection: Connection,
    invoice: StoredInvoice,
    parts: Sequence[BackLine],
    refund_id: UUID,
    reason: Reason,
    standing: Standing,
    whole: bool,
    now: datetime,
) -> dict[str, Any]:
    """The credit note's columns. It takes its number from the series of the invoices."""
    sequence = refunds.next_number(connection)
    number = invoice_number(business_day(now), region=services.config.region_code, sequence=sequence)
    body = credit_note_body(
        canonical.decode(invoice.body),
        parts,
        number=number,
        original=body_commitment(invoice.body_salt, invoice.body).hex(),
        refund=str(refund_id),
        reason=reason,
        notes=standing.notes,
        whole=whole,
        issued_at=now,
    )
    salt = services.random(SALT_BYTES)
    data, commitment = commit_body(salt, body)
    return {
        "number": number,
        "refund_id": refund_id,
        "invoice_number": invoice.number,
        "notes": standing.notes,
        "whole": whole,
        "body": data,
        "body_salt": salt,
        "commitment": commitment,
        "net_fen": body["net_fen"],
        "tax_fen": body["tax_fen"],
        "total_fen": body["total_fen"],
        "issued_at": now,
    }


def _as_json(wanted: Sequence[Back] | None) -> object:
    if wanted is None:
        return None
    return [
        [back.line, None if back.quantity is None else decimal_text(back.quantity), back.amount_fen]
        for back in wanted
    ]
